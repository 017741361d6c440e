"""The PyTorch engine: the same stacks with autograd, on the CPU or on a CUDA device.

Only this module imports torch. Parameters lie in one flat tensor, and the update rules of
`crossfold.mlp._update` work on it in place: ``torch.optim`` knows one learning rate per group
of parameters, not one per member of a stack.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor
from torch.nn import functional

from crossfold.mlp._batches import Block
from crossfold.mlp._engine import Engine, Layout, SharedEngine, Stack, runs_of, sum_losses
from crossfold.mlp._functions import CLIP, LEAKY_SLOPE, loss_of, smooth
from crossfold.mlp._spec import Activation, Array, Loss, Network
from crossfold.mlp._update import CHUNK_BYTES, Factors, Update
from crossfold.mlp.exceptions import ParameterError

Masks = Sequence[Tensor | None]
Residual = Callable[[Tensor, Tensor, Tensor], Tensor]


def forward(
    network: Network, layers: Sequence[tuple[Tensor, Tensor]], inputs: Tensor, masks: Masks = ()
) -> Tensor:
    """Give logits ``(k, n_out, rows)`` of inputs ``(k, n_in, rows)``.

    Layers are transposed weights ``(k, n_out, n_in)`` and biases ``(k, n_out, 1)``; masks the
    dropout factors of each hidden layer, or nothing.
    """
    coef, intercept = layers[0]
    return forward_above(network, layers[1:], affine(intercept, coef, inputs), masks)


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
        z = affine(intercept, coef, below)
    return z


def affine(intercept: Tensor, coef: Tensor, inputs: Tensor) -> Tensor:
    """Give ``coef @ inputs + intercept``, of a stack's networks or of one."""
    # On a CPU, a product of two matrices heeds the precision where that of stacks of one may not.
    if len(coef) == 1 and torch.get_float32_matmul_precision() != "highest":
        return torch.addmm(*(one.squeeze(0) for one in (intercept, coef, inputs))).unsqueeze(0)
    return torch.baddbmm(intercept, coef, inputs)


def transpose_layers(blocks: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """View blocks ``(k, n_in + 1, n_out)`` as the layers that `forward` takes."""
    turned = [block.transpose(1, 2) for block in blocks]
    return [(block[..., :-1], block[..., -1:]) for block in turned]


def leaves_of(
    layout: Layout, parameters: Tensor, gradients: Tensor
) -> tuple[list[tuple[Tensor, Tensor]], tuple[Tensor, ...], list[Tensor]]:
    """Give layers that autograd sees, all their tensors, and where the gradients of these go."""
    layers = [
        (coef.detach().requires_grad_(), intercept.detach().requires_grad_())
        for coef, intercept in transpose_layers(layout.blocks(parameters))
    ]
    turned = transpose_layers(layout.blocks(gradients))
    leaves = tuple(leaf for layer in layers for leaf in layer)
    return layers, leaves, [part for layer in turned for part in layer]


def draw_masks(
    dropout: Array, units: Sequence[int], batches: Sequence[int], like: Tensor, how: torch.Generator
) -> list[Tensor | None]:
    """Draw dropout masks on the device of layers of so many units, None where nothing is dropped.

    From rates ``(k, layers)``; shapes ``(k, units, batch)``, or ``(k, steps, units, batch)``.
    """
    masks: list[Tensor | None] = [None] * len(units)
    for layer in np.flatnonzero(dropout.any(axis=0)).tolist():
        *steps, batch = batches
        shape = len(dropout), *steps, units[layer], batch
        drawn = torch.rand(shape, generator=how, device=like.device)
        rate = torch.as_tensor(dropout[:, layer]).to(like).view(-1, *(1 for _ in shape[1:]))
        masks[layer] = (drawn >= rate).to(like.dtype) / (1 - rate)
    return masks


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
        ctx.activation, ctx.z = activation, z.detach().cpu().numpy()
        ctx.a = activation.function(ctx.z)
        return torch.as_tensor(ctx.a, dtype=z.dtype, device=z.device)

    @staticmethod
    def backward(ctx: Any, delta: Tensor) -> tuple[Tensor, None]:
        slope = ctx.activation.derivative(ctx.a, ctx.z)
        return delta * torch.as_tensor(slope, dtype=delta.dtype, device=delta.device), None


# In place where autograd allows it: a new array costs more than the operation.
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu_,
    "leaky_relu": lambda z: functional.leaky_relu(z, LEAKY_SLOPE),
    "selu": functional.selu_,
    "sin": torch.sin,
    "silu": functional.silu,
    "mish": functional.mish,
    "sigmoid": torch.sigmoid_,
    "tanh": torch.tanh_,
    "exp": torch.exp_,
    "hard_sigmoid": lambda z: torch.clamp(0.2 * z + 0.5, 0, 1),
    "linear": lambda z: z,
    "softmax": lambda z: torch.softmax(z, dim=-2),
}


