"""Training of a stack: what must fit together, start, epoch, stop."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from time import perf_counter
from typing import Any

import numpy as np

from crossfold.mlp._batches import Batches, Block
from crossfold.mlp._engine import Engine, Stack
from crossfold.mlp._losses import apply_link, loss_of
from crossfold.mlp._numpy_engine import NumpyEngine
from crossfold.mlp._progress import learning_rates
from crossfold.mlp._scoring import Validation, rows_of
from crossfold.mlp._spec import (
    Array,
    DataSet,
    EpochEvent,
    Loss,
    Member,
    Network,
    Settings,
    Trained,
)
from crossfold.mlp._start import Seat, make_stack, take_seat
from crossfold.mlp._units import Units, enter_units
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
    if isinstance(network.loss, Loss) and settings.engine == "torch":
        raise ParameterError(
            f"The loss {network.loss.name!r} is written for NumPy; use engine='numpy'."
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
    network: Network, data_sets: Sequence[DataSet], members: Sequence[Member], settings: Settings
) -> list[Trained]:
    """Train all members as one stack; each as if it were trained alone.

    Parameters
    ----------
    network
        What all members share: the widest layers, functions, loss.
    data_sets
        The rows; those that members share are kept once.
    members
        What sets each network apart.
    settings
        How all of them are trained.

    Returns
    -------
    One result per member, in their order. Weights may be not finite where training diverged.

    Raises
    ------
    ParameterError
        What does not go together.
    """
    check_training(network, members, settings)
    for callback in settings.callbacks:
        callback.on_train_begin(members, data_sets, settings.max_iter)
    try:
        return _training_of(settings)(network, data_sets, members, settings).run()
    finally:
        for callback in settings.callbacks:
            callback.on_train_end()


def _training_of(settings: Settings) -> type[Training]:
    """Give the training that the solver needs: epoch by epoch, or by L-BFGS."""
    if settings.solver != "lbfgs":
        return Training
    from crossfold.mlp._lbfgs import LBFGSTraining

    return LBFGSTraining


def make_engine(stack: Stack) -> Engine:
    """Give the engine that the settings name; PyTorch is imported only if it is the one."""
    if stack.settings.engine == "numpy":
        return NumpyEngine(stack)
    from crossfold.mlp._torch_engine import TorchEngine

    return TorchEngine(stack)


class Training:
    """A stack on its way through the epochs; members leave it when they stop."""

    def __init__(
        self,
        network: Network,
        data_sets: Sequence[DataSet],
        members: Sequence[Member],
        settings: Settings,
    ) -> None:
        self._began = perf_counter()
        self._units: list[Units] | None = None
        if settings.scale_targets and network.head == "regression" and network.link == "linear":
            self._units, data_sets, members = enter_units(data_sets, members)
        self._network = network
        self._data_sets = data_sets
        self._settings = settings
        seats = [
            take_seat(index, member, network, data_sets, settings)
            for index, member in enumerate(members)
        ]
        self._seats = sorted(seats, key=lambda s: (-s.feed.n_batches, s.member.data))
        self._engine = make_engine(make_stack(self._seats, network, data_sets, settings))
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
            self._dismiss([seat.progress.stopped for seat in self._seats])
            if not self._seats:
                return
        self._dismiss([True] * len(self._seats))

    def _arrange(self) -> None:
        """Lay out batches and validation for the members that are in the stack."""
        members = [seat.member for seat in self._seats]
        feeds = [seat.feed for seat in self._seats]
        self._batches = Batches(
            feeds,
            self._network.layer_sizes,
            self._settings.dtype,
            n_lanes=self._engine.n_lanes,
        )
        self._validation = None
        if any(len(rows_of(member)) for member in members):
            self._validation = Validation(self._network, self._data_sets, members)

    def _run_epoch(self, epoch: int) -> None:
        losses = self._train_epoch()
        event = self._validate(epoch, losses)
        seconds = perf_counter() - self._began
        for place, seat in enumerate(self._seats):
            self._record(seat, place, event, seconds)
        for callback in self._settings.callbacks:
            callback.on_epoch_end(event)

    def _train_epoch(self) -> Array:
        """Take all steps of an epoch and give each member's mean loss, shape ``(k,)``."""
        for seat in self._seats:
            seat.feed.start_epoch()
        total = np.zeros(len(self._seats))
        groups, n_lanes = self._batches.groups, self._engine.n_lanes

        def run_lane(lane: int) -> None:
            for group in groups[lane :: max(n_lanes, 1)]:
                for members, start, stop in self._batches.spans(group):
                    total[members] += self._engine.run(self._block(lane, members, start, stop))

        if min(len(groups), n_lanes) < 2:
            run_lane(0)
        else:
            with self._engine.one_thread_each(), ThreadPoolExecutor(n_lanes) as pool:
                list(pool.map(run_lane, range(n_lanes)))
        return total / [seat.feed.n_rows for seat in self._seats]

    def _block(self, lane: int, members: slice, start: int, stop: int) -> Block:
        """Give the steps from `start` to `stop` of some members."""
        seats, settings = self._seats[members], self._settings
        done = np.array([[seat.progress.steps_done] for seat in seats]) + np.arange(start, stop)
        base = np.array([[seat.progress.learning_rate] for seat in seats])
        n_steps = np.array([[seat.feed.n_batches * settings.max_iter] for seat in seats])
        rates = learning_rates(settings, base, done, n_steps)
        sizes = rule_of(settings).step_sizes(settings, rates, done)
        return Block(
            lane=lane,
            **self._batches.draw(members, start, stop),
            learning_rates=rates.astype(settings.dtype),
            step_sizes=sizes.astype(settings.dtype),
        )

    def _validate(self, epoch: int, losses: Array) -> EpochEvent:
        """Score the validation rows and say how the epoch went."""
        unknown = np.full(len(self._seats), np.nan)
        validation, loss, score = self._validation, unknown, unknown
        logits = np.empty(0)
        if validation is not None:
            logits = self._engine.logits(validation.rows)
            loss, score = validation.score(logits)
        return EpochEvent(
            epoch=epoch,
            max_iter=self._settings.max_iter,
            members=np.array([seat.index for seat in self._seats]),
            train_loss=losses,
            validation_loss=loss,
            validation_score=score,
            validation_outputs=lambda: (
                [None] * len(losses)
                if validation is None
                else self._in_units(validation.outputs(logits))
            ),
            train_outputs=self._train_outputs,
        )

    def _train_outputs(self) -> list[Array]:
        """Compute what each running member says of the rows that it learns from."""
        known = [seat.member.train_rows for seat in self._seats]
        rows = np.zeros((len(known), max(map(len, known))), dtype=np.intp)
        for padded, own in zip(rows, known, strict=True):
            padded[: len(own)] = own
        outputs = apply_link(self._network, self._engine.logits(rows))
        return self._in_units(
            [own[:, : len(place)].T for own, place in zip(outputs, known, strict=True)]
        )

    def _in_units(self, outputs: list[Any]) -> list[Any]:
        """Convert outputs of the running members in the units of their targets."""
        if self._units is None:
            return outputs
        units = [self._units[seat.index] for seat in self._seats]
        return [
            None if own is None else unit.values(own)
            for unit, own in zip(units, outputs, strict=True)
        ]

    def _record(self, seat: Seat, place: int, event: EpochEvent, seconds: float) -> None:
        """Note the epoch in a member's history and keep its weights if they are the best."""
        progress, feed = seat.progress, seat.feed
        if len(rows_of(seat.member)):
            progress.trained.validation_loss.append(float(event.validation_loss[place]))
            progress.trained.validation_scores.append(float(event.validation_score[place]))
        progress.record(feed.n_rows, feed.n_batches, float(event.train_loss[place]), seconds)
        if progress.improved:
            progress.best_parameters = self._engine.parameters(place)

    def _dismiss(self, leaving: list[bool]) -> None:
        """Keep what the leaving members have learnt and go on without them."""
        if not any(leaving):
            return
        for place, (seat, leaves) in enumerate(zip(self._seats, leaving, strict=True)):
            if leaves:
                self._results[seat.index] = self._result(seat, place)
        self._seats = [s for s, leaves in zip(self._seats, leaving, strict=True) if not leaves]
        if self._seats:
            self._engine.keep(np.flatnonzero(~np.array(leaving)))
            self._arrange()

    def _result(self, seat: Seat, place: int) -> Trained:
        """Cut a member's parameters and state to its own network."""
        progress = seat.progress
        flat = progress.best_parameters
        if flat is None:
            flat = self._engine.parameters(place)
        trained = progress.trained
        trained.is_best_epoch = progress.best_parameters is not None
        trained.coefs, trained.intercepts = seat.layout.split(flat[seat.places])
        arrays = self._engine.state(place)
        trained.optimizer_state = progress.state() | {
            "arrays": {name: array[seat.places] for name, array in arrays.items()}
        }
        if self._units is not None:
            self._units[seat.index].leave(trained)
        return trained
