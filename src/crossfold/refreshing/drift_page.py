"""The page about changed data: rows, label, features, models."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pandas as pd
from markupsafe import Markup

from crossfold.refreshing.drift_table import FEATURE, MODEL, RATE, ROWS, Drift
from crossfold.reports.page import figure_html, render_page, today
from crossfold.reports.tables import to_html
from crossfold.reports.words import count, interval, percent_interval

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


def write(drift: Drift, figure: bytes | None) -> str:
    """Write the page.

    Parameters
    ----------
    drift
        What has changed.
    figure
        What `crossfold.refreshing.drift_figure.draw` drew, as PNG or SVG; None where there were no
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
    shown = {
        "before": [_share(row, "before") for row in rates.to_dict("records")],
        "now": [_share(row, "now") for row in rates.to_dict("records")],
        "estimate": [
            percent_interval(row["estimate"], row["low"], row["high"])
            for row in rates.to_dict("records")
        ],
    }
    table = pd.DataFrame({"name": list(rates["name"]), **shown})
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