def _focal_sigmoid_terms(z: Tensor, y: Tensor, gamma: Tensor) -> Tensor:
    """See `crossfold.mlp._functions`; ``q^gamma = exp(gamma log q)`` is smooth where q is 0."""
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
    "sigmoid": {
        "cross_entropy": lambda z, y, gamma: torch.sigmoid(z).sub_(y),
        "focal": _derive(_focal_sigmoid_terms),
    },
    "softmax": {
        "cross_entropy": lambda z, y, gamma: torch.softmax(z, dim=-2).sub_(y),
        "focal": _derive(_focal_softmax_terms),
    },
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
    if isinstance(network.loss, Loss):
        return _own_residual(loss_of(network))
    loss, link = str(network.loss), network.link
    if isinstance(link, str) and loss in RESIDUALS.get(link, {}):
        return RESIDUALS[link][loss]
    terms, activate = TERMS[loss], activation_of(link)
    return _derive(lambda z, y, gamma: terms(activate(z.clone()), y))


def _own_residual(loss: Loss) -> Residual:
    """Call a loss of the user's own: its NumPy function, on the CPU."""

    def residual(z: Tensor, y: Tensor, gamma: Tensor) -> Tensor:
        logits, targets, exponents = (one.detach().cpu().numpy() for one in (z, y, gamma))
        out = np.empty_like(logits)
        loss.residual(logits, targets, exponents, out)
        return torch.as_tensor(out, device=z.device)

    return residual


StepInputs = tuple[Any, ...]
"""What one step reads: inputs ``(k, n_in, batch)``, targets ``(k, n_out, batch)``, and more.

Weights ``(k, 1, batch)``, 0 for padding, or None where all are 1; scale, step sizes and learning
rates ``(k, 1)``, arrays where NumPy updates; then masks of the inputs and each hidden layer ``(k,
units, batch)``, or None.
"""

_WARM_UP_STEPS = 3


class GraphedStep:
    """Captures a step as a CUDA graph when it is first taken, and replays it from then on.

    The step reads from and writes to the same memory each time; partial batches come padded, so
    that their shapes are the same.
    """

    def __init__(self, step: TrainingStep) -> None:
        self._step, self.update = step, step.update
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, step: StepInputs) -> tuple[Tensor, Any]:
        if self._graph is None:
            self._graph = self._capture(step)
        static, given = ([t for t in own if t is not None] for own in (self._static, step))
        torch._foreach_copy_(static, given)
        self._graph.replay()
        logits, twice_penalty = self._results
        kept = twice_penalty.clone() if isinstance(twice_penalty, Tensor) else twice_penalty
        return logits.clone(), kept

    def _capture(self, step: StepInputs) -> torch.cuda.CUDAGraph:
        """Record the step, and put back what the warm-up steps changed."""
        self._static = tuple(None if one is None else one.clone() for one in step)
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


