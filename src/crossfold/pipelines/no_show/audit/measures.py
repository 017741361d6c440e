"""What the no-show audit measures of what the networks of a protocol answered."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.no_show.audit.training import SWITCHES, ProtocolParameters, outcome_counts
from crossfold.templates.audit import Claims, Measured, exact, resampled
from crossfold.validation.intervals import GroupBootstrap
from crossfold.validation.metrics import binary_metrics

Array = NDArray[Any]
Cut = Literal["source", "own"]
_SMALLEST = 1e-7
# From sums of true and false positives, false and true negatives. The excess is the share that is
# flagged minus the share that misses its appointment.
DECISIONS: dict[str, Callable[..., Any]] = {
    "f1": lambda tp, fp, fn, tn: 2 * tp / np.maximum(2 * tp + fp + fn, 1),
    "accuracy": lambda tp, fp, fn, tn: (tp + tn) / (tp + fp + fn + tn),
    "specificity": lambda tp, fp, fn, tn: tn / (tn + fp),
    "false_positive_rate": lambda tp, fp, fn, tn: fp / (tn + fp),
    "excess": lambda tp, fp, fn, tn: (fp - fn) / (tp + fp + fn + tn),
}
RANKINGS = ("roc_auc", "pr_auc")


@dataclass
class Case:
    """What the networks of one protocol answered on the same rows, and how they are resampled.

    `answers` and `speed` are rows of `training.train_runs`, by subject, and of
    `training.time_twins`; `subjects` tells which subject stands for a name in the claims, where it
    is another. `protocol` gives thresholds and resamples.
    """

    answers: Mapping[str, pd.DataFrame]
    subjects: Mapping[str, str]
    speed: pd.DataFrame
    faults: Collection[str]
    protocol: ProtocolParameters
    seed: int
    _ranked: dict[str, dict[str, Array]] = field(default_factory=dict)

    def with_faults(self, faults: Collection[str]) -> Case:
        """Compute figures of the same answers with other faults."""
        case = replace(self, faults=faults)
        case.__dict__["bootstrap"] = self.bootstrap
        return case

    @cached_property
    def target(self) -> Array:
        """Whether each row is a no-show, shape ``(n,)``."""
        return np.asarray(next(iter(self.answers.values()))["target"] == 1)

    @cached_property
    def bootstrap(self) -> GroupBootstrap:
        """Resamples of patients."""
        groups = next(iter(self.answers.values()))["group"].to_numpy()
        return GroupBootstrap(groups, self.protocol.n_resamples, self.seed)

    @property
    def thresholds(self) -> Array:
        """The thresholds of the sweep."""
        return np.linspace(0.01, 0.99, self.protocol.n_thresholds)

    def table(self, subject: str) -> pd.DataFrame | None:
        """Find the answers of the model that stands for a subject; None if it was not trained."""
        return self.answers.get(self.subjects.get(subject, subject))

    def probability(self, subject: str) -> Array:
        """Read the probabilities of a subject."""
        return self.answers[self.subjects.get(subject, subject)]["probability"].to_numpy()

    def counts(self, subject: str, threshold: float) -> Array:
        """Mark true and false positives, false and true negatives, shape ``(4, n)``."""
        return outcome_counts(self.target, self.probability(subject) > threshold)

    def threshold(self, subject: str, cut: Cut) -> float:
        """Find where a subject is cut: at the source's threshold, or where its own F1 is best."""
        if cut == "source" or "one_threshold_for_both" in self.faults:
            return self.protocol.threshold
        return self.best_threshold(subject)

    def best_threshold(self, subject: str) -> float:
        """Find the threshold with the highest F1."""
        return float(self.thresholds[np.argmax(DECISIONS["f1"](*self.sweep(subject)))])

    def sweep(self, subject: str) -> Array:
        """Count true and false positives and negatives at each threshold, shape ``(4, t)``."""
        p, n = self.probability(subject), len(self.target)
        order = np.argsort(p)
        n_below = np.searchsorted(p[order], self.thresholds, side="right")
        positives = np.concatenate([[0], np.cumsum(self.target[order])])
        fn, n_positive = positives[n_below], positives[-1]
        tn = n_below - fn
        return np.stack([n_positive - fn, n - n_positive - tn, fn, tn]).astype(np.float64)

    def measure(self, subject: str, metric: str, cut: Cut) -> tuple[float, Array]:
        """Measure a metric of a subject and of its resamples; NaN if it was not trained."""
        table = self.table(subject)
        if table is None:
            return math.nan, np.full(self.protocol.n_resamples, np.nan)
        if metric in RANKINGS:
            return self._rank(subject, metric)
        if metric == "f1" and subject == "torch" and "f1_on_training_rows" in self.faults:
            trained = table[["train_tp", "train_fp", "train_fn"]].to_numpy().T
            return self.summed(lambda tp, fp, fn: DECISIONS["f1"](tp, fp, fn, 0), trained)
        return self.summed(DECISIONS[metric], self.counts(subject, self.threshold(subject, cut)))

    def summed(self, figure: Callable[..., Any], terms: Array) -> tuple[float, Array]:
        """Compute a figure from sums of terms, ``(terms, n)``, of all rows and of each resample."""
        sums = self.bootstrap.sums(terms)
        return float(figure(*terms.sum(axis=1, dtype=np.float64))), figure(*sums.T)

    def _rank(self, subject: str, metric: str) -> tuple[float, Array]:
        from sklearn.metrics import average_precision_score, roc_auc_score

        score = {"roc_auc": roc_auc_score, "pr_auc": average_precision_score}[metric]
        name, p = self.subjects.get(subject, subject), self.probability(subject)
        if name not in self._ranked:
            self._ranked[name] = binary_metrics(self.target, p, bootstrap=self.bootstrap)
        return float(score(self.target, p)), self._ranked[name][metric]

    def lead(self, one: tuple[float, Array], other: tuple[float, Array]) -> Measured:
        """Measure one figure minus another, resampled alike."""
        return resampled(one[0] - other[0], one[1] - other[1], len(self.target))


