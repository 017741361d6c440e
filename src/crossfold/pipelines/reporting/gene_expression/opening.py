"""The answer in sentences, made from the run's own numbers."""

from __future__ import annotations

import pandas as pd

from crossfold.pipelines.gene_expression.controls import BEFORE, INSIDE, SELECTION, SMOTE
from crossfold.pipelines.reporting.gene_expression.labels import model_label
from crossfold.pipelines.reporting.gene_expression.lines import of_accuracy, pooled
from crossfold.reports.words import number, percent
from crossfold.templates.cross_validation.folds import LEAVE_ONE_OUT, ORIGINAL_SPLIT


def opening(
    metrics_table: pd.DataFrame, comparison: pd.DataFrame, controls: pd.DataFrame, model: str
) -> tuple[str, ...]:
    """Say what the network reaches, how little that tells it from others, and what leaks fake."""
    return (
        _reached(pooled(metrics_table), model),
        _told_apart(of_accuracy(comparison, model)),
        _faked(controls),
    )


def _reached(metrics_table: pd.DataFrame, model: str) -> str:
    accuracy = metrics_table[
        (metrics_table["model"] == model) & (metrics_table["metric"] == "accuracy")
    ].set_index("protocol")
    left_out, independent = (_right(accuracy.loc[p]) for p in (LEAVE_ONE_OUT, ORIGINAL_SPLIT))
    return (
        f"A small network tells AML from ALL in {left_out} when each patient is left out in turn, "
        f"and in {independent} when it learns from the original training file alone."
    )


def _right(row: pd.Series) -> str:
    low, high = number(100 * row["low"], 0), percent(row["high"], 0)
    return f"{row['n'] * row['estimate']:.0f} of {row['n']} patients (95 % interval {low}–{high})"


def _told_apart(comparison: pd.DataFrame) -> str:
    differ = comparison[comparison["verdict"] == "differ"]
    names = [model_label(str(name)) for name in differ["model_b"].unique()]
    n = comparison["model_b"].nunique()
    apart = f"only from: {'; '.join(names)}" if names else "from none of them"
    return (
        f"So few patients tell few models apart: of the {n} others, the tests tell it {apart}. "
        "Differences of one or two patients mean nothing."
    )


def _faked(controls: pd.DataFrame) -> str:
    table = controls[controls["metric"] == "balanced_accuracy"].set_index(["control", "when"])
    share = {key: percent(row["estimate"], 0) for key, row in table.iterrows()}
    return (
        "On permuted labels, where nothing can be learnt, choosing probes before the split scores "
        f"{share[SELECTION, BEFORE]} against {share[SELECTION, INSIDE]} inside the folds, and "
        f"SMOTE before the split {share[SMOTE, BEFORE]} against {share[SMOTE, INSIDE]} "
        "(balanced accuracy; chance is 50 %)."
    )
