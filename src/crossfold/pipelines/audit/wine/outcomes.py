"""Which wines every run calls correctly, and figures of them with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.audit.measured import Measured
from crossfold.pipelines.modelling.wine.inputs import WITH_QUALITY
from crossfold.validation import GroupBootstrap, percentile_interval

Array = NDArray[Any]


@dataclass(frozen=True)
class RunOutcomes:
    """The answers of one run's models on the same wines.

    Attributes
    ----------
    correct
        Whether a model calls each wine correctly, by name of the model; shape ``(n,)``.
    groups
        Number that wines which measure the same share, shape ``(n,)``; they are resampled together.
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
        """Give the share of wines that a model calls correctly."""
        correct = self.correct[model].astype(np.float32)
        blocks = [weights @ correct / weights.sum(axis=1) for weights in self._bootstrap.blocks()]
        low, high = percentile_interval(np.concatenate(blocks))
        return Measured(float(correct.mean(dtype=np.float64)), low, high, len(correct))

    def difference(self, one: str, other: str) -> Measured:
        """Give a model's accuracy minus another's on the same wines.

        The interval is that of the exact McNemar test: few wines are called correctly by one of two
        models only, too few to resample. Wines that measure the same are one pair.
        """
        a, b = (self.correct[model].astype(int) for model in (one, other))
        lead = np.bincount(np.unique(self.groups, return_inverse=True)[1], weights=a - b)
        low, high = exact_shares(int((lead > 0).sum()), int((lead != 0).sum()))
        scale = np.abs(lead).sum() / len(a)
        return Measured(
            float((a - b).mean()), scale * (2 * low - 1), scale * (2 * high - 1), len(a)
        )


def exact_shares(successes: int, n: int) -> tuple[float, float]:
    """Give the 95 % interval of a share (Clopper and Pearson 1934); all shares without any row."""
    from scipy.stats import binomtest

    if n == 0:
        return 0.0, 1.0
    interval = binomtest(successes, n).proportion_ci(0.95)
    return float(interval.low), float(interval.high)


def runs_of_audit(predictions: pd.DataFrame, n_resamples: int, seed: int) -> dict[str, RunOutcomes]:
    """Give the outcomes of every run of the audit by its name."""
    return {
        str(run): _outcomes(part, n_resamples, seed)
        for run, part in predictions.groupby("run", observed=True)
    }


def run_of_study(predictions: pd.DataFrame, n_resamples: int, seed: int) -> RunOutcomes:
    """Give the outcomes of the sound study, which also reads quality."""
    return _outcomes(predictions[predictions["inputs"] == WITH_QUALITY], n_resamples, seed)


def _outcomes(predictions: pd.DataFrame, n_resamples: int, seed: int) -> RunOutcomes:
    correct, groups = {}, np.empty(0)
    for model, part in predictions.sort_values("row").groupby("model", observed=True):
        groups = part["group"].to_numpy()
        correct[str(model)] = (part["flagged"] == (part["target"] == 1)).to_numpy()
    return RunOutcomes(correct, groups, n_resamples, seed)