def gain(case: Case, metric: str, of: str, minus: str, cut: Cut = "source") -> Measured:
    """Measure a metric of one subject minus that of another, resampled alike."""
    return case.lead(case.measure(of, metric, cut), case.measure(minus, metric, cut))


def figure(case: Case, metric: str, of: Sequence[str], cut: Cut = "source") -> Measured:
    """Measure a metric, of several subjects the smaller."""
    figures, draws = zip(*(case.measure(subject, metric, cut) for subject in of), strict=True)
    return resampled(min(figures), np.min(draws, axis=0), len(case.target))


def f1_lost_by_sweep(case: Case) -> Measured:
    """Measure the best F1 minus F1 at the threshold where the sweep's F1 curve peaks."""
    best = found = case.best_threshold("weighted")
    if "fpr_stored_as_f1" in case.faults:
        found = float(case.thresholds[np.argmax(case.sweep("weighted")[1])])
    counts = [case.counts("weighted", threshold) for threshold in (best, found)]
    return case.lead(*(case.summed(DECISIONS["f1"], one) for one in counts))


def cost_of_no_weights(case: Case) -> Measured:
    """Measure the cost of the unweighted network minus that of the weighted one."""
    weighted = "cost_always_weighted" in case.faults
    p = [case.probability(name) for name in ("unweighted", "weighted")]
    terms = [costs(case.target, one, weighted=weighted) for one in p]
    return case.lead(*(case.summed(np.divide, one) for one in terms))


def costs(target: Array, probability: Array, *, weighted: bool) -> Array:
    """Compute each row's cross-entropy times its weight, and its weight, shape ``(2, n)``."""
    p = np.clip(probability.astype(np.float64), _SMALLEST, 1 - _SMALLEST)
    weight = np.where(target, (~target).sum() / target.sum() if weighted else 1.0, 1.0)
    return np.stack([-np.where(target, np.log(p), np.log1p(-p)) * weight, weight])


def ratio(case: Case, what: Literal["seconds", "memory_mb"], device: str = "cpu") -> Measured:
    """Measure what PyTorch takes divided by what NumPy takes; NaN on a GPU that is not there.

    On a GPU the largest table and batch decide; else the source's, and NumPy's own batches and
    start under ``unlike_twins``. Seconds are resampled by epoch; memory is one figure.
    """
    table = case.speed
    if device == "cpu":
        table = table[(table["copies"] == 1) & (table["unlike"] == ("unlike_twins" in case.faults))]
        table = table.drop_duplicates(["library", "device", "epoch"])
    else:
        on_gpu = table[table["device"] == device]
        if on_gpu.empty:
            return exact(math.nan)
        largest = on_gpu[["copies", "batch_size"]].max()
        table = table[(table[largest.index] == largest).all(axis=1)]
    torch, numpy = (
        table.loc[table["library"] == one, what].to_numpy() for one in ("torch", "numpy")
    )
    if what == "memory_mb":
        return exact(torch[0] / numpy[0], 1)
    rng = np.random.default_rng(case.seed)
    draws = [
        rng.choice(torch, len(torch)).mean() / rng.choice(numpy, len(numpy)).mean()
        for _ in range(case.protocol.n_resamples)
    ]
    return resampled(torch.mean() / numpy.mean(), draws, len(torch))


class NoShowClaims(
    Claims,
    study="no_show",
    switches=SWITCHES,
    measures=(gain, figure, f1_lost_by_sweep, cost_of_no_weights, ratio),
):
    """The claims of the no-show study's source."""
