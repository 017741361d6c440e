"""Networks of all shapes on the same rows, in PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from crossfold.mlp._engine import Stack
from crossfold.mlp._losses import loss_of
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
)
from crossfold.mlp._spec import Array
from crossfold.mlp._torch_engine._engine import choose_device, resident
from crossfold.mlp._torch_engine._step import forward_above, residual_of, transpose_layers
from crossfold.mlp._update import Update


class SharedTorchEngine:
    """See `SharedEngine`. Gradients above the first layers are autograd's.

    Parameters
    ----------
    stacks
        The groups. On the CPU their arrays are trained in place.
    inputs, targets
        The training rows, shapes ``(n, n_in)``, any numeric dtype, and ``(n, n_out)``.
    """

    def __init__(self, stacks: Sequence[Stack], inputs: Array, targets: Array) -> None:
        settings = stacks[0].settings
        self._device = choose_device(settings.device)
        self._dtype: torch.dtype = getattr(torch, settings.dtype)
        self.draws_masks = self._device.type != "cpu"
        self._generator = torch.Generator(self._device)
        self._generator.manual_seed(stacks[0].seed)
        self._scale = stacks[0].network.input_scale
        self._inputs = resident(inputs, self._device)
        self._buffers: dict[int, Tensor] = {}
        self._targets = self._tensor(targets)
        self._first = FirstLayers(stacks)
        self._first_update = make_update(torch, self._first.trainable, settings, self._tensor)
        self._groups = [
            _Group(
                stack,
                make_update(torch, layers_above(stack), settings, self._tensor),
                self._tensor,
            )
            for stack in stacks
        ]

    def __enter__(self) -> Self:
        """Do nothing: PyTorch has threads of its own."""
        return self

    def __exit__(self, *error: object) -> None:
        """Do nothing."""

    def step(self, rows: Rows, steps: Sequence[GroupStep]) -> None:
        """Update all networks from a batch of rows."""
        index = slice(None) if isinstance(rows, slice) else self._index(rows)
        inputs, targets = self._inputs[index], self._targets[index]
        masks = [
            self._masks(g, step, len(inputs)) for g, step in zip(self._groups, steps, strict=True)
        ]
        updates = [self._first_update, *(group.update for group in self._groups)]
        for update in updates:
            update.gradients.zero_()
        for start, stop in self._chunks(len(inputs)):
            cut = [[None if m is None else m[..., start:stop] for m in own] for own in masks]
            self._differentiate(inputs[start:stop], targets[start:stop], cut)
        for group, step in zip(self._groups, steps, strict=True):
            sizes, rates = self._tensor(step.step_sizes), self._tensor(step.learning_rates)
            group.update.take(1 / len(inputs), sizes, rates)
        self._first_update.take(
            1 / len(inputs),
            self._tensor(self._first.spread([step.step_sizes for step in steps])),
            self._tensor(self._first.spread([step.learning_rates for step in steps])),
        )

    def score(self, inputs: Array, targets: Array) -> tuple[Array, Array]:
        """Give each network's mean loss on some rows, and its confusion matrix."""
        x, chunks = resident(inputs, self._device), self._chunks(len(inputs))
        with torch.no_grad():
            scored = [self._score_chunk(x[i:j], targets[i:j].T) for i, j in chunks]
        losses, counts = zip(*scored, strict=True)
        return np.sum(losses, axis=0) / len(inputs), np.sum(counts, axis=0)

    def _score_chunk(self, inputs: Tensor, targets: Array) -> tuple[Array, Array]:
        z = self._first_z(self._cast(inputs))
        scored = [group.score(z[part], targets) for group, part in self._parts()]
        losses, counts = zip(*scored, strict=True)
        return np.concatenate(losses), np.concatenate(counts)

    def parameters(self, group: int) -> Array:
        """Give a copy of a group's flat parameters, shape ``(k, n_parameters)``."""
        first = self._first.block_of(group, self._first_update.parameters.cpu().numpy())
        above = self._groups[group].update.parameters.cpu().numpy()
        return np.concatenate([first, above], axis=1)

    def _differentiate(self, inputs: Tensor, targets: Tensor, masks: Sequence[Any]) -> None:
        """Add the gradients of a chunk's summed loss."""
        x, y = self._cast(inputs), targets.T[None]
        z = self._first_z(x)
        deltas = torch.empty_like(z)
        for (group, part), own in zip(self._parts(), masks, strict=True):
            deltas[part] = group.differentiate(z[part], y, own).reshape(-1, len(x))
        gradients = self._first_update.gradients
        gradients[:, :-1].addmm_(deltas, x)
        gradients[:, -1] += deltas.sum(dim=1)

    def _cast(self, inputs: Tensor) -> Tensor:
        """Cast and scale inputs, in a buffer that the next inputs of that size overwrite."""
        if self._scale == 1 and inputs.dtype == self._dtype:
            return inputs
        if len(inputs) not in self._buffers:
            self._buffers[len(inputs)] = torch.empty_like(inputs, dtype=self._dtype)
        x = self._buffers[len(inputs)].copy_(inputs)
        return x if self._scale == 1 else x.mul_(self._scale)

    def _first_z(self, x: Tensor) -> Tensor:
        """Multiply all first layers with the inputs: shape ``(units of all, rows)``."""
        first = self._first_update.parameters
        return torch.addmm(first[:, -1:], first[:, :-1], x.T)

    def _parts(self) -> list[tuple[_Group, slice]]:
        return list(zip(self._groups, self._first.parts, strict=True))

    def _chunks(self, n_rows: int) -> list[tuple[int, int]]:
        most = n_rows if self.draws_masks else most_rows(self._dtype.itemsize)
        return cut_rows(n_rows, 1, most, 1)

    def _masks(self, group: _Group, step: GroupStep, n_rows: int) -> list[Tensor | None]:
        if self.draws_masks:
            return group.draw_masks(n_rows, self._generator)
        return [None if m is None else self._tensor(m[..., :n_rows]) for m in step.masks]

    def _index(self, rows: Array) -> Tensor:
        return torch.from_numpy(rows).to(self._device)

    def _tensor(self, array: Array) -> Tensor:
        return torch.as_tensor(array, dtype=self._dtype, device=self._device)


