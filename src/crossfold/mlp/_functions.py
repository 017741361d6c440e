"""Activations and losses with their derivatives, by name, and the weights of rows and labels.

An activation works in place on an array ``z`` of shape ``(members, units, rows)``: `forward` turns
it into ``a = f(z)``; `backward` turns ``dL/da`` into ``dL/dz``, for elementwise functions by
``dL/dz = dL/da * f'(z)``. Buffers are made once.

Of losses, arrays have shape ``(..., n_out, rows)``. A loss gives the terms whose sum over the
outputs is the loss of a row, and the residual ``dL/dz`` with respect to the logits ``z``.
Cross-entropy is fused with sigmoid or softmax, so that nothing is clipped; of any other pair of a
loss and an output activation, the loss is on the outputs. ``gamma`` is the focal exponent of each
member, in a shape that broadcasts; the other losses do not read it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
from scipy.special import expit

from crossfold.mlp._spec import Activation, Array, DataSet, Head, Loss, Member, Network
from crossfold.mlp.exceptions import ParameterError

LEAKY_SLOPE = 0.01
"""Slope of ``leaky_relu`` below zero (Maas et al. 2013)."""
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
"""Constants of ``selu``, with which means 0 and variances 1 are kept (Klambauer et al. 2017)."""


_LINE_BYTES = 64
"""What a processor reads and writes at once, at addresses that are multiples of it."""


def aligned(shape: tuple[int, ...], dtype: Any, fill: float = 0) -> Array:
    """Make an array that begins at the start of a cache line.

    What is read and written together should be made so, and in the same shape: then it takes up to
    half the time that it takes where lines are cut, or where a read has to wait because its
    address ends as that of a write just before.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.empty(size + _LINE_BYTES, dtype=np.uint8)
    start = -memory.__array_interface__["data"][0] % _LINE_BYTES
    array: Array = memory[start : start + size].view(dtype).reshape(shape)
    array.fill(fill)
    return array


@cache
def compiled(function: Callable[..., None]) -> Callable[..., None] | None:
    """Let numba compile one pass over memory where NumPy takes several, with the same results.

    Bit for bit: every number goes through the operations that NumPy would do, in their order. None
    where numba is not installed or ``NUMBA_DISABLE_JIT`` is set. It is compiled when it first meets
    arrays of some types, and kept on disk for later processes where there is a folder to write to.
    """
    try:
        from numba import config, njit
    except ModuleNotFoundError:
        return None
    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        return None
    # Python's way with errors would look for a zero before every division.
    how: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        kernel: Callable[..., None] = njit(cache=True, **how)(function)
    except RuntimeError:  # numba finds no folder for its cache
        kernel = njit(**how)(function)
    return kernel


class Hidden:
    """An activation bound to the buffer ``z`` that it works on; this one is ``f(z) = z``."""

    def __init__(self, z: Array) -> None:
        self.z = z

    def forward(self) -> None:
        """Turn ``z`` into ``f(z)`` in place."""

    def backward(self, delta: Array) -> None:
        """Turn ``dL/da`` into ``dL/dz`` in place."""


class Relu(Hidden):
    """``f(z) = max(z, 0)``; the derivative at 0 is 0.

    A positive float read as an integer is positive, and minus it has only ones when shifted
    right by all its bits: a mask to AND with, three times as fast as a comparison and a product.
    """

    def __init__(self, z: Array) -> None:
        super().__init__(z)
        self._whole = np.dtype(f"i{z.itemsize}")
        self._bits = z.view(self._whole)
        self._mask = aligned(z.shape, self._whole)
        self._shift = np.array(8 * z.itemsize - 1, dtype=self._whole)

    def forward(self) -> None:
        np.negative(self._bits, out=self._mask)
        np.right_shift(self._mask, self._shift, out=self._mask)
        np.bitwise_and(self._bits, self._mask, out=self._bits)

    def backward(self, delta: Array) -> None:
        bits = delta.view(self._whole)
        np.bitwise_and(bits, self._mask, out=bits)


class CompiledRelu(Hidden):
    """`Relu` on memory without gaps, in one pass each way; ``a`` gives the mask again."""

    def __init__(self, z: Array, clear: Callable[..., None]) -> None:
        super().__init__(z)
        self._clear = clear, compiled(relu_slope) or relu_slope
        self._whole = np.dtype(f"i{z.itemsize}")
        self._bits = z.reshape(-1).view(self._whole)
        self._shift = self._whole.type(8 * z.itemsize - 1)

    def forward(self) -> None:
        self._clear[0](self._bits, self._shift)

    def backward(self, delta: Array) -> None:
        self._clear[1](delta.reshape(-1).view(self._whole), self._bits, self._shift)


