"""How the leukaemia study's source trained: its tables, its splits and folds, and their faults.

Each fault is a switch that is applied before a network sees a row: how a table is scaled,
resampled, split and weighted. Neither the engines nor the sound study know of them.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from time import process_time
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat, PositiveInt

from crossfold.templates.audit import Claims, Protocol, Setup, list_setups, run_side_by_side
from crossfold.templates.cross_validation.folds import K_FOLD, LEAVE_ONE_OUT
from crossfold.templates.cross_validation.history import DECISION, train_scores
from crossfold.templates.cross_validation.parameters import NetworkParameters, Sampler
from crossfold.templates.cross_validation.training import make_network, make_sampler
from crossfold.validation.splits import assign_folds, fold_rows, leave_one_out

_logger = logging.getLogger(__name__)
NOT_PROBES = ["patient", "origin", "label"]
_TINY = 1e-7
ORIGINAL, DOWN_SAMPLED, SMOTE = "original", "down_sampled", "smote"
TABLES = (ORIGINAL, DOWN_SAMPLED, SMOTE)
_SAMPLERS: dict[str, Sampler] = {ORIGINAL: "none", DOWN_SAMPLED: "down_sampling", SMOTE: "smote"}

SCALE, SMOTE_FIRST = "scale_before_split", "smote_before_split"
RESAMPLE, WEIGHTS = "resample_before_split", "weights_after_resampling"
ONE_MODEL = "one_model_for_all_folds"
SWITCHES = (SCALE, SMOTE_FIRST, RESAMPLE, WEIGHTS, ONE_MODEL)
PERMUTED = "k_fold_permuted"
CROSS_VALIDATIONS = (K_FOLD, LEAVE_ONE_OUT, PERMUTED)
# The faults that can change what a network makes of each table, and of each cross-validation.
TOUCHING = {
    ORIGINAL: (SCALE,),
    DOWN_SAMPLED: (SCALE, RESAMPLE, WEIGHTS),
    SMOTE: (SCALE, SMOTE_FIRST, RESAMPLE, WEIGHTS),
    **dict.fromkeys(CROSS_VALIDATIONS, (SCALE, ONE_MODEL)),
}


class ProtocolParameters(Protocol):
    """How the source trained and tested."""

    network: NetworkParameters
    """The network that is trained on every table and fold, with the source's epochs."""
    epsilon: PositiveFloat = 1e-7
    """Adam's, for numerical stability."""
    short_epochs: Annotated[
        dict[Literal["split", "k_fold", "leave_one_out"], PositiveInt], Field(min_length=3)
    ]
    """Epochs of the runs in which single faults are compared with none and with all: of a ``split``
    of a table, of ``k_fold`` and of ``leave_one_out``."""
    names: dict[str, str]
    """Of tables and cross-validations, as a reader knows them."""
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the rows that the split puts aside."""
    n_draws: Annotated[int, Field(ge=2)] = 20
    """Splits that are drawn, each with a start of its own; the first, with the project's seed, is
    the source's own split."""
    short_draws: Annotated[int, Field(ge=2)] = 8
    """The first of them that single faults are compared on."""
    n_splits: Annotated[int, Field(ge=2)] = 10
    """Folds of the stratified cross-validation."""
    n_resamples: Annotated[int, Field(ge=50)] = 1000
    """Bootstrap resamples."""

    def make_network(self, subject: str, setup: Setup) -> Any:
        """Make an untrained network for the runs of a subject; every epoch is run."""
        epochs = self.shortest(subject) if setup.short else self.network.max_iter
        network = make_network(self.network.changed(max_iter=epochs), "binary")
        return network.set_params(n_iter_no_change=float("inf"), epsilon=self.epsilon)

    def shortest(self, subject: str) -> int:
        """Count the epochs of a short run of a table or of a cross-validation."""
        kind: Any = "split" if subject in TABLES else subject.removesuffix("_permuted")
        return min(self.short_epochs[kind], self.network.max_iter)


class Rows(NamedTuple):
    """Inputs, shape ``(n, p)``, float32, and whether each is AML, 0 or 1, shape ``(n,)``."""

    inputs: NDArray[np.float32]
    aml: NDArray[Any]

    def take(self, numbers: NDArray[np.intp]) -> Rows:
        """Take rows by their numbers."""
        return Rows(self.inputs[numbers], self.aml[numbers])


class TrainingSet(NamedTuple):
    """What a network learns from and is scored on, its class weights and its seed."""

    train: Rows
    validation: Rows
    class_weight: dict[int, float]
    seed: int


def make_training_set(
    patients: Rows, table: str, faults: Collection[str], test_share: float, seed: int
) -> TrainingSet:
    """Scale, resample and split one of `TABLES`, with those of the source's faults that are on.

    `patients` are all of them, neither scaled nor resampled; `test_share` is the share of the rows
    that the network is scored on.
    """
    train, validation = split(patients, test_share, seed)
    weights = class_weights(train.aml)
    scaled_on = patients if SCALE in faults else train
    train, validation, everyone = (scale(r, scaled_on) for r in (train, validation, patients))
    # With SMOTE, resampling all rows is two faults: validation rows are parents, and are made.
    of_whole = {RESAMPLE, SMOTE_FIRST}.intersection(TOUCHING[table])
    if of_whole and of_whole <= set(faults):
        train, validation = split(resample(everyone, table, seed), test_share, seed)
        if SCALE not in faults:
            train, validation = scale(train, train), scale(validation, train)
    else:
        validation = resample(validation, table, seed) if RESAMPLE in faults else validation
        if table == SMOTE:
            train = add_synthetic(train, everyone if SMOTE_FIRST in faults else train, seed)
        else:
            train = resample(train, table, seed)
    own_weights = weights if WEIGHTS in faults else class_weights(train.aml)
    return TrainingSet(train, validation, own_weights, seed)


