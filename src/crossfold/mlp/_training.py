"""Training of a stack: what must fit together, start, epoch, scores, stop; and by L-BFGS."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from queue import Empty, PriorityQueue, SimpleQueue
from time import perf_counter
from typing import Any

import numpy as np

from crossfold.mlp import _numpy_engine as _numpy
from crossfold.mlp._batches import SMALL_PRODUCT, Batches, Block
from crossfold.mlp._engine import Engine, SharedBatches, SharedEngine, Stack, runs_of, side_by_side
from crossfold.mlp._functions import apply_link, label_weights_of, loss_of
from crossfold.mlp._spec import Array, DataSet, EpochEvent, Member, Network, Rows, Settings, Trained
from crossfold.mlp._start import Slot, Units, make_stack
from crossfold.mlp._update import learning_rates, rule_of
from crossfold.mlp.exceptions import ParameterError


def check_training(network: Network, members: Sequence[Member], settings: Settings) -> None:
    """Raise a `ParameterError` that says which parameters do not go together."""
    if settings.solver == "lbfgs" and any(np.any(member.dropout) for member in members):
        raise ParameterError(
            "solver='lbfgs' does not go with dropout, which changes the loss at every look at it; "
            "set dropout=0, or use solver='adam'."
        )
    loss_of(network)
    alike: dict[Any, Any] = {}
    for member in members:
        sizes, ensemble = member.layer_sizes, member.ensemble
        if ensemble and (settings.solver == "lbfgs" or alike.setdefault(ensemble, sizes) != sizes):
            raise ParameterError(
                "Members with the same shared_seed need the same hidden_layer_sizes, and a solver "
                "other than 'lbfgs'."
            )
    if settings.engine == "numpy" and settings.device not in {"auto", "cpu"}:
        raise ParameterError(
            f"engine='numpy' runs on the CPU only, but device is {settings.device!r}; use "
            "engine='torch'."
        )


def train(
    networks: Network | Sequence[Network],
    data_sets: Sequence[DataSet],
    members: Sequence[Member],
    settings: Settings,
    order: np.random.Generator | None = None,
) -> list[Trained]:
    """Train all members as one stack, each as if it were trained alone; one result per member.

    They share a network, that of the widest layers, and each has rows of its own in one of the data
    sets, in an order of its own, and leaves when it stops. With `order`, which draws one order of
    the rows for all, there is one network for each and one data set: members read the same batches
    of the same rows, and are trained to the end; they may be of any shape, as their first layers
    are one product. Weights may be not finite where training diverged.
    """
    networks = [networks] * len(members) if isinstance(networks, Network) else networks
    for network in dict.fromkeys(networks):
        check_training(network, members, settings)
    for callback in settings.callbacks:
        callback.on_train_begin(members, data_sets, settings.max_iter)
    precision: AbstractContextManager[None] = nullcontext()
    if settings.engine == "torch" and settings.matmul_precision is not None:
        from crossfold.mlp import _torch_engine as _torch

        precision = _torch.matmul_precision(settings.matmul_precision)
    try:
        kind = LBFGSTraining if settings.solver == "lbfgs" else Training
        with precision:
            return kind(networks, data_sets, members, settings, order).run()
    finally:
        for callback in settings.callbacks:
            callback.on_train_end()


def make_engine(stacks: Sequence[Stack], *, shares_rows: bool = False) -> Any:
    """Give the `Engine` that the settings name; PyTorch is imported only if it is the one."""
    if stacks[0].settings.engine == "numpy":
        return _numpy.SharedNumpyEngine(stacks) if shares_rows else _numpy.NumpyEngine(*stacks)
    from crossfold.mlp import _torch_engine as _torch

    return _torch.SharedTorchEngine(stacks) if shares_rows else _torch.TorchEngine(*stacks)


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
            self._units = [Units.of(member, data_sets[member.data]) for member in members]
            entered = [
                units.enter(data_sets[member.data], member, place)
                for place, (units, member) in enumerate(zip(self._units, members, strict=True))
            ]
            data_sets, members = zip(*entered, strict=True)
        self._data_sets, self._settings, self._order = data_sets, settings, order
        slots = [
            Slot(index, member, network, data_sets, settings)
            for index, (network, member) in enumerate(zip(networks, members, strict=True))
        ]
        if order is None:
            slots.sort(key=lambda s: (-s.sampler.n_batches, s.member.data, s.member.ensemble or ()))
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
        is_small = self._batches.largest_product < SMALL_PRODUCT
        with self._engine.one_thread_each() if is_small else nullcontext():
            self._train()
        return [self._results[index] for index in sorted(self._results)]

    def _train(self) -> None:
        max_iter, due = self._settings.max_iter, self._settings.score_every
        for epoch in range(1, max_iter + 1):
            losses = self._train_epoch(epoch)
            for slot in self._slots:
                slot.progress.advance(slot.sampler.n_rows, slot.sampler.n_batches)
            is_due = epoch % due == 0 if isinstance(due, int) else epoch in due
            if is_due or epoch == max_iter:
                self._note(epoch, losses, [True] * len(self._slots))
            if self._order is None:
                stopped = [slot.progress.stopped for slot in self._slots]
                # Those that share weights leave only together.
                self._dismiss([all(stopped[run]) for run in self._runs for _ in stopped[run]])
            if not self._slots:
                return
        self._dismiss([True] * len(self._slots))

    def _arrange(self) -> None:
        """Lay out batches and validation for the members that are in the stack."""
        samplers = [slot.sampler for slot in self._slots]
        settings, n_workers = self._settings, self._engine.n_workers
        self._batches: Batches | SharedBatches
        self._validation: Validation | SharedValidation
        if self._order is not None:
            self._batches = SharedBatches(
                samplers, self._stacks, self._order, draws_masks=n_workers > 0
            )
            self._validation = SharedValidation(self._stacks, self._slots[0].member)
            return
        ensembles = [slot.member.ensemble or slot.index for slot in self._slots]
        self._runs = [run for run, _ in runs_of(ensembles)]
        units = self._units and [self._units[slot.index] for slot in self._slots]
        self._batches = Batches(
            samplers,
            self._slots[0].network.layer_sizes,
            settings.dtype,
            self._runs,
            n_workers=n_workers,
            n_buffers=self._engine.n_buffers,
        )
        self._validation = Validation(self._slots, self._data_sets, units)

    def _note(self, epoch: int, losses: Array, noted: Sequence[bool]) -> None:
        """Score all members, note the epoch in the histories of some, and tell the callbacks."""
        event = self._score(epoch, losses)
        seconds = perf_counter() - self._began
        for place in np.flatnonzero(noted).tolist():
            progress = self._slots[place].progress
            progress.record(event, place, seconds)
            if progress.improved:
                progress.best_parameters = self._engine.parameters(place)
        given = [callback.on_epoch_end(event) for callback in self._settings.callbacks]
        ended = {index for indices in given if indices is not None for index in indices}
        for slot in self._slots:
            if slot.index in ended:
                slot.progress.stop()

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
        """Take steps `begin` to `end` of an epoch; add losses times rows to `total` ``(k,)``.

        A thread takes the next block of the group that has most left, of those which no other
        thread has, so that all end together. A single one takes one group after the other.
        """
        groups = self._batches.groups
        n_threads = max(1, min(len(groups), self._engine.n_workers))
        ahead = [
            deque(
                (members, max(start, begin), min(stop, end))
                for members, start, stop in self._batches.spans(group)
                if max(start, begin) < min(stop, end)
            )
            for group in groups
        ]
        waiting: PriorityQueue[tuple[int, int]] = PriorityQueue()

        def wait(number: int) -> None:
            left = len(ahead[number]) * (groups[number].stop - groups[number].start)
            if left:
                waiting.put((-left if n_threads > 1 else 0, number))

        def run_worker(worker: int) -> None:
            while True:
                try:
                    _, number = waiting.get_nowait()
                except Empty:
                    return
                members, first, last = ahead[number].popleft()
                total[members] += self._engine.run(self._block(worker, members, first, last))
                wait(number)

        for number in range(len(groups)):
            wait(number)
        side_by_side(run_worker, range(n_threads), n_threads, self._engine.one_thread_each)

    def _block(self, worker: int, members: slice, start: int, stop: int) -> Block:
        """Give the steps from `start` to `stop` of some members."""
        slots, settings = self._slots[members], self._settings
        states = [slot.progress.state for slot in slots]
        done = np.array([[own["steps_done"]] for own in states]) + np.arange(start, stop)
        base = np.array([[own["learning_rate"]] for own in states])
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
        slots = self._slots
        return EpochEvent(
            epoch=epoch,
            max_iter=self._settings.max_iter,
            members=np.array([slot.index for slot in slots]),
            validation_targets=lambda: [self._truth(s, s.member.validation_rows) for s in slots],
            train_targets=lambda: [self._truth(s, s.member.train_rows) for s in slots],
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
        trained, best = progress.trained, progress.best_parameters
        trained.is_best_epoch = best is not None
        flat = self._engine.parameters(place) if best is None else best
        trained.coefs, trained.intercepts = self._layers(slot, flat)
        arrays = self._engine.state(place)
        trained.optimizer_state = progress.state | {
            "arrays": {name: array[slot.state_places] for name, array in arrays.items()}
        }
        if self._units is not None:
            units = self._units[slot.index]
            trained.optimizer_state["units"] = (units.offset, units.scale)
        return trained


class Validation:
    """The validation rows of some members, padded to the same number.

    The loss is without penalties; scores of members without validation rows are NaN. `units` are
    those of each member's targets, or None.
    """

    def __init__(
        self, slots: Sequence[Slot], data_sets: Sequence[DataSet], units: Sequence[Units] | None
    ) -> None:
        members, network = [slot.member for slot in slots], slots[0].network
        own_data = [data_sets[member.data] for member in members]
        self._network, self._units, self._members = network, units, members
        self._gamma = np.array([member.focal_gamma for member in members])[:, None, None]
        labels = label_weights_of(members, network)
        self._labels = None if labels is None else labels[:, :, None]
        validated = [member.validation_rows for member in members]
        self._rows = _pad(validated)
        self._counts = np.array([len(rows) for rows in validated])
        self._weights = self._weigh([data_set.weights for data_set in own_data])
        self._loss_weights = self._weigh([slot.sampler.row_weights for slot in slots])
        self._targets = np.stack(
            [data_set.targets[r].T for data_set, r in zip(own_data, self._rows, strict=True)]
        )

    def look(self, engine: Engine, losses: Array) -> dict[str, Any]:
        """Give the fields of an `EpochEvent` for an epoch of these mean training losses."""
        loss, score = np.full((2, len(losses)), np.nan)
        logits, learnt = None, [member.train_rows for member in self._members]
        if self._rows.size:
            logits = engine.logits(self._rows)
            loss, score = self._score(logits)
        return {
            "train_loss": losses,
            "validation_loss": loss,
            "validation_score": score,
            "validation_outputs": lambda: self._outputs(logits, self._counts),
            "train_outputs": lambda: self._outputs(
                engine.logits(_pad(learnt)), [*map(len, learnt)]
            ),
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

    def _outputs(self, logits: Array | None, counts: Array | list[int]) -> list[Any]:
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

    def _weigh(self, of_data: Sequence[Array | None]) -> Array:
        """Give the weight of each row ``(k, r)``, 0 for padding."""
        weights = (np.arange(self._rows.shape[1]) < self._counts[:, None]).astype(np.float64)
        for place, of_rows in enumerate(of_data):
            if of_rows is not None:
                weights[place] *= of_rows[self._rows[place]]
        return weights


class SharedValidation:
    """Scores networks on the same rows: all training rows, and all validation rows.

    Nothing is dropped; penalties are left out of the loss. Classes exclude each other.
    """

    def __init__(self, stacks: Sequence[Stack], member: Member) -> None:
        self._stacks, targets = stacks, stacks[0].data_sets[0].targets
        self._parts = [
            (rows, np.ascontiguousarray(targets[rows].T))
            for rows in (member.train_rows, member.validation_rows)
        ]

    def look(self, engine: SharedEngine, losses: Array) -> dict[str, Any]:
        """Give the fields of an `EpochEvent`; what the losses were on the way is not read."""
        k = len(losses)
        train, validation = (self._score(engine, k, *part) for part in self._parts)
        return {
            "train_loss": train[0],
            "train_score": _accuracy(train[1]),
            "validation_loss": validation[0],
            "validation_score": _accuracy(validation[1]),
            "validation_confusion": validation[1],
            "validation_outputs": lambda: [None] * k,
        }

    def _score(
        self, engine: SharedEngine, k: int, rows: Array, targets: Array
    ) -> tuple[Array, Array]:
        """Give each network's mean loss ``(k,)``, NaN without rows, and its confusion matrix."""
        if not rows.size:
            n_classes = max(2, len(targets))
            return np.full(k, np.nan), np.zeros((k, n_classes, n_classes), dtype=int)

        def measure(logits: Sequence[Array], chunk: slice) -> list[Array]:
            own = targets[:, chunk]
            losses, counts = [], []
            for stack, z in zip(self._stacks, logits, strict=True):
                terms = loss_of(stack.network).terms(z, own[None], stack.gamma[:, None, None])
                losses.append(terms.sum(axis=(1, 2), dtype=np.float64))
                counts.append(count_confusion(stack.network, z, own))
            return [np.concatenate(losses), np.concatenate(counts)]

        total, confusion = engine.measure(rows, measure)
        return total / rows.size, confusion


