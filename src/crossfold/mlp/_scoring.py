"""Loss and score of each member on its validation rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crossfold.mlp._losses import apply_link, label_weights_of, loss_of, row_weights
from crossfold.mlp._spec import Array, DataSet, Member, Network, Rows


class Validation:
    """The validation rows of some members, padded to the same number.

    Parameters
    ----------
    network
        Whose loss is measured, without penalties.
    data_sets
        Where the rows are.
    members
        Those with validation rows are scored; the scores of the others are NaN.
    """

    def __init__(
        self,
        network: Network,
        data_sets: Sequence[DataSet],
        members: Sequence[Member],
    ) -> None:
        self._network = network
        self._members = members
        self._data_sets = data_sets
        self._gamma = np.array([member.focal_gamma for member in members])[:, None, None]
        labels = label_weights_of(members, network)
        self._labels = None if labels is None else labels[:, :, None]
        validated = [rows_of(member) for member in members]
        self.rows = np.zeros((len(members), max(map(len, validated))), dtype=np.intp)
        for own, rows in zip(self.rows, validated, strict=True):
            own[: len(rows)] = rows
        self._counts = np.array([len(rows) for rows in validated])
        self._weights = self._gather_weights(with_classes=False)
        self._loss_weights = self._gather_weights(with_classes=True)
        self._targets = np.stack(
            [data_sets[m.data].targets[r].T for m, r in zip(members, self.rows, strict=True)]
        )

    def score(self, logits: Array) -> tuple[Array, Array]:
        """Give each member's mean loss, and its accuracy or R², shape ``(k,)`` each."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            terms = loss_of(self._network).terms(logits, self._targets, self._gamma)
            if self._labels is not None:
                terms = terms * self._labels
            of_row = terms.sum(axis=1, dtype=np.float64)
            losses = (of_row * self._loss_weights).sum(axis=1) / self._loss_weights.sum(axis=1)
            return losses, self._scores(logits)

    def outputs(self, logits: Array) -> list[Array | None]:
        """Give each member's probabilities or values, shape ``(n_validation, n_out)``, or None."""
        outputs = apply_link(self._network, logits.copy())
        return [
            own[:, :count].T.copy() if count else None
            for own, count in zip(outputs, self._counts, strict=True)
        ]

    def _scores(self, logits: Array) -> Array:
        if self._network.head == "regression":
            values = apply_link(self._network, logits.copy())
            return r_squared(values, self._targets, self._weights)
        right = is_right(self._network, logits, self._targets)
        scores: Array = (right * self._weights).sum(axis=1) / self._weights.sum(axis=1)
        return scores

    def _gather_weights(self, *, with_classes: bool) -> Array:
        """Give the weight of each row ``(k, r)``, 0 for padding."""
        weights = (np.arange(self.rows.shape[1]) < self._counts[:, None]).astype(np.float64)
        for place, (rows, member) in enumerate(zip(self.rows, self._members, strict=True)):
            data_set = self._data_sets[member.data]
            if with_classes:
                of_row = row_weights(member, data_set, self._network.head)
            else:
                of_row = data_set.weights
            if of_row is not None:
                weights[place] *= of_row[rows]
        return weights


def rows_of(member: Member) -> Rows:
    """Give a member's validation rows, none of them as an empty array."""
    empty = np.empty(0, dtype=np.intp)
    return empty if member.validation_rows is None else np.asarray(member.validation_rows)


def is_right(network: Network, logits: Array, targets: Array) -> Array:
    """Tell which rows are classified rightly, all labels of a row counting as one."""
    outputs, middle = _judged(network, logits)
    if network.head == "multiclass":
        right: Array = outputs.argmax(axis=1) == targets.argmax(axis=1)
    else:
        right = ((outputs > middle) == (targets > 0.5)).all(axis=1)
    return right


def _judged(network: Network, logits: Array) -> tuple[Array, float]:
    """Give what tells the classes apart, and the middle between two: logits where they do."""
    if network.output is None:
        return logits, 0.0
    return apply_link(network, logits.copy()), 0.5


def count_confusion(network: Network, logits: Array, targets: Array) -> Array:
    """Count rows by true and predicted class, of classes that exclude each other.

    Parameters
    ----------
    network
        Whose logits.
    logits
        Shape ``(k, n_out, r)``; one output is two classes.
    targets
        Shape ``(n_out, r)``, 0/1 or one-hot.

    Returns
    -------
    Shape ``(k, n_classes, n_classes)``, int64, true classes first.
    """
    outputs, middle = _judged(network, logits)
    if len(targets) == 1:
        true, predicted, n = targets[0] > 0.5, (outputs[:, 0] > middle).astype(int), 2
    else:
        true, predicted, n = targets.argmax(axis=0), outputs.argmax(axis=1), len(targets)
    counts = [np.bincount(true * n + own, minlength=n * n) for own in predicted]
    return np.reshape(counts, (-1, n, n))


def r_squared(values: Array, targets: Array, weights: Array) -> Array:
    """Give R², the mean over the outputs; 1 or 0 for constant targets, hit or missed."""
    w = weights[:, None]
    mean = (w * targets).sum(axis=2, keepdims=True) / w.sum(axis=2, keepdims=True)
    error = (w * np.square(targets - values)).sum(axis=2)
    spread = (w * np.square(targets - mean)).sum(axis=2)
    constant = np.where(error == 0, 1.0, 0.0)
    of_output = np.where(spread > 0, 1 - error / np.where(spread > 0, spread, 1), constant)
    result: Array = np.where(np.isnan(error), np.nan, of_output).mean(axis=1)
    return result
