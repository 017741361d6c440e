"""The node that repeats the source: splits of three tables, and two cross-validations."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from time import perf_counter
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat, PositiveInt

from crossfold.pipelines.gene_expression.audit import faults
from crossfold.pipelines.gene_expression.audit.faults import Rows, TrainingSet
from crossfold.pipelines.gene_expression.audit.measures import GeneExpressionClaims
from crossfold.templates.audit import Setup, list_setups
from crossfold.templates.cross_validation.folds import LEAVE_ONE_OUT
from crossfold.templates.cross_validation.history import DECISION, train_scores
from crossfold.templates.cross_validation.parameters import NetworkParameters
from crossfold.templates.cross_validation.training import make_network
from crossfold.templates.parameters import Parameters

_logger = logging.getLogger(__name__)
NOT_PROBES = ["patient", "origin", "label"]
_TINY = 1e-7


class ProtocolParameters(Parameters):
    """How the source trained and tested.

    Attributes
    ----------
    network
        The network that is trained on every table and fold, with the source's epochs.
    epsilon
        Adam's, for numerical stability.
    short_epochs
        Epochs of the runs in which single faults are compared with none and with all: of a
        ``split`` of a table, of ``k_fold`` and of ``leave_one_out``.
    names
        Of tables and cross-validations, as a reader knows them.
    source_epochs
        Epochs in the source; a run of fewer says that it was shortened.
    test_share
        Share of the rows that the split puts aside.
    n_draws
        Splits that are drawn, each with a start of its own; the first, with the project's seed, is
        the source's own split.
    n_splits
        Folds of the stratified cross-validation.
    n_resamples
        Bootstrap resamples.
    """

    network: NetworkParameters
    epsilon: PositiveFloat = 1e-7
    short_epochs: Annotated[
        dict[Literal["split", "k_fold", "leave_one_out"], PositiveInt], Field(min_length=3)
    ]
    names: dict[str, str]
    source_epochs: PositiveInt
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    n_draws: Annotated[int, Field(ge=2)] = 20
    n_splits: Annotated[int, Field(ge=2)] = 10
    n_resamples: Annotated[int, Field(ge=50)] = 1000

    def make_network(self, subject: str, setup: Setup) -> Any:
        """Make an untrained network for the runs of a subject; every epoch is run."""
        epochs = self.shortest(subject) if setup.short else self.network.max_iter
        network = make_network(self.network.changed(max_iter=epochs), "binary")
        return network.set_params(n_iter_no_change=float("inf"), epsilon=self.epsilon)

    def shortest(self, subject: str) -> int:
        """Count the epochs of a short run of a table or of a cross-validation."""
        kind: Any = "split" if subject in faults.TABLES else subject.removesuffix("_permuted")
        return min(self.short_epochs[kind], self.network.max_iter)


def repeat_source(
    expression: pd.DataFrame, claims: GeneExpressionClaims, protocol: ProtocolParameters, seed: int
) -> pd.DataFrame:
    """Train every table and cross-validation in every setup that its claims need.

    Patients are in the order of their numbers. Draw ``i`` of a table splits, resamples and starts
    from ``seed + i``; folds, batches and permuted labels are drawn from `seed`.

    Returns
    -------
    One row for each subject (table or cross-validation), run, draw or ``fold``, and epoch:
    ``right``, ``balanced_accuracy``, ``f1`` and ``loss`` on ``n`` rows that were put aside,
    ``train_loss`` (weighted by class, as it is trained on), ``train_f1`` and ``train_accuracy`` (of
    the tables with all their faults, for the source's figure; else NaN), and the ``seconds`` of
    the whole run.
    """
    patients = patient_rows(expression)
    histories = []
    for subject in faults.TOUCHING:
        for setup in dict.fromkeys(run_of(s, subject, protocol) for s in list_setups(claims)):
            _logger.info("audit run %s: %s", subject, setup.name)
            began = perf_counter()
            sets = make_sets(patients, subject, setup.faults, protocol, seed)
            network = protocol.make_network(subject, setup)
            if faults.ONE_MODEL in setup.faults:
                history = pd.DataFrame(_train_on(network, sets))
            else:
                is_source = setup.faults == set(faults.TOUCHING[subject])
                history = _train_fresh(network, sets, is_source and subject in faults.TABLES)
            seconds = perf_counter() - began
            histories.append(history.assign(subject=subject, run=setup.name, seconds=seconds))
    return pd.concat(histories, ignore_index=True)


def run_of(setup: Setup, subject: str, protocol: ProtocolParameters) -> Setup:
    """Find the run of a subject that shows a setup; unlike setups may share one.

    A cross-validation without faults is trained only to compare single faults with.
    """
    kept = setup.keep(faults.TOUCHING[subject])
    may_be_short = setup.short or (not kept.faults and subject not in faults.TABLES)
    is_shorter = protocol.shortest(subject) < protocol.network.max_iter
    return kept._replace(short=may_be_short and is_shorter)


def patient_rows(expression: pd.DataFrame) -> Rows:
    """Take the patients' expressions as published, and who has AML."""
    inputs = expression.drop(columns=NOT_PROBES).to_numpy(dtype=np.float32)
    return Rows(inputs, (expression["label"] == "AML").to_numpy(dtype=np.int64))


def measure(aml: NDArray[Any], probability: NDArray[Any]) -> dict[str, float]:
    """Measure predictions; F1 is 0 where no AML is found."""
    is_aml, flagged = aml > 0.5, probability >= DECISION
    of_truth = np.clip(np.where(is_aml, probability, 1 - probability), _TINY, 1)
    found, n_aml, n_all = int((is_aml & flagged).sum()), int(is_aml.sum()), int((~is_aml).sum())
    recall, passed = found / max(1, n_aml), int((~is_aml & ~flagged).sum()) / max(1, n_all)
    return {
        "right": float((is_aml == flagged).sum()),
        "loss": float(-np.log(of_truth).mean()),
        "f1": 2 * found / max(1, n_aml + int(flagged.sum())),
        "balanced_accuracy": (recall + passed) / 2,
    }


def make_sets(
    patients: Rows, subject: str, on: Collection[str], protocol: ProtocolParameters, seed: int
) -> list[TrainingSet]:
    """Draw the splits of a table, or make the folds of a cross-validation, with some faults on.

    The class weights of all folds are those of the source's split.
    """
    from crossfold.validation import assign_folds, fold_rows, leave_one_out, permute_labels

    share = protocol.test_share
    if subject in faults.TABLES:
        seeds = range(seed, seed + protocol.n_draws)
        return [faults.make_training_set(patients, subject, on, share, one) for one in seeds]
    weights = faults.class_weights(faults.split(patients, share, seed)[0].aml)
    if subject == faults.PERMUTED:
        rng = np.random.default_rng(seed)
        patients = patients._replace(aml=permute_labels(patients.aml, rng))
    if subject == LEAVE_ONE_OUT:
        folds = leave_one_out(len(patients.aml))
    else:
        folds = fold_rows(assign_folds(patients.aml, n_splits=protocol.n_splits, seed=seed))
    sets = []
    for numbers in folds:
        train, held = map(patients.take, numbers)
        by = patients if faults.SCALE in on else train
        scaled = faults.scale(train, by), faults.scale(held, by)
        sets.append(TrainingSet(*scaled, weights, seed))
    return sets


def _train_on(network: Any, sets: Sequence[TrainingSet]) -> Iterator[dict[str, float]]:
    """Train one network through all folds, one after the other; yield a row an epoch."""
    network.set_params(class_weight=sets[0].class_weight, random_state=sets[0].seed)
    for fold, (train, held, *_) in enumerate(sets):
        for epoch in range(1, network.max_iter + 1):
            network.partial_fit(train.inputs, train.aml, classes=[0, 1])
            figures = measure(held.aml, network.predict_proba(held.inputs)[:, 1])
            figures |= {"train_loss": network.loss_, "n": len(held.aml)}
            yield {"fold": fold, "epoch": epoch, **figures}


def _train_fresh(network: Any, sets: Sequence[TrainingSet], of_training: bool) -> pd.DataFrame:
    """Train a fresh network on each set, all at once; a row a set and epoch."""
    from crossfold.mlp import EpochLog, FoldStack, ProgressBar

    parts = [rows for one in sets for rows in (one.train, one.validation)]
    ends = np.cumsum([len(rows.aml) for rows in parts])
    numbers = np.split(np.arange(ends[-1]), ends[:-1])
    inputs, aml = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    log = EpochLog(measure, train_scores if of_training else None)
    stack = FoldStack(network.set_params(callbacks=(log, ProgressBar()))).fit(
        inputs,
        aml,
        list(zip(numbers[::2], numbers[1::2], strict=True)),
        fold_params=[{"class_weight": s.class_weight, "random_state": s.seed} for s in sets],
    )
    records = pd.DataFrame(log.records)
    wide = records.pivot_table(index=["fold", "epoch"], columns="name", values="value")
    history = wide.rename_axis(columns=None).reset_index()
    losses = np.concatenate([np.asarray(one.train_loss) for one in stack.histories_[0]])
    sizes = np.array([len(one.validation.aml) for one in sets])
    return history.assign(train_loss=losses, n=sizes[history["fold"]])
