"""Networks of all shapes on the same rows, in NumPy: a batch is cut into chunks of rows.

A chunk is small enough for everything that is made of it to stay in the cache, from the product of
all first layers to their gradients. Lanes (threads) take chunks side by side and add up gradients
of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Self

import numpy as np

from crossfold.mlp._engine import Stack
from crossfold.mlp._layout import Layout
from crossfold.mlp._losses import loss_of
from crossfold.mlp._optimizers import rule_of
from crossfold.mlp._pass import Masks, Pass, Weights
from crossfold.mlp._penalties import Penalties
from crossfold.mlp._scoring import is_right
from crossfold.mlp._shared import (
    FirstLayers,
    GroupStep,
    Rows,
    cut_rows,
    dropped_layers,
    reads_whole_batch,
)
from crossfold.mlp._spec import Array
from crossfold.mlp._threads import blas_threads, one_blas_thread

_CHUNK_ROWS = 4096


class SharedNumpyEngine:
    """See `SharedEngine`.

    Parameters
    ----------
    stacks
        The groups, trained in place.
    inputs, targets
        The training rows, shapes ``(n, n_in)``, any numeric dtype, and ``(n, n_out)``.
    """

    draws_masks = False

    def __init__(self, stacks: Sequence[Stack], inputs: Array, targets: Array) -> None:
        self._stacks = stacks
        self._inputs = np.ascontiguousarray(inputs)
        self._dtype = stacks[0].parameters.dtype
        self._targets = _columns(targets, self._dtype)
        self._first = FirstLayers(stacks)
        self._joint = np.empty((self._first.width, inputs.shape[1] + 1), dtype=self._dtype)
        self._updates = [_Update(stack) for stack in stacks]
        self._most_rows = len(inputs) if reads_whole_batch(stacks) else _CHUNK_ROWS
        self._n_lanes = blas_threads()
        self._workspaces: dict[tuple[int, int], _Workspace] = {}
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        """Start the lanes; each multiplies with one thread."""
        self._pool = self._exit.enter_context(ThreadPoolExecutor(self._n_lanes))
        if self._most_rows == _CHUNK_ROWS and len(self._inputs) > _CHUNK_ROWS:
            self._exit.enter_context(one_blas_thread())
        self._exit.enter_context(np.errstate(over="ignore", invalid="ignore", divide="ignore"))
        return self

    def __exit__(self, *error: object) -> None:
        """Stop the lanes."""
        self._exit.close()

    def step(self, rows: Rows, steps: Sequence[GroupStep]) -> None:
        """Update all networks from a batch of rows."""
        self._join()
        n_rows = len(self._inputs[rows]) if isinstance(rows, slice) else len(rows)

        def differentiate(workspace: _Workspace, start: int, stop: int) -> None:
            chosen = rows[start:stop] if isinstance(rows, np.ndarray) else slice(start, stop)
            masks = [[_cut(mask, start, stop) for mask in step.masks] for step in steps]
            workspace.load(self._inputs, chosen)
            workspace.differentiate(self._joint, self._targets[:, chosen], masks)

        used = self._run(n_rows, differentiate)
        first, upper = _sum([workspace.take_gradients() for workspace in used])
        gradients = [update.place(part) for update, part in zip(self._updates, upper, strict=True)]
        self._first.spread(first, gradients)
        for update, step in zip(self._updates, steps, strict=True):
            update.take(step, n_rows)

    def score(self, inputs: Array, targets: Array) -> tuple[Array, Array]:
        """Give each network's mean loss and accuracy on some rows, shape ``(networks,)`` each."""
        self._join()
        columns = _columns(targets, self._dtype)
        sums: dict[int, Array] = {}

        def score_chunk(workspace: _Workspace, start: int, stop: int) -> None:
            workspace.load(inputs, slice(start, stop))
            sums[start] = workspace.score(self._joint, columns[:, start:stop])

        self._run(len(inputs), score_chunk)
        loss, accuracy = np.sum([sums[start] for start in sorted(sums)], axis=0) / len(inputs)
        return loss, accuracy

    def parameters(self, group: int) -> Array:
        """Give a copy of a group's flat parameters, shape ``(k, n_parameters)``."""
        flat: Array = self._stacks[group].parameters.copy()
        return flat

    def _join(self) -> None:
        blocks = [stack.layout.blocks(stack.parameters)[0] for stack in self._stacks]
        self._first.join(blocks, self._joint)

    def _run(self, n_rows: int, work: Callable[[_Workspace, int, int], None]) -> list[_Workspace]:
        """Let the lanes work on all chunks; give the workspaces that they used."""
        chunks = cut_rows(n_rows, self._most_rows, self._n_lanes)
        n_lanes = min(self._n_lanes, len(chunks))

        def run_lane(lane: int) -> list[_Workspace]:
            used = {}
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                for start, stop in chunks[lane::n_lanes]:
                    workspace = self._workspace(lane, stop - start)
                    work(workspace, start, stop)
                    used[stop - start] = workspace
            return list(used.values())

        if n_lanes == 1:
            return run_lane(0)
        return [one for used in self._pool.map(run_lane, range(n_lanes)) for one in used]

    def _workspace(self, lane: int, n_rows: int) -> _Workspace:
        """Give a lane's buffers for chunks of that many rows."""
        key = lane, n_rows
        if key not in self._workspaces:
            self._workspaces[key] = _Workspace(self._stacks, self._first, n_rows)
        return self._workspaces[key]


