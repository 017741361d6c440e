"""The nodes that train every run of the no-show audit, and that time the two libraries."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from itertools import product
from multiprocessing import cpu_count, get_context
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.no_show.audit.faults import (
    FOLD_FAULTS,
    TRAINING_FAULTS,
    Fold,
    ProtocolParameters,
    make_folds,
    numpy_start,
    positive_weights,
    scale,
    torch_start,
)
from crossfold.pipelines.no_show.audit.measures import NoShowClaims, outcome_counts
from crossfold.pipelines.no_show.audit.rows import INPUTS, PATIENT, TARGET, select_rows
from crossfold.templates.audit import Setup, list_setups
from crossfold.templates.cross_validation.estimators import installed, make_estimator
from crossfold.templates.cross_validation.parameters import Model, NetworkParameters

if TYPE_CHECKING:
    from crossfold.mlp import EpochLog, FoldStack, MLPClassifier

NUMPY, TORCH, UNWEIGHTED = "numpy", "torch", "unweighted"
TRAINED_AS = ("train_tp", "train_fp", "train_fn")

_logger = logging.getLogger(__name__)
Array = NDArray[Any]
Tables = tuple[pd.DataFrame, pd.DataFrame]


class _Timing(NamedTuple):
    """One training that is timed, as `time_twins` describes its columns."""

    unlike: bool
    library: str
    device: str
    batch_size: int | str
    copies: int = 1


class _Table(NamedTuple):
    """The rows of one run and its folds."""

    rows: pd.DataFrame
    folds: list[Fold]


def train_runs(
    appointments_raw: pd.DataFrame, protocol: ProtocolParameters, claims: NoShowClaims, seed: int
) -> Tables:
    """Train the networks and the tree ensembles of every protocol but the sound study's own.

    Both libraries give the same figures to rounding, so that what is not timed is trained by NumPy,
    the quicker; PyTorch's network is the one that starts and takes its batches as in PyTorch.

    Parameters
    ----------
    appointments_raw
        An export, patients hashed.
    protocol, claims
        How the source trained, and its faults.
    seed
        Of folds, starts and batches.

    Returns
    -------
    One line for each run, subject and row: ``run``, ``subject``, ``row``, ``group`` (patient, a
    number without meaning), ``target``, ``probability`` (out of fold), and how often the row was a
    true positive, a false positive and a false negative at the source's threshold while it was a
    training row (``train_tp``, ``train_fp``, ``train_fn``). And one line for each run, network and
    epoch: ``f1`` on the validation rows, mean of the folds.
    """

    @cache
    def table_of(faults: frozenset[str]) -> _Table:
        rows = select_rows(appointments_raw, faults)
        return _Table(rows, make_folds(rows, faults, protocol.n_splits, seed))

    # Without any fault the study's networks stand; the source's own are trained where only faults
    # of its figures are on.
    setups = dict.fromkeys(s.keep(TRAINING_FAULTS) for s in list_setups(claims) if s != Setup())
    jobs = [
        (setup, table_of(setup.faults.intersection(FOLD_FAULTS)), part)
        for setup in sorted(setups, key=lambda one: one.short)
        for part in _parts(setup)
    ]
    _logger.info("The audit trains %d stacks of networks.", len(jobs))
    context = get_context("spawn")
    with ProcessPoolExecutor(cpu_count(), context, initializer=_use_one_thread) as pool:
        train = partial(_train_part, protocol=protocol, seed=seed)
        tables = list(pool.map(train, *zip(*jobs, strict=True)))
    answers, histories = (
        pd.concat(parts, ignore_index=True) for parts in zip(*tables, strict=True)
    )
    return answers.astype({"run": "category", "subject": "category"}), histories


def _parts(setup: Setup) -> list[tuple[str, ...]]:
    """List what is trained together: NumPy's network is PyTorch's unless the twins are unlike."""
    return [(TORCH, UNWEIGHTED), *([(NUMPY,)] if "unlike_twins" in setup.faults else [])]


def _use_one_thread() -> None:
    """Keep the matrix products of a process that trains beside others to one thread."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    threadpool_limits(1)


