"""Figures, tables and words of the moons study's page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from crossfold.pipelines.moons.nodes import DRAWS, LEARNT, NEW, TEST, TRAIN
from crossfold.pipelines.moons.variants import COORDINATES, QUADRATIC, TORCH, variant_label
from crossfold.reports import charts, style
from crossfold.reports.tables import widen
from crossfold.reports.words import count, fitting, percent
from crossfold.templates.cross_validation.nodes import Networks
from crossfold.templates.cross_validation.parameters import IntervalParameters
from crossfold.templates.wiring import by_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure
SHOWN_POINTS = 500
PROTOCOLS = {LEARNT: "points_learnt_from", NEW: "new_points", DRAWS: "mean_over_draws"}
_MOONS: dict[int, style.Look] = {
    0: {"color": style.BLUE, "marker": "o", "label": "Upper moon (0)"},
    1: {"color": style.VERMILLION, "marker": "^", "label": "Lower moon (1)"},
}


def variants(metrics_table: pd.DataFrame) -> pd.DataFrame:
    """Put the accuracies of each variant side by side."""
    table = metrics_table[metrics_table["metric"] == "accuracy"].replace({"protocol": PROTOCOLS})
    models = list(table.loc[table["protocol"] == PROTOCOLS[DRAWS], "model"])
    own = table[table["model"].isin(models)]
    wide = widen(own, "model", "protocol", list(PROTOCOLS.values())).set_index("model")
    return wide.loc[models].rename(index=variant_label).rename_axis("variant").reset_index()


def words(comparison: pd.DataFrame, model: Networks) -> dict[str, Any]:
    """Find what the page says of the reference variant, and of the twins in PyTorch."""
    rows = comparison[comparison["protocol"] == DRAWS].set_index("model_b")
    twins = comparison[comparison["protocol"] == NEW].groupby("metric", sort=False)
    reference = rows["model_a"].iloc[0]
    kind, _, alpha = reference.partition("_")
    reads_squares = kind == QUADRATIC
    features = rows.loc[f"{COORDINATES if reads_squares else QUADRATIC}_{alpha}"]
    gain = features["difference"] if reads_squares else -features["difference"]
    gap, apart = (part["difference"].max() for _, part in twins)
    return {
        "reference": reference,
        "features": {"verdict": features["verdict"], "n": features["n"], "difference": gain},
        "gap": fitting(gap),
        "apart": percent(apart),
        "drawn": variant_label(model[1]["models"][0]),
    }


def boundary(points: pd.DataFrame, plane: pd.DataFrame, metrics_table: pd.DataFrame) -> Figure:
    """Draw probability as shading, the decision boundary, and the training points."""
    models = list(plane["model"].unique())
    n_rows = len(models) // 2
    ordered = [name for pair in zip(models[:n_rows], models[n_rows:], strict=True) for name in pair]
    figure, panels = style.new_figure(2.15 * n_rows + 1.1, n_rows, 2, sharex=True, sharey=True)
    train = points[points["part"] == TRAIN]
    is_new = (metrics_table["protocol"] == NEW) & (metrics_table["metric"] == "accuracy")
    new = metrics_table[is_new].set_index("model")["estimate"]
    for axes, model in zip(panels, ordered, strict=True):
        shading = _shade(axes, plane[plane["model"] == model])
        _scatter(axes, train, 5)
        axes.set_title(f"{variant_label(model)}\n{percent(new[model])} of new points", fontsize=9.5)
        axes.grid(visible=False)
    for axes in panels[-2:]:
        axes.set_xlabel("x₁")
    for axes in panels[::2]:
        axes.set_ylabel("x₂")
    bar = figure.colorbar(shading, ax=panels, location="top", aspect=40, shrink=0.8, pad=0.02)
    bar.set_label("Probability of the lower moon")
    style.name_series(figure, panels[0])
    return figure


def _shade(axes: Axes, own: pd.DataFrame) -> QuadMesh:
    wide = own.pivot_table(index="x2", columns="x1", values="p1")
    x1, x2 = wide.columns.to_numpy(), wide.index.to_numpy()
    shading = axes.pcolormesh(x1, x2, wide, cmap="Greys", vmin=0, vmax=1, rasterized=True)
    axes.contour(x1, x2, wide, levels=[0.5], colors=style.GREEN, linewidths=2.2)
    return shading


def _scatter(axes: Axes, table: pd.DataFrame, size: float) -> None:
    for label, look in _MOONS.items():
        own = table[table["label"] == label]
        mark: style.Look = {"color": look["color"], "marker": look["marker"]}
        axes.scatter(own["x1"], own["x2"], s=size, linewidths=0.4, edgecolors="white", **mark)
        axes.plot([], [], linestyle="none", markersize=6, **look)


def draw_points(points: pd.DataFrame) -> Figure:
    """Draw training points, and as many of the test points."""
    figure, panels = style.new_figure(3.0, 1, 2, sharex=True, sharey=True)
    for axes, part in zip(panels, (TRAIN, TEST), strict=True):
        own = points[points["part"] == part]
        _scatter(axes, own.head(SHOWN_POINTS), 8)
        shown = f"{SHOWN_POINTS} of " if len(own) > SHOWN_POINTS else "n = "
        axes.set_title(f"{part.capitalize()}, {shown}{count(len(own))}")
        axes.set_xlabel("x₁")
    panels[0].set_ylabel("x₂")
    style.name_series(figure, panels[0])
    return figure


def draws(metrics_table: pd.DataFrame) -> Figure:
    """Draw the mean accuracy of every variant over draws of the training points."""
    own = metrics_table[metrics_table["protocol"] == DRAWS]
    names = {name: variant_label(name) for name in own["model"]}
    axis = f"Accuracy on new points, mean over {own['n'].max()} draws"
    return charts.estimates(own, "model", ["accuracy"], axis=axis, names=names, percent=True)


def training_curves(history: pd.DataFrame, metrics_table: pd.DataFrame) -> Figure:
    """Draw training and test loss over epochs, a panel for each variant."""
    table = charts.over_epochs(history, ["train_loss", "validation_loss"])
    order = list(metrics_table.loc[metrics_table["protocol"] == DRAWS, "model"])
    own = table[~table["model"].str.endswith(TORCH)].sort_values(
        "model", key=lambda names: names.map(order.index), kind="stable"
    )
    names = {name: variant_label(name) for name in order}
    said = {"train_loss": "Training points, with L2", "validation_loss": "New points"}
    return charts.lines(
        own.drop(columns=["low", "high"]), "epoch", series="measure", panel="model",
        names=names | said, y_axis="Loss", share_y=False, height=2.0,
    )  # fmt: skip


TYPES = {"evaluation": IntervalParameters}
TABLES = by_name(variants)
FIGURES = by_name(boundary, draws, draw_points, training_curves)
