"""What the source on appointment no-shows claims, and the quantity that decides each claim."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.audit.claims import Statement
from crossfold.pipelines.audit.measured import Measured, above, below, includes
from crossfold.pipelines.audit.no_show.outcomes import Answers, RunOutcomes, f1, mean_cost
from crossfold.pipelines.audit.no_show.parameters import ProtocolParameters
from crossfold.pipelines.audit.no_show.training import (
    NUMPY,
    REPORTED_SPEED,
    REPORTED_WEIGHTING,
    TORCH,
    TREES,
    UNWEIGHTED,
)
from crossfold.pipelines.audit.runs import REPORTED
from crossfold.validation import percentile_interval

# Below it, discrimination is commonly called poor (Hosmer, Lemeshow and Sturdivant 2013).
POOR_ROC_AUC = 0.7
OF_TRAINING = ("elapsed_days", "drop_infants", "scale_before_split", "patients_across_folds")
_VALIDATION_ROWS = "on validation rows"


@dataclass(frozen=True)
class Case:
    """One way to measure a quantity.

    Attributes
    ----------
    outcomes
        The answers of the run.
    epochs
        Its table of epochs.
    faults
        Switches that are on where figures are computed.
    subjects
        Which network stands for each of the audit's: ``numpy``, ``torch``, ``unweighted`` (the
        partner of ``weighted``), ``trees``.
    protocol
        Thresholds and resamples.
    seed
        Of the bootstrap of epochs.
    """

    outcomes: RunOutcomes
    epochs: pd.DataFrame
    faults: Collection[str]
    subjects: dict[str, str]
    protocol: ProtocolParameters
    seed: int

    @property
    def thresholds(self) -> NDArray[Any]:
        """The thresholds of the sweep."""
        return np.linspace(0.01, 0.99, self.protocol.n_thresholds)

    def of(self, subject: str) -> Answers:
        """Give the answers of the network that stands for one of the audit's."""
        return self.outcomes.of(self.subjects.get(subject, subject))


Quantity = Callable[[Case], Measured]


@dataclass(frozen=True)
class Question:
    """A statement with the quantity that decides it, and the faults that can change it.

    Attributes
    ----------
    needs_epochs
        Whether it is measured while training, so that the sound figure is the audit's own too.
    reported_run
        The run with all faults that it is measured on.
    """

    statement: Statement
    quantity: Quantity
    touched_by: tuple[str, ...]
    needs_epochs: bool = False
    reported_run: str = REPORTED


def weighting_gain(case: Case) -> Measured:
    """Give F1 with the weighted loss minus F1 without."""
    weighted, plain = case.of("weighted"), case.of(UNWEIGHTED)
    if "one_threshold_for_both" in case.faults:
        thresholds = (case.protocol.threshold,) * 2
    else:
        thresholds = weighted.best_threshold(case.thresholds), plain.best_threshold(case.thresholds)
    counts = weighted.counts(thresholds[0]), plain.counts(thresholds[1])
    return case.outcomes.difference(f1, *counts)


def pytorch_gain(case: Case) -> Measured:
    """Give PyTorch's F1 minus NumPy's at the source's threshold."""
    torch, numpy = case.of(TORCH), case.of(NUMPY)
    of_torch = torch.counts(case.protocol.threshold)
    if "f1_on_training_rows" in case.faults:
        of_torch = torch.training
    return case.outcomes.difference(f1, of_torch, numpy.counts(case.protocol.threshold))


def pytorch_slowness(case: Case) -> Measured:
    """Give the seconds that PyTorch takes for an epoch of a network, divided by NumPy's.

    NaN where there was no epoch but the first.
    """
    torch, numpy = (_epoch_seconds(case.epochs, subject) for subject in (TORCH, NUMPY))
    if not len(torch):
        return Measured(math.nan, math.nan, math.nan, 0)
    rng = np.random.default_rng(case.seed)
    ratios = [
        rng.choice(torch, len(torch)).mean() / rng.choice(numpy, len(numpy)).mean()
        for _ in range(case.protocol.n_resamples)
    ]
    interval = percentile_interval(np.array(ratios))
    return Measured(float(torch.mean() / numpy.mean()), *interval, len(torch))


def separation(case: Case) -> Measured:
    """Give the network's ROC-AUC."""
    return case.outcomes.roc_auc(case.subjects.get("network", TORCH))


def trees_lead(case: Case) -> Measured:
    """Give the ROC-AUC of gradient boosting minus the network's."""
    subjects = case.subjects
    trees, network = subjects.get(TREES, TREES), subjects.get("network", TORCH)
    return case.outcomes.roc_auc_difference(trees, network)


def f1_lost_by_sweep(case: Case) -> Measured:
    """Give the best F1 minus F1 at the threshold where the sweep's F1 curve peaks."""
    answers = case.of("weighted")
    best = answers.best_threshold(case.thresholds)
    found = best
    if "fpr_stored_as_f1" in case.faults:
        found = answers.highest_false_positive_rate(case.thresholds)
    return case.outcomes.difference(f1, answers.counts(best), answers.counts(found))


