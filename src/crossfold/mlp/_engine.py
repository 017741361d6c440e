"""What training asks of an engine, with what an engine begins, and what its steps cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from crossfold.mlp._batches import BatchSampler, Block, draw_masks
from crossfold.mlp._losses import loss_of
from crossfold.mlp._spec import Array, DataSet, Loss, Network, Settings
from crossfold.mlp._update import Penalties, Update, rule_of


class Layout:
    """Places of a network's weights in one flat row.

    A layer is one block of shape ``(n_in + 1, n_out)``: its weights, and its biases as the last
    row. With a one beside every activation, one matrix product serves both.

    Parameters
    ----------
    sizes
        Units per layer, inputs first, outputs last.
    """

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.sizes = sizes
        self.shapes = [(n_in + 1, n_out) for n_in, n_out in pairwise(sizes)]
        self._ends = np.cumsum([n_in * n_out for n_in, n_out in self.shapes]).tolist()

    @property
    def n_parameters(self) -> int:
        """Length of the flat row."""
        return int(self._ends[-1])

    def blocks(self, flat: Any) -> list[Any]:
        """View flat parameters ``(..., n_parameters)`` as one block per layer.

        Works on NumPy arrays and on tensors alike.
        """
        bounds = pairwise([0, *self._ends])
        return [
            flat[..., start:stop].reshape(*flat.shape[:-1], *shape)
            for (start, stop), shape in zip(bounds, self.shapes, strict=True)
        ]

    def spread(self, of_weights: Any, of_biases: Any) -> Array:
        """Give each parameter a figure of its layer, shape ``(n_parameters,)``.

        Both are one figure, or one per layer of weights.
        """
        flat = np.empty(self.n_parameters)
        figures = (np.broadcast_to(one, len(self.shapes)) for one in (of_weights, of_biases))
        for block, weight, bias in zip(self.blocks(flat), *figures, strict=True):
            block[:-1] = weight
            block[-1] = bias
        return flat

    def places_of(self, own: Layout) -> Array | slice:
        """Give the places in this layout of a narrower network's parameters, in its own order.

        For a network of the same shape they are a slice of everything, which costs no gathering.
        """
        if own.sizes == self.sizes:
            return slice(None)
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
    """A stack of networks at the start of training, members with most batches first.

    Attributes
    ----------
    network, layout, settings
        What all members share.
    data_sets, data
        The rows, and each member's index of its data set.
    parameters
        Flat parameters, shape ``(k, n_parameters)``.
    state
        The optimiser's arrays of that shape, by name.
    gamma
        Focal exponents, shape ``(k,)``.
    label_weights
        Factor of each output's loss, shape ``(k, n_out)``, or None.
    penalties
        The factors of `Penalties` by name.
    used
        1 for parameters that a member has and 0 for those that it lacks because it is narrower,
        shape ``(k, n_parameters)``, or None where all have all.
    dropout
        Probability of dropping a unit of the inputs and of each hidden layer, shape
        ``(k, depth + 1)``.
    seed
        For what an engine draws itself.
    """

    network: Network
    layout: Layout
    settings: Settings
    data_sets: Sequence[DataSet]
    data: list[int]
    parameters: Array
    state: dict[str, Array]
    gamma: Array
    label_weights: Array | None
    penalties: dict[str, Array]
    used: Array | None
    dropout: Array
    seed: int


Measure = Callable[[Array, slice], Any]
"""What to do with the logits ``(k, n_out, r)`` of a chunk of rows, in a buffer, and its place."""


class Engine(Protocol):
    """Trains networks in place; the same for NumPy and PyTorch.

    What shares its rows is trained to the end together, step by step: the last three methods are
    for stacks whose members have rows of their own.

    Attributes
    ----------
    n_workers
        Threads that may call `run` side by side, each with members of its own; 0 for a device,
        which takes all members at once and draws their dropout masks itself.
    """

    n_workers: int

    def one_thread_each(self) -> AbstractContextManager[None]:
        """Keep matrix products from using several threads while several workers are at work."""

    def run(self, block: Block) -> Array:
        """Take the steps of a block; give each member's sum of batch loss times rows, ``(k,)``.

        It is NaN for networks that share their rows, which are scored after the epoch.
        """

    def logits(self, rows: Array, measure: Measure) -> list[Any]:
        """Give what is measured of each chunk of the rows ``(k, r)``, or ``(1, r)`` where shared.

        Rows are numbers in each member's data set; nothing is dropped.
        """

    def parameters(self, place: int) -> Array:
        """Give a copy of one member's flat parameters."""

    def state(self, place: int) -> dict[str, Array]:
        """Give copies of one member's optimiser arrays."""

    def keep(self, places: Array) -> None:
        """Let all members leave but those at these places."""

    def differentiate(self, block: Block) -> tuple[Array, Array]:
        """Take no step: give each member's sum of loss times rows, and the gradient of its loss.

        The block has one step. Shapes ``(k,)`` and ``(k, n_parameters)``; penalties are included.
        """

    def replace(self, place: int, parameters: Array) -> None:
        """Put flat parameters in place of one member's."""


