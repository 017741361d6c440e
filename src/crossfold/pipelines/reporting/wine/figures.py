"""Figures of the wine report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crossfold.pipelines.reporting.wine.labels import (
    MLP,
    MODELS,
    SINGLE_SPLIT,
    TUNED,
    WITHOUT_QUALITY,
    column_label,
    layers_label,
)
from crossfold.pipelines.wine.columns import MEASUREMENTS, RED, WHITE
from crossfold.reports import style
from crossfold.reports.words import count
from crossfold.templates.cross_validation.folds import GROUPED, PERMUTED
from crossfold.validation import wilson_interval
from crossfold.validation.tables import POOLED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHANCE = 0.5


def accuracy(metrics_table: pd.DataFrame) -> Figure:
    """Draw the accuracy of every model, pooled and on the single split."""
    table = with_fold_intervals(metrics_table)
    single = f"fold {SINGLE_SPLIT}"
    series = (
        ("", POOLED, "All folds, with quality", style.MAIN),
        (WITHOUT_QUALITY, POOLED, "All folds, without quality", style.SECOND),
        ("", single, "Single split, with quality", style.THIRD),
    )
    figure, [axes] = style.new_figure(3.6)
    models = list(MODELS)
    for (inputs, scope, label, look), offset in zip(series, (-0.24, 0, 0.24), strict=True):
        part = table[table["scope"] == scope].set_index("model")
        part = part.reindex([f"{model}{inputs}" for model in models])
        axes.errorbar(
            part["estimate"], np.arange(len(models)) + offset, xerr=style.errors(part),
            label=f"{label}, n = {count(part['n'].max())}", capsize=3,
            **{**look, "linestyle": "none"},
        )  # fmt: skip
    style.shade_rows(axes, len(models))
    axes.set_yticks(range(len(models)), list(MODELS.values()))
    style.percent_axis(axes.xaxis, 1)
    axes.set_xlabel("Wines called correctly (95 % interval)")
    style.legend_below(figure, axes, 1)
    return figure


def with_fold_intervals(metrics_table: pd.DataFrame) -> pd.DataFrame:
    """Select the accuracies of the cross-validation; those of a fold get Wilson's interval."""
    table = metrics_table[
        (metrics_table["protocol"] == GROUPED) & (metrics_table["metric"] == "accuracy")
    ]
    low, high = wilson_interval((table["estimate"] * table["n"]).round(), table["n"])
    of_fold = table["scope"].str.startswith("fold")
    return table.assign(low=table["low"].mask(of_fold, low), high=table["high"].mask(of_fold, high))


def nested_search(grid: pd.DataFrame, metrics_table: pd.DataFrame) -> Figure:
    """Draw for each outer fold what the search promised and what came of it."""
    chosen = grid[grid["chosen"]].sort_values("fold")
    outer = with_fold_intervals(metrics_table)
    outer = outer[(outer["model"] == TUNED) & outer["scope"].str.startswith("fold")]
    places = np.arange(len(chosen))
    figure, [axes] = style.new_figure(3.4)
    axes.plot(
        chosen["score"], places - 0.14, label="Best of the grid on inner folds",
        **{**style.SECOND, "linestyle": "none"},
    )  # fmt: skip
    axes.errorbar(
        outer["estimate"], places + 0.14, xerr=style.errors(outer), capsize=3,
        label="The same settings on the wines held out", **{**style.MAIN, "linestyle": "none"},
    )  # fmt: skip
    labels = [
        f"Fold {row.fold}{' (single split)' if row.fold == SINGLE_SPLIT else ''}\n"
        f"{candidate_label(row.candidate)}"
        for row in chosen.itertuples()
    ]
    style.shade_rows(axes, len(chosen))
    axes.set_yticks(places, labels)
    style.percent_axis(axes.xaxis, 1)
    axes.set_xlabel("Wines called correctly (95 % interval)")
    style.legend_below(figure, axes, 1)
    return figure


def grid(table: pd.DataFrame) -> Figure:
    """Draw every candidate: mean accuracy over outer folds, and the range of them."""
    summary = table.groupby("candidate", sort=False).agg(
        estimate=("score", "mean"), low=("score", "min"), high=("score", "max"),
        chosen=("chosen", "sum"),
    )  # fmt: skip
    places = np.arange(len(summary))
    figure, [axes] = style.new_figure(0.33 * len(summary) + 1.1)
    axes.errorbar(
        summary["estimate"], places, xerr=style.errors(summary), capsize=3,
        **{**style.MAIN, "linestyle": "none"},
    )  # fmt: skip
    for place, row in zip(places, summary.itertuples(), strict=True):
        if row.chosen:
            axes.annotate(
                f"chosen {row.chosen}×", (row.high, place), xytext=(6, 0),
                textcoords="offset points", va="center", fontsize=9.5,
            )  # fmt: skip
    style.shade_rows(axes, len(summary))
    axes.set_yticks(places, [candidate_label(candidate) for candidate in summary.index])
    axes.set_ylabel("Hidden layers, learning rate")
    axes.margins(x=0.18)
    style.percent_axis(axes.xaxis, 1)
    axes.xaxis.get_major_locator().set_params(nbins=5)
    n_outer = table["fold"].nunique()
    axes.set_xlabel(f"Accuracy on inner folds\n(mean and range of {n_outer} outer folds)")
    return figure


