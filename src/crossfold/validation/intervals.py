"""Bootstrap intervals that resample whole groups, the same way for every model."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, DTypeLike, NDArray

Values = NDArray[np.float64]
Counts = NDArray[np.int32]

# Resamples in a block: with fewer, taking blocks out costs more than the sums; of counts, which are
# many for each resample, more would not stay in the processor's cache.
_SUMMED_AT_ONCE, _COUNTED_AT_ONCE = 100, 25
_MOST_AT_ONCE = 1 << 23  # groups times resamples: memory for tables of millions of rows
_PERCENTILES = (2.5, 97.5)


class GroupBootstrap:
    """Bootstrap sums: groups are drawn with replacement, a row counts as often as its group.

    All models that share one bootstrap are resampled alike, so that differences between them are
    paired (Efron and Tibshirani 1993, chapter 8; Field and Welsh 2007 for clusters). With ``[]`` it
    is that of some of the rows, in any order; what is drawn does not depend on them.

    Parameters
    ----------
    groups
        Group of each row, shape ``(n,)``; ``arange(n)`` where every row stands for itself.
    n_resamples
        Number of resamples.
    seed
        Seeds the draws.

    Attributes
    ----------
    codes
        Number of each row's group, shape ``(n,)``.
    drawn
        How often each resample drew each group, shape ``(n_resamples, n_groups)``.
    """

    def __init__(self, groups: ArrayLike, n_resamples: int, seed: int) -> None:
        self.codes = pd.factorize(np.asarray(groups))[0]
        self._n_rows, self._n_groups = len(self.codes), int(self.codes.max()) + 1
        rng = np.random.default_rng(seed)
        # A group is drawn once on average: 8 bits hold the most that is ever drawn. Sums read them
        # by group.
        self.drawn = np.empty((n_resamples, self._n_groups), dtype=np.uint8, order="F")
        for counts in self.drawn:
            groups = rng.integers(self._n_groups, size=self._n_groups)
            counts[:] = np.bincount(groups, minlength=self._n_groups)

    @classmethod
    def each_once(cls, n_rows: int) -> GroupBootstrap:
        """Make a single "resample" that holds each row once: its sums are those of the rows."""
        whole = cls([0], 1, 0)
        whole.codes, whole._n_rows = np.zeros(n_rows, dtype=np.intp), n_rows
        return whole

    def __getitem__(self, rows: NDArray[np.intp]) -> GroupBootstrap:
        some = copy.copy(self)
        some.codes = self.codes[rows]
        return some

    def is_grouped(self, repeats: float = 1) -> bool:
        """Tell whether any group has several rows, each of which comes `repeats` times."""
        return round(self._n_groups * repeats) < self._n_rows

    def sums(self, columns: Iterable[ArrayLike]) -> Values:
        """Sum numbers of the rows over every resample.

        Parameters
        ----------
        columns
            ``k`` of them, each of shape ``(n,)``.

        Returns
        -------
        Shape ``(n_resamples, k)``.
        """
        of_groups = [np.bincount(self.codes, own, self._n_groups) for own in columns]
        summed = np.stack(of_groups, axis=1)
        return np.concatenate(
            [drawn.T @ summed for drawn in self._drawn(np.float64, _SUMMED_AT_ONCE)]
        )

    def counts(self, kinds: NDArray[np.intp], n_kinds: int) -> Iterator[Counts]:
        """Count the rows of each kind in every resample, a block of resamples at a time.

        Parameters
        ----------
        kinds
            Number of each row's kind, shape ``(n,)``, below `n_kinds`.

        Yields
        ------
        Shape ``(n_kinds, resamples)``.
        """
        from scipy.sparse import csr_array

        shape = n_kinds, self._n_groups
        rows = csr_array((np.ones(len(kinds), np.int32), (kinds, self.codes)), shape=shape)
        for drawn in self._drawn(np.int32, _COUNTED_AT_ONCE):
            yield rows @ drawn

    def _drawn(self, dtype: DTypeLike, at_once: int) -> Iterator[NDArray[Any]]:
        """Yield how often each group is drawn, shape ``(n_groups, resamples)``."""
        at_once = max(1, min(at_once, _MOST_AT_ONCE // self._n_groups))
        for start in range(0, len(self.drawn), at_once):
            yield self.drawn[start : start + at_once].T.astype(dtype)


def percentile_interval(resampled: Values) -> tuple[float, float]:
    """Give the 95 % percentile interval of resampled figures; NaN where none is defined."""
    known = resampled[np.isfinite(resampled)]
    if not len(known):
        return np.nan, np.nan
    low, high = np.percentile(known, _PERCENTILES)
    return float(low), float(high)


def t_interval(values: ArrayLike) -> tuple[float, float, float]:
    """Compute the mean of repeats and its 95 % t-interval (Student 1908), NaN for a single one.

    Parameters
    ----------
    values
        Shape ``(k,)``: a figure of each draw, seed or permutation.
    """
    from scipy.stats import sem, t

    values = np.asarray(values, dtype=np.float64)
    mean = float(values.mean())
    if len(values) < 2:
        return mean, np.nan, np.nan
    half = float(t.ppf(0.975, len(values) - 1) * sem(values))
    return mean, mean - half, mean + half
