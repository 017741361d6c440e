"""One training step of a stack in PyTorch: forward, autograd, penalties, update."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from crossfold.mlp._engine import Stack
from crossfold.mlp._spec import Activation
from crossfold.mlp._torch_engine._functions import (
    RESIDUALS,
    Masks,
    forward,
    go_back,
    transpose_layers,
)
from crossfold.mlp._update import Update


@dataclass(frozen=True)
class StepInputs:
    """What one step reads.

    Attributes
    ----------
    inputs, targets
        Shapes ``(k, n_in, batch)`` and ``(k, n_out, batch)``.
    weights
        Shape ``(k, 1, batch)``, 0 for padding, or None where all are 1.
    masks
        Of each hidden layer, shape ``(k, units, batch)``, or None.
    scale, step_size, learning_rate
        Shape ``(k, 1)``.
    """

    inputs: Tensor
    targets: Tensor
    weights: Tensor | None
    masks: Masks
    scale: Tensor
    step_size: Tensor
    learning_rate: Tensor

    def tensors(self) -> list[Tensor]:
        """Give all tensors in one order."""
        fields = (self.inputs, self.targets, self.weights, *self.masks)
        given = [tensor for tensor in fields if tensor is not None]
        return [*given, self.scale, self.step_size, self.learning_rate]

    def clone(self) -> StepInputs:
        """Give a copy in memory of its own."""
        return StepInputs(
            self.inputs.clone(),
            self.targets.clone(),
            None if self.weights is None else self.weights.clone(),
            [None if mask is None else mask.clone() for mask in self.masks],
            self.scale.clone(),
            self.step_size.clone(),
            self.learning_rate.clone(),
        )


class TrainingStep:
    """Takes one step with all members of a stack.

    Parameters
    ----------
    stack
        The network and its members' constants.
    members
        Which of them take part.
    update
        Of the members that take part; their parameters are updated in place.
    """

    def __init__(self, stack: Stack, members: slice, update: Update) -> None:
        flat = update.parameters
        self.can_be_captured = not isinstance(stack.network.activation, Activation)
        self.update = update
        self._network = stack.network
        self._layers = [
            (coef.detach().requires_grad_(), intercept.detach().requires_grad_())
            for coef, intercept in transpose_layers(stack.layout.blocks(flat))
        ]
        self._leaves = tuple(leaf for layer in self._layers for leaf in layer)
        self._gradients = [
            part
            for layer in transpose_layers(stack.layout.blocks(update.gradients))
            for part in layer
        ]
        self._residual = RESIDUALS[stack.network.head][str(stack.network.loss)]
        self._gamma = torch.as_tensor(stack.gamma[members, None, None], device=flat.device)
        self._labels = members_of(stack.label_weights, members, flat)

    def __call__(self, step: StepInputs) -> tuple[Tensor, Tensor | int]:
        """Update the parameters.

        Returns
        -------
        Logits ``(k, n_out, batch)`` and twice the penalties ``(k,)`` (0 without), before the
        update.
        """
        logits = forward(self._network, self._layers, step.inputs, step.masks)
        values = logits.detach()
        residual = self._weighted_residual(step, values)
        torch._foreach_copy_(self._gradients, go_back(logits, residual, self._leaves))
        return values, self.update.take(step.scale, step.step_size, step.learning_rate)

    def _weighted_residual(self, step: StepInputs, logits: Tensor) -> Tensor:
        """Give ``dL/dz`` with respect to the logits, where autograd sets out."""
        residual = self._residual(logits, step.targets, self._gamma)
        if self._labels is not None:
            residual = residual * self._labels[..., None]
        if step.weights is not None:
            residual = residual * step.weights
        return residual


def members_of(array: Any, members: slice, like: Tensor) -> Tensor | None:
    """Give the rows of some members as a tensor like another, or None."""
    if array is None:
        return None
    return torch.as_tensor(array[members], dtype=like.dtype, device=like.device)
