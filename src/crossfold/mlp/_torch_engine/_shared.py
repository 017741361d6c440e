"""Networks of all shapes on the same rows, in PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from crossfold.mlp._engine import Stack
from crossfold.mlp._losses import loss_of
from crossfold.mlp._optimizers import Optimizer, rule_of
from crossfold.mlp._penalties import Penalties
from crossfold.mlp._scoring import is_right
from crossfold.mlp._shared import FirstLayers, GroupStep, Rows, cut_rows, dropped_layers
from crossfold.mlp._spec import Array
from crossfold.mlp._torch_engine._engine import choose_device, resident
from crossfold.mlp._torch_engine._functions import RESIDUALS, forward_above, transpose_layers

_CPU_CHUNK_ROWS = 4096


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
        self._stacks = stacks
        self._device = choose_device(settings.device)
        self._dtype: torch.dtype = getattr(torch, settings.dtype)
        self.draws_masks = self._device.type != "cpu"
        self._generator = torch.Generator(self._device)
        self._generator.manual_seed(stacks[0].seed)
        self._inputs = resident(inputs, self._device)
        self._targets = self._tensor(targets)
        self._first = FirstLayers(stacks)
        self._groups = [_Group(stack, self._tensor) for stack in stacks]

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
        for group in self._groups:
            group.optimizer.gradients.zero_()
        for start, stop in self._chunks(len(inputs)):
            cut = [[None if m is None else m[..., start:stop] for m in own] for own in masks]
            self._differentiate(inputs[start:stop], targets[start:stop], cut)
        for group, step in zip(self._groups, steps, strict=True):
            group.update(step, len(inputs))

    def score(self, inputs: Array, targets: Array) -> tuple[Array, Array]:
        """Give each network's mean loss and accuracy on some rows, shape ``(networks,)`` each."""
        x, sums = resident(inputs, self._device), []
        with torch.no_grad():
            for start, stop in self._chunks(len(inputs)):
                z = self._first_z(x[start:stop])
                columns = np.ascontiguousarray(targets[start:stop].T)[None]
                sums.append(
                    np.concatenate([g.score(z[part], columns) for g, part in self._parts()], axis=1)
                )
        loss, accuracy = np.sum(sums, axis=0) / len(inputs)
        return loss, accuracy

    def parameters(self, group: int) -> Array:
        """Give a copy of a group's flat parameters, shape ``(k, n_parameters)``."""
        flat: Any = self._groups[group].optimizer.parameters.detach().cpu().numpy()
        copied: Array = flat.copy()
        return copied

    def _differentiate(self, inputs: Tensor, targets: Tensor, masks: Sequence[Any]) -> None:
        """Add the gradients of a chunk's summed loss."""
        x, y = inputs.to(self._dtype), targets.T[None]
        z = self._first_z(x)
        deltas = torch.empty_like(z)
        for (group, part), own in zip(self._parts(), masks, strict=True):
            deltas[part] = group.differentiate(z[part], y, own).reshape(-1, len(x))
        weights, biases = (deltas @ x) * self._first.scale, deltas.sum(dim=1)
        for group, part in self._parts():
            group.add_first(weights[part], biases[part])

    def _first_z(self, inputs: Tensor) -> Tensor:
        """Multiply all first layers with the inputs: shape ``(units of all, rows)``."""
        coefs = torch.cat([group.first_coefs() for group in self._groups])
        intercepts = torch.cat([group.first_intercepts() for group in self._groups])
        x = inputs.to(self._dtype)
        return torch.addmm(intercepts, coefs * self._first.scale, x.T)

    def _parts(self) -> list[tuple[_Group, slice]]:
        return list(zip(self._groups, self._first.parts, strict=True))

    def _chunks(self, n_rows: int) -> list[tuple[int, int]]:
        most = n_rows if self.draws_masks else _CPU_CHUNK_ROWS
        return cut_rows(n_rows, most, 1)

    def _masks(self, group: _Group, step: GroupStep, n_rows: int) -> list[Tensor | None]:
        if self.draws_masks:
            return group.draw_masks(n_rows, self._generator)
        return [None if m is None else self._tensor(m[..., :n_rows]) for m in step.masks]

    def _index(self, rows: Array) -> Tensor:
        return torch.from_numpy(rows).to(self._device)

    def _tensor(self, array: Array) -> Tensor:
        return torch.as_tensor(array, dtype=self._dtype, device=self._device)


