"""Figures that set two against each other: paired differences, frameworks in both regimes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crossfold.pipelines.reporting.images.labels import FRAMEWORKS, pair_label, regime_label
from crossfold.reports import style
from crossfold.reports.words import count, number

PAIR = ["model_a", "model_b"]
ENDS = ("difference", "low", "high")
TESTS = {
    "t over seeds": ("Mean over seeds, t interval", style.MAIN),
    "bootstrap over images": ("Over images, bootstrap interval", style.THIRD),
}
ONE_SEED = ("One seed, paired interval", style.SECOND)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def paired_differences(comparison: pd.DataFrame) -> Figure:
    """Draw differences in test accuracy with intervals: a panel a question, a row a pair."""
    drawn = drawn_differences(comparison)
    if drawn.empty:
        return style.empty_figure("This run compares no two models on the same images.")
    questions = list(drawn.groupby("question", sort=False))
    marks = int(drawn.groupby(["question", "model_a", "model_b"]).size().max())
    heights = [part.drop_duplicates(PAIR).shape[0] + 0.6 for _, part in questions]
    row_inches = max(0.5, 0.12 * marks)
    figure, panels = style.new_figure(
        row_inches * sum(heights) + 1, len(questions), sharex=True, height_ratios=heights
    )
    for axes, (question, part) in zip(panels, questions, strict=True):
        _question_panel(axes, part)
        axes.set_title(question)
    panels[-1].set_xlabel("Difference in test accuracy (percentage points)")
    panels[-1].xaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", "−"))
    _legend(figure, panels)
    return figure


def drawn_differences(comparison: pd.DataFrame) -> pd.DataFrame:
    """Give the differences in accuracy of each seed, over seeds and over images."""
    of_seed = comparison["test"].str.startswith("McNemar, ")
    drawn = comparison[comparison["test"].isin(TESTS) | of_seed]
    return drawn.dropna(subset=["low", "high"])


def _question_panel(axes: Axes, part: pd.DataFrame) -> None:
    axes.axvline(0, color=style.GREY, linewidth=1)
    pairs = list(part.groupby(PAIR, sort=False))
    for place, (_, rows) in enumerate(pairs):
        points = rows.assign(**{name: 100 * rows[name] for name in ENDS})
        reach = min(0.32, 0.07 * (len(points) - 1))
        for offset, (_, row) in zip(
            np.linspace(-reach, reach, len(points)), points.iterrows(), strict=True
        ):
            _difference(axes, row, place + offset)
    labels = [pair_label(a, b).replace(", ", ",\n").replace(" and ", "\nand ", 1)
              for (a, b), _ in pairs]  # fmt: skip
    axes.set_yticks(range(len(pairs)), labels, fontsize=8.5, linespacing=1)
    style.shade_rows(axes, len(pairs))


def _difference(axes: Axes, row: pd.Series, place: float) -> None:
    label, look = TESTS.get(row["test"], ONE_SEED)
    axes.errorbar(
        row["difference"], place, xerr=style.errors(row.to_frame().T, "difference"), label=label,
        capsize=2, **{**look, "linestyle": "none"},
    )  # fmt: skip


def _legend(figure: Figure, panels: Sequence[Axes]) -> None:
    handles = [axes.get_legend_handles_labels() for axes in panels]
    by_label = {label: one for marks, labels in handles
                for one, label in zip(marks, labels, strict=True)}  # fmt: skip
    figure.legend(by_label.values(), by_label.keys(), loc="outside lower center", ncols=1)


def twins(table: pd.DataFrame) -> Figure:
    """Draw test accuracy and training time of each framework in each regime."""
    if table.empty:
        return style.empty_figure("This study trains no twins.")
    regimes = list(dict.fromkeys(table["regime"]))
    figure, panels = style.new_figure(1.2 * len(regimes) + 3.2, 2)
    for (framework, part), look, offset in zip(
        table.groupby("framework", sort=False), style.SERIES, (-0.15, 0.15), strict=False
    ):
        places = part["regime"].map(regimes.index) + offset
        mark = {**look, "linestyle": "none", "label": FRAMEWORKS.get(framework, framework)}
        panels[0].errorbar(part["estimate"], places, xerr=style.errors(part), capsize=3, **mark)
        panels[1].plot(part["seconds"], places, **mark)
        for seconds, place in zip(part["seconds"], places, strict=True):
            panels[1].text(seconds, place, f"   {number(seconds, 1)} s", va="center", fontsize=9)
    for axes in panels:
        axes.set_yticks(range(len(regimes)), [regime_label(name) for name in regimes])
        axes.set_ylim(len(regimes) - 0.5, -0.5)
    panels[0].set_xlabel(f"Test accuracy, 95 % interval, n = {count(table['n'].max())}")
    panels[0].locator_params(axis="x", nbins=6)
    style.percent_axis(panels[0].xaxis, 1)
    _time_axis(panels[1], table["seconds"])
    style.legend_below(figure, panels[0])
    return figure


def _time_axis(axes: Axes, seconds: pd.Series) -> None:
    axes.set(
        xscale="log", xlabel="Training time in seconds, logarithmic",
        xlim=(seconds.min() / 1.6, seconds.max() * 3),
    )  # fmt: skip
    style.plain_log_axis(axes.xaxis)
