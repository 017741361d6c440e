"""Training of networks of all shapes on the same rows, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from crossfold.mlp._engine import Stack
from crossfold.mlp._progress import learning_rates
from crossfold.mlp._shared import GroupStep, Rows, SharedEngine, dropped_layers
from crossfold.mlp._shared_numpy import SharedNumpyEngine
from crossfold.mlp._spec import Array, DataSet, EpochEvent, Member, Network, Settings, Trained
from crossfold.mlp._start import Seat, make_stack, take_seat
from crossfold.mlp._training import check_training
from crossfold.mlp._update import rule_of


@dataclass(frozen=True)
class Scores:
    """What was measured after an epoch, of each experiment.

    Attributes
    ----------
    epoch, seconds
        Its number, from 1, and the time since the start of training.
    train_loss, validation_loss
        Shape ``(experiments,)``; NaN without rows.
    train_confusion, validation_confusion
        Shape ``(experiments, n_classes, n_classes)``, true classes first; zeros without rows.
    """

    epoch: int
    seconds: float
    train_loss: Array
    train_confusion: Array
    validation_loss: Array
    validation_confusion: Array


@dataclass(frozen=True)
class _Group:
    """Experiments of one shape and one activation."""

    indices: list[int]
    seats: list[Seat]
    stack: Stack


class Experiments:
    """Networks on the same rows in the same batches.

    Parameters
    ----------
    networks, members
        One of each per experiment. A member's seed drives its start and its dropout masks.
    data
        The training rows.
    validation
        Rows to score, or None.
    settings
        How all are trained.
    order
        Draws the order of the rows, the same for all.
    score_every
        Epochs between two scorings; the last epoch is always scored.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        members: Sequence[Member],
        data: DataSet,
        validation: DataSet | None,
        settings: Settings,
        order: np.random.Generator,
        score_every: int,
    ) -> None:
        self._data, self._validation = data, validation
        self._settings, self._order, self._score_every = settings, order, score_every
        self._members = members
        self._groups = [
            _make_group(network, indices, members, data, settings)
            for network, indices in group_by_network(networks).items()
        ]
        self._by_group = np.concatenate([group.indices for group in self._groups])
        self._feed = self._groups[0].seats[0].feed
        stacks = [group.stack for group in self._groups]
        self._engine = make_shared_engine(stacks, data)

    def run(self) -> tuple[list[Trained], list[Scores]]:
        """Train for all epochs; weights may be not finite where training diverged."""
        began, callbacks, scores = perf_counter(), self._settings.callbacks, []
        for callback in callbacks:
            callback.on_train_begin(self._members, [self._data], self._settings.max_iter)
        try:
            with self._engine:
                for epoch in range(1, self._settings.max_iter + 1):
                    self._run_epoch(epoch)
                    if epoch % self._score_every == 0 or epoch == self._settings.max_iter:
                        scores.append(self._score(epoch, began))
                        self._tell(scores[-1])
        finally:
            for callback in callbacks:
                callback.on_train_end()
        return self._results(scores), scores

    def _run_epoch(self, epoch: int) -> None:
        n_batches = self._feed.n_batches
        rates = [self._rates(group, (epoch - 1) * n_batches, n_batches) for group in self._groups]
        for batch, rows in enumerate(self._batches()):
            steps = [
                GroupStep(self._masks(group), sizes[:, batch, None], own[:, batch, None])
                for group, (own, sizes) in zip(self._groups, rates, strict=True)
            ]
            self._engine.step(rows, steps)

    def _batches(self) -> Iterator[Rows]:
        """Give the rows of each batch of an epoch; one that is everything needs no order."""
        n_rows, size = self._feed.n_rows, self._feed.batch_size
        if size == n_rows:
            yield slice(0, n_rows)
            return
        order = self._order.permutation(n_rows) if self._settings.shuffle else np.arange(n_rows)
        for start in range(0, n_rows, size):
            yield order[start : start + size]

    def _rates(self, group: _Group, done: int, n_batches: int) -> tuple[Array, Array]:
        """Give learning rates and step sizes of an epoch, shape ``(k, batches)``."""
        settings = self._settings
        steps = np.tile(np.arange(done, done + n_batches), (len(group.seats), 1))
        base = np.array([[seat.member.learning_rate_init] for seat in group.seats])
        all_steps = np.full_like(base, n_batches * settings.max_iter)
        rates = learning_rates(settings, base, steps, all_steps)
        sizes = rule_of(settings).step_sizes(settings, rates, steps)
        return rates.astype(settings.dtype), sizes.astype(settings.dtype)

    def _masks(self, group: _Group) -> list[Array | None]:
        """Draw the dropout masks of a batch, each network from its own generator."""
        dropped = dropped_layers(group.stack)
        if self._engine.draws_masks or not any(dropped):
            return [None] * len(dropped)
        shape = len(group.seats), 1, self._feed.batch_size
        masks = [
            np.ones((*shape[:2], units, shape[2]), dtype=self._settings.dtype) if drop else None
            for units, drop in zip(group.stack.layout.sizes[1:-1], dropped, strict=True)
        ]
        for place, seat in enumerate(group.seats):
            seat.feed.fill_masks([None, *masks], place, 1)
        return [None if mask is None else mask[:, 0] for mask in masks]

    def _score(self, epoch: int, began: float) -> Scores:
        train = self._engine.score(self._data.inputs, self._data.targets)
        validation = np.full_like(train[0], np.nan), np.zeros_like(train[1])
        if self._validation is not None:
            validation = self._engine.score(self._validation.inputs, self._validation.targets)
        places = np.argsort(self._by_group)
        figures = [figure[places] for figure in (*train, *validation)]
        return Scores(epoch, perf_counter() - began, *figures)

    def _tell(self, scores: Scores) -> None:
        event = EpochEvent(
            epoch=scores.epoch,
            max_iter=self._settings.max_iter,
            members=np.arange(len(self._members)),
            train_loss=scores.train_loss,
            validation_loss=scores.validation_loss,
            validation_score=accuracy_of(scores.validation_confusion),
            validation_outputs=lambda: [None] * len(self._members),
        )
        for callback in self._settings.callbacks:
            callback.on_epoch_end(event)

    def _results(self, scores: Sequence[Scores]) -> list[Trained]:
        results: dict[int, Trained] = {}
        for number, group in enumerate(self._groups):
            flats = self._engine.parameters(number)
            for index, flat in zip(group.indices, flats, strict=True):
                results[index] = self._result(index, group.stack, flat, scores)
        return [results[index] for index in sorted(results)]

    def _result(self, index: int, stack: Stack, flat: Array, scores: Sequence[Scores]) -> Trained:
        coefs, intercepts = stack.layout.split(flat)
        return Trained(
            coefs,
            intercepts,
            n_iter=self._settings.max_iter,
            t=self._settings.max_iter * len(self._data.inputs),
            loss_curve=[float(one.train_loss[index]) for one in scores],
            validation_loss=[float(one.validation_loss[index]) for one in scores],
            validation_scores=[
                float(accuracy_of(one.validation_confusion[index])) for one in scores
            ],
            seconds=[one.seconds for one in scores],
        )


