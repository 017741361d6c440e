"""The figure about changed data: rates of the label, and how far each feature has shifted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crossfold.refreshing.drift_table import FEATURE, RATE, ROWS, Drift
from crossfold.reports.style import (
    BLACK,
    BLUE,
    GREY,
    MAIN,
    ORANGE,
    SECOND,
    VERMILLION,
    figure_style,
    legend_below,
    new_figure,
    percent_axis,
    shade_rows,
)
from crossfold.reports.words import count, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_INCHES = 0.24
LEAST_SHOWN = 0.001
MOST_FEATURES = 40
LOOKS: dict[str, dict[str, Any]] = {
    "stable": {"color": BLUE, "marker": "o"},
    "too few rows to tell": {"color": GREY, "marker": "^"},
    "shifted": {"color": ORANGE, "marker": "s"},
    "shifted far": {"color": VERMILLION, "marker": "D"},
}


def draw(drift: Drift) -> Figure:
    """Draw rates before and now with 95 % intervals, and the index of the most shifted features.

    Parameters
    ----------
    drift
        Of data that there were before, too.
    """
    table = drift.table.set_index("measure")
    rates, features = table.loc[[RATE]], drift.table[drift.table["measure"] == FEATURE]
    features = features.dropna(subset="estimate").head(MOST_FEATURES)
    n_rows = [len(rates) + 2.5, len(features) + 2.5]
    with figure_style():
        figure, [above, below] = new_figure(
            1.6 + ROW_INCHES * sum(n_rows), 2, gridspec_kw={"height_ratios": n_rows}
        )
        _draw_rates(above, rates, table.loc[[ROWS]].iloc[0])
        _draw_features(below, features)
        legend_below(figure, below)
    return figure


def _draw_rates(axes: Axes, rates: pd.DataFrame, rows: pd.Series) -> None:
    shade_rows(axes, len(rates))
    for name, look, shift in (("before", SECOND, -0.16), ("now", MAIN, 0.16)):
        middle = rates[name].to_numpy(dtype=float)
        ends = np.array([middle - rates[f"{name}_low"], rates[f"{name}_high"] - middle])
        axes.errorbar(
            middle,
            np.arange(len(rates)) + shift,
            xerr=np.clip(np.nan_to_num(ends), 0, None),
            label=f"{name} (n = {count(rows[name])})",
            color=look["color"],
            marker=look["marker"],
            linestyle="none",
            capsize=3,
        )
    axes.set_yticks(range(len(rates)), [_rate_name(name) for name in rates["name"]])
    axes.set_xlabel("share of rows, 95 % Wilson interval")
    percent_axis(axes.xaxis, decimals=1)
    axes.locator_params(axis="x", nbins=4)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, columnspacing=1)


def _rate_name(name: str) -> str:
    return plain(name.removesuffix(" True"))


def _draw_features(axes: Axes, features: pd.DataFrame) -> None:
    shade_rows(axes, max(len(features), 1))
    index = features["estimate"].clip(lower=LEAST_SHOWN).to_numpy(dtype=float)
    places = np.arange(len(features))
    for verdict, look in LOOKS.items():
        own = (features["verdict"] == verdict).to_numpy()
        if own.any():
            axes.plot(index[own], places[own], linestyle="none", label=verdict, **look)
    by_chance = features["by_chance"].clip(lower=LEAST_SHOWN)
    axes.plot(by_chance, places, "|", color=GREY, markersize=10, label="by chance, 95 %")
    for mark, style in ((0.1, "--"), (0.25, "-")):
        axes.axvline(mark, color=BLACK, linestyle=style, linewidth=1, label=f"mark {mark:g}")
    axes.set_xscale("log")
    axes.set_xlim(0.8 * LEAST_SHOWN, max(1, 1.5 * index.max(initial=0)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_yticks(places, [plain(name) for name in features["name"]])
    axes.set_xlabel(f"population stability index,\n{LEAST_SHOWN:g} also for less (log scale)")