class _Group:
    """Networks of one shape: parameters, update rule, and all layers above the first."""

    def __init__(self, stack: Stack, tensor: Any) -> None:
        flat = tensor(stack.parameters)
        self.optimizer: Optimizer = rule_of(stack.settings)(
            torch,
            stack.settings,
            flat,
            torch.zeros_like(flat),
            torch.empty_like(flat),
            {name: tensor(array) for name, array in stack.state.items()},
        )
        self._stack, self._network, self._tensor = stack, stack.network, tensor
        self._penalties = Penalties(
            torch, **{name: tensor(array) for name, array in stack.penalties.items()}
        )
        self._first, *upper = transpose_layers(stack.layout.blocks(flat))
        self._upper = [(c.detach().requires_grad_(), b.detach().requires_grad_()) for c, b in upper]
        self._leaves = [leaf for layer in self._upper for leaf in layer]
        self._first_gradient, *gradients = transpose_layers(
            stack.layout.blocks(self.optimizer.gradients)
        )
        self._gradients = [part for layer in gradients for part in layer]
        self._residual = RESIDUALS[stack.network.head][str(stack.network.loss)]
        self._gamma = tensor(stack.gamma)[:, None, None]
        self._rates = tensor(stack.dropout)
        self._shape = (len(flat), stack.layout.sizes[1])

    def first_coefs(self) -> Tensor:
        """Give the first layers' weights, shape ``(k · units, n_in)``."""
        return self._first[0].reshape(-1, self._first[0].shape[-1])

    def first_intercepts(self) -> Tensor:
        """Give the first layers' biases, shape ``(k · units, 1)``."""
        return self._first[1].reshape(-1, 1)

    def differentiate(self, z: Tensor, targets: Tensor, masks: Sequence[Tensor | None]) -> Tensor:
        """Add the gradients above the first layers, and give the derivative by their ``z``."""
        leaf = z.reshape(*self._shape, -1).detach().requires_grad_()
        # Activations work in place, which a leaf does not allow.
        logits = forward_above(self._network, self._upper, leaf.clone(), masks)
        residual = self._residual(logits.detach(), targets, self._gamma)
        delta, *upper = torch.autograd.grad(logits, [leaf, *self._leaves], residual)
        torch._foreach_add_(self._gradients, upper)
        return delta

    def add_first(self, weights: Tensor, biases: Tensor) -> None:
        """Add the gradients of the first layers, ``(k · units, n_in)`` and ``(k · units,)``."""
        coefs, intercepts = self._first_gradient
        coefs.add_(weights.reshape(coefs.shape))
        intercepts.add_(biases.reshape(intercepts.shape))

    def update(self, step: GroupStep, n_rows: int) -> None:
        """Add the penalties, divide by the rows, and let the optimiser step."""
        optimizer = self.optimizer
        p, g, scratch = optimizer.parameters, optimizer.gradients, optimizer.scratch
        self._penalties.add_gradients(p, g, scratch)
        g.mul_(1 / n_rows)
        self._penalties.shrink(p, scratch, self._tensor(step.learning_rates))
        optimizer.step(self._tensor(step.step_sizes))

    def score(self, z: Tensor, targets: Array) -> Array:
        """Give summed loss and right answers of each network, shape ``(2, k)``."""
        logits: Array = (
            forward_above(self._network, self._upper, z.reshape(*self._shape, -1).clone())
            .cpu()
            .numpy()
        )
        gamma = self._stack.gamma[:, None, None]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            terms = loss_of(self._network).terms(logits, targets, gamma)
        right = is_right(self._network.head, logits, targets)
        return np.stack([terms.sum(axis=(1, 2), dtype=np.float64), right.sum(axis=1)])

    def draw_masks(self, n_rows: int, generator: torch.Generator) -> list[Tensor | None]:
        """Draw dropout masks ``(k, units, rows)`` on the device."""
        sizes = self._stack.layout.sizes[1:-1]
        return [
            self._draw(rates, (len(rates), units, n_rows), generator) if drop else None
            for rates, units, drop in zip(
                self._rates.T, sizes, dropped_layers(self._stack), strict=True
            )
        ]

    def _draw(self, rates: Tensor, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        drawn = torch.rand(shape, generator=generator, device=rates.device)
        rate = rates[:, None, None]
        return (drawn >= rate).to(rates.dtype) / (1 - rate)
