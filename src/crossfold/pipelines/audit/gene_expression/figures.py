"""The figures of the source, drawn from the runs of the audit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crossfold.pipelines.audit.gene_expression.faults import (
    DOWN_SAMPLED,
    ORIGINAL,
    SMOTE,
    TABLES,
    resample,
)
from crossfold.pipelines.audit.gene_expression.folds import CROSS_VALIDATIONS, PERMUTED
from crossfold.pipelines.audit.gene_expression.splits import patient_rows
from crossfold.pipelines.audit.runs import REPORTED, SOUND
from crossfold.templates.cross_validation.folds import K_FOLD, LEAVE_ONE_OUT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLES = {ORIGINAL: "As published", DOWN_SAMPLED: "Down-sampled", SMOTE: "SMOTE"}
FOLD_TITLES = {
    K_FOLD: "Ten-fold",
    LEAVE_ONE_OUT: "Leave-one-out",
    PERMUTED: "Ten-fold,\npermuted labels",
}
RUN_LABELS = {REPORTED: "With all faults", SOUND: "Without the faults"}


def draw_figures(
    expression: pd.DataFrame, split_epochs: pd.DataFrame, fold_epochs: pd.DataFrame, seed: int
) -> dict[str, Any]:
    """Draw the class counts, the curves of the split and those of the folds."""
    from crossfold.reports.style import figure_style

    with figure_style():
        return {
            "classes": classes(expression, seed),
            "splits": splits(split_epochs),
            "folds": folds(fold_epochs),
        }


def classes(expression: pd.DataFrame, seed: int) -> Any:
    """Draw the number of patients of each class in each table."""
    from crossfold.reports.style import BLUE, ORANGE, new_figure

    patients = patient_rows(expression)
    figure, panels = new_figure(2.6, 1, len(TABLES), sharey=True)
    for axes, table in zip(panels, TABLES, strict=True):
        counts = np.bincount(resample(patients, table, seed).aml, minlength=2)
        bars = axes.bar(["ALL", "AML"], counts, color=[BLUE, ORANGE], edgecolor="black")
        bars[1].set_hatch("//")
        axes.bar_label(bars, [f"{n}\n{n / counts.sum():.1%}".replace("%", " %") for n in counts])
        axes.set_title(f"{TITLES[table]}\nn = {counts.sum()}")
        axes.grid(axis="x", visible=False)
        axes.margins(y=0.25)
    panels[0].set_ylabel("Patients")
    return figure


def splits(history: pd.DataFrame) -> Any:
    """Draw loss and F1 of every draw over the epochs, with all faults."""
    from crossfold.reports.style import new_figure

    figure, panels = new_figure(5.0, 2, len(TABLES), sharex=True, sharey="row")
    for column, table in enumerate(TABLES):
        part = history[(history["run"] == REPORTED) & (history["table"] == table)]
        for axes, figure_name in zip(panels[column :: len(TABLES)], ("loss", "f1"), strict=True):
            _draws(axes, part.pivot_table(index="epoch", columns="draw", values=figure_name))
        panels[column].set_title(f"{TITLES[table]}\nn = {part['n'].iloc[0]}")
    _name_axes(panels, len(TABLES), "F1")
    return figure


def _draws(axes: Axes, by_draw: pd.DataFrame) -> None:
    from crossfold.reports.style import BLUE, GREY

    axes.plot(by_draw.index, by_draw, color=GREY, linewidth=0.6, alpha=0.6)
    axes.plot(by_draw.index, by_draw[0], color=BLUE, linewidth=2.2)


def folds(history: pd.DataFrame) -> Any:
    """Draw the folds' mean loss and accuracy over the epochs, with the faults and without."""
    from crossfold.reports.style import (
        MAIN,
        SECOND,
        legend_below,
        line,
        new_figure,
        percent_axis,
    )

    columns = len(CROSS_VALIDATIONS)
    figure, panels = new_figure(5.0, 2, columns, sharex="col", sharey="row")
    history = history.assign(accuracy=history["right"] / history["n"])
    for column, name in enumerate(CROSS_VALIDATIONS):
        for run, look in ((REPORTED, SECOND), (SOUND, MAIN)):
            part = history[(history["run"] == run) & (history["cross_validation"] == name)]
            means = part.groupby("epoch")[["loss", "accuracy"]].mean()
            for axes, metric in zip(panels[column::columns], means, strict=True):
                line(axes, means.index, means[metric], look, RUN_LABELS[run])
        panels[column].set_title(FOLD_TITLES[name], fontsize=10)
    _name_axes(panels, columns, "Accuracy")
    percent_axis(panels[columns].yaxis)
    legend_below(figure, panels[0])
    return figure


def _name_axes(panels: list[Axes], columns: int, metric: str) -> None:
    panels[0].set_ylabel("Loss")
    panels[columns].set_ylabel(metric)
    for axes in panels[columns:]:
        axes.set_xlabel("Epoch")
    panels[0].set_ylim(bottom=0)
    panels[columns].set_ylim(0, 1.03)
