"""Train models on the folds: networks of folds and members as one stack, others one by one.

A model has one member or several in each fold. Where folds have parts, member ``j`` leaves out part
``j`` of its training fold; together the parts are predictions for training rows by members that
have not seen them, from which the decision is learnt later.

A table of many rows would fill the memory if all folds had their own encoding of it at once: as
many are encoded and trained at a time as `MOST_BYTES` hold, and what is kept of a fold are its
models and what they say.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.templates.cross_validation.encoding import Encoded, TableEncoder
from crossfold.templates.cross_validation.folds import Fold
from crossfold.templates.cross_validation.history import binary_scores, history_table, train_scores
from crossfold.templates.cross_validation.parameters import Model
from crossfold.templates.cross_validation.training import (
    Outputs,
    Training,
    make_estimator,
    make_network,
    make_sampler,
    outputs_of,
    pooled_outputs,
)
from crossfold.templates.parallel import limit_threads, side_by_side
from crossfold.validation.tables import (
    CALIBRATION,
    NOT_SET,
    VALIDATION,
    concatenate,
    constant,
    probability_columns,
)

Rows = NDArray[np.intp]
Learnt = tuple[Fold, TableEncoder]
"""A fold, and the encoder of a model that was fitted on its training rows."""

MOST_BYTES = 3 << 29
"""Memory for the encoded tables of folds that train together: 1.5 GiB."""

SEARCH_COLUMNS = ["model", "protocol", "fold", "candidate", "score", "standard_deviation", "chosen"]
VARIED = {"loss", "focal_gamma", "class_weight"}
"""Arguments in which the networks of one stack may differ."""


@dataclass(frozen=True)
class Fitted:
    """A model fitted in one fold."""

    model: str
    fold: Fold
    encoder: TableEncoder  # fitted on the fold's training rows
    estimators: Sequence[Any]  # its members
    scores: Sequence[pd.DataFrame]  # parts of `score_table`: of rows that they did not learn from


def fit_networks(
    models: Mapping[str, Model], folds: Sequence[Fold], training: Training, seed: int
) -> tuple[list[Fitted], pd.DataFrame, pd.DataFrame]:
    """Train networks on all folds; those that differ in `VARIED` alone train as one stack.

    Member ``j`` starts from ``seed + j``, whatever the fold and the engine.

    Returns one result for each model and fold; the table of `history_table`; and what was searched:
    `SEARCH_COLUMNS`, as in `search`.
    """
    fitted: list[Fitted] = []
    histories: list[pd.DataFrame] = []
    searches: list[pd.DataFrame] = []
    for names in _stacks(models):
        own, template = {name: models[name] for name in names}, models[names[0]]
        taken = _taken_part(template, folds)
        candidates: list[dict[str, Any]] = [{}] * len(taken)
        if template.search:
            from crossfold.templates.cross_validation.search import search

            table, candidates = search(template, taken, training, seed)
            searches.append(table.assign(model=names[0])[SEARCH_COLUMNS])
        learnt = [(fold, training.learn_encoder(template, fold)) for fold in taken]
        size = _folds_at_once(template, learnt, training)
        for some, chosen in zip(_chunks(learnt, size), _chunks(candidates, size), strict=True):
            results, history = _fit_stack(own, some, chosen, training, seed)
            fitted += results
            histories.append(history)
    searched = pd.concat(searches) if searches else pd.DataFrame(columns=SEARCH_COLUMNS)
    return fitted, concatenate(histories), searched.reset_index(drop=True)


def _stacks(models: Mapping[str, Model]) -> list[list[str]]:
    """Group the names of the models that can be trained as one stack."""
    groups: list[tuple[Model, list[str]]] = []
    for name, model in models.items():
        shared = {k: v for k, v in model.params.items() if k not in VARIED}
        own = model.model_copy(update={"params": shared})
        alike = [names for other, names in groups if other == own and not own.search]
        if alike:
            alike[0].append(name)
        else:
            groups.append((own, [name]))
    return [names for _, names in groups]


def _taken_part(model: Model, folds: Sequence[Fold]) -> list[Fold]:
    return [one for one in folds if model.protocols is None or one.protocol in model.protocols]


def _fit_stack(
    models: Mapping[str, Model],
    learnt: Sequence[Learnt],
    candidates: Sequence[Mapping[str, Any]],
    training: Training,
    seed: int,
) -> tuple[list[Fitted], pd.DataFrame]:
    """Train one stack: models × folds × members; each fold with the arguments chosen in it."""
    from crossfold.mlp import EpochLog, FoldStack, ProgressBar

    template, *_ = models.values()
    numbers, varied = range(template.members), set() if training.task == "regression" else VARIED
    inputs = side_by_side(training.encode, [(template, encoder) for _, encoder in learnt])
    log = None
    if training.task == "binary":
        log = EpochLog(binary_scores, train_scores if template.train_scores else None)
    callbacks = [ProgressBar(), log] if log else [ProgressBar()]
    stack = FoldStack(
        make_network(template.network, training.task, callbacks),
        sampler=make_sampler(template.sampler, seed),
        member_params=[model.network.model_dump(include=varied) for model in models.values()],
    ).fit(
        [own for own in inputs for _ in numbers],
        training.target,
        [fold.inner(member) for fold, _ in learnt for member in numbers],
        groups=training.group,
        fold_params=[
            {**chosen, "random_state": seed + member} for chosen in candidates for member in numbers
        ],
        # The part that a member leaves out for calibration is whole groups, and judges nobody.
        stop_on_validation=all(fold.has_parts for fold, _ in learnt),
    )
    jobs = [
        (name, *one, own, estimators, training)
        for name, trained in zip(models, stack.estimators_, strict=True)
        for one, own, estimators in zip(
            learnt, inputs, _chunks(trained, template.members), strict=True
        )
    ]
    places = [(fold.protocol, fold.fold, member) for fold, _ in learnt for member in numbers]
    return side_by_side(_scored, jobs), history_table(stack, log, list(models), places)


def _chunks(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _folds_at_once(model: Model, learnt: Sequence[Learnt], training: Training) -> int:
    """Say of how many folds `MOST_BYTES` hold the encoded tables; one at least."""
    width = max((encoder.width for _, encoder in learnt), default=0)
    fold_bytes = len(training.features) * width * np.dtype(model.dtype).itemsize
    return max(1, MOST_BYTES // max(1, fold_bytes))


def fit_estimators(
    models: Mapping[str, Model], folds: Sequence[Fold], training: Training, seed: int
) -> Iterator[Fitted]:
    """Fit models that are not networks, on as many workers as ``joblib.parallel_config`` names."""
    from joblib import effective_n_jobs

    for name, model in models.items():
        learnt = [(fold, training.learn_encoder(model, fold)) for fold in _taken_part(model, folds)]
        # Each worker copies its rows. Forests of all folds would fill the memory.
        size = max(1, _folds_at_once(model, learnt, training) // 2)
        for some in _chunks(learnt, min(size, effective_n_jobs(None))):
            yield from _fit_some(name, model, some, training, seed)


def _fit_some(
    name: str, model: Model, learnt: Sequence[Learnt], training: Training, seed: int
) -> Iterator[Fitted]:
    from joblib import cpu_count, effective_n_jobs

    from crossfold.mlp.parallel import run_tasks

    inputs = side_by_side(training.encode, [(model, encoder) for _, encoder in learnt])
    kinds = training.kinds(model)
    is_level = np.repeat([kind == "categorical" for kind in kinds], list(map(len, kinds.values())))
    n_at_once = min(effective_n_jobs(None), len(learnt) * model.members)
    n_threads = max(1, cpu_count() // n_at_once) if n_at_once > 1 else None
    tasks = [
        (model, is_level, own, training.target, fold.inner(member)[0], member, seed, n_threads)
        for (fold, _), own in zip(learnt, inputs, strict=True)
        for member in range(model.members)
    ]
    with limit_threads(n_threads, "blas"):  # of the process; that of OpenMP is a thread's own
        made = dict(run_tasks(_fit_estimator, tasks))
    members = _chunks([made.pop(number) for number in range(len(tasks))], model.members)

    def score(one: Learnt, own: Encoded, estimators: Sequence[Any]) -> Fitted:
        with limit_threads(n_threads, "openmp"):
            return _scored(name, *one, own, estimators, training)

    yield from side_by_side(score, zip(learnt, inputs, members, strict=True))


def _fit_estimator(
    model: Model,
    is_level: NDArray[np.bool_],
    inputs: Encoded,
    target: NDArray[Any],
    rows: Rows,
    member: int,
    seed: int,
    n_threads: int | None,
) -> Any:
    """Fit one member on its rows, resampled where its model asks for it."""
    inputs, target = inputs[rows], target[rows]
    # Boosting finds no thresholds in a column without a value.
    inputs[:, np.isnan(inputs).all(axis=0)] = 0
    sampler = make_sampler(model.sampler, seed)
    if sampler is not None:
        inputs, target = sampler.fit_resample(inputs, target)
    with limit_threads(n_threads, "openmp"):
        return make_estimator(model, is_level, seed + member).fit(inputs, target)


def score_table(fitted: Iterable[Fitted], training: Training) -> pd.DataFrame:
    """Arrange what models say of the rows that they did not learn from.

    Returns columns ``model``, ``protocol``, ``fold``, ``member`` (-1 where all are pooled),
    ``row``, ``role`` (`VALIDATION`, or `CALIBRATION` for the parts that members left out),
    ``target``, and ``raw_p…`` or ``predicted``. The target is the one that the model was to learn:
    under permuted labels, the permuted one.
    """
    # A table without rows, since there may be nothing that was asked about any.
    outputs = np.empty((0, 2 if training.task == "multiclass" else 1), dtype=np.float32)
    nowhere = "", "", 0
    empty = _rows(nowhere, np.empty(0, dtype=np.intp), VALIDATION, NOT_SET, outputs, training)
    return concatenate([empty, *(table for one in fitted for table in one.scores)])


def _scored(
    name: str,
    fold: Fold,
    encoder: TableEncoder,
    inputs: Encoded,
    estimators: Sequence[Any],
    training: Training,
) -> Fitted:
    """Ask the members of a model about the rows of a fold that they did not learn from."""
    tables, where, task = list[pd.DataFrame](), (name, fold.protocol, fold.fold), training.task
    n_classes = int(training.target.max()) + 1 if task == "multiclass" else None
    if len(rows := fold.validation_rows):
        pooled = pooled_outputs(estimators, inputs[rows], task, n_classes)
        tables.append(_rows(where, rows, VALIDATION, NOT_SET, pooled, training))
    for member, one in enumerate(estimators if fold.has_parts else []):
        left_out = fold.inner(member)[1]
        outputs = outputs_of(one, inputs[left_out], task, n_classes)
        tables.append(_rows(where, left_out, CALIBRATION, member, outputs, training))
    return Fitted(name, fold, encoder, estimators, tables)


def _rows(
    where: tuple[str, str, int],
    rows: Rows,
    role: str,
    member: int,
    outputs: Outputs,
    training: Training,
) -> pd.DataFrame:
    """Arrange what is said of rows; `where` names model, protocol and fold."""
    said: Mapping[str, Any]
    if training.task == "regression":
        said = {"predicted": outputs[:, 0]}
    else:
        p = np.hstack([1 - outputs, outputs]) if training.task == "binary" else outputs
        said = probability_columns(p, "raw_p")
    n = len(rows)
    return pd.DataFrame(
        {
            "model": constant(where[0], n),
            "protocol": constant(where[1], n),
            "fold": np.full(n, where[2], dtype=np.int16),
            "member": np.full(n, member, dtype=np.int16),
            "row": rows.astype(np.int32),
            "role": constant(role, n),
            "target": training.target[rows],
            **said,
        }
    )
