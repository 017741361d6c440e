"""The audit of the leukaemia study's source: repeat it, judge its claims, write the page."""

from __future__ import annotations

from typing import Any

import pandas as pd
from kedro.pipeline import Node, Pipeline

from crossfold.pipelines.gene_expression.audit.faults import TABLES
from crossfold.pipelines.gene_expression.audit.figures import draw_figures
from crossfold.pipelines.gene_expression.audit.measures import Case, GeneExpressionClaims
from crossfold.pipelines.gene_expression.audit.training import (
    ProtocolParameters,
    repeat_source,
    run_of,
)
from crossfold.templates import audit
from crossfold.templates.audit.setups import PRINTED, REPORTED, RUN_COLUMNS, SOUND
from crossfold.validation import percentile_interval

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

    cases = {REPORTED: case_of(audit.Setup(claims.on)), SOUND: case_of(audit.Setup())}
    trained, of_source = protocol.network.max_iter, protocol.source_epochs
    shortened = f"Shortened: {trained} of {of_source} epochs." if trained < of_source else ""
    figures = own_split(claims, cases)
    return audit.judge(claims, case_of, shortened=shortened, figures=figures)


def own_split(claims: GeneExpressionClaims, cases: dict[str, Case]) -> pd.DataFrame:
    """List what the source printed of its three tables beside its own split here, draw 0.

    The intervals are the middle 95 % of all draws.
    """
    rows: list[tuple[Any, ...]] = []
    for table in TABLES:
        for metric, value in claims.printed[table].items():
            about = f"{table.replace('_', ' ')} table, the source's own split", metric
            rows.append((PRINTED, *about, value, *[float("nan")] * 4))
            for run, case in cases.items():
                values = case.last(table)[metric]
                interval = percentile_interval(values.to_numpy())
                rows.append((run, *about, values.iloc[0], *interval, len(values), float("nan")))
    return pd.DataFrame(rows, columns=list(RUN_COLUMNS))


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
