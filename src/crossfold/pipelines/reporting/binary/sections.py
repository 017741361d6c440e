"""Arrange the run's tables as the lines of the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from crossfold.pipelines.reporting.binary.labels import (
    TWINS,
    in_order,
    metric_label,
    model_label,
    subgroup_label,
)
from crossfold.pipelines.reporting.binary.lookup import GROUPED, PERMUTED, TIME_SPLIT, select
from crossfold.pipelines.reporting.binary.opening import opening
from crossfold.pipelines.reporting.binary.parameters import ReportParameters
from crossfold.pipelines.reporting.lines import Rows
from crossfold.reports.words import (
    MISSING,
    count,
    interval,
    p_value,
    percent,
    percent_interval,
    plain,
)

RANKING = ("roc_auc", "pr_auc", "brier", "expected_calibration_error")
DECISION = ("precision", "recall", "specificity", "f1")
SHARES_SHOWN = (0.05, 0.1, 0.2, 0.3, 0.5)
SUBGROUP_METRICS = {
    "rate": percent_interval,
    "flagged_share": percent_interval,
    "recall": percent_interval,
    "precision": percent_interval,
    "roc_auc": interval,
}
CALIBRATION_METRICS = ("mean_prediction", "brier", "expected_calibration_error", "roc_auc")
BOOTSTRAP = "paired bootstrap"
TWIN_TESTS = ("largest difference of any row", "equivalence over folds")
COMPARISON_COLUMNS = {
    "ROC-AUC, difference": ("roc_auc", BOOTSTRAP),
    "PR-AUC, difference": ("pr_auc", BOOTSTRAP),
    "Brier score, difference": ("brier", BOOTSTRAP),
    "ROC-AUC over folds, p": ("roc_auc", "corrected resampled t-test over folds"),
    "Decisions, McNemar, p": ("accuracy", "McNemar"),
}


def answer(
    metrics_table: pd.DataFrame,
    capacity: pd.DataFrame,
    card: Mapping[str, Any],
    report: ReportParameters,
) -> dict[str, Any]:
    """Give the opening sentences and the number of rows that were scored."""
    return {
        "opening": opening(metrics_table, capacity, card, report),
        "n_rows": select(metrics_table, GROUPED)["n"].max(),
    }


def models(metrics_table: pd.DataFrame) -> dict[str, Any]:
    """Give the lines of all tables of metrics, one line a model."""
    return {
        "pooled": metric_rows(select(metrics_table, GROUPED)),
        "control": metric_rows(select(metrics_table, PERMUTED)),
        "time_split": metric_rows(select(metrics_table, TIME_SPLIT)),
        "ranking_columns": RANKING,
        "decision_columns": DECISION,
    }


def decisions(tables: Mapping[str, pd.DataFrame], report: ReportParameters) -> dict[str, Any]:
    """Give the lines of the tables on calibration, capacity and subgroups."""
    return {
        "calibration": calibration_rows(tables["calibration_scores"]),
        "calibration_header": [
            "Probabilities",
            *(metric_label(name) for name in CALIBRATION_METRICS),
            "n",
        ],
        "capacity": capacity_rows(tables["capacity"], report.model),
        "subgroups": subgroup_rows(tables["subgroups"]),
        "subgroup_header": [
            "Group",
            "n",
            f"{report.event.capitalize()} rate",
            *(metric_label(name) for name in SUBGROUP_METRICS if name != "rate"),
        ],
    }


def metric_rows(metrics: pd.DataFrame) -> list[dict[str, Any]]:
    """Arrange metrics as one line a model: its name, n, and cells with intervals by metric."""
    by_model = {model: part for model, part in metrics.groupby("model", observed=True)}
    return [
        {
            "model": model,
            "n": by_model[model]["n"].max(),
            "cells": {
                row.metric: interval(row.estimate, row.low, row.high)
                for row in by_model[model].itertuples()
            },
        }
        for model in in_order(by_model)
    ]


def row_counts(counts: Mapping[str, Any]) -> Rows:
    """Arrange the row counts of the cleaning as lines."""
    lines = {
        "Read": counts["read"],
        "Superseded by a later export of the same row": counts.get("superseded", 0),
        **{f"Rejected: {plain(rule).lower()}": n for rule, n in counts["rejected"].items()},
        "Kept": counts["kept"],
    }
    return [(name, count(value)) for name, value in lines.items()]


def comparisons(table: pd.DataFrame, report: ReportParameters) -> dict[str, Any]:
    """Give the lines of the comparisons with the report's model, and of those of the twins."""
    is_twins = (table["model_a"] == TWINS[0]) & table["test"].isin(TWIN_TESTS)
    return {
        "comparisons": comparison_rows(table[table["model_a"] == report.model]),
        "comparison_header": ["Compared with", *COMPARISON_COLUMNS],
        "n_resamples": report.n_resamples,
        "twins": twin_rows(table[is_twins]),
    }


