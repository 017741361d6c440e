"""How the no-show study's source trained, with its faults, and the timing of the two libraries.

Faults of the rows, of the folds and of the training act here; those of the figures change how
`measures` computes them. Neither the engines nor the sound study know of them.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import pairwise, product
from multiprocessing import get_context
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, PositiveInt

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.appointments import cleaning
from crossfold.templates.audit import Claims, Protocol, Setup, list_setups, run_side_by_side
from crossfold.templates.cross_validation.parameters import Fraction, Model, NetworkParameters
from crossfold.templates.cross_validation.training import installed, make_estimator
from crossfold.validation.splits import assign_folds, fold_rows

if TYPE_CHECKING:
    from crossfold.mlp import FoldStack, MLPClassifier

INPUTS = [
    "male", "age", "scholarship", "hypertension", "diabetes", "alcoholism", "handicap",
    "sms_received", "lead_time_days",
]  # fmt: skip
TARGET, PATIENT = "no_show", "patient"
OLDEST_IN_SOURCE = 99
NUMPY, TORCH, UNWEIGHTED = "numpy", "torch", "unweighted"
TRAINED_AS = ("train_tp", "train_fp", "train_fn")
# They choose the rows or the folds.
FOLD_FAULTS = ("elapsed_days", "drop_infants", "patients_across_folds")
UNLIKE = "unlike_twins"
TRAINING_FAULTS = (*FOLD_FAULTS, "scale_before_split", UNLIKE, "inverted_weight")
FIGURE_FAULTS = (
    "f1_on_training_rows", "one_threshold_for_both", "fpr_stored_as_f1", "cost_always_weighted",
)  # fmt: skip
SWITCHES = (*TRAINING_FAULTS, *FIGURE_FAULTS)

_logger = logging.getLogger(__name__)
Array = NDArray[Any]
Fold = tuple[NDArray[np.intp], NDArray[np.intp]]
Answers = dict[str, pd.DataFrame]


class ProtocolParameters(Protocol):
    """How the source trained and tested."""

    network: NetworkParameters
    """The network that both libraries train; its batch size is PyTorch's."""
    numpy_batch_size: PositiveInt = 100
    """Batch size of NumPy under ``unlike_twins``."""
    trees: dict[str, Model]
    """The tree ensembles that are compared with the network, by name."""
    short_epochs: PositiveInt
    """Epochs, and the first folds, of the protocols that single faults are compared by."""
    short_folds: PositiveInt
    """Epochs, and the first folds, of the protocols that single faults are compared by."""
    timed_epochs: Annotated[int, Field(ge=2)]
    """Epochs in which the libraries are timed; the first waits for what is made once."""
    gpu_copies: tuple[PositiveInt, ...] = (1, 10)
    """On a GPU, how often the table is repeated, and in which batches it is learned from."""
    gpu_batch_sizes: tuple[PositiveInt, ...] = (1000, 10_000)
    """On a GPU, how often the table is repeated, and in which batches it is learned from."""
    n_splits: Annotated[int, Field(ge=2)] = 5
    """Number of folds."""
    threshold: Fraction = 0.4
    """Probability from which the source predicts a no-show."""
    n_thresholds: Annotated[int, Field(ge=3)] = 101
    """Thresholds of the sweep, evenly from 0.01 to 0.99."""
    n_resamples: Annotated[int, Field(ge=50)] = 200
    """Bootstrap resamples, by patient."""


# Rows and folds