def split(rows: Rows, test_share: float, seed: int) -> tuple[Rows, Rows]:
    """Put a share of the rows aside."""
    from sklearn.model_selection import train_test_split

    numbers = np.arange(len(rows.aml))
    parts = train_test_split(numbers, test_size=test_share, random_state=seed)
    return rows.take(parts[0]), rows.take(parts[1])


def scale(rows: Rows, by: Rows) -> Rows:
    """Standardise rows by the means and deviations of these or of others."""
    from sklearn.preprocessing import StandardScaler

    return Rows(StandardScaler().fit(by.inputs).transform(rows.inputs), rows.aml)


def resample(rows: Rows, table: str, seed: int) -> Rows:
    """Make both classes as large as the smaller, or by SMOTE as the larger; or change nothing."""
    sampler = make_sampler(_SAMPLERS[table], seed)
    n_smaller = int(np.bincount(rows.aml, minlength=2).min())
    if sampler is None or n_smaller < 2:
        return rows
    if table == SMOTE:
        # Five neighbours, as usual, or as many as a small class has.
        sampler.set_params(k_neighbors=min(sampler.k_neighbors, n_smaller - 1))
    return Rows(*sampler.fit_resample(rows.inputs, rows.aml))


def add_synthetic(train: Rows, made_from: Rows, seed: int) -> Rows:
    """Fill the smaller class up with rows that SMOTE makes from these rows or from others."""
    synthetic = resample(made_from, SMOTE, seed).inputs[len(made_from.aml) :]
    counts = np.bincount(train.aml, minlength=2)
    added = synthetic[: counts.max() - counts.min()]
    smaller = np.full(len(added), counts.argmin(), dtype=train.aml.dtype)
    return Rows(np.vstack([train.inputs, added]), np.concatenate([train.aml, smaller]))


def class_weights(aml: NDArray[Any]) -> dict[int, float]:
    """Weigh each class by the number of rows over its own, as the source does."""
    return {label: len(aml) / max(1, int((aml == label).sum())) for label in (0, 1)}


def repeat_source(
    expression: pd.DataFrame, claims: Claims, protocol: ProtocolParameters, seed: int
) -> pd.DataFrame:
    """Train every table and cross-validation in every setup that its claims need.

    Patients are in the order of their numbers. Draw ``i`` of a table splits, resamples and starts
    from ``seed + i``; folds, batches and permuted labels are drawn from `seed`.

    Returns one row for each subject (table or cross-validation), run, draw or ``fold``, and epoch:
    ``right``, ``balanced_accuracy``, ``f1`` and ``loss`` on ``n`` rows that were put aside,
    ``train_loss`` (weighted by class, as it is trained on), ``train_f1`` and ``train_accuracy`` (of
    the tables with all their faults, for the source's figure; else NaN), and the ``seconds`` of
    processor time of the whole run, in which what trains beside it does not count.
    """
    patients, setups = patient_rows(expression), list_setups(claims)
    # Cross-validations first: one that trains on from fold to fold takes longest.
    jobs = [
        (patients, subject, setup, protocol, seed)
        for subject in (*CROSS_VALIDATIONS, *TABLES)
        for setup in dict.fromkeys(run_of(one, subject, protocol) for one in setups)
    ]
    _logger.info("The audit trains %d runs.", len(jobs))
    return pd.concat(run_side_by_side(_repeat, jobs, protocol.n_jobs), ignore_index=True)


def _repeat(
    patients: Rows, subject: str, setup: Setup, protocol: ProtocolParameters, seed: int
) -> pd.DataFrame:
    began = process_time()
    if setup.short:
        n_draws = min(protocol.short_draws, protocol.n_draws)
        protocol = protocol.model_copy(update={"n_draws": n_draws})
    sets = make_sets(patients, subject, setup.faults, protocol, seed)
    network = protocol.make_network(subject, setup)
    if ONE_MODEL in setup.faults:
        history = pd.DataFrame(_train_on(network, sets))
    else:
        is_source = setup.faults == set(TOUCHING[subject])
        history = _train_fresh(network, sets, is_source and subject in TABLES)
    return history.assign(subject=subject, run=setup.name, seconds=process_time() - began)


def run_of(setup: Setup, subject: str, protocol: ProtocolParameters) -> Setup:
    """Find the run of a subject that shows a setup; unlike setups may share one.

    A cross-validation without faults is trained only to compare single faults with.
    """
    kept = setup.keep(TOUCHING[subject])
    may_be_short = setup.short or (not kept.faults and subject not in TABLES)
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
    share = protocol.test_share
    if subject in TABLES:
        seeds = range(seed, seed + protocol.n_draws)
        return [make_training_set(patients, subject, on, share, one) for one in seeds]
    weights = class_weights(split(patients, share, seed)[0].aml)
    if subject == PERMUTED:
        rng = np.random.default_rng(seed)
        patients = patients._replace(aml=rng.permutation(patients.aml))
    if subject == LEAVE_ONE_OUT:
        folds = leave_one_out(len(patients.aml))
    else:
        folds = fold_rows(assign_folds(patients.aml, n_splits=protocol.n_splits, seed=seed))
    sets = []
    for numbers in folds:
        train, held = map(patients.take, numbers)
        by = patients if SCALE in on else train
        scaled = scale(train, by), scale(held, by)
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
