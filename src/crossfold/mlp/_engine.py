"""What training asks of an engine, with what an engine begins, and what its steps cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from crossfold.mlp._batches import BatchSampler, Block, cut_evenly, draw_masks
from crossfold.mlp._functions import loss_of
from crossfold.mlp._spec import Array, DataSet, Loss, Network, Settings
from crossfold.mlp._update import Factors, Update, rule_of


class Layout:
    """Places of a network's weights in one flat row, given its units per layer.

    A layer is a block ``(n_in + 1, n_out)``: its weights, and its biases as the last row. With a
    one beside every activation, one matrix product serves both. With a scaling layer what an update
    works on has the factors of the inputs too, `n_scales`, behind all weights.
    """

    def __init__(self, sizes: tuple[int, ...], *, scaled: bool = False) -> None:
        self.sizes = sizes
        self.n_scales = sizes[0] if scaled else 0
        self.shapes = [(n_in + 1, n_out) for n_in, n_out in pairwise(sizes)]
        self._bounds = [0, *np.cumsum([n_in * n_out for n_in, n_out in self.shapes]).tolist()]
        # Lengths of the flat row without factors of inputs, and of what lies before the outputs'.
        *_, self.n_hidden, self.n_parameters = self._bounds

    def blocks(self, flat: Any) -> list[Any]:
        """View flat arrays or tensors ``(..., n_parameters)`` as one block per layer."""
        return [
            flat[..., start:stop].reshape(*flat.shape[:-1], *shape)
            for (start, stop), shape in zip(pairwise(self._bounds), self.shapes, strict=True)
        ]

    def spread(self, of_weights: Any, of_biases: Any, of_scales: Any = 1) -> Array:
        """Give each parameter a figure of its layer, ``(n_parameters + n_scales,)``."""
        flat = np.empty(self.n_parameters)
        figures = (np.broadcast_to(one, len(self.shapes)) for one in (of_weights, of_biases))
        for block, weight, bias in zip(self.blocks(flat), *figures, strict=True):
            block[:-1] = weight
            block[-1] = bias
        return np.append(flat, np.full(self.n_scales, of_scales))

    def places_of(self, own: Layout) -> Array | slice:
        """Give the places in this layout of a narrower network's parameters, in its own order."""
        if own.sizes == self.sizes:
            return slice(0, self.n_parameters)  # which costs no gathering
        places = self.blocks(np.arange(self.n_parameters))
        cut = [
            block[np.r_[: n_in - 1, -1]][:, :n_out]
            for block, (n_in, n_out) in zip(places, own.shapes, strict=True)
        ]
        return np.concatenate([block.ravel() for block in cut])

    def join(self, coefs: list[Array], intercepts: list[Array], dtype: str) -> Array:
        """Give one flat row from weights ``(n_in, n_out)`` and biases ``(n_out,)``."""
        flat = np.empty(self.n_parameters, dtype=dtype)
        for block, coef, intercept in zip(self.blocks(flat), coefs, intercepts, strict=True):
            block[:-1] = coef
            block[-1] = intercept
        return flat

    def split(self, flat: Array) -> tuple[list[Array], list[Array]]:
        """Give copies of the weights and of the biases in a flat row."""
        blocks = self.blocks(flat)
        return [block[:-1].copy() for block in blocks], [block[-1].copy() for block in blocks]


@dataclass(frozen=True)
class Stack:
    """A stack of ``k`` networks at the start of training, members with most batches first.

    `data` has each member's index of its data set, `ensembles` what is the same, side by side, for
    those that share weights. `parameters`, and by name the optimiser's arrays
    in `state`, have shape ``(k, n_parameters)``; those with `Layout.n_scales` more, as `factors`,
    which are those of `Factors`. Focal exponents `gamma` ``(k,)``, `label_weights` ``(k, n_out)``,
    and `dropout` of inputs and hidden layers ``(k, depth + 1)``. `seed` is for an engine's own
    draws.
    """

    network: Network
    layout: Layout
    settings: Settings
    data_sets: Sequence[DataSet]
    data: list[int]
    ensembles: list[Any]
    parameters: Array
    state: dict[str, Array]
    gamma: Array
    label_weights: Array | None
    factors: dict[str, Array]
    dropout: Array
    seed: int

    def shared(self, members: slice) -> list[slice]:
        """Give the stretches of some members that share weights, counted from the first of them."""
        runs = [run for run, _ in runs_of(self.ensembles[members])]
        return [run for run in runs if run.stop - run.start > 1]


_WORTH_A_THREAD = 1 << 24
"""Multiplications in the first layers' product that take longer than it does to wake a thread."""


