"""Metrics of predictions of several classes with intervals, and paired comparisons of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crossfold.validation.comparison import TestResult, mcnemar_test
from crossfold.validation.intervals import percentile_interval
from crossfold.validation.metrics import Values, wilson_interval

Counts = NDArray[np.int64]

MULTICLASS_METRICS = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "mcc")


def multiclass_metrics(counts: ArrayLike) -> dict[str, Values]:
    """Compute all metrics of one or many confusion matrices at once, as scikit-learn defines them.

    A precision, recall or F1 whose denominator is 0 counts as 0 in the mean over classes; all
    classes are in that mean.

    Parameters
    ----------
    counts
        Rows by true class (last axis but one) and predicted class (last), shape ``(..., k, k)``.

    Returns
    -------
    For each of `MULTICLASS_METRICS` an array of shape ``(...)``. ``mcc`` is Matthews' correlation
    for several classes (Gorodkin 2004).
    """
    counts = np.asarray(counts, dtype=np.float64)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    total, all_hits = counts.sum(axis=(-2, -1)), hits.sum(axis=-1)
    by_chance = (true * predicted).sum(axis=-1)
    spread = (total**2 - (true**2).sum(axis=-1)) * (total**2 - (predicted**2).sum(axis=-1))
    return {
        "accuracy": _ratio(all_hits, total),
        "macro_precision": _ratio(hits, predicted).mean(axis=-1),
        "macro_recall": _ratio(hits, true).mean(axis=-1),
        "macro_f1": _ratio(2 * hits, true + predicted).mean(axis=-1),
        "mcc": _ratio(all_hits * total - by_chance, np.sqrt(spread)),
    }


def _ratio(numerator: Values, denominator: Values) -> Values:
    """Divide; 0 where the denominator is 0."""
    ratio = np.zeros_like(denominator)
    np.divide(numerator, denominator, out=ratio, where=denominator != 0)
    return ratio


def multiclass_metric_rows(
    y: ArrayLike, p: NDArray[Any], *, n_resamples: int, seed: int
) -> pd.DataFrame:
    """Give every metric of one model with its 95 % interval.

    The interval of the accuracy is Wilson's and that of the loss the normal one of a mean. All
    others are bootstrap percentiles: rows drawn with replacement are multinomial draws of the
    cells of the confusion matrix.

    Parameters
    ----------
    y
        True classes, shape ``(n,)``, whole numbers in [0, k).
    p
        Probability of each class, shape ``(n, k)``; the largest is the prediction.
    n_resamples
        Bootstrap resamples.
    seed
        Seeds the draws.

    Returns
    -------
    Columns ``metric`` (`MULTICLASS_METRICS` and ``loss``), ``estimate``, ``low``, ``high``, ``n``.
    """
    from sklearn.metrics import confusion_matrix

    y = np.asarray(y)
    counts = confusion_matrix(y, p.argmax(axis=1), labels=np.arange(p.shape[1]))
    resampled = _resample(counts, n_resamples, seed)
    intervals = {name: percentile_interval(values) for name, values in resampled.items()}
    low, high = wilson_interval(np.trace(counts), len(y))
    intervals["accuracy"] = float(low), float(high)
    rows = [
        (name, float(estimate), *intervals[name])
        for name, estimate in multiclass_metrics(counts).items()
    ]
    columns = ["metric", "estimate", "low", "high"]
    return pd.DataFrame([*rows, _loss_row(y, p)], columns=columns).assign(n=len(y))


def _resample(counts: Counts, n_resamples: int, seed: int) -> dict[str, Values]:
    total = counts.sum()
    drawn = np.random.default_rng(seed).multinomial(total, counts.ravel() / total, size=n_resamples)
    return multiclass_metrics(drawn.reshape(n_resamples, *counts.shape))


def _loss_row(y: NDArray[Any], p: NDArray[Any]) -> tuple[str, float, float, float]:
    """Give the mean of ``-log p[y]``, with probabilities of at least the smallest step from 1."""
    terms = -np.log(np.maximum(p[np.arange(len(y)), y], np.finfo(p.dtype).eps))
    mean, half = float(terms.mean()), 1.96 * float(terms.std()) / np.sqrt(len(y))
    return "loss", mean, mean - half, mean + half


def compare_classifiers(y: ArrayLike, predicted_a: ArrayLike, predicted_b: ArrayLike) -> TestResult:
    """Compare how often two models name the right class of the same rows: McNemar's test.

    Parameters
    ----------
    y, predicted_a, predicted_b
        True and predicted classes, shape ``(n,)``.

    Returns
    -------
    The difference of the accuracies, A minus B, and the test of `mcnemar_test`.
    """
    right_a, right_b = (np.asarray(y) == np.asarray(one) for one in (predicted_a, predicted_b))
    return mcnemar_test(np.ones(len(right_a), dtype=bool), right_a, right_b)


def paired_bootstrap(differences: ArrayLike, *, n_resamples: int, seed: int) -> TestResult:
    """Resample rows to give the mean of their differences an interval.

    Parameters
    ----------
    differences
        What model A scores more than model B on each row, shape ``(n,)``: with several trainings
        of each, the difference of the shares that are right.
    n_resamples
        Bootstrap resamples.
    seed
        Seeds the draws.

    Returns
    -------
    The mean, its 95 % percentile interval and the number of rows; no statistic, no p-value.
    """
    values, counts = np.unique(np.asarray(differences, dtype=np.float64), return_counts=True)
    n = int(counts.sum())
    drawn = np.random.default_rng(seed).multinomial(n, counts / n, size=n_resamples)
    low, high = percentile_interval(drawn @ values / n)
    return TestResult(float(counts @ values / n), low, high, np.nan, np.nan, n)


def paired_t_test(scores_a: ArrayLike, scores_b: ArrayLike) -> TestResult:
    """Compare the scores of two models that were trained from the same seeds: paired t-test.

    Parameters
    ----------
    scores_a, scores_b
        Score of each seed, shape ``(k,)``, k ≥ 2.

    Returns
    -------
    The mean difference with its 95 % interval; a p-value of 1 or 0 where all differ alike.
    """
    from scipy.stats import ttest_rel

    a, b = (np.asarray(scores, dtype=np.float64) for scores in (scores_a, scores_b))
    mean = float((a - b).mean())
    if np.ptp(a - b) == 0:
        return TestResult(mean, mean, mean, np.nan, float(mean == 0), len(a))
    result = ttest_rel(a, b)
    low, high = result.confidence_interval()
    return TestResult(mean, low, high, float(result.statistic), float(result.pvalue), len(a))