class _Workspace:
    """Buffers of one lane for chunks of one size, and the gradients that it adds up."""

    def __init__(self, stacks: Sequence[Stack], first: FirstLayers, n_rows: int) -> None:
        n_in, dtype = stacks[0].layout.sizes[0], stacks[0].parameters.dtype
        self._inputs = np.ones((n_rows, n_in + 1), dtype=dtype)
        self._z = np.empty((first.width, n_rows), dtype=dtype)
        self._deltas = np.empty((first.width, n_rows), dtype=dtype)
        self._product = np.empty((first.width, n_in + 1), dtype=dtype)
        self._gradient = np.zeros((first.width, n_in + 1), dtype=dtype)
        self._parts = [
            _Part(stack, self._z[part], self._deltas[part], n_rows)
            for stack, part in zip(stacks, first.parts, strict=True)
        ]

    def load(self, inputs: Array, rows: Rows) -> None:
        """Cast the inputs of a chunk."""
        np.copyto(self._inputs[:, :-1], inputs[rows], casting="same_kind")

    def differentiate(self, joint: Array, targets: Array, masks: Sequence[Masks]) -> None:
        """Add the gradients of the loaded rows' summed loss."""
        np.matmul(joint, self._inputs.T, out=self._z)
        for part, own in zip(self._parts, masks, strict=True):
            part.differentiate(targets, own)
        np.matmul(self._deltas, self._inputs, out=self._product)
        self._gradient += self._product

    def score(self, joint: Array, targets: Array) -> Array:
        """Give summed loss and right answers of each network, shape ``(2, networks)``."""
        np.matmul(joint, self._inputs.T, out=self._z)
        return np.concatenate([part.score(targets) for part in self._parts], axis=1)

    def take_gradients(self) -> tuple[Array, list[Array]]:
        """Give copies of what was added up, and begin anew."""
        gradient = self._gradient.copy()
        self._gradient[...] = 0
        return gradient, [part.take_gradient() for part in self._parts]


class _Part:
    """One group in a workspace: everything above the first layers' product."""

    def __init__(self, stack: Stack, z: Array, deltas: Array, n_rows: int) -> None:
        k, dtype, sizes = len(stack.parameters), stack.parameters.dtype, stack.layout.sizes
        dropped = dropped_layers(stack)
        above = Layout(sizes[1:])
        self._pass = Pass(sizes, stack.network.activation, k, n_rows, dtype, dropped)
        self._scored = Pass(sizes, stack.network.activation, k, n_rows, dtype)
        self._flat = np.empty((k, above.n_parameters), dtype=dtype)
        self._gradient = np.zeros_like(self._flat)
        blocks = stack.layout.blocks(stack.parameters)
        self._weights = Weights(blocks, [blocks[0], *above.blocks(self._flat)])
        self._z = z.reshape(self._pass.first_z.shape)
        self._deltas = deltas.reshape(self._z.shape)
        self._logits = np.empty((k, sizes[-1], n_rows), dtype=dtype)
        self._residual = np.empty_like(self._logits)
        self._head, self._loss = stack.network.head, loss_of(stack.network)
        self._gamma = stack.gamma[:, None, None]

    def differentiate(self, targets: Array, masks: Masks) -> None:
        """Add the gradients above the first layer, and leave its deltas in the workspace."""
        np.copyto(self._pass.first_z, self._z)
        self._pass.forward_above(self._weights, self._logits, masks)
        self._loss.residual(self._logits, targets[None], self._gamma, self._residual)
        self._deltas[...] = self._pass.backward_above(self._weights, self._residual, masks)
        self._gradient += self._flat

    def score(self, targets: Array) -> Array:
        """Give summed loss and right answers of each network, shape ``(2, k)``."""
        np.copyto(self._scored.first_z, self._z)
        self._scored.forward_above(self._weights, self._logits)
        terms = self._loss.terms(self._logits, targets[None], self._gamma)
        right = is_right(self._head, self._logits, targets[None])
        return np.stack([terms.sum(axis=(1, 2), dtype=np.float64), right.sum(axis=1)])

    def take_gradient(self) -> Array:
        """Give a copy of what was added up, and begin anew."""
        gradient: Array = self._gradient.copy()
        self._gradient[...] = 0
        return gradient


class _Update:
    """The update rule of one group."""

    def __init__(self, stack: Stack) -> None:
        flat = stack.parameters
        self._optimizer = rule_of(stack.settings)(
            np, stack.settings, flat, np.empty_like(flat), np.empty_like(flat), stack.state
        )
        self._penalties = Penalties(np, **stack.penalties)
        self._first_block: Array = stack.layout.blocks(self._optimizer.gradients)[0]
        self._n_first = self._first_block[0].size

    def place(self, upper: Array) -> Array:
        """Take the gradients above the first layer, and give the block for those of the first."""
        self._optimizer.gradients[:, self._n_first :] = upper
        return self._first_block

    def take(self, step: GroupStep, n_rows: int) -> None:
        """Add the penalties, divide by the rows, and let the optimiser step."""
        optimizer = self._optimizer
        p, g, scratch = optimizer.parameters, optimizer.gradients, optimizer.scratch
        self._penalties.add_gradients(p, g, scratch)
        np.multiply(g, g.dtype.type(1 / n_rows), out=g)
        self._penalties.shrink(p, scratch, step.learning_rates)
        optimizer.step(step.step_sizes)


def _columns(targets: Array, dtype: np.dtype[np.generic]) -> Array:
    return np.ascontiguousarray(targets.T, dtype=dtype)


def _cut(mask: Array | None, start: int, stop: int) -> Array | None:
    return None if mask is None else mask[..., start:stop]


def _sum(gradients: Sequence[tuple[Array, list[Array]]]) -> tuple[Array, list[Array]]:
    """Add up the lanes' gradients in place of the first's."""
    (first, upper), *others = gradients
    for other_first, other_upper in others:
        first += other_first
        for own, other in zip(upper, other_upper, strict=True):
            np.add(own, other, out=own)
    return first, upper
