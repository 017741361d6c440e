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
from crossfold.mlp._losses import loss_of
from crossfold.mlp._numpy_engine import blas_threads, one_blas_thread
from crossfold.mlp._pass import Masks, Pass, Weights
from crossfold.mlp._scoring import count_confusion
from crossfold.mlp._shared import (
    FirstLayers,
    GroupStep,
    Rows,
    cut_rows,
    dropped_layers,
    layers_above,
    layout_above,
    make_update,
    most_rows,
    reads_whole_batch,
)
from crossfold.mlp._spec import Array
from crossfold.mlp._update import Update

_WORTH_A_LANE = 1 << 24
"""Multiplications in the first layers' product that take longer than it does to wake a lane."""


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
        self._first_update = make_update(np, self._first.trainable, stacks[0].settings)
        self._updates = [make_update(np, layers_above(stack), stack.settings) for stack in stacks]
        self._least_rows = -(-_WORTH_A_LANE // self._first.trainable.parameters.size)
        self._most_rows = most_rows(self._dtype.itemsize)
        if reads_whole_batch(stacks):
            self._least_rows = self._most_rows = len(inputs)
        self._n_lanes = blas_threads()
        self._workspaces: dict[tuple[int, int], _Workspace] = {}
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        """Start the lanes; each multiplies with one thread."""
        self._pool = self._exit.enter_context(ThreadPoolExecutor(self._n_lanes))
        if len(self._inputs) >= 2 * self._least_rows:
            self._exit.enter_context(one_blas_thread())
        self._exit.enter_context(np.errstate(over="ignore", invalid="ignore", divide="ignore"))
        return self

    def __exit__(self, *error: object) -> None:
        """Stop the lanes."""
        self._exit.close()

    def step(self, rows: Rows, steps: Sequence[GroupStep]) -> None:
        """Update all networks from a batch of rows."""
        n_rows = len(self._inputs[rows]) if isinstance(rows, slice) else len(rows)

        def differentiate(workspace: _Workspace, start: int, stop: int) -> None:
            chosen = rows[start:stop] if isinstance(rows, np.ndarray) else slice(start, stop)
            masks = [[_cut(mask, start, stop) for mask in step.masks] for step in steps]
            workspace.load(self._inputs, chosen)
            workspace.differentiate(self._targets[:, chosen], masks)

        for number, workspace in enumerate(self._run(n_rows, differentiate)):
            updates = [self._first_update, *self._updates]
            workspace.give_gradients(updates, is_first=number == 0)
        for update, step in zip(self._updates, steps, strict=True):
            update.take(1 / n_rows, step.step_sizes, step.learning_rates)
        self._first_update.take(
            1 / n_rows,
            self._first.spread([step.step_sizes for step in steps]),
            self._first.spread([step.learning_rates for step in steps]),
        )

    def score(self, inputs: Array, targets: Array) -> tuple[Array, Array]:
        """Give each network's mean loss on some rows, and its confusion matrix."""
        columns = _columns(targets, self._dtype)
        scored: dict[int, tuple[Array, Array]] = {}

        def score_chunk(workspace: _Workspace, start: int, stop: int) -> None:
            workspace.load(inputs, slice(start, stop))
            scored[start] = workspace.score(columns[:, start:stop])

        self._run(len(inputs), score_chunk)
        losses, counts = zip(*(scored[start] for start in sorted(scored)), strict=True)
        return np.sum(losses, axis=0) / len(inputs), np.sum(counts, axis=0)

    def parameters(self, group: int) -> Array:
        """Give a copy of a group's flat parameters, shape ``(k, n_parameters)``."""
        first = self._first.block_of(group, self._first_update.parameters)
        return np.concatenate([first, self._updates[group].parameters], axis=1)

    def _run(self, n_rows: int, work: Callable[[_Workspace, int, int], None]) -> list[_Workspace]:
        """Let the lanes work on all chunks; give the workspaces that they used."""
        chunks = cut_rows(n_rows, self._least_rows, self._most_rows, self._n_lanes)
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
            above = [update.parameters for update in self._updates]
            self._workspaces[key] = _Workspace(self._stacks, self._first, above, n_rows)
        return self._workspaces[key]


class _Workspace:
    """Buffers of one lane for chunks of one size, and the gradients that it adds up."""

    def __init__(
        self, stacks: Sequence[Stack], first: FirstLayers, above: Sequence[Array], n_rows: int
    ) -> None:
        self._first = first.trainable.parameters
        width, n_in = self._first.shape
        dtype = self._first.dtype
        self._scale = stacks[0].network.input_scale
        self._inputs = np.ones((n_rows, n_in), dtype=dtype)
        self._z = np.empty((width, n_rows), dtype=dtype)
        self._deltas = np.empty((width, n_rows), dtype=dtype)
        self._sums = [_Sum(self._first)]
        self._parts = []
        for stack, part, flat in zip(stacks, first.parts, above, strict=True):
            self._sums.append(_Sum(flat))
            self._parts.append(
                _Part(stack, flat, self._sums[-1], self._z[part], self._deltas[part])
            )

    def load(self, inputs: Array, rows: Rows) -> None:
        """Cast the inputs of a chunk, and scale them."""
        taken = self._inputs[:, :-1]
        np.copyto(taken, inputs[rows], casting="same_kind")
        if self._scale != 1:
            np.multiply(taken, self._scale, out=taken)

    def differentiate(self, targets: Array, masks: Sequence[Masks]) -> None:
        """Add the gradients of the loaded rows' summed loss."""
        for one in self._sums:
            one.make_room()
        np.matmul(self._first, self._inputs.T, out=self._z)
        for part, own in zip(self._parts, masks, strict=True):
            part.differentiate(targets, own)
        np.matmul(self._deltas, self._inputs, out=self._sums[0].product)

    def score(self, targets: Array) -> tuple[Array, Array]:
        """Give each network's summed loss and its confusion matrix."""
        np.matmul(self._first, self._inputs.T, out=self._z)
        scored = [part.score(targets) for part in self._parts]
        losses, counts = zip(*scored, strict=True)
        return np.concatenate(losses), np.concatenate(counts)

    def give_gradients(self, updates: Sequence[Update], *, is_first: bool) -> None:
        """Write what was added up here to the updates' gradients, or add it to them."""
        for update, one in zip(updates, self._sums, strict=True):
            one.give(update.gradients, is_first=is_first)


class _Sum:
    """Gradients of a chunk, and their sum over the chunks before it in the same step."""

    def __init__(self, parameters: Array) -> None:
        self.product = np.empty_like(parameters)
        self._before = np.empty_like(parameters)
        self._n_chunks = 0

    def make_room(self) -> None:
        """Put the last chunk's gradients aside; the next ones are written over them."""
        if self._n_chunks == 1:
            np.copyto(self._before, self.product)
        elif self._n_chunks > 1:
            np.add(self._before, self.product, out=self._before)
        self._n_chunks += 1

    def give(self, gradients: Array, *, is_first: bool) -> None:
        """Write the sum to `gradients`, or add it to what others gave before; begin anew."""
        if self._n_chunks > 1:
            np.add(self.product, self._before, out=self.product)
        if is_first:
            np.copyto(gradients, self.product)
        else:
            np.add(gradients, self.product, out=gradients)
        self._n_chunks = 0


class _Part:
    """One group in a workspace: everything above the first layers' product."""

    def __init__(self, stack: Stack, flat: Array, total: _Sum, z: Array, deltas: Array) -> None:
        k, n_rows, sizes = len(flat), z.shape[1], stack.layout.sizes
        activations, above = stack.network.activations, layout_above(stack)
        self._pass = Pass(sizes, activations, k, n_rows, flat.dtype, dropped_layers(stack))
        self._scored = Pass(sizes, activations, k, n_rows, flat.dtype)
        # `Pass` counts layers from the first, whose place here is taken by the shared product.
        nothing = np.empty((k, 1, 1), dtype=flat.dtype)
        self._weights = Weights(
            [nothing, *above.blocks(flat)], [nothing, *above.blocks(total.product)]
        )
        self._z = z.reshape(self._pass.first_z.shape)
        self._deltas = deltas.reshape(self._z.shape)
        self._logits = np.empty((k, sizes[-1], n_rows), dtype=flat.dtype)
        self._residual = np.empty_like(self._logits)
        self._network, self._loss = stack.network, loss_of(stack.network)
        self._gamma = stack.gamma[:, None, None]

    def differentiate(self, targets: Array, masks: Masks) -> None:
        """Work out the gradients above the first layer, and leave its deltas in the workspace."""
        np.copyto(self._pass.first_z, self._z)
        self._pass.forward_above(self._weights, self._logits, masks)
        self._loss.residual(self._logits, targets[None], self._gamma, self._residual)
        self._deltas[...] = self._pass.backward_above(self._weights, self._residual, masks)

    def score(self, targets: Array) -> tuple[Array, Array]:
        """Give each network's summed loss ``(k,)`` and its confusion matrix."""
        np.copyto(self._scored.first_z, self._z)
        self._scored.forward_above(self._weights, self._logits)
        terms = self._loss.terms(self._logits, targets[None], self._gamma)
        return terms.sum(axis=(1, 2), dtype=np.float64), count_confusion(
            self._network, self._logits, targets
        )


def _columns(targets: Array, dtype: np.dtype[np.generic]) -> Array:
    return np.ascontiguousarray(targets.T, dtype=dtype)


def _cut(mask: Array | None, start: int, stop: int) -> Array | None:
    return None if mask is None else mask[..., start:stop]