def _accuracy(confusion: Array) -> Array:
    """Give the share of rows on the diagonal of matrices ``(k, n, n)``; NaN without rows."""
    with np.errstate(invalid="ignore"):
        share: Array = confusion.trace(axis1=-2, axis2=-1) / confusion.sum(axis=(-2, -1))
    return share


def _pad(rows: Sequence[Rows]) -> Array:
    """Put each member's rows into one row of an array, filled up with row 0."""
    padded = np.zeros((len(rows), max(map(len, rows))), dtype=np.intp)
    for place, own in zip(padded, rows, strict=True):
        place[: len(own)] = own
    return padded


def decide(network: Network, logits: Array) -> Array:
    """Give each row's class ``(k, r)``, or whether it has each label ``(k, n_out, r)``."""
    outputs, middle = logits, 0.0  # They tell classes apart as the head's own outputs do.
    if network.output is not None:
        outputs, middle = apply_link(network, logits.copy()), 0.5
    return outputs.argmax(axis=1) if network.head == "multiclass" else outputs > middle


def is_right(network: Network, logits: Array, targets: Array) -> Array:
    """Tell which rows are classified rightly, all labels of a row counting as one."""
    if network.head == "multiclass":
        right: Array = decide(network, logits) == targets.argmax(axis=1)
    else:
        right = (decide(network, logits) == (targets > 0.5)).all(axis=1)
    return right


