"""How far the distribution of data has moved: the population stability index."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crossfold.validation.metrics import wilson_interval

N_BINS = 10
EMPTY_SHARE = 1e-4
SHIFTED, FAR_SHIFTED = 0.1, 0.25
CHANCE = 0.95
_NOTHING = (np.nan,) * 4

Counts = NDArray[np.float64]


def population_stability_index(before: ArrayLike, now: ArrayLike) -> float:
    """Give the population stability index of two sets of shares of the same bins.

    The sum over bins of ``(now - before) * ln(now / before)``, with natural logarithms: the
    symmetric divergence of Jeffreys (1946), used on scores and characteristics with the marks 0.1
    (some shift) and 0.25 (a large one) by Siddiqi, *Credit Risk Scorecards* (2006), chapter 10.

    Parameters
    ----------
    before, now
        Shares in [0, 1], shape ``(n_bins,)``. Below 0.0001, as in an empty bin, they count as
        0.0001, so that the index stays finite.
    """
    p, q = (np.maximum(np.asarray(shares, dtype=float), EMPTY_SHARE) for shares in (before, now))
    return float(np.sum((q - p) * np.log(q / p)))


def count_bins(before: pd.Series, now: pd.Series) -> tuple[Counts, Counts]:
    """Count the rows of a column before and now in the bins of `before`, shape ``(n_bins_found,)``.

    Numbers with more than ten distinct values fall into ten bins, with the quantiles of `before`
    between them. Other values are bins as they are. Missing values are a bin.
    """
    missing = pd.Series({"before": before.isna().sum(), "now": now.isna().sum()})
    p, q = before.dropna(), now.dropna()
    is_number = all(
        pd.api.types.is_numeric_dtype(one) and not pd.api.types.is_bool_dtype(one)
        for one in (before, now)
    )
    if is_number and before.nunique() > N_BINS:
        p, q = _into_quantiles(p, q)
    counts = pd.concat([one.astype(object).value_counts() for one in (p, q)], axis=1)
    filled = np.vstack([counts.fillna(0).to_numpy(dtype=float), missing.to_numpy(dtype=float)])
    return filled[:, 0], filled[:, 1]


def _into_quantiles(before: pd.Series, now: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Replace values by bin numbers; equal quantiles, as in mostly zeros, make fewer bins."""
    shares = np.arange(1, N_BINS) / N_BINS
    edges = np.unique(np.quantile(before.to_numpy(dtype=float), shares, method="inverted_cdf"))

    def bins(values: pd.Series) -> pd.Series:
        return pd.Series(np.searchsorted(edges, values.to_numpy(dtype=float)))

    return bins(before), bins(now)


def index_by_chance(counts_before: ArrayLike, counts_now: ArrayLike) -> float:
    """Give the index that 95 % of draws from one and the same population stay below.

    ``(1 / n + 1 / m)`` times the quantile of chi-squared with one degree of freedom less than
    there are bins (Yurdakul and Naranjo 2020, *Journal of Risk Model Validation* 14(4)); rows
    count as independent.

    Parameters
    ----------
    counts_before, counts_now
        Rows in each bin, shape ``(n_bins,)``.
    """
    from scipy.stats import chi2

    p, q = np.asarray(counts_before, dtype=float), np.asarray(counts_now, dtype=float)
    n_bins = np.count_nonzero(p + q)
    if n_bins < 2 or not p.sum() or not q.sum():
        return 0.0
    return float((1 / p.sum() + 1 / q.sum()) * chi2.ppf(CHANCE, n_bins - 1))


def feature_drift(before: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """Compare the columns of two tables.

    Parameters
    ----------
    before, now
        Tables with at least one row; rows need not be the same.

    Returns
    -------
    Columns ``name``, ``before`` and ``now`` (the mean of numbers, the share of flags, else NaN),
    ``index``, ``by_chance`` and ``verdict``; the largest index first, and at the end, without one,
    the columns that only one of them has.
    """
    table = pd.DataFrame(
        [
            *((name, *_column_drift(before[name], now[name])) for name in before if name in now),
            *((name, *_NOTHING, "gone") for name in before if name not in now),
            *((name, *_NOTHING, "new") for name in now if name not in before),
        ],
        columns=["name", "before", "now", "index", "by_chance", "verdict"],
    )
    return table.sort_values("index", ascending=False, kind="stable", ignore_index=True)


def _column_drift(before: pd.Series, now: pd.Series) -> tuple[float, float, float, float, str]:
    p, q = count_bins(before, now)
    index = population_stability_index(p / p.sum(), q / q.sum())
    by_chance = index_by_chance(p, q)
    return _mean(before), _mean(now), index, by_chance, verdict(index, by_chance)


def verdict(index: float, by_chance: float) -> str:
    """Put an index into words, by the usual marks; by chance, small tables pass them too."""
    if index < SHIFTED:
        return "stable"
    if index <= by_chance:
        return "too few rows to tell"
    return "shifted" if index < FAR_SHIFTED else "shifted far"


def _mean(column: pd.Series) -> float:
    return float(column.mean()) if pd.api.types.is_numeric_dtype(column) else np.nan


def label_rates(label: pd.Series) -> pd.DataFrame:
    """Give the rate of each level of a label, or of True alone, with 95 % Wilson intervals.

    Parameters
    ----------
    label
        Classes, shape ``(n,)``; rows where it is missing do not count.

    Returns
    -------
    Columns ``rate``, ``low`` and ``high``, all in [0, 1], by level.
    """
    known = label.dropna()
    counts = known.astype(object).value_counts().sort_index()
    if pd.api.types.is_bool_dtype(label):
        counts = counts.reindex([True], fill_value=0)
    low, high = wilson_interval(counts.to_numpy(), len(known))
    rate = counts.to_numpy(dtype=float) / max(len(known), 1)
    levels = pd.Index(counts.index.astype(str), name="level")
    return pd.DataFrame({"rate": rate, "low": low, "high": high}, index=levels)


def rate_changes(now: pd.DataFrame, before: pd.DataFrame | None = None) -> pd.DataFrame:
    """Compare the rates of two tables.

    Parameters
    ----------
    now, before
        As `label_rates` gives them.

    Returns
    -------
    Columns ``level``, ``now``, ``now_low`` and ``now_high``; with `before` its own, and the
    difference ``estimate`` with its 95 % interval ``low`` and ``high`` (Newcombe 1998, method 10,
    for independent rows).
    """
    table = now.rename(columns={"rate": "now", "low": "now_low", "high": "now_high"})
    if before is None:
        return table.reset_index()
    renamed = {"rate": "before", "low": "before_low", "high": "before_high"}
    table = table.join(before.rename(columns=renamed), how="outer")
    change = table["now"] - table["before"]
    down = np.hypot(table["now"] - table["now_low"], table["before_high"] - table["before"])
    up = np.hypot(table["now_high"] - table["now"], table["before"] - table["before_low"])
    return table.assign(estimate=change, low=change - down, high=change + up).reset_index()
