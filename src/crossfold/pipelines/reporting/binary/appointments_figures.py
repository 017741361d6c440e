"""Figures of the appointment table: each draws one of its rate tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from crossfold.reports import style
from crossfold.reports.words import count, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RATE = "No-show rate"
NOT_SENT = {**style.MAIN, "label": "No SMS"}
SENT = {**style.SECOND, "label": "SMS sent"}


def class_counts(table: pd.DataFrame) -> Figure:
    """Draw how many appointments were kept and missed."""
    figure, [axes] = style.new_figure(2.3)
    bars = axes.barh(
        table["data"], table["events"], color=[style.SKY, style.VERMILLION], hatch=["", "//"],
        edgecolor="white",
    )  # fmt: skip
    texts = [
        f"{count(row.events)} ({percent(row.estimate)})" for row in table.itertuples(index=False)
    ]
    axes.bar_label(bars, texts, padding=4)
    axes.set(xlabel="Appointments", xlim=(0, table["events"].max() * 1.45))
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.xaxis.set_major_formatter(lambda value, _: count(value))
    axes.locator_params(axis="x", nbins=5)
    return figure


def no_show_by_age(table: pd.DataFrame) -> Figure:
    """Draw the rate by five years of age as a line with markers and intervals."""
    figure, [rates, sizes] = style.new_figure(4.4, 2, sharex=True, height_ratios=(3, 1))
    middle = table["age"].astype(str).str.extract(r"^(\d+)")[0].astype(int) + 2
    rates.errorbar(middle, table["estimate"], style.errors(table), capsize=2, **style.MAIN)
    rates.set(ylabel=RATE, ylim=(0, _top(table)))
    style.percent_axis(rates.yaxis)
    sizes.bar(middle, table["n"], width=4, color=style.SKY)
    total = count(table["n"].sum())
    sizes.set(ylabel="Rows", xlabel=f"Age in years, bands of five (n = {total})")
    sizes.yaxis.set_major_formatter(lambda value, _: count(value))
    return figure


def no_show_by_condition(table: pd.DataFrame) -> Figure:
    """Draw the rates with and without each condition side by side."""
    figure, [axes] = style.new_figure(3.6)
    names = list(dict.fromkeys(table["condition"]))
    for present, look, offset in ((False, style.MAIN, -0.14), (True, style.SECOND, 0.14)):
        part = table[table["present"] == present].set_index("condition").reindex(names)
        label = "With the condition" if present else "Without"
        _points(axes, part, look, offset, label)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(xlabel=RATE, xlim=(0, _top(table) * 1.35))
    style.percent_axis(axes.xaxis)
    style.legend_below(figure, axes)
    return figure


def no_show_by_handicap(table: pd.DataFrame) -> Figure:
    """Draw the rate by handicap level; the rare levels have wide intervals."""
    return _rates_by_level(table, "handicap_level", "Handicap level", 3.2)


def no_show_by_lead_time(table: pd.DataFrame) -> Figure:
    """Draw the rate by range of lead time."""
    return _rates_by_level(table, "lead_time", "Booked ahead", 3.9)


def sms_by_lead_time(table: pd.DataFrame) -> Figure:
    """Draw the rates with and without an SMS, over all rows beside every range of lead time."""
    heights = {"height_ratios": (1, (table["view"] == "stratum").sum() / 4)}
    figure, panels = style.new_figure(6.6, 2, sharex=True, **heights)
    titles = {
        "raw": "Raw rates mislead: they compare\nsame-day bookings with later ones",
        "stratum": "Same lead time: fewer no-shows with SMS",
    }
    if not _sms_is_lower(table):
        titles["stratum"] = "Same lead time"
    for axes, (view, title) in zip(panels, titles.items(), strict=True):
        _sms_panel(axes, table[table["view"] == view])
        axes.set_title(title)
    panels[1].set(xlabel=RATE, xlim=(0, _top(table) * 1.3))
    style.percent_axis(panels[1].xaxis)
    style.legend_below(figure, panels[1])
    return figure


def _sms_is_lower(table: pd.DataFrame) -> bool:
    """Tell whether the rate with SMS is the lower one in every range that has both."""
    strata = table[table["view"] == "stratum"]
    rates = strata.pivot_table(
        index="stratum", columns="sms_received", values="estimate", observed=True
    )
    both = rates.reindex(columns=[False, True]).dropna()
    return len(both) > 0 and bool((both[True] < both[False]).all())


def _sms_panel(axes: Axes, table: pd.DataFrame) -> None:
    strata = list(dict.fromkeys(table["stratum"]))
    for sent, look, offset in ((False, NOT_SENT, -0.16), (True, SENT, 0.16)):
        part = table[table["sms_received"] == sent].set_index("stratum").reindex(strata)
        _points(axes, part, look, offset, look["label"])
    axes.set_yticks(range(len(strata)), strata)
    axes.set_ylim(len(strata) - 0.5, -0.5)


def _rates_by_level(table: pd.DataFrame, column: str, title: str, height: float) -> Figure:
    figure, [axes] = style.new_figure(height)
    _points(axes, table, style.MAIN, 0, RATE)
    axes.set_yticks(range(len(table)), table[column].astype(str))
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set(xlabel=RATE, ylabel=title, xlim=(0, _top(table) * 1.3))
    style.percent_axis(axes.xaxis)
    return figure


def _points(
    axes: Axes, table: pd.DataFrame, look: dict[str, Any], offset: float, label: str
) -> None:
    """Draw one point with interval and sample size for each row of a table, top to bottom."""
    places = pd.Series(range(len(table)), table.index) + offset
    mark = {"color": look["color"], "marker": look["marker"], "linestyle": "none"}
    axes.errorbar(
        table["estimate"], places, xerr=style.errors(table), label=label, capsize=2, **mark
    )
    for place, row in zip(places, table.itertuples(index=False), strict=True):
        if row.n == row.n:
            text = f"  n = {count(row.n)}"
            axes.text(row.high, place, text, va="center", fontsize=9, color=look["color"])


def _top(table: pd.DataFrame) -> float:
    """Give the end of a rate axis: a little above the highest interval."""
    return float(min(1.0, table["high"].max() * 1.1))
