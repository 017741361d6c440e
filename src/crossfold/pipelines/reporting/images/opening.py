"""The answer in sentences, made from the run's own numbers."""

from __future__ import annotations

import pandas as pd

from crossfold.pipelines.reporting.formatting import count, interval, percent_interval
from crossfold.pipelines.reporting.images.labels import (
    FRAMEWORKS,
    experiment_label,
    regime_label,
    settings,
)
from crossfold.pipelines.reporting.images.lookup import accuracy_of, of_strong, overall
from crossfold.pipelines.reporting.images.parameters import ReportParameters


def opening(
    classification_report: pd.DataFrame,
    summary: pd.DataFrame,
    comparison: pd.DataFrame,
    twins: pd.DataFrame,
    report: ReportParameters,
) -> tuple[str, ...]:
    """Write what the strong model reaches, what the experiments show, and what makes it so."""
    sentences = [
        strong_sentence(classification_report, report),
        *(regime_sentence(part) for _, part in summary.groupby("regime", sort=False)),
        *(difference_sentence(row) for _, row in overall(comparison).iterrows()),
    ]
    return (*sentences, *([twin_sentence(twins)] if len(twins) else []))


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
    return (
        f"{regime_label(summary['regime'].iloc[0])}: of {len(tested)} experiments the validation"
        f" images choose {_described(best)}, which reaches {_percent(best)} on"
        f" {count(best['n'])} test images; last comes {_described(last)} with"
        f" {_percent(last)}{seeds}."
    )


def difference_sentence(row: pd.Series) -> str:
    """Say how far two models are apart, in percentage points of test accuracy."""
    points = interval(*(100 * row[name] for name in ("difference", "low", "high")), 2)
    return f"{row['question']}: {points} percentage points of test accuracy; {row['verdict']}."


def twin_sentence(twins: pd.DataFrame) -> str:
    """Say what each framework reaches in each regime."""
    regimes = [
        f"{' and '.join(_framework(row) for _, row in part.iterrows())}"
        f" ({regime_label(str(regime)).lower()})"
        for regime, part in twins.groupby("regime", sort=False)
    ]
    return (
        f"The same network from the same start in the same batches: {'; '.join(regimes)}, so what"
        " differs between the regimes is not the framework's doing."
    )


def _framework(row: pd.Series) -> str:
    return f"{FRAMEWORKS.get(row['framework'], row['framework'])} {_percent(row)}"


def _described(row: pd.Series) -> str:
    label = experiment_label(str(row.name)).replace("Experiment", "experiment")
    return f"{label} ({row['layers']}, {settings(row)})"


def _percent(row: pd.Series) -> str:
    return percent_interval(row["estimate"], row["low"], row["high"])