def side_by_side(
    function: Callable[[Any], Any],
    items: Iterable[Any],
    n_threads: int,
    one_thread_each: Callable[[], AbstractContextManager[None]],
) -> list[Any]:
    """Call a function with each item, in so many threads whose products use one thread each."""
    if n_threads < 2:
        return [function(item) for item in items]
    with one_thread_each(), ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(function, items))


class Engine(ABC):
    """Trains networks in place; the same for NumPy and PyTorch.

    What shares its rows is trained to the end together, step by step, by a `SharedEngine`, which
    has neither `keep` nor `replace` nor `gradients`.
    """

    # Keeps matrix products from using several threads while several workers are at work.
    one_thread_each: Callable[[], AbstractContextManager[None]]
    # Threads that may call `run` side by side, each with members of its own; 0 for a device, which
    # takes all members at once and draws their dropout masks itself.
    n_workers: int
    # Arrays as large as a layer's values that a step walks through at once; see `Batches`.
    n_buffers: int = 1

    _stack: Stack
    _flat: Any
    _state: dict[str, Any]

    def _put(self, array: Array) -> Any:
        """Give an array, or a tensor on the device."""
        return array

    @abstractmethod
    def _begin(self, stack: Stack) -> None:
        """Take over a stack, its parameters and state as arrays or tensors."""

    @abstractmethod
    def run(self, block: Block) -> Array:
        """Take the steps of a block; give each member's sum of batch loss times rows, ``(k,)``."""

    def logits(self, rows: Array) -> Array:
        """Give the logits ``(k, n_out, r)`` of rows ``(k, r)``; nothing is dropped."""
        n_in, n_out, *_ = self._stack.layout.sizes
        is_worth = rows.size * n_in * n_out >= _WORTH_A_THREAD
        n_threads = max(1, min(self.n_workers, len(rows))) if is_worth else 1
        cuts = cut_evenly(len(rows), n_threads, n_threads)
        found = side_by_side(
            lambda cut: self._logits(rows[cut], cut), cuts, n_threads, self.one_thread_each
        )
        return found[0] if n_threads == 1 else np.concatenate(found)

    @abstractmethod
    def _logits(self, rows: Array, members: slice) -> Array:
        """Give the logits of some members, of rows of their own."""

    @abstractmethod
    def gradients(self, members: slice) -> Array:
        """Copy what these members' last step of no rule left: gradients ``(k, n_parameters)``."""

    def parameters(self, place: int) -> Array:
        """Give a copy of one member's flat parameters."""
        return np.array(_fetch(self._flat[place]))

    def state(self, place: int) -> dict[str, Array]:
        """Give copies of one member's optimiser arrays."""
        return {name: np.array(_fetch(array[place])) for name, array in self._state.items()}

    def replace(self, place: int, parameters: Array) -> None:
        """Put flat parameters in place of one member's."""
        self._flat[place] = self._put(parameters)

    def keep(self, places: Array) -> None:
        """Let all members leave but those at these places; arrays are copied."""
        stack = self._stack
        kept = replace(
            stack,
            data=[stack.data[place] for place in places],
            ensembles=[stack.ensembles[place] for place in places],
            parameters=_fetch(self._flat)[places],
            state={name: _fetch(array)[places] for name, array in self._state.items()},
            gamma=stack.gamma[places],
            label_weights=None if stack.label_weights is None else stack.label_weights[places],
            factors={n: a if len(a) == 1 else a[places] for n, a in stack.factors.items()},
            dropout=stack.dropout[places],
        )
        self._begin(kept)


def runs_of(data: Sequence[Any]) -> list[tuple[slice, Any]]:
    """Give stretches of neighbouring members with the same data set, or whatever it is."""
    starts = [i for i, d in enumerate(data) if i == 0 or d != data[i - 1]]
    return [(slice(start, end), data[start]) for start, end in pairwise([*starts, len(data)])]


def sum_losses(
    stack: Stack, block: Block, logits: Array, targets: Array, twice_penalty: Array
) -> Array:
    """Give each member's sum of batch loss times rows, shape ``(k,)``, in float64.

    Logits and targets are ``(k, steps, n_out, batch)``, twice the penalty ``(k, steps)``.
    """
    gamma = stack.gamma[block.members, None, None, None]
    terms = loss_of(stack.network).terms(logits, targets, gamma)
    if stack.label_weights is not None:
        terms = terms * stack.label_weights[block.members, None, :, None]
    of_row = terms.sum(axis=-2)
    if block.weights is not None:
        of_row = of_row * block.weights
    losses = (of_row.sum(axis=-1, dtype=np.float64) + twice_penalty / 2) * block.scale
    total: Array = (losses * block.counts).sum(axis=-1)
    return total