def comparison_rows(table: pd.DataFrame) -> Rows:
    """Arrange the comparisons of one model with the others as one line for each other."""
    by_other = {str(other): part for other, part in table.groupby("model_b", observed=True)}
    return [
        (
            model_label(other),
            *(_comparison_cell(by_other[other], *cell) for cell in COMPARISON_COLUMNS.values()),
        )
        for other in in_order(by_other)
    ]


def _comparison_cell(table: pd.DataFrame, metric: str, test: str) -> str:
    """Print the difference of a bootstrap, or the p-value of a test."""
    chosen = table[(table["metric"] == metric) & (table["test"] == test)]
    if chosen.empty:
        return MISSING
    row = chosen.iloc[0]
    if test == BOOTSTRAP:
        return interval(row["difference"], row["low"], row["high"], 4)
    return p_value(row["p_value"])


def twin_rows(table: pd.DataFrame) -> Rows:
    """Arrange the comparisons of the twins as lines."""
    return [
        (
            f"{metric_label(row.metric)}: {row.test}",
            f"{row.difference:.1e}",
            MISSING if pd.isna(row.low) else f"{row.low:.1e} to {row.high:.1e}",
            p_value(row.p_value),
            count(row.n),
            str(row.verdict),
        )
        for row in table.itertuples()
    ]


def calibration_rows(scores: pd.DataFrame) -> Rows:
    """Arrange the scores before and after calibration as lines."""
    lines = []
    for (model, kind), part in scores.groupby(["model", "kind"], sort=False):
        by_metric = part.set_index("metric")
        cells = [
            interval(*by_metric.loc[name, ["estimate", "low", "high"]])
            for name in CALIBRATION_METRICS
        ]
        lines.append((f"{model_label(str(model))}, {kind}", *cells, count(part["n"].max())))
    return lines


def capacity_rows(capacity: pd.DataFrame, model: str) -> Rows:
    """Arrange precision and recall at round shares as lines."""
    part = capacity[capacity["model"] == model].set_index("share")
    return [
        (
            percent(share, 0),
            count(at_share["n_called"].iloc[0]),
            *(_percent_of(at_share, metric) for metric in ("precision", "recall")),
        )
        for share in SHARES_SHOWN
        if not (at_share := part[abs(part.index - share) < 1e-9]).empty
    ]


def _percent_of(at_share: pd.DataFrame, metric: str) -> str:
    row = at_share[at_share["metric"] == metric].iloc[0]
    return percent_interval(row["estimate"], row["low"], row["high"])


def subgroup_rows(subgroups: pd.DataFrame) -> Rows:
    """Arrange the subgroup table as one line a level."""
    lines = []
    for (group, level), part in subgroups.groupby(["group", "level"], sort=False):
        by_metric = part.set_index("metric")
        cells = [
            write(*by_metric.loc[name, ["estimate", "low", "high"]])
            for name, write in SUBGROUP_METRICS.items()
        ]
        lines.append((subgroup_label(group, level), count(part["n"].max()), *cells))
    return lines
