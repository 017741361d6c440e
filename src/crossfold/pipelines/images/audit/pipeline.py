"""The audits of digits and fashion: train what the claims need, judge them, write the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.images.audit import nodes
from crossfold.templates import audit

_NODES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "digits": (nodes.train_digits, nodes.judge_digits),
    "fashion": (nodes.train_fashion, nodes.judge_fashion),
}
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
    train, judge = _NODES[study]
    trained = ["answers", "curves"]
    return audit.create_pipeline(
        study,
        [
            Node(
                train,
                ["images", "split", "params:experiments", "params:starts", *_PARAMETERS],
                trained,
                name="train_setups",
            ),
            Node(
                judge,
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
