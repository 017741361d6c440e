"""The audit of the wine study's source: train, search, judge the claims, write the page."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.wine.audit.nodes import judge_claims, search_grid, train_runs
from crossfold.templates import audit

_PROTOCOL = ["params:protocol", "params:claims", "params:seed"]


def create_pipeline() -> Pipeline:
    """Build the audit; the study's own predictions must have been made before."""
    return audit.create_pipeline(
        "wine",
        [
            Node(train_runs, ["wines", *_PROTOCOL], "audit_predictions", name="train_runs"),
            Node(search_grid, ["wines", *_PROTOCOL], "audit_grid", name="search_grid"),
            Node(
                judge_claims,
                ["audit_predictions", "audit_grid", "predictions", *_PROTOCOL],
                ["claims", "shares", "runs"],
                name="judge_claims",
            ),
        ],
        inputs={"wines": "wines", "predictions": "wine.predictions"},
        outputs={
            "audit_predictions": "wine_audit.predictions",
            "audit_grid": "wine_audit.tables.grid",
        },
        parameters={"protocol": "wine_audit.protocol"},
    )