class Part(Protocol):
    """One stack's layers above the first, which read ``z`` and leave their derivatives by it."""

    def differentiate(self, targets: Any, masks: Sequence[Array | None]) -> None:
        """Leave the gradients of the rows' summed loss where they go."""

    def logits(self) -> Array:
        """Give the logits ``(k, n_out, r)``, in a buffer, with nothing dropped."""


class Chunk:
    """Works on so many of the rows that networks share, in buffers of its own."""

    def __init__(self, engine: SharedEngine, n_rows: int) -> None:
        self._engine, (width, n_in) = engine, engine.first.parameters.shape
        self._inputs, self._z, self._deltas = (
            engine.make(*shape) for shape in ((n_rows, n_in), (width, n_rows), (width, n_rows))
        )
        self._inputs[:, -1] = 1
        self._loaded: slice | None = None
        self._gradients = [engine.xp.empty_like(one.parameters) for one in engine.updates]
        above = zip(engine.stacks, engine.above, self._gradients[1:], engine.parts, strict=True)
        self._parts = [
            engine.part(stack, update.parameters, own, self._z[part], self._deltas[part])
            for stack, update, own, part in above
        ]

    def _load(self, rows: slice | Array) -> None:
        """Cast and scale inputs, and multiply all first layers with them.

        A full batch is the same rows at every step: they are there already.
        """
        if self._loaded is None or not isinstance(rows, slice) or rows != self._loaded:
            inputs, scale = self._inputs[:, :-1], self._engine.stacks[0].network.input_scale
            inputs[...] = self._engine.inputs[rows]
            if scale != 1:
                inputs *= scale
            self._loaded = rows if isinstance(rows, slice) else None
        self._engine.multiply(self._inputs, self._z)

    def differentiate(self, rows: slice | Array, masks: Sequence[Any]) -> list[Any]:
        """Give the gradients of the rows' summed loss for each update, in buffers."""
        self._load(rows)
        for part, own in zip(self._parts, masks, strict=True):
            part.differentiate(self._engine.targets[:, rows], own)
        self._engine.multiply_back(self._deltas, self._inputs, self._gradients[0])
        return self._gradients

    def logits(self, rows: slice | Array) -> list[Array]:
        """Give the logits ``(k, n_out, r)`` of each stack, in buffers, with nothing dropped."""
        self._load(rows)
        return [part.logits() for part in self._parts]