def select_rows(raw: pd.DataFrame, faults: Collection[str]) -> pd.DataFrame:
    """Clean an export, with the faults ``elapsed_days`` and ``drop_infants`` or without.

    Returns columns `INPUTS` (float32), ``no_show`` (int8) and ``patient`` (int32, a number without
    meaning); one row for each appointment that is kept, in the order of the file. Raises a
    `CrossfoldError`: no row is kept, or all are of one class.
    """
    parsed = cleaning.parse(cleaning.latest_rows(raw))
    if missing := sorted({"gender", *INPUTS[1:-1]} - set(parsed)):
        raise CrossfoldError(
            f"The audit repeats the source on its own columns; the export lacks {missing}."
        )
    ages = (cleaning.YOUNGEST, cleaning.OLDEST)
    ages = (1, OLDEST_IN_SOURCE) if "drop_infants" in faults else ages
    # Appointments carry no time of day. Counted as elapsed from the time of booking to midnight,
    # every appointment of the same day is minus one day away.
    booked = parsed["booked_at"]
    booked = booked if "elapsed_days" in faults else booked.dt.normalize()
    waited: pd.Series[pd.Timedelta] = parsed["appointment_day"] - booked
    lead_time = waited // pd.Timedelta(days=1)
    # The source knows no rule but those of age and lead time.
    own_rules = ["", "appointment_before_booking_day", "age_out_of_range"]
    kept = cleaning.broken_rules(parsed).isin(own_rules) & (lead_time >= 0)
    kept &= parsed["age"].between(*ages)
    male, others = parsed["gender"] == "M", {name: parsed[name] for name in INPUTS[1:-1]}
    rows = pd.DataFrame({"male": male, **others, "lead_time_days": lead_time})
    rows = rows[kept].astype(np.float32)
    rows[TARGET] = parsed.loc[kept, TARGET].astype(np.int8)
    rows[PATIENT] = pd.factorize(parsed.loc[kept, PATIENT])[0].astype(np.int32)
    if rows[TARGET].nunique() < 2:
        raise CrossfoldError(
            f"The audit keeps {len(rows)} appointments, not of both outcomes; check the export."
        )
    return rows.reset_index(drop=True)


class Table(NamedTuple):
    """The rows of one run and its folds."""

    rows: pd.DataFrame
    folds: list[Fold]

    @property
    def target(self) -> Array:
        """1 for a no-show, shape ``(n,)``."""
        return self.rows[TARGET].to_numpy()


def make_folds(rows: pd.DataFrame, faults: Collection[str], n_splits: int, seed: int) -> list[Fold]:
    """Split rows into stratified folds: by patient, or under ``patients_across_folds`` by row."""
    groups = None if "patients_across_folds" in faults else rows[PATIENT]
    return list(fold_rows(assign_folds(rows[TARGET], groups, n_splits=n_splits, seed=seed)))


# Training


def scale(rows: pd.DataFrame, faults: Collection[str]) -> tuple[Array, Any]:
    """Give the inputs and what scales them in each fold: nothing if they are scaled already."""
    from sklearn.preprocessing import StandardScaler

    inputs = rows[INPUTS].to_numpy(np.float32)
    if "scale_before_split" in faults:
        return StandardScaler().fit_transform(inputs), None
    return inputs, StandardScaler()


def positive_weights(
    y: Array, folds: list[Fold], faults: Collection[str]
) -> Iterator[dict[str, dict[int, float]]]:
    """Give the class weights of each fold: N₀/N₁ for a no-show, or upside down as in the text."""
    for train, _ in folds:
        n_positive = int(y[train].sum())
        ratio = (len(train) - n_positive) / n_positive
        weight = 1 / ratio if "inverted_weight" in faults else ratio
        yield {"class_weight": {0: 1.0, 1: weight}}


def numpy_start(
    generator: np.random.Generator, sizes: tuple[int, ...]
) -> tuple[list[Array], list[Array]]:
    """Draw NumPy's start: hidden layers He normal, the output N(0, 1)/√n, biases N(0, 1)."""
    n_last, n_out = sizes[-2:]
    coefs = [*_he_normal(generator, sizes[:-1]), generator.normal(size=(n_last, n_out))]
    coefs[-1] /= np.sqrt(n_last)
    return coefs, [generator.normal(size=n) for n in sizes[1:]]


