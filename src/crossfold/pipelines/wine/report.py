"""Figures and words of the wine study's page, beside those of every table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crossfold.pipelines.wine.nodes import MEASUREMENTS, QUALITY, RED, WHITE
from crossfold.reports import charts, style
from crossfold.reports.tables import Estimate
from crossfold.reports.words import count, plain
from crossfold.templates.cross_validation.parameters import EvaluationParameters
from crossfold.templates.reporting.results import ReportParameters, Results
from crossfold.templates.wiring import by_name
from crossfold.validation.metrics import wilson_interval
from crossfold.validation.tables import POOLED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TUNED = "mlp_tuned"


def accuracy(
    metrics_table: pd.DataFrame, evaluation: EvaluationParameters, report: ReportParameters
) -> Figure:
    """Draw the accuracy of every model, on all folds and on a single one."""
    single = f"fold {evaluation.single_fold}"
    table = with_fold_intervals(metrics_table)
    table = table[table["scope"].isin([POOLED, single])]
    sizes = table.groupby("scope")["n"].max()
    told = {POOLED: "All folds", single: "Single split"}
    names = {scope: f"{told[scope]}, n = {count(sizes[scope])}" for scope in told if scope in sizes}
    return charts.estimates(
        table, "model", ["accuracy"], series="scope", names=report.labels | names, percent=True,
        axis="Wines called correctly (95 % interval)",
    )  # fmt: skip


def with_fold_intervals(metrics_table: pd.DataFrame) -> pd.DataFrame:
    """Select the accuracies on real labels; those of a fold get Wilson's interval."""
    is_accuracy = metrics_table["metric"] == "accuracy"
    table = metrics_table[is_accuracy & (metrics_table["protocol"] == "grouped_k_fold")]
    low, high = wilson_interval((table["estimate"] * table["n"]).round(), table["n"])
    of_fold = table["scope"].str.startswith("fold")
    return table.assign(low=table["low"].mask(of_fold, low), high=table["high"].mask(of_fold, high))


def searched(tuned_search: pd.DataFrame, metrics_table: pd.DataFrame) -> pd.DataFrame:
    """Put what each fold chose beside what came of it on the wines held out."""
    chosen = tuned_search[tuned_search["chosen"].astype(bool)].sort_values("fold")
    folds = with_fold_intervals(metrics_table)
    folds = folds[folds["model"] == TUNED].set_index("scope")
    held_out = folds.loc[[f"fold {fold}" for fold in chosen["fold"]]]
    return pd.DataFrame(
        {
            "fold": chosen["fold"].map("fold {}".format).to_numpy(),
            "chosen": [candidate_label(text) for text in chosen["candidate"]],
            "inner_accuracy": chosen["score"].to_numpy(),
            "held_out_accuracy": held_out["estimate"].to_numpy(),
            "held_out_accuracy_low": held_out["low"].to_numpy(),
            "held_out_accuracy_high": held_out["high"].to_numpy(),
            "wines": held_out["n"].to_numpy(),
        }
    )


def candidate_label(candidate: str) -> str:
    """Print a candidate of the grid: its hidden layers and its learning rate."""
    values = json.loads(candidate)
    layers = "-".join(map(str, values["hidden_layer_sizes"]))
    return f"{layers}, {values['learning_rate_init']:g}"


def nested_search(table_searched: pd.DataFrame) -> Figure:
    """Draw for each outer fold what the search promised and what came of it."""
    table = table_searched.rename(columns={"held_out_accuracy": "estimate"})
    ends = {"low": table["held_out_accuracy_low"], "high": table["held_out_accuracy_high"]}
    label = table["fold"] + ": " + table["chosen"]
    came = table.assign(**ends, label=label, series="On the wines held out")
    promised = came.assign(
        estimate=table["inner_accuracy"], low=np.nan, high=np.nan, series="On inner folds"
    )
    return charts.estimates(
        pd.concat([promised, came]).assign(metric="accuracy"), "label", ["accuracy"],
        series="series", percent=True, axis="Wines called correctly (95 % interval)",
    )  # fmt: skip


def measurements(table: pd.DataFrame) -> Figure:
    """Draw how each measurement is distributed in both colours."""
    figure, panels = style.new_figure(7.6, 4, 3)
    looks = {RED: (style.VERMILLION, "-", 2.0), WHITE: (style.BLUE, "--", 1.6)}
    for axes, column in zip(panels, [*MEASUREMENTS, QUALITY], strict=True):
        low, high = table[column].quantile([0.005, 0.995])
        bins = np.linspace(low, high, 26) if column != QUALITY else np.arange(2.5, 10)
        for colour, (ink, dashes, width) in looks.items():
            values = table.loc[table["colour"] == colour, column]
            axes.hist(
                values, bins=list(bins), density=True, histtype="step", color=ink, linestyle=dashes,
                linewidth=width, label=f"{colour.capitalize()}, n = {count(len(values))}",
            )  # fmt: skip
        axes.set_title("pH" if column == "ph" else plain(column), fontsize=9.5, fontweight="normal")
        axes.set_yticks([])
        axes.tick_params(labelsize=8.5)
    style.name_series(figure, panels[0])
    return figure


def words(results: Results, evaluation: EvaluationParameters) -> dict[str, Any]:
    """Find what the page says of a single split and of tuning; false where there is none."""
    own = with_fold_intervals(results.metrics_table)
    single = f"fold {evaluation.single_fold}"
    rows = own[(own["model"] == results.reference) & (own["scope"] == single)]
    table = results.comparison
    is_pair = (table["model_b"] == TUNED) & (table["model_a"] == results.reference)
    tests = table[is_pair & (table["test"] == "McNemar")].to_dict("records")
    of_fold = [Estimate("accuracy", *one) for one in rows[["estimate", "low", "high"]].to_numpy()]
    return {"single": next(iter(of_fold), Estimate("accuracy")), "mcnemar": next(iter(tests), {})}


TABLES = by_name(searched)
FIGURES = by_name(accuracy, nested_search, measurements)
