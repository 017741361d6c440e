"""The node that trains every run of the no-show audit."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.audit.beside import beside
from crossfold.pipelines.audit.no_show.faults import (
    FOLD_FAULTS,
    TRAINING_FAULTS,
    Fold,
    make_folds,
    numpy_arguments,
    positive_weights,
    scale,
    torch_start,
)
from crossfold.pipelines.audit.no_show.parameters import FaultsParameters, ProtocolParameters
from crossfold.pipelines.audit.no_show.rows import INPUTS, PATIENT, TARGET, select_rows
from crossfold.pipelines.audit.runs import REPORTED, SOUND, only

if TYPE_CHECKING:
    from crossfold.mlp import FoldStack, MLPClassifier

NUMPY, TORCH, UNWEIGHTED, TREES = "numpy", "torch", "unweighted", "trees"
SUBJECTS = (NUMPY, TORCH, UNWEIGHTED, TREES)
# All faults too, for what compares a weighted network with an unweighted one, or times them.
REPORTED_WEIGHTING = "reported:weighting"
REPORTED_SPEED = "reported:speed"
# Whose epochs are timed: nothing is trained beside them.
TIMED_RUNS = (REPORTED_SPEED, SOUND, only("unlike_twins"))

_logger = logging.getLogger(__name__)
Array = NDArray[Any]
Tables = tuple[pd.DataFrame, pd.DataFrame]


@dataclass(frozen=True)
class Run:
    """One way to train: its name, the faults that are on, how long, and what is trained."""

    name: str
    faults: tuple[str, ...]
    epochs: int
    subjects: tuple[str, ...] = SUBJECTS


@dataclass(frozen=True)
class _Table:
    """The rows of one run, its folds, and its inputs with what scales them in each fold."""

    rows: pd.DataFrame
    folds: list[Fold]
    inputs: Array
    scaler: Any

    @property
    def y(self) -> Array:
        """The outcomes, shape ``(n,)``."""
        return self.rows[TARGET].to_numpy()


def list_runs(faults: FaultsParameters, protocol: ProtocolParameters) -> list[Run]:
    """List the runs: with all faults, with none, and with each that touches training alone."""
    epochs = protocol.network.max_iter
    share_epochs = min(protocol.share_epochs, epochs)
    weighting_epochs = min(protocol.weighting_epochs, epochs)
    alone = [fault for fault in faults.root if fault in TRAINING_FAULTS]
    return [
        Run(REPORTED, faults.root, epochs, (NUMPY, TORCH, TREES)),
        Run(REPORTED_WEIGHTING, faults.root, weighting_epochs, (TORCH, UNWEIGHTED)),
        Run(REPORTED_SPEED, faults.root, share_epochs, (NUMPY, TORCH)),
        Run(SOUND, (), share_epochs),
        *(Run(only(fault), (fault,), share_epochs) for fault in alone),
    ]


def _parts(runs: Sequence[Run], *subjects: str) -> list[Run]:
    """Give the part of each run that trains some of these subjects."""
    parts = [
        replace(run, subjects=tuple(name for name in run.subjects if name in subjects))
        for run in runs
    ]
    return [part for part in parts if part.subjects]


def train_runs(
    appointments_raw: pd.DataFrame,
    protocol: ProtocolParameters,
    faults: FaultsParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train every run of the audit, all folds at once.

    Parameters
    ----------
    appointments_raw
        An export, patients hashed.
    protocol, faults
        How the source trained.
    seed
        Of folds, starts and batches.

    Returns
    -------
    One line for each run, network and row: ``run``, ``subject``, ``epochs``, ``row``, ``group``
    (patient, a number without meaning), ``target``, ``probability`` (out of fold), and how often
    the row was a true positive, a false positive and a false negative at the source's threshold
    while it was a training row (``train_tp``, ``train_fp``, ``train_fn``). And one line for each
    run, network and epoch: ``f1`` on the validation rows, mean of the folds, and ``seconds`` since
    the start, shared out among the networks of a stack. The seconds of `TIMED_RUNS` are those of
    training alone; in all other runs NumPy's network was trained in a process beside PyTorch's.
    """
    runs = list_runs(faults, protocol)
    timed = [run for run in runs if run.name in TIMED_RUNS]
    others = [run for run in runs if run.name not in TIMED_RUNS]
    trainer = _Trainer(appointments_raw, protocol, seed)
    # The steps of NumPy's small batches are too short for two threads of one process.
    with beside("NumPy", trainer.train, _parts(others, NUMPY)) as numpy_tables:
        tables = trainer.train(_parts(others, TORCH, UNWEIGHTED, TREES))
        tables += numpy_tables()
    tables += trainer.train(timed)
    answers, histories = zip(*tables, strict=True)
    categories = {"run": "category", "subject": "category"}
    return (
        pd.concat(answers, ignore_index=True).astype(categories),
        pd.concat(histories, ignore_index=True),
    )


