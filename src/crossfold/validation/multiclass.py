"""Metrics of predictions of several classes, and paired comparisons of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crossfold.validation.comparison import TestResult
from crossfold.validation.intervals import percentile_interval
from crossfold.validation.metrics import Values, wilson_interval

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


def confusion_counts(rows: pd.DataFrame, k: int) -> NDArray[np.intp]:
    """Count rows by the numbers ``target`` (rows) and ``predicted`` (columns), shape ``(k, k)``."""
    cells = rows["target"].to_numpy(dtype=np.intp) * k + rows["predicted"].to_numpy(dtype=np.intp)
    return np.bincount(cells, minlength=k * k).reshape(k, k)


def class_rates(counts: ArrayLike) -> pd.DataFrame:
    """Compute precision and recall of each class with Wilson's intervals.

    Parameters
    ----------
    counts
        Rows by true and predicted class, shape ``(k, k)``.

    Returns
    -------
    A row for each class: ``precision`` and ``recall``, each with ``_low`` and ``_high``; NaN of a
    class that was never named, or never seen.
    """
    counts = np.asarray(counts)
    hits, columns = np.diagonal(counts), {}
    for name, axis in (("precision", 0), ("recall", 1)):
        n = counts.sum(axis=axis)
        columns[name] = hits / np.where(n > 0, n, np.nan)
        columns[f"{name}_low"], columns[f"{name}_high"] = wilson_interval(hits, n)
    return pd.DataFrame(columns)
