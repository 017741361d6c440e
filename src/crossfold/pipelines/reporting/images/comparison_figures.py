"""Figures that set two against each other: paired differences, frameworks in both regimes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crossfold.pipelines.reporting import style
from crossfold.pipelines.reporting.formatting import count, number
from crossfold.pipelines.reporting.images.labels import FRAMEWORKS, regime_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def drawn_differences(comparison: pd.DataFrame) -> pd.DataFrame:
    """Give the differences in accuracy that have an interval."""
    return comparison[(comparison["metric"] == "accuracy") & comparison["low"].notna()]


def paired_differences(comparison: pd.DataFrame) -> Figure:
    """Draw differences in test accuracy with intervals, a panel for each question."""
    drawn = drawn_differences(comparison)
    if drawn.empty:
        return style.empty_figure("This run compares no two models on the same images.")
    questions = list(drawn.groupby("question", sort=False))
    heights = [len(part) + 1.2 for _, part in questions]
    figure, panels = style.new_figure(
        0.34 * sum(heights) + 0.8, len(questions), sharex=True, height_ratios=heights
    )
    for axes, (question, part) in zip(panels, questions, strict=True):
        _difference_panel(axes, part)
        axes.set_title(question)
    panels[-1].set_xlabel("Difference in test accuracy, percentage points, 95 % interval")
    return figure


def _difference_panel(axes: Axes, part: pd.DataFrame) -> None:
    points = part.assign(**{name: 100 * part[name] for name in ("difference", "low", "high")})
    axes.axvline(0, color=style.GREY, linewidth=1)
    for place, (_, row) in enumerate(points.iterrows()):
        look = style.MAIN if pd.isna(row["seed"]) else style.SECOND
        axes.errorbar(
            row["difference"], place, xerr=style.errors(row.to_frame().T, "difference"),
            capsize=2, **{**look, "linestyle": "none"},
        )  # fmt: skip
    axes.set_yticks(range(len(points)), [_difference_label(row) for _, row in points.iterrows()])
    axes.set_ylim(len(points) - 0.5, -0.5)
    axes.xaxis.set_major_formatter(lambda value, _: number(value, 1))


def _difference_label(row: pd.Series) -> str:
    seed = row["test"] if pd.isna(row["seed"]) else f"Seed {row['seed']:g}"
    return f"{seed}, n = {count(row['n'])}"


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
    style.percent_axis(panels[0].xaxis, 1)
    _time_axis(panels[1], table["seconds"])
    style.legend_below(figure, panels[0])
    return figure


def _time_axis(axes: Axes, seconds: pd.Series) -> None:
    axes.set(
        xscale="log", xlabel="Training time in seconds, logarithmic",
        xlim=(seconds.min() / 1.6, seconds.max() * 3),
    )  # fmt: skip
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
