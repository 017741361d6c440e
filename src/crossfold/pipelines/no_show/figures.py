"""Figures of the no-show report that no other study has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crossfold.reports import charts
from crossfold.templates.reporting.summaries import confusion_counts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from crossfold.templates.reporting.results import Results

RATE = "No-show rate"
SHOWN = {"rate": RATE, "flagged_share": "Share flagged", "recall": "Recall"}
SCOPES = {"pooled": "all", "same_day": "same day", "later": "later days"}
APART = ("mlp_tuned", "hist_gradient_boosting", "logistic_regression", "same_day_flag")
TWINS = ("mlp_numpy", "mlp_torch")
PLAIN_AND_WEIGHTED = ("mlp_numpy", "mlp_weighted")
# Precision of fewer rows than this is noise, and is not drawn.
FEWEST_FLAGGED = 50


def no_show_by_lead_time(table_no_show_by_lead_time: pd.DataFrame) -> Figure:
    """Draw the rate by range of lead time."""
    return _rates(table_no_show_by_lead_time, "lead_time")


def no_show_by_handicap(table_no_show_by_handicap: pd.DataFrame) -> Figure:
    """Draw the rate by handicap level; the rare levels have wide intervals."""
    table = table_no_show_by_handicap
    levels = "Level " + table["handicap_level"].astype("Int64").astype(str)
    return _rates(table.assign(handicap_level=levels), "handicap_level")


def no_show_by_condition(table_no_show_by_condition: pd.DataFrame) -> Figure:
    """Draw the rates with and without each condition side by side."""
    table = table_no_show_by_condition
    present = table["present"].map({True: "with it", False: "without"})
    return _rates(table.assign(present=present), "condition", "present")


def sms_by_lead_time(table_sms_by_lead_time: pd.DataFrame) -> Figure:
    """Draw the rates with and without an SMS: all rows first, then ranges of lead time."""
    table = table_sms_by_lead_time
    sent = table["sms_received"].map({True: "SMS sent", False: "no SMS"})
    return _rates(table.assign(sms_received=sent), "stratum", "sms_received")


def _rates(table: pd.DataFrame, label: str, series: str | None = None) -> Figure:
    sizes = table.groupby(label, observed=True, sort=False)["n"].sum()
    names = {str(name): f"{name} (n = {n:,.0f})" for name, n in sizes.items()}
    shown = table.assign(metric="rate")
    shown[label] = shown[label].astype(str)
    return charts.estimates(
        shown, label, ["rate"], series=series, names=names, percent=True, axis=RATE
    )


def no_show_by_age(table_no_show_by_age: pd.DataFrame) -> Figure:
    """Draw the rate by year of age as a line with its interval."""
    return charts.lines(
        table_no_show_by_age, "age", x_axis="Age in years", y_axis=RATE, percent=True
    )


def rows_apart(results: Results) -> Figure:
    """Draw the ROC-AUC on all rows, on same-day rows and on later ones."""
    metrics = results.metrics_table[results.metrics_table["model"].isin(list(APART))]
    own = (metrics["protocol"] == results.protocol) & metrics["scope"].isin(list(SCOPES))
    table = metrics[own & (metrics["metric"] == "roc_auc")].astype({"model": str, "scope": str})
    order = {name: place for place, name in enumerate([*results.models, *SCOPES])}
    table = table.sort_values(["model", "scope"], key=lambda names: names.map(order))
    return charts.estimates(
        table, "model", ["roc_auc"], series="scope", bold=results.reference, reference=0.5,
        axis="ROC-AUC; the line is chance", names={**results.report.labels, **SCOPES},
    )  # fmt: skip


def subgroups(table_subgroups: pd.DataFrame) -> Figure:
    """Draw who misses, who is flagged, and whose no-shows are found, by subgroup."""
    table = table_subgroups[table_subgroups["group"] != "Everyone"]
    told = table["group"].astype(str) + ": " + table["level"].astype(str)
    return charts.estimates(
        table.assign(told=told), "told", list(SHOWN), names=SHOWN, percent=True, ranked=False
    )


def thresholds(table_thresholds: pd.DataFrame, results: Results) -> Figure:
    """Draw precision, recall, false positive rate and F1 over 101 decision thresholds."""
    n_rows = len(results.features)
    few = table_thresholds["flagged_share"] * n_rows < FEWEST_FLAGGED
    wide = table_thresholds.assign(precision=table_thresholds["precision"].mask(few))
    long = wide.melt(
        "threshold", ["precision", "recall", "false_positive_rate", "f1"], value_name="estimate"
    )
    names = {
        "precision": "Precision",
        "recall": "Recall",
        "false_positive_rate": "False positive rate",
        "f1": "F1",
    }
    return charts.lines(long, "threshold", series="variable", names=names, y_axis="Value")


def confusion_matrix(results: Results) -> Figure:
    """Draw the counts at the thresholds chosen inside the training folds."""
    counts = confusion_counts(results, results.reference)
    return charts.confusion(counts, [results.report.no_event, results.report.event])


def twin_training(history: pd.DataFrame, results: Results) -> Figure:
    """Draw loss, F1 and time of the same network on both engines, which lie on each other."""
    measures = {
        "validation_loss": "Validation loss",
        "validation_f1": "F1 at 0.4",
        "validation_f1_best": "F1 at the best threshold",
        "seconds": "Seconds",
    }
    return _training(history, results, TWINS, measures)


def loss_weighting(history: pd.DataFrame, results: Results) -> Figure:
    """Draw what weighting the loss does to F1, at one threshold and at the best one."""
    measures = {
        "train_loss": "Training loss",
        "validation_loss": "Validation loss",
        "validation_f1": "F1 at 0.4",
        "validation_f1_best": "F1 at the best threshold",
    }
    return _training(history, results, PLAIN_AND_WEIGHTED, measures)


def _training(
    history: pd.DataFrame, results: Results, models: tuple[str, ...], measures: dict[str, str]
) -> Figure:
    own = history[history["protocol"] == results.protocol]
    table = charts.over_epochs(own, list(measures), models)
    names = {**results.report.labels, **measures}
    return charts.lines(
        table, "epoch", series="model", panel="measure", names=names, share_y=False, height=2.2
    )
