"""Which wines every run calls correctly, and figures of them with intervals."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.audit.measured import Measured
from crossfold.templates.cross_validation.folds import MAIN
from crossfold.validation import GroupBootstrap, percentile_interval, wilson_interval

Array = NDArray[Any]


@dataclass(frozen=True)
class RunOutcomes:
    """The answers of one run's models on the same wines.

    Attributes
    ----------
    correct
        Whether a model calls each wine correctly, by name of the model; shape ``(n,)``.
    groups
        Number that wines which measure the same share, shape ``(n,)``.
    n_resamples, seed
        Of the bootstrap.
    """

    correct: Mapping[str, Array]
    groups: Array
    n_resamples: int
    seed: int

    @cached_property
    def _bootstrap(self) -> GroupBootstrap:
        return GroupBootstrap(self.groups, self.n_resamples, self.seed)

    def accuracy(self, model: str) -> Measured:
        """Give the share of wines called correctly; those that measure the same are one draw."""
        correct = self.correct[model].astype(np.float32)
        blocks = [weights @ correct / weights.sum(axis=1) for weights in self._bootstrap.blocks()]
        low, high = percentile_interval(np.concatenate(blocks))
        return Measured(float(correct.mean(dtype=np.float64)), low, high, len(correct))

    def difference(self, one: str, other: str) -> Measured:
        """Give a model's accuracy minus another's on the same wines.

        Few wines are called correctly by one of two models only, too few to resample: the interval
        is `paired_interval`.
        """
        a, b = (self.correct[model].astype(bool) for model in (one, other))
        return Measured(float(a.mean() - b.mean()), *paired_interval(a, b), len(a))


def paired_interval(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> tuple[float, float]:
    """Give the 95 % interval of the difference of two shares of the same rows, shape ``(n,)``.

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
    """Give the correlation, made smaller by the continuity correction where it is positive."""
    both, neither = int((a & b).sum()), int((~a & ~b).sum())
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    margins = float(a.sum()) * float(b.sum()) * float((~a).sum()) * float((~b).sum())
    excess = both * neither - only_a * only_b
    if margins == 0:
        return 0.0
    return (max(excess - len(a) / 2, 0) if excess > 0 else excess) / float(np.sqrt(margins))


def runs_of_audit(predictions: pd.DataFrame, n_resamples: int, seed: int) -> dict[str, RunOutcomes]:
    """Give the outcomes of every run of the audit by its name."""
    return {
        str(run): _outcomes(part, n_resamples, seed)
        for run, part in predictions.groupby("run", observed=True)
    }


def run_of_study(
    predictions: pd.DataFrame, models: Collection[str], n_resamples: int, seed: int
) -> RunOutcomes:
    """Give the outcomes of the sound study, which also reads quality."""
    is_sound = predictions["protocol"].isin(MAIN) & predictions["model"].isin(models)
    return _outcomes(predictions[is_sound], n_resamples, seed)


def _outcomes(predictions: pd.DataFrame, n_resamples: int, seed: int) -> RunOutcomes:
    correct, groups = {}, np.empty(0)
    for model, part in predictions.sort_values("row").groupby("model", observed=True):
        groups = part["group"].to_numpy()
        correct[str(model)] = (part["flagged"] == (part["target"] == 1)).to_numpy()
    return RunOutcomes(correct, groups, n_resamples, seed)
