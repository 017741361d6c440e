"""The answer in sentences, made from the run's own numbers."""

from __future__ import annotations

import pandas as pd

from crossfold.pipelines.reporting.images.labels import (
    FRAMEWORKS,
    experiment_label,
    pair_label,
    regime_label,
    settings,
)
from crossfold.pipelines.reporting.images.lookup import accuracy_of, first_difference, of_strong
from crossfold.pipelines.reporting.images.parameters import ReportParameters
from crossfold.reports.words import count, interval, number, percent_interval


def opening(
    classification_report: pd.DataFrame,
    summary: pd.DataFrame,
    comparison: pd.DataFrame,
    twins: pd.DataFrame,
    report: ReportParameters,
) -> tuple[str, ...]:
    """Write what the strong model reaches, what the experiments show, and what makes it so."""
    parts = (
        strong_sentence(classification_report, report),
        *(regime_sentence(part) for _, part in summary.groupby(["protocol", "regime"], sort=False)),
        difference_sentence(comparison),
        twin_sentence(twins),
    )
    return tuple(part for part in parts if part)


def strong_sentence(classification_report: pd.DataFrame, report: ReportParameters) -> str:
    """Say how many of the standard test images the strong model names correctly."""
    accuracy = accuracy_of(of_strong(classification_report))
    n, share = int(accuracy["support"]), accuracy["recall"]
    right = percent_interval(share, accuracy["recall_low"], accuracy["recall_high"], 2)
    return (
        f"{report.model_in_words} names {right} of the {count(n)} standard test {report.images}"
        f" correctly and {count(round(n * (1 - share)))} wrongly."
    )


def regime_sentence(summary: pd.DataFrame) -> str:
    """Say which experiment the validation images choose in a regime, and what it reaches."""
    accuracy = summary[summary["metric"] == "accuracy"]
    ranked = accuracy[accuracy["part"] == "validation"].sort_values("estimate", kind="stable")
    tested = accuracy[accuracy["part"] == "test"].set_index("experiment")
    best, last = (tested.loc[ranked["experiment"].iloc[place]] for place in (-1, 0))
    seeds = f", means of {best['seeds']} seeds" if best["seeds"] > 1 else ""
    regime = regime_label(*summary[["regime", "protocol"]].iloc[0])
    return (
        f"{regime}: of {len(tested)} experiments the validation images choose {_described(best)},"
        f" which reaches {_percent(best)} on {count(best['n'])} test images; last comes"
        f" {_described(last)} with {_percent(last)}{seeds}."
    )


def difference_sentence(comparison: pd.DataFrame) -> str:
    """Say how far the first pair of models is apart; nothing where no pair was compared."""
    row = first_difference(comparison)
    if row is None:
        return ""
    points = interval(*(100 * row[name] for name in ("difference", "low", "high")), 2)
    pair = pair_label(row["model_a"], row["model_b"])
    return (
        f"{row['question']}: {points} percentage points of test accuracy ({pair},"
        f" {row['test']}; {row['verdict']})."
    )


def twin_sentence(twins: pd.DataFrame) -> str:
    """Say how far apart the frameworks are within a regime, and the regimes from each other."""
    if twins.empty:
        return ""
    by_regime = twins.groupby("regime", sort=False)["estimate"]
    within = 100 * (by_regime.max() - by_regime.min()).max()
    figures = [
        f"{_percent(part.iloc[0])} with {regime_label(str(regime)).lower()}"
        for regime, part in twins.groupby("regime", sort=False)
    ]
    first = FRAMEWORKS[twins["framework"].iloc[0]]
    between = 100 * (by_regime.mean().max() - by_regime.mean().min())
    against = f", between regimes {number(between, 2)}" if len(figures) > 1 else ""
    return (
        f"The same network from the same start in the same batches: {first} reaches"
        f" {' and '.join(figures)}; within a regime NumPy and PyTorch differ by at most"
        f" {number(within, 2)} percentage points{against}."
    )


def _described(row: pd.Series) -> str:
    label = experiment_label(str(row.name)).replace("Experiment", "experiment")
    return f"{label} ({row['layers']}, {settings(row)})"


def _percent(row: pd.Series) -> str:
    return percent_interval(row["estimate"], row["low"], row["high"])
