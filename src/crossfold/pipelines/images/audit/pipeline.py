"""The audits of digits and fashion: train what the claims need, judge them, write the page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, get_type_hints

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.images.audit.nodes import judge_images
from crossfold.pipelines.images.audit.parameters import CLAIMS
from crossfold.pipelines.images.audit.training import train_setups
from crossfold.templates import audit

_PARAMETERS = ["params:protocol", "params:claims", "params:seed"]


def create_pipeline(study: str, source: str) -> Pipeline:
    """Build the audit of a study; the study's tables must have been made before.

    Parameters
    ----------
    study
        ``digits`` or ``fashion``.
    source
        Name of the source of images.
    """
    trained = ["answers", "curves"]
    return audit.create_pipeline(
        study,
        [
            Node(
                _of_study(train_setups, study),
                ["images", "split", "params:experiments", "params:starts", *_PARAMETERS],
                trained,
                name="train_setups",
            ),
            Node(
                _of_study(judge_images, study),
                [*trained, "predictions", "history", *_PARAMETERS],
                ["claims", "shares", "runs"],
                name="judge_claims",
            ),
        ],
        inputs={
            "images": f"{source}_images",
            **{name: f"{study}.{name}" for name in ("split", "predictions", "history")},
        },
        outputs={
            "answers": f"{study}_audit.predictions",
            "curves": f"{study}_audit.tables.curves",
        },
        parameters={
            "protocol": f"{study}_audit.protocol",
            **{name: f"{study}.{name}" for name in ("experiments", "starts")},
        },
    )


def _of_study(function: Callable[..., Any], study: str) -> Callable[..., Any]:
    """Say of which class a node's claims are: Kedro checks parameters by the types of arguments."""

    @wraps(function)
    def run(*inputs: Any) -> Any:
        return function(*inputs)

    run.__annotations__ = {**get_type_hints(function), "claims": CLAIMS[study]}
    return run
