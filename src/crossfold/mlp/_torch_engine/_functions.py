"""Forward pass, activations and losses as tensor functions that autograd goes through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from crossfold.mlp._activations import LEAKY_SLOPE
from crossfold.mlp._spec import Activation, Head, Network

Masks = Sequence[Tensor | None]
Residual = Callable[[Tensor, Tensor, Tensor], Tensor]


def forward(
    network: Network, layers: Sequence[tuple[Tensor, Tensor]], inputs: Tensor, masks: Masks = ()
) -> Tensor:
    """Give logits ``(k, n_out, rows)`` of inputs ``(k, n_in, rows)``.

    Parameters
    ----------
    network
        Names the hidden activation.
    layers
        Transposed weights ``(k, n_out, n_in)`` and biases ``(k, n_out, 1)``.
    inputs
        As above.
    masks
        Dropout factors of each hidden layer, or nothing.
    """
    coef, intercept = layers[0]
    return forward_above(network, layers[1:], torch.baddbmm(intercept, coef, inputs), masks)


def forward_above(
    network: Network, layers: Sequence[tuple[Tensor, Tensor]], z: Tensor, masks: Masks = ()
) -> Tensor:
    """Give logits of the first layer's ``z``, ``(k, units, rows)``, by the layers above it."""
    activate = activation_of(network.activation)
    for number, (coef, intercept) in enumerate(layers):
        below = activate(z)
        mask = masks[number] if masks else None
        if mask is not None:
            below = below * mask
        z = torch.baddbmm(intercept, coef, below)
    return z


def transpose_layers(blocks: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """View blocks ``(k, n_in + 1, n_out)`` as the layers that `forward` takes."""
    turned = [block.transpose(1, 2) for block in blocks]
    return [(block[..., :-1], block[..., -1:]) for block in turned]


def go_back(logits: Tensor, residual: Tensor, leaves: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Give the derivatives by the leaves, given that by the logits.

    This is ``torch.autograd.grad`` without its checks in Python, which take an eighth of a step
    of a small stack; both call this method.
    """
    engine = torch.autograd.Variable._execution_engine
    derivatives: tuple[Tensor, ...] = engine.run_backward(
        (logits,), (residual,), False, False, leaves, allow_unreachable=False, accumulate_grad=False
    )
    return derivatives


def activation_of(activation: str | Activation) -> Callable[[Tensor], Tensor]:
    """Give the activation as a function of tensors that autograd can go through."""
    if isinstance(activation, Activation):
        return lambda z: _Custom.apply(z, activation)  # type: ignore[no-untyped-call]
    return ACTIVATIONS[activation]


class _Custom(torch.autograd.Function):
    """An activation of the user's own: its NumPy functions, called on the CPU."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, activation: Activation) -> Tensor:
        """Call the function."""
        ctx.activation, ctx.z = activation, z.detach().cpu().numpy()
        ctx.a = activation.function(ctx.z)
        return torch.as_tensor(ctx.a, dtype=z.dtype, device=z.device)

    @staticmethod
    def backward(ctx: Any, delta: Tensor) -> tuple[Tensor, None]:
        """Call the derivative."""
        slope = ctx.activation.derivative(ctx.a, ctx.z)
        return delta * torch.as_tensor(slope, dtype=delta.dtype, device=delta.device), None


# In place where autograd allows it: a new array costs more than the operation.
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu_,
    "leaky_relu": lambda z: functional.leaky_relu(z, LEAKY_SLOPE),
    "sigmoid": torch.sigmoid_,
    "tanh": torch.tanh_,
    "hard_sigmoid": lambda z: torch.clamp(0.2 * z + 0.5, 0, 1),
    "linear": lambda z: z,
    "softmax": lambda z: torch.softmax(z, dim=-2),
}


def _sigmoid_residual(z: Tensor, y: Tensor, gamma: Tensor) -> Tensor:
    return torch.sigmoid(z).sub_(y)


def _softmax_residual(z: Tensor, y: Tensor, gamma: Tensor) -> Tensor:
    return torch.softmax(z, dim=-2).sub_(y)


def _focal_sigmoid_terms(z: Tensor, y: Tensor, gamma: Tensor) -> Tensor:
    """See `crossfold.mlp._losses`; ``q^gamma = exp(gamma log q)`` is smooth where q is 0."""
    log_p, log_q = functional.logsigmoid(z), functional.logsigmoid(-z)
    return -y * torch.exp(gamma * log_q) * log_p - (1 - y) * torch.exp(gamma * log_p) * log_q


def _focal_softmax_terms(z: Tensor, y: Tensor, gamma: Tensor) -> Tensor:
    log_p = torch.log_softmax(z, dim=-2)
    q = (-torch.expm1(log_p)).clamp_min(torch.finfo(z.dtype).tiny)
    return -y * q**gamma * log_p


def _derive(terms: Residual) -> Residual:
    """Give the derivative with respect to the logits by autograd."""

    def residual(z: Tensor, y: Tensor, gamma: Tensor) -> Tensor:
        with torch.enable_grad():
            logits = z.detach().requires_grad_()
            return torch.autograd.grad([terms(logits, y, gamma).sum()], [logits])[0]

    return residual


_BINARY: dict[str, Residual] = {
    "cross_entropy": _sigmoid_residual,
    "focal": _derive(_focal_sigmoid_terms),
}
RESIDUALS: dict[Head, dict[str, Residual]] = {
    "binary": _BINARY,
    "multilabel": _BINARY,
    "multiclass": {"cross_entropy": _softmax_residual, "focal": _derive(_focal_softmax_terms)},
    "regression": {
        "mse": lambda z, y, gamma: z - y,
        "mae": lambda z, y, gamma: (z - y).sign_(),
    },
}
"""``dL/dz`` of logits ``(k, n_out, rows)``, targets and focal exponents, with the link fused."""
