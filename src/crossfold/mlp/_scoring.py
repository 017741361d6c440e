"""Loss and score of each member after an epoch: what an `EpochEvent` says of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from crossfold.mlp._engine import Engine, Stack
from crossfold.mlp._losses import apply_link, label_weights_of, loss_of, row_weights
from crossfold.mlp._spec import Array, DataSet, Member, Network, Rows
from crossfold.mlp._start import Units


class Validation:
    """The validation rows of some members, padded to the same number.

    The loss is without penalties; scores of members without validation rows are NaN. `units` are
    those of each member's targets, or None.
    """

    def __init__(
        self,
        network: Network,
        data_sets: Sequence[DataSet],
        members: Sequence[Member],
        units: Sequence[Units] | None,
    ) -> None:
        self._network, self._units = network, units
        self._members = members
        self._data_sets = data_sets
        self._gamma = np.array([member.focal_gamma for member in members])[:, None, None]
        labels = label_weights_of(members, network)
        self._labels = None if labels is None else labels[:, :, None]
        validated = [rows_of(member) for member in members]
        self._rows = _pad(validated)
        self._counts = np.array([len(rows) for rows in validated])
        self._weights = self._gather_weights(with_classes=False)
        self._loss_weights = self._gather_weights(with_classes=True)
        self._targets = np.stack(
            [data_sets[m.data].targets[r].T for m, r in zip(members, self._rows, strict=True)]
        )

    def look(self, engine: Engine, losses: Array) -> dict[str, Any]:
        """Give the fields of an `EpochEvent` for an epoch of these mean training losses."""
        loss, score = np.full((2, len(losses)), np.nan)
        logits = None
        if self._rows.size:
            logits = _gather(engine, self._rows)
            loss, score = self._score(logits)
        return {
            "train_loss": losses,
            "validation_loss": loss,
            "validation_score": score,
            "validation_outputs": lambda: self._outputs(logits, self._counts),
            "train_outputs": lambda: self._train_outputs(engine),
        }

    def _score(self, logits: Array) -> tuple[Array, Array]:
        """Give each member's mean loss, and its accuracy or R², shape ``(k,)`` each."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            terms = loss_of(self._network).terms(logits, self._targets, self._gamma)
            if self._labels is not None:
                terms = terms * self._labels
            of_row = terms.sum(axis=1, dtype=np.float64)
            losses = (of_row * self._loss_weights).sum(axis=1) / self._loss_weights.sum(axis=1)
            return losses, self._scores(logits)

    def _train_outputs(self, engine: Engine) -> list[Any]:
        """Compute what each member says of the rows that it learns from."""
        known = [member.train_rows for member in self._members]
        counts = np.array([len(rows) for rows in known])
        return self._outputs(_gather(engine, _pad(known)), counts)

    def _outputs(self, logits: Array | None, counts: Array) -> list[Any]:
        """Give probabilities or values of each member's rows, ``(n, n_out)``, or None."""
        if logits is None:
            return [None] * len(counts)
        outputs = apply_link(self._network, logits.copy())
        cut = [own[:, :n].T.copy() if n else None for own, n in zip(outputs, counts, strict=True)]
        if self._units is None:
            return cut
        return [
            None if own is None else unit.values(own)
            for unit, own in zip(self._units, cut, strict=True)
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
        weights = (np.arange(self._rows.shape[1]) < self._counts[:, None]).astype(np.float64)
        for place, (rows, member) in enumerate(zip(self._rows, self._members, strict=True)):
            data_set = self._data_sets[member.data]
            if with_classes:
                of_row = row_weights(member, data_set, self._network.head)
            else:
                of_row = data_set.weights
            if of_row is not None:
                weights[place] *= of_row[rows]
        return weights


class SharedValidation:
    """Scores networks on the same rows: all training rows, and all validation rows.

    Nothing is dropped; penalties are left out of the loss. Classes exclude each other.
    """

    def __init__(self, stacks: Sequence[Stack], members: Sequence[Member]) -> None:
        ends = np.cumsum([0, *(len(stack.data) for stack in stacks)])
        self._groups = [
            (slice(start, end), stack.network, stack.gamma[:, None, None])
            for start, end, stack in zip(ends, ends[1:], stacks, strict=False)
        ]
        self._k, targets = len(members), stacks[0].data_sets[0].targets
        self._parts = [
            (rows[None], np.ascontiguousarray(targets[rows].T))
            for rows in (np.asarray(members[0].train_rows), rows_of(members[0]))
        ]

    def look(self, engine: Engine, losses: Array) -> dict[str, Any]:
        """Give the fields of an `EpochEvent`; what the losses were on the way is not read."""
        train, validation = (self._score(engine, *part) for part in self._parts)
        return {
            "train_loss": train[0],
            "train_score": _accuracy(train[1]),
            "validation_loss": validation[0],
            "validation_score": _accuracy(validation[1]),
            "validation_confusion": validation[1],
            "validation_outputs": lambda: [None] * self._k,
        }

    def _score(self, engine: Engine, rows: Array, targets: Array) -> tuple[Array, Array]:
        """Give each network's mean loss ``(k,)``, NaN without rows, and its confusion matrix."""
        if not rows.size:
            n_classes = max(2, len(targets))
            return np.full(self._k, np.nan), np.zeros((self._k, n_classes, n_classes), dtype=int)

        def measure(logits: Array, chunk: slice) -> tuple[Array, Array]:
            own = targets[:, chunk]
            losses, counts = [], []
            for members, network, gamma in self._groups:
                z = logits[members]
                with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                    terms = loss_of(network).terms(z, own[None], gamma)
                losses.append(terms.sum(axis=(1, 2), dtype=np.float64))
                counts.append(count_confusion(network, z, own))
            return np.concatenate(losses), np.concatenate(counts)

        losses, counts = zip(*engine.logits(rows, measure), strict=True)
        return np.sum(losses, axis=0) / rows.size, np.sum(counts, axis=0)


def _accuracy(confusion: Array) -> Array:
    """Give the share of rows on the diagonal of matrices ``(k, n, n)``; NaN without rows."""
    n_right, n_rows = confusion.trace(axis1=-2, axis2=-1), confusion.sum(axis=(-2, -1))
    share: Array = np.divide(n_right, n_rows, out=np.full(n_rows.shape, np.nan), where=n_rows > 0)
    return share


def _pad(rows: Sequence[Rows]) -> Array:
    """Put each member's rows into one row of an array, filled up with row 0."""
    padded = np.zeros((len(rows), max(map(len, rows))), dtype=np.intp)
    for place, own in zip(padded, rows, strict=True):
        place[: len(own)] = own
    return padded


def _gather(engine: Engine, rows: Array) -> Array:
    """Give the logits ``(k, n_out, r)`` of all rows."""
    return np.concatenate(engine.logits(rows, lambda logits, chunk: logits.copy()), axis=-1)


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
    """Count rows by true and predicted class, int64 ``(k, n_classes, n_classes)``, true first.

    Of logits ``(k, n_out, r)``, where one output is two classes, and 0/1 or one-hot targets
    ``(n_out, r)``.
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
