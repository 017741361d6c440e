"""Training of a stack: what must fit together, start, epoch, stop."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np

from crossfold.mlp import _numpy_engine as _numpy
from crossfold.mlp._batches import Batches, Block
from crossfold.mlp._engine import SharedBatches, Stack
from crossfold.mlp._losses import loss_of
from crossfold.mlp._progress import learning_rates
from crossfold.mlp._scoring import SharedValidation, Validation, rows_of
from crossfold.mlp._spec import (
    Array,
    DataSet,
    EpochEvent,
    Member,
    Network,
    Settings,
    Trained,
)
from crossfold.mlp._start import Slot, Units, enter_units, fill_slot, make_stack
from crossfold.mlp._update import rule_of
from crossfold.mlp.exceptions import ParameterError


def check_training(network: Network, members: Sequence[Member], settings: Settings) -> None:
    """Raise a `ParameterError` that says which parameters do not go together.

    Each alone has been checked where it was given: parameters by the estimator, rows by who knows
    their names.
    """
    if settings.solver == "lbfgs" and any(np.any(member.dropout) for member in members):
        raise ParameterError(
            "solver='lbfgs' does not go with dropout, which changes the loss at every look at it; "
            "set dropout=0, or use solver='adam'."
        )
    loss_of(network)
    if settings.engine == "numpy" and settings.device not in {"auto", "cpu"}:
        raise ParameterError(
            f"engine='numpy' runs on the CPU only, but device is {settings.device!r}; use "
            "engine='torch'."
        )


# Multiplications in a product below which a second thread costs more than it saves, and very much
# more where other programs are at work.
_SMALL_PRODUCT = 1 << 22


def train(
    networks: Network | Sequence[Network],
    data_sets: Sequence[DataSet],
    members: Sequence[Member],
    settings: Settings,
    order: np.random.Generator | None = None,
) -> list[Trained]:
    """Train all members as one stack; each as if it were trained alone.

    Parameters
    ----------
    networks
        What all members share: the widest layers, functions, loss. With `order`, one for each.
    data_sets
        The rows; those that members share are kept once. With `order`, one data set.
    members
        What sets each network apart.
    settings
        How all of them are trained.
    order
        Draws one order of the rows for all members, who read the same batches of the same rows
        and are trained to the end: of any shape, as their first layers are one product. None where
        each member has rows of its own, in an order of its own, and leaves when it stops.

    Returns
    -------
    One result per member, in their order. Weights may be not finite where training diverged.

    Raises
    ------
    ParameterError
        What does not go together.
    """
    networks = [networks] * len(members) if isinstance(networks, Network) else networks
    for network in dict.fromkeys(networks):
        check_training(network, members, settings)
    for callback in settings.callbacks:
        callback.on_train_begin(members, data_sets, settings.max_iter)
    try:
        return _training_of(settings)(networks, data_sets, members, settings, order).run()
    finally:
        for callback in settings.callbacks:
            callback.on_train_end()


def _training_of(settings: Settings) -> type[Training]:
    """Give the training that the solver needs: epoch by epoch, or by L-BFGS."""
    if settings.solver != "lbfgs":
        return Training
    from crossfold.mlp._lbfgs import LBFGSTraining

    return LBFGSTraining


def make_engine(stacks: Sequence[Stack], *, shares_rows: bool = False) -> Any:
    """Give the `Engine` that the settings name; PyTorch is imported only if it is the one."""
    if stacks[0].settings.engine == "numpy":
        return _numpy.share_rows(stacks) if shares_rows else _numpy.NumpyEngine(*stacks)
    from crossfold.mlp import _torch_engine as _torch

    return _torch.share_rows(stacks) if shares_rows else _torch.TorchEngine(*stacks)


class Training:
    """A stack on its way through the epochs; members leave it when they stop."""

    def __init__(
        self,
        networks: Sequence[Network],
        data_sets: Sequence[DataSet],
        members: Sequence[Member],
        settings: Settings,
        order: np.random.Generator | None,
    ) -> None:
        self._began = perf_counter()
        self._given = members, data_sets
        self._units: list[Units] | None = None
        first = networks[0]
        if settings.scale_targets and first.head == "regression" and first.link == "linear":
            self._units, data_sets, members = enter_units(data_sets, members)
        self._data_sets, self._settings, self._order = data_sets, settings, order
        slots = [
            fill_slot(index, member, network, data_sets, settings)
            for index, (network, member) in enumerate(zip(networks, members, strict=True))
        ]
        if order is None:
            slots.sort(key=lambda slot: (-slot.sampler.n_batches, slot.member.data))
        groups: dict[Network, list[Slot]] = {}
        for slot in slots:
            groups.setdefault(slot.network, []).append(slot)
        self._slots = [slot for group in groups.values() for slot in group]
        self._stacks = [
            make_stack(group, network, data_sets, settings) for network, group in groups.items()
        ]
        self._engine = make_engine(self._stacks, shares_rows=order is not None)
        self._results: dict[int, Trained] = {}
        self._arrange()

    def run(self) -> list[Trained]:
        """Train until the last member has stopped."""
        is_small = self._batches.largest_product < _SMALL_PRODUCT
        with self._engine.one_thread_each() if is_small else nullcontext():
            self._train()
        return [self._results[index] for index in sorted(self._results)]

    def _train(self) -> None:
        for epoch in range(1, self._settings.max_iter + 1):
            self._run_epoch(epoch)
            if self._order is None:
                self._dismiss([slot.progress.stopped for slot in self._slots])
            if not self._slots:
                return
        self._dismiss([True] * len(self._slots))

    def _arrange(self) -> None:
        """Lay out batches and validation for the members that are in the stack."""
        members = [slot.member for slot in self._slots]
        samplers = [slot.sampler for slot in self._slots]
        settings, n_workers = self._settings, self._engine.n_workers
        self._batches: Batches | SharedBatches
        self._validation: Validation | SharedValidation
        if self._order is not None:
            self._batches = SharedBatches(
                samplers, self._stacks, self._order, draws_masks=n_workers > 0
            )
            self._validation = SharedValidation(self._stacks, members)
            return
        network = self._slots[0].network
        units = self._units and [self._units[slot.index] for slot in self._slots]
        self._batches = Batches(
            samplers,
            network.layer_sizes,
            settings.dtype,
            n_workers=n_workers,
            n_buffers=self._engine.n_buffers,
        )
        self._validation = Validation(network, self._data_sets, members, units)

    def _run_epoch(self, epoch: int) -> None:
        losses = self._train_epoch(epoch)
        for slot in self._slots:
            slot.progress.advance(slot.sampler.n_rows, slot.sampler.n_batches)
        if epoch % self._settings.score_every and epoch < self._settings.max_iter:
            return
        event = self._score(epoch, losses)
        seconds = perf_counter() - self._began
        for place, slot in enumerate(self._slots):
            self._record(slot, place, event, seconds)
        for callback in self._settings.callbacks:
            callback.on_epoch_end(event)

    def _train_epoch(self, epoch: int) -> Array:
        """Take all steps of an epoch and give each member's mean loss, shape ``(k,)``."""
        self._batches.start_epoch()
        samplers, callbacks = [slot.sampler for slot in self._slots], self._settings.callbacks
        total, n_steps = np.zeros(len(samplers)), max(sampler.n_batches for sampler in samplers)
        waiting: list[Any] = [one for one in callbacks if getattr(one, "every_steps", None)]
        pauses = {step for one in waiting for step in range(0, n_steps, one.every_steps)}
        for begin, end in pairwise(sorted({0, *pauses, n_steps})):
            self._take_steps(begin, end, total)
            told = [one for one in waiting if end < n_steps and end % one.every_steps == 0]
            if told:
                n_rows = [
                    sampler.counts(0, min(end, sampler.n_batches)).sum() for sampler in samplers
                ]
                event = self._score(epoch - 1 + end / n_steps, total / n_rows)
                for callback in told:
                    callback.on_epoch_end(event)
        return total / [sampler.n_rows for sampler in samplers]

    def _take_steps(self, begin: int, end: int, total: Array) -> None:
        """Take steps `begin` to `end` of an epoch; add losses times rows to `total` ``(k,)``."""
        groups, n_workers = self._batches.groups, self._engine.n_workers

        def run_worker(worker: int) -> None:
            for group in groups[worker :: max(n_workers, 1)]:
                for members, start, stop in self._batches.spans(group):
                    first, last = max(start, begin), min(stop, end)
                    if first < last:
                        block = self._block(worker, members, first, last)
                        total[members] += self._engine.run(block)

        if min(len(groups), n_workers) < 2:
            run_worker(0)
        else:
            with self._engine.one_thread_each(), ThreadPoolExecutor(n_workers) as pool:
                list(pool.map(run_worker, range(n_workers)))

    def _block(self, worker: int, members: slice, start: int, stop: int) -> Block:
        """Give the steps from `start` to `stop` of some members."""
        slots, settings = self._slots[members], self._settings
        done = np.array([[slot.progress.steps_done] for slot in slots]) + np.arange(start, stop)
        base = np.array([[slot.progress.learning_rate] for slot in slots])
        n_steps = np.array([[slot.sampler.n_batches * settings.max_iter] for slot in slots])
        rates = learning_rates(settings, base, done, n_steps)
        sizes = rule_of(settings).step_sizes(settings, rates, done)
        return Block(
            worker=worker,
            **self._batches.draw(members, start, stop),
            learning_rates=rates.astype(settings.dtype),
            step_sizes=sizes.astype(settings.dtype),
        )

    def _score(self, epoch: float, losses: Array) -> EpochEvent:
        """Say how the epoch went."""
        slots = self._slots
        return EpochEvent(
            epoch=epoch,
            max_iter=self._settings.max_iter,
            members=np.array([slot.index for slot in slots]),
            validation_targets=lambda: [self._truth(slot, rows_of(slot.member)) for slot in slots],
            train_targets=lambda: [self._truth(slot, slot.member.train_rows) for slot in slots],
            weights=lambda: [
                self._layers(slot, self._engine.parameters(place))
                for place, slot in enumerate(slots)
            ],
            **self._validation.look(self._engine, losses),
        )

    def _truth(self, slot: Slot, rows: Array) -> Array | None:
        """Give the targets of a member's rows as they were given, or None without rows."""
        members, data_sets = self._given
        return data_sets[members[slot.index].data].targets[rows] if len(rows) else None

    def _layers(self, slot: Slot, flat: Array) -> tuple[list[Array], list[Array]]:
        """Cut a member's flat parameters to its own network, in the units of its targets."""
        layers = slot.layout.split(flat[slot.places])
        return layers if self._units is None else self._units[slot.index].leave(layers)

    def _record(self, slot: Slot, place: int, event: EpochEvent, seconds: float) -> None:
        """Note the epoch in a member's history and keep its weights if they are the best."""
        progress, trained = slot.progress, slot.progress.trained
        if len(rows_of(slot.member)):
            trained.validation_loss.append(float(event.validation_loss[place]))
            trained.validation_scores.append(float(event.validation_score[place]))
        if event.train_score is not None and event.validation_confusion is not None:
            trained.train_scores.append(float(event.train_score[place]))
            trained.validation_confusion.append(event.validation_confusion[place])
        progress.record(float(event.train_loss[place]), seconds)
        if progress.improved:
            progress.best_parameters = self._engine.parameters(place)

    def _dismiss(self, leaving: list[bool]) -> None:
        """Keep what the leaving members have learnt and go on without them."""
        if not any(leaving):
            return
        for place, (slot, leaves) in enumerate(zip(self._slots, leaving, strict=True)):
            if leaves:
                self._results[slot.index] = self._result(slot, place)
        self._slots = [s for s, leaves in zip(self._slots, leaving, strict=True) if not leaves]
        if self._slots:
            self._engine.keep(np.flatnonzero(~np.array(leaving)))
            self._arrange()

    def _result(self, slot: Slot, place: int) -> Trained:
        """Cut a member's parameters and state to its own network."""
        progress = slot.progress
        flat = progress.best_parameters
        if flat is None:
            flat = self._engine.parameters(place)
        trained = progress.trained
        trained.is_best_epoch = progress.best_parameters is not None
        trained.coefs, trained.intercepts = self._layers(slot, flat)
        arrays = self._engine.state(place)
        trained.optimizer_state = progress.state() | {
            "arrays": {name: array[slot.places] for name, array in arrays.items()}
        }
        if self._units is not None:
            units = self._units[slot.index]
            trained.optimizer_state["units"] = (units.offset, units.scale)
        return trained
