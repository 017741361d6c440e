"""A figure over many seeds: what one run of a protocol gives when nothing fixes its draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crossfold.pipelines.audit.claims import Statement
from crossfold.pipelines.audit.measured import Measured, print_value
from crossfold.reports.words import plain
from crossfold.validation import percentile_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def over_seeds(values: pd.Series) -> Measured:
    """Give the median over seeds with the range of the middle 95 %; n is the number of seeds."""
    low, high = percentile_interval(values.to_numpy(dtype=float))
    return Measured(float(values.median()), low, high, len(values))


def range_text(values: pd.Series, statement: Statement) -> str:
    """Print the range of values: 89.0 % to 94.2 % (3 as good as printed).

    Shares are good if they are as high as printed, numbers (a loss, an error) if as low.
    """
    low, high = (print_value(value, statement.unit) for value in (values.min(), values.max()))
    printed = statement.printed_value
    as_good = values >= printed if statement.unit == "share" else values <= printed
    return f"{low} to {high} ({as_good.sum() or 'none'} as good as printed)"


def draw_over_seeds(
    table: pd.DataFrame, printed: Mapping[str, float], series: Mapping[str, str]
) -> Figure:
    """Draw every seed's value with the median and the middle 95 %, a panel for each metric.

    Parameters
    ----------
    table
        One row a network: ``series`` and a column for each metric.
    printed
        What the source printed, by metric; these metrics are drawn.
    series
        Label of each series, in the order of the rows.
    """
    from crossfold.reports import style

    with style.figure_style():
        height = len(printed) * (0.42 * len(series) + 0.85) + 0.6
        figure, panels = style.new_figure(height, len(printed))
        for axes, (metric, value) in zip(panels, printed.items(), strict=True):
            for place, name in enumerate(series):
                _one_series(axes, table.loc[table["series"] == name, metric], place)
            axes.axvline(value, color=style.BLACK, linestyle="--", label="Printed")
            style.shade_rows(axes, len(series))
            axes.set_yticks(range(len(series)), list(series.values()))
            axes.set_title(plain(metric))
            if "accuracy" in metric:
                style.percent_axis(axes.xaxis)
        style.legend_below(figure, panels[0], 3)
        return figure


def _one_series(axes: Axes, values: pd.Series, place: int) -> None:
    from crossfold.reports import style

    middle = over_seeds(values)
    spread = np.array([[middle.estimate - middle.low], [middle.high - middle.estimate]])
    labels = (f"One of {middle.n} seeds", "Median, middle 95 %") if place == 0 else (None, None)
    # Steps of the golden ratio keep equal values apart.
    heights = place + 0.08 + 0.3 * (np.arange(middle.n) * 0.618 % 1)
    axes.plot(values, heights, "|", markersize=4, color=style.GREY, label=labels[0])
    axes.errorbar(
        [middle.estimate], [place - 0.2], xerr=spread, capsize=3, label=labels[1],
        **{**style.MAIN, "linestyle": "none"},
    )  # fmt: skip
