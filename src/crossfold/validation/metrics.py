"""Metrics of two classes and of several, as scikit-learn defines them, and Wilson's interval."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crossfold.validation.intervals import Counts, GroupBootstrap, Values, percentile_interval

RANKING = ("roc_auc", "pr_auc")
PROBABILITY = ("brier", "log_loss", "expected_calibration_error", "mean_prediction")
DECISION = ("accuracy", "precision", "recall", "specificity", "f1", "mcc", "flagged_share")
METRICS = (*RANKING, *PROBABILITY, *DECISION, "observed_rate")
MULTICLASS_METRICS = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "mcc")

ECE_BINS = 10


def binary_metrics(
    y: ArrayLike,
    p: ArrayLike,
    flagged: ArrayLike | None = None,
    bootstrap: GroupBootstrap | None = None,
) -> dict[str, Values]:
    """Compute all metrics of one model, once or on every resample.

    Parameters
    ----------
    y
        0 or 1, shape ``(n,)``.
    p
        Probability of class 1, shape ``(n,)``, in [0, 1].
    flagged
        Decisions, bool, shape ``(n,)``, or None for no decision metrics.
    bootstrap
        Of the same rows; None counts every row once.

    Returns
    -------
    For each metric an array of shape ``(n_resamples,)``, or ``(1,)``; NaN where it is undefined, as
    with one class only or no row.
    """
    y, p = np.asarray(y, dtype=bool), np.asarray(p, dtype=np.float64)
    bootstrap = bootstrap or GroupBootstrap.each_once(len(y))
    columns = {"rows": np.ones(len(y)), "events": y, **_probability_terms(y, p)}
    if flagged is not None:
        flagged = np.asarray(flagged, dtype=bool)
        columns |= {"tp": y & flagged, "flagged": flagged}
    sums = dict(zip(columns, bootstrap.sums(columns.values()).T, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        results = _ranking(y, p, bootstrap) | _probability(sums)
        if flagged is not None:
            results |= _decision(sums)
        return results | {"observed_rate": sums["events"] / sums["rows"]}


def _ranking(y: NDArray[np.bool_], p: Values, bootstrap: GroupBootstrap) -> dict[str, Values]:
    """Area under the ROC curve, and average precision; tied predictions count as one step.

    Both are sums over the rows of class 1 alone: of the false alarms ranked above the row (a tied
    one counts half), and of the precision when the row's tie is flagged as well. So rows are
    counted by step: of class 0 above the first row of class 1, tied with it, between it and the
    next, and so on; of class 1 by tie.
    """
    order = np.argsort(-p)
    y, ranked = y[order], -p[order]
    ties = np.unique(ranked[y])
    step = np.searchsorted(ties, ranked, side="left") + np.searchsorted(ties, ranked, side="right")
    n_steps = 2 * len(ties) + 1
    kinds = np.where(y, n_steps + step // 2, step)
    blocks = [
        _areas(counts[:n_steps], counts[n_steps:])
        for counts in bootstrap[order].counts(kinds, n_steps + len(ties))
    ]
    return dict(zip(RANKING, np.concatenate(blocks, axis=1), strict=True))


def _areas(alarms: Counts, hits: Counts) -> Values:
    """Compute both areas, shape ``(2, resamples)``, from rows of class 0 and 1 by step."""
    alarms, hits_through = (rows.cumsum(axis=0, dtype=rows.dtype) for rows in (alarms, hits))
    above, through = alarms[:-1:2], alarms[1::2]
    precision = _ratio(hits_through, hits_through + through)
    doubled = (hits * (above + through).astype(np.float64)).sum(axis=0)
    n_hits = hits.sum(axis=0)
    return np.stack(
        [1 - 0.5 * doubled / (n_hits * alarms[-1]), (hits * precision).sum(axis=0) / n_hits]
    )


def _probability_terms(y: NDArray[np.bool_], p: Values) -> dict[str, Values]:
    """Give what the metrics of probabilities sum, by name, each of shape ``(n,)``."""
    tiny = np.finfo(np.float64).eps
    q, bins = np.clip(p, tiny, 1 - tiny), np.minimum((p * ECE_BINS).astype(int), ECE_BINS - 1)
    log_loss = -np.where(y, np.log(q), np.log1p(-q))
    gaps = {f"gap {k}": np.where(bins == k, p - y, 0) for k in range(ECE_BINS)}
    return {"squared": (p - y) ** 2, "log": log_loss, "p": p, **gaps}


def _probability(sums: dict[str, Values]) -> dict[str, Values]:
    gaps = sum(np.abs(sums[f"gap {k}"]) for k in range(ECE_BINS))
    summed = (sums["squared"], sums["log"], gaps, sums["p"])
    return {name: own / sums["rows"] for name, own in zip(PROBABILITY, summed, strict=True)}


def _decision(sums: dict[str, Values]) -> dict[str, Values]:
    tp, flagged, total = sums["tp"], sums["flagged"], sums["rows"]
    fp, fn = flagged - tp, sums["events"] - tp
    tn = total - tp - fn - fp
    margins = flagged * (tp + fn) * (tn + fp) * (tn + fn)
    return {
        "accuracy": (tp + tn) / total,
        "precision": _ratio(tp, flagged),
        "recall": tp / (tp + fn),
        "specificity": tn / (tn + fp),
        "f1": 2 * tp / (2 * tp + fp + fn),
        "mcc": _ratio(tp * tn - fp * fn, np.sqrt(margins)),
        "flagged_share": flagged / total,
    }


def _ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> NDArray[Any]:
    """Divide; 0 where the denominator is 0, as scikit-learn does."""
    ratio = np.zeros(np.shape(numerator))
    np.divide(numerator, denominator, out=ratio, where=denominator != 0)
    return ratio


def wilson_interval(successes: Any, n: Any) -> tuple[Values, Values]:
    """Give the bounds in [0, 1] of the 95 % Wilson score interval of proportions (Wilson 1927).

    Counts have any shape; ``n`` of 0 gives NaN.
    """
    from scipy.stats import norm

    successes, n = np.asarray(successes, dtype=float), np.asarray(n, dtype=float)
    z = norm.ppf(0.975)
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


def drawn_confusions(
    y: NDArray[np.intp], predicted: NDArray[np.intp], k: int, bootstrap: GroupBootstrap
) -> Counts:
    """Count rows by true and predicted class, ``(n,)``, in resamples: ``(n_resamples, k, k)``."""
    blocks = bootstrap.counts(y * k + predicted, k * k)
    return np.concatenate([block.T for block in blocks]).reshape(-1, k, k)


def class_rates(counts: ArrayLike, drawn: NDArray[Any] | None = None) -> pd.DataFrame:
    """Compute precision and recall of each class with 95 % intervals.

    Parameters
    ----------
    counts
        Rows by true and predicted class, shape ``(k, k)``.
    drawn
        The same in resamples of whole groups, shape ``(n_resamples, k, k)``, whose percentiles are
        the intervals; None for Wilson's.

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
        ends = wilson_interval(hits, n) if drawn is None else _drawn_interval(drawn, axis)
        columns[f"{name}_low"], columns[f"{name}_high"] = ends
    return pd.DataFrame(columns)


def _drawn_interval(drawn: NDArray[Any], axis: int) -> tuple[Values, Values]:
    hits, n = np.diagonal(drawn, axis1=1, axis2=2), drawn.sum(axis=axis + 1)
    shares = hits / np.where(n > 0, n, np.nan)
    low, high = np.array([percentile_interval(one) for one in shares.T]).T
    return low, high
