"""What training asks of an engine, with what an engine begins, and what its steps cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from crossfold.mlp._batches import Block
from crossfold.mlp._losses import loss_of
from crossfold.mlp._spec import Array, DataSet, Network, Settings


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
