"""Metrics of two classes and of several, as scikit-learn defines them, and Wilson's interval."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Weights = NDArray[np.floating]
Values = NDArray[np.float64]

RANKING = ("roc_auc", "pr_auc")
PROBABILITY = ("brier", "log_loss", "expected_calibration_error", "mean_prediction")
DECISION = ("accuracy", "precision", "recall", "specificity", "f1", "mcc", "flagged_share")
METRICS = (*RANKING, *PROBABILITY, *DECISION)
MULTICLASS_METRICS = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "mcc")

ECE_BINS = 10


def binary_metrics(
    y: ArrayLike,
    p: ArrayLike,
    flagged: ArrayLike | None = None,
    weights: Weights | None = None,
    *,
    only_ranking: bool = False,
) -> dict[str, Values]:
    """Compute all metrics of one model for one or many sets of weights at once.

    Weights are counts: single precision holds their sums exactly up to 16.7 million rows.

    Parameters
    ----------
    y
        0 or 1, shape ``(n,)``.
    p
        Probability of class 1, shape ``(n,)``, in [0, 1].
    flagged
        Decisions, bool, shape ``(n,)``, or None for no decision metrics.
    weights
        Non-negative, shape ``(resamples, n)``, whose precision the sums have; None weighs every
        row once, in double precision.
    only_ranking
        Whether to leave out metrics of the size of probabilities, a third of the time.

    Returns
    -------
    For each metric an array of shape ``(resamples,)``; NaN where it is undefined, as with one
    class only or no row.
    """
    y = np.asarray(y, dtype=np.float32)
    p = np.asarray(p, dtype=np.float64)
    weights = np.ones((1, len(y))) if weights is None else weights
    with np.errstate(divide="ignore", invalid="ignore"):
        results = _ranking(y, p, weights)
        if not only_ranking:
            results |= _probability(y, p, weights)
        if flagged is not None:
            results |= _decision(y, np.asarray(flagged, dtype=np.float32), weights)
    return results


def _ranking(y: NDArray[np.float32], p: Values, weights: Weights) -> dict[str, Values]:
    """Area under the ROC curve, and average precision; tied predictions count as one step.

    Both are sums over the rows of class 1 alone: of the false alarms ranked above the row (a tied
    one counts half), and of the precision when the row's tie is flagged as well.
    """
    order = np.argsort(-p, kind="stable")
    ranked = -p[order]
    positive = np.flatnonzero(y[order])
    flagged = cumulative(weights[:, order])
    hit_weights = weights[:, order[positive]]
    hits = cumulative(hit_weights)
    above = np.searchsorted(ranked, ranked[positive], side="left")
    through = np.searchsorted(ranked, ranked[positive], side="right")
    hits_above, hits_through = (hits[:, np.searchsorted(positive, n)] for n in (above, through))
    flagged_through = flagged[:, through]
    doubled_alarms = flagged[:, above] - hits_above + flagged_through - hits_through
    all_hits = hits[:, -1].astype(np.float64)
    pairs = all_hits * (flagged[:, -1] - all_hits)
    return {
        "roc_auc": 1 - 0.5 * _dot(hit_weights, doubled_alarms) / pairs,
        "pr_auc": _dot(hit_weights, _ratio(hits_through, flagged_through)) / all_hits,
    }


def cumulative(weights: Weights) -> Weights:
    """Give the weight of the first 0, 1, … n rows: shape ``(resamples, n + 1)``."""
    totals = np.zeros((len(weights), weights.shape[1] + 1), dtype=weights.dtype)
    np.cumsum(weights, axis=1, out=totals[:, 1:])
    return totals


def _dot(a: NDArray[Any], b: NDArray[Any]) -> Values:
    """Sum the products of each row, in double precision."""
    return np.asarray((a * b).sum(axis=1, dtype=np.float64))


def _probability(y: NDArray[np.float32], p: Values, weights: Weights) -> dict[str, Values]:
    total = weights.sum(axis=1, dtype=np.float64)
    tiny = np.finfo(np.float64).eps
    q = np.clip(p, tiny, 1 - tiny)
    per_row = np.column_stack(
        [(p - y) ** 2, -(y * np.log(q) + (1 - y) * np.log1p(-q)), p, _bins(p), (p - y)]
    )
    sums = weights @ per_row[:, :3].astype(weights.dtype)
    bins = np.eye(ECE_BINS, dtype=weights.dtype)[per_row[:, 3].astype(int)]
    gaps = weights @ (bins * per_row[:, 4:].astype(weights.dtype))
    means = sums.astype(np.float64) / total[:, None]
    return {
        "brier": means[:, 0],
        "log_loss": means[:, 1],
        "expected_calibration_error": np.abs(gaps).sum(axis=1, dtype=np.float64) / total,
        "mean_prediction": means[:, 2],
    }


def _bins(p: Values) -> NDArray[np.intp]:
    """Give the number of the equal-width bin of each probability."""
    return np.minimum((p * ECE_BINS).astype(np.intp), ECE_BINS - 1)


def _decision(
    y: NDArray[np.float32], flagged: NDArray[np.float32], weights: Weights
) -> dict[str, Values]:
    """Metrics of the confusion matrix."""
    cells = np.column_stack([y * flagged, y * (1 - flagged), (1 - y) * flagged])
    tp, fn, fp = (weights @ cells).astype(np.float64).T
    total = weights.sum(axis=1, dtype=np.float64)
    tn = total - tp - fn - fp
    margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return {
        "accuracy": (tp + tn) / total,
        "precision": _ratio(tp, tp + fp),
        "recall": tp / (tp + fn),
        "specificity": tn / (tn + fp),
        "f1": 2 * tp / (2 * tp + fp + fn),
        "mcc": _ratio(tp * tn - fp * fn, np.sqrt(margins)),
        "flagged_share": (tp + fp) / total,
    }


def _ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> NDArray[Any]:
    """Divide; 0 where the denominator is 0, as scikit-learn does."""
    ratio = np.zeros_like(numerator)
    np.divide(numerator, denominator, out=ratio, where=denominator != 0)
    return ratio


def wilson_interval(successes: Any, n: Any, confidence: float = 0.95) -> tuple[Values, Values]:
    """Give the Wilson score interval of proportions (Wilson 1927).

    Parameters
    ----------
    successes, n
        Counts, any shape; ``n`` of 0 gives NaN.
    confidence
        In (0, 1).

    Returns
    -------
    Lower and upper bounds, in [0, 1].
    """
    from scipy.stats import norm

    successes, n = np.asarray(successes, dtype=float), np.asarray(n, dtype=float)
    z = norm.ppf(0.5 + confidence / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = successes / n
        centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # At the ends the formula gives 0 and 1, but for rounding.
    low, high = np.where(share == 0, 0, centre - half), np.where(share == 1, 1, centre + half)
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


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
