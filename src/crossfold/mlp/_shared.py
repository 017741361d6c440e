"""What training asks of an engine whose networks of all shapes read the same rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol, Self

import numpy as np

from crossfold.mlp._engine import Stack
from crossfold.mlp._layout import Layout
from crossfold.mlp._spec import Array, Loss, Settings
from crossfold.mlp._update import Penalties, Update, rule_of

Rows = slice | Array


@dataclass(frozen=True)
class GroupStep:
    """What one step reads of a group: networks of one shape and one activation.

    Attributes
    ----------
    masks
        For each hidden layer, factors of its activations of shape ``(k, units, batch)``, or None
        where nothing is dropped or where the device draws them.
    step_sizes, learning_rates
        Shape ``(k, 1)``.
    """

    masks: Sequence[Array | None]
    step_sizes: Array
    learning_rates: Array


class SharedEngine(Protocol):
    """Trains groups of networks on the same rows; their first layers are one matrix product.

    Attributes
    ----------
    draws_masks
        Whether the engine draws dropout masks itself, on its device.
    """

    draws_masks: bool

    def __enter__(self) -> Self:
        """Take hold of the threads."""

    def __exit__(self, *error: object) -> None:
        """Let go of the threads."""

    def step(self, rows: Rows, steps: Sequence[GroupStep]) -> None:
        """Update all networks from a batch of rows."""

    def score(self, inputs: Array, targets: Array) -> tuple[Array, Array]:
        """Give each network's mean loss on some rows, ``(networks,)``, and its confusion matrix.

        The matrices have shape ``(networks, n_classes, n_classes)``, true classes first. Networks
        come group by group. Nothing is dropped; penalties are left out of the loss.
        """

    def parameters(self, group: int) -> Array:
        """Give a copy of a group's flat parameters, shape ``(k, n_parameters)``."""


@dataclass(frozen=True)
class Trainable:
    """Parameters that one update rule works on.

    Attributes
    ----------
    parameters
        Shape ``(rows, n)``.
    state
        The rule's arrays of that shape, by name.
    penalties
        The factors of `Penalties` by name, shape ``(rows, n)`` or ``(1, n)``.
    """

    parameters: Array
    state: dict[str, Array]
    penalties: dict[str, Array]


class FirstLayers:
    """The first layers of all groups: one row ``[w; b]`` for each unit, group by group.

    Parameters
    ----------
    stacks
        The groups.
    """

    def __init__(self, stacks: Sequence[Stack]) -> None:
        self._units = [(len(stack.parameters), stack.layout.sizes[1]) for stack in stacks]
        ends = np.cumsum([k * units for k, units in self._units]).tolist()
        self.parts = [slice(start, end) for start, end in pairwise([0, *ends])]
        names = {name for stack in stacks for name in stack.penalties}
        factors = {name: [_factors(stack, name) for stack in stacks] for name in names}
        self.trainable = _trainable(
            stacks[0],
            _rows_of([(stack, stack.parameters) for stack in stacks]),
            {
                name: _once(_rows_of(list(zip(stacks, arrays, strict=True))))
                for name, arrays in factors.items()
            },
        )

    def spread(self, per_network: Sequence[Array]) -> Array:
        """Give each unit the figure ``(k, 1)`` of its network: shape ``(units of all, 1)``."""
        return np.concatenate(
            [
                np.repeat(figures, units, axis=0)
                for figures, (_, units) in zip(per_network, self._units, strict=True)
            ]
        )

    def block_of(self, group: int, joint: Array) -> Array:
        """Give a group's own first blocks, shape ``(k, (n_in + 1) · units)``."""
        k, units = self._units[group]
        return joint[self.parts[group]].reshape(k, units, -1).swapaxes(1, 2).reshape(k, -1)


def layers_above(stack: Stack) -> Trainable:
    """Give all layers of a group but the first, in the order of `Layout`."""
    first = stack.layout.blocks(stack.parameters)[0][0].size
    penalties = {name: array[:, first:] for name, array in stack.penalties.items()}
    return _trainable(stack, stack.parameters[:, first:].copy(), penalties)


def make_update(
    xp: Any,
    trainable: Trainable,
    settings: Settings,
    put: Callable[[Array], Any] = lambda array: array,
) -> Update:
    """Make the update of trainable parameters; `put` puts an array where `xp` wants it.

    It is not cut into pieces: columns of as many rows as there are units are slow to walk through.
    """
    parameters = put(trainable.parameters)
    return Update(
        xp,
        settings,
        parameters,
        xp.zeros_like(parameters),
        {name: put(array) for name, array in trainable.state.items()},
        Penalties(xp, **{name: put(array) for name, array in trainable.penalties.items()}),
        piece_bytes=None,
    )


def layout_above(stack: Stack) -> Layout:
    """Give where the weights of `layers_above` lie."""
    return Layout(stack.layout.sizes[1:])


def most_rows(itemsize: int) -> int:
    """Give the most rows of a chunk on a CPU, measured on images of 784 pixels.

    In double precision more rows would leave the cache; in single precision fewer would make the
    products of wide first layers slow.
    """
    return 4096 if itemsize <= 4 else 1024


def cut_rows(n_rows: int, least: int, most: int, n_lanes: int) -> list[tuple[int, int]]:
    """Cut rows into chunks of nearly one size, evenly over the lanes.

    A chunk has `most` rows at the most. Fewer rows than that are still cut for the lanes, as long
    as each gets `least` rows.
    """
    n_chunks = max(-(-n_rows // most), min(n_lanes, n_rows // least))
    if n_chunks > 1:
        n_chunks = -(-n_chunks // n_lanes) * n_lanes
    bounds = np.linspace(0, n_rows, n_chunks + 1).round().astype(int).tolist()
    return list(pairwise(bounds))


def dropped_layers(stack: Stack) -> list[bool]:
    """Tell for each hidden layer whether some network drops units of it."""
    return [bool(rates.any()) for rates in stack.dropout.T[1:]]


def reads_whole_batch(stacks: Sequence[Stack]) -> bool:
    """Tell whether some loss looks at all rows of a batch, so that they cannot be cut."""
    losses = (stack.network.loss for stack in stacks)
    return any(isinstance(loss, Loss) and loss.whole_batch for loss in losses)


def _trainable(stack: Stack, parameters: Array, penalties: dict[str, Array]) -> Trainable:
    names = rule_of(stack.settings).state_names
    return Trainable(parameters, {name: np.zeros_like(parameters) for name in names}, penalties)


def _rows_of(flats: Sequence[tuple[Stack, Array]]) -> Array:
    """Turn the first blocks of flat arrays ``(k, n_parameters)`` into one row per unit."""
    blocks = [stack.layout.blocks(flat)[0] for stack, flat in flats]
    rows = [b.swapaxes(1, 2).reshape(-1, b.shape[1]) for b in blocks]
    return np.ascontiguousarray(np.concatenate(rows))


def _factors(stack: Stack, name: str) -> Array:
    """Give a penalty's factors for every network of a group."""
    factors = stack.penalties.get(name, np.zeros(1, dtype=stack.parameters.dtype))
    return np.broadcast_to(factors, stack.parameters.shape)


def _once(rows: Array) -> Array:
    """Keep one row where all are alike."""
    return rows[:1] if (rows == rows[0]).all() else rows