def _train_part(
    setup: Setup, table: _Table, subjects: tuple[str, ...], protocol: ProtocolParameters, seed: int
) -> Tables:
    """Train networks that differ in their class weights alone; beside PyTorch's two the trees."""
    network = protocol.network
    if setup.short:
        table = table._replace(folds=table.folds[: protocol.short_folds])
        network = network.changed(max_iter=protocol.short_epochs)
    answers, histories = _train_networks(setup, table, subjects, network, protocol, seed)
    if TORCH in subjects:
        for name, model in installed(protocol.trees).items():
            answers[name] = _answers(table, _fit_trees(table, model, seed))
        if "unlike_twins" not in setup.faults:
            answers[NUMPY], histories[NUMPY] = answers[TORCH], histories[TORCH]
    return _join(answers, setup), _join(histories, setup)


def _join(tables: dict[str, pd.DataFrame], setup: Setup) -> pd.DataFrame:
    return pd.concat([table.assign(subject=name) for name, table in tables.items()]).assign(
        run=setup.name
    )


def _train_networks(
    setup: Setup,
    table: _Table,
    subjects: Sequence[str],
    network: NetworkParameters,
    protocol: ProtocolParameters,
    seed: int,
) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """Train all folds of some networks as one stack."""
    from crossfold.mlp import EpochLog, FoldStack

    inputs, scaler = scale(table.rows, setup.faults)
    y = table.rows[TARGET].to_numpy()
    log = EpochLog(lambda targets, outputs: {"f1": f1_at(targets, outputs, protocol.threshold)})
    own = network_arguments(subjects[0], setup.faults, protocol)
    stack = FoldStack(
        _classifier(network, own, log, seed),
        preprocessor=scaler,
        member_params=[{"class_weight": None} if s == UNWEIGHTED else {} for s in subjects],
    ).fit(
        inputs,
        y,
        table.folds,
        fold_params=list(positive_weights(y, table.folds, setup.faults)),
    )
    f1 = pd.DataFrame(log.records).groupby(["member", "epoch"], as_index=False)["value"].mean()
    answers, histories = {}, {}
    for member, subject in enumerate(subjects):
        counts = _count_on_training_rows(stack, member, table, inputs, protocol.threshold)
        answers[subject] = _answers(table, stack.out_of_fold_[member], counts)
        own = f1[f1["member"] == member]
        histories[subject] = own[["epoch", "value"]].rename(columns={"value": "f1"})
    return answers, histories


def _classifier(
    network: NetworkParameters, own: dict[str, Any], log: EpochLog, seed: int
) -> MLPClassifier:
    from crossfold.mlp import MLPClassifier

    every_epoch = {"n_iter_no_change": np.inf, "callbacks": [log], "random_state": seed}
    return MLPClassifier(**{**network.model_dump(), **own, **every_epoch})


def network_arguments(
    subject: str, faults: Collection[str], protocol: ProtocolParameters
) -> dict[str, Any]:
    """Give batch size and start of a network: NumPy's own only if the twins are unlike."""
    if subject == NUMPY and "unlike_twins" in faults:
        return {"batch_size": protocol.numpy_batch_size, "init": numpy_start}
    return {"batch_size": protocol.network.batch_size, "init": torch_start}


def _fit_trees(table: _Table, model: Model, seed: int) -> Array:
    """Give the out-of-fold probabilities of a tree ensemble on the same inputs and folds."""
    inputs, y = table.rows[INPUTS].to_numpy(), table.rows[TARGET].to_numpy()
    probability = np.full(len(y), np.nan)
    for train, validation in table.folds:
        trees = make_estimator(model, np.zeros(len(INPUTS), dtype=bool), seed)
        trees.fit(inputs[train], y[train])
        probability[validation] = trees.predict_proba(inputs[validation])[:, 1]
    return probability


def _answers(table: _Table, probability: Array, counts: Array | None = None) -> pd.DataFrame:
    counts = np.zeros((3, len(table.rows)), dtype=np.int8) if counts is None else counts
    answers = pd.DataFrame(
        {
            "row": np.arange(len(table.rows), dtype=np.int32),
            "group": table.rows[PATIENT].to_numpy(),
            "target": table.rows[TARGET].to_numpy(),
            "probability": probability.astype(np.float32),
            **dict(zip(TRAINED_AS, counts, strict=True)),
        }
    )
    return answers[answers["probability"].notna()]


