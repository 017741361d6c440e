"""What every run answered, and the quantities made from it, with intervals by patient."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.audit.measured import Measured
from crossfold.pipelines.audit.no_show.training import outcome_counts
from crossfold.validation import (
    GroupBootstrap,
    bootstrap_metrics,
    percentile_interval,
)

Array = NDArray[Any]
_SMALLEST = 1e-7


@dataclass(frozen=True)
class Answers:
    """The out-of-fold answers of one network of one run.

    Attributes
    ----------
    target, probability
        Shape ``(n,)``.
    training
        How often each row was a true positive, a false positive and a false negative as a training
        row, shape ``(3, n)``.
    """

    target: Array
    probability: Array
    training: Array

    def counts(self, threshold: float) -> Array:
        """Mark true and false positives and false negatives, shape ``(3, n)``."""
        return outcome_counts(self.target == 1, self.probability > threshold)

    def best_threshold(self, thresholds: Array) -> float:
        """Give the threshold with the highest F1."""
        return float(thresholds[np.argmax([f1(self.counts(t).sum(axis=1)) for t in thresholds])])

    def highest_false_positive_rate(self, thresholds: Array) -> float:
        """Give the threshold with the highest false positive rate, the first of several."""
        return float(thresholds[np.argmax([self.counts(t)[1].sum() for t in thresholds])])

    def costs(self, *, weighted: bool) -> Array:
        """Give each row's cross-entropy times its weight, and its weight, shape ``(2, n)``."""
        p = np.clip(self.probability.astype(np.float64), _SMALLEST, 1 - _SMALLEST)
        loss = -np.where(self.target == 1, np.log(p), np.log1p(-p))
        ratio = (self.target == 0).sum() / (self.target == 1).sum() if weighted else 1.0
        weight = np.where(self.target == 1, ratio, 1.0)
        return np.stack([loss * weight, weight])


@dataclass(frozen=True)
class RunOutcomes:
    """The answers of one run's networks on the same rows, and how they are resampled."""

    answers: Mapping[str, Answers]
    groups: Array
    n_resamples: int
    seed: int

    def of(self, subject: str) -> Answers:
        """Give the answers of a network."""
        return self.answers[subject]

    @cached_property
    def _bootstrap(self) -> GroupBootstrap:
        return GroupBootstrap(self.groups, self.n_resamples, self.seed)

    def difference(self, figure: Callable[[Array], Array], one: Array, other: Array) -> Measured:
        """Give a figure of sums over rows minus another, resampled alike.

        Parameters
        ----------
        figure
            From sums, shape ``(terms, ...)``, to the figure.
        one, other
            The terms of each row, shape ``(terms, n)``.
        """
        terms = np.concatenate([one, other]).astype(np.float32)
        cut = len(one)

        def gap(sums: Array) -> Array:
            return figure(sums[:cut]) - figure(sums[cut:])

        resampled = [gap((weights @ terms.T).T) for weights in self._bootstrap.blocks()]
        estimate = gap(terms.sum(axis=1, dtype=np.float64))
        return self._measured(estimate, np.concatenate(resampled))

    def figure(self, figure: Callable[[Array], Array], one: Array) -> Measured:
        """Give a figure of sums over rows; see `difference`."""
        terms = one.astype(np.float32)
        resampled = [figure((weights @ terms.T).T) for weights in self._bootstrap.blocks()]
        return self._measured(
            figure(terms.sum(axis=1, dtype=np.float64)), np.concatenate(resampled)
        )

    def roc_auc(self, subject: str) -> Measured:
        """Give a network's ROC-AUC."""
        resampled, estimate = self._areas(subject)
        return self._measured(estimate, resampled)

    def roc_auc_difference(self, one: str, other: str) -> Measured:
        """Give a network's ROC-AUC minus another's, resampled alike."""
        (resampled, estimate), (others, base) = self._areas(one), self._areas(other)
        return self._measured(estimate - base, resampled - others)

    def _areas(self, subject: str) -> tuple[Array, float]:
        from sklearn.metrics import roc_auc_score

        answers = self.of(subject)
        resampled = bootstrap_metrics(answers.target, answers.probability, None, self._bootstrap)
        return resampled["roc_auc"], float(roc_auc_score(answers.target, answers.probability))

    def _measured(self, estimate: Any, resampled: Array) -> Measured:
        return Measured(float(estimate), *percentile_interval(resampled), len(self.groups))


def f1(sums: Array) -> Array:
    """Give F1 from sums of true positives, false positives and false negatives."""
    tp, fp, fn = sums
    score: Array = 2 * tp / np.maximum(2 * tp + fp + fn, 1)
    return score


def mean_cost(sums: Array) -> Array:
    """Give the weighted mean from sums of weighted costs and of weights."""
    cost: Array = sums[0] / sums[1]
    return cost


def runs_of_audit(predictions: pd.DataFrame, n_resamples: int, seed: int) -> dict[str, RunOutcomes]:
    """Give the outcomes of every run of the audit by its name."""
    return {
        str(run): _run(part, "subject", "probability", n_resamples, seed)
        for run, part in predictions.groupby("run", observed=True)
    }


def run_of_study(
    predictions: pd.DataFrame, models: Collection[str], n_resamples: int, seed: int
) -> RunOutcomes:
    """Give the outcomes of the sound study's models, before calibration.

    Raises
    ------
    CrossfoldError
        The study has not evaluated one of them.
    """
    grouped = predictions[predictions["protocol"] == "grouped_k_fold"]
    missing = sorted(set(models) - set(grouped["model"].unique()))
    if missing:
        raise CrossfoldError(
            f"The audit compares with {', '.join(missing)}, which the last run of the no-show study"
            " did not evaluate; run kedro run --pipelines=no_show."
        )
    chosen = grouped[grouped["model"].isin(models)]
    return _run(chosen, "model", "raw_p1", n_resamples, seed)


def _run(
    predictions: pd.DataFrame, subject: str, probability: str, n_resamples: int, seed: int
) -> RunOutcomes:
    answers, groups = {}, np.empty(0)
    for name, part in predictions.sort_values("row").groupby(subject, observed=True):
        groups = part["group"].to_numpy()
        training = [part.get(f"train_{kind}", part["target"]) for kind in ("tp", "fp", "fn")]
        answers[str(name)] = Answers(
            part["target"].to_numpy(), part[probability].to_numpy(), np.stack(training)
        )
    return RunOutcomes(answers, groups, n_resamples, seed)
