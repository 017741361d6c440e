"""What is measured of a network after each epoch, and how draws and folds are summarised."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.audit.measured import Measured
from crossfold.pipelines.gene_expression.controls import DECISION_THRESHOLD
from crossfold.validation import GroupBootstrap, binary_metrics, percentile_interval

_TINY = 1e-7
RIGHT, LOSS, F1 = "right", "loss", "f1"


def measure(aml: NDArray[Any], probability: NDArray[Any]) -> dict[str, float]:
    """Give the number of rows called rightly, the mean loss, and F1 (0 where no AML is found)."""
    is_aml, flagged = aml > 0.5, probability >= DECISION_THRESHOLD
    of_truth = np.clip(np.where(is_aml, probability, 1 - probability), _TINY, 1)
    found = int((is_aml & flagged).sum())
    return {
        RIGHT: float((is_aml == flagged).sum()),
        LOSS: float(-np.log(of_truth).mean()),
        F1: 2 * found / max(1, int(is_aml.sum() + flagged.sum())),
    }


def over_draws(values: pd.Series) -> Measured:
    """Give the mean over draws, and between which values 95 % of single draws lie."""
    return Measured(float(values.mean()), *percentile_interval(values.to_numpy()), len(values))


def mean_over_draws(values: pd.Series, n_resamples: int, seed: int) -> Measured:
    """Give the mean over draws with the bootstrap interval of that mean."""
    drawn = np.random.default_rng(seed).choice(values.to_numpy(), (n_resamples, len(values)))
    interval = percentile_interval(drawn.mean(axis=1))
    return Measured(float(values.mean()), *interval, len(values))


def f1_of_patients(predictions: pd.DataFrame, n_resamples: int, seed: int) -> Measured:
    """Give F1 of out-of-fold predictions, repeats pooled, patients bootstrapped as wholes.

    Parameters
    ----------
    predictions
        Of one model: ``row``, ``fold``, ``target``, ``p1``, ``flagged``.
    """
    estimate, resampled = _f1(predictions, n_resamples, seed)
    return Measured(estimate, *percentile_interval(resampled), predictions["row"].nunique())


def f1_difference(
    predictions: pd.DataFrame, others: pd.DataFrame, n_resamples: int, seed: int
) -> Measured:
    """Give F1 of one model minus that of another, the same patients drawn for both."""
    (a, of_a), (b, of_b) = (_f1(one, n_resamples, seed) for one in (predictions, others))
    return Measured(a - b, *percentile_interval(of_a - of_b), predictions["row"].nunique())


def _f1(predictions: pd.DataFrame, n_resamples: int, seed: int) -> tuple[float, NDArray[Any]]:
    rows = predictions.sort_values(["row", "fold"])
    columns = [rows[name].to_numpy() for name in ("target", "p1", "flagged")]
    blocks = GroupBootstrap(rows["row"], n_resamples, seed).blocks()
    resampled = np.concatenate([binary_metrics(*columns, weights)[F1] for weights in blocks])
    return float(binary_metrics(*columns)[F1][0]), resampled
