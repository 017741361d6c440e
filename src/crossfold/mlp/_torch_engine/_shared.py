"""Networks of all shapes on the same rows, in PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crossfold.mlp._batches import Block
from crossfold.mlp._engine import Measure, Stack
from crossfold.mlp._shared import (
    SharedEngine,
    chunk_of,
    cut_rows,
    dropped_layers,
    layout_above,
    most_rows,
)
from crossfold.mlp._spec import Array
from crossfold.mlp._torch_engine._engine import choose_device, one_torch_thread, resident
from crossfold.mlp._torch_engine._step import draw_mask, forward_above, leaves_of, residual_of
from crossfold.mlp._update import Update


class SharedTorchEngine(SharedEngine):
    """See `SharedEngine`. Gradients above the first layers are autograd's."""

    def __init__(self, stacks: Sequence[Stack]) -> None:
        settings, [data_set] = stacks[0].settings, stacks[0].data_sets
        self._device = choose_device(settings.device)
        self._dtype: torch.dtype = getattr(torch, settings.dtype)
        self.n_workers = torch.get_num_threads() if self._device.type == "cpu" else 0
        self._generator = torch.Generator(self._device)
        self._generator.manual_seed(stacks[0].seed)
        self._scale = stacks[0].network.input_scale
        self._inputs = resident(data_set.inputs, self._device)
        self._buffers: dict[int, Tensor] = {}
        super().__init__(torch, stacks, self._tensor)
        self._targets = self._tensor(data_set.targets)
        self._groups = [
            _Group(stack, update, self._tensor)
            for stack, update in zip(stacks, self._above, strict=True)
        ]

    def one_thread_each(self) -> AbstractContextManager[None]:
        """See `Engine`."""
        return one_torch_thread()

    def run(self, block: Block) -> Array:
        """See `SharedEngine`."""
        rows = block.rows[0, 0]
        index = self._index(chunk_of(rows, 0, len(rows)))
        inputs, targets = self._inputs[index], self._targets[index]
        masks = self._masks(block, len(rows))
        for update in (self._first, *self._above):
            update.gradients.zero_()
        for start, stop in self._chunks(len(rows)):
            cut = [[None if m is None else m[..., start:stop] for m in own] for own in masks]
            self._differentiate(inputs[start:stop], targets[start:stop], cut)
        self._update(block)
        return np.full(len(self._places), np.nan)

    def logits(self, rows: Array, measure: Measure) -> list[Any]:
        """See `Engine`."""
        measured = []
        with torch.no_grad():
            for start, stop in self._chunks(rows.shape[1]):
                inputs = self._inputs[self._index(chunk_of(rows[0], start, stop))]
                z = self._first_z(self._cast(inputs))
                parts = [group.logits(z[part]) for group, part in self._divided()]
                measured.append(measure(torch.cat(parts).cpu().numpy(), slice(start, stop)))
        return measured

    def _differentiate(self, inputs: Tensor, targets: Tensor, masks: Sequence[Any]) -> None:
        """Add the gradients of a chunk's summed loss."""
        x, y = self._cast(inputs), targets.T[None]
        z = self._first_z(x)
        deltas = torch.empty_like(z)
        for (group, part), own in zip(self._divided(), masks, strict=True):
            deltas[part] = group.differentiate(z[part], y, own).reshape(-1, len(x))
        gradients = self._first.gradients
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
        first = self._first.parameters
        return torch.addmm(first[:, -1:], first[:, :-1], x.T)

    def _divided(self) -> list[tuple[_Group, slice]]:
        return list(zip(self._groups, self._parts, strict=True))

    def _chunks(self, n_rows: int) -> list[tuple[int, int]]:
        most = most_rows(self._dtype.itemsize) if self.n_workers else n_rows
        return cut_rows(n_rows, 1, most, 1)

    def _masks(self, block: Block, n_rows: int) -> list[list[Tensor | None]]:
        if not self.n_workers:
            return [group.draw_masks(n_rows, self._generator) for group in self._groups]
        return [
            [None if m is None else self._tensor(m[..., :n_rows]) for m in own]
            for own in block.masks
        ]

    def _index(self, rows: slice | Array) -> Any:
        return rows if isinstance(rows, slice) else torch.from_numpy(rows).to(self._device)

    def _tensor(self, array: Array) -> Tensor:
        return torch.as_tensor(array, dtype=self._dtype, device=self._device)


class _Group:
    """Networks of one shape: all layers above the first."""

    def __init__(self, stack: Stack, update: Update, tensor: Any) -> None:
        self._stack, self._network = stack, stack.network
        self._shape = (len(stack.parameters), stack.layout.sizes[1])
        self._layers, self._leaves, self._gradients = leaves_of(layout_above(stack), update)
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

    def logits(self, z: Tensor) -> Tensor:
        """Give the logits ``(k, n_out, rows)``, with nothing dropped."""
        return forward_above(self._network, self._layers, z.reshape(*self._shape, -1).clone())

    def draw_masks(self, n_rows: int, generator: torch.Generator) -> list[Tensor | None]:
        """Draw dropout masks ``(k, units, rows)`` on the device."""
        sizes = self._stack.layout.sizes[1:-1]
        return [
            draw_mask(rates, (len(rates), units, n_rows), generator) if drop else None
            for rates, units, drop in zip(
                self._rates.T[1:], sizes, dropped_layers(self._stack), strict=True
            )
        ]