def runs_of(data: list[int]) -> list[tuple[slice, int]]:
    """Give stretches of neighbouring members with the same data set."""
    starts = [i for i, d in enumerate(data) if i == 0 or d != data[i - 1]]
    ends = [*starts[1:], len(data)]
    return [(slice(start, end), data[start]) for start, end in zip(starts, ends, strict=True)]


def keep_members(stack: Stack, places: Array) -> Stack:
    """Give a smaller stack of the members at these places; arrays are copied."""
    penalties = {
        name: array if len(array) == 1 else array[places] for name, array in stack.penalties.items()
    }
    return replace(
        stack,
        data=[stack.data[place] for place in places],
        parameters=stack.parameters[places],
        state={name: array[places] for name, array in stack.state.items()},
        gamma=stack.gamma[places],
        label_weights=None if stack.label_weights is None else stack.label_weights[places],
        penalties=penalties,
        dropout=stack.dropout[places],
        used=None if stack.used is None else stack.used[places],
    )


def sum_losses(
    stack: Stack, block: Block, logits: Array, targets: Array, twice_penalty: Array
) -> Array:
    """Give each member's sum of batch loss times rows, shape ``(k,)``, in float64.

    Parameters
    ----------
    stack
        The loss, and its constants for each member.
    block
        Which members and rows.
    logits, targets
        Of each step, shape ``(k, steps, n_out, batch)``.
    twice_penalty
        Of each step, shape ``(k, steps)``, before its update.
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


class SharedEngine(ABC):
    """What NumPy and PyTorch do alike for networks on the same rows. See `Engine`.

    The first layers are kept as one row ``[w; b]`` for each unit of any network, and all layers
    above as they lie in `Layout`. Their update is not cut into chunks: columns of as many rows as
    there are units are slow to walk through.

    Parameters
    ----------
    xp
        ``numpy`` or ``torch``.
    stacks
        Networks of one shape, activation and loss each; of the same rows of one data set.
    put
        Puts an array where `xp` wants it.
    """

    n_workers: int

    def __init__(self, xp: Any, stacks: Sequence[Stack], put: Callable[[Array], Any]) -> None:
        self._stacks, self._put = stacks, put
        self._places = [(g, row) for g, one in enumerate(stacks) for row in range(len(one.data))]
        self._units = np.array([stacks[g].layout.sizes[1] for g, _ in self._places])
        ends = np.cumsum([0, *(len(one.data) * one.layout.sizes[1] for one in stacks)]).tolist()
        self._parts = [slice(start, end) for start, end in pairwise(ends)]
        settings = stacks[0].settings
        self._first = _make_update(xp, settings, *_first_layers(stacks), put)
        self._above = [_make_update(xp, settings, *_layers_above(one), put) for one in stacks]

    @abstractmethod
    def run(self, block: Block) -> Array:
        """Take a step; what the loss was is left for `logits` to find, after the step."""

    @abstractmethod
    def logits(self, rows: Array, measure: Measure) -> list[Any]:
        """See `Engine`; all read the same rows, shape ``(1, r)``."""

    @abstractmethod
    def one_thread_each(self) -> AbstractContextManager[None]:
        """See `Engine`."""

    def parameters(self, place: int) -> Array:
        """Give a copy of one member's flat parameters."""
        return self._flat(place, [one.parameters for one in (self._first, *self._above)])

    def state(self, place: int) -> dict[str, Array]:
        """Give copies of one member's optimiser arrays."""
        updates = self._first, *self._above
        return {n: self._flat(place, [one.state[n] for one in updates]) for n in self._first.state}

    def _flat(self, place: int, arrays: Sequence[Any]) -> Array:
        """Put one member's part of arrays like the updates' parameters in the order of `Layout`."""
        (group, row), stop = self._places[place], int(self._units[: place + 1].sum())
        first = arrays[0][stop - int(self._units[place]) : stop]
        return np.concatenate([np.ravel(a) for a in map(_fetch, (first.T, arrays[1 + group][row]))])

    def _update(self, block: Block) -> None:
        """Let all rules step, once the gradients are those of the rows' summed loss."""
        ends = np.cumsum([len(one.data) for one in self._stacks])[:-1]
        sizes, rates = (
            [self._put(a) for a in (np.repeat(of, self._units, axis=0), *np.split(of, ends))]
            for of in (block.step_sizes, block.learning_rates)
        )
        scale = float(block.scale[0, 0])
        for update, size, rate in zip((self._first, *self._above), sizes, rates, strict=True):
            update.take(scale, size, rate)


