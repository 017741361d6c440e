"""The audit of the no-show study's source: train the runs, time the libraries, judge the claims."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.no_show.audit.nodes import draw_epochs, judge_claims
from crossfold.pipelines.no_show.audit.training import time_twins, train_runs
from crossfold.templates import audit

_PROTOCOL = ["params:protocol", "params:claims"]


def create_pipeline() -> Pipeline:
    """Build the audit; the study's own predictions must have been made before."""
    train = Node(
        train_runs,
        ["appointments_raw", *_PROTOCOL, "params:seed"],
        ["audit_predictions", "epochs"],
        name="train_runs",
    )
    time = Node(
        time_twins,
        # The epochs are not read: nothing may be trained beside what is timed.
        ["appointments_raw", "epochs", "params:protocol", "params:seed"],
        "speed",
        name="time_twins",
    )
    draw = Node(draw_epochs, ["epochs", *_PROTOCOL], "figure_epochs", name="draw_epochs")
    judge = Node(
        judge_claims,
        ["audit_predictions", "speed", "predictions", *_PROTOCOL, "params:seed"],
        ["claims", "shares", "runs"],
        name="judge_claims",
    )
    return audit.create_pipeline(
        "no_show",
        [train, time, draw, judge],
        inputs={"appointments_raw": "appointments_raw", "predictions": "no_show.predictions"},
        outputs={
            "audit_predictions": "no_show_audit.predictions",
            **{name: f"no_show_audit.tables.{name}" for name in ("epochs", "speed")},
        },
        parameters={"protocol": "no_show_audit.protocol"},
        figures=["epochs"],
    )
