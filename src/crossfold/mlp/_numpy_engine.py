"""The NumPy engine: forward and hand-derived backward pass over the member axis.

Buffers are made once. Predictions are NumPy's, whichever engine trained the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cache, cached_property
from typing import Any

import numpy as np
from scipy.sparse import issparse
from threadpoolctl import ThreadpoolController

from crossfold.mlp._batches import Block
from crossfold.mlp._engine import Engine, Layout, SharedEngine, Stack, runs_of, sum_losses
from crossfold.mlp._functions import KEEP_ONES, aligned, apply_link, bind, compiled, loss_of
from crossfold.mlp._spec import Activation, Array, Network, to_dense
from crossfold.mlp._update import Factors, Update

Masks = Sequence[Array | None]


class Weights:
    """Views of the blocks ``[W; b]`` of `k` networks, shape ``(k, n_in + 1, n_out)``.

    Gradients go to blocks of the same shapes; there are none where there is no backward pass.
    """

    def __init__(self, blocks: list[Array], gradients: Sequence[Array] = ()) -> None:
        self.transposed = [block.transpose(0, 2, 1) for block in blocks]
        self.coefs = [block[:, :-1] for block in blocks]
        self.gradients = gradients


class Pass:
    """Forward and backward of `k` networks over a batch, in buffers that are made once.

    Activations have shape ``(k, units + 1, rows)``; their last unit is always one, so that the
    product with a block ``[W; b]`` adds the bias; `z` are views without it.
    """

    def __init__(
        self,
        sizes: tuple[int, ...],
        activations: Sequence[str | Activation],
        k: int,
        n_rows: int,
        dtype: np.dtype[np.generic],
        *,
        compiles: bool = False,
    ) -> None:
        self._activated = [aligned((k, size + 1, n_rows), dtype, 1) for size in sizes[1:-1]]
        self._dropped: dict[int, Array] = {}  # what masks have left of layers that have any
        self.z = [a[:, :-1] for a in self._activated]
        self._parts = [slice(None if own in KEEP_ONES else -1) for own in activations]
        self._hidden = [
            bind(own, a[:, part], compiles=compiles)
            for own, a, part in zip(activations, self._activated, self._parts, strict=True)
        ]
        # With one output, W δ is an outer product, which broadcasting does faster.
        self._spread = np.multiply if sizes[-1] == 1 else np.matmul

    @cached_property
    def _deltas(self) -> list[tuple[Array, Array]]:
        """Where each layer's ``δ`` goes, and the part that its activation works on."""
        memory = [aligned(a.shape, a.dtype) for a in self._activated]
        return [(d[:, :-1], d[:, part]) for d, part in zip(memory, self._parts, strict=True)]

    def forward(
        self, weights: Weights, inputs: Array, logits: Array, masks: Masks | None = None
    ) -> None:
        """Compute logits ``(k, n_out, rows)`` from inputs with ones, ``(k, n_in + 1, rows)``.

        ``z = [W; b]ᵀ [a; 1]`` and ``a = f(z) * mask``, layer by layer.
        """
        first = self.z[0] if self.z else logits
        np.matmul(weights.transposed[0], inputs, out=first)
        self.forward_above(weights, logits, masks)

    def forward_above(self, weights: Weights, logits: Array, masks: Masks | None = None) -> None:
        """Compute logits from the first layer's ``z``, which is in the first of `z`."""
        for layer, hidden in enumerate(self._hidden):
            hidden.forward()
            passed = self._activated[layer]
            if masks is not None and (mask := masks[layer]) is not None:
                if layer not in self._dropped:
                    self._dropped[layer] = aligned(passed.shape, passed.dtype, 1)
                passed = self._dropped[layer]
                np.multiply(self.z[layer], mask, out=passed[:, :-1])
            above = self.z[layer + 1] if layer + 1 < len(self.z) else logits
            np.matmul(weights.transposed[layer + 1], passed, out=above)

    def backward(
        self, weights: Weights, inputs: Array, residual: Array, masks: Masks | None = None
    ) -> None:
        """Compute the gradients from ``δ = dL/dz`` of the output layer.

        ``dL/d[W; b] = [a; 1] δᵀ`` and, for the layer below, ``δ = (W δ) * mask * f'(z)``.
        """
        delta = self.backward_above(weights, residual, masks)
        np.matmul(inputs, delta.transpose(0, 2, 1), out=weights.gradients[0])

    def backward_above(
        self, weights: Weights, residual: Array, masks: Masks | None = None
    ) -> Array:
        """Compute the gradients of all layers but the first, and give the first layer's ``δ``."""
        delta, product = residual, self._spread
        for layer in range(len(self._hidden) - 1, -1, -1):
            mask = None if masks is None else masks[layer]
            passed = self._activated[layer] if mask is None else self._dropped[layer]
            np.matmul(passed, delta.transpose(0, 2, 1), out=weights.gradients[layer + 1])
            below, part = self._deltas[layer]
            product(weights.coefs[layer + 1], delta, out=below)
            delta, product = below, np.matmul
            if mask is not None:
                np.multiply(delta, mask, out=delta)
            self._hidden[layer].backward(part)
        return delta