def candidate_label(candidate: str) -> str:
    """Print a candidate of the grid: its hidden layers and its learning rate."""
    values = json.loads(candidate)
    return f"{layers_label(values['hidden_layer_sizes'])}, {values['learning_rate_init']:g}"


def importance(table: pd.DataFrame) -> Figure:
    """Draw the accuracy lost when a column is shuffled."""
    figure, [axes] = style.new_figure(0.32 * len(table) + 1)
    places = np.arange(len(table))
    style.shade_rows(axes, len(table))
    axes.axvline(0, color=style.GREY, linewidth=1)
    axes.errorbar(
        table["estimate"], places, xerr=style.errors(table), capsize=3,
        **{**style.MAIN, "linestyle": "none"},
    )  # fmt: skip
    axes.set_yticks(places, [column_label(name) for name in table["column"]])
    style.percent_axis(axes.xaxis)
    n_folds = table["folds"].max()
    axes.set_xlabel(
        f"Accuracy lost when the column is shuffled\n(95 % interval over {n_folds} folds)"
    )
    return figure


def training_curves(history: pd.DataFrame) -> Figure:
    """Draw the loss over epochs with quality: mean and range over folds."""
    part = history[history["model"] == MLP]
    figure, [axes] = style.new_figure(3.2)
    series = (("train_loss", "Training", style.SECOND), ("validation_loss", "Held out", style.MAIN))
    for measure, label, look in series:
        of_measure = part[part["measure"] == measure]
        by_epoch = of_measure.groupby("epoch")["value"].agg(["mean", "min", "max"])
        rows = by_epoch.set_axis(["estimate", "low", "high"], axis=1).reset_index()
        style.band(axes, rows["epoch"], rows, look, label)
    axes.set_yscale("log")
    axes.set_ylabel("Loss (cross-entropy)")
    axes.set_xlabel(f"Epoch (mean and range of {part['fold'].nunique()} folds)")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()
    return figure


def permuted_control(metrics_table: pd.DataFrame) -> Figure:
    """Draw the area under the ROC curve on real and on permuted labels."""
    table = metrics_table.query("metric == 'roc_auc' and scope == @POOLED")
    figure, [axes] = style.new_figure(2.1)
    models = [MLP]
    series = ((GROUPED, "Real labels", style.MAIN), (PERMUTED, "Permuted labels", style.SECOND))
    for protocol, label, look in series:
        part = table[table["protocol"] == protocol].set_index("model").reindex(models)
        axes.errorbar(
            part["estimate"], range(len(models)), xerr=style.errors(part), capsize=3,
            label=f"{label}, n = {count(part['n'].max())}", **{**look, "linestyle": "none"},
        )  # fmt: skip
    axes.axvline(CHANCE, color=style.GREY, linewidth=1)
    axes.text(CHANCE, 0, " chance", color=style.GREY, va="center", fontsize=9.5)
    axes.set_ylim(len(models) - 0.5, -0.5)
    axes.set_yticks(range(len(models)), [MODELS[name] for name in models])
    axes.set_xlim(0.4, 1.03)
    axes.set_xlabel("Area under the ROC curve (95 % interval)")
    style.legend_below(figure, axes)
    return figure


def measurements(wines: pd.DataFrame) -> Figure:
    """Draw how each measurement is distributed in both colours."""
    columns = [*MEASUREMENTS, "quality"]
    figure, panels = style.new_figure(7.6, 4, 3)
    looks = {RED: (style.VERMILLION, "-", 2.0), WHITE: (style.BLUE, "--", 1.6)}
    for axes, column in zip(panels, columns, strict=True):
        low, high = wines[column].quantile([0.005, 0.995])
        bins = np.linspace(low, high, 26) if column != "quality" else np.arange(2.5, 10)
        for colour, (ink, dashes, width) in looks.items():
            values = wines.loc[wines["colour"] == colour, column]
            axes.hist(
                values, bins=bins, density=True, histtype="step", color=ink, linestyle=dashes,
                linewidth=width, label=f"{colour.capitalize()}, n = {count(len(values))}",
            )  # fmt: skip
        axes.set_title(column_label(column), fontsize=9.5, fontweight="normal")
        axes.set_yticks([])
        axes.tick_params(labelsize=8.5)
    style.legend_below(figure, panels[0])
    return figure
