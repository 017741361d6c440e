"""Train models on the folds: networks of all folds and members as one stack, others one by one.

A model has one member or several in each fold. Where folds have parts, member ``j`` leaves out part
``j`` of its training fold; together the parts are predictions for training rows by members that
have not seen them, from which the decision is learnt later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.templates.cross_validation.encoding import Encoded, TableEncoder
from crossfold.templates.cross_validation.estimators import (
    Outputs,
    make_estimator,
    outputs_of,
    pool,
)
from crossfold.templates.cross_validation.folds import Fold
from crossfold.templates.cross_validation.history import (
    epoch_scores,
    history_table,
    train_scores,
)
from crossfold.templates.cross_validation.parameters import Model
from crossfold.templates.cross_validation.training import Training, make_network, make_sampler
from crossfold.templates.parameters import Task
from crossfold.validation.tables import (
    CALIBRATION,
    NOT_SET,
    VALIDATION,
    concatenate,
    probability_columns,
)

Rows = NDArray[np.intp]

SEARCH_COLUMNS = [
    "model",
    "protocol",
    "fold",
    "candidate",
    "score",
    "standard_deviation",
    "chosen",
]
VARIED = {"loss", "focal_gamma", "class_weight"}
"""Arguments in which the networks of one stack may differ."""


@dataclass(frozen=True)
class Slot:
    """The place of one network in a stack: a fold and a member.

    Attributes
    ----------
    fold, member
        Which.
    rows
        Rows that it learns from, and those that follow its training.
    encoder, inputs
        Fitted on the fold's training rows; all rows encoded, shape ``(n, width)``.
    """

    fold: Fold
    member: int
    rows: tuple[Rows, Rows]
    encoder: TableEncoder
    inputs: Encoded


@dataclass(frozen=True)
class Fitted:
    """A model fitted in one fold.

    Attributes
    ----------
    model
        Its name.
    slots
        Its members' places.
    estimators
        Its members.
    """

    model: str
    slots: Sequence[Slot]
    estimators: Sequence[Any]

    def outputs(self, number: int, rows: Rows, task: Task) -> Outputs:
        """Ask one member about rows."""
        return outputs_of(self.estimators[number], self.slots[number].inputs[rows], task)


def fit_networks(
    models: Mapping[str, Model], folds: Sequence[Fold], training: Training, seed: int
) -> tuple[list[Fitted], pd.DataFrame, pd.DataFrame]:
    """Train networks on all folds; those that differ in `VARIED` alone train as one stack.

    Member ``j`` starts from ``seed + j``, whatever the fold and the engine.

    Returns
    -------
    One result for each model and fold; the table of `history_table`; and
    what was searched: `SEARCH_COLUMNS`, as in `search`.
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
        results, history = _fit_stack(own, taken, candidates, training, seed)
        fitted += results
        histories.append(history)
    searched = pd.concat(searches) if searches else pd.DataFrame(columns=SEARCH_COLUMNS)
    return fitted, concatenate(histories), searched.reset_index(drop=True)


def _stacks(models: Mapping[str, Model]) -> list[list[str]]:
    """Group the names of the models that can be trained as one stack."""
    traits: list[Any] = []
    groups: list[list[str]] = []
    for name, model in models.items():
        own = model.model_copy(
            update={"params": {k: v for k, v in model.params.items() if k not in VARIED}}
        )
        if own.search or own not in traits:
            traits.append(own)
            groups.append([])
        groups[traits.index(own)].append(name)
    return groups


def _taken_part(model: Model, folds: Sequence[Fold]) -> list[Fold]:
    return [one for one in folds if model.protocols is None or one.protocol in model.protocols]