def count_confusion(network: Network, logits: Array, targets: Array) -> Array:
    """Count rows by true and predicted class, int64 ``(k, n_classes, n_classes)``, true first.

    Of logits ``(k, n_out, r)`` and 0/1 or one-hot targets ``(n_out, r)``.
    """
    n = max(2, len(targets))
    true = targets[0] > 0.5 if network.head == "binary" else targets.argmax(axis=0)
    predicted = decide(network, logits).reshape(len(logits), -1)
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


_REACHED_A_LIMIT = 1


class LBFGSTraining(Training):
    """A stack whose members are minimised over all their rows, by SciPy; see `Training`.

    SciPy's L-BFGS-B (Byrd, Lu, Nocedal and Zhu 1995; version 3.0 of Morales and Nocedal 2011) asks
    for a loss and its gradient at one point after another. It runs once for each network, in a
    thread that waits; when all of them have asked, the engine answers them at once. So each network
    has its own curvature, line search and end, as if it were trained alone.
    """

    def _train(self) -> None:
        searches: dict[int, _Search] = {}
        with ThreadPoolExecutor(len(self._slots)) as pool:
            try:
                for slot in self._slots:
                    searches[slot.index] = _Search(slot.start, self._settings, pool)
                while self._slots:
                    self._take_turn([searches[slot.index] for slot in self._slots])
            finally:
                for search in searches.values():
                    search.answers.put(None)

    def _take_turn(self, searches: list[_Search]) -> None:
        """Wait until all have asked or ended, note what they have learnt, and answer those left."""
        points = [search.next_point() for search in searches]
        self._note_iterations(searches)
        for place, (slot, search) in enumerate(zip(self._slots, searches, strict=True)):
            flat = self._engine.parameters(place)
            flat[slot.places] = points[place]
            self._engine.replace(place, flat)
            slot.progress.trained.converged = search.has_converged
        self._dismiss([search.has_ended for search in searches])
        if self._slots:
            self._answer([search for search in searches if not search.has_ended])

    def _note_iterations(self, searches: list[_Search]) -> None:
        """Record members that are an iteration on: their last point is still in the engine."""
        pairs = zip(self._slots, searches, strict=True)
        advanced = [search.n_iter > slot.progress.trained.n_iter for slot, search in pairs]
        if not any(advanced):
            return
        for place in np.flatnonzero(advanced).tolist():
            slot = self._slots[place]
            slot.progress.advance(slot.sampler.n_rows, slot.sampler.n_batches)
        losses = np.array([search.loss for search in searches])
        self._note(max(search.n_iter for search in searches), losses, advanced)

    def _answer(self, searches: list[_Search]) -> None:
        """Give each search the loss and the gradient at its point."""
        for group in self._batches.groups:
            for members, start, stop in self._batches.spans(group):
                block = self._block(0, members, start, stop)
                losses, gradients = self._engine.run(block), self._engine.gradients(members)
                slots = self._slots[members]
                for slot, search, loss, gradient in zip(
                    slots, searches[members], losses, gradients, strict=True
                ):
                    own = gradient[slot.places].astype(np.float64)
                    search.answers.put((float(loss) / slot.sampler.n_rows, own))


