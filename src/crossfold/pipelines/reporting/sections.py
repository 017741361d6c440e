"""Arrange the run's tables as the lines of the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from crossfold.pipelines.reporting.formatting import (
    count,
    interval,
    number,
    percent,
    percent_interval,
)
from crossfold.pipelines.reporting.labels import in_order, metric_label, model_label, plain
from crossfold.pipelines.reporting.lookup import GROUPED, PERMUTED, TIME_SPLIT, select
from crossfold.pipelines.reporting.opening import opening
from crossfold.pipelines.reporting.parameters import ReportParameters

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
Rows = list[tuple[str, ...]]


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
    """Give the lines of the capacity and subgroup tables, and how far the twins are apart."""
    return {
        "capacity": capacity_rows(tables["capacity"], report.model),
        "subgroups": subgroup_rows(tables["subgroups"]),
        "subgroup_header": ["Group", "n", *(metric_label(name) for name in SUBGROUP_METRICS)],
        "twins": tables["twin_agreement"].iloc[0].to_dict(),
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


def leak_guard(table: pd.DataFrame) -> Rows:
    """Arrange the leak guard's checks as lines."""
    return [
        (plain(row.check), count(row.rows_checked), count(row.crossing), str(row.verdict))
        for row in table.itertuples()
    ]


def comparison(table: pd.DataFrame) -> Rows:
    """Arrange the comparisons of two models as lines."""
    return [
        (
            f"{model_label(row.model_a)} − {model_label(row.model_b)}",
            metric_label(row.metric),
            interval(row.difference, row.low, row.high, 4),
            plain(row.test),
            number(row.p_value),
            count(row.n),
            _with_labels(str(row.verdict)),
        )
        for row in table.itertuples()
    ]


def _with_labels(verdict: str) -> str:
    """Replace the names of models by their labels."""
    return " ".join(model_label(word) if "_" in word else word for word in verdict.split())


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
        lines.append((f"{group}: {level}", count(part["n"].max()), *cells))
    return lines