class TrainingStep:
    """Takes one step with some members of a stack; the update's parameters are updated in place."""

    def __init__(
        self, stack: Stack, members: slice, update: Update, flat: Tensor, gradients: Tensor
    ) -> None:
        self.update = update
        self._network = stack.network
        self._layers, self._leaves, self._gradients = leaves_of(stack.layout, flat, gradients)
        self._residual = residual_of(stack.network)
        self._gamma = torch.as_tensor(stack.gamma[members, None, None], device=flat.device)
        labels = stack.label_weights
        self._labels = None if labels is None else torch.as_tensor(labels[members]).to(flat)

    def __call__(self, step: StepInputs) -> tuple[Tensor, Any]:
        """Update the parameters; give logits and twice the penalties ``(k,)`` before that."""
        inputs, targets, weights, scale, step_sizes, rates, dropped, *masks = step
        if dropped is not None:
            inputs = inputs * dropped
        logits = forward(self._network, self._layers, inputs, masks)
        values = logits.detach()
        residual = self._residual(values, targets, self._gamma)
        if self._labels is not None:
            residual = residual * self._labels[..., None]
        if weights is not None:
            residual = residual * weights
        torch._foreach_copy_(self._gradients, go_back(logits, residual, self._leaves))
        return values, self.update.take(scale, step_sizes, rates)


@contextmanager
def _for_a_while(get: Callable[[], Any], put: Callable[[Any], Any], value: Any) -> Iterator[None]:
    """Let a setting of the whole process have a value, then the one that it had."""
    before = get()
    put(value)
    try:
        yield
    finally:
        put(before)


one_torch_thread = partial(_for_a_while, torch.get_num_threads, torch.set_num_threads, 1)
matmul_precision = partial(
    _for_a_while, torch.get_float32_matmul_precision, torch.set_float32_matmul_precision
)


_SCORED_BYTES = 1 << 24
_FEW_COLUMNS = 32


