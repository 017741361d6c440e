"""The audit of the no-show study's source: train the runs, judge the claims, write the report."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.audit.no_show.figures import draw_epochs
from crossfold.pipelines.audit.no_show.nodes import judge_claims
from crossfold.pipelines.audit.no_show.training import train_runs
from crossfold.pipelines.audit.reporting.pipeline import create_report

_PROTOCOL = ["params:protocol", "params:faults", "params:seed"]


def create_pipeline() -> Pipeline:
    """Build the audit; the study's own predictions must have been made before."""
    train = Node(
        train_runs,
        ["appointments_raw", *_PROTOCOL],
        ["audit_predictions", "epochs"],
        name="train_runs",
    )
    draw = Node(draw_epochs, ["epochs", "params:protocol"], "figure_epochs", name="draw_epochs")
    judge = Node(
        judge_claims,
        ["audit_predictions", "epochs", "predictions", *_PROTOCOL],
        ["claims", "shares", "runs"],
        name="judge_claims",
    )
    protocol = Pipeline(
        [train, draw, judge],
        namespace="no_show.audit",
        inputs={"appointments_raw": "appointments_raw", "predictions": "no_show.predictions"},
        outputs={
            "claims": "no_show_audit_claims",
            "epochs": "no_show_audit.tables.epochs",
            "figure_epochs": "no_show_audit.figures.epochs",
            "audit_predictions": "no_show_audit.predictions",
            **{name: f"no_show_audit.{name}" for name in ("shares", "runs")},
        },
        parameters={
            "params:seed": "params:seed",
            **{f"params:{name}": f"params:no_show_audit.{name}" for name in ("protocol", "faults")},
        },
        tags=["audit"],
    )
    return protocol + create_report("no_show", further_figures=["epochs"])