class _Group:
    """Networks of one shape: all layers above the first."""

    def __init__(self, stack: Stack, update: Update, tensor: Any) -> None:
        self._stack, self._network = stack, stack.network
        self._shape = (len(stack.parameters), stack.layout.sizes[1])
        self.update = update
        above = layout_above(stack)
        self._layers = [
            (coef.detach().requires_grad_(), intercept.detach().requires_grad_())
            for coef, intercept in transpose_layers(above.blocks(self.update.parameters))
        ]
        self._leaves = [leaf for layer in self._layers for leaf in layer]
        turned = transpose_layers(above.blocks(self.update.gradients))
        self._gradients = [part for layer in turned for part in layer]
        self._residual = residual_of(stack.network)
        self._gamma = tensor(stack.gamma)[:, None, None]
        self._rates = tensor(stack.dropout)

    def differentiate(self, z: Tensor, targets: Tensor, masks: Sequence[Tensor | None]) -> Tensor:
        """Add the gradients above the first layers, and give the derivative by their ``z``."""
        leaf = z.reshape(*self._shape, -1).detach().requires_grad_()
        # Activations work in place, which a leaf does not allow.
        logits = forward_above(self._network, self._layers, leaf.clone(), masks)
        residual = self._residual(logits.detach(), targets, self._gamma)
        delta, *upper = torch.autograd.grad(logits, [leaf, *self._leaves], residual)
        torch._foreach_add_(self._gradients, upper)
        return delta

    def score(self, z: Tensor, targets: Array) -> tuple[Array, Array]:
        """Give each network's summed loss ``(k,)`` and its confusion matrix."""
        leaf = z.reshape(*self._shape, -1).clone()
        logits: Array = forward_above(self._network, self._layers, leaf).cpu().numpy()
        gamma = self._stack.gamma[:, None, None]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            terms = loss_of(self._network).terms(logits, targets[None], gamma)
        return terms.sum(axis=(1, 2), dtype=np.float64), count_confusion(
            self._network, logits, targets
        )

    def draw_masks(self, n_rows: int, generator: torch.Generator) -> list[Tensor | None]:
        """Draw dropout masks ``(k, units, rows)`` on the device."""
        sizes = self._stack.layout.sizes[1:-1]
        return [
            self._draw(rates, (len(rates), units, n_rows), generator) if drop else None
            for rates, units, drop in zip(
                self._rates.T[1:], sizes, dropped_layers(self._stack), strict=True
            )
        ]

    def _draw(self, rates: Tensor, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        drawn = torch.rand(shape, generator=generator, device=rates.device)
        rate = rates[:, None, None]
        return (drawn >= rate).to(rates.dtype) / (1 - rate)
