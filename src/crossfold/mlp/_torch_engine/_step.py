"""One training step of a stack in PyTorch: forward, autograd, penalties, update."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from crossfold.mlp._activations import LEAKY_SLOPE
from crossfold.mlp._engine import Layout, Stack
from crossfold.mlp._losses import CLIP, smooth
from crossfold.mlp._spec import Activation, Network
from crossfold.mlp._update import Update

Masks = Sequence[Tensor | None]
Residual = Callable[[Tensor, Tensor, Tensor], Tensor]


def forward(
    network: Network, layers: Sequence[tuple[Tensor, Tensor]], inputs: Tensor, masks: Masks = ()
) -> Tensor:
    """Give logits ``(k, n_out, rows)`` of inputs ``(k, n_in, rows)``.

    Parameters
    ----------
    network
        Names the hidden activations.
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
    activations = [activation_of(own) for own in network.activations]
    for number, (coef, intercept) in enumerate(layers):
        below = activations[number](z)
        mask = masks[number] if masks else None
        if mask is not None:
            below = below * mask
        z = torch.baddbmm(intercept, coef, below)
    return z


def transpose_layers(blocks: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """View blocks ``(k, n_in + 1, n_out)`` as the layers that `forward` takes."""
    turned = [block.transpose(1, 2) for block in blocks]
    return [(block[..., :-1], block[..., -1:]) for block in turned]


def leaves_of(
    layout: Layout, update: Update
) -> tuple[list[tuple[Tensor, Tensor]], tuple[Tensor, ...], list[Tensor]]:
    """Give layers that autograd sees, all their tensors, and where the gradients of these go."""
    layers = [
        (coef.detach().requires_grad_(), intercept.detach().requires_grad_())
        for coef, intercept in transpose_layers(layout.blocks(update.parameters))
    ]
    turned = transpose_layers(layout.blocks(update.gradients))
    leaves = tuple(leaf for layer in layers for leaf in layer)
    return layers, leaves, [part for layer in turned for part in layer]


def draw_mask(rates: Tensor, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Draw a dropout mask on the device; the first axis has the members of these rates."""
    drawn = torch.rand(shape, generator=generator, device=rates.device)
    rate = rates.view(-1, *(1 for _ in shape[1:]))
    return (drawn >= rate).to(rates.dtype) / (1 - rate)


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
    "selu": functional.selu_,
    "silu": functional.silu,
    "mish": functional.mish,
    "sigmoid": torch.sigmoid_,
    "tanh": torch.tanh_,
    "exp": torch.exp_,
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


RESIDUALS: dict[str, dict[str, Residual]] = {
    "sigmoid": {"cross_entropy": _sigmoid_residual, "focal": _derive(_focal_sigmoid_terms)},
    "softmax": {"cross_entropy": _softmax_residual, "focal": _derive(_focal_softmax_terms)},
    "linear": {"mse": lambda z, y, gamma: z - y, "mae": lambda z, y, gamma: (z - y).sign_()},
    "exp": {"poisson": lambda z, y, gamma: torch.exp(z) - y},
}
"""``dL/dz`` of logits ``(k, n_out, rows)``, targets and focal exponents, by link and loss."""

TERMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": lambda a, y: torch.square(a - y) / 2,
    "mae": lambda a, y: torch.abs(a - y),
    "cross_entropy": lambda a, y: (
        -y * a.clamp(CLIP, 1 - CLIP).log() - (1 - y) * (-a.clamp(CLIP, 1 - CLIP)).log1p()
    ),
    "poisson": lambda a, y: a.clamp_min(CLIP) - y * a.clamp_min(CLIP).log(),
}
"""Losses on outputs; autograd goes back through the output activation."""


def residual_of(network: Network) -> Residual:
    """Give the derivative of a network's loss with respect to its logits."""
    if network.label_smoothing:
        exact = residual_of(replace(network, label_smoothing=0.0))
        return lambda z, y, gamma: exact(z, smooth(y, network), gamma)
    loss, link = str(network.loss), network.link
    if isinstance(link, str) and loss in RESIDUALS.get(link, {}):
        return RESIDUALS[link][loss]
    terms, activate = TERMS[loss], activation_of(link)
    return _derive(lambda z, y, gamma: terms(activate(z.clone()), y))


_WARM_UP_STEPS = 3


class GraphedStep:
    """Captures a step as a CUDA graph when it is first taken, and replays it from then on.

    The step reads from and writes to the same memory each time; partial batches come padded, so
    that their shapes are the same. Where the step cannot be captured (an activation of the
    user's own runs on the CPU), it is taken as it is, once per call.

    Parameters
    ----------
    step
        What to capture.
    """

    def __init__(self, step: TrainingStep) -> None:
        self._step = step
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, step: StepInputs) -> tuple[Tensor, Tensor | int]:
        """Take a step; see `TrainingStep`."""
        if not self._step.can_be_captured:
            return self._step(step)
        if self._graph is None:
            self._graph = self._capture(step)
        torch._foreach_copy_(self._static.tensors(), step.tensors())
        self._graph.replay()
        logits, twice_penalty = self._results
        kept = twice_penalty.clone() if isinstance(twice_penalty, Tensor) else twice_penalty
        return logits.clone(), kept

    def _capture(self, step: StepInputs) -> torch.cuda.CUDAGraph:
        """Record the step, and put back what the warm-up steps changed."""
        self._static = step.clone()
        changed = [self._step.update.parameters, *self._step.update.state.values()]
        before = [tensor.clone() for tensor in changed]
        stream: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP_STEPS):
                self._step(self._static)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._results = self._step(self._static)
        torch._foreach_copy_(changed, before)
        return graph


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
        Of the inputs and each hidden layer, shape ``(k, units, batch)``, or None.
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
        functions = (*stack.network.activations, stack.network.link)
        self.can_be_captured = not any(isinstance(own, Activation) for own in functions)
        self.update = update
        self._network = stack.network
        self._layers, self._leaves, self._gradients = leaves_of(stack.layout, update)
        self._residual = residual_of(stack.network)
        self._gamma = torch.as_tensor(stack.gamma[members, None, None], device=flat.device)
        self._labels = members_of(stack.label_weights, members, flat)

    def __call__(self, step: StepInputs) -> tuple[Tensor, Tensor | int]:
        """Update the parameters.

        Returns
        -------
        Logits ``(k, n_out, batch)`` and twice the penalties ``(k,)`` (0 without), before the
        update.
        """
        values = self._differentiate(step)
        return values, self.update.take(step.scale, step.step_size, step.learning_rate)

    def differentiate(self, step: StepInputs) -> tuple[Tensor, Tensor | int]:
        """Leave the gradients of the mean loss, and update nothing; what is given is the same."""
        values = self._differentiate(step)
        return values, self.update.differentiate(step.scale)

    def _differentiate(self, step: StepInputs) -> Tensor:
        """Leave the gradients of the summed loss, and give the logits."""
        dropped, *masks = step.masks
        inputs = step.inputs if dropped is None else step.inputs * dropped
        logits = forward(self._network, self._layers, inputs, masks)
        values = logits.detach()
        residual = self._weighted_residual(step, values)
        torch._foreach_copy_(self._gradients, go_back(logits, residual, self._leaves))
        return values

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