def _count_on_training_rows(
    stack: FoldStack, member: int, table: _Table, inputs: Array, threshold: float
) -> Array:
    """Count in how many folds each row is a true or false positive or a false negative."""
    counts = np.zeros((3, len(table.rows)), dtype=np.int8)
    y = table.rows[TARGET].to_numpy() == 1
    for number, (train, _) in enumerate(table.folds):
        scaler, network = stack.preprocessors_[number], stack.estimators_[member][number]
        own = inputs[train] if scaler is None else scaler.transform(inputs[train])
        flagged = network.predict_proba(own)[:, 1] > threshold
        counts[:, train] += outcome_counts(y[train], flagged)[:3]
    return counts


def f1_at(targets: Array, outputs: Array, threshold: float) -> float:
    """Give F1 of predicting a no-show above a threshold; 0 where there is nothing to count."""
    tp, fp, fn, _ = outcome_counts(targets > 0.5, outputs > threshold).sum(axis=1, dtype=np.int64)
    return float(2 * tp / max(1, 2 * tp + fp + fn))


def time_twins(
    appointments_raw: pd.DataFrame, epochs: pd.DataFrame, protocol: ProtocolParameters, seed: int
) -> pd.DataFrame:
    """Time both libraries, each training in a process of its own with nothing beside it.

    Returns
    -------
    One line for each training and epoch but the first: ``unlike`` (whether NumPy takes its own
    batches and start), ``library``, ``device``, ``batch_size``, ``copies`` of the table, ``epoch``,
    ``seconds``, and ``memory_mb``, the most memory that the process held after an epoch.
    """
    rows = select_rows(appointments_raw, ())
    table = _Table(rows, make_folds(rows, (), protocol.n_splits, seed))
    tables = []
    for job in _timings(protocol):
        _logger.info("Timing %s on %s in batches of %s", job.library, job.device, job.batch_size)
        # A process of its own holds the memory of one library alone.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            tables.append(pool.submit(_time, job, table, protocol, seed).result())
    return pd.concat(tables, ignore_index=True)


def _timings(protocol: ProtocolParameters) -> list[_Timing]:
    import torch

    size, numpy_size = protocol.network.batch_size, protocol.numpy_batch_size
    jobs = [
        _Timing(unlike, library, "cpu", numpy_size if unlike and library == NUMPY else size)
        for unlike, library in product((True, False), (NUMPY, TORCH))
    ]
    if torch.cuda.is_available():
        sizes = list(product(protocol.gpu_batch_sizes, protocol.gpu_copies))
        for library, device in ((NUMPY, "cpu"), (TORCH, "cuda")):
            jobs += [_Timing(False, library, device, *one) for one in sizes]
    return jobs


def _time(job: _Timing, table: _Table, protocol: ProtocolParameters, seed: int) -> pd.DataFrame:
    """Train all folds for a few epochs."""
    from psutil import Process

    from crossfold.mlp import EpochLog, FoldStack

    held: list[float] = []

    def measure(*_: object) -> dict[str, float]:
        held.append(Process().memory_info().rss / 1e6)
        return {}

    log = EpochLog(measure)
    faults = ["unlike_twins"] if job.unlike else []
    own = {**network_arguments(job.library, faults, protocol), "batch_size": job.batch_size}
    inputs, scaler = scale(table.rows, ())
    y = np.tile(table.rows[TARGET].to_numpy(), job.copies)
    shifts = np.arange(job.copies)[:, None] * len(inputs)
    folds = [((train + shifts).ravel(), (test + shifts).ravel()) for train, test in table.folds]
    network = protocol.network.changed(
        engine=job.library, device=job.device, max_iter=protocol.timed_epochs
    )
    stack = FoldStack(_classifier(network, own, log, seed), preprocessor=scaler).fit(
        np.tile(inputs, (job.copies, 1)),
        y,
        folds,
        fold_params=list(positive_weights(y, folds, ())),
    )
    seconds = np.diff(stack.histories_[0][0].seconds)
    epochs = {"epoch": np.arange(2, len(seconds) + 2), "seconds": seconds}
    return pd.DataFrame({**job._asdict(), **epochs, "memory_mb": max(held)})
