"""Figures of the experiments: test accuracy, learning rates, training over epochs."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crossfold.pipelines.reporting import style
from crossfold.pipelines.reporting.formatting import count
from crossfold.pipelines.reporting.images.labels import (
    MEASURES,
    experiment_label,
    regime_label,
    setting,
    settings,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCORES = ("validation_accuracy", "validation_precision", "validation_recall", "validation_f1")
MACRO = ("validation_precision", "validation_recall", "validation_f1")
LOSS, ACCURACY = ("train_loss", "validation_loss"), ("train_accuracy", "validation_accuracy")


def experiments(table: pd.DataFrame) -> Figure:
    """Draw the test accuracy of every experiment and seed, the regimes beside each other."""
    tested = table[(table["part"] == "test") & (table["metric"] == "accuracy")]
    names = list(dict.fromkeys(tested["experiment"]))
    series = list(tested.groupby(["regime", "seed"], sort=False))
    row_inches = max(0.42, 0.13 * len(series))
    figure, [axes] = style.new_figure(row_inches * len(names) + 1.3)
    looks = dict(zip(dict.fromkeys(tested["regime"]), cycle(style.SERIES)))
    for ((regime, _), part), offset in zip(series, _offsets(len(series)), strict=True):
        places = part["experiment"].map(names.index) + offset
        look = {**looks[regime], "linestyle": "none"}
        bars = axes.errorbar(part["estimate"], places, xerr=style.errors(part), capsize=2, **look)
        bars.set_label(f"{regime_label(regime)}, n = {count(part['n'].max())}")
    first = tested.drop_duplicates("experiment").set_index("experiment")
    labels = [f"{experiment_label(name)}: {first['layers'][name]}\n{settings(first.loc[name])}"
              for name in names]  # fmt: skip
    axes.set_yticks(range(len(names)), labels, fontsize=9)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("Test accuracy, 95 % interval")
    style.percent_axis(axes.xaxis)
    _legend_once(figure, axes)
    return figure


def _offsets(n_series: int) -> np.ndarray:
    """Spread points of one row so that none covers another."""
    return np.linspace(-0.28, 0.28, n_series) if n_series > 1 else np.zeros(1)


def _legend_once(figure: Figure, axes: Axes) -> None:
    """Put one legend under the panels, each label in it once."""
    handles, labels = axes.get_legend_handles_labels()
    by_label = dict(zip(labels, handles, strict=True))
    figure.legend(by_label.values(), by_label.keys(), loc="outside lower center", ncols=2)


def learning_rates(table: pd.DataFrame, experiment_table: pd.DataFrame) -> Figure:
    """Draw the validation accuracy of every experiment over the rates that were tried."""
    if not table.duplicated(["regime", "experiment"]).any():
        return style.empty_figure("One learning rate was given; there was nothing to choose.")
    activation = experiment_table.drop_duplicates("experiment").set_index("experiment")[
        "activation"
    ]
    looks = dict(zip(dict.fromkeys(activation), style.SERIES, strict=False))
    regimes = list(table.groupby("regime", sort=False))
    figure, panels = style.new_figure(2.9 * len(regimes) + 0.5, len(regimes))
    for axes, (regime, part) in zip(panels, regimes, strict=True):
        for name, rates in part.groupby("experiment", sort=False):
            _rate_line(axes, rates.sort_values("learning_rate"), looks[activation[name]])
        for name, look in looks.items():
            axes.plot([], [], label=f"{setting(name)}, filled: chosen", **look, fillstyle="none")
        axes.set(xscale="log", ylabel="Validation accuracy")
        style.percent_axis(axes.yaxis)
        n_experiments, epochs = part["experiment"].nunique(), int(part["epochs"].max())
        axes.set_title(f"{regime_label(regime)}: {n_experiments} experiments, {epochs} epochs each")
    panels[-1].set_xlabel("Learning rate")
    _legend_once(figure, panels[0])
    return figure


def _rate_line(axes: Axes, rates: pd.DataFrame, look: style.Look) -> None:
    """Draw one experiment over its rates, the chosen rate as a filled mark."""
    x, y = rates["learning_rate"], rates["validation_accuracy"]
    axes.plot(x, y, **{**look, "linewidth": 1, "markersize": 3.5}, fillstyle="none", alpha=0.6)
    chosen = rates[rates["chosen"]]
    mark = {**look, "linestyle": "none", "markersize": 7}
    axes.plot(chosen["learning_rate"], chosen["validation_accuracy"], **mark)


def training_curves(epochs: pd.DataFrame, highlighted: Mapping[str, str]) -> Figure:
    """Draw loss and accuracy of the highlighted experiments over epochs, in every regime."""
    regimes = list(dict.fromkeys(epochs["regime"]))
    figure, panels = style.new_figure(5.4 * len(regimes) + 0.8, 2 * len(regimes))
    for axes, (regime, measures) in zip(
        panels, [(regime, pair) for regime in regimes for pair in (LOSS, ACCURACY)], strict=True
    ):
        part = epochs[epochs["regime"] == regime]
        for name, look in zip(highlighted.values(), style.SERIES, strict=False):
            _curve_pair(axes, part[part["experiment"] == name], measures, look, name)
        axes.set_title(f"{regime_label(regime)}: {'loss' if measures is LOSS else 'accuracy'}")
        axes.set_xlabel("Epoch")
    for axes in panels[1::2]:
        style.percent_axis(axes.yaxis)
    for axes in panels[::2]:
        axes.set_yscale("log")
        _plain_log_axis(axes)
    _legend_once(figure, panels[0])
    return figure


def _curve_pair(
    axes: Axes, part: pd.DataFrame, measures: tuple[str, str], look: style.Look, name: str
) -> None:
    """Draw training as a thin line without marks, validation with marks and the seeds' range."""
    train, validation = (part[part["measure"] == measure] for measure in measures)
    label = experiment_label(name)
    axes.plot(
        train["epoch"], train["estimate"], color=look["color"], linewidth=1, linestyle=":",
        label=f"{label}, training",
    )  # fmt: skip
    style.band(axes, validation["epoch"], validation, look, f"{label}, validation")


def _plain_log_axis(axes: Axes) -> None:
    """Print a logarithmic axis in plain numbers, also within one decade."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def scores_over_epochs(epochs: pd.DataFrame, highlighted: Mapping[str, str]) -> Figure:
    """Draw accuracy, macro precision, recall and F1 on the validation images over epochs."""
    if not has_scores(epochs):
        return style.empty_figure("This run scored accuracy alone at each epoch.")
    figure, panels = style.new_figure(5.6, 2, 2, sharex=True, sharey=True)
    for axes, measure in zip(panels, SCORES, strict=True):
        for name, look in zip(highlighted.values(), style.SERIES, strict=False):
            chosen = (epochs["experiment"] == name) & (epochs["measure"] == measure)
            part = epochs[chosen]
            style.band(axes, part["epoch"], part, look, experiment_label(name))
        axes.set_title(MEASURES[measure])
        style.percent_axis(axes.yaxis)
    for axes in panels[2:]:
        axes.set_xlabel("Epoch")
    style.legend_below(figure, panels[0])
    return figure


def has_scores(epochs: pd.DataFrame) -> bool:
    """Tell whether the run scored more than accuracy at each epoch."""
    return bool(epochs["measure"].isin(MACRO).any())
