"""Mistakes that people make when they write a network by hand, for showing what they do.

They stand outside the engines, which know nothing of them: each is an `Activation` or a `Loss` of
one's own, handed to an estimator like any other.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
from scipy.special import expit

from crossfold.mlp._functions import LEAKY_SLOPE, LOSSES
from crossfold.mlp._spec import LINKS, Activation, Array, Loss

_FUNCTIONS = {
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.maximum(z, LEAKY_SLOPE * z),
    "sigmoid": expit,
    "tanh": np.tanh,
    "linear": lambda z: z,
}


@cache
def relu_as_derivative(activation: str) -> Activation:
    """Multiply by ``relu(z)`` in the backward pass, whatever the activation.

    Parameters
    ----------
    activation
        ``relu``, ``leaky_relu``, ``sigmoid``, ``tanh`` or ``linear``; the forward pass is right.
    """
    return Activation(
        f"{activation}, relu(z) as its derivative",
        _FUNCTIONS[activation],
        lambda a, z: np.maximum(z, 0),
    )


@cache
def without_derivative(activation: str) -> Activation:
    """Leave the activation's derivative out of the backward pass, as if it were 1.

    Parameters
    ----------
    activation
        As in `relu_as_derivative`.
    """
    return Activation(
        f"{activation}, without its derivative",
        _FUNCTIONS[activation],
        lambda a, z: np.ones_like(z),
    )


def _global_max_softmax_residual(z: Array, y: Array, gamma: Array, out: Array) -> None:
    """Softmax as ``exp(z - max of the whole batch)``: rows far below that maximum become 0/0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        np.subtract(z, z.max(axis=(-2, -1), keepdims=True), out=out)
        np.exp(out, out=out)
        np.divide(out, out.sum(axis=-2, keepdims=True), out=out)
        np.subtract(out, y, out=out)


GLOBAL_MAX_SOFTMAX = Loss(
    LOSSES["softmax"]["cross_entropy"].terms,
    _global_max_softmax_residual,
    "cross-entropy, softmax shifted by the batch's maximum",
    whole_batch=True,
)
"""Cross-entropy whose softmax subtracts the maximum of the batch instead of each row's."""


@cache
def whole_batches_only(
    batch_size: int, head: Literal["binary", "multiclass"] = "multiclass"
) -> Loss:
    """Learn nothing from a batch of fewer rows, as a loop over whole batches does.

    Rows are permuted before each epoch, so other rows are left out each time. With a penalty the
    last batch still shrinks the weights.

    Parameters
    ----------
    batch_size
        Rows of a whole batch.
    head
        ``binary`` for an output of one unit, or ``multiclass``.
    """
    whole = LOSSES[LINKS[head]]["cross_entropy"]

    def residual(z: Array, y: Array, gamma: Array, out: Array) -> None:
        if z.shape[-1] < batch_size:
            out[...] = 0
        else:
            whole.residual(z, y, gamma, out)

    return Loss(whole.terms, residual, "cross-entropy of whole batches only", whole_batch=True)