def torch_start(
    generator: np.random.Generator, sizes: tuple[int, ...]
) -> tuple[list[Array], list[Array]]:
    """Draw PyTorch's: hidden layers Kaiming normal, the output Xavier normal, biases U(±1/√n)."""
    n_last, n_out = sizes[-2:]
    output = generator.normal(0, np.sqrt(2 / (n_last + n_out)), size=(n_last, n_out))
    coefs = [*_he_normal(generator, sizes[:-1]), output]
    bounds = [(1 / np.sqrt(n_in), n) for n_in, n in pairwise(sizes)]
    return coefs, [generator.uniform(-bound, bound, size=n) for bound, n in bounds]


def _he_normal(generator: np.random.Generator, sizes: tuple[int, ...]) -> list[Array]:
    """Draw N(0, 2/n) of n inputs, which PyTorch calls Kaiming normal."""
    return [generator.normal(0, np.sqrt(2 / n_in), size=(n_in, n)) for n_in, n in pairwise(sizes)]


def network_arguments(
    subject: str, faults: Collection[str], protocol: ProtocolParameters
) -> dict[str, Any]:
    """Give batch size and start of a network: NumPy's own only if the twins are unlike."""
    if subject == NUMPY and UNLIKE in faults:
        return {"batch_size": protocol.numpy_batch_size, "init": numpy_start}
    return {"batch_size": protocol.network.batch_size, "init": torch_start}


def train_runs(
    appointments_raw: pd.DataFrame, protocol: ProtocolParameters, claims: Claims, seed: int
) -> pd.DataFrame:
    """Train the networks and the tree ensembles of every protocol but the sound study's own.

    Both libraries give the same figures to rounding, so that what is not timed is trained by NumPy,
    the quicker; PyTorch's network is the one that starts and takes its batches as in PyTorch. Trees
    know no fault but those of rows and folds.

    Returns one line for each run, subject and row: ``run``, ``subject``, ``row``, ``group``
    (patient, a number without meaning), ``target``, ``probability`` (out of fold), and how often
    the row was a true positive, a false positive and a false negative at the source's threshold
    while it was a training row (``train_tp``, ``train_fp``, ``train_fn``).
    """

    @cache
    def table_of(faults: frozenset[str]) -> Table:
        rows = select_rows(appointments_raw, faults)
        return Table(rows, make_folds(rows, faults, protocol.n_splits, seed))

    # Without any fault the study's networks stand; the source's own are trained where only faults
    # of its figures are on.
    setups = dict.fromkeys(s.keep(TRAINING_FAULTS) for s in list_setups(claims) if s != Setup())
    parts = {
        setup: list_networks(setup)
        + [(setup.keep(FOLD_FAULTS), (name,)) for name in installed(protocol.trees)]
        for setup in sorted(setups, key=lambda one: one.short)
    }
    jobs = list(dict.fromkeys(part for own in parts.values() for part in own))
    _logger.info("The audit trains %d stacks of networks and forests.", len(jobs))
    # Tables are made while others are learned from.
    tasks = (
        (*job, table_of(job[0].faults.intersection(FOLD_FAULTS)), protocol, seed) for job in jobs
    )
    trained = run_side_by_side(_train_part, tasks, protocol.n_jobs)
    done = dict(zip(jobs, trained, strict=True))
    tables = [
        table.assign(subject=subject, run=setup.name)
        for setup, own in parts.items()
        for part in own
        for subject, table in _named(done[part], setup).items()
    ]
    answers = pd.concat(tables, ignore_index=True)
    return answers.astype({"run": "category", "subject": "category"})


def list_networks(setup: Setup) -> list[tuple[Setup, tuple[str, ...]]]:
    """List what is trained together, and in which setup.

    PyTorch's network is the same whether or not NumPy's is unlike it, and NumPy's is PyTorch's
    unless it is.
    """
    alike = setup.keep(setup.faults - {UNLIKE}), (TORCH, UNWEIGHTED)
    return [alike, (setup, (NUMPY,))] if UNLIKE in setup.faults else [alike]