def relu(z: Array, shift: Any) -> None:
    """Clear what is not positive of the bits ``(n,)``; `shift` is all bits of a number but one."""
    for i in range(z.size):
        z[i] &= -z[i] >> shift


def relu_slope(delta: Array, a: Array, shift: Any) -> None:
    """Clear the bits of ``dL/da`` where ``a`` is not positive; as above."""
    for i in range(a.size):
        delta[i] &= -a[i] >> shift


class Softmax(Hidden):
    """``f(z)_i = exp(z_i) / Σ_j exp(z_j)`` over the units of the layer."""

    def __init__(self, z: Array) -> None:
        super().__init__(z)
        self._product = np.empty(z.shape, dtype=z.dtype)

    def forward(self) -> None:
        softmax(self.z, out=self.z)

    def backward(self, delta: Array) -> None:
        """``dL/dz_i = a_i (dL/da_i - Σ_j a_j dL/da_j)``."""
        np.multiply(delta, self.z, out=self._product)
        np.subtract(delta, self._product.sum(axis=-2, keepdims=True), out=delta)
        np.multiply(delta, self.z, out=delta)


class Elementwise(Hidden):
    """An activation given by two functions.

    `apply` turns ``z`` into ``a`` in place and may use the slope's buffer; `derive` writes ``f'``
    there, from ``a``. Both are given `n_kept` more arrays like ``z``, to keep what they need. With
    `has_ones`, ``z`` includes the unit that is always one; see `KEEP_ONES`.
    """

    def __init__(
        self,
        z: Array,
        apply: Callable[..., Any],
        derive: Callable[..., Any],
        n_kept: int = 0,
        has_ones: bool = False,
    ) -> None:
        super().__init__(z)
        *leading, units, rows = z.shape
        whole = aligned((*leading, units + (not has_ones), rows), z.dtype)
        self._slope = whole[..., :units, :]
        self._kept = [np.empty_like(z) for _ in range(n_kept)]
        self._apply, self._derive = apply, derive

    def forward(self) -> None:
        self._apply(self.z, self._slope, *self._kept)

    def backward(self, delta: Array) -> None:
        self._derive(self.z, self._slope, *self._kept)
        np.multiply(delta, self._slope, out=delta)


def _custom(activation: Activation, z: Array) -> Hidden:
    """Bind an activation of the user's own, whose derivative takes ``z`` too."""

    def apply(z: Array, slope: Array, given: Array) -> None:
        np.copyto(given, z)
        z[...] = activation.function(given)

    def derive(a: Array, slope: Array, given: Array) -> None:
        slope[...] = activation.derivative(a, given)

    return Elementwise(z, apply, derive, n_kept=1)


def _leaky_relu(z: Array, scratch: Array) -> None:
    """``max(z, LEAKY_SLOPE * z)``."""
    np.multiply(z, LEAKY_SLOPE, out=scratch)
    np.maximum(z, scratch, out=z)


def _leaky_relu_slope(a: Array, slope: Array) -> None:
    """``f' = 1`` where ``a > 0``, else ``LEAKY_SLOPE``."""
    np.greater(a, 0, out=slope, casting="unsafe")
    np.multiply(slope, 1 - LEAKY_SLOPE, out=slope)
    np.add(slope, LEAKY_SLOPE, out=slope)


def _from_one(a: Array, slope: Array) -> None:
    """``f' = a (1 - a)``."""
    np.subtract(1, a, out=slope)
    np.multiply(slope, a, out=slope)


def _tanh_slope(a: Array, slope: Array) -> None:
    """``f' = 1 - a²``."""
    np.multiply(a, a, out=slope)
    np.subtract(1, slope, out=slope)


def _silu(z: Array, scratch: Array, gate: Array) -> None:
    """``z / (1 + exp(-z))``, the gate as ``(1 + tanh(z / 2)) / 2``: several times as fast.

    Elfwing et al. 2018; Swish of Ramachandran et al. 2017.
    """
    np.multiply(z, 0.5, out=gate)
    np.tanh(gate, out=gate)
    np.add(gate, 1, out=gate)
    np.multiply(gate, 0.5, out=gate)
    np.multiply(z, gate, out=z)


