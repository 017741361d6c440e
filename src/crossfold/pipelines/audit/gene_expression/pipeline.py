"""The audit of the leukaemia study's source: train the runs, judge the claims, write the report."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.audit.gene_expression.figures import draw_figures
from crossfold.pipelines.audit.gene_expression.folds import cross_validate_runs
from crossfold.pipelines.audit.gene_expression.nodes import judge_claims
from crossfold.pipelines.audit.gene_expression.splits import train_splits
from crossfold.pipelines.audit.reporting.pipeline import create_report

SOURCE_FIGURES = ("classes", "splits", "folds")
_PROTOCOL = ["params:protocol", "params:faults", "params:seed"]


def create_pipeline() -> Pipeline:
    """Build the audit; the study's own tables must have been made before."""
    epochs = ["split_epochs", "fold_epochs"]
    nodes = [
        Node(train_splits, ["expression", *_PROTOCOL], "split_epochs", name="train_splits"),
        Node(
            cross_validate_runs,
            ["expression", *_PROTOCOL],
            "fold_epochs",
            name="cross_validate_runs",
        ),
        Node(
            draw_figures,
            ["expression", *epochs, "params:seed"],
            {name: f"figure_{name}" for name in SOURCE_FIGURES},
            name="draw_source_figures",
        ),
        Node(
            judge_claims,
            [*epochs, "predictions", "params:protocol", "params:printed", "params:seed"],
            ["claims", "shares", "runs"],
            name="judge_claims",
        ),
    ]
    audit = "gene_expression_audit"
    protocol = Pipeline(
        nodes,
        namespace="gene_expression.audit",
        inputs={
            "expression": "gene_expression.expression",
            "predictions": "gene_expression.predictions",
        },
        outputs={
            "claims": f"{audit}_claims",
            **{name: f"{audit}.tables.{name}" for name in epochs},
            **{f"figure_{name}": f"{audit}.figures.{name}" for name in SOURCE_FIGURES},
            **{name: f"{audit}.{name}" for name in ("shares", "runs")},
        },
        parameters={
            "params:seed": "params:seed",
            **{
                f"params:{name}": f"params:{audit}.{name}"
                for name in ("protocol", "faults", "printed")
            },
        },
        tags=["audit"],
    )
    return protocol + create_report("gene_expression", further_figures=SOURCE_FIGURES)
