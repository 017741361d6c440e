"""The rows that each fold of a stack trains and is scored on, and the scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import _safe_indexing

from crossfold.mlp._base import BaseMLP
from crossfold.mlp._inputs import check_inputs, stack_rows
from crossfold.mlp._spec import Array, DataSet, Rows
from crossfold.mlp._summary import Text
from crossfold.mlp._targets import Targets
from crossfold.mlp.exceptions import DataError, DivergenceError

Fold = tuple[Rows, Rows]
_ROW = "{:>6}  {:>4}  {:>13}  {:>15}  {:>6}  {:>8}\n"


class Features(BaseEstimator):  # type: ignore[misc]
    """Number and names of checked inputs, as scikit-learn keeps them."""

    n_features_in_: int

    def check(self, X: Any, dtype: str, preprocessor: Any = None) -> Array:
        """Check inputs, as the preprocessor made them, and remember their features."""
        inputs: Array = check_inputs(self, X, dtype=dtype, source=preprocessor)
        return inputs


@dataclass(frozen=True)
class FoldData:
    """What one fold trains and is scored on.

    Attributes
    ----------
    data_set
        Shared by the folds that read the same inputs.
    train_rows, validation_rows
        Row numbers in the data set.
    scored_rows
        Row numbers, in the caller's inputs, of the validation rows.
    features
        The fold's own, before zero columns were appended.
    preprocessor
        Fitted on the training rows, or None.
    """

    data_set: DataSet
    train_rows: Rows
    validation_rows: Rows
    scored_rows: Rows
    features: Features
    preprocessor: Any = None


def check_folds(folds: Iterable[Any], n_rows: int) -> list[Fold]:
    """Read folds as pairs of row numbers; a row must not be on both sides of one.

    The rows of a side are numbers or, as NumPy indexes, a mask of all rows.
    """
    checked = [_as_rows(fold, n_rows, number) for number, fold in enumerate(folds)]
    if not checked:
        raise DataError("cv has no folds: give at least one pair of training and validation rows.")
    return checked


def _row_numbers(rows: Any, n_rows: int, number: int) -> Rows:
    """Read row numbers from row numbers or a mask; nothing is cut to whole numbers."""
    given = np.asarray(rows)
    if given.dtype == bool and given.shape == (n_rows,):
        return np.flatnonzero(given)
    if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
        raise DataError(
            f"fold {number} has rows of shape {given.shape} and type {given.dtype}: give whole row "
            f"numbers, or a mask of True and False for each of the {n_rows} rows."
        )
    return given.astype(np.intp)


def _as_rows(fold: Any, n_rows: int, number: int) -> Fold:
    train_rows, validation_rows = (_row_numbers(rows, n_rows, number) for rows in fold)
    both = np.concatenate([train_rows, validation_rows])
    if not len(train_rows) or both.min() < 0 or both.max() >= n_rows:
        raise DataError(
            f"fold {number} has no training rows, or row numbers outside 0 to {n_rows - 1}."
        )
    shared = np.intersect1d(train_rows, validation_rows).size
    if shared:
        raise DataError(f"fold {number} has {shared} rows in both training and validation.")
    return train_rows, validation_rows


def is_several_tables(X: Any) -> bool:
    """Tell whether inputs are a sequence of tables, one for each fold."""
    return isinstance(X, (list, tuple)) and len(X) > 0 and getattr(X[0], "ndim", 0) == 2


def one_table_per_fold(X: Any, n_folds: int) -> list[Any]:
    """Give the inputs of each fold, the same object for all where one table was given."""
    if not is_several_tables(X):
        return [X] * n_folds
    if len(X) != n_folds:
        raise DataError(f"X is a sequence of {len(X)} tables for {n_folds} folds.")
    return list(X)


def share_inputs(
    X: Sequence[Any], folds: Sequence[Fold], targets: Array, weights: Array | None, dtype: str
) -> list[FoldData]:
    """Let folds read their rows from inputs that are kept once, whoever shares them."""
    checked: dict[int, tuple[Features, DataSet]] = {}
    for inputs in X:
        if id(inputs) not in checked:
            features = Features()
            checked[id(inputs)] = features, DataSet(features.check(inputs, dtype), targets, weights)
    return [
        FoldData(data_set, train_rows, validation_rows, validation_rows, features)
        for (train_rows, validation_rows), (features, data_set) in zip(
            folds, (checked[id(inputs)] for inputs in X), strict=True
        )
    ]


@dataclass(frozen=True)
class Preparation:
    """Fits a preprocessor and a sampler on the training rows of a fold.

    Attributes
    ----------
    preprocessor, sampler
        Transformer of scikit-learn and sampler of imbalanced-learn, or None. Cloned for each fold.
    targets, dtype
        How labels or values become targets, and of which type.
    """

    preprocessor: Any
    sampler: Any
    targets: Targets
    dtype: str

    def prepare(self, X: Any, y: Array, weights: Array | None, fold: Fold) -> FoldData:
        """Prepare one fold: fit on its training rows, apply to its validation rows.

        Validation rows are transformed but never resampled.
        """
        train_rows, validation_rows = fold
        train_inputs, validation_inputs, fitted = self._transform(X, y, fold)
        train_y = y[train_rows]
        if self.sampler is not None:
            train_inputs, train_y = clone(self.sampler).fit_resample(train_inputs, train_y)
        features = Features()
        inputs = features.check(train_inputs, self.dtype, fitted)
        if len(validation_rows):
            validated = Features().check(validation_inputs, self.dtype, fitted)
            inputs = stack_rows(inputs, validated)
        data_set = DataSet(
            inputs,
            self.targets.encode(np.concatenate([train_y, y[validation_rows]]), self.dtype),
            None if weights is None else weights[np.concatenate(fold)],
        )
        n_train = len(train_y)
        rows = np.arange(inputs.shape[0])
        return FoldData(data_set, rows[:n_train], rows[n_train:], validation_rows, features, fitted)

    def _transform(self, X: Any, y: Array, fold: Fold) -> tuple[Any, Any, Any]:
        train, validation = (_safe_indexing(X, rows) for rows in fold)
        if self.preprocessor is None:
            return train, validation, None
        fitted = clone(self.preprocessor)
        transformed = fitted.fit_transform(train, y[fold[0]])
        return transformed, fitted.transform(validation) if len(fold[1]) else validation, fitted


def pad_folds(folds: Sequence[FoldData]) -> list[FoldData]:
    """Append zero columns to narrower inputs, so that all folds have the same width."""
    width = max(fold.features.n_features_in_ for fold in folds)
    padded: dict[int, DataSet] = {}
    for fold in folds:
        if id(fold.data_set) not in padded:
            padded[id(fold.data_set)] = _pad(fold.data_set, width)
    return [replace(fold, data_set=padded[id(fold.data_set)]) for fold in folds]


def _pad(data_set: DataSet, width: int) -> DataSet:
    missing = width - data_set.inputs.shape[1]
    if not missing:
        return data_set
    if issparse(data_set.inputs):
        wider = data_set.inputs.copy()
        wider.resize(wider.shape[0], width)
        return replace(data_set, inputs=wider)
    return replace(data_set, inputs=np.pad(data_set.inputs, ((0, 0), (0, missing))))


@dataclass(frozen=True)
class OutOfFold:
    """What one member's networks give for the rows that they were not trained on.

    Attributes
    ----------
    outputs
        Mean of the networks' outputs, shape ``(n, n_outputs)``; NaN for rows in no fold.
    fold_scores
        Accuracy or R² on each fold's validation rows, shape ``(n_folds,)``.
    score
        Accuracy or R² of `outputs`.
    """

    outputs: Array
    fold_scores: Array
    score: float


def score_out_of_fold(
    member: int, estimators: Sequence[BaseMLP], folds: Sequence[FoldData], y: Array
) -> OutOfFold:
    """Predict and score each fold's validation rows with its network.

    Raises
    ------
    DivergenceError
        Predictions are not finite, and of which member and fold.
    """
    targets, dtype = estimators[0]._targets, estimators[0].dtype
    total = np.zeros((len(y), targets.n_outputs), dtype=dtype)
    times = np.zeros((len(y), 1), dtype=dtype)
    scores = np.full(len(folds), np.nan)
    for number, (estimator, fold) in enumerate(zip(estimators, folds, strict=True)):
        inputs = fold.data_set.inputs[fold.validation_rows, : estimator.n_features_in_]
        try:
            outputs = estimator._outputs_of(inputs)
        except DivergenceError as error:
            raise DivergenceError(f"Member {member}, fold {number}: {error}") from error
        total[fold.scored_rows] += outputs
        times[fold.scored_rows] += 1
        scores[number] = _score(targets, y[fold.scored_rows], outputs)
    mean = np.divide(total, times, out=np.full_like(total, np.nan), where=times > 0)
    known = times[:, 0] > 0
    return OutOfFold(mean, scores, _score(targets, y[known], mean[known]))


def _score(targets: Targets, y: Array, outputs: Array) -> float:
    """Compute accuracy or R²; NaN where there are too few rows for it."""
    if targets.head != "regression":
        return float(accuracy_score(y, targets.decode(outputs))) if len(y) else np.nan
    return float(r2_score(y, outputs)) if len(y) > 1 else np.nan


def write_scores(
    members: Sequence[Sequence[BaseMLP]],
    folds: Sequence[tuple[Array, Array]],
    fold_scores: Array,
    scores: Sequence[float],
) -> Text:
    """Tabulate each member's folds, and all its folds together."""
    is_regression = members[0][0]._targets.head == "regression"
    header = ("member", "fold", "training rows", "validation rows", "epochs")
    lines = [_ROW.format(*header, "R²" if is_regression else "accuracy")]
    for member, (estimators, score) in enumerate(zip(members, scores, strict=True)):
        rows = zip(estimators, folds, fold_scores[member], strict=True)
        lines += [_ROW.format(member, n, *_cells(*row)) for n, row in enumerate(rows)]
        lines += [_ROW.format(member, "all", "", "", "", _number(score))]
    return Text("".join(lines))


def _cells(estimator: BaseMLP, fold: tuple[Array, Array], score: float) -> Iterator[str]:
    yield from (f"{len(rows):,}" for rows in fold)
    yield from (str(estimator.n_iter_), _number(score))


def _number(score: float) -> str:
    return "" if np.isnan(score) else f"{score:.4f}"
