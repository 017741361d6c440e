"""The audit template of image studies: train the runs, judge the claims, write the report."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.audit.images.nodes import judge_claims
from crossfold.pipelines.audit.images.training import train_runs
from crossfold.pipelines.audit.reporting.pipeline import create_report

_FROM_STUDY = ("split", "experiments", "history")
_PROTOCOL = ["params:protocol", "params:faults", "params:unstated"]


def create_pipeline(study: str, source: str) -> Pipeline:
    """Build the audit of a study.

    Parameters
    ----------
    study
        Name of the study; its tables must have been made before.
    source
        Name of the source of images.
    """
    audit = f"{study}_audit"
    train = Node(
        train_runs,
        ["images", "split", "params:experiments", "params:starts", *_PROTOCOL, "params:seed"],
        ["trained_runs", "predictions"],
        name="train_runs",
    )
    judge = Node(
        judge_claims,
        [
            "trained_runs",
            "predictions",
            "split",
            "experiments",
            "history",
            "study_predictions",
            *_PROTOCOL,
            "params:printed",
            "params:seed",
        ],
        ["claims", "shares", "runs"],
        name="judge_claims",
    )
    own = ("protocol", "faults", "unstated", "printed")
    protocol = Pipeline(
        [train, judge],
        namespace=f"{study}.audit",
        inputs={
            "images": f"{source}_images",
            "study_predictions": f"{study}.predictions",
            **{name: f"{study}.{name}" for name in _FROM_STUDY},
        },
        outputs={
            "claims": f"{audit}_claims",
            "trained_runs": f"{audit}.tables.trained_runs",
            **{name: f"{audit}.{name}" for name in ("predictions", "shares", "runs")},
        },
        parameters={
            "params:seed": "params:seed",
            **{f"params:{name}": f"params:{study}.{name}" for name in ("experiments", "starts")},
            **{f"params:{name}": f"params:{audit}.{name}" for name in own},
        },
        tags=["audit"],
    )
    return protocol + create_report(study)
