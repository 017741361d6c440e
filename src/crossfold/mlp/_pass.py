"""The forward pass and the hand-derived backward pass over the member axis, and prediction.

Predictions are NumPy's, whichever engine trained the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from crossfold.mlp._activations import aligned, bind, keeps_ones
from crossfold.mlp._losses import apply_link
from crossfold.mlp._spec import Activation, Array, Network, to_dense

Masks = Sequence[Array | None]


class Weights:
    """Views of the blocks ``[W; b]`` of `k` networks, shape ``(k, n_in + 1, n_out)``.

    Gradients go to blocks of the same shapes; there are none where there is no backward pass.
    """

    def __init__(self, blocks: list[Array], gradients: Sequence[Array] = ()) -> None:
        self.transposed = [block.transpose(0, 2, 1) for block in blocks]
        self.coefs = [block[:, :-1] for block in blocks]
        self.gradients = gradients


class Pass:
    """Forward and backward of `k` networks over a batch, in buffers that are made once.

    Activations have shape ``(k, units + 1, rows)``; their last unit is always one, so that the
    product with a block ``[W; b]`` adds the bias. `dropped` tells for each hidden layer whether
    dropout masks will be given.
    """

    def __init__(
        self,
        sizes: tuple[int, ...],
        activations: Sequence[str | Activation],
        k: int,
        n_rows: int,
        dtype: np.dtype[np.generic],
        dropped: Sequence[bool] = (),
    ) -> None:
        hidden = sizes[1:-1]
        self._activated = [aligned((k, size + 1, n_rows), dtype, 1) for size in hidden]
        self._z = [a[:, :-1] for a in self._activated]
        self._parts = [slice(None if keeps_ones(own) else -1) for own in activations]
        self._hidden = [
            bind(own, a[:, part])
            for own, a, part in zip(activations, self._activated, self._parts, strict=True)
        ]
        self._passed = [
            aligned(a.shape, dtype, 1) if drop else a
            for a, drop in zip(self._activated, dropped or [False] * len(hidden), strict=True)
        ]
        # With one output, W δ is an outer product, which broadcasting does faster.
        self._spread = np.multiply if sizes[-1] == 1 else np.matmul

    @cached_property
    def _deltas(self) -> list[tuple[Array, Array]]:
        """Where each layer's ``δ`` goes, and the part that its activation works on."""
        memory = [aligned(a.shape, a.dtype) for a in self._activated]
        return [(d[:, :-1], d[:, part]) for d, part in zip(memory, self._parts, strict=True)]

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
            below, part = self._deltas[layer]
            product(weights.coefs[layer + 1], delta, out=below)
            delta, product = below, np.matmul
            if masks is not None and (mask := masks[layer]) is not None:
                np.multiply(delta, mask, out=delta)
            self._hidden[layer].backward(part)
        return delta


_CHUNK_BYTES = 1 << 22


def predict(
    network: Network, coefs: Sequence[Array], intercepts: Sequence[Array], inputs: Array
) -> Array:
    """Give a network's probabilities or values ``(n, n_out)`` in the weights' dtype, by chunks.

    Weights ``(n_in, n_out)`` and biases ``(n_out,)`` of each layer say how wide the network is.
    Inputs ``(n, n_in)``, dense or CSR, are cast to their dtype.
    """
    blocks = [np.vstack(layer)[None] for layer in zip(coefs, intercepts, strict=True)]
    dtype, widest = blocks[0].dtype, max(max(block.shape[1:]) for block in blocks)
    n_rows = inputs.shape[0]
    chunk = int(np.clip(_CHUNK_BYTES // (widest * dtype.itemsize), 1, max(n_rows, 1)))
    outputs = np.empty((n_rows, blocks[-1].shape[2]), dtype=dtype)
    rows = np.ones((chunk, inputs.shape[1] + 1), dtype=dtype)
    sizes = (inputs.shape[1], *(block.shape[2] for block in blocks))
    network_pass, weights = Pass(sizes, network.activations, 1, chunk, dtype), Weights(blocks)
    logits = np.empty((1, sizes[-1], chunk), dtype=dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, n_rows, chunk):
            part = to_dense(inputs[start : start + chunk])
            rows[: len(part), :-1] = part
            if network.input_scale != 1:
                rows[: len(part), :-1] *= network.input_scale
            network_pass.forward(weights, rows.T, logits)
            apply_link(network, logits)
            outputs[start : start + len(part)] = logits[0].T[: len(part)]
    return outputs


def layer_outputs(
    network: Network, coefs: Sequence[Array], intercepts: Sequence[Array], inputs: Array
) -> list[tuple[Array, Array]]:
    """Give ``z`` and ``a`` of every layer of one network, shape ``(n, units)`` each.

    Parameters are those of `predict`.
    """
    a, found = inputs.T.astype(coefs[0].dtype) * network.input_scale, []
    functions = (*network.activations, network.link)
    with np.errstate(over="ignore", invalid="ignore"):
        for function, weights, biases in zip(functions, coefs, intercepts, strict=True):
            z = weights.T @ a + biases[:, None]
            a = z[None].copy()
            bind(function, a).forward()
            a = a[0]
            found.append((z.T, a.T))
    return found
