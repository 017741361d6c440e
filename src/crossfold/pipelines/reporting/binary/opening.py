"""The answer in three sentences, made from the run's own numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from crossfold.pipelines.reporting.binary.labels import model_in_text
from crossfold.pipelines.reporting.binary.lookup import Estimate, find, require
from crossfold.pipelines.reporting.binary.parameters import ReportParameters
from crossfold.reports.words import count, percent, percent_interval


def opening(
    metrics_table: pd.DataFrame,
    capacity: pd.DataFrame,
    card: Mapping[str, Any],
    report: ReportParameters,
) -> list[str]:
    """Write how well the model ranks, what acting on it brings, and what it is not good for."""
    return [
        ranking_sentence(metrics_table, report),
        capacity_sentence(metrics_table, capacity, report),
        limits_sentence(metrics_table, card, report),
    ]


def ranking_sentence(metrics_table: pd.DataFrame, report: ReportParameters) -> str:
    """Say how well the model ranks, beside chance and the reference model."""
    found = require(metrics_table, report.model, "roc_auc")
    reference = find(metrics_table, report.reference_model, "roc_auc")
    beside = (
        f" and {model_in_text(report.reference_model)} reaches {reference}" if reference else ""
    )
    return (
        f"The {model_in_text(report.model)} ranks {count(found.n)} {report.rows}"
        f" ({count(found.positives)} {report.events}) by risk with a ROC-AUC of {found},"
        f" each scored by a model trained on other {report.groups} only; 0.5 is chance{beside}."
    )


def capacity_sentence(
    metrics_table: pd.DataFrame, capacity: pd.DataFrame, report: ReportParameters
) -> str:
    """Say what acting on the riskiest share brings, beside acting at random."""
    precision, recall = (
        _at_share(capacity, report.model, metric, report.share)
        for metric in ("precision", "recall")
    )
    base_rate = _base_rate(require(metrics_table, report.model, "roc_auc"))
    return (
        f"Calling the riskiest {percent(precision['share'], 0)}"
        f" ({count(precision['n_called'])} {report.rows}) reaches {_percent(recall)} of all"
        f" {report.events}, and {_percent(precision)} of those called would be a {report.event},"
        f" against {base_rate} at random."
    )


def limits_sentence(
    metrics_table: pd.DataFrame, card: Mapping[str, Any], report: ReportParameters
) -> str:
    """Say how much of the ranking is easy, and what the model is not good for."""
    use = f"not for {_clause(card['not_intended_for'])}" if _has_use(card) else "a ranking only"
    part = report.harder_rows
    harder = part and find(metrics_table, report.model, "roc_auc", scope=part.scope)
    if part is None or harder is None:
        return f"It is {use}."
    alone = find(metrics_table, part.model, "roc_auc")
    by_itself = f", which a single column does with {alone}" if alone else ""
    return (
        f"Much of that is {part.skill}{by_itself}: among the {count(harder.n)} {part.rows} the"
        f" ROC-AUC is only {harder}, so it is {use}."
    )


def _base_rate(figure: Estimate) -> str:
    """Give the share of positives with its Wilson interval."""
    from crossfold.validation import wilson_interval

    low, high = wilson_interval(figure.positives, figure.n)
    return percent_interval(figure.positives / figure.n, float(low), float(high))


def _has_use(card: Mapping[str, Any]) -> bool:
    return bool(card.get("not_intended_for"))


def _clause(sentence: str) -> str:
    """Turn a sentence into the end of another one."""
    text = sentence.strip().rstrip(".")
    return text[:1].lower() + text[1:]


def _at_share(capacity: pd.DataFrame, model: str, metric: str, share: float) -> pd.Series:
    """Find the row of a model and metric whose share is nearest to the one asked for."""
    part = capacity[(capacity["model"] == model) & (capacity["metric"] == metric)]
    return part.loc[(part["share"] - share).abs().idxmin()]


def _percent(row: pd.Series) -> str:
    return percent_interval(row["estimate"], row["low"], row["high"])
