"""The audit of the no-show study's source: train the runs, time the libraries, judge the claims."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from crossfold.pipelines.no_show.audit.nodes import draw_epochs, judge_claims
from crossfold.pipelines.no_show.audit.training import time_twins, train_runs
from crossfold.templates import audit
from crossfold.templates.wiring import wire


def create_pipeline() -> Pipeline:
    """Build the audit; the study's own predictions must have been made before."""
    protocol, seed = ["params:protocol", "params:claims"], "params:seed"
    judged = ["audit_predictions", "speed", "predictions", *protocol, seed]
    nodes = wire(
        (train_runs, ["appointments_raw", *protocol, seed], ["audit_predictions", "epochs"]),
        # The epochs are not read: nothing may be trained beside what is timed.
        (time_twins, ["appointments_raw", "epochs", "params:protocol", seed], "speed"),
        (draw_epochs, ["epochs", *protocol], "figure_epochs"),
        (judge_claims, judged, ["claims", "shares", "runs"]),
    )
    return audit.create_pipeline(
        "no_show",
        nodes,
        inputs={"appointments_raw": "appointments_raw", "predictions": "no_show.predictions"},
        outputs={
            "audit_predictions": "no_show_audit.predictions",
            **{name: f"no_show_audit.tables.{name}" for name in ("epochs", "speed")},
        },
        parameters={"protocol": "no_show_audit.protocol"},
        figures=["epochs"],
    )
