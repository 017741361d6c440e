"""The audit of the leukaemia study's source: repeat it, judge its claims, write the page."""

from __future__ import annotations

import pandas as pd
from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.gene_expression.audit.figures import draw_figures
from crossfold.pipelines.gene_expression.audit.measures import (
    Case,
    GeneExpressionClaims,
    own_split,
)
from crossfold.pipelines.gene_expression.audit.training import (
    ProtocolParameters,
    repeat_source,
    run_of,
)
from crossfold.templates import audit

FIGURES = ("classes", "splits", "folds")


def judge_claims(
    epochs: pd.DataFrame,
    predictions: pd.DataFrame,
    claims: GeneExpressionClaims,
    protocol: ProtocolParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Measure and judge every claim; see `crossfold.templates.audit.judge`."""
    by_run = dict(list(epochs.groupby(["subject", "run"])))

    def case_of(setup: audit.Setup) -> Case:
        def runs(subject: str) -> pd.DataFrame:
            return by_run[subject, run_of(setup, subject, protocol).name]

        return Case(setup, runs, predictions, protocol.n_resamples, seed)

    figures = audit.beside_printed(
        claims,
        case_of,
        own_split,
        lambda table: f"{table.replace('_', ' ')} table, the source's own split",
    )
    trained = protocol.network.max_iter, protocol.source_epochs
    return audit.judge(claims, case_of, epochs=trained, figures=figures)


def create_pipeline() -> Pipeline:
    """Build the audit; the study's own tables must have been made before."""
    given = ["params:claims", "params:protocol", "params:seed"]
    nodes = [
        Node(repeat_source, ["expression", *given], "epochs", name="repeat_source"),
        Node(
            draw_figures,
            ["expression", "epochs", *given],
            {name: f"figure_{name}" for name in FIGURES},
            name="draw_source_figures",
        ),
        Node(
            judge_claims,
            ["epochs", "predictions", *given],
            ["claims", "shares", "runs"],
            name="judge_claims",
        ),
    ]
    return audit.create_pipeline(
        "gene_expression",
        nodes,
        inputs={name: f"gene_expression.{name}" for name in ("expression", "predictions")},
        outputs={"epochs": "gene_expression_audit.tables.epochs"},
        parameters={"protocol": "gene_expression_audit.protocol"},
        figures=FIGURES,
    )
