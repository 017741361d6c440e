"""Figures of an audit: claims, the share of each fault, and all runs."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crossfold.pipelines.audit.measured import print_share
from crossfold.pipelines.audit.runs import PRINTED, REPORTED, SHOWN_RUNS, SOUND, shown_runs
from crossfold.reports import style
from crossfold.reports.words import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UNITS = {
    "share": "Share of rows",
    "fine_share": "Share of rows",
    "points": "Percentage points",
    "fine_points": "Percentage points",
    "number": "Value",
}
LOOKS: dict[str, style.Look] = {
    REPORTED: {**style.SECOND, "linestyle": "none"},
    SOUND: {**style.MAIN, "linestyle": "none"},
    PRINTED: {"color": style.BLACK, "linestyle": "none", "marker": "x", "markersize": 7},
}
LABELS = {PRINTED: "Printed", REPORTED: "With all faults", SOUND: "Without the faults"}
OFFSETS = {PRINTED: 0.0, REPORTED: -0.18, SOUND: 0.18}
_PANELS_IN_A_ROW = 3


def claims(table: pd.DataFrame) -> Figure:
    """Draw each claim's quantity with and without the faults, a panel for each unit."""
    units = [unit for unit in UNITS if (table["unit"] == unit).any()]
    sizes = [int((table["unit"] == unit).sum()) for unit in units]
    height = 0.55 * sum(sizes) + 0.8 * len(units) + 0.6
    ratios = {"height_ratios": [size + 0.3 for size in sizes]}
    figure, panels = style.new_figure(height, len(units), gridspec_kw=ratios)
    for axes, unit in zip(panels, units, strict=True):
        _claims_panel(axes, table[table["unit"] == unit], unit)
    style.legend_below(figure, panels[0], len(LABELS))
    return figure


def _claims_panel(axes: Axes, table: pd.DataFrame, unit: str) -> None:
    names = [textwrap.fill(statement, 30) for statement in table["statement"]]
    for run in SHOWN_RUNS:
        _estimates(axes, np.arange(len(table)), _claims_of_run(table, run, unit), run)
    _name_rows(axes, names)
    axes.set_xlabel(f"{UNITS[unit]} (95 % interval)")
    if unit.endswith("share"):
        style.percent_axis(axes.xaxis, 1 if unit == "fine_share" else 0)
        axes.locator_params(axis="x", nbins=5)
    else:
        axes.axvline(0, color=style.GREY, linewidth=1, zorder=0)


def _claims_of_run(table: pd.DataFrame, run: str, unit: str) -> pd.DataFrame:
    """Give estimate, low and high of one run, in the panel's unit."""
    if run == PRINTED:
        columns = {"printed_value": "estimate"}
    else:
        columns = {run: "estimate", f"{run}_low": "low", f"{run}_high": "high"}
    chosen = table[list(columns)].rename(columns=columns).reindex(columns=_ESTIMATE)
    return chosen.astype(float) * (100 if unit.endswith("points") else 1)


_ESTIMATE = ["estimate", "low", "high"]


def _estimates(axes: Axes, places: Any, table: pd.DataFrame, run: str) -> None:
    """Draw one estimate a row, with its interval where it was measured."""
    spread = None if run == PRINTED else style.errors(table)
    axes.errorbar(
        table["estimate"], places + OFFSETS[run], xerr=spread, capsize=2, label=LABELS[run],
        **LOOKS[run],
    )  # fmt: skip


def _name_rows(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.08)


def shares(table: pd.DataFrame, claims_table: pd.DataFrame) -> Figure:
    """Draw what each fault alone changes, a panel for each claim that has shares."""
    parts = [table[table["claim"] == name] for name in claims_table["claim"]]
    shown = [
        (row, part) for row, part in zip(claims_table.itertuples(), parts, strict=True) if len(part)
    ]
    if not shown:
        return style.empty_figure("This run holds no fault by itself.")
    ratios = {"height_ratios": [len(part) + 1.2 for _, part in shown]}
    height = sum(0.3 * len(part) + 0.75 for _, part in shown)
    figure, panels = style.new_figure(height, len(shown), gridspec_kw=ratios)
    for axes, (row, part) in zip(panels, shown, strict=True):
        _shares_panel(axes, part, str(row.unit))
        axes.set_title(textwrap.fill(str(row.statement), 40))
    return figure


def _shares_panel(axes: Axes, part: pd.DataFrame, unit: str) -> None:
    """Draw one bar a fault with its value at the end."""
    factor = 1 if unit == "number" else 100
    values = part["share"].astype(float) * factor
    bars = axes.barh(np.arange(len(part)), values, height=0.6, color=style.SKY, edgecolor="black")
    axes.bar_label(bars, [print_share(share, unit) for share in part["share"]], padding=3)
    axes.axvline(0, color=style.BLACK, linewidth=1)
    _name_rows(axes, [plain(fault) for fault in part["fault"]])
    _leave_room_for_labels(axes, values)
    axes.set_xlabel("Change in value" if unit == "number" else "Change in percentage points")


def _leave_room_for_labels(axes: Axes, values: pd.Series) -> None:
    low, high = min(0, values.min()), max(0, values.max())
    room = 0.4 * ((high - low) or 1)
    axes.set_xlim(low - room * (low < 0), high + room)
    axes.locator_params(axis="x", nbins=5)


def runs(table: pd.DataFrame) -> Figure:
    """Draw every figure as printed, with and without the faults, a panel for each metric."""
    shown = shown_runs(table)
    subjects = list(shown["subject"].unique())
    metrics = list(shown["metric"].unique())
    n_columns = min(len(metrics), _PANELS_IN_A_ROW)
    n_rows = -(-len(metrics) // n_columns)
    height = n_rows * (0.3 * len(subjects) + 1.0) + 0.4
    figure, panels = style.new_figure(height, n_rows, n_columns, sharey=True)
    for axes, metric in zip(panels, metrics, strict=False):
        _runs_panel(axes, shown[shown["metric"] == metric], subjects)
        if "accuracy" in str(metric):
            style.percent_axis(axes.xaxis)
        axes.set_title(textwrap.fill(plain(metric), 18))
        axes.locator_params(axis="x", nbins=3)
        axes.tick_params(axis="x", labelsize=7)
    for axes in panels[len(metrics) :]:
        axes.set_visible(False)
    style.legend_below(figure, panels[0], len(LABELS))
    return figure


def _runs_panel(axes: Axes, table: pd.DataFrame, subjects: list[str]) -> None:
    for run in SHOWN_RUNS:
        part = table[table["run"] == run].set_index("subject").reindex(subjects)
        _estimates(axes, np.arange(len(subjects)), part[_ESTIMATE], run)
    _name_rows(axes, subjects)
