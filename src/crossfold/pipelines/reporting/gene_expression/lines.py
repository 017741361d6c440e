"""Tables of the run as lines of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from crossfold.pipelines.reporting.gene_expression.labels import (
    CLASSES,
    CONTROLS,
    PROTOCOLS,
    in_order,
    metric_label,
    model_label,
)
from crossfold.reports.words import (
    count,
    interval,
    number,
    p_value,
    percent,
    percent_interval,
)
from crossfold.templates.cross_validation.folds import K_FOLD
from crossfold.validation.tables import POOLED

Lines = tuple[tuple[str, ...], ...]

SHARES = ("accuracy", "recall", "specificity")
SCORES = ("f1", "mcc", "pr_auc")
METRICS_HEADER = ("Model", "Wrong", *(metric_label(name) for name in (*SHARES, *SCORES)), "n")
COMPARISON_HEADER = ("Against", "Protocol", "Difference", "p", "n", "Verdict")
CONTROL_METRICS = ("balanced_accuracy", "accuracy", "roc_auc")
CONTROL_HEADER = (
    "Step",
    "Done",
    *(metric_label(name) for name in CONTROL_METRICS),
    "Permutations",
    "Synthetic rows that leak",
)
PROBE_HEADER = ("Probe", "Gene", "Higher in", *PROTOCOLS.values(), "Final model")
ORIGIN_HEADER = ("File", *CLASSES)


def origin_lines(row_counts: Mapping[str, Any]) -> Lines:
    """Arrange the number of patients of each class in each file."""
    return tuple(
        (str(origin).capitalize(), *(count(by_class[label]) for label in CLASSES))
        for origin, by_class in row_counts["by_origin"].items()
    )


def pooled(metrics_table: pd.DataFrame) -> pd.DataFrame:
    """Leave out the figures of single folds."""
    return metrics_table[metrics_table["scope"] == POOLED]


def metric_lines(metrics_table: pd.DataFrame, protocol: str) -> Lines:
    """Arrange one protocol's figures, a line a model."""
    table = pooled(metrics_table)
    part = table[table["protocol"] == protocol]
    lines = []
    for model in in_order(part["model"].unique()):
        rows = part[part["model"] == model].set_index("metric")
        cells = [percent_interval(*_estimate(rows, name)) for name in SHARES]
        cells += [interval(*_estimate(rows, name), 2) for name in SCORES]
        accuracy = rows.loc["accuracy"]
        wrong = _wrong((1 - accuracy["estimate"]) * accuracy["n"])
        lines.append((model_label(model), wrong, *cells, count(accuracy["n"])))
    return tuple(lines)


def _estimate(rows: pd.DataFrame, metric: str) -> tuple[float, float, float]:
    estimate, low, high = rows.loc[metric, ["estimate", "low", "high"]].astype(float)
    return estimate, low, high


def _wrong(errors: float) -> str:
    """Print errors as a whole number, or with a decimal where it is a mean over repeats."""
    whole = round(errors)
    return count(whole) if abs(errors - whole) < 1e-6 else number(errors, 1)


def of_accuracy(comparison: pd.DataFrame, model: str) -> pd.DataFrame:
    """Choose the tests of a model's accuracy against that of every other, one a protocol.

    Over folds of the cross-validation, and over patients where each of them is decided once.
    """
    over_folds = comparison["test"].str.endswith("over folds")
    return comparison[
        (comparison["model_a"] == model)
        & (comparison["metric"] == "accuracy")
        & ((comparison["test"] == "McNemar") | over_folds)
        & (over_folds == (comparison["protocol"] == K_FOLD))
    ]


def comparison_lines(comparison: pd.DataFrame, model: str) -> Lines:
    """Arrange the comparisons of a model's accuracy, a line for each other model and protocol."""
    return tuple(
        (
            model_label(str(row.model_b)),
            PROTOCOLS[str(row.protocol)],
            percent_interval(row.difference, row.low, row.high).replace("-", "−"),
            p_value(row.p_value),
            count(row.n),
            str(row.verdict),
        )
        for row in of_accuracy(comparison, model).itertuples()
    )


def control_lines(controls: pd.DataFrame) -> Lines:
    """Arrange the controls, a line each."""
    lines = []
    for (control, when), part in controls.groupby(["control", "when"], sort=False):
        rows = part.set_index("metric")
        shares = [percent_interval(*_estimate(rows, name)) for name in CONTROL_METRICS[:2]]
        first = part.iloc[0]
        lines.append(
            (
                CONTROLS[str(control)],
                str(when),
                *shares,
                interval(*_estimate(rows, CONTROL_METRICS[2]), 2),
                count(first["permutations"]),
                count(first["synthetic_leaks"]),
            )
        )
    return tuple(lines)


def probe_lines(table: pd.DataFrame) -> Lines:
    """Arrange the chosen probes, a line each."""
    return tuple(
        (
            row.probe,
            row.description,
            row.higher_in,
            *(percent(getattr(row, protocol), 0) for protocol in PROTOCOLS),
            "yes" if row.in_final_model else "no",
        )
        for row in table.itertuples()
    )
