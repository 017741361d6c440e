"""Figures of the models: how good they are, how they trained, what they chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crossfold.pipelines.gene_expression.controls import BEFORE, INSIDE
from crossfold.pipelines.reporting.gene_expression.labels import (
    CONTROLS,
    PROTOCOLS,
    in_order,
    model_label,
)
from crossfold.pipelines.reporting.gene_expression.lines import pooled
from crossfold.reports import style
from crossfold.reports.words import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CHANCE = 0.5
LOOKS = (style.MAIN, style.SECOND, style.THIRD)


def model_comparison(metrics_table: pd.DataFrame) -> Figure:
    """Draw the accuracy of every model under each protocol with its interval."""
    table = pooled(metrics_table)
    table = table[table["metric"] == "accuracy"]
    models = in_order(table["model"].unique())
    figure, [axes] = style.new_figure(0.55 * len(models) + 1.4)
    offsets = np.linspace(-0.27, 0.27, len(PROTOCOLS))
    for (protocol, label), look, offset in zip(PROTOCOLS.items(), LOOKS, offsets, strict=True):
        part = table[table["protocol"] == protocol].set_index("model").reindex(models)
        axes.errorbar(
            part["estimate"], np.arange(len(models)) + offset, xerr=style.errors(part),
            label=f"{label}, n = {part['n'].max():.0f}", capsize=2, **{**look, "linestyle": "none"},
        )  # fmt: skip
    axes.set_yticks(range(len(models)), [model_label(model) for model in models])
    axes.set_ylim(len(models) - 0.5, -0.5)
    style.percent_axis(axes.xaxis)
    axes.set_xlabel("Patients called correctly (95 % interval)")
    axes.grid(axis="y", visible=False)
    style.legend_below(figure, axes, 1)
    return figure


def controls(table: pd.DataFrame) -> Figure:
    """Draw the balanced accuracy of the controls on permuted labels, sound beside leaky."""
    part = table[table["metric"] == "balanced_accuracy"]
    figure, [axes] = style.new_figure(2.6)
    for when, look, offset in ((INSIDE, style.MAIN, -0.14), (BEFORE, style.SECOND, 0.14)):
        rows = part[part["when"] == when].set_index("control").reindex(list(CONTROLS))
        places = np.arange(len(rows)) + offset
        axes.errorbar(
            rows["estimate"], places, xerr=style.errors(rows), label=when.capitalize(), capsize=3,
            **{**look, "linestyle": "none"},
        )  # fmt: skip
        for place, row in zip(places, rows.itertuples(), strict=True):
            axes.text(row.high + 0.012, place, percent(row.estimate), va="center", fontsize=9.5)
    axes.axvline(CHANCE, color=style.GREY, linewidth=1)
    axes.text(CHANCE, 1.42, "chance ", color=style.GREY, ha="right", va="center", fontsize=9.5)
    names = part.drop_duplicates("control").set_index("control")["permutations"]
    labels = [f"{label}\n({names[key]} permutations)" for key, label in CONTROLS.items()]
    axes.set_yticks(range(len(CONTROLS)), labels)
    axes.set_ylim(len(CONTROLS) - 0.5, -0.5)
    axes.set_xlim(0.3, 1.03)
    axes.grid(axis="y", visible=False)
    style.percent_axis(axes.xaxis)
    axes.set_xlabel("Balanced accuracy on permuted labels (95 % interval)")
    style.legend_below(figure, axes)
    return figure


def curves(
    epochs: pd.DataFrame,
    protocol: str,
    models: Sequence[str],
    measures: Mapping[str, str],
) -> Figure:
    """Draw measures over epochs, a panel each; the band is the range of the networks' starts."""
    part = epochs[epochs["protocol"] == protocol]
    figure, panels = style.new_figure(2.3 * len(measures) + 0.9, len(measures), sharex=True)
    for axes, (measure, label) in zip(panels, measures.items(), strict=True):
        for model, look in zip(models, style.SERIES, strict=False):
            rows = part[(part["model"] == model) & (part["measure"] == measure)]
            style.band(axes, rows["epoch"], rows, look, model_label(model))
        axes.set_ylabel(label)
    _loss_from_zero(panels, measures)
    panels[-1].xaxis.get_major_locator().set_params(integer=True)
    panels[-1].set_xlabel(f"Epoch ({PROTOCOLS[protocol]}, {part['folds'].max():.0f} folds)")
    if len(models) > 1:
        style.legend_below(figure, panels[0], 1)
    return figure


def train_and_validation(epochs: pd.DataFrame, protocol: str, model: str) -> Figure:
    """Draw mean loss of training and validation, and the pooled accuracy, over epochs."""
    part = epochs[(epochs["protocol"] == protocol) & (epochs["model"] == model)]
    figure, panels = style.new_figure(5.0, 2, sharex=True)
    for measure, label, look in (
        ("train_loss", "Training (with dropout)", style.SECOND),
        ("validation_loss", "Validation", style.MAIN),
    ):
        rows = part[part["measure"] == measure]
        style.band(panels[0], rows["epoch"], rows, look, label)
    panels[0].set_ylabel("Loss")
    panels[0].set_ylim(bottom=0)
    panels[0].legend()
    rows = part[part["measure"] == "accuracy"]
    style.band(panels[1], rows["epoch"], rows, style.MAIN, "Validation")
    panels[1].set_ylabel("Accuracy")
    style.percent_axis(panels[1].yaxis)
    panels[1].xaxis.get_major_locator().set_params(integer=True)
    panels[1].set_xlabel(f"Epoch (means over {part['folds'].max():.0f} fresh networks a start)")
    return figure


def _loss_from_zero(panels: Sequence[Axes], measures: Mapping[str, str]) -> None:
    for axes, measure in zip(panels, measures, strict=True):
        if measure.endswith("loss"):
            axes.set_ylim(bottom=0)


def selected_probes(table: pd.DataFrame, n_shown: int) -> Figure:
    """Draw the share of folds that chose each of the most stable probes."""
    shown = table.head(n_shown)
    figure, [axes] = style.new_figure(0.29 * len(shown) + 1.5)
    places = np.arange(len(shown))
    looks = {"AML": (style.VERMILLION, "///"), "ALL": (style.SKY, "")}
    for label, (colour, hatch) in looks.items():
        is_in = (shown["higher_in"] == label).to_numpy()
        axes.barh(
            places[is_in], shown.loc[is_in, "k_fold"], color=colour, hatch=hatch,
            edgecolor="white", label=f"Higher in {label}",
        )  # fmt: skip
    kept = shown["in_final_model"].to_numpy()
    axes.plot(
        shown.loc[kept, "k_fold"] + 0.025, places[kept], "k*", label="In the final model",
        markersize=6,
    )  # fmt: skip
    axes.set_yticks(places, [_short(row) for row in shown.itertuples()], fontsize=8.5)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(0, 1.06)
    style.percent_axis(axes.xaxis)
    axes.set_xlabel("Share of training folds that chose the probe")
    axes.grid(axis="y", visible=False)
    style.legend_below(figure, axes, 3)
    return figure


def _short(row: object) -> str:
    """Name a probe by the start of its description and its accession number."""
    description = str(row.description)  # type: ignore[attr-defined]
    shortened = description if len(description) <= 34 else f"{description[:33].rstrip()}…"
    return f"{shortened}  {row.probe}"  # type: ignore[attr-defined]
