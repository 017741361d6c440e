"""What training asks of an engine whose networks of all shapes read the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, Self

import numpy as np

from crossfold.mlp._engine import Stack
from crossfold.mlp._spec import Array, Loss

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
        """Give each network's mean loss and accuracy on some rows, shape ``(networks,)`` each.

        Networks come group by group. Nothing is dropped; penalties are left out of the loss.
        """

    def parameters(self, group: int) -> Array:
        """Give a copy of a group's flat parameters, shape ``(k, n_parameters)``."""


class FirstLayers:
    """The first layers of all groups, one below the other: ``(units of all, n_in + 1)``.

    The factor of the inputs is taken into the weights, so that inputs need no product of their
    own.

    Parameters
    ----------
    stacks
        The groups.
    """

    def __init__(self, stacks: Sequence[Stack]) -> None:
        ends = np.cumsum([len(s.parameters) * s.layout.sizes[1] for s in stacks]).tolist()
        starts = [0, *ends[:-1]]
        self.parts = [slice(start, end) for start, end in zip(starts, ends, strict=True)]
        self.width = ends[-1]
        self.scale = stacks[0].network.input_scale

    def join(self, blocks: Sequence[Array], joint: Array) -> None:
        """Write the groups' first blocks ``(k, n_in + 1, units)`` to `joint`."""
        for block, part in zip(blocks, self.parts, strict=True):
            joint[part] = block.transpose(0, 2, 1).reshape(joint[part].shape)
        joint[:, :-1] *= self.scale

    def spread(self, joint: Array, blocks: Sequence[Array]) -> None:
        """Write the gradient of the joint block to the groups' own first blocks."""
        joint[:, :-1] *= self.scale
        for block, part in zip(blocks, self.parts, strict=True):
            k, n_in, units = block.shape
            block[...] = joint[part].reshape(k, units, n_in).transpose(0, 2, 1)


def cut_rows(n_rows: int, most: int, n_lanes: int) -> list[tuple[int, int]]:
    """Cut rows into chunks of nearly one size, `most` at the most, evenly over the lanes."""
    n_chunks = -(-n_rows // most)
    if n_chunks > 1:
        n_chunks = -(-n_chunks // n_lanes) * n_lanes
    bounds = np.linspace(0, n_rows, n_chunks + 1).round().astype(int).tolist()
    return list(pairwise(bounds))


def dropped_layers(stack: Stack) -> list[bool]:
    """Tell for each hidden layer whether some network drops units of it."""
    return [bool(rates.any()) for rates in stack.dropout.T]


def reads_whole_batch(stacks: Sequence[Stack]) -> bool:
    """Tell whether some loss looks at all rows of a batch, so that they cannot be cut."""
    losses = (stack.network.loss for stack in stacks)
    return any(isinstance(loss, Loss) and loss.whole_batch for loss in losses)
