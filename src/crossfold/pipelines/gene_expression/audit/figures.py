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
    from crossfold.reports.charts import lines
    from crossfold.reports.style import figure_style

    def runs(subjects: tuple[str, ...], setup: Setup) -> pd.DataFrame:
        named = {one: run_of(setup, one, protocol).name for one in subjects}
        return epochs[epochs["run"] == epochs["subject"].map(named)]

    reported, sound = Setup(claims.on), Setup()
    looks: dict[str, Any] = {"series": "series", "panel": "panel", "share_y": False, "height": 2.2}
    with figure_style():
        return {
            "classes": _classes(expression, seed),
            "splits": lines(_of_splits(runs(faults.TABLES, reported)), "epoch", **looks),
            "folds": lines(
                pd.concat(
                    [
                        _of_folds(runs(faults.CROSS_VALIDATIONS, reported), "With all faults"),
                        _of_folds(runs(faults.CROSS_VALIDATIONS, sound), "Without the faults"),
                    ]
                ),
                "epoch",
                **looks,
            ),
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
    tables = []
    for measure, name in (("loss", "loss"), ("f1", "F1")):
        by_epoch = runs.groupby(["subject", "epoch"])[measure]
        ends = {"estimate": by_epoch.median(), "low": by_epoch.quantile(0.1)}
        spread = pd.DataFrame({**ends, "high": by_epoch.quantile(0.9)}).reset_index()
        own = runs[runs["fold"] == 0].rename(columns={measure: "estimate"})
        tables += [
            one.assign(series=series, measure=name)
            for one, series in ((own, "Its own split"), (spread, "All draws, middle 80 %"))
        ]
    own = runs[runs["fold"] == 0].rename(columns={"train_loss": "estimate"})
    tables.append(own.assign(series="Its own split, training", measure="loss"))
    return _panels(pd.concat(tables), ("loss", "F1"))


def _of_folds(runs: pd.DataFrame, series: str) -> pd.DataFrame:
    """Arrange the folds' mean loss and accuracy by epoch within a fold."""
    runs = runs.assign(accuracy=runs["right"] / runs["n"])
    long = runs.melt(["subject", "epoch"], ["loss", "accuracy"], "measure", "estimate")
    means = long.groupby(["subject", "measure", "epoch"])["estimate"].mean().reset_index()
    return _panels(means.assign(series=series), ("loss", "accuracy"))


def _panels(table: pd.DataFrame, measures: tuple[str, ...]) -> pd.DataFrame:
    """Name the panels, a row of them for each subject."""
    order = {pair: place for place, pair in enumerate((s, m) for s in NAMES for m in measures)}
    pairs = pd.MultiIndex.from_frame(table[["subject", "measure"]]).map(order.get)
    panel = table["subject"].map(NAMES) + ": " + table["measure"]
    return table.assign(panel=panel, place=pairs).sort_values("place", kind="stable")
