"""The figures of the source, drawn from the runs of the audit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crossfold.pipelines.gene_expression.audit import faults
from crossfold.pipelines.gene_expression.audit.measures import GeneExpressionClaims
from crossfold.pipelines.gene_expression.audit.training import (
    ProtocolParameters,
    patient_rows,
    run_of,
)
from crossfold.templates.audit import Setup
from crossfold.templates.cross_validation.folds import K_FOLD, LEAVE_ONE_OUT

NAMES = {
    faults.ORIGINAL: "As published",
    faults.DOWN_SAMPLED: "Down-sampled",
    faults.SMOTE: "SMOTE",
    K_FOLD: "Ten-fold",
    LEAVE_ONE_OUT: "Leave-one-out",
    faults.PERMUTED: "Permuted labels",
}


def draw_figures(
    expression: pd.DataFrame,
    epochs: pd.DataFrame,
    claims: GeneExpressionClaims,
    protocol: ProtocolParameters,
    seed: int,
) -> dict[str, Any]:
    """Draw the class counts, the curves of the split and those of the folds; matplotlib figures."""
    from crossfold.reports.style import figure_style

    def runs(subjects: tuple[str, ...], setup: Setup) -> pd.DataFrame:
        named = {one: run_of(setup, one, protocol).name for one in subjects}
        return epochs[epochs["run"] == epochs["subject"].map(named)]

    reported = Setup(claims.on)
    folds = [
        _of_folds(runs(faults.CROSS_VALIDATIONS, setup)).assign(series=series)
        for setup, series in ((reported, "With all faults"), (Setup(), "Without the faults"))
    ]
    with figure_style():
        return {
            "classes": _classes(expression, seed),
            "splits": _lines(_of_splits(runs(faults.TABLES, reported)), ("loss", "F1")),
            "folds": _lines(pd.concat(folds), ("loss", "accuracy")),
        }


def _classes(expression: pd.DataFrame, seed: int) -> Any:
    """Draw the number of patients of each class in each table."""
    from crossfold.reports.style import BLUE, ORANGE, new_figure

    patients = patient_rows(expression)
    figure, panels = new_figure(2.6, 1, len(faults.TABLES), sharey=True)
    for axes, table in zip(panels, faults.TABLES, strict=True):
        counts = np.bincount(faults.resample(patients, table, seed).aml, minlength=2)
        bars = axes.bar(["ALL", "AML"], counts, color=[BLUE, ORANGE], edgecolor="black")
        axes.bar_label(bars, [f"{n}\n{n / counts.sum():.1%}".replace("%", " %") for n in counts])
        axes.set_title(f"{NAMES[table]}\nn = {counts.sum()}")
        axes.grid(axis="x", visible=False)
        axes.margins(y=0.25)
    panels[0].set_ylabel("Patients")
    return figure


def _of_splits(runs: pd.DataFrame) -> pd.DataFrame:
    """Arrange loss and F1 of the source's own split, and the middle 80 % of all draws."""
    own, tables = runs[runs["fold"] == 0], []
    for column, measure in (("loss", "loss"), ("f1", "F1")):
        values = runs.groupby(["subject", "epoch"])[column]
        ends = {"low": values.quantile(0.1), "high": values.quantile(0.9)}
        spread = pd.DataFrame({"estimate": values.median(), **ends}).reset_index()
        tables += [
            own.assign(estimate=own[column], series="Its own split", measure=measure),
            spread.assign(series="All draws, middle 80 %", measure=measure),
        ]
    tables += [
        own.assign(estimate=own[column], series="Its own split, training", measure=measure)
        for column, measure in (("train_loss", "loss"), ("train_f1", "F1"))
    ]
    return pd.concat(tables)


def _of_folds(runs: pd.DataFrame) -> pd.DataFrame:
    """Arrange the folds' mean loss and accuracy by epoch within a fold."""
    runs = runs.assign(accuracy=runs["right"] / runs["n"])
    long = runs.melt(["subject", "epoch"], ["loss", "accuracy"], "measure", "estimate")
    return long.groupby(["subject", "measure", "epoch"])["estimate"].mean().reset_index()


def _lines(table: pd.DataFrame, measures: tuple[str, ...]) -> Any:
    """Draw a row of panels for each subject."""
    from crossfold.reports.charts import lines

    order = [f"{name}: {measure}" for name in NAMES.values() for measure in measures]
    panel = pd.Categorical(table["subject"].map(NAMES) + ": " + table["measure"], order)
    ordered = table.assign(panel=panel).sort_values("panel", kind="stable")
    looks: dict[str, Any] = {"series": "series", "panel": "panel", "share_y": False}
    return lines(ordered, "epoch", **looks, height=2.2)
