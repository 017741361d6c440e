"""The NumPy engine: a stack of networks trained in buffers that are made once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from crossfold.mlp._batches import Block
from crossfold.mlp._engine import Stack, keep_members, runs_of
from crossfold.mlp._losses import loss_of
from crossfold.mlp._optimizers import Optimizer, rule_of
from crossfold.mlp._pass import Pass
from crossfold.mlp._penalties import Penalties
from crossfold.mlp._spec import Array

_SCORED_BYTES = 1 << 22


class NumpyEngine:
    """Trains a stack with NumPy. See `Engine`.

    Parameters
    ----------
    stack
        What to begin with. Its parameters and state are trained in place; inputs that are not
        stored row by row are copied once.
    """

    draws_masks = False

    def __init__(self, stack: Stack) -> None:
        data_sets = [
            replace(d, inputs=np.ascontiguousarray(d.inputs), targets=_contiguous(d.targets, stack))
            for d in stack.data_sets
        ]
        self._begin(replace(stack, data_sets=data_sets))

    def _begin(self, stack: Stack) -> None:
        self._stack = stack
        self._penalties = Penalties(np, **stack.penalties)
        self._gradients = np.empty_like(stack.parameters)
        self._optimizer: Optimizer = rule_of(stack.settings)(
            np,
            stack.settings,
            stack.parameters,
            self._gradients,
            np.empty_like(stack.parameters),
            stack.state,
        )
        self._workspaces: dict[int, Workspace] = {}
        self._inference: _Inference | None = None

    def run(self, block: Block) -> Array:
        """Take the steps of a block; give each member's sum of batch loss times rows, ``(k,)``."""
        k = block.n_members
        if k not in self._workspaces or self._workspaces[k].n_steps < block.n_steps:
            self._workspaces[k] = Workspace(self._stack, self._optimizer, self._penalties, block)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return self._workspaces[k].run(block)

    def logits(self, rows: Array) -> Array:
        """Give logits ``(k, n_out, r)`` of the rows ``(k, r)`` of each member's data set."""
        if self._inference is None:
            self._inference = _Inference(self._stack)
        with np.errstate(over="ignore", invalid="ignore"):
            return self._inference.logits(rows)

    def parameters(self, place: int) -> Array:
        """Give a copy of one member's flat parameters."""
        flat: Array = self._stack.parameters[place].copy()
        return flat

    def state(self, place: int) -> dict[str, Array]:
        """Give copies of one member's optimiser arrays."""
        return {name: array[place].copy() for name, array in self._stack.state.items()}

    def keep(self, places: Array) -> None:
        """Let all members leave but those at these places."""
        self._begin(keep_members(self._stack, places))


class Workspace:
    """The buffers of blocks of the first `k` members, and views of them for every step."""

    def __init__(
        self, stack: Stack, optimizer: Optimizer, penalties: Penalties, block: Block
    ) -> None:
        k, steps, rows = block.rows.shape
        dtype = stack.parameters.dtype
        n_in, n_out = stack.network.layer_sizes[0], stack.network.layer_sizes[-1]
        self.n_steps = steps
        self._optimizer = optimizer.first(k)
        self._penalties = penalties.first(k)
        self._used = None if stack.used is None else stack.used[:k]
        self._loss = loss_of(stack.network)
        self._gamma = stack.gamma[:k, None, None]
        self._labels = None if stack.label_weights is None else stack.label_weights[:k, :, None]
        self._gather = Gather(stack, k, steps * rows)
        self._inputs = np.ones((k, steps, rows, n_in + 1), dtype=dtype)
        self._targets = np.empty((k, steps, rows, n_out), dtype=dtype)
        self._logits = np.empty((k, steps, n_out, rows), dtype=dtype)
        self._residual = np.empty((k, n_out, rows), dtype=dtype)
        self._penalty = np.zeros((k, steps), dtype=dtype)
        self._steps = [
            (
                self._inputs[:, s].transpose(0, 2, 1),
                self._logits[:, s],
                self._targets[:, s].transpose(0, 2, 1),
                self._penalty[:, s],
            )
            for s in range(steps)
        ]
        self._pass = Pass(
            stack.layout.blocks(self._optimizer.parameters),
            stack.network.activation,
            rows,
            stack.layout.blocks(self._optimizer.gradients),
            [mask is not None for mask in block.masks],
        )

    def run(self, block: Block) -> Array:
        """Take the steps of a block; give each member's sum of batch loss times rows, ``(k,)``."""
        self._load(block)
        columns = zip(
            block.scale.T[..., None],
            block.step_sizes.T[..., None],
            block.learning_rates.T[..., None],
            strict=True,
        )
        for s, (scale, size, rate) in enumerate(columns):
            weights = None if block.weights is None else block.weights[:, s, None]
            masks = [None if mask is None else mask[:, s] for mask in block.masks]
            self._differentiate(s, weights, masks, scale)
            self._penalties.shrink(self._optimizer.parameters, self._optimizer.scratch, rate)
            self._optimizer.step(size)
        return self._sum_losses(block)

    def _load(self, block: Block) -> None:
        """Take inputs and targets of all steps out of the data sets."""
        rows, s = block.rows.reshape(block.n_members, -1), block.n_steps
        self._gather.inputs(rows, self._inputs[:, :s, :, :-1])
        self._gather.targets(rows, self._targets[:, :s])
        self._penalty[...] = 0

    def _differentiate(
        self, s: int, weights: Array | None, masks: list[Array | None], scale: Array
    ) -> None:
        """Leave the gradients of step `s`, penalties included.

        ``(Σ_i w_i dL_i/dp + alpha W + l1 sign(W)) / Σ_i w_i``
        """
        inputs, logits, targets, penalty = self._steps[s]
        optimizer = self._optimizer
        self._pass.forward(inputs, logits, masks)
        self._loss.residual(logits, targets, self._gamma, self._residual)
        if self._labels is not None:
            np.multiply(self._residual, self._labels, out=self._residual)
        if weights is not None:
            np.multiply(self._residual, weights, out=self._residual)
        self._pass.backward(inputs, self._residual, masks)
        gradients = optimizer.gradients
        self._penalties.add_gradients(optimizer.parameters, gradients, optimizer.scratch, penalty)
        np.multiply(gradients, scale, out=gradients)
        if self._used is not None:
            np.multiply(gradients, self._used, out=gradients)

    def _sum_losses(self, block: Block) -> Array:
        """Give the sum of batch loss times rows, shape ``(k,)``, in float64."""
        s = block.n_steps
        targets = self._targets[:, :s].swapaxes(-1, -2)
        terms = self._loss.terms(self._logits[:, :s], targets, self._gamma[..., None])
        if self._labels is not None:
            terms = terms * self._labels[:, None]
        of_row = terms.sum(axis=-2)
        if block.weights is not None:
            of_row = of_row * block.weights
        losses = (of_row.sum(axis=-1, dtype=np.float64) + self._penalty[:, :s]) * block.scale
        total: Array = (losses * block.counts).sum(axis=-1)
        return total


