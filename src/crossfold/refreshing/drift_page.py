"""One page and one figure that say what has drifted."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from crossfold.refreshing.drift import FEATURE, MODEL, RATE, ROWS, Drift
from crossfold.reports.page import figure_html, render_page, today
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
from crossfold.reports.tables import to_html
from crossfold.reports.words import count, interval, percent_interval, plain

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
_CAPTION = (
    "Above: the label's rates, with 95 % Wilson intervals. Below: how far each feature has shifted;"
    " 0.1 marks some shift, 0.25 a large one. The grey strokes are what chance alone would stay"
    " below in 95 of 100 cases, if rows were independent."
)
_ALT = "Rates of the label before and now, and the population stability index of each feature."
_NAMES = {
    "name": "What",
    "estimate": "Difference",
    "index": "Index",
    "by_chance": "By chance, 95 %",
    "mean_before": "Mean before",
    "mean_now": "Mean now",
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
    names = [plain(name.removesuffix(" True")) for name in rates["name"]]
    axes.set_yticks(range(len(rates)), names)
    axes.set_xlabel("share of rows, 95 % Wilson interval")
    percent_axis(axes.xaxis)
    axes.locator_params(axis="x", nbins=4)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, columnspacing=1)


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


def write(drift: Drift, figure: bytes | None) -> str:
    """Write the page.

    Parameters
    ----------
    drift
        What has changed.
    figure
        What `crossfold.refreshing.drift_page.draw` drew, as PNG or SVG; None where there were no
        data before.
    """
    change, name = drift.change, drift.rule.table
    names = {
        "study": drift.study.replace("_", " "),
        "answer": drift.in_a_sentence,
        "moved": list(_moved(drift)),
        "decision": drift.decision.sentence if drift.decision else "",
        "figure": figure_html("drift", figure, _CAPTION, _ALT) if figure else None,
        "rows": _rows(drift),
        "rates": _rates(drift),
        "features": _features(drift) if change.before else None,
        "models": _models(drift),
        "now": f"{name} {change.now.version} (sha256 {change.now.digest[:12]}…)",
        "before": f"{name} {change.before.version} (sha256 {change.before.digest[:12]}…)"
        if change.before
        else "none",
        "today": today(),
    }
    source = files("crossfold.refreshing").joinpath("drift.md.j2").read_text(encoding="utf-8")
    return render_page(source, names, drift.notice)


def _moved(drift: Drift) -> Iterator[str]:
    """Say which rates of the label have changed."""
    for row in _part(drift, RATE).to_dict("records"):
        if drift.change.before is not None and not row["low"] <= 0 <= row["high"]:
            before, now = _share(row, "before"), _share(row, "now")
            yield f"The share of {row['name']} went from {before} to {now}."


def _part(drift: Drift, measure: str) -> pd.DataFrame:
    return drift.table[drift.table["measure"] == measure]


def _share(row: dict[Any, Any], when: str) -> str:
    return percent_interval(row[when], row[f"{when}_low"], row[f"{when}_high"])


def _rows(drift: Drift) -> Markup:
    table = _part(drift, ROWS)[["name", "before", "now", "estimate"]]
    if drift.change.before is None:
        table = table[["name", "now"]]
    numbers = [name for name in table if name != "name"]
    return to_html(table.astype(dict.fromkeys(numbers, "int64")), "Rows", names=_NAMES)


def _rates(drift: Drift) -> Markup:
    rates = _part(drift, RATE)
    told = [
        {
            "name": row["name"],
            "before": _share(row, "before"),
            "now": _share(row, "now"),
            "estimate": percent_interval(row["estimate"], row["low"], row["high"]),
        }
        for row in rates.to_dict("records")
    ]
    table = pd.DataFrame(told)
    columns = ["name", "now"] if drift.change.before is None else None
    caption = f"Rates of {drift.rule.label}, 95 % Wilson intervals, n = {count(rates['n'].max())}"
    return to_html(table, caption, columns=columns, names=_NAMES)


def _features(drift: Drift) -> Markup:
    names = {"estimate": "index", "before": "mean_before", "now": "mean_now"}
    table = _part(drift, FEATURE).rename(columns=names)
    columns = ["name", "index", "by_chance", "mean_before", "mean_now", "verdict"]
    caption = f"Features, the most shifted first, n = {count(table['n'].max())} now"
    return to_html(table[columns], caption, names=_NAMES)


def _models(drift: Drift) -> Markup | None:
    rows = _part(drift, MODEL)
    if rows.empty:
        return None
    told = [
        interval(row["estimate"], row["low"], row["high"], decimals=4)
        for row in rows.to_dict("records")
    ]
    table = rows[["name", "before", "now", "verdict"]].assign(estimate=told)
    names = {"name": "Metric", "before": "In use", "now": "New", "verdict": "The new one is"}
    caption = (
        "The new model and the one in use before, 95 % interval of a paired bootstrap,"
        f" n = {count(rows['n'].max())} rows of both"
    )
    columns = ["name", "before", "now", "estimate", "verdict"]
    return to_html(table, caption, columns=columns, names=_NAMES | names)