class TorchEngine(Engine):
    """Trains a stack with PyTorch, on the CPU its arrays in place. See `Engine`.

    On a CUDA device a step is captured once as a graph and replayed, and dropout masks come from
    the device's own generator: they differ from those on the CPU and depend on the whole stack.
    """

    one_thread_each = staticmethod(one_torch_thread)

    def __init__(self, stack: Stack) -> None:
        self._device = choose_device(stack.settings.device)
        self._dtype: torch.dtype = getattr(torch, stack.settings.dtype)
        # Calls of NumPy take half as long as those of PyTorch.
        self._xp: Any = np if self._device.type == "cpu" else torch
        self.n_workers = torch.get_num_threads() if self._device.type == "cpu" else 0
        # An activation or a loss of the user's own runs on the CPU, and cannot be captured.
        functions = (*stack.network.activations, stack.network.link, stack.network.loss)
        is_own = any(isinstance(one, Activation | Loss) for one in functions)
        self._captures = not (self.n_workers or is_own or stack.settings.solver == "lbfgs")
        self._generator = torch.Generator(self._device)
        self._generator.manual_seed(stack.seed)
        inputs = {id(d.inputs): d.inputs for d in stack.data_sets}
        tensors = {key: resident(array, self._device) for key, array in inputs.items()}
        self._data = [
            (tensors[id(d.inputs)], resident(d.targets, self._device).to(self._dtype))
            for d in stack.data_sets
        ]
        self._begin(stack)

    def _begin(self, stack: Stack) -> None:
        self._stack = stack
        self._flat = self._put(stack.parameters)
        self._state = {name: self._put(array) for name, array in stack.state.items()}
        factors = {name: self._share(self._put(a)) for name, a in stack.factors.items()}
        self._factors = Factors(self._xp, **factors)
        self._steps: dict[tuple[int, int], TrainingStep | GraphedStep] = {}

    def run(self, block: Block) -> Array:
        key = block.members.start, block.members.stop
        if key not in self._steps:
            step = self._make_step(block.members)
            self._steps[key] = GraphedStep(step) if self._captures else step
        inputs, targets = self._gather(block.rows, block.members)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            taken = [self._steps[key](one) for one in self._inputs_of(block, inputs, targets)]
        logits = torch.stack([z for z, _ in taken], dim=1).cpu().numpy()
        penalties = [torch.as_tensor(p) for _, p in taken if not isinstance(p, int)]
        twice_penalty = np.zeros((len(inputs), 1))
        if penalties:
            twice_penalty = torch.stack(penalties, dim=1).cpu().numpy()
        with np.errstate(over="ignore", invalid="ignore"):
            return sum_losses(self._stack, block, logits, targets.cpu().numpy(), twice_penalty)

    def gradients(self, members: slice) -> Array:
        gradients = self._steps[members.start, members.stop].update.gradients
        return torch.as_tensor(gradients).cpu().numpy().copy()

    def _logits(self, rows: Array, members: slice) -> Array:
        row_bytes = len(rows) * max(self._stack.network.layer_sizes) * self._flat.element_size()
        n_chunks = max(1, -(-rows.shape[1] * row_bytes // _SCORED_BYTES))
        layers = transpose_layers(self._stack.layout.blocks(self._flat[members]))
        found = []
        with torch.no_grad():
            for chunk in np.array_split(rows, n_chunks, axis=1):
                inputs, _ = self._gather(chunk, members)
                found.append(forward(self._stack.network, layers, inputs).cpu().numpy())
        return np.concatenate(found, axis=-1)

    def _make_step(self, members: slice) -> TrainingStep:
        # `data` counts its changes alone; a view would count those that other workers make.
        parameters = self._flat[members].data
        gradients = torch.empty_like(parameters)
        state = {name: tensor[members] for name, tensor in self._state.items()}
        update = Update(
            self._xp,
            self._stack.settings,
            self._share(parameters),
            self._share(gradients),
            {name: self._share(tensor) for name, tensor in state.items()},
            self._factors.of(members),
            CHUNK_BYTES if self.n_workers else None,
            self._stack.layout,
            self._stack.shared(members),
        )
        return TrainingStep(self._stack, members, update, parameters, gradients)

    def _share(self, tensor: Tensor) -> Any:
        """Give a tensor as what updates parameters takes it, in the same memory."""
        return tensor.numpy() if self._xp is np else tensor

    def _put(self, array: Array) -> Tensor:
        return torch.as_tensor(array, dtype=self._dtype, device=self._device)

    def _gather(self, rows: Array, members: slice) -> tuple[Tensor, Tensor]:
        """Give inputs ``(k, ..., n_in, r)`` and targets ``(k, ..., n_out, r)`` of some rows."""
        index = torch.from_numpy(rows).to(self._device)
        taken = [
            (
                _take(self._data[d][0], index[run]).to(self._dtype),
                _take(self._data[d][1], index[run]),
            )
            for run, d in runs_of(self._stack.data[members])
        ]
        inputs, targets = (
            torch.cat(parts) if len(parts) > 1 else parts[0] for parts in zip(*taken, strict=True)
        )
        if self._stack.network.input_scale != 1:
            inputs = inputs * self._stack.network.input_scale
        turned = inputs.transpose(-1, -2)
        if inputs.shape[-1] < _FEW_COLUMNS:  # which MKL is slow at when they are not copied
            turned = turned.contiguous()
        return turned, targets.transpose(-1, -2)

    def _inputs_of(self, block: Block, inputs: Tensor, targets: Tensor) -> Iterator[StepInputs]:
        """Give what each step reads. On CUDA weights are always given: one graph serves all."""
        weights: Sequence[Tensor | None] = [None] * block.n_steps
        if block.weights is not None:
            weights = self._put(block.weights)[:, :, None].unbind(1)
        elif not self.n_workers:
            weights = torch.ones_like(targets[:, :, :1]).unbind(1)
        masks = [None if mask is None else self._put(mask) for mask in block.masks]
        if not self.n_workers:
            units, dropout = self._stack.layout.sizes[:-1], self._stack.dropout[block.members]
            batches = block.rows.shape[1:]
            masks = draw_masks(dropout, units, batches, self._flat, self._generator)
        per_member = (block.scale, block.step_sizes, block.learning_rates)
        scale, sizes, rates = (
            [self._share(one) for one in self._put(array)[..., None].unbind(1)]
            for array in per_member
        )
        for s, (x, y) in enumerate(zip(inputs.unbind(1), targets.unbind(1), strict=True)):
            of_step = (None if mask is None else mask[:, s] for mask in masks)
            yield x, y, weights[s], scale[s], sizes[s], rates[s], *of_step


def choose_device(name: str) -> torch.device:
    """Give the device of that name; ``auto`` takes a CUDA device when there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ParameterError(
            "device='cuda' was asked for, but PyTorch finds no CUDA device here; use device='auto'."
        )
    return torch.device(name)


def resident(array: Any, device: torch.device) -> Any:
    """Put an array on the device, where it is not sparse; on the CPU the same memory is read."""
    if issparse(array):
        return array
    if array.dtype.kind == "u" and array.itemsize > 1:
        array = array.astype(np.int64)  # Larger unsigned integers cannot be indexed by torch.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)


def _take(source: Any, rows: Tensor) -> Tensor:
    """Give rows of any shape; four times as fast on the CPU as indexing with them."""
    if issparse(source):
        taken = source[rows.reshape(-1).cpu().numpy()].toarray()
        return torch.as_tensor(taken, device=rows.device).view(*rows.shape, -1)
    return torch.index_select(source, 0, rows.reshape(-1)).view(*rows.shape, -1)


class SharedTorchEngine(SharedEngine):
    """Trains networks on the same rows with PyTorch. On a device all rows are one chunk."""

    xp = torch
    one_thread_each = staticmethod(one_torch_thread)

    def __init__(self, stacks: Sequence[Stack]) -> None:
        self._device = choose_device(stacks[0].settings.device)
        self._dtype: torch.dtype = getattr(torch, stacks[0].settings.dtype)
        self.n_workers = torch.get_num_threads() if self._device.type == "cpu" else 0
        generator = torch.Generator(self._device)
        generator.manual_seed(stacks[0].seed)
        self.part = partial(_Part, None if self.n_workers else generator)
        [data_set] = stacks[0].data_sets
        self.inputs = resident(data_set.inputs, self._device)
        self.targets = resident(data_set.targets.T, self._device).to(self._dtype)
        super().__init__(stacks)

    def _put(self, array: Array) -> Tensor:
        return torch.as_tensor(array, dtype=self._dtype, device=self._device)

    def make(self, *shape: int) -> Tensor:
        return torch.empty(shape, dtype=self._dtype, device=self._device)

    def multiply(self, inputs: Tensor, z: Tensor) -> None:
        first = self.first.parameters
        torch.addmm(first[:, -1:], first[:, :-1], inputs[:, :-1].T, out=z)

    def multiply_back(self, deltas: Tensor, inputs: Tensor, gradients: Tensor) -> None:
        torch.mm(deltas, inputs[:, :-1], out=gradients[:, :-1])
        torch.sum(deltas, dim=1, out=gradients[:, -1])


class _Part:
    """A `Part` with gradients by autograd; a generator draws dropout masks on the device."""

    def __init__(
        self,
        generator: torch.Generator | None,
        stack: Stack,
        flat: Tensor,
        gradients: Tensor,
        z: Tensor,
        deltas: Tensor,
    ) -> None:
        self._stack, self._network, self._generator = stack, stack.network, generator
        self._z = z.view(len(flat), stack.layout.sizes[1], -1)
        self._deltas = deltas.view(self._z.shape)
        layout = Layout(stack.layout.sizes[1:])
        self._layers, self._leaves, self._gradients = leaves_of(layout, flat, gradients)
        self._residual = residual_of(stack.network)
        self._gamma = torch.as_tensor(stack.gamma[:, None, None]).to(flat)

    def differentiate(self, targets: Tensor, masks: Sequence[Array | None]) -> None:
        like, rates, units = self._z, self._stack.dropout[:, 1:], self._stack.layout.sizes[1:-1]
        if self._generator is None:
            own = [None if m is None else torch.as_tensor(m, dtype=like.dtype) for m in masks]
        else:
            own = draw_masks(rates, units, like.shape[-1:], like, self._generator)
        leaf = like.detach().requires_grad_()
        # Activations work in place, which a leaf does not allow.
        logits = forward_above(self._network, self._layers, leaf.clone(), own)
        residual = self._residual(logits.detach(), targets[None], self._gamma)
        delta, *upper = torch.autograd.grad(logits, [leaf, *self._leaves], residual)
        self._deltas.copy_(delta)
        torch._foreach_copy_(self._gradients, upper)

    def logits(self) -> Array:
        with torch.no_grad():
            logits = forward_above(self._network, self._layers, self._z.clone())
        fetched: Array = logits.cpu().numpy()
        return fetched