class Gather:
    """Takes rows out of the data sets of the first `k` members.

    Parameters
    ----------
    stack
        Whose data sets; members that share one are served by one call.
    k
        Members.
    n_rows
        Rows per member at the most.
    """

    def __init__(self, stack: Stack, k: int, n_rows: int) -> None:
        self._runs = [(members, stack.data_sets[d]) for members, d in runs_of(stack.data[:k])]
        self._staging = [
            np.empty((m.stop - m.start) * n_rows * d.inputs.shape[1], dtype=d.inputs.dtype)
            for m, d in self._runs
        ]

    def inputs(self, rows: Array, out: Array) -> None:
        """Write the inputs of the rows ``(k, r)`` to ``out``, cast; ``(k, ..., n_in)``."""
        for (members, data_set), staging in zip(self._runs, self._staging, strict=True):
            shape = (*rows[members].shape, data_set.inputs.shape[1])
            taken = staging[: np.prod(shape)].reshape(shape)
            # mode="clip" because "raise" makes NumPy take into a second buffer.
            np.take(data_set.inputs, rows[members], axis=0, out=taken, mode="clip")
            part = out[members]
            np.copyto(part, taken.reshape(part.shape), casting="same_kind")

    def targets(self, rows: Array, out: Array) -> None:
        """Write the targets of the rows ``(k, r)`` to ``out``, shape ``(k, ..., n_out)``."""
        for members, data_set in self._runs:
            part = out[members]
            part[...] = data_set.targets[rows[members]].reshape(part.shape)


class _Inference:
    """Computes logits chunk by chunk, so that memory stays bounded."""

    def __init__(self, stack: Stack) -> None:
        k = len(stack.parameters)
        widest = k * max(stack.network.layer_sizes) * stack.parameters.itemsize
        self._chunk = max(64, _SCORED_BYTES // widest)
        n_in = stack.network.layer_sizes[0]
        self._n_out = stack.network.layer_sizes[-1]
        self._gather = Gather(stack, k, self._chunk)
        self._inputs = np.ones((k, self._chunk, n_in + 1), dtype=stack.parameters.dtype)
        blocks = stack.layout.blocks(stack.parameters)
        self._pass = Pass(blocks, stack.network.activation, self._chunk)

    def logits(self, rows: Array) -> Array:
        """Give logits ``(k, n_out, r)`` of the rows ``(k, r)``."""
        k, n_rows = rows.shape
        out = np.empty((k, self._n_out, n_rows), dtype=self._inputs.dtype)
        buffer = np.empty((k, self._n_out, self._chunk), dtype=self._inputs.dtype)
        for start in range(0, n_rows, self._chunk):
            chunk = rows[:, start : start + self._chunk]
            size = chunk.shape[1]
            self._gather.inputs(chunk, self._inputs[:, :size, :-1])
            self._pass.forward(self._inputs.transpose(0, 2, 1), buffer)
            out[:, :, start : start + size] = buffer[:, :, :size]
        return out


def _contiguous(targets: Array, stack: Stack) -> Array:
    return np.ascontiguousarray(targets, dtype=stack.parameters.dtype)
