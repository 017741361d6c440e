"""Figures of the experiments: test accuracy, learning rates, training over epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crossfold.pipelines.reporting.images.experiment_tables import has_scores, tried_rates
from crossfold.pipelines.reporting.images.labels import (
    FRAMEWORKS,
    MEASURES,
    experiment_label,
    regime_label,
    setting,
    settings,
)
from crossfold.reports import style
from crossfold.reports.words import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCORES = ("validation_accuracy", "validation_precision", "validation_recall", "validation_f1")


def experiment_accuracy(summary: pd.DataFrame, metrics: pd.DataFrame) -> Figure:
    """Draw the test accuracy of every experiment, regimes and splits side by side.

    Where an experiment was trained from several seeds, each has a small mark beside their mean.
    """
    tested = summary[(summary["part"] == "test") & (summary["metric"] == "accuracy")]
    names = list(dict.fromkeys(tested["experiment"]))
    series = list(tested.groupby(["protocol", "regime"], sort=False))
    row_inches = max(0.42, 0.13 * len(series))
    figure, [axes] = style.new_figure(row_inches * len(names) + 1.3)
    for ((protocol, regime), part), offset, look in zip(
        series, _offsets(len(series)), cycle(style.SERIES), strict=False
    ):
        places = part["experiment"].map(names.index) + offset
        mark = {**look, "linestyle": "none"}
        bars = axes.errorbar(part["estimate"], places, xerr=style.errors(part), capsize=2, **mark)
        bars.set_label(f"{regime_label(regime, protocol)}, n = {count(part['n'].max())}")
        _seed_marks(axes, part.assign(place=places), metrics, look)
    axes.set_yticks(range(len(names)), _experiment_names(tested, names), fontsize=9)
    style.shade_rows(axes, len(names))
    axes.set_xlabel("Test accuracy, 95 % interval")
    style.percent_axis(axes.xaxis)
    _legend_once(figure, axes)
    return figure


def _seed_marks(axes: Axes, part: pd.DataFrame, metrics: pd.DataFrame, look: style.Look) -> None:
    """Mark each seed of the experiments that have several, a little below their mean."""
    of_seeds = metrics[
        metrics["scope"].str.startswith("member ") & (metrics["metric"] == "accuracy")
    ]
    several = part.loc[part["seeds"] > 1, ["model", "protocol", "place"]]
    seeds = several.merge(of_seeds, on=["model", "protocol"])
    mark = {**look, "linestyle": "none", "markersize": 3, "alpha": 0.6}
    axes.plot(seeds["estimate"], seeds["place"] + 0.2, **mark)


def _experiment_names(tested: pd.DataFrame, names: list[str]) -> list[str]:
    first = tested.drop_duplicates("experiment").set_index("experiment")
    return [
        f"{experiment_label(name)}: {first['layers'][name]}\n{settings(first.loc[name])}"
        for name in names
    ]


def _offsets(n_series: int) -> np.ndarray:
    """Spread points of one row so that none covers another, and rows stay apart."""
    reach = min(0.3, 0.12 * (n_series - 1))
    return np.linspace(-reach, reach, n_series)


def _legend_once(figure: Figure, axes: Axes) -> None:
    """Put one legend under the panels, each label in it once."""
    handles, labels = axes.get_legend_handles_labels()
    by_label = dict(zip(labels, handles, strict=True))
    figure.legend(by_label.values(), by_label.keys(), loc="outside lower center", ncols=2)


def learning_rate_choice(table: pd.DataFrame, experiment_table: pd.DataFrame) -> Figure:
    """Draw the validation accuracy of every experiment over the rates that were tried."""
    regimes = list(tried_rates(table).groupby("regime", sort=False))
    if not regimes:
        return style.empty_figure("One learning rate was given; there was nothing to choose.")
    named = experiment_table.drop_duplicates("experiment").set_index("experiment")
    activation = named["activation"]
    looks = dict(zip(dict.fromkeys(activation), cycle(style.SERIES)))
    figure, panels = style.new_figure(2.9 * len(regimes) + 0.5, len(regimes))
    for axes, (regime, part) in zip(panels, regimes, strict=True):
        for name, rates in part.groupby("experiment", sort=False):
            _rate_line(axes, rates.sort_values("learning_rate"), looks[activation[name]])
        n_experiments, epochs = part["experiment"].nunique(), int(part["epochs"].max())
        axes.set_title(f"{regime_label(regime)}: {n_experiments} experiments, {epochs} epochs each")
        axes.set(xscale="log", ylabel="Validation accuracy")
        axes.set_xticks(part["learning_rate"].unique(), minor=False)
        axes.set_xticks([], minor=True)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        style.percent_axis(axes.yaxis)
    panels[-1].set_xlabel("Learning rate")
    _rate_legend(figure, panels[0], looks)
    return figure


def _rate_legend(figure: Figure, axes: Axes, looks: Mapping[str, style.Look]) -> None:
    for name, look in looks.items():
        axes.plot([], [], label=setting(name), **look, fillstyle="none")
    axes.plot([], [], label="Filled: chosen", linestyle="none", marker="o", color=style.BLACK)
    style.legend_below(figure, axes)


def _rate_line(axes: Axes, rates: pd.DataFrame, look: style.Look) -> None:
    """Draw one experiment over its rates, the chosen rate as a filled mark."""
    x, y = rates["learning_rate"], rates["validation_accuracy"]
    axes.plot(x, y, **{**look, "linewidth": 1, "markersize": 3.5}, fillstyle="none", alpha=0.6)
    chosen = rates[rates["chosen"]]
    mark = {**look, "linestyle": "none", "markersize": 7}
    axes.plot(chosen["learning_rate"], chosen["validation_accuracy"], **mark)


def training_curves(epochs: pd.DataFrame, highlighted: Sequence[str]) -> Figure:
    """Draw loss and accuracy of the highlighted experiments over epochs, in every regime."""
    labels = {name: experiment_label(name) for name in highlighted}
    return _loss_and_accuracy(epochs, labels, style.SERIES)


def twin_training(epochs: pd.DataFrame) -> Figure:
    """Draw loss and accuracy of the twins over epochs, in every regime."""
    return _loss_and_accuracy(epochs, FRAMEWORKS, style.PAIR)


def _loss_and_accuracy(
    epochs: pd.DataFrame, labels: Mapping[str, str], looks: Sequence[style.Look]
) -> Figure:
    regimes = list(epochs.groupby("regime", sort=False))
    figure, panels = style.new_figure(5.2 * len(regimes) + 0.8, 2 * len(regimes))
    for place, (regime, part) in enumerate(regimes):
        loss, accuracy = panels[2 * place : 2 * place + 2]
        for (name, label), look in zip(labels.items(), cycle(looks)):
            one = part[part["series"] == name]
            _curve_pair(loss, one, ("train_loss", "validation_loss"), look, label)
            _curve_pair(accuracy, one, ("train_accuracy", "validation_accuracy"), look, label)
        _name_panels(loss, accuracy, regime_label(str(regime)))
    _legend_once(figure, panels[0])
    return figure


def _name_panels(loss: Axes, accuracy: Axes, regime: str) -> None:
    loss.set_yscale("log")
    style.plain_log_axis(loss.yaxis)
    style.percent_axis(accuracy.yaxis)
    for axes, measure in ((loss, "loss, logarithmic"), (accuracy, "accuracy")):
        axes.set_title(f"{regime}: {measure}")
        axes.set_xlabel("Epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)


def _curve_pair(
    axes: Axes, part: pd.DataFrame, measures: tuple[str, str], look: style.Look, label: str
) -> None:
    """Draw training as a thin line without marks, validation with marks and the seeds' range."""
    train, validation = (part[part["measure"] == measure] for measure in measures)
    axes.plot(
        train["epoch"], train["estimate"], color=look["color"], linewidth=1, linestyle=":",
        label=f"{label}, training",
    )  # fmt: skip
    style.band(axes, validation["epoch"], validation, look, f"{label}, validation")


def scores_over_epochs(epochs: pd.DataFrame, highlighted: Sequence[str], regime: str) -> Figure:
    """Draw accuracy, macro precision, recall and F1 on the validation images in one regime."""
    if not has_scores(epochs):
        return style.empty_figure("This run scored accuracy alone at each epoch.")
    epochs = epochs[epochs["regime"] == regime]
    figure, panels = style.new_figure(5.6, 2, 2, sharex=True, sharey=True)
    for axes, measure in zip(panels, SCORES, strict=True):
        for name, look in zip(highlighted, cycle(style.SERIES)):
            part = epochs[(epochs["series"] == name) & (epochs["measure"] == measure)]
            style.band(axes, part["epoch"], part, look, experiment_label(name))
        axes.set_title(MEASURES[measure])
        style.percent_axis(axes.yaxis)
    for axes in panels[2:]:
        axes.set_xlabel(f"Epoch, {regime_label(regime).lower()}")
    style.legend_below(figure, panels[0])
    return figure
