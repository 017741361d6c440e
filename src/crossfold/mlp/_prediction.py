"""Outputs of trained networks: the NumPy forward pass, whichever engine trained them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crossfold.mlp._losses import apply_link
from crossfold.mlp._pass import Pass, Weights
from crossfold.mlp._spec import Array, Network

_CHUNK_BYTES = 1 << 22


def predict(
    network: Network, coefs: Sequence[Array], intercepts: Sequence[Array], inputs: Array
) -> Array:
    """Give a network's probabilities or values, chunk by chunk.

    Parameters
    ----------
    network
        Its head, activation and input scale; the sizes are those of the weights.
    coefs, intercepts
        One array per layer, ``(n_in, n_out)`` and ``(n_out,)``; or of `k` networks over the same
        inputs, ``(k, n_in, n_out)`` and ``(k, n_out)``.
    inputs
        Shape ``(n, n_in)``, any numeric dtype; cast to that of the weights.

    Returns
    -------
    Shape ``(n, n_out)``, or ``(k, n, n_out)``, in the dtype of the weights.
    """
    stacked = coefs[0].ndim == 3
    blocks = [
        np.concatenate([w if stacked else w[None], _row(b, stacked=stacked)], axis=1)
        for w, b in zip(coefs, intercepts, strict=True)
    ]
    outputs = _outputs(network, blocks, inputs)
    return outputs if stacked else outputs[0]


def _row(intercept: Array, *, stacked: bool) -> Array:
    return intercept[:, None, :] if stacked else intercept[None, None, :]


def _outputs(network: Network, blocks: list[Array], inputs: Array) -> Array:
    k, n_out, dtype = len(blocks[0]), blocks[-1].shape[2], blocks[0].dtype
    widest = max(max(block.shape[1:]) for block in blocks)
    chunk = int(np.clip(_CHUNK_BYTES // (k * widest * dtype.itemsize), 1, max(len(inputs), 1)))
    outputs = np.empty((k, len(inputs), n_out), dtype=dtype)
    rows = np.ones((chunk, inputs.shape[1] + 1), dtype=dtype)
    sizes = (inputs.shape[1], *(block.shape[2] for block in blocks))
    network_pass, weights = Pass(sizes, network.activation, k, chunk, dtype), Weights(blocks)
    logits = np.empty((k, n_out, chunk), dtype=dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(inputs), chunk):
            part = inputs[start : start + chunk]
            rows[: len(part), :-1] = part
            if network.input_scale != 1:
                rows[: len(part), :-1] *= network.input_scale
            network_pass.forward(weights, rows.T, logits)
            apply_link(network.head, logits)
            outputs[:, start : start + len(part)] = logits.swapaxes(1, 2)[:, : len(part)]
    return outputs