_CHUNK_BYTES = 1 << 22


def predict(
    network: Network, coefs: Sequence[Array], intercepts: Sequence[Array], inputs: Array
) -> Array:
    """Give a network's probabilities or values ``(n, n_out)`` in the weights' dtype, by chunks.

    Weights and biases say how wide the network is; inputs ``(n, n_in)`` are dense or CSR.
    """
    blocks = [np.vstack(layer)[None] for layer in zip(coefs, intercepts, strict=True)]
    dtype, widest = blocks[0].dtype, max(max(block.shape[1:]) for block in blocks)
    n_rows = inputs.shape[0]
    chunk = int(np.clip(_CHUNK_BYTES // (widest * dtype.itemsize), 1, max(n_rows, 1)))
    outputs = np.empty((n_rows, blocks[-1].shape[2]), dtype=dtype)
    rows = np.ones((chunk, inputs.shape[1] + 1), dtype=dtype)
    sizes = (inputs.shape[1], *(block.shape[2] for block in blocks))
    network_pass, weights = Pass(sizes, network.activations, 1, chunk, dtype), Weights(blocks)
    logits = np.empty((1, sizes[-1], chunk), dtype=dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, n_rows, chunk):
            part = to_dense(inputs[start : start + chunk])
            rows[: len(part), :-1] = part
            if network.input_scale != 1:
                rows[: len(part), :-1] *= network.input_scale
            network_pass.forward(weights, rows.T, logits)
            apply_link(network, logits)
            outputs[start : start + len(part)] = logits[0].T[: len(part)]
    return outputs


def layer_outputs(
    network: Network, coefs: Sequence[Array], intercepts: Sequence[Array], inputs: Array
) -> list[tuple[Array, Array]]:
    """Give ``z`` and ``a`` of every layer of one network, ``(n, units)`` each; see `predict`."""
    a, found = inputs.T.astype(coefs[0].dtype) * network.input_scale, []
    functions = (*network.activations, network.link)
    with np.errstate(over="ignore", invalid="ignore"):
        for function, weights, biases in zip(functions, coefs, intercepts, strict=True):
            z = weights.T @ a + biases[:, None]
            a = z[None].copy()
            bind(function, a).forward()
            a = a[0]
            found.append((z.T, a.T))
    return found


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


def blas_threads() -> int:
    """Give the number of threads that matrix products may use now, as the user has set it."""
    return max((library["num_threads"] for library in _controller().info()), default=1)


def one_blas_thread() -> AbstractContextManager[None]:
    """Let matrix products use one thread for a while."""
    limit: AbstractContextManager[None] = _controller().limit(limits=1)
    return limit


_SCORED_BYTES = 1 << 21


class NumpyEngine(Engine):
    """Trains a stack with NumPy, its parameters and state in place. See `Engine`."""

    one_thread_each = staticmethod(one_blas_thread)
    n_buffers = 2  # The values, and the derivatives by them or the mask of those.

    def __init__(self, stack: Stack) -> None:
        self.n_workers = blas_threads()
        dtype = stack.parameters.dtype
        given = {id(one.inputs): one.inputs for one in stack.data_sets}
        inputs = {k: x if issparse(x) else np.ascontiguousarray(x) for k, x in given.items()}
        data_sets = [
            replace(
                data_set,
                inputs=inputs[id(data_set.inputs)],
                targets=np.ascontiguousarray(data_set.targets, dtype=dtype),
            )
            for data_set in stack.data_sets
        ]
        self._begin(replace(stack, data_sets=data_sets))

    def _begin(self, stack: Stack) -> None:
        self._stack, self._flat, self._state = stack, stack.parameters, stack.state
        self._groups: dict[tuple[int, int, int], _Group] = {}
        self._workspaces: dict[tuple[int, int, int], _Workspace] = {}

    def run(self, block: Block) -> Array:
        # Groups of the same size take turns in buffers.
        shape = block.worker, len(block.rows), block.rows.shape[-1]
        workspace = self._workspaces.get(shape)
        if workspace is None or workspace.n_steps < block.n_steps:
            workspace = self._workspaces[shape] = _Workspace(self._stack, block)
        key = block.worker, block.members.start, block.members.stop
        if key not in self._groups or self._groups[key].workspace is not workspace:
            self._groups[key] = _Group(self._stack, block.members, workspace)
        group, rows, s = self._groups[key], block.rows.reshape(len(block.rows), -1), block.n_steps
        group.gather.inputs(rows, workspace.inputs[:, :s, :, :-1])
        group.gather.targets(rows, workspace.targets[:, :s])
        logits, targets = workspace.logits[:, :s], workspace.targets[:, :s].swapaxes(-1, -2)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            group.take_steps(block)
            return sum_losses(self._stack, block, logits, targets, workspace.twice_penalty[:, :s])

    def gradients(self, members: slice) -> Array:
        return self._groups[0, members.start, members.stop].workspace.gradients.copy()

    def _logits(self, rows: Array, members: slice) -> Array:
        k, n_rows = rows.shape
        sizes, dtype = self._stack.network.layer_sizes, self._stack.parameters.dtype
        size = min(max(64, _SCORED_BYTES // (k * max(sizes) * dtype.itemsize)), n_rows)
        inputs = np.ones((k, size, sizes[0] + 1), dtype=dtype)
        buffer = np.empty((k, sizes[-1], size), dtype=dtype)
        logits = np.empty((k, sizes[-1], n_rows), dtype=dtype)
        gather = Gather(self._stack, members)
        network_pass = Pass(sizes, self._stack.network.activations, k, size, dtype)
        weights = Weights(self._stack.layout.blocks(self._stack.parameters[members]))
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, n_rows, size):
                chunk = rows[:, start : start + size]
                gather.inputs(chunk, inputs[:, None, : chunk.shape[1], :-1])
                network_pass.forward(weights, inputs.transpose(0, 2, 1), buffer)
                logits[..., start : start + size] = buffer[..., : chunk.shape[1]]
        return logits


class _Workspace:
    """Buffers for the blocks of `k` members, and views of them for every step."""

    def __init__(self, stack: Stack, block: Block) -> None:
        k, steps, rows = block.rows.shape
        sizes, dtype = stack.network.layer_sizes, stack.parameters.dtype
        self.n_steps = steps
        self.inputs = np.ones((k, steps, rows, sizes[0] + 1), dtype=dtype)
        self.targets = np.empty((k, steps, rows, sizes[-1]), dtype=dtype)
        self.logits = np.empty((k, steps, sizes[-1], rows), dtype=dtype)
        self.residual = aligned((k, sizes[-1], rows), dtype)
        self.twice_penalty = np.empty((k, steps), dtype=dtype)
        self.gradients = aligned((k, stack.layout.n_parameters), dtype)
        self.steps = [
            (
                self.inputs[:, s].transpose(0, 2, 1),
                self.logits[:, s],
                self.targets[:, s].transpose(0, 2, 1),
            )
            for s in range(steps)
        ]
        self.network_pass = Pass(sizes, stack.network.activations, k, rows, dtype, compiles=True)


class _Group:
    """Some neighbouring members: their parameters and constants, and how they take a step."""

    def __init__(self, stack: Stack, members: slice, workspace: _Workspace) -> None:
        parameters = stack.parameters[members]
        self.workspace = workspace
        self.gather = Gather(stack, members)
        self._update = Update(
            np,
            stack.settings,
            parameters,
            workspace.gradients,
            {name: array[members] for name, array in stack.state.items()},
            Factors(np, **stack.factors).of(members),
            layout=stack.layout,
            shared=stack.shared(members),
        )
        self._weights = Weights(
            stack.layout.blocks(parameters), stack.layout.blocks(workspace.gradients)
        )
        self._loss = loss_of(stack.network)
        self._gamma = stack.gamma[members, None, None]
        labels = stack.label_weights
        self._labels = None if labels is None else labels[members, :, None]

    def take_steps(self, block: Block) -> None:
        """Take the steps of a block whose rows have been loaded."""
        per_member = (block.scale, block.step_sizes, block.learning_rates)
        columns = zip(*(array.T[..., None] for array in per_member), strict=True)
        for s, (scale, size, rate) in enumerate(columns):
            self._differentiate(s, block)
            self.workspace.twice_penalty[:, s] = self._update.take(scale, size, rate)

    def _differentiate(self, s: int, block: Block) -> None:
        """Leave ``Σ_i w_i dL_i/dp`` of step `s` in the gradients."""
        workspace = self.workspace
        weights = None if block.weights is None else block.weights[:, s, None]
        dropped, *masks = (None if mask is None else mask[:, s] for mask in block.masks)
        inputs, logits, targets = workspace.steps[s]
        if dropped is not None:
            np.multiply(inputs[:, :-1], dropped, out=inputs[:, :-1])
        residual = workspace.residual
        workspace.network_pass.forward(self._weights, inputs, logits, masks)
        self._loss.residual(logits, targets, self._gamma, residual)
        if self._labels is not None:
            np.multiply(residual, self._labels, out=residual)
        if weights is not None:
            np.multiply(residual, weights, out=residual)
        workspace.network_pass.backward(self._weights, inputs, residual, masks)


class Gather:
    """Takes rows out of the data sets of some members; one call serves those that share one."""

    def __init__(self, stack: Stack, members: slice) -> None:
        self._scale = stack.network.input_scale
        self._runs = [(run, stack.data_sets[d]) for run, d in runs_of(stack.data[members])]
        self._take = compiled(take)

    def inputs(self, rows: Array, out: Array) -> None:
        """Cast inputs of the rows ``(k, r)`` into `out`, ``(k, steps, r / steps, n_in)``."""
        self._cast([data_set.inputs for _, data_set in self._runs], rows, out)
        if self._scale != 1:
            np.multiply(out, self._scale, out=out)

    def targets(self, rows: Array, out: Array) -> None:
        """Do the same with targets, ``(k, steps, r / steps, n_out)``."""
        self._cast([data_set.targets for _, data_set in self._runs], rows, out)

    def _cast(self, sources: list[Any], rows: Array, out: Array) -> None:
        for (members, _), source in zip(self._runs, sources, strict=True):
            part = out[members]
            if self._take is not None and not issparse(source) and source.dtype.char in _TAKEN:
                self._take(source, rows[members], part)
            else:
                taken = to_dense(source[rows[members].ravel()])
                np.copyto(part, taken.reshape(part.shape), casting="same_kind")


_TAKEN = "?bBhHiIlLqQfd"
"""Types of numbers that `take` is compiled for."""


def take(source: Array, rows: Array, out: Array) -> None:
    """Cast rows of ``(n, columns)`` into ``(k, steps, r, columns)``; numbers ``(k, steps · r)``."""
    _, n_steps, n_rows, n_columns = out.shape
    for member in range(out.shape[0]):
        for step in range(n_steps):
            for place in range(n_rows):
                row = rows[member, step * n_rows + place]
                for column in range(n_columns):
                    out[member, step, place, column] = source[row, column]


class SharedNumpyEngine(SharedEngine):
    """Trains networks on the same rows with NumPy."""

    xp = np
    one_thread_each = staticmethod(one_blas_thread)

    def __init__(self, stacks: Sequence[Stack]) -> None:
        self.part, self.n_workers = _Part, blas_threads()
        self.n_threads = self.n_workers
        [data_set], self._dtype = stacks[0].data_sets, stacks[0].parameters.dtype
        self.inputs = np.ascontiguousarray(data_set.inputs)
        self.targets = np.ascontiguousarray(data_set.targets.T, dtype=self._dtype)
        super().__init__(stacks)

    def make(self, *shape: int) -> Array:
        return aligned(shape, self._dtype)


class _Part:
    """A `Part` with buffers that are made once."""

    def __init__(
        self, stack: Stack, flat: Array, gradients: Array, z: Array, deltas: Array
    ) -> None:
        k, n_rows, sizes = len(flat), z.shape[1], stack.layout.sizes
        activations, above = stack.network.activations, Layout(sizes[1:])
        self._pass = Pass(sizes, activations, k, n_rows, flat.dtype, compiles=True)
        # `Pass` counts layers from the first, whose place here is taken by the shared product.
        nothing = np.empty((k, 1, 1), dtype=flat.dtype)
        blocks, slopes = ([nothing, *above.blocks(own)] for own in (flat, gradients))
        self._weights = Weights(blocks, slopes)
        self._z = z.reshape(self._pass.z[0].shape)
        self._deltas = deltas.reshape(self._z.shape)
        self._logits = np.empty((k, sizes[-1], n_rows), dtype=flat.dtype)
        self._residual = np.empty_like(self._logits)
        self._loss = loss_of(stack.network)
        self._gamma = stack.gamma[:, None, None]

    def differentiate(self, targets: Array, masks: Masks) -> None:
        self._loss.residual(self.logits(masks), targets[None], self._gamma, self._residual)
        self._deltas[...] = self._pass.backward_above(self._weights, self._residual, masks)

    def logits(self, masks: Masks | None = None) -> Array:
        np.copyto(self._pass.z[0], self._z)
        self._pass.forward_above(self._weights, self._logits, masks)
        return self._logits
