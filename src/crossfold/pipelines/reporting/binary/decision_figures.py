"""Figures for the one who decides: calibration, thresholds, capacity, net benefit, errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crossfold.pipelines.reporting.binary.labels import TWINS, model_label
from crossfold.pipelines.reporting.binary.parameters import ReportParameters
from crossfold.reports import style
from crossfold.reports.words import count, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = {"raw": {**style.SECOND, "fillstyle": "none", "markersize": 9}, "calibrated": style.MAIN}
# Precision of fewer rows than this is noise, and is not drawn.
FEWEST_FLAGGED = 50
THRESHOLD_METRICS = {
    "precision": "Precision",
    "recall": "Recall",
    "false_positive_rate": "False positive rate",
    "f1": "F1",
}


def reliability(
    calibration: pd.DataFrame, histogram: pd.DataFrame, models: tuple[str, ...], event: str
) -> Figure:
    """Draw observed against predicted rates, raw and calibrated, over their histograms."""
    figure, panels = style.new_figure(
        3.9 * len(models), 2 * len(models), sharex=True, height_ratios=(3, 1) * len(models)
    )
    for model, curve_axes, bars_axes in zip(models, panels[::2], panels[1::2], strict=True):
        _reliability_curve(curve_axes, calibration[calibration["model"] == model])
        rows = histogram.loc[histogram["model"] == model, "n"].sum() // len(KINDS)
        curve_axes.set_title(f"{model_label(model)}, n = {count(rows)}")
        _histogram(bars_axes, histogram[histogram["model"] == model])
    panels[-1].set_xlabel(f"Predicted probability of a {event}")
    style.legend_below(figure, panels[0], 3)
    return figure


def _reliability_curve(axes: Axes, table: pd.DataFrame) -> None:
    end = max(0.5, float(table[["mean_predicted", "high"]].max().max()) * 1.02)
    axes.plot([0, end], [0, end], color=style.GREY, linewidth=1, label="Perfect")
    for kind, look in KINDS.items():
        part = table[table["kind"] == kind]
        axes.errorbar(
            part["mean_predicted"], part["observed"], style.errors(part, "observed"),
            capsize=2, label=kind.capitalize(), **look,
        )  # fmt: skip
    axes.set(ylabel="Observed rate", ylim=(0, None))


def _histogram(axes: Axes, table: pd.DataFrame) -> None:
    for kind, look in KINDS.items():
        part = table[table["kind"] == kind]
        edges = [*part["left"], part["right"].iloc[-1]]
        axes.stairs(part["n"], edges, color=look["color"], linestyle=look["linestyle"], lw=1.5)
    axes.set_ylabel("Rows")
    axes.yaxis.set_major_formatter(lambda value, _: count(value))
    axes.locator_params(axis="y", nbins=3)


def thresholds(table: pd.DataFrame, chosen_thresholds: pd.DataFrame, model: str) -> Figure:
    """Draw precision, recall, false positive rate and F1 over 101 decision thresholds."""
    figure, [axes] = style.new_figure(4.2)
    part = table[table["model"] == model]
    few = part["flagged_share"] * part["n"] < FEWEST_FLAGGED
    part = part.assign(precision=part["precision"].mask(few))
    chosen = chosen_thresholds.loc[chosen_thresholds["model"] == model, "threshold"]
    for (metric, label), look in zip(THRESHOLD_METRICS.items(), style.SERIES, strict=True):
        style.line(axes, part["threshold"], part[metric], look, label)
    axes.axvspan(chosen.min(), chosen.max(), color=style.GREY, alpha=0.4, linewidth=0)
    axes.axvline(chosen.mean(), color=style.BLACK, linewidth=1)
    axes.text(chosen.mean(), 1.0, f" chosen: {chosen.mean():.2f}", va="top")
    axes.set(xlabel="Decision threshold", ylabel="Value", xlim=(0, 1), ylim=(0, 1.02))
    axes.set_title(f"{model_label(model)}, n = {count(part['n'].max())}")
    style.legend_below(figure, axes)
    return figure


def capacity(table: pd.DataFrame, report: ReportParameters) -> Figure:
    """Draw precision and recall by the share of patients that a clinic can call."""
    figure, panels = style.new_figure(6.4, 2, sharex=True)
    for axes, metric in zip(panels, ("precision", "recall"), strict=True):
        for model, look in zip(report.curve_models, style.SERIES, strict=False):
            part = table[(table["model"] == model) & (table["metric"] == metric)]
            style.band(axes, part["share"], part, look, model_label(model))
        axes.axvline(report.share, color=style.BLACK, linewidth=1)
        axes.set(ylabel=metric.capitalize(), ylim=(0, None))
        style.percent_axis(axes.yaxis)
    panels[0].set_title(f"Of those called, how many are {report.events}")
    panels[1].set_title(f"Of all {report.events}, how many are called")
    n_rows = table["n_called"].max()
    panels[1].set(xlabel=f"Share called, riskiest first (n = {count(n_rows)})", xlim=(0, 1))
    style.percent_axis(panels[1].xaxis)
    style.legend_below(figure, panels[0])
    return figure


def decision_curve(table: pd.DataFrame, models: tuple[str, ...], n_rows: int) -> Figure:
    """Draw net benefit (Vickers and Elkin 2006) of calling by model, calling all, calling none."""
    figure, [axes] = style.new_figure(4.4)
    names = {**{model: model_label(model) for model in models}, "all": "Call everyone"}
    for (model, label), look in zip(names.items(), style.SERIES, strict=False):
        part = table[table["model"] == model]
        style.line(axes, part["threshold"], part["net_benefit"], look, label)
    axes.axhline(0, color=style.BLACK, linewidth=1, label="Call no one")
    axes.set_title(f"n = {count(n_rows)}")
    top = table["net_benefit"].max() * 1.1
    axes.set(xlabel="Probability from which a call is worth its cost", ylabel="Net benefit per row")
    axes.set(xlim=(0, 0.6), ylim=(-top / 6, top))
    style.percent_axis(axes.xaxis)
    style.legend_below(figure, axes)
    return figure


def confusion_matrices(table: pd.DataFrame, report: ReportParameters) -> Figure:
    """Draw the counts at the chosen threshold: both twins and the report's model."""
    models = [*TWINS, report.model]
    figure, panels = style.new_figure(2.4 * len(models), len(models))
    for axes, model in zip(panels, models, strict=True):
        _confusion_matrix(axes, table[table["model"] == model])
        axes.set_title(model_label(model))
        axes.set_yticks([0, 1], [report.no_event.capitalize(), report.event.capitalize()])
    return figure


def _confusion_matrix(axes: Axes, table: pd.DataFrame) -> None:
    counts = table.pivot_table(index="target", columns="flagged", values="n", aggfunc="sum")
    counts = counts.reindex(index=[0, 1], columns=[False, True]).fillna(0)
    shares = counts.div(counts.sum(axis=1), axis=0)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (actual, flagged), share in np.ndenumerate(shares.to_numpy()):
        text = f"{count(counts.iloc[actual, flagged])}\n{percent(share)}"
        shade = "white" if share > 0.5 else "black"
        axes.text(flagged, actual, text, ha="center", va="center", color=shade)
    axes.set_xticks([0, 1], ["Not flagged", "Flagged"])
    axes.grid(visible=False)