def _silu_slope(a: Array, slope: Array, gate: Array) -> None:
    """``f' = g + a (1 - g)``."""
    np.subtract(1, gate, out=slope)
    np.multiply(slope, a, out=slope)
    np.add(slope, gate, out=slope)


def _mish(z: Array, scratch: Array, given: Array, gate: Array) -> None:
    """``z tanh(log(1 + exp(z)))`` (Misra 2020)."""
    np.copyto(given, z)
    np.logaddexp(z, 0, out=gate)
    np.tanh(gate, out=gate)
    np.multiply(z, gate, out=z)


def _mish_slope(a: Array, slope: Array, z: Array, gate: Array) -> None:
    """``f' = g + z (1 - g²) / (1 + exp(-z))``."""
    np.multiply(gate, gate, out=slope)
    np.subtract(1, slope, out=slope)
    np.multiply(slope, z, out=slope)
    np.multiply(slope, expit(z), out=slope)
    np.add(slope, gate, out=slope)


# ``λ z`` above 0, ``λ α (exp(z) - 1)`` below, where ``f' = a + λ α`` (Klambauer et al. 2017).
SELU = Activation(
    "selu",
    lambda z: SELU_SCALE * (np.maximum(z, 0) + SELU_ALPHA * np.expm1(np.minimum(z, 0))),
    lambda a, z: np.where(a > 0, SELU_SCALE, a + SELU_SCALE * SELU_ALPHA),
)
# ``z/5 + 1/2`` between -2.5 and 2.5, 0 below and 1 above.
HARD_SIGMOID = Activation(
    "hard_sigmoid",
    lambda z: np.clip(0.2 * z + 0.5, 0, 1),
    lambda a, z: 0.2 * ((a > 0) & (a < 1)),
)
ACTIVATIONS: dict[str, Callable[[Array], Hidden]] = {
    "relu": Relu,
    "leaky_relu": lambda z: Elementwise(z, _leaky_relu, _leaky_relu_slope, has_ones=True),
    "selu": partial(_custom, SELU),
    "sin": partial(_custom, Activation("sin", np.sin, lambda a, z: np.cos(z))),
    "silu": lambda z: Elementwise(z, _silu, _silu_slope, n_kept=1),
    "mish": lambda z: Elementwise(z, _mish, _mish_slope, n_kept=2),
    "sigmoid": lambda z: Elementwise(z, lambda z, scratch: expit(z, out=z), _from_one),
    "tanh": lambda z: Elementwise(z, lambda z, scratch: np.tanh(z, out=z), _tanh_slope),
    "hard_sigmoid": partial(_custom, HARD_SIGMOID),
    "linear": Hidden,
    "exp": partial(_custom, Activation("exp", np.exp, lambda a, z: a)),
    "softmax": Softmax,
}


def bind(activation: str | Activation, z: Array, *, compiles: bool = False) -> Hidden:
    """Give the activation of that name, working on ``z``; to be compiled, which has no gaps."""
    if isinstance(activation, Activation):
        return _custom(activation, z)
    if compiles and activation == "relu" and (clear := compiled(relu)) is not None:
        return CompiledRelu(z, clear)
    return ACTIVATIONS[activation](z)


KEEP_ONES = {"linear", "relu", "leaky_relu"}
"""Activations that may work on the unit that is always one too, as ``f(1) = 1`` and ``f'(1) = 1``,
which is faster on memory without gaps."""


def softmax(z: Array, out: Array) -> Array:
    """Write softmax over the last but one axis to `out`; off the largest, nothing overflows."""
    np.subtract(z, z.max(axis=-2, keepdims=True), out=out)
    np.exp(out, out=out)
    np.divide(out, out.sum(axis=-2, keepdims=True), out=out)
    return out


CLIP = 1e-7
"""How near to 0 and 1 a loss on outputs follows them into its logarithms, as in Keras."""


def row_weights(member: Member, data_set: DataSet, head: Head) -> Array | None:
    """Give each row's weight, its sample weight times its class's, or None where all are 1."""
    weights = data_set.weights
    if member.class_weight is None or head in {"multilabel", "regression"}:
        return weights
    factors = np.asarray(member.class_weight)
    is_binary, targets = head == "binary", data_set.targets
    of_row = factors[(targets[:, 0] > 0.5).astype(int)] if is_binary else targets @ factors
    result: Array = of_row if weights is None else of_row * weights
    return result


