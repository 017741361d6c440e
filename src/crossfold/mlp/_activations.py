"""Hidden activations and their derivatives, in place, by name.

Each works on an array ``z`` of shape ``(members, units, rows)``: `forward` turns it into
``a = f(z)``; `backward` turns ``dL/da`` into ``dL/dz``, for elementwise functions by
``dL/dz = dL/da * f'(z)``. Buffers are made once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit

from crossfold.mlp._spec import Activation, Array

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


class Hidden(ABC):
    """An activation bound to the buffer that it works on.

    Attributes
    ----------
    keeps_ones
        Whether ``f(1) = 1`` and ``f'(1) = 1``, so that it may work on the unit that is always one
        too: it is faster on memory without gaps.
    """

    keeps_ones: ClassVar[bool] = False

    def __init__(self, z: Array) -> None:
        self.z = z

    @abstractmethod
    def forward(self) -> None:
        """Turn ``z`` into ``f(z)`` in place."""

    @abstractmethod
    def backward(self, delta: Array) -> None:
        """Turn ``dL/da`` into ``dL/dz`` in place."""


class Linear(Hidden):
    """``f(z) = z``."""

    keeps_ones = True

    def forward(self) -> None:
        """Leave ``z`` as it is."""

    def backward(self, delta: Array) -> None:
        """Leave `delta` as it is: ``f' = 1``."""


class Relu(Hidden):
    """``f(z) = max(z, 0)``; the derivative at 0 is 0.

    A positive float read as an integer is positive, and minus it has only ones when shifted
    right by all its bits: a mask to AND with, three times as fast as a comparison and a product.
    """

    keeps_ones = True

    def __init__(self, z: Array) -> None:
        super().__init__(z)
        self._whole = np.dtype(f"i{z.itemsize}")
        self._bits = z.view(self._whole)
        self._mask = aligned(z.shape, self._whole)
        self._shift = np.array(8 * z.itemsize - 1, dtype=self._whole)

    def forward(self) -> None:
        """Clear the bits of what is not positive."""
        np.negative(self._bits, out=self._mask)
        np.right_shift(self._mask, self._shift, out=self._mask)
        np.bitwise_and(self._bits, self._mask, out=self._bits)

    def backward(self, delta: Array) -> None:
        """``f' = 1`` where ``z > 0``, else 0."""
        bits = delta.view(self._whole)
        np.bitwise_and(bits, self._mask, out=bits)


class Elementwise(Hidden):
    """An activation whose derivative is worked out into a buffer of its own."""

    def __init__(self, z: Array) -> None:
        super().__init__(z)
        *leading, units, rows = z.shape
        self._slope = aligned((*leading, units + (not self.keeps_ones), rows), z.dtype)[
            ..., :units, :
        ]

    def backward(self, delta: Array) -> None:
        """Multiply by the derivative."""
        self._derive(self.z, self._slope)
        np.multiply(delta, self._slope, out=delta)

    @abstractmethod
    def _derive(self, a: Array, slope: Array) -> None:
        """Write ``f'`` to `slope`, from ``a = f(z)``."""


class LeakyRelu(Elementwise):
    """``f(z) = z`` above 0 and ``LEAKY_SLOPE * z`` below."""

    keeps_ones = True

    def forward(self) -> None:
        """``f(z) = max(z, LEAKY_SLOPE * z)``."""
        np.multiply(self.z, LEAKY_SLOPE, out=self._slope)
        np.maximum(self.z, self._slope, out=self.z)

    def _derive(self, a: Array, slope: Array) -> None:
        """``f' = 1`` where ``a > 0``, else ``LEAKY_SLOPE``."""
        np.greater(a, 0, out=slope, casting="unsafe")
        np.multiply(slope, 1 - LEAKY_SLOPE, out=slope)
        np.add(slope, LEAKY_SLOPE, out=slope)


class Sigmoid(Elementwise):
    """``f(z) = 1 / (1 + exp(-z))``."""

    def forward(self) -> None:
        """Apply the logistic function."""
        expit(self.z, out=self.z)

    def _derive(self, a: Array, slope: Array) -> None:
        """``f' = a (1 - a)``."""
        np.subtract(1, a, out=slope)
        np.multiply(slope, a, out=slope)


class Tanh(Elementwise):
    """``f(z) = tanh(z)``."""

    def forward(self) -> None:
        """Apply the hyperbolic tangent."""
        np.tanh(self.z, out=self.z)

    def _derive(self, a: Array, slope: Array) -> None:
        """``f' = 1 - a²``."""
        np.multiply(a, a, out=slope)
        np.subtract(1, slope, out=slope)


class Exp(Elementwise):
    """``f(z) = exp(z)``, for outputs that are counts."""

    def forward(self) -> None:
        """Apply the exponential."""
        np.exp(self.z, out=self.z)

    def _derive(self, a: Array, slope: Array) -> None:
        """``f' = a``."""
        np.copyto(slope, a)


class Selu(Elementwise):
    """``f(z) = λ z`` above 0 and ``λ α (exp(z) - 1)`` below (Klambauer et al. 2017)."""

    def forward(self) -> None:
        """Apply both halves and add them up."""
        np.minimum(self.z, 0, out=self._slope)
        np.expm1(self._slope, out=self._slope)
        np.multiply(self._slope, SELU_ALPHA, out=self._slope)
        np.maximum(self.z, 0, out=self.z)
        np.add(self.z, self._slope, out=self.z)
        np.multiply(self.z, SELU_SCALE, out=self.z)

    def _derive(self, a: Array, slope: Array) -> None:
        """``f' = λ`` where ``a > 0``, else ``a + λ α``."""
        np.add(a, SELU_SCALE * SELU_ALPHA, out=slope)
        np.copyto(slope, SELU_SCALE, where=a > 0)


