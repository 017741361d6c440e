"""The audit of the leukaemia study's source: repeat it, draw its figures, judge its claims."""

from typing import Any

import numpy as np
import pandas as pd
from kedro.pipeline import Pipeline

from crossfold.pipelines.gene_expression.audit import training
from crossfold.pipelines.gene_expression.audit.measures import Case, GeneExpressionClaims, own_split
from crossfold.pipelines.gene_expression.audit.training import (
    ProtocolParameters,
    patient_rows,
    repeat_source,
    run_of,
)
from crossfold.pipelines.gene_expression.nodes import CLASSES
from crossfold.reports import charts, style
from crossfold.templates import audit
from crossfold.templates.audit import Setup

_TRAINED = "Its own split, training"


def judge_claims(
    epochs: pd.DataFrame,
    predictions: pd.DataFrame,
    claims: GeneExpressionClaims,
    protocol: ProtocolParameters,
    seed: int,
) -> audit.Tables:
    """Measure and judge every claim."""
    by_run = dict(list(epochs.groupby(["subject", "run"])))

    def case_of(setup: Setup) -> Case:
        def runs(subject: str) -> pd.DataFrame:
            return by_run[subject, run_of(setup, subject, protocol).name]

        is_study = setup == Setup()
        return Case(is_study, runs, predictions, protocol.n_resamples, seed)

    def named(table: str) -> str:
        return f"{table.replace('_', ' ')} table, the source's own split"

    figures = audit.beside_printed(claims, case_of, own_split, named)
    trained = protocol.network.max_iter, protocol.source_epochs
    return audit.judge(claims, case_of, epochs=trained, figures=figures)


def draw_source_figures(
    expression: pd.DataFrame,
    epochs: pd.DataFrame,
    claims: GeneExpressionClaims,
    protocol: ProtocolParameters,
    seed: int,
) -> list[Any]:
    """Draw the class counts, the curves of the split and those of the folds; matplotlib figures."""

    def runs(subjects: tuple[str, ...], setup: Setup) -> pd.DataFrame:
        named = {one: run_of(setup, one, protocol).name for one in subjects}
        return epochs[epochs["run"] == epochs["subject"].map(named)]

    reported = Setup(claims.on)
    splits = _of_splits(runs(training.TABLES, reported))
    folds = [
        _of_folds(runs(training.CROSS_VALIDATIONS, setup)).assign(series=series)
        for setup, series in ((reported, "With all faults"), (Setup(), "Without the faults"))
    ]
    with style.figure_style():
        return [
            _classes(expression, protocol, seed),
            _lines(splits, protocol, ("loss", "F1")),
            _lines(pd.concat(folds), protocol, ("loss", "accuracy")),
        ]


def _classes(expression: pd.DataFrame, protocol: ProtocolParameters, seed: int) -> Any:
    patients = patient_rows(expression)
    figure, panels = style.new_figure(2.6, 1, len(training.TABLES), sharey=True)
    for axes, table in zip(panels, training.TABLES, strict=True):
        counts = np.bincount(training.resample(patients, table, seed).aml, minlength=2)
        bars = axes.bar(CLASSES, counts, color=[style.BLUE, style.ORANGE], edgecolor="black")
        axes.bar_label(bars, [f"{n}\n{n / counts.sum():.1%}".replace("%", " %") for n in counts])
        axes.set_title(f"{protocol.names[table]}\nn = {counts.sum()}")
        axes.grid(axis="x", visible=False)
        axes.margins(y=0.25)
    panels[0].set_ylabel("Patients")
    return figure


def _of_splits(runs: pd.DataFrame) -> pd.DataFrame:
    """Arrange loss and F1 of the source's own split, and the middle 80 % of all draws."""
    own, tables = runs[runs["fold"] == 0], []
    for name, measure in {"loss": "loss", "f1": "F1"}.items():
        drawn = runs.groupby(["subject", "epoch"])[name]
        ends = {"low": drawn.quantile(0.1), "high": drawn.quantile(0.9)}
        spread = pd.DataFrame({"estimate": drawn.median(), **ends}).reset_index()
        tables += [
            own.assign(estimate=own[name], series="Its own split", measure=measure),
            spread.assign(series="All draws, middle 80 %", measure=measure),
            own.assign(estimate=own[f"train_{name}"], series=_TRAINED, measure=measure),
        ]
    return pd.concat(tables)


def _of_folds(runs: pd.DataFrame) -> pd.DataFrame:
    runs = runs.assign(accuracy=runs["right"] / runs["n"])
    long = runs.melt(["subject", "epoch"], ["loss", "accuracy"], "measure", "estimate")
    return long.groupby(["subject", "measure", "epoch"])["estimate"].mean().reset_index()


def _lines(table: pd.DataFrame, protocol: ProtocolParameters, measures: tuple[str, ...]) -> Any:
    names = protocol.names
    order = [f"{name}: {measure}" for name in names.values() for measure in measures]
    panel = pd.Categorical(table["subject"].map(names) + ": " + table["measure"], order)
    ordered = table.assign(panel=panel).sort_values("panel", kind="stable")
    return charts.lines(ordered, "epoch", series="series", panel="panel", share_y=False, height=2.2)


def create_pipeline() -> Pipeline:
    """Build the audit; the study's own tables must have been made before."""
    return audit.create_pipeline(
        GeneExpressionClaims,
        {
            repeat_source: "epochs",
            draw_source_figures: ["figure_classes", "figure_splits", "figure_folds"],
            judge_claims: audit.TABLES,
        },
        {name: f"gene_expression.{name}" for name in ("expression", "predictions")},
    )