def _named(answers: Answers, setup: Setup) -> Answers:
    if TORCH in answers and UNLIKE not in setup.faults:
        return {**answers, NUMPY: answers[TORCH]}
    return answers


def _train_part(
    setup: Setup, subjects: tuple[str, ...], table: Table, protocol: ProtocolParameters, seed: int
) -> Answers:
    """Train networks that differ in their class weights alone, or a tree ensemble."""
    network = protocol.network
    if setup.short:
        table = table._replace(folds=table.folds[: protocol.short_folds])
        network = network.changed(max_iter=protocol.short_epochs)
    if model := protocol.trees.get(subjects[0]):
        inputs, y = table.rows[INPUTS].to_numpy(), table.target
        probability = np.full(len(y), np.nan)
        for train, validation in table.folds:
            trees = make_estimator(model, np.zeros(len(INPUTS), dtype=bool), seed)
            trees.fit(inputs[train], y[train])
            probability[validation] = trees.predict_proba(inputs[validation])[:, 1]
        return {subjects[0]: _answers(table, probability)}
    return _train_networks(setup, table, subjects, network, protocol, seed)


def _train_networks(
    setup: Setup,
    table: Table,
    subjects: Sequence[str],
    network: NetworkParameters,
    protocol: ProtocolParameters,
    seed: int,
) -> Answers:
    inputs, scaler = scale(table.rows, setup.faults)
    own = network_arguments(subjects[0], setup.faults, protocol)
    made = _classifier(network, own, seed)
    weights = [{"class_weight": None} if s == UNWEIGHTED else {} for s in subjects]
    stack = _fit(made, inputs, scaler, table.target, table.folds, setup.faults, weights)
    counts = [
        _count_on_training_rows(stack, member, table, inputs, protocol.threshold)
        for member in range(len(subjects))
    ]
    said = zip(subjects, stack.out_of_fold_, counts, strict=True)
    return {subject: _answers(table, probability, own) for subject, probability, own in said}


def _classifier(
    network: NetworkParameters, own: dict[str, Any], seed: int, *callbacks: Any
) -> MLPClassifier:
    from crossfold.mlp import MLPClassifier

    every_epoch = {"n_iter_no_change": np.inf, "callbacks": callbacks, "random_state": seed}
    return MLPClassifier(**{**network.model_dump(), **own, **every_epoch})


def _fit(
    network: MLPClassifier,
    inputs: Array,
    scaler: Any,
    y: Array,
    folds: list[Fold],
    faults: Collection[str] = (),
    members: Sequence[dict[str, Any]] | None = None,
) -> FoldStack:
    from crossfold.mlp import FoldStack

    stack = FoldStack(network, preprocessor=scaler, member_params=members)
    return stack.fit(inputs, y, folds, fold_params=list(positive_weights(y, folds, faults)))


def _answers(table: Table, probability: Array, counts: Array | None = None) -> pd.DataFrame:
    counts = np.zeros((3, len(table.rows)), dtype=np.int8) if counts is None else counts
    answers = pd.DataFrame(
        {
            "row": np.arange(len(table.rows), dtype=np.int32),
            "group": table.rows[PATIENT].to_numpy(),
            "target": table.target,
            "probability": probability.astype(np.float32),
            **dict(zip(TRAINED_AS, counts, strict=True)),
        }
    )
    return answers[answers["probability"].notna()]


def _count_on_training_rows(
    stack: FoldStack, member: int, table: Table, inputs: Array, threshold: float
) -> Array:
    """Count in how many folds each row is a true or false positive or a false negative."""
    counts, y = np.zeros((3, len(inputs)), dtype=np.int8), table.target == 1
    for number, (train, _) in enumerate(table.folds):
        scaler, network = stack.preprocessors_[number], stack.estimators_[member][number]
        own = inputs[train] if scaler is None else scaler.transform(inputs[train])
        flagged = network.predict_proba(own)[:, 1] > threshold
        counts[:, train] += outcome_counts(y[train], flagged)[:3]
    return counts


