"""What the wine audit measures: which wines the models of a protocol call correctly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.templates.audit import Claims, Measured, from_interval, resampled
from crossfold.validation import GroupBootstrap, corrected_resampled_t_test, wilson_interval

Array = NDArray[Any]
SINGLE_SPLIT, DUPLICATES = "single_split", "duplicates_across_split"
SEARCHED = ("hidden_layer_sizes", "learning_rate_init")


@dataclass(frozen=True)
class Case:
    """The answers of one protocol's models on the same wines.

    Attributes
    ----------
    correct
        Whether a model calls each wine correctly, by name of the model; shape ``(n,)``.
    groups
        Number that wines which measure the same share, shape ``(n,)``.
    grid
        Rows of `crossfold.pipelines.wine.audit.nodes.search_grid` of the protocol.
    choice
        The candidate that the source's search chose, as `SEARCHED` names it.
    n_resamples, seed
        Of the bootstrap.
    """

    correct: Mapping[str, Array]
    groups: Array
    grid: pd.DataFrame
    choice: tuple[str, float]
    n_resamples: int
    seed: int

    @cached_property
    def _bootstrap(self) -> GroupBootstrap:
        return GroupBootstrap(self.groups, self.n_resamples, self.seed)

    def accuracy(self, model: str) -> Measured:
        """Measure the share of wines called correctly; those that measure the same are one draw."""
        correct = self.correct[model].astype(np.float32)
        blocks = [weights @ correct / weights.sum(axis=1) for weights in self._bootstrap.blocks()]
        estimate = correct.mean(dtype=np.float64)
        return resampled(float(estimate), np.concatenate(blocks), len(correct))


def accuracy(case: Case, of: str) -> Measured:
    """Measure a model's accuracy."""
    return case.accuracy(of)


def gain(case: Case, of: str, minus: str) -> Measured:
    """Measure a model's accuracy minus another's on the same wines.

    Few wines are called correctly by one of two models only, too few to resample: the interval is
    `paired_interval`.
    """
    a, b = (case.correct[model].astype(bool) for model in (of, minus))
    return from_interval(a.mean() - b.mean(), paired_interval(a, b), len(a))


def lead_of_choice(case: Case) -> Measured:
    """Measure the inner accuracy of the source's choice minus that of the best other candidate."""
    by_fold = case.grid.pivot_table(index="fold", columns=list(SEARCHED), values="accuracy")
    others = by_fold.drop(columns=[case.choice])
    best = others[others.mean().idxmax()]
    result = corrected_resampled_t_test(by_fold[case.choice], best, test_share=1 / len(by_fold))
    return from_interval(result.difference, (result.low, result.high), len(by_fold))


def paired_interval(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> tuple[float, float]:
    """Compute the 95 % interval of the difference of two shares of the same rows, shape ``(n,)``.

    Method 10 of Newcombe (1998), "Improved confidence intervals for the difference between binomial
    proportions based on paired data": Wilson's intervals of both, joined by their correlation.
    """
    n, shares = len(a), (a.mean(), b.mean())
    (low_a, high_a), (low_b, high_b) = (wilson_interval(int(x.sum()), n) for x in (a, b))
    phi = _paired_correlation(a, b)
    down = _joined(shares[0] - low_a, high_b - shares[1], phi)
    up = _joined(high_a - shares[0], shares[1] - low_b, phi)
    difference = shares[0] - shares[1]
    return float(difference - down), float(difference + up)


def _joined(one: Any, other: Any, phi: float) -> float:
    return float(np.sqrt(one**2 - 2 * phi * one * other + other**2))


def _paired_correlation(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Compute the correlation, made smaller by the continuity correction where it is positive."""
    both, neither = int((a & b).sum()), int((~a & ~b).sum())
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    margins = float(a.sum()) * float(b.sum()) * float((~a).sum()) * float((~b).sum())
    excess = both * neither - only_a * only_b
    if margins == 0:
        return 0.0
    return (max(excess - len(a) / 2, 0) if excess > 0 else excess) / float(np.sqrt(margins))


class WineClaims(Claims):
    """The claims of the wine study's source."""

    study: ClassVar[str] = "wine"
    switches: ClassVar[tuple[str, ...]] = (DUPLICATES, SINGLE_SPLIT)
    measures: ClassVar = {one.__name__: one for one in (accuracy, gain, lead_of_choice)}