def _fit_stack(
    models: Mapping[str, Model],
    folds: Sequence[Fold],
    candidates: Sequence[Mapping[str, Any]],
    training: Training,
    seed: int,
) -> tuple[list[Fitted], pd.DataFrame]:
    """Train one stack: models × folds × members; each fold with the arguments chosen in it."""
    from crossfold.mlp import EpochLog, FoldStack, ProgressBar

    template, *_ = models.values()
    slots = _slots(template, folds, training)
    scores = epoch_scores(training.task)
    log = EpochLog(scores, train_scores if template.train_scores else None) if scores else None
    callbacks = [ProgressBar(), log] if log else [ProgressBar()]
    stack = FoldStack(
        make_network(template.network, training.task, callbacks),
        sampler=make_sampler(template.sampler, seed),
        member_params=[_varied(model, training.task) for model in models.values()],
    ).fit(
        [slot.inputs for slot in slots],
        training.target,
        [slot.rows for slot in slots],
        fold_params=[
            {**candidates[number // template.members], "random_state": seed + slot.member}
            for number, slot in enumerate(slots)
        ],
    )
    fitted = [
        Fitted(name, of_fold, estimators)
        for name, trained in zip(models, stack.estimators_, strict=True)
        for of_fold, estimators in zip(
            _chunks(slots, template.members), _chunks(trained, template.members), strict=True
        )
    ]
    places = [(slot.fold.protocol, slot.fold.fold, slot.member) for slot in slots]
    return fitted, history_table(stack, log, list(models), places)


def _slots(model: Model, folds: Sequence[Fold], training: Training) -> list[Slot]:
    """List the members of each fold, fold by fold."""
    return [
        Slot(fold, member, fold.inner(member), encoder, inputs)
        for fold in folds
        for encoder, encoded in [training.encode(model, fold)]
        for inputs in [encoded.astype(model.dtype, copy=False)]
        for member in range(model.members)
    ]


def _varied(model: Model, task: Task) -> dict[str, Any]:
    return {} if task == "regression" else model.network.model_dump(include=VARIED)


def _chunks(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def fit_estimators(
    models: Mapping[str, Model], folds: Sequence[Fold], training: Training, seed: int
) -> Iterator[Fitted]:
    """Fit models that are not networks, on as many workers as ``joblib.parallel_config`` names."""
    from joblib import effective_n_jobs

    for name, model in models.items():
        is_level = _is_level(model, training)
        # As many folds at a time as there are workers: forests of all of them fill the memory.
        for some in _chunks(_taken_part(model, folds), effective_n_jobs(None)):
            own = [_slots(model, [fold], training) for fold in some]
            fitted = _fit_slots(own, model, is_level, training, seed)
            for slots, estimators in zip(own, fitted, strict=True):
                yield Fitted(name, slots, estimators)


def _fit_slots(
    own: Sequence[Sequence[Slot]],
    model: Model,
    is_level: NDArray[np.bool_],
    training: Training,
    seed: int,
) -> list[Sequence[Any]]:
    """Fit the members of some folds, those of each fold together."""
    from crossfold.mlp.parallel import run_tasks

    tasks = [
        (model, is_level, slot.inputs, training.target, slot.rows[0], slot.member, seed)
        for slots in own
        for slot in slots
    ]
    fitted = dict(run_tasks(_fit_estimator, tasks))
    return _chunks([fitted[number] for number in range(len(tasks))], model.members)


def _fit_estimator(
    model: Model,
    is_level: NDArray[np.bool_],
    inputs: Encoded,
    target: NDArray[Any],
    rows: Rows,
    member: int,
    seed: int,
) -> Any:
    inputs, target = _resampled(model, inputs[rows], target[rows], seed)
    return make_estimator(model, is_level, seed + member).fit(inputs, target)


def _with_values(inputs: Encoded) -> Encoded:
    """Put zeros into columns without a value, in which boosting finds no thresholds."""
    inputs[:, np.isnan(inputs).all(axis=0)] = 0
    return inputs


def _resampled(
    model: Model, inputs: Encoded, target: NDArray[Any], seed: int
) -> tuple[Encoded, NDArray[Any]]:
    """Resample the rows that a member learns from where its model asks for it."""
    sampler = make_sampler(model.sampler, seed)
    inputs = _with_values(inputs)
    if sampler is None:
        return inputs, target
    resampled: tuple[Encoded, NDArray[Any]] = sampler.fit_resample(inputs, target)
    return resampled


def _is_level(model: Model, training: Training) -> NDArray[np.bool_]:
    kinds = training.kinds(model)
    n_levels = len(kinds["categorical"])
    n_others = len(kinds["numeric"]) + len(kinds["binary"])
    return np.repeat([False, True], [n_others, n_levels])


def score_table(fitted: Iterable[Fitted], training: Training) -> pd.DataFrame:
    """Arrange what models say of the rows that they did not learn from.

    Returns
    -------
    Columns ``model``, ``protocol``, ``fold``, ``member`` (-1 where all are pooled), ``row``,
    ``role`` (`VALIDATION`, or `CALIBRATION` for the parts that members left out), ``target``, and
    ``raw_p…`` or ``predicted``. The target is the one that the model was to learn: under permuted
    labels, the permuted one.
    """
    nothing = _nothing(training)
    return concatenate([nothing, *(_scores_of(one, training) for one in fitted)])


def _nothing(training: Training) -> pd.DataFrame:
    """Make a table without rows, for a family without models."""
    outputs = np.empty((0, 2 if training.task == "multiclass" else 1), dtype=np.float32)
    empty = _rows(np.empty(0, dtype=np.intp), VALIDATION, NOT_SET, outputs, training)
    return empty.assign(model="", protocol="", fold=np.empty(0, dtype=np.int16))


def _scores_of(fitted: Fitted, training: Training) -> pd.DataFrame:
    fold = fitted.slots[0].fold
    tables = []
    numbers = range(len(fitted.slots))
    if len(fold.validation_rows):
        said = [fitted.outputs(n, fold.validation_rows, training.task) for n in numbers]
        pooled = pool(said, training.task)
        tables.append(_rows(fold.validation_rows, VALIDATION, NOT_SET, pooled, training))
    if fold.has_parts:
        for n in numbers:
            rows = fitted.slots[n].rows[1]
            outputs = fitted.outputs(n, rows, training.task)
            tables.append(_rows(rows, CALIBRATION, fitted.slots[n].member, outputs, training))
    joined = pd.concat(tables, ignore_index=True)
    joined.insert(0, "model", fitted.model)
    joined.insert(1, "protocol", fold.protocol)
    joined.insert(2, "fold", np.int16(fold.fold))
    return joined


def _rows(rows: Rows, role: str, member: int, outputs: Outputs, training: Training) -> pd.DataFrame:
    said: Mapping[str, Any]
    if training.task == "regression":
        said = {"predicted": outputs[:, 0]}
    else:
        p = np.hstack([1 - outputs, outputs]) if training.task == "binary" else outputs
        said = probability_columns(p, "raw_p")
    return pd.DataFrame(
        {
            "member": np.int16(member),
            "row": rows.astype(np.int32),
            "role": role,
            "target": training.target[rows],
            **said,
        }
    )
