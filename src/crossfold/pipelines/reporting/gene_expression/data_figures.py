"""Figures of the patients: how many of each class, and a view of them in two dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crossfold.pipelines.reporting.gene_expression.labels import CLASSES, SAMPLERS
from crossfold.reports import style
from crossfold.reports.words import number, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOKS = {"ALL": (style.SKY, ""), "AML": (style.VERMILLION, "///")}
MARKERS = {"train": "o", "independent": "s"}
FILES = {"train": "training", "independent": "independent"}
KINDS = {"all": "All probes", "chosen": "The probes of the final model"}


def class_counts(table: pd.DataFrame) -> Figure:
    """Draw the classes of a training fold before and after each way of resampling."""
    figure, panels = style.new_figure(3.2, 1, len(SAMPLERS), sharey=True)
    for axes, (sampler, title) in zip(panels, SAMPLERS.items(), strict=True):
        part = table[table["sampler"] == sampler].set_index("label")
        for place, label in enumerate(CLASSES):
            colour, hatch = LOOKS[label]
            value = part.loc[label, "after"]
            share = value / part["after"].sum()
            axes.bar(place, value, color=colour, hatch=hatch, edgecolor="white", width=0.7)
            axes.text(
                place, value + 0.5, f"{number(value, 1)}\n{percent(share)}", ha="center",
                va="bottom", fontsize=9.5,
            )  # fmt: skip
        axes.set_title(title)
        axes.set_xticks(range(len(CLASSES)), CLASSES)
        axes.grid(axis="x", visible=False)
    panels[0].set_ylabel("Patients in a training fold")
    panels[0].set_ylim(0, table["after"].max() * 1.25)
    everyone = table.drop_duplicates("label").set_index("label")["all_patients"]
    counts = ", ".join(f"{everyone[label]} {label}" for label in CLASSES)
    figure.supxlabel(
        f"All patients: {counts}; means over {table['folds'].max()} training folds", fontsize=10
    )
    return figure


def patients_2d(table: pd.DataFrame) -> Figure:
    """Draw the patients on two principal components: a description, not a proof."""
    figure, panels = style.new_figure(7.6, 2)
    for axes, (kind, title) in zip(panels, KINDS.items(), strict=True):
        part = table[table["probes"] == kind]
        for (label, origin), rows in part.groupby(["label", "origin"]):
            colour = style.BLUE if label == "ALL" else style.VERMILLION
            face = colour if label == "AML" else "none"
            axes.scatter(
                rows["x"], rows["y"], marker=MARKERS[origin], edgecolors=colour, facecolors=face,
                s=34, label=f"{label}, {FILES[origin]} file (n = {len(rows)})",
            )  # fmt: skip
        shares = part.iloc[0]
        axes.set_title(title)
        axes.set_xlabel(f"First component ({percent(shares['x_share'])} of the variance)")
        axes.set_ylabel(f"Second ({percent(shares['y_share'])})")
        axes.set_aspect("auto")
    style.legend_below(figure, panels[0])
    return figure