def label_weights_of(members: Sequence[Member], network: Network) -> Array | None:
    """Give the factor of each label's loss, shape ``(k, n_out)``, or None where all are 1."""
    factors = [member.class_weight for member in members]
    if network.head != "multilabel" or all(factor is None for factor in factors):
        return None
    ones = np.ones(network.layer_sizes[-1])
    return np.stack([ones if factor is None else factor for factor in factors])


def softplus(z: Array) -> Array:
    """Give ``log(1 + exp(z))`` without overflow."""
    result: Array = np.maximum(z, 0) + np.log(1 + np.exp(-np.abs(z)))
    return result


def log_softmax(z: Array) -> Array:
    """Give the logarithm of softmax over the last but one axis."""
    shifted = z - z.max(axis=-2, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(axis=-2, keepdims=True))
    return result


def _focal_sigmoid_terms(z: Array, y: Array, gamma: Array) -> Array:
    """``-y (1 - p)^gamma log p - (1 - y) p^gamma log(1 - p)`` (Lin et al. 2017)."""
    p, q = expit(z), expit(-z)
    terms: Array = y * q**gamma * softplus(-z) + (1 - y) * p**gamma * softplus(z)
    return terms


def _focal_sigmoid_residual(z: Array, y: Array, gamma: Array, out: Array) -> None:
    """Derive the two terms, with ``q = 1 - p``, ``dp/dz = p q``.

    ``d/dz [q^gamma softplus(-z)] = -q^gamma (gamma p softplus(-z) + q)``, and
    ``d/dz [p^gamma softplus(z)] = p^gamma (gamma q softplus(z) + p)``.
    """
    p, q = expit(z), expit(-z)
    positive = q**gamma * (gamma * p * softplus(-z) + q)
    negative = p**gamma * (gamma * q * softplus(z) + p)
    np.subtract((1 - y) * negative, y * positive, out=out)


def _focal_softmax_terms(z: Array, y: Array, gamma: Array) -> Array:
    """``-y_c (1 - p_c)^gamma log p_c`` with ``p = softmax(z)``."""
    log_p = log_softmax(z)
    terms: Array = -y * (-np.expm1(log_p)) ** gamma * log_p
    return terms


def _focal_softmax_residual(z: Array, y: Array, gamma: Array, out: Array) -> None:
    """``dL/dz_j = u_j - p_j Σ_c u_c`` with ``u_c = dL/d(log p_c)``.

    ``u_c = y_c (gamma p_c q_c^(gamma-1) log p_c - q_c^gamma)`` with ``q = 1 - p``. ``q`` is kept
    from zero, where ``q^(gamma-1) log p`` would be infinity times zero instead of its limit.
    """
    log_p = log_softmax(z)
    p = np.exp(log_p)
    q = np.maximum(-np.expm1(log_p), np.finfo(z.dtype).tiny)
    u = y * (gamma * p * log_p / q - 1) * q**gamma
    np.subtract(u, p * u.sum(axis=-2, keepdims=True), out=out)


def _poisson_terms(a: Array, y: Array, gamma: Array) -> Array:
    """Minus the log-likelihood of counts, ``a - y log a``, without its constant."""
    mean = np.maximum(a, CLIP)
    terms: Array = mean - y * np.log(mean)
    return terms


def _label_terms(a: Array, y: Array, gamma: Array) -> Array:
    """``-y log a - (1 - y) log(1 - a)``, each output a label of its own."""
    p = np.clip(a, CLIP, 1 - CLIP)
    terms: Array = -y * np.log(p) - (1 - y) * np.log1p(-p)
    return terms


def _label_residual(a: Array, y: Array, gamma: Array, out: Array) -> None:
    """``dL/da = (a - y) / (a (1 - a))``, and 0 where ``a`` is clipped."""
    p = np.clip(a, CLIP, 1 - CLIP)
    np.multiply((p - y) / (p * (1 - p)), (a > CLIP) & (a < 1 - CLIP), out=out)


ON_OUTPUTS = {
    "mse": Loss(
        lambda a, y, gamma: np.square(a - y) / 2,
        lambda a, y, gamma, out: np.subtract(a, y, out=out),
    ),
    "mae": Loss(
        lambda a, y, gamma: np.abs(a - y),
        lambda a, y, gamma, out: np.sign(np.subtract(a, y, out=out), out=out),
    ),
    "cross_entropy": Loss(_label_terms, _label_residual),
    # ``dL/da = 1 - y / a``, and 0 where ``a`` is clipped.
    "poisson": Loss(
        _poisson_terms,
        lambda a, y, gamma, out: np.multiply(1 - y / np.maximum(a, CLIP), a > CLIP, out=out),
    ),
}
"""Losses on outputs by name. ``mse`` is half the squared error, summed over the outputs of a row:
scikit-learn's gradient (its printed loss is the mean over the outputs)."""

