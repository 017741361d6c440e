"""Bootstrap intervals that resample whole groups, the same way for every model."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crossfold.validation.metrics import Values, Weights, binary_metrics

_RESAMPLES_AT_ONCE, _WEIGHTS_AT_ONCE = 32, 1 << 23
_PERCENTILES = (2.5, 97.5)


class GroupBootstrap:
    """Bootstrap weights: groups are drawn with replacement, a row weighs what its group does.

    All models that share one bootstrap are resampled alike, so that differences between them are
    paired (Efron and Tibshirani 1993, chapter 8; Field and Welsh 2007 for clusters).

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
    codes, drawn
        Number of each row's group; how often each resample drew each group.
    """

    def __init__(self, groups: ArrayLike, n_resamples: int, seed: int) -> None:
        self.codes = pd.factorize(np.asarray(groups))[0]
        n_groups = int(self.codes.max()) + 1
        rng = np.random.default_rng(seed)
        # A group is drawn once on average: 8 bits hold the most that is ever drawn.
        self.drawn = np.empty((n_resamples, n_groups), dtype=np.uint8)
        for counts in self.drawn:
            counts[:] = np.bincount(rng.integers(n_groups, size=n_groups), minlength=n_groups)

    def is_grouped(self, repeats: float = 1) -> bool:
        """Tell whether any group has several rows, each of which comes `repeats` times."""
        return round(self.drawn.shape[1] * repeats) < len(self.codes)

    def blocks(self, rows: NDArray[np.intp] | None = None) -> Iterator[Weights]:
        """Yield weights a block of resamples at a time, shape ``(resamples, rows)``, float32.

        Parameters
        ----------
        rows
            Rows to weigh, or None for all of them. What is drawn does not depend on it.
        """
        codes = self.codes if rows is None else self.codes[rows]
        size = max(1, min(_RESAMPLES_AT_ONCE, _WEIGHTS_AT_ONCE // max(1, len(codes))))
        for start in range(0, len(self.drawn), size):
            drawn = self.drawn[start : start + size]
            yield np.take(drawn, codes, axis=1).astype(np.float32)

    def sums(self, columns: Iterable[ArrayLike]) -> NDArray[np.float64]:
        """Sum numbers of the rows over every resample.

        Parameters
        ----------
        columns
            ``k`` of them, each of shape ``(n,)``.

        Returns
        -------
        Shape ``(n_resamples, k)``.
        """
        n_groups = self.drawn.shape[1]
        sums = (np.bincount(self.codes, np.asarray(own), n_groups) for own in columns)
        of_groups = np.stack([own.astype(np.float32) for own in sums], axis=1)
        starts = range(0, len(self.drawn), _RESAMPLES_AT_ONCE)
        blocks = (self.drawn[start : start + _RESAMPLES_AT_ONCE] for start in starts)
        return np.concatenate([block.astype(np.float32) @ of_groups for block in blocks]).astype(
            np.float64
        )


def bootstrap_metrics(
    y: ArrayLike,
    p: ArrayLike,
    flagged: ArrayLike | None,
    bootstrap: GroupBootstrap,
    rows: NDArray[np.intp] | None = None,
    *,
    only_ranking: bool = False,
) -> dict[str, Values]:
    """Compute all metrics of one model on every resample.

    Parameters
    ----------
    y, p, flagged, only_ranking
        As in `binary_metrics`; arrays of shape ``(n,)``.
    bootstrap
        Its groups cover the whole table.
    rows
        Number of each of the `n` rows in that table, or None where they are the table.

    Returns
    -------
    For each metric an array of shape ``(n_resamples,)``.
    """
    # Ranked once here, the rows cost each block next to nothing to rank again.
    order = np.argsort(-np.asarray(p), kind="stable")
    y, p = np.asarray(y)[order], np.asarray(p)[order]
    flagged = None if flagged is None else np.asarray(flagged)[order]
    rows = order if rows is None else rows[order]
    blocks = [
        binary_metrics(y, p, flagged, weights, only_ranking=only_ranking)
        for weights in bootstrap.blocks(rows)
    ]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


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
