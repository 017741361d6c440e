"""The forward pass and the hand-derived backward pass, over the member axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crossfold.mlp._activations import bind
from crossfold.mlp._spec import Activation, Array

Masks = Sequence[Array | None]


class Weights:
    """Views of the layers of `k` networks.

    Parameters
    ----------
    blocks
        Weights and biases ``[W; b]`` of each layer, shape ``(k, n_in + 1, n_out)``.
    gradients
        Where the gradients go, shapes as `blocks`; empty where there is no backward pass.
    """

    def __init__(self, blocks: list[Array], gradients: Sequence[Array] = ()) -> None:
        self.transposed = [block.transpose(0, 2, 1) for block in blocks]
        self.coefs = [block[:, :-1] for block in blocks]
        self.gradients = gradients


class Pass:
    """Forward and backward of `k` networks over a batch, in buffers that are made once.

    Activations have shape ``(k, units + 1, rows)``; their last unit is always one, so that the
    product with a block ``[W; b]`` adds the bias.

    Parameters
    ----------
    sizes
        Units per layer, inputs first, outputs last.
    activation
        The hidden activation.
    k, n_rows
        Networks, and rows of a batch.
    dtype
        Of the buffers.
    dropped
        For each hidden layer, whether dropout masks will be given.
    """

    def __init__(
        self,
        sizes: tuple[int, ...],
        activation: str | Activation,
        k: int,
        n_rows: int,
        dtype: np.dtype[np.generic],
        dropped: Sequence[bool] = (),
    ) -> None:
        hidden = sizes[1:-1]
        self._activated = [np.ones((k, size + 1, n_rows), dtype=dtype) for size in hidden]
        self._z = [a[:, :-1] for a in self._activated]
        self._hidden = [bind(activation, z) for z in self._z]
        self._passed = [
            np.ones_like(a) if drop else a
            for a, drop in zip(self._activated, dropped or [False] * len(hidden), strict=True)
        ]
        self._deltas = [np.empty((k, size, n_rows), dtype=dtype) for size in hidden]
        # With one output, W δ is an outer product, which broadcasting does faster.
        self._spread = np.multiply if sizes[-1] == 1 else np.matmul

    @property
    def first_z(self) -> Array:
        """Where the first hidden layer's ``z`` goes, shape ``(k, units, rows)``."""
        return self._z[0]

    def forward(
        self, weights: Weights, inputs: Array, logits: Array, masks: Masks | None = None
    ) -> None:
        """Compute logits ``(k, n_out, rows)`` from inputs with ones, ``(k, n_in + 1, rows)``.

        ``z = [W; b]ᵀ [a; 1]`` and ``a = f(z) * mask``, layer by layer.
        """
        first = self._z[0] if self._z else logits
        np.matmul(weights.transposed[0], inputs, out=first)
        self.forward_above(weights, logits, masks)

    def forward_above(self, weights: Weights, logits: Array, masks: Masks | None = None) -> None:
        """Compute logits from the first layer's ``z``, which is in `first_z`."""
        for layer, hidden in enumerate(self._hidden):
            hidden.forward()
            passed = self._passed[layer]
            if masks is not None and (mask := masks[layer]) is not None:
                np.multiply(self._z[layer], mask, out=passed[:, :-1])
            above = self._z[layer + 1] if layer + 1 < len(self._z) else logits
            np.matmul(weights.transposed[layer + 1], passed, out=above)

    def backward(
        self, weights: Weights, inputs: Array, residual: Array, masks: Masks | None = None
    ) -> None:
        """Compute the gradients from ``δ = dL/dz`` of the output layer.

        ``dL/d[W; b] = [a; 1] δᵀ`` and, for the layer below, ``δ = (W δ) * mask * f'(z)``.
        """
        delta = self.backward_above(weights, residual, masks)
        np.matmul(inputs, delta.transpose(0, 2, 1), out=weights.gradients[0])

    def backward_above(
        self, weights: Weights, residual: Array, masks: Masks | None = None
    ) -> Array:
        """Compute the gradients of all layers but the first, and give the first layer's ``δ``."""
        delta, product = residual, self._spread
        for layer in range(len(self._hidden) - 1, -1, -1):
            gradient = weights.gradients[layer + 1]
            np.matmul(self._passed[layer], delta.transpose(0, 2, 1), out=gradient)
            product(weights.coefs[layer + 1], delta, out=self._deltas[layer])
            delta, product = self._deltas[layer], np.matmul
            if masks is not None and (mask := masks[layer]) is not None:
                np.multiply(delta, mask, out=delta)
            self._hidden[layer].backward(delta)
        return delta