LOSSES: dict[str, dict[str, Loss]] = {
    "sigmoid": {
        # ``-y log p - (1 - y) log(1 - p) = softplus(z) - y z`` with ``p = sigmoid(z)``.
        "cross_entropy": Loss(
            lambda z, y, gamma: softplus(z) - y * z,
            lambda z, y, gamma, out: np.subtract(expit(z, out=out), y, out=out),
        ),
        "focal": Loss(_focal_sigmoid_terms, _focal_sigmoid_residual),
    },
    "softmax": {
        # ``-y_c log p_c`` with ``p = softmax(z)``, for targets that sum to one.
        "cross_entropy": Loss(
            lambda z, y, gamma: -y * log_softmax(z),
            lambda z, y, gamma, out: np.subtract(softmax(z, out=out), y, out=out),
        ),
        "focal": Loss(_focal_softmax_terms, _focal_softmax_residual),
    },
    "exp": {
        "poisson": Loss(
            lambda z, y, gamma: np.exp(z) - y * z,
            lambda z, y, gamma, out: np.subtract(np.exp(z, out=out), y, out=out),
        )
    },
    "linear": {name: ON_OUTPUTS[name] for name in ("mse", "mae")},
}
"""Losses on logits by output activation and name."""

SHARES = {"sigmoid", "softmax", "hard_sigmoid"}
"""Output activations whose outputs are between 0 and 1."""

_OUTPUTS = {"focal": {"sigmoid", "softmax"}, "cross_entropy": SHARES}
_OUTPUTS["poisson"] = {"exp", "relu", *SHARES}


def loss_of(network: Network) -> Loss:
    """Give the loss on logits that a network is trained with."""
    if network.label_smoothing:
        return _on_smooth_labels(loss_of(replace(network, label_smoothing=0.0)), network)
    loss, link = network.loss, network.link
    if isinstance(loss, Loss):
        return loss if network.output is None else behind(loss, link)
    if isinstance(link, str) and loss in LOSSES.get(link, {}):
        return LOSSES[link][loss]
    fitting = _OUTPUTS.get(loss, {link})
    if loss not in ON_OUTPUTS or (isinstance(link, str) and link not in fitting):
        raise ParameterError(
            f"loss={loss!r} needs outputs that are {' or '.join(sorted(map(str, fitting)))}, but "
            f"output_activation is {getattr(link, 'name', link)!r}; loss='mse' goes with any."
        )
    return behind(ON_OUTPUTS[loss], link)


def behind(loss: Loss, link: str | Activation) -> Loss:
    """Turn a loss on outputs ``a = f(z)`` into one on logits: ``dL/dz = dL/da · f'(z)``."""

    def terms(z: Array, y: Array, gamma: Array) -> Array:
        outputs = bind(link, z.copy())
        outputs.forward()
        return loss.terms(outputs.z, y, gamma)

    def residual(z: Array, y: Array, gamma: Array, out: Array) -> None:
        outputs = bind(link, z.copy())
        outputs.forward()
        loss.residual(outputs.z, y, gamma, out)
        outputs.backward(out)

    return replace(loss, terms=terms, residual=residual)


def smooth(targets: Any, network: Network) -> Any:
    """Smooth labels: ``(1 - s) y + s / n``, of ``n`` classes (Szegedy et al. 2016, section 7).

    Of one logit and of independent labels ``n`` is 2. Arrays of NumPy and PyTorch alike.
    """
    share = network.label_smoothing
    n_classes = network.layer_sizes[-1] if network.head == "multiclass" else 2
    return targets * (1 - share) + share / n_classes


def _on_smooth_labels(loss: Loss, network: Network) -> Loss:
    """Measure a loss against smoothed labels, as PyTorch's ``CrossEntropyLoss`` does."""

    def terms(z: Array, y: Array, gamma: Array) -> Array:
        return loss.terms(z, smooth(y, network), gamma)

    def residual(z: Array, y: Array, gamma: Array, out: Array) -> None:
        loss.residual(z, smooth(y, network), gamma, out)

    return replace(loss, terms=terms, residual=residual)


def apply_link(network: Network, logits: Array) -> Array:
    """Turn logits ``(..., n_out, rows)`` into outputs in place, and give them back."""
    bind(network.link, logits).forward()
    return logits