class _Search:
    """One network's minimisation, in a thread that asks for losses and waits for them.

    `answers` takes the loss and its gradient at the point that was asked for, or None for an end.
    """

    def __init__(self, start: Array, settings: Settings, pool: ThreadPoolExecutor) -> None:
        from scipy.optimize import minimize

        self._asked: SimpleQueue[Any] = SimpleQueue()
        self.answers: SimpleQueue[tuple[float, Array] | None] = SimpleQueue()
        self.n_iter, self.loss = 0, np.nan
        self.has_ended = self.has_converged = False
        # Tolerances are scikit-learn's.
        options = {"maxiter": settings.max_iter, "maxfun": settings.max_fun, "gtol": settings.tol}
        found = pool.submit(
            minimize,
            self._ask,
            start.astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            callback=self._note,
            options=options,
        )
        found.add_done_callback(self._asked.put)

    def next_point(self) -> Array:
        """Give the point that is asked for, or after the end the best one; raise what it raised."""
        asked = self._asked.get()
        if isinstance(asked, np.ndarray):
            return asked
        found = asked.result()
        self.has_ended, self.has_converged = True, found.status != _REACHED_A_LIMIT
        if not self.n_iter:  # The start is the minimum, and its loss is the only one.
            self.loss, self.n_iter = float(found.fun), 1
        return np.asarray(found.x)

    def _ask(self, point: Array) -> tuple[float, Array]:
        self._asked.put(point.copy())
        answer = self.answers.get()
        if answer is None:
            raise CancelledError  # The training has ended before the search.
        self._last = answer[0]
        return answer

    def _note(self, point: Array) -> None:
        """Note that the last point asked for is where the next line search begins."""
        self.n_iter += 1
        self.loss = self._last
