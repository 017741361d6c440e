"""Figures of the moons report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crossfold.pipelines.moons.nodes import NEW, TEST, TRAIN
from crossfold.pipelines.moons.variants import TORCH, variant_label
from crossfold.pipelines.reporting.moons.summary import draw_summary
from crossfold.reports import style
from crossfold.reports.words import count, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN_POINTS = 500
_MOONS = {
    0: {"color": style.BLUE, "marker": "o", "label": "Upper moon (0)"},
    1: {"color": style.VERMILLION, "marker": "^", "label": "Lower moon (1)"},
}


def points(table: pd.DataFrame) -> Figure:
    """Draw training points, and as many of the test points."""
    figure, panels = style.new_figure(5.6, 2, 1, sharex=True, sharey=True)
    for axes, part in zip(panels, (TRAIN, TEST), strict=True):
        own = table[table["part"] == part]
        _scatter(axes, own.head(SHOWN_POINTS), 14)
        shown = f", {SHOWN_POINTS} shown" if len(own) > SHOWN_POINTS else ""
        axes.set_title(f"{part.capitalize()}, n = {count(len(own))}{shown}")
        axes.set_ylabel("x₂")
    panels[-1].set_xlabel("x₁")
    style.legend_below(figure, panels[0])
    return figure


def boundary(table: pd.DataFrame, plane: pd.DataFrame, metrics_table: pd.DataFrame) -> Figure:
    """Draw probability as shading, the decision boundary, and the training points."""
    models = list(plane["model"].unique())
    n_alphas = len(models) // 2
    variants = [name for pair in zip(models[:n_alphas], models[n_alphas:]) for name in pair]
    figure, panels = style.new_figure(2.15 * n_alphas + 1.1, n_alphas, 2, sharex=True, sharey=True)
    train = table[table["part"] == TRAIN]
    own = metrics_table.query("protocol == @NEW and metric == 'accuracy'")
    tested = own.set_index("model")["estimate"]
    for axes, model in zip(panels, variants, strict=True):
        shading = _shade(axes, plane[plane["model"] == model])
        _scatter(axes, train, 5)
        axes.set_title(f"{variant_label(model)}\ntest: {percent(tested[model])}", fontsize=9.5)
        axes.grid(visible=False)
    for axes in panels[-2:]:
        axes.set_xlabel("x₁")
    for axes in panels[::2]:
        axes.set_ylabel("x₂")
    bar = figure.colorbar(shading, ax=panels, location="top", aspect=40, shrink=0.8, pad=0.02)
    bar.set_label("Probability of the lower moon")
    style.legend_below(figure, panels[0])
    return figure


def _shade(axes: Axes, own: pd.DataFrame) -> object:
    wide = own.pivot_table(index="x2", columns="x1", values="p1")
    x1, x2 = wide.columns.to_numpy(), wide.index.to_numpy()
    shading = axes.pcolormesh(x1, x2, wide, cmap="Greys", vmin=0, vmax=1, rasterized=True)
    axes.contour(x1, x2, wide, levels=[0.5], colors=style.GREEN, linewidths=2.2)
    return shading


def _scatter(axes: Axes, table: pd.DataFrame, size: float) -> None:
    for label, look in _MOONS.items():
        own = table[table["label"] == label]
        mark = {"color": look["color"], "marker": look["marker"]}
        axes.scatter(own["x1"], own["x2"], s=size, linewidths=0.4, edgecolors="white", **mark)
        axes.plot([], [], linestyle="none", markersize=6, **look)


def draws(table: pd.DataFrame, metrics_table: pd.DataFrame) -> Figure:
    """Draw the test accuracy of every variant over draws of the training points."""
    summary = draw_summary(metrics_table)
    figure, [axes] = style.new_figure(0.5 * len(summary) + 1.3)
    places = np.arange(len(summary))
    for place, row in zip(places, summary.itertuples(), strict=True):
        own = table[table["model"] == row.model]["accuracy"]
        label = "One draw" if place == 0 else None
        axes.plot(own, np.full(len(own), place + 0.2), "|", color=style.GREY, label=label)
    axes.errorbar(
        summary["estimate"], places - 0.1, xerr=style.errors(summary), capsize=3,
        label="Mean with 95 % interval", **{**style.MAIN, "linestyle": "none"},
    )  # fmt: skip
    style.shade_rows(axes, len(summary))
    axes.set_yticks(places, [variant_label(name) for name in summary["model"]])
    style.percent_axis(axes.xaxis, 1)
    axes.set_xlabel(f"Test accuracy ({summary['n'].max()} draws of the training points)")
    style.legend_below(figure, axes)
    return figure


def training_curves(history: pd.DataFrame) -> Figure:
    """Draw training and test loss over epochs, a panel for each variant."""
    own = history[~history["model"].astype("str").str.endswith(TORCH)]
    wide = own.pivot_table("value", ["model", "epoch"], "measure", observed=True).reset_index()
    variants = list(wide.groupby("model", sort=False, observed=True))
    n_rows = (len(variants) + 1) // 2
    figure, panels = style.new_figure(1.9 * n_rows + 0.9, n_rows, 2, sharex=True)
    for axes, (model, rows) in zip(panels, variants, strict=False):
        style.line(axes, rows["epoch"], rows["train_loss"], style.SECOND, "Training, with L2")
        style.line(axes, rows["epoch"], rows["validation_loss"], style.MAIN, "Test")
        axes.set_title(variant_label(str(model)), fontsize=9.5)
        axes.set_ylim(bottom=0)
    for axes in panels[len(variants) :]:
        axes.set_axis_off()
    for axes in panels[-2:]:
        axes.set_xlabel("Epoch")
    figure.supylabel("Loss (cross-entropy)", fontsize=11)
    style.legend_below(figure, panels[0])
    return figure


def twins(comparison: pd.DataFrame) -> Figure:
    """Draw the largest difference between the engines' probabilities of a point."""
    own = comparison[comparison["test"] == "largest difference of any row"]
    figure, [axes] = style.new_figure(0.36 * len(own) + 1)
    places = np.arange(len(own))
    axes.plot(
        own["difference"].clip(lower=np.finfo(float).eps), places,
        **{**style.MAIN, "linestyle": "none", "markersize": 7},
    )  # fmt: skip
    style.shade_rows(axes, len(own))
    axes.set_yticks(places, [variant_label(name) for name in own["model_a"]])
    axes.set_xscale("log")
    axes.set_xlim(1e-17, 1)
    axes.set_xlabel("Largest difference of probability,\nNumPy and PyTorch, over all points")
    return figure