class SharedBatches:
    """The batches of an epoch, the same rows for all networks. See `Batches`.

    Parameters
    ----------
    samplers
        One per network, group by group.
    stacks
        The groups.
    order
        Draws the order of the rows; not where a batch is all of them.
    draws_masks
        Whether dropout masks are drawn here, and not on a device.
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
        """Draw the order of the rows."""
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
            drops = zip(stack.layout.sizes[1:-1], dropped_layers(stack), strict=True)
            dropped = [units if drop and self._draws_masks else 0 for units, drop in drops]
            _, *masks = draw_masks(own, [0, *dropped], 1, width, self._dtype)
            yield [None if mask is None else mask[:, 0] for mask in masks]


def _fetch(array: Any) -> Array:
    fetched: Array = array if isinstance(array, np.ndarray) else array.cpu().numpy()
    return fetched


def _make_update(
    xp: Any,
    settings: Settings,
    parameters: Array,
    penalties: dict[str, Array],
    put: Callable[[Array], Any],
) -> Update:
    """Make the update of parameters that begin with these values."""
    flat = put(parameters)
    return Update(
        xp,
        settings,
        flat,
        xp.zeros_like(flat),
        {name: xp.zeros_like(flat) for name in rule_of(settings).state_names},
        Penalties(xp, **{name: put(array) for name, array in penalties.items()}),
        chunk_bytes=None,
    )


def _first_layers(stacks: Sequence[Stack]) -> tuple[Array, dict[str, Array]]:
    """Give the first layers of all networks, one row per unit, and the factors of `Penalties`."""
    names = {name for stack in stacks for name in stack.penalties}
    penalties = {
        name: _unit_rows(stacks, [_factors(one, name) for one in stacks]) for name in names
    }
    once = {name: a[:1] if (a == a[0]).all() else a for name, a in penalties.items()}
    return _unit_rows(stacks, [stack.parameters for stack in stacks]), once


def _unit_rows(stacks: Sequence[Stack], flats: Sequence[Array]) -> Array:
    """Turn the first blocks of flat arrays ``(k, n_parameters)`` into one row per unit."""
    blocks = [one.layout.blocks(flat)[0] for one, flat in zip(stacks, flats, strict=True)]
    rows = [block.swapaxes(1, 2).reshape(-1, block.shape[1]) for block in blocks]
    return np.ascontiguousarray(np.concatenate(rows))


def _factors(stack: Stack, name: str) -> Array:
    """Give a penalty's factors for every network of a group."""
    factors = stack.penalties.get(name, np.zeros(1, dtype=stack.parameters.dtype))
    return np.broadcast_to(factors, stack.parameters.shape)


def _layers_above(stack: Stack) -> tuple[Array, dict[str, Array]]:
    """Give all layers but the first, in the order of `Layout`, and the factors of `Penalties`."""
    first = stack.layout.blocks(stack.parameters)[0][0].size
    penalties = {name: array[:, first:] for name, array in stack.penalties.items()}
    return stack.parameters[:, first:].copy(), penalties


def layout_above(stack: Stack) -> Layout:
    """Give where the weights of all layers but the first lie."""
    return Layout(stack.layout.sizes[1:])


def most_rows(itemsize: int) -> int:
    """Give the most rows of a chunk on a CPU, measured on images of 784 pixels.

    In double precision more rows would leave the cache; in single precision fewer would make the
    products of wide first layers slow.
    """
    return 4096 if itemsize <= 4 else 1024


def cut_rows(n_rows: int, least: int, most: int, n_workers: int) -> list[tuple[int, int]]:
    """Cut rows into chunks of nearly one size, evenly over the workers.

    A chunk has `most` rows at the most. Fewer rows than that are still cut for the workers, as long
    as each gets `least` rows.
    """
    n_chunks = max(-(-n_rows // most), min(n_workers, n_rows // least))
    if n_chunks > 1:
        n_chunks = -(-n_chunks // n_workers) * n_workers
    bounds = np.linspace(0, n_rows, n_chunks + 1).round().astype(int).tolist()
    return list(pairwise(bounds))


def chunk_of(rows: Array, start: int, stop: int) -> slice | Array:
    """Give some of the rows, as a slice where they follow one another: it needs no copy."""
    chunk = rows[start:stop]
    ordered = len(chunk) and (np.diff(chunk) == 1).all()
    return slice(int(chunk[0]), int(chunk[-1]) + 1) if ordered else chunk


def dropped_layers(stack: Stack) -> list[bool]:
    """Tell for each hidden layer whether some network drops units of it."""
    return [bool(rates.any()) for rates in stack.dropout.T[1:]]


def reads_whole_batch(stacks: Sequence[Stack]) -> bool:
    """Tell whether some loss looks at all rows of a batch, so that they cannot be cut."""
    losses = (stack.network.loss for stack in stacks)
    return any(isinstance(loss, Loss) and loss.whole_batch for loss in losses)
