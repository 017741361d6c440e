"""The audit of the wine study's source: train, search, judge the claims, write the report."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.audit.reporting.pipeline import create_report
from crossfold.pipelines.audit.wine.nodes import judge_claims
from crossfold.pipelines.audit.wine.search import search_grid
from crossfold.pipelines.audit.wine.training import train_runs

_PROTOCOL = ["params:protocol", "params:faults"]
_OWN = ("protocol", "faults", "printed")


def create_pipeline() -> Pipeline:
    """Build the audit; the study's own predictions must have been made before."""
    train = Node(
        train_runs,
        ["wines", *_PROTOCOL, "params:seed"],
        "audit_predictions",
        name="train_runs",
    )
    search = Node(
        search_grid, ["wines", *_PROTOCOL, "params:seed"], "audit_grid", name="search_grid"
    )
    answers = ["audit_predictions", "audit_grid", "predictions"]
    judge = Node(
        judge_claims,
        [*answers, *_PROTOCOL, "params:printed", "params:seed"],
        ["claims", "shares", "runs"],
        name="judge_claims",
    )
    protocol = Pipeline(
        [train, search, judge],
        namespace="wine.audit",
        inputs={"wines": "wines", "predictions": "wine.predictions"},
        outputs={
            "claims": "wine_audit_claims",
            "audit_predictions": "wine_audit.predictions",
            "audit_grid": "wine_audit.tables.grid",
            **{name: f"wine_audit.{name}" for name in ("shares", "runs")},
        },
        parameters={
            "params:seed": "params:seed",
            **{f"params:{name}": f"params:wine_audit.{name}" for name in _OWN},
        },
        tags=["audit"],
    )
    return protocol + create_report("wine")
