"""The audit of the wine study's source: train, search, judge the claims, write the page."""

from __future__ import annotations

from kedro.pipeline import Pipeline

from crossfold.pipelines.wine.audit.nodes import judge_claims, search_grid, train_runs
from crossfold.templates import audit
from crossfold.templates.wiring import wire

_PROTOCOL = ["params:protocol", "params:claims", "params:seed"]


def create_pipeline() -> Pipeline:
    """Build the audit; the study's own predictions must have been made before."""
    judged = ["audit_predictions", "audit_grid", "predictions", *_PROTOCOL]
    return audit.create_pipeline(
        "wine",
        wire(
            (train_runs, ["wines", *_PROTOCOL], "audit_predictions"),
            (search_grid, ["wines", *_PROTOCOL], "audit_grid"),
            (judge_claims, judged, ["claims", "shares", "runs"]),
        ),
        inputs={"wines": "wines", "predictions": "wine.predictions"},
        outputs={
            "audit_predictions": "wine_audit.predictions",
            "audit_grid": "wine_audit.tables.grid",
        },
        parameters={"protocol": "wine_audit.protocol"},
    )