def cost_of_no_weights(case: Case) -> Measured:
    """Give the cost of the unweighted network minus that of the weighted one."""
    always_weighted = "cost_always_weighted" in case.faults
    plain = case.of(UNWEIGHTED).costs(weighted=always_weighted)
    weighted = case.of("weighted").costs(weighted=always_weighted)
    return case.outcomes.difference(mean_cost, plain, weighted)


def _epoch_seconds(epochs: pd.DataFrame, subject: str) -> NDArray[Any]:
    """Give the seconds of each epoch but the first, which waits for what is made once."""
    seconds = epochs.loc[epochs["subject"] == subject, "seconds"].to_numpy()
    return np.diff(seconds)


def _statement(claim: str, statement: str, quantity: str, **parts: Any) -> Statement:
    return Statement(
        study="no_show",
        claim=claim,
        statement=statement,
        quantity=quantity,
        **{"unit": "points", "printed": "figures only, no values", **parts},
    )


def questions(protocol: ProtocolParameters) -> list[Question]:
    """List the claims with the quantities that decide them."""
    return [*_of_weighting(protocol), *_of_libraries(), *_of_separation()]


def _of_weighting(protocol: ProtocolParameters) -> list[Question]:
    length = f"; with the faults after {protocol.weighting_epochs:,} epochs of both networks"
    return [
        Question(
            _statement(
                "weighting_raises_f1",
                "Weighting the loss raises F1",
                f"F1 with the weighted loss minus F1 without, {_VALIDATION_ROWS}; without the"
                f" faults each at its own best threshold{length}",
                printed="weighting raises F1",
                holds=above(0),
                so="weighting raises F1",
                not_so="weighting does not raise F1",
            ),
            weighting_gain,
            (*OF_TRAINING, "inverted_weight", "one_threshold_for_both"),
            reported_run=REPORTED_WEIGHTING,
        ),
        Question(
            _statement(
                "sweep_finds_threshold",
                "A sweep over thresholds shows where F1 is highest",
                "best F1 minus F1 at the threshold where the sweep's F1 curve peaks,"
                f" {_VALIDATION_ROWS}",
                printed="precision, recall, FPR and F1 over 101 thresholds",
                holds=includes(0),
                so="the sweep finds the best threshold",
                not_so="the sweep points to another threshold than the best",
            ),
            f1_lost_by_sweep,
            ("fpr_stored_as_f1",),
        ),
        Question(
            _statement(
                "unweighted_costs_more",
                "Without weights the cost is higher",
                "cross-entropy of the unweighted network minus that of the weighted one,"
                f" {_VALIDATION_ROWS}; without the faults both without weights{length}",
                unit="number",
                printed="cost curves of both networks",
                holds=above(0),
                so="the unweighted network costs more",
                not_so="the unweighted network costs no more",
            ),
            cost_of_no_weights,
            (*OF_TRAINING, "cost_always_weighted"),
            reported_run=REPORTED_WEIGHTING,
        ),
    ]


def _of_libraries() -> list[Question]:
    return [
        Question(
            _statement(
                "pytorch_is_better",
                "PyTorch is slightly better than NumPy",
                "F1 of PyTorch minus that of NumPy, at a threshold of 0.4; without the faults from"
                " the same start, in the same batches, both on validation rows",
                printed="PyTorch slightly better",
                holds=above(0),
                so="PyTorch is better",
                not_so="PyTorch is no better",
            ),
            pytorch_gain,
            (*OF_TRAINING, "unlike_twins", "f1_on_training_rows"),
        ),
        Question(
            _statement(
                "pytorch_is_slower",
                "PyTorch is slower than NumPy",
                "seconds of an epoch of PyTorch divided by those of NumPy, for each network, its"
                " folds at once on this machine, with nothing trained beside it",
                unit="number",
                printed="PyTorch slower",
                holds=above(1),
                so="PyTorch is slower",
                not_so="PyTorch is no slower",
            ),
            pytorch_slowness,
            ("unlike_twins",),
            needs_epochs=True,
            reported_run=REPORTED_SPEED,
        ),
    ]


def _of_separation() -> list[Question]:
    return [
        Question(
            _statement(
                "poor_separation",
                "Both networks separate the classes poorly",
                f"ROC-AUC {_VALIDATION_ROWS}; below {POOR_ROC_AUC} is commonly called poor",
                unit="number",
                printed="both separate the classes poorly",
                holds=below(POOR_ROC_AUC),
                so="the classes are separated poorly",
                not_so="the classes are separated acceptably",
            ),
            separation,
            OF_TRAINING,
        ),
        Question(
            _statement(
                "trees_do_better",
                "Tree ensembles would do better",
                f"ROC-AUC of gradient boosting minus that of the network, {_VALIDATION_ROWS};"
                " without the faults the tuned network",
                unit="number",
                printed="tree ensembles would do better",
                holds=above(0),
                so="trees do better",
                not_so="trees do no better",
            ),
            trees_lead,
            OF_TRAINING,
        ),
    ]
