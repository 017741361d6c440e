"""Figures of the primer's report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crossfold.pipelines.primer.first_network import TRAIN, VALIDATION
from crossfold.reports import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PARTS = ((TRAIN, style.SECOND), (VALIDATION, style.MAIN))


def logistic_loss(steps: pd.DataFrame) -> Figure:
    """Draw the loss of every epoch."""
    figure, [axes] = style.new_figure(2.8)
    style.line(axes, steps["epoch"], steps["loss"], style.MAIN, "Loss")
    axes.set_xlabel("Epoch (full batch, 6 rows)")
    axes.set_ylabel("Loss (mean cross-entropy)")
    return figure


def growing_weights(longer: pd.DataFrame) -> Figure:
    """Draw the length of the weights and the loss over many epochs."""
    figure, panels = style.new_figure(4.8, 2, sharex=True)
    style.line(panels[0], longer["epoch"], longer["length"], style.MAIN, "")
    panels[0].set_ylabel("Length of the weights")
    style.line(panels[1], longer["epoch"], longer["loss"], style.SECOND, "")
    panels[1].set_ylabel("Loss (cross-entropy)")
    panels[1].set_yscale("log")
    panels[1].set_xscale("log")
    panels[1].set_xlabel("Epoch")
    return figure


def probabilities(comparison: pd.DataFrame) -> Figure:
    """Draw the probability of each row by hand, by crossfold and by scikit-learn."""
    figure, [axes] = style.new_figure(3.2)
    rows = [name for name in comparison.columns if name.startswith("row ")]
    for number, (_, own) in enumerate(comparison.iterrows()):
        places = np.arange(1, len(rows) + 1) + 0.14 * (number - 1)
        look = {**style.SERIES[number], "linestyle": "none", "markersize": 7}
        axes.plot(places, own[rows].to_numpy(dtype=float), label=str(own["source"]), **look)
    axes.axhline(0.5, color=style.GREY, linewidth=1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("Row of the table")
    axes.set_ylabel("Probability of label 1")
    style.legend_below(figure, axes, 3)
    return figure


def first_network(epochs: pd.DataFrame, points: pd.DataFrame) -> Figure:
    """Draw error and accuracy of both parts over epochs."""
    figure, panels = style.new_figure(4.8, 2, sharex=True)
    for part, look in _PARTS:
        label = f"{part.capitalize()}, n = {(points['part'] == part).sum()}"
        style.line(panels[0], epochs["epoch"], epochs[f"{part}_error"], look, label)
        style.line(panels[1], epochs["epoch"], epochs[f"{part}_accuracy"], look, label)
    panels[0].set_ylabel("Mean squared error")
    panels[0].set_ylim(bottom=0)
    panels[1].set_ylabel("Accuracy")
    style.percent_axis(panels[1].yaxis)
    panels[1].set_xlabel("Epoch (0: before training)")
    style.legend_below(figure, panels[0])
    return figure


def points(table: pd.DataFrame) -> Figure:
    """Draw the integer points, by label and part."""
    figure, [axes] = style.new_figure(4.0)
    looks = {0: (style.BLUE, "o"), 1: (style.VERMILLION, "^")}
    for (label, part), own in table.groupby(["label", "part"]):
        ink, marker = looks[int(label)]
        axes.plot(
            own["x"], own["y"], marker, color=ink, markersize=8,
            fillstyle="full" if part == TRAIN else "none",
            label=f"label {label}, {part}, n = {len(own)}",
        )  # fmt: skip
    axes.axvline(-0.5, color=style.GREY, linewidth=1)
    axes.set_xlabel("x")
    axes.set_ylabel("y")
    axes.set_aspect("equal")
    style.legend_below(figure, axes)
    return figure