def outcome_counts(positive: Array, flagged: Array) -> Array:
    """Mark true and false positives, false and true negatives, shape ``(4, n)``, int8."""
    marks = (positive & flagged, ~positive & flagged, positive & ~flagged, ~positive & ~flagged)
    return np.stack(marks).astype(np.int8)


# Timing


class _Timing(NamedTuple):
    """One training that is timed, as `time_twins` describes its columns."""

    unlike: bool
    library: str
    device: str
    batch_size: int | str
    copies: int = 1


def time_twins(
    appointments_raw: pd.DataFrame, answers: pd.DataFrame, protocol: ProtocolParameters, seed: int
) -> pd.DataFrame:
    """Time both libraries, each training in a process of its own with nothing beside it.

    `answers` are not read: nothing may be trained beside what is timed.

    Returns one line for each training and epoch but the first: ``unlike`` (whether NumPy takes its
    own batches and start), ``library``, ``device``, ``batch_size``, ``copies`` of the table,
    ``epoch``, ``seconds``, and ``memory_mb``, the most memory that the process held after an epoch.
    """
    rows = select_rows(appointments_raw, ())
    table = Table(rows, make_folds(rows, (), protocol.n_splits, seed))
    tables = []
    for job in _timings(protocol):
        _logger.info("Timing %s on %s in batches of %s", job.library, job.device, job.batch_size)
        # A process of its own holds the memory of one library alone.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            tables.append(pool.submit(_time, job, table, protocol, seed).result())
    timed = pd.concat(tables, ignore_index=True)
    # PyTorch trains the same network beside both of NumPy's.
    same = timed[(timed["library"] == TORCH) & (timed["device"] == "cpu")]
    return pd.concat([timed, same.assign(unlike=True)], ignore_index=True)


def _timings(protocol: ProtocolParameters) -> list[_Timing]:
    import torch

    size = protocol.network.batch_size
    jobs = [_Timing(True, NUMPY, "cpu", protocol.numpy_batch_size)]
    jobs += [_Timing(False, library, "cpu", size) for library in (NUMPY, TORCH)]
    if torch.cuda.is_available():
        sizes = list(product(protocol.gpu_batch_sizes, protocol.gpu_copies))
        for library, device in ((NUMPY, "cpu"), (TORCH, "cuda")):
            jobs += [_Timing(False, library, device, *one) for one in sizes]
    return jobs


def _time(job: _Timing, table: Table, protocol: ProtocolParameters, seed: int) -> pd.DataFrame:
    from psutil import Process

    from crossfold.mlp import EpochLog

    held: list[float] = []

    def measure(*_: object) -> dict[str, float]:
        held.append(Process().memory_info().rss / 1e6)
        return {}

    faults = [UNLIKE] if job.unlike else []
    own = {**network_arguments(job.library, faults, protocol), "batch_size": job.batch_size}
    settings = {"engine": job.library, "device": job.device, "max_iter": protocol.timed_epochs}
    made = _classifier(protocol.network.changed(**settings), own, seed, EpochLog(measure))
    inputs, scaler = scale(table.rows, ())
    shifts = np.arange(job.copies)[:, None] * len(inputs)
    folds = [((train + shifts).ravel(), (test + shifts).ravel()) for train, test in table.folds]
    inputs, y = np.tile(inputs, (job.copies, 1)), np.tile(table.target, job.copies)
    stack = _fit(made, inputs, scaler, y, folds)
    seconds = np.diff(stack.histories_[0][0].seconds)
    epochs = {"epoch": np.arange(2, len(seconds) + 2), "seconds": seconds}
    return pd.DataFrame({**job._asdict(), **epochs, "memory_mb": max(held)})