class _Trainer:
    """Trains runs on one export; runs on the same rows share folds, which take long to draw."""

    def __init__(self, raw: pd.DataFrame, protocol: ProtocolParameters, seed: int) -> None:
        self._raw, self._protocol, self._seed = raw, protocol, seed
        self._drawn: dict[frozenset[str], tuple[pd.DataFrame, list[Fold]]] = {}

    def train(self, runs: Sequence[Run]) -> list[Tables]:
        """Train what belongs to each run, one after the other."""
        tables = []
        for run in runs:
            subjects = ", ".join(run.subjects)
            _logger.info("audit run %s: %s, %d epochs", run.name, subjects, run.epochs)
            for answers, history in self._train(run):
                names = {"run": run.name, "epochs": np.int32(run.epochs)}
                tables.append((answers.assign(**names), history.assign(**names)))
        return tables

    def _train(self, run: Run) -> Iterator[Tables]:
        """Train those of NumPy's network, PyTorch's two, and trees that belong to the run."""
        protocol, table = self._protocol, self._table(run)
        network = protocol.network.changed(max_iter=run.epochs)
        arguments = {**network.model_dump(), "random_state": self._seed}
        with_numpy = {**arguments, **numpy_arguments(run.faults, protocol)}
        with_torch = {**arguments, "engine": "torch", "init": torch_start}
        for own, subjects in [(with_numpy, [NUMPY]), (with_torch, [TORCH, UNWEIGHTED])]:
            trained = [subject for subject in subjects if subject in run.subjects]
            if trained:
                yield from _train_networks(own, trained, table, run, protocol)
        if TREES in run.subjects:
            yield _answers(TREES, table, _boost(table, self._seed)), _no_history()

    def _table(self, run: Run) -> _Table:
        """Give the run's rows and folds, and its inputs as it scales them."""
        key = frozenset(run.faults).intersection(FOLD_FAULTS)
        if key not in self._drawn:
            rows = select_rows(self._raw, run.faults)
            self._drawn[key] = rows, make_folds(rows, run.faults, self._protocol, self._seed)
        rows, folds = self._drawn[key]
        return _Table(rows, folds, *scale(rows, run.faults))


def _train_networks(
    arguments: dict[str, Any],
    subjects: Sequence[str],
    table: _Table,
    run: Run,
    protocol: ProtocolParameters,
) -> Iterator[Tables]:
    """Train networks that differ in their class weights alone, as one stack."""
    from crossfold.mlp import EpochLog, FoldStack, MLPClassifier, ProgressBar

    log = EpochLog(lambda targets, outputs: {"f1": f1_at(targets, outputs, protocol.threshold)})
    weights = [{} if name != UNWEIGHTED else {"class_weight": None} for name in subjects]
    network = MLPClassifier(
        **{**arguments, "n_iter_no_change": np.inf, "callbacks": [log, ProgressBar()]}
    )
    stack = FoldStack(network, preprocessor=table.scaler, member_params=weights).fit(
        table.inputs,
        table.y,
        table.folds,
        fold_params=list(positive_weights(table.y, table.folds, run.faults)),
    )
    records = pd.DataFrame(log.records)
    for member, subject in enumerate(subjects):
        counts = _count_on_training_rows(stack, member, table, protocol.threshold)
        history = _history(records[records["member"] == member], stack, member)
        yield (
            _answers(subject, table, stack.out_of_fold_[member], counts),
            history.assign(subject=subject),
        )


def _boost(table: _Table, seed: int) -> Array:
    """Give the out-of-fold probabilities of gradient boosting on the same inputs and folds."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    inputs, probability = table.rows[INPUTS].to_numpy(), np.empty(len(table.rows))
    for train, validation in table.folds:
        model = HistGradientBoostingClassifier(random_state=seed).fit(inputs[train], table.y[train])
        probability[validation] = model.predict_proba(inputs[validation])[:, 1]
    return probability


def _answers(
    subject: str, table: _Table, probability: Array, counts: Array | None = None
) -> pd.DataFrame:
    counts = np.zeros((3, len(table.rows)), dtype=np.int8) if counts is None else counts
    return pd.DataFrame(
        {
            "subject": subject,
            "row": np.arange(len(table.rows), dtype=np.int32),
            "group": table.rows[PATIENT].to_numpy(),
            "target": table.y,
            "probability": probability.astype(np.float32),
            **dict(zip(("train_tp", "train_fp", "train_fn"), counts, strict=True)),
        }
    )


def _count_on_training_rows(
    stack: FoldStack, member: int, table: _Table, threshold: float
) -> Array:
    """Count in how many folds each row is a true or false positive or a false negative."""
    counts = np.zeros((3, len(table.rows)), dtype=np.int8)
    for number, (train, _) in enumerate(table.folds):
        network: MLPClassifier = stack.estimators_[member][number]
        scaler = stack.preprocessors_[number]
        inputs = table.inputs[train] if scaler is None else scaler.transform(table.inputs[train])
        flagged = network.predict_proba(inputs)[:, 1] > threshold
        counts[:, train] += outcome_counts(table.y[train] == 1, flagged)
    return counts


def _history(records: pd.DataFrame, stack: FoldStack, member: int) -> pd.DataFrame:
    f1 = records.groupby("epoch")["value"].mean()
    seconds = np.asarray(stack.histories_[member][0].seconds) / len(stack.histories_)
    return pd.DataFrame({"epoch": f1.index, "f1": f1.to_numpy(), "seconds": seconds})


def _no_history() -> pd.DataFrame:
    return pd.DataFrame({"subject": [], "epoch": [], "f1": [], "seconds": []})


def f1_at(targets: Array, outputs: Array, threshold: float) -> float:
    """Give F1 of predicting a no-show above a threshold; 0 where there is nothing to count."""
    tp, fp, fn = outcome_counts(targets > 0.5, outputs > threshold).sum(axis=1, dtype=np.int64)
    return float(2 * tp / max(1, 2 * tp + fp + fn))


def outcome_counts(positive: Array, flagged: Array) -> Array:
    """Mark true positives, false positives and false negatives, shape ``(3, n)``, int8."""
    return np.stack([positive & flagged, ~positive & flagged, positive & ~flagged]).astype(np.int8)
