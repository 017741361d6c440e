"""Predictions of rows by the networks that were not trained on them, and their scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import accuracy_score, r2_score

from crossfold.mlp._base import BaseMLP
from crossfold.mlp._fold_data import FoldData
from crossfold.mlp._spec import Array
from crossfold.mlp._summary import Text
from crossfold.mlp._targets import Targets
from crossfold.mlp.exceptions import DivergenceError

_ROW = "{:>6}  {:>4}  {:>13}  {:>15}  {:>6}  {:>8}\n"


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