class SharedEngine(ABC):
    """Trains networks of all shapes on the same rows: their first layers are one matrix product.

    See `Engine`. The first layers are kept as one row ``[w; b]`` for each unit of any network, and
    all layers above as they lie in `Layout`. Their update is not cut into chunks: columns of as
    many rows as there are units are slow to walk through.

    A batch is cut into chunks of rows, small enough for everything that is made of them to stay in
    the cache, from the product of all first layers to their gradients. `n_threads` threads take
    chunks side by side. `xp` is ``numpy`` or ``torch``; each stack has networks of one shape,
    activation and loss.
    """

    xp: Any
    # Makes a `Part` of a stack, parameters, gradients, ``z`` and its derivatives.
    part: Callable[..., Part]
    one_thread_each: Callable[[], AbstractContextManager[None]]
    n_workers: int
    n_threads: int = 1
    # Of all rows, ``(n, n_in)`` and ``(n_out, n)``.
    inputs: Any
    targets: Any

    def __init__(self, stacks: Sequence[Stack]) -> None:
        self.stacks, xp = stacks, self.xp
        self._places = [(g, row) for g, one in enumerate(stacks) for row in range(len(one.data))]
        self._units = np.array([stacks[g].layout.sizes[1] for g, _ in self._places])
        ends = np.cumsum([0, *(len(one.data) * one.layout.sizes[1] for one in stacks)]).tolist()
        self.parts = [slice(start, end) for start, end in pairwise(ends)]
        self.updates: list[Update] = []
        for arrays in (_first_layers(stacks), *map(_arrays_above, stacks)):
            there = {name: self._put(array) for name, array in arrays.items()}
            flat, settings = there.pop("parameters"), stacks[0].settings
            state = {name: xp.zeros_like(flat) for name in rule_of(settings).state_names}
            factors, gradients = Factors(xp, **there), xp.zeros_like(flat)
            self.updates.append(Update(xp, settings, flat, gradients, state, factors, None))
        self.first, *self.above = self.updates
        self._chunks: dict[tuple[int, int], Chunk] = {}

    def _put(self, array: Array) -> Any:
        """Give an array, or a tensor on the device."""
        return array

    @abstractmethod
    def make(self, *shape: int) -> Any:
        """Make a buffer."""

    def multiply(self, inputs: Any, z: Any) -> None:
        """Multiply all first layers with inputs and ones ``(r, n_in + 1)`` into ``z``."""
        self.xp.matmul(self.first.parameters, inputs.T, out=z)

    def multiply_back(self, deltas: Any, inputs: Any, gradients: Any) -> None:
        """Multiply derivatives by ``z``, ``(units, r)``, with inputs and ones."""
        self.xp.matmul(deltas, inputs, out=gradients)

    def run(self, block: Block) -> Array:
        """Take a step; its loss is NaN, as networks that share rows are scored after the epoch."""
        rows = block.rows[0, 0]

        def differentiate(chunk: Chunk, cut: slice) -> list[Any]:
            masks = [[m if m is None else m[..., cut] for m in own] for own in block.masks]
            return chunk.differentiate(as_slice(rows[cut]), masks)

        for update, total in zip(self.updates, self._sum(len(rows), differentiate), strict=True):
            update.gradients[...] = total
        with np.errstate(over="ignore", invalid="ignore"):
            self._update(block)
        return np.full(len(self._places), np.nan)

    def measure(
        self, rows: Array, measure: Callable[[Sequence[Array], slice], list[Array]]
    ) -> list[Any]:
        """Add up what is measured of each stack's logits, in buffers, chunk by chunk of rows."""
        return self._sum(
            len(rows), lambda chunk, cut: measure(chunk.logits(as_slice(rows[cut])), cut)
        )

    def parameters(self, place: int) -> Array:
        return self._flat(place, [one.parameters for one in self.updates])

    def state(self, place: int) -> dict[str, Array]:
        names = self.first.state
        return {n: self._flat(place, [one.state[n] for one in self.updates]) for n in names}

    def _flat(self, place: int, arrays: Sequence[Any]) -> Array:
        """Put one member's part of arrays like the updates' parameters in the order of `Layout`."""
        (group, row), stop = self._places[place], int(self._units[: place + 1].sum())
        first = arrays[0][stop - int(self._units[place]) : stop]
        return np.concatenate([np.ravel(a) for a in map(_fetch, (first.T, arrays[1 + group][row]))])

    def _update(self, block: Block) -> None:
        """Let all rules step, once the gradients are those of the rows' summed loss."""
        ends = np.cumsum([len(one.data) for one in self.stacks])[:-1]
        sizes, rates = (
            [self._put(a) for a in (np.repeat(of, self._units, axis=0), *np.split(of, ends))]
            for of in (block.step_sizes, block.learning_rates)
        )
        scale = float(block.scale[0, 0])
        for update, size, rate in zip(self.updates, sizes, rates, strict=True):
            update.take(scale, size, rate)

    def _sum(self, n_rows: int, work: Callable[[Chunk, slice], list[Any]]) -> list[Any]:
        """Let the threads work on all rows, chunk by chunk; add up the arrays that come out."""
        cuts = cut_evenly(n_rows, self._n_chunks(n_rows), self.n_threads)
        n_threads = min(self.n_threads, len(cuts))

        def run_thread(thread: int) -> list[Any]:
            total: list[Any] = []
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                for cut in cuts[thread::n_threads]:
                    key = thread, cut.stop - cut.start
                    if key not in self._chunks:
                        self._chunks[key] = Chunk(self, key[1])
                    found = work(self._chunks[key], cut)
                    # The next chunk may overwrite what this one has found.
                    total = _add(total, found) if total or len(cuts) == 1 else deepcopy(found)
            return total

        found = side_by_side(run_thread, range(n_threads), n_threads, self.one_thread_each)
        return reduce(_add, found)

    def _n_chunks(self, n_rows: int) -> int:
        """Count the chunks: as few as fit the cache, or one for each thread worth waking.

        The most rows are measured on images of 784 pixels: in double precision more would leave the
        cache; in single precision fewer would make the products of wide first layers slow. A device
        takes all rows at once, and so does a loss that looks at all of a batch.
        """
        losses = [stack.network.loss for stack in self.stacks]
        if self.n_workers == 0 or any(isinstance(one, Loss) and one.whole_batch for one in losses):
            return 1
        least = -(-_WORTH_A_THREAD // int(np.prod(self.first.parameters.shape)))
        most = 4096 if self.first.parameters.itemsize <= 4 else 1024
        return max(-(-n_rows // most), min(self.n_threads, n_rows // least))


class SharedBatches:
    """The batches of an epoch, the same rows for all networks. See `Batches`.

    `order` draws the order of the rows, unless a batch is all of them. Dropout masks are drawn here
    unless a device draws them.
    """

    def __init__(
        self,
        samplers: Sequence[BatchSampler],
        stacks: Sequence[Stack],
        order: np.random.Generator,
        *,
        draws_masks: bool,
    ) -> None:
        self._samplers, self._stacks, self._order = samplers, stacks, order
        self._sampler, self._dtype = samplers[0], np.dtype(stacks[0].settings.dtype)
        self._draws_masks = draws_masks
        self.groups = [slice(0, len(samplers))]
        n_units = sum(len(stack.data) * stack.layout.sizes[1] for stack in stacks)
        self.largest_product = samplers[0].batch_size * stacks[0].layout.sizes[0] * n_units

    def start_epoch(self) -> None:
        n_rows, settings = self._sampler.n_rows, self._stacks[0].settings
        draws = settings.shuffle and self._sampler.batch_size < n_rows
        self._rows = self._order.permutation(n_rows) if draws else np.arange(n_rows)

    def spans(self, group: slice) -> Iterator[tuple[slice, int, int]]:
        """Give ``(members, start, stop)``: all take one batch after another."""
        for batch in range(self._sampler.n_batches):
            yield group, batch, batch + 1

    def draw(self, members: slice, start: int, stop: int) -> dict[str, Any]:
        """Give rows, weights, counts, scale and masks of a `Block` of one step."""
        size = self._sampler.batch_size
        rows = self._rows[start * size : stop * size]
        return {
            "members": members,
            "rows": rows[None, None],
            "weights": None,
            "counts": np.full((len(self._samplers), 1), len(rows)),
            "scale": np.array([[1 / len(rows)]], dtype=self._dtype),
            "masks": [*self._masks()],
        }

    def _masks(self) -> Iterator[list[Array | None]]:
        """Draw the dropout masks of each group for a batch, each network from its own generator."""
        samplers, width = iter(self._samplers), self._sampler.batch_size
        for stack in self._stacks:
            own = [next(samplers) for _ in stack.data]
            drops = zip(stack.layout.sizes[1:-1], np.any(stack.dropout[:, 1:], axis=0), strict=True)
            dropped = [units if drop and self._draws_masks else 0 for units, drop in drops]
            _, *masks = draw_masks(own, [0, *dropped], 1, width, self._dtype)
            yield [None if mask is None else mask[:, 0] for mask in masks]


def _fetch(array: Any) -> Array:
    fetched: Array = array if isinstance(array, np.ndarray) else array.cpu().numpy()
    return fetched


def _add(total: list[Any], more: list[Any]) -> list[Any]:
    """Add arrays to others in place, or to nothing."""
    for place, array in enumerate(more if total else ()):
        total[place] += array
    return total or more


def _first_layers(stacks: Sequence[Stack]) -> dict[str, Array]:
    """Give the arrays of the first layers of all networks, one row per unit."""
    arrays = {"parameters": np.concatenate([_unit_rows(one, one.parameters) for one in stacks])}
    for name in {name for one in stacks for name in one.factors}:
        all_alike = np.full(1, name in {"rate", "used"}, dtype=stacks[0].parameters.dtype)
        rows = np.concatenate([_unit_rows(one, one.factors.get(name, all_alike)) for one in stacks])
        arrays[name] = rows[:1] if (rows == rows[0]).all() else rows
    return arrays


def _unit_rows(stack: Stack, flat: Array) -> Array:
    """Turn the first block of a flat array ``(k, n_parameters)`` into one row per unit.

    Rows lie one after another in memory; products of other layouts differ in their last digits.
    """
    block = stack.layout.blocks(np.broadcast_to(flat, stack.parameters.shape))[0]
    return np.ascontiguousarray(block.swapaxes(1, 2)).reshape(-1, block.shape[1])


def _arrays_above(stack: Stack) -> dict[str, Array]:
    """Give the arrays of all layers but the first, in the order of `Layout`."""
    first = int(np.prod(stack.layout.shapes[0]))
    arrays = {"parameters": stack.parameters, **stack.factors}
    return {name: array[:, first:].copy() for name, array in arrays.items()}


def as_slice(rows: Array) -> slice | Array:
    """Give rows as a slice where they follow one another: it needs no copy."""
    ordered = len(rows) and (np.diff(rows) == 1).all()
    return slice(int(rows[0]), int(rows[-1]) + 1) if ordered else rows
