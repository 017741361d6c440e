"""From probabilities to decisions: whom to call, and what it is worth."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crossfold.exceptions import CrossfoldError
from crossfold.validation.intervals import GroupBootstrap, Values, percentile_interval

Policy = Literal["capacity", "cost", "f1", "fixed"]
THRESHOLDS = np.linspace(0, 1, 101)


def choose_threshold(
    y: ArrayLike,
    p: ArrayLike,
    policy: Policy,
    *,
    share: float = 0.1,
    cost_ratio: float = 0.25,
    value: float = 0.5,
) -> float:
    """Choose the threshold at or above which a row is flagged.

    Parameters
    ----------
    y, p
        0/1 and calibrated probabilities of rows the model did not learn from, shape ``(n,)``.
    policy
        ``capacity``: flag the riskiest `share` of rows, and all that tie with the last of them.
        ``cost``: flag where the expected gain exceeds the cost, which for calibrated probabilities
        is `cost_ratio` itself (Elkan 2001). ``f1``: the largest F1. ``fixed``: `value`.
    share
        In (0, 1).
    cost_ratio
        Cost of one call divided by the loss that it averts where the patient would not have come.
    value
        In [0, 1].

    Raises
    ------
    CrossfoldError
        There is no such policy.
    """
    p = np.asarray(p, dtype=np.float64)
    if policy == "capacity":
        return float(np.quantile(p, 1 - share))
    if policy == "cost":
        return cost_ratio
    if policy == "fixed":
        return value
    if policy != "f1":
        raise CrossfoldError(f"No policy is called {policy!r}: choose capacity, cost, f1 or fixed.")
    order = np.argsort(-p, kind="stable")
    hits, ranked = np.cumsum(np.asarray(y)[order]), p[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)) + 1, len(ranked))  # of ties
    return float(ranked[ends - 1][np.argmax(2 * hits[ends - 1] / (ends + hits[-1]))])


def _confusion_at(
    y: NDArray[Any], p: NDArray[np.float64], thresholds: NDArray[np.float64]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Give true and false positives when rows at or above each threshold are flagged."""
    order = np.argsort(p, kind="stable")
    hits_from = np.append(np.cumsum(y[order][::-1])[::-1], 0)
    below = np.searchsorted(p[order], thresholds, side="left")
    true_positives = hits_from[below]
    return true_positives, len(p) - below - true_positives


def threshold_table(y: ArrayLike, p: ArrayLike) -> pd.DataFrame:
    """Give decision metrics at 101 thresholds from 0 to 1.

    `y` is 0/1 and `p` probabilities, shape ``(n,)``. Returns columns ``threshold``, ``precision``
    (NaN where nothing is flagged), ``recall``, ``false_positive_rate``, ``f1``, ``flagged_share``.
    """
    y, p = np.asarray(y, dtype=np.int64), np.asarray(p, dtype=np.float64)
    tp, fp = _confusion_at(y, p, THRESHOLDS)
    positives = y.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        return pd.DataFrame(
            {
                "threshold": THRESHOLDS,
                "precision": tp / (tp + fp),
                "recall": tp / positives,
                "false_positive_rate": fp / (len(y) - positives),
                "f1": 2 * tp / (tp + fp + positives),
                "flagged_share": (tp + fp) / len(y),
            }
        )


def capacity_table(
    y: ArrayLike, p: ArrayLike, shares: ArrayLike, bootstrap: GroupBootstrap
) -> pd.DataFrame:
    """Give precision and recall when the riskiest share of rows is called.

    Rows of equal probability are called in random order: the figures are the expected ones.

    Parameters
    ----------
    y, p
        0/1 and probabilities, shape ``(n,)``.
    shares
        Shares to call, in (0, 1].
    bootstrap
        Gives the intervals, on the same rows.

    Returns
    -------
    Columns ``share``, ``n_called``, ``precision``, ``recall``, ``lift`` (precision over
    prevalence), ``precision_low``, ``precision_high``, ``recall_low`` and ``recall_high`` (95 %).
    """
    shares, p = (np.asarray(values, dtype=np.float64) for values in (shares, p))
    y = np.asarray(y, dtype=np.intp)
    n_called = np.maximum(np.round(shares * len(y)).astype(int), 1)
    called_share = n_called / len(y)
    ((precision, recall),) = _at_shares(y, p, GroupBootstrap.each_once(len(y)), called_share)
    table = pd.DataFrame(
        {
            "share": shares,
            "n_called": n_called,
            "precision": precision[0],
            "recall": recall[0],
            "lift": precision[0] / y.mean(),
        }
    )
    blocks = zip(*_at_shares(y, p, bootstrap, called_share), strict=True)
    for name, resampled in zip(("precision", "recall"), blocks, strict=True):
        intervals = [percentile_interval(column) for column in np.concatenate(resampled).T]
        table[[f"{name}_low", f"{name}_high"]] = intervals
    return table


def _at_shares(
    y: NDArray[np.intp], p: Values, bootstrap: GroupBootstrap, shares: Values
) -> Iterator[tuple[Values, Values]]:
    """Yield precision and recall, each of shape ``(resamples, shares)``, by block of resamples.

    Between the ends of two ties hits grow evenly, as they do on average in random order.
    """
    ties, tie = np.unique(-p, return_inverse=True)
    n_ties = len(ties)
    for counts in bootstrap.counts(tie + n_ties * y, 2 * n_ties):
        hits = np.pad(counts[n_ties:].cumsum(axis=0), ((1, 0), (0, 0))).T
        called = hits + np.pad(counts[:n_ties].cumsum(axis=0), ((1, 0), (0, 0))).T
        wanted = shares * called[:, -1:]
        hits_at = np.array([np.interp(*row) for row in zip(wanted, called, hits, strict=True)])
        with np.errstate(invalid="ignore"):
            yield hits_at / wanted, hits_at / hits[:, -1:]


def decision_curve(y: ArrayLike, p: ArrayLike, bootstrap: GroupBootstrap) -> pd.DataFrame:
    """Give the net benefit of flagging by the model, flagging all and flagging none.

    Net benefit per row is ``TP/n − FP/n · t/(1 − t)`` at threshold probability ``t``, from 0.01 to
    0.60 (Vickers and Elkin 2006).

    Parameters
    ----------
    y, p
        0/1 and calibrated probabilities, shape ``(n,)``.
    bootstrap
        Gives the intervals of the model, on the same rows.

    Returns
    -------
    Columns ``policy`` (``model``, ``all`` or ``none``), ``threshold``, ``estimate``, and of the
    model ``low`` and ``high`` (95 %), which are NaN of the others.
    """
    t = np.linspace(0.01, 0.6, 60)
    y, p = np.asarray(y, dtype=np.int64), np.asarray(p, dtype=np.float64)
    tp, fp = _confusion_at(y, p, t)
    odds = t / (1 - t)
    model, everyone = (tp - fp * odds) / len(y), y.mean() - (1 - y.mean()) * odds
    rows = bootstrap.sums([np.ones(len(y))])
    gains = ((p >= at) * np.where(y == 1, 1.0, -cost) for at, cost in zip(t, odds, strict=True))
    drawn = bootstrap.sums(gains) / rows
    low, high = np.array([percentile_interval(column) for column in drawn.T]).T
    policies: dict[str, dict[str, Any]] = {
        "model": {"estimate": model, "low": low, "high": high},
        "all": {"estimate": everyone},
        "none": {"estimate": 0.0},
    }
    tables = [pd.DataFrame({"policy": n, "threshold": t, **own}) for n, own in policies.items()]
    return pd.concat(tables, ignore_index=True)