def accuracy_of(confusion: Array) -> Array:
    """Give the share of rows on the diagonal of matrices ``(..., n, n)``; NaN without rows."""
    n_right, n_rows = confusion.trace(axis1=-2, axis2=-1), confusion.sum(axis=(-2, -1))
    share: Array = np.divide(n_right, n_rows, out=np.full(n_rows.shape, np.nan), where=n_rows > 0)
    return share


def group_by_network(networks: Sequence[Network]) -> dict[Network, list[int]]:
    """Give the experiments that share all of shape, activation and loss."""
    groups: dict[Network, list[int]] = {}
    for index, network in enumerate(networks):
        groups.setdefault(network, []).append(index)
    return groups


def make_shared_engine(stacks: Sequence[Stack], data: DataSet) -> SharedEngine:
    """Give the engine that the settings name; PyTorch is imported only if it is the one."""
    if stacks[0].settings.engine == "numpy":
        return SharedNumpyEngine(stacks, data.inputs, data.targets)
    from crossfold.mlp._torch_engine import SharedTorchEngine

    return SharedTorchEngine(stacks, data.inputs, data.targets)


def _make_group(
    network: Network,
    indices: list[int],
    members: Sequence[Member],
    data: DataSet,
    settings: Settings,
) -> _Group:
    own = [members[index] for index in indices]
    check_training(network, own, settings)
    seats = [
        take_seat(index, member, network, [data], settings)
        for index, member in zip(indices, own, strict=True)
    ]
    return _Group(indices, seats, make_stack(seats, network, [data], settings))