class Gated(Elementwise):
    """``f(z) = z g(z)``, which keeps ``z`` and the gate ``g(z)`` for the derivative."""

    def __init__(self, z: Array) -> None:
        super().__init__(z)
        self._input, self._gate = np.empty_like(z), np.empty_like(z)

    def forward(self) -> None:
        """Multiply by the gate."""
        np.copyto(self._input, self.z)
        self._open(self.z, self._gate)
        np.multiply(self.z, self._gate, out=self.z)

    @abstractmethod
    def _open(self, z: Array, gate: Array) -> None:
        """Write ``g(z)`` to `gate`."""


class Silu(Gated):
    """``f(z) = z / (1 + exp(-z))`` (Elfwing et al. 2018; Swish of Ramachandran et al. 2017)."""

    def _open(self, z: Array, gate: Array) -> None:
        """``g = 1 / (1 + exp(-z))``, as ``(1 + tanh(z / 2)) / 2``: several times as fast."""
        np.multiply(z, 0.5, out=gate)
        np.tanh(gate, out=gate)
        np.add(gate, 1, out=gate)
        np.multiply(gate, 0.5, out=gate)

    def _derive(self, a: Array, slope: Array) -> None:
        """``f' = g + a (1 - g)``."""
        np.subtract(1, self._gate, out=slope)
        np.multiply(slope, a, out=slope)
        np.add(slope, self._gate, out=slope)


class Mish(Gated):
    """``f(z) = z tanh(log(1 + exp(z)))`` (Misra 2020)."""

    def _open(self, z: Array, gate: Array) -> None:
        """``g = tanh(log(1 + exp(z)))``."""
        np.logaddexp(z, 0, out=gate)
        np.tanh(gate, out=gate)

    def _derive(self, a: Array, slope: Array) -> None:
        """``f' = g + z (1 - g²) / (1 + exp(-z))``."""
        np.multiply(self._gate, self._gate, out=slope)
        np.subtract(1, slope, out=slope)
        np.multiply(slope, self._input, out=slope)
        np.multiply(slope, expit(self._input), out=slope)
        np.add(slope, self._gate, out=slope)


class HardSigmoid(Elementwise):
    """``f(z) = z/5 + 1/2`` between -2.5 and 2.5, 0 below and 1 above."""

    def forward(self) -> None:
        """Apply the line and cut it off."""
        np.multiply(self.z, 0.2, out=self.z)
        np.add(self.z, 0.5, out=self.z)
        np.clip(self.z, 0, 1, out=self.z)

    def _derive(self, a: Array, slope: Array) -> None:
        """``f' = 1/5`` where ``0 < a < 1``, else 0; ``a (1 - a) > 0`` says the same of ``a``."""
        np.subtract(1, a, out=slope)
        np.multiply(slope, a, out=slope)
        np.greater(slope, 0, out=slope, casting="unsafe")
        np.multiply(slope, 0.2, out=slope)


class Softmax(Hidden):
    """``f(z)_i = exp(z_i) / Σ_j exp(z_j)`` over the units of the layer."""

    def __init__(self, z: Array) -> None:
        super().__init__(z)
        self._product = np.empty(z.shape, dtype=z.dtype)

    def forward(self) -> None:
        """Apply softmax; the largest is taken off first, so that nothing overflows."""
        softmax(self.z, out=self.z)

    def backward(self, delta: Array) -> None:
        """``dL/dz_i = a_i (dL/da_i - Σ_j a_j dL/da_j)``."""
        np.multiply(delta, self.z, out=self._product)
        np.subtract(delta, self._product.sum(axis=-2, keepdims=True), out=delta)
        np.multiply(delta, self.z, out=delta)


class Custom(Elementwise):
    """An activation of the user's own."""

    def __init__(self, z: Array, activation: Activation) -> None:
        super().__init__(z)
        self._activation = activation
        self._input = np.empty(z.shape, dtype=z.dtype)

    def forward(self) -> None:
        """Apply the user's function; ``z`` is kept for its derivative."""
        np.copyto(self._input, self.z)
        self.z[...] = self._activation.function(self._input)

    def _derive(self, a: Array, slope: Array) -> None:
        """Call the user's derivative."""
        slope[...] = self._activation.derivative(a, self._input)


ACTIVATIONS: dict[str, type[Any]] = {
    "relu": Relu,
    "leaky_relu": LeakyRelu,
    "selu": Selu,
    "silu": Silu,
    "mish": Mish,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "hard_sigmoid": HardSigmoid,
    "linear": Linear,
    "exp": Exp,
    "softmax": Softmax,
}


def bind(activation: str | Activation, z: Array) -> Hidden:
    """Give the activation of that name, working on ``z``."""
    if isinstance(activation, Activation):
        return Custom(z, activation)
    hidden: Hidden = ACTIVATIONS[activation](z)
    return hidden


def keeps_ones(activation: str | Activation) -> bool:
    """Tell whether the activation may work on units that are always one; see `Hidden`."""
    return isinstance(activation, str) and ACTIVATIONS[activation].keeps_ones


def softmax(z: Array, out: Array) -> Array:
    """Write softmax over the last but one axis to `out`, and give it back."""
    np.subtract(z, z.max(axis=-2, keepdims=True), out=out)
    np.exp(out, out=out)
    np.divide(out, out.sum(axis=-2, keepdims=True), out=out)
    return out
