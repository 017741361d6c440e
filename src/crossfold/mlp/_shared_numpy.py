"""Networks of all shapes on the same rows, in NumPy: a batch is cut into chunks of rows.

A chunk is small enough for everything that is made of it to stay in the cache, from the product of
all first layers to their gradients. Workers (threads) take chunks side by side and add up gradients
of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from crossfold.mlp._batches import Block
from crossfold.mlp._engine import Measure, Stack
from crossfold.mlp._losses import loss_of
from crossfold.mlp._numpy_engine import blas_threads, one_blas_thread
from crossfold.mlp._pass import Masks, Pass, Weights
from crossfold.mlp._shared import (
    SharedEngine,
    chunk_of,
    cut_rows,
    dropped_layers,
    layout_above,
    most_rows,
    reads_whole_batch,
)
from crossfold.mlp._spec import Array
from crossfold.mlp._update import Update

_WORTH_A_WORKER = 1 << 24
"""Multiplications in the first layers' product that take longer than it does to wake a worker."""


class SharedNumpyEngine(SharedEngine):
    """See `SharedEngine`."""

    def __init__(self, stacks: Sequence[Stack]) -> None:
        super().__init__(np, stacks, lambda array: array)
        [data_set], dtype = stacks[0].data_sets, stacks[0].parameters.dtype
        self._inputs = np.ascontiguousarray(data_set.inputs)
        self._targets = np.ascontiguousarray(data_set.targets.T, dtype=dtype)
        self._least_rows = -(-_WORTH_A_WORKER // self._first.parameters.size)
        self._most_rows = most_rows(dtype.itemsize)
        if reads_whole_batch(stacks):
            self._least_rows = self._most_rows = len(self._inputs)
        self.n_workers = blas_threads()
        self._workspaces: dict[tuple[int, int], _Workspace] = {}

    def one_thread_each(self) -> AbstractContextManager[None]:
        """See `Engine`."""
        return one_blas_thread()

    def run(self, block: Block) -> Array:
        """See `SharedEngine`."""
        rows = block.rows[0, 0]

        def differentiate(workspace: _Workspace, start: int, stop: int) -> None:
            chosen = chunk_of(rows, start, stop)
            masks = [[_cut(mask, start, stop) for mask in own] for own in block.masks]
            workspace.load(self._inputs, chosen)
            workspace.differentiate(self._targets[:, chosen], masks)

        for number, workspace in enumerate(self._run(len(rows), differentiate)):
            workspace.give_gradients([self._first, *self._above], is_first=number == 0)
        with np.errstate(over="ignore", invalid="ignore"):
            self._update(block)
        return np.full(len(self._places), np.nan)

    def logits(self, rows: Array, measure: Measure) -> list[Any]:
        """See `Engine`."""
        measured: dict[int, Any] = {}

        def look(workspace: _Workspace, start: int, stop: int) -> None:
            workspace.load(self._inputs, chunk_of(rows[0], start, stop))
            measured[start] = measure(workspace.logits(), slice(start, stop))

        self._run(rows.shape[1], look)
        return [measured[start] for start in sorted(measured)]

    def _run(self, n_rows: int, work: Callable[[_Workspace, int, int], None]) -> list[_Workspace]:
        """Let the workers work on all chunks; give the workspaces that they used."""
        chunks = cut_rows(n_rows, self._least_rows, self._most_rows, self.n_workers)
        n_workers = min(self.n_workers, len(chunks))

        def run_worker(worker: int) -> list[_Workspace]:
            used = {}
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                for start, stop in chunks[worker::n_workers]:
                    workspace = self._workspace(worker, stop - start)
                    work(workspace, start, stop)
                    used[stop - start] = workspace
            return list(used.values())

        if n_workers == 1:
            return run_worker(0)
        with one_blas_thread(), ThreadPoolExecutor(n_workers) as pool:
            return [one for used in pool.map(run_worker, range(n_workers)) for one in used]

    def _workspace(self, worker: int, n_rows: int) -> _Workspace:
        """Give a worker's buffers for chunks of that many rows."""
        key = worker, n_rows
        if key not in self._workspaces:
            above = [update.parameters for update in self._above]
            first = self._first.parameters
            self._workspaces[key] = _Workspace(self._stacks, first, self._parts, above, n_rows)
        return self._workspaces[key]


class _Workspace:
    """Buffers of one worker for chunks of one size, and the gradients that it adds up."""

    def __init__(
        self,
        stacks: Sequence[Stack],
        first: Array,
        parts: Sequence[slice],
        above: Sequence[Array],
        n_rows: int,
    ) -> None:
        self._first = first
        width, n_in = self._first.shape
        dtype = self._first.dtype
        self._scale = stacks[0].network.input_scale
        self._inputs = np.ones((n_rows, n_in), dtype=dtype)
        self._z = np.empty((width, n_rows), dtype=dtype)
        self._deltas = np.empty((width, n_rows), dtype=dtype)
        self._sums = [_Sum(self._first)]
        self._parts = []
        for stack, part, flat in zip(stacks, parts, above, strict=True):
            self._sums.append(_Sum(flat))
            self._parts.append(
                _Part(stack, flat, self._sums[-1], self._z[part], self._deltas[part])
            )

    def load(self, inputs: Array, rows: slice | Array) -> None:
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

    def logits(self) -> Array:
        """Give the logits of all networks ``(k, n_out, r)`` of the loaded rows."""
        np.matmul(self._first, self._inputs.T, out=self._z)
        return np.concatenate([part.logits() for part in self._parts])

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
        self._loss = loss_of(stack.network)
        self._gamma = stack.gamma[:, None, None]

    def differentiate(self, targets: Array, masks: Masks) -> None:
        """Work out the gradients above the first layer, and leave its deltas in the workspace."""
        np.copyto(self._pass.first_z, self._z)
        self._pass.forward_above(self._weights, self._logits, masks)
        self._loss.residual(self._logits, targets[None], self._gamma, self._residual)
        self._deltas[...] = self._pass.backward_above(self._weights, self._residual, masks)

    def logits(self) -> Array:
        """Give the logits ``(k, n_out, r)``, with nothing dropped."""
        np.copyto(self._scored.first_z, self._z)
        self._scored.forward_above(self._weights, self._logits)
        return self._logits


def _cut(mask: Array | None, start: int, stop: int) -> Array | None:
    return None if mask is None else mask[..., start:stop]
