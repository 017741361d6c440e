"""Figures by class: confusion maps, precision-recall curves, precision and recall."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crossfold.pipelines.reporting.images.labels import model_label
from crossfold.reports import style
from crossfold.reports.words import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_INCHES = 4.4
# Shares above this are drawn dark, so their text is white.
DARK = 0.55


def confusion_by_truth(table: pd.DataFrame, classes: Sequence[str]) -> Figure:
    """Draw where the images of each true class go: each row sums to 100 %."""
    return _confusion(table, classes, "share_of_truth", "% of the true class")


def confusion_by_prediction(table: pd.DataFrame, classes: Sequence[str]) -> Figure:
    """Draw where the images called each class come from: each column sums to 100 %."""
    return _confusion(table, classes, "share_of_prediction", "% of the predicted class")


def _confusion(table: pd.DataFrame, classes: Sequence[str], share: str, unit: str) -> Figure:
    models = list(table.groupby("model", sort=False))
    figure, panels = style.new_figure(PANEL_INCHES * len(models), len(models))
    for axes, (model, part) in zip(panels, models, strict=True):
        shares = part.pivot_table(index="target", columns="predicted", values=share).to_numpy()
        _heat_map(axes, shares, classes)
        axes.set_title(f"{model_label(model)}\nn = {count(part['n'].sum())}, {unit}")
    return figure


def _heat_map(axes: Axes, shares: np.ndarray, classes: Sequence[str]) -> None:
    """Draw shares as shades, with whole per cent printed where they are not zero."""
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        if round(100 * share):
            color = "white" if share > DARK else "black"
            text = f"{100 * share:.0f}"
            axes.text(column, row, text, ha="center", va="center", fontsize=9, color=color)
    places = range(len(classes))
    long_names = max(map(len, classes)) > 2
    axes.set_xticks(places, classes, rotation=90 if long_names else 0)
    axes.set_yticks(places, classes)
    axes.set(xlabel="Predicted class", ylabel="True class")
    axes.grid(visible=False)


def precision_recall(table: pd.DataFrame, classes: Sequence[str]) -> Figure:
    """Draw the precision-recall curve of each class, the models over each other."""
    n_rows = math.ceil(len(classes) / 2)
    figure, panels = style.new_figure(1.75 * n_rows + 1.2, n_rows, 2, sharex=True, sharey=True)
    models = list(dict.fromkeys(table["model"]))
    for axes, (label, name) in zip(panels, enumerate(classes), strict=False):
        for model, look in zip(models, cycle(style.SERIES)):
            part = table[(table["model"] == model) & (table["target"] == label)]
            style.line(axes, part["recall"], part["precision"], look, model_label(model))
        axes.set_title(name)
        axes.set(xlim=(0, 1), ylim=(0, 1.02))
    for axes in panels[len(classes) :]:
        axes.set_axis_off()
    for axes in panels[::2]:
        axes.set(ylabel="Precision", yticks=(0, 0.5, 1))
    for axes in panels[-2:]:
        axes.set_xlabel("Recall")
    style.legend_below(figure, panels[0])
    return figure


def class_scores(report: pd.DataFrame, classes: Sequence[str]) -> Figure:
    """Draw precision and recall of each class with Wilson intervals, by model."""
    figure, panels = style.new_figure(0.5 * len(classes) + 1.6, 1, 2, sharey=True, sharex=True)
    models = list(report.groupby("model", sort=False))
    offsets = np.linspace(-0.27, 0.27, len(models))
    for axes, rate in zip(panels, ("precision", "recall"), strict=True):
        for (model, part), look, offset in zip(models, cycle(style.SERIES), offsets):
            of_classes = part.set_index("class").reindex(list(classes))
            ends = {f"{rate}_low": "low", f"{rate}_high": "high"}
            xerr = style.errors(of_classes.rename(columns=ends), rate)
            mark = {**look, "linestyle": "none", "label": model_label(model)}
            axes.errorbar(
                of_classes[rate], np.arange(len(classes)) + offset, xerr=xerr, capsize=1.5, **mark
            )
        axes.set_title(rate.capitalize())
        style.percent_axis(axes.xaxis)
    panels[0].set_yticks(range(len(classes)), classes)
    for axes in panels:
        style.shade_rows(axes, len(classes))
    style.legend_below(figure, panels[0])
    return figure
