"""The node that repeats the source: splits of three tables, and two cross-validations."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import pairwise
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat, PositiveInt

from crossfold.pipelines.gene_expression.audit import faults
from crossfold.pipelines.gene_expression.audit.faults import Rows
from crossfold.pipelines.gene_expression.audit.measures import GeneExpressionClaims
from crossfold.pipelines.gene_expression.controls import DECISION_THRESHOLD
from crossfold.templates.audit import Setup, list_setups
from crossfold.templates.cross_validation.folds import LEAVE_ONE_OUT
from crossfold.templates.cross_validation.parameters import NetworkParameters
from crossfold.templates.parameters import Parameters

_logger = logging.getLogger(__name__)
NOT_PROBES = ["patient", "origin", "label"]
_TINY = 1e-7


class ShortEpochs(Parameters):
    """Epochs of shorter trainings.

    Attributes
    ----------
    split, k_fold, leave_one_out
        Epochs of a split of a table, of k-fold cross-validation and of leave-one-out.
    """

    split: PositiveInt
    k_fold: PositiveInt
    leave_one_out: PositiveInt


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
    short_epochs: ShortEpochs
    source_epochs: PositiveInt
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    n_draws: Annotated[int, Field(ge=2)] = 20
    n_splits: Annotated[int, Field(ge=2)] = 10
    n_resamples: Annotated[int, Field(ge=50)] = 1000

    def arguments(self, subject: str, setup: Setup) -> dict[str, Any]:
        """List the arguments of the network; every epoch is run."""
        epochs = self.shortest(subject) if setup.short else self.network.max_iter
        own = {"epsilon": self.epsilon, "n_iter_no_change": float("inf"), "max_iter": epochs}
        return {**self.network.model_dump(), **own}

    def shortest(self, subject: str) -> int:
        """Count the epochs of a short run of a table or of a cross-validation."""
        kind = "split" if subject in faults.TABLES else subject.removesuffix("_permuted")
        return min(int(getattr(self.short_epochs, kind)), self.network.max_iter)


def repeat_source(
    expression: pd.DataFrame, claims: GeneExpressionClaims, protocol: ProtocolParameters, seed: int
) -> pd.DataFrame:
    """Train every table and cross-validation in every setup that its claims need.

    Parameters
    ----------
    expression
        The joined patients in the order of their numbers, expressions as published.
    claims
        Whose faults are switched.
    protocol
        How the source trained.
    seed
        Draw ``i`` of a table splits, resamples and starts from ``seed + i``; folds, batches and
        permuted labels are drawn from `seed`.

    Returns
    -------
    One row for each subject (table or cross-validation), run, draw or ``fold``, and epoch:
    ``right``, ``balanced_accuracy``, ``f1`` and ``loss`` on ``n`` rows that were put aside,
    ``train_loss`` (weighted by class, as it is trained on), ``train_f1`` (of the tables with all
    their faults, for the source's figure; else NaN), and the ``seconds`` of the whole run.
    """
    patients = patient_rows(expression)
    histories = []
    for subject in faults.TOUCHING:
        for setup in dict.fromkeys(run_of(s, subject, protocol) for s in list_setups(claims)):
            _logger.info("audit run %s: %s", subject, setup.name)
            began = perf_counter()
            train = train_splits if subject in faults.TABLES else cross_validate
            history = train(patients, subject, setup, protocol, seed)
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
    is_aml, flagged = aml > 0.5, probability >= DECISION_THRESHOLD
    of_truth = np.clip(np.where(is_aml, probability, 1 - probability), _TINY, 1)
    found, n_aml, n_all = int((is_aml & flagged).sum()), int(is_aml.sum()), int((~is_aml).sum())
    recall, passed = found / max(1, n_aml), int((~is_aml & ~flagged).sum()) / max(1, n_all)
    return {
        "right": float((is_aml == flagged).sum()),
        "loss": float(-np.log(of_truth).mean()),
        "f1": 2 * found / max(1, n_aml + int(flagged.sum())),
        "balanced_accuracy": (recall + passed) / 2,
    }


def train_splits(
    patients: Rows, table: str, setup: Setup, protocol: ProtocolParameters, seed: int
) -> pd.DataFrame:
    """Train one network on each draw of a table, all at once."""
    sets = [
        faults.make_training_set(patients, table, setup.faults, protocol.test_share, seed + draw)
        for draw in range(protocol.n_draws)
    ]
    parts = [rows for one in sets for rows in (one.train, one.validation)]
    ends = np.cumsum([0, *(len(rows.aml) for rows in parts)])
    numbers = [np.arange(*pair) for pair in pairwise(ends)]
    rows = Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    own = [
        {"class_weight": one.class_weight, "random_state": seed + draw}
        for draw, one in enumerate(sets)
    ]
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    is_drawn = set(setup.faults) == set(faults.TOUCHING[table])
    return _train_stack(rows, pairs, protocol.arguments(table, setup), None, own, is_drawn)


def cross_validate(
    patients: Rows, subject: str, setup: Setup, protocol: ProtocolParameters, seed: int
) -> pd.DataFrame:
    """Train through all folds, a fresh network in each or one; class weights are the split's."""
    from sklearn.preprocessing import StandardScaler

    from crossfold.validation import assign_folds, fold_rows, leave_one_out, permute_labels

    weights = faults.class_weights(faults.split(patients, protocol.test_share, seed)[0].aml)
    own = {"class_weight": weights, "random_state": seed}
    arguments = {**protocol.arguments(subject, setup), **own}
    if subject == faults.PERMUTED:
        rng = np.random.default_rng(seed)
        patients = patients._replace(aml=permute_labels(patients.aml, rng))
    if subject == LEAVE_ONE_OUT:
        pairs = list(leave_one_out(len(patients.aml)))
    else:
        pairs = fold_rows(assign_folds(patients.aml, n_splits=protocol.n_splits, seed=seed))
    is_scaled = faults.SCALE in setup.faults
    if faults.ONE_MODEL in setup.faults:
        return pd.DataFrame(_train_on(patients, pairs, arguments, is_scaled))
    rows = faults.scale(patients, patients) if is_scaled else patients
    return _train_stack(rows, pairs, arguments, None if is_scaled else StandardScaler())


def _train_on(
    patients: Rows, pairs: Sequence[Any], arguments: dict[str, Any], is_scaled: bool
) -> Iterator[dict[str, float]]:
    """Train one network through all folds, one after the other; yield a row an epoch."""
    from crossfold.mlp import MLPClassifier

    network = MLPClassifier(**arguments)
    for fold, numbers in enumerate(pairs):
        train, held = (Rows(patients.inputs[n], patients.aml[n]) for n in numbers)
        by = patients if is_scaled else train
        train, held = faults.scale(train, by), faults.scale(held, by)
        for epoch in range(1, arguments["max_iter"] + 1):
            network.partial_fit(train.inputs, train.aml, classes=[0, 1])
            figures = measure(held.aml, network.predict_proba(held.inputs)[:, 1])
            own = {"train_loss": network.loss_, "n": len(held.aml)}
            yield {"fold": fold, "epoch": epoch, **figures, **own}


def _train_stack(
    rows: Rows,
    pairs: Sequence[Any],
    arguments: dict[str, Any],
    preprocessor: Any,
    fold_params: list[dict[str, Any]] | None = None,
    of_training: bool = False,
) -> pd.DataFrame:
    from crossfold.mlp import EpochLog, FoldStack, MLPClassifier, ProgressBar

    def trained(aml: NDArray[Any], probability: NDArray[Any]) -> dict[str, float]:
        return {"train_f1": measure(aml, probability)["f1"]}

    log = EpochLog(measure, trained if of_training else None)
    network = MLPClassifier(**arguments, callbacks=(log, ProgressBar()))
    stack = FoldStack(network, preprocessor=preprocessor)
    stack.fit(rows.inputs, rows.aml, pairs, fold_params=fold_params)
    long = pd.DataFrame(log.records)
    wide = long.pivot_table(index=["fold", "epoch"], columns="name", values="value")
    history = wide.rename_axis(columns=None).reset_index()
    losses = np.concatenate([np.asarray(one.train_loss) for one in stack.histories_[0]])
    sizes = np.array([len(held) for _, held in pairs])
    return history.assign(train_loss=losses, n=sizes[history["fold"]])
