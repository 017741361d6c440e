"""Figures of how well models rank: all of them, on parts of the rows, over time, by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crossfold.pipelines.reporting.binary.labels import SCOPES, in_order, metric_label, model_label
from crossfold.pipelines.reporting.binary.lookup import GROUPED, PERMUTED, TIME_SPLIT, select
from crossfold.reports import style
from crossfold.reports.words import count, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COMPARED = {"roc_auc": "higher is better", "pr_auc": "higher is better", "brier": "lower is better"}


def model_comparison(metrics_table: pd.DataFrame, highlighted: str) -> Figure:
    """Draw ROC-AUC, PR-AUC and Brier score of every model with 95 % intervals."""
    pooled = select(metrics_table, GROUPED)
    models = in_order(pooled["model"].unique())
    figure, panels = style.new_figure(0.42 * len(models) + 1.2, 1, len(COMPARED), sharey=True)
    for axes, (metric, direction) in zip(panels, COMPARED.items(), strict=True):
        part = pooled[pooled["metric"] == metric].set_index("model").reindex(models)
        _estimates(axes, part, {**style.MAIN, "linestyle": "none"}, highlighted)
        axes.set_title(metric_label(metric))
        axes.set_xlabel(direction, fontsize=9)
    panels[0].set_yticks(range(len(models)), [model_label(model) for model in models])
    panels[0].set_ylim(len(models) - 0.4, -0.7)
    figure.suptitle(
        f"n = {count(pooled['n'].max())}, 95 % intervals", fontsize=10, x=0.99, ha="right"
    )
    return figure


def _estimates(axes: Axes, table: pd.DataFrame, look: dict[str, Any], highlighted: str) -> None:
    """Draw one estimate a row with its value above it; one model's in another colour."""
    places = np.arange(len(table))
    for place, (model, row) in zip(places, table.iterrows(), strict=True):
        colour = style.VERMILLION if model == highlighted else look["color"]
        marker = "D" if model == highlighted else look["marker"]
        spread = style.errors(pd.DataFrame([row]))
        axes.errorbar(
            row["estimate"], place, xerr=spread, color=colour, marker=marker, linestyle="none",
            capsize=2,
        )  # fmt: skip
        axes.text(
            row["estimate"], place - 0.2, number(row["estimate"]), ha="center", va="bottom",
            fontsize=8.5, color=colour,
        )  # fmt: skip
    axes.margins(x=0.22)
    axes.locator_params(axis="x", nbins=3)
    axes.grid(axis="y", visible=False)


def rows_apart(metrics_table: pd.DataFrame) -> Figure:
    """Draw each model's ROC-AUC on all rows beside those on parts of the rows."""
    table = metrics_table[
        (metrics_table["protocol"] == GROUPED) & (metrics_table["metric"] == "roc_auc")
    ]
    scopes = [scope for scope in table["scope"].unique() if not scope.startswith("fold")]
    labels = {scope: SCOPES.get(scope, scope) for scope in scopes}
    return _side_by_side(table, "scope", labels, "ROC-AUC (95 % interval)", chance=0.5)


def time_split(metrics_table: pd.DataFrame) -> Figure:
    """Draw the grouped folds' ROC-AUC beside that of training on the past alone."""
    table = _roc_auc_by_protocol(metrics_table, TIME_SPLIT)
    if table.empty:
        return style.empty_figure("This run holds no time split.")
    labels = {GROUPED: "Grouped folds, all days", TIME_SPLIT: "Trained on the past, tested later"}
    return _side_by_side(table, "protocol", labels, "ROC-AUC (95 % interval)")


def permuted_control(metrics_table: pd.DataFrame) -> Figure:
    """Draw ROC-AUC on real labels beside that on permuted labels, where 0.5 is chance."""
    table = _roc_auc_by_protocol(metrics_table, PERMUTED)
    if table.empty:
        return style.empty_figure("This run holds no control on permuted labels.")
    labels = {GROUPED: "Real labels", PERMUTED: "Permuted labels"}
    return _side_by_side(table, "protocol", labels, "ROC-AUC (95 % interval)", chance=0.5)


def _roc_auc_by_protocol(metrics_table: pd.DataFrame, protocol: str) -> pd.DataFrame:
    """Give the pooled ROC-AUC of the models that ran under a protocol, beside grouped folds."""
    other = select(metrics_table, protocol)
    both = pd.concat([select(metrics_table, GROUPED), other])
    return both[both["model"].isin(other["model"]) & (both["metric"] == "roc_auc")]


def _side_by_side(
    table: pd.DataFrame, column: str, labels: dict[str, str], x_label: str, chance: float = np.nan
) -> Figure:
    """Draw several estimates for each model, told apart by colour, marker and place."""
    models = in_order(table["model"].unique())
    figure, [axes] = style.new_figure(0.2 * len(models) * len(labels) + 1.5)
    offsets = np.linspace(-0.25, 0.25, len(labels))
    for (value, label), look, offset in zip(labels.items(), style.SERIES, offsets, strict=False):
        part = table[table[column] == value].set_index("model").reindex(models)
        axes.errorbar(
            part["estimate"], np.arange(len(models)) + offset, xerr=style.errors(part),
            label=f"{label}, n = {count(part['n'].max())}", capsize=2,
            **{**look, "linestyle": "none"},
        )  # fmt: skip
    if not np.isnan(chance):
        axes.axvline(chance, color=style.GREY, linewidth=1, label="Chance")
    axes.set_yticks(range(len(models)), [model_label(model) for model in models])
    axes.set_ylim(len(models) - 0.5, -0.5)
    axes.set_xlabel(x_label)
    style.legend_below(figure, axes, 1)
    return figure
