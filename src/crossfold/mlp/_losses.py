"""Losses on logits and their derivatives, by name, and the weights of rows and labels.

Arrays have shape ``(..., n_out, rows)``. A loss gives the terms whose sum over the outputs is the
loss of a row, and the residual ``dL/dz`` with respect to the logits ``z``. Cross-entropy is fused
with sigmoid or softmax, so that nothing is clipped; of any other pair of a loss and an output
activation, the loss is on the outputs. ``gamma`` is the focal exponent of each member, in a shape
that broadcasts; the other losses do not read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import expit

from crossfold.mlp._activations import bind, softmax
from crossfold.mlp._spec import Activation, Array, DataSet, Head, Loss, Member, Network
from crossfold.mlp.exceptions import ParameterError

CLIP = 1e-7
"""How near to 0 and 1 a loss on outputs follows them into its logarithms, as in Keras."""


def row_weights(member: Member, data_set: DataSet, head: Head) -> Array | None:
    """Give each row's weight, its sample weight times its class's, or None where all are 1."""
    weights = data_set.weights
    if member.class_weight is None or head in {"multilabel", "regression"}:
        return weights
    factors = np.asarray(member.class_weight)
    if head == "binary":
        of_row = np.where(data_set.targets[:, 0] > 0.5, factors[1], factors[0])
    else:
        of_row = data_set.targets @ factors
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


def _sigmoid_terms(z: Array, y: Array, gamma: Array) -> Array:
    """``-y log p - (1 - y) log(1 - p) = softplus(z) - y z`` with ``p = sigmoid(z)``."""
    terms: Array = softplus(z) - y * z
    return terms


def _sigmoid_residual(z: Array, y: Array, gamma: Array, out: Array) -> None:
    """``dL/dz = p - y``."""
    expit(z, out=out)
    np.subtract(out, y, out=out)


def _softmax_terms(z: Array, y: Array, gamma: Array) -> Array:
    """``-y_c log p_c`` with ``p = softmax(z)``."""
    terms: Array = -y * log_softmax(z)
    return terms


def _softmax_residual(z: Array, y: Array, gamma: Array, out: Array) -> None:
    """``dL/dz = p - y`` for targets that sum to one."""
    softmax(z, out=out)
    np.subtract(out, y, out=out)


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


def _squared_terms(z: Array, y: Array, gamma: Array) -> Array:
    """``(z - y)² / 2``."""
    terms: Array = np.square(z - y) / 2
    return terms


def _squared_residual(z: Array, y: Array, gamma: Array, out: Array) -> None:
    """``dL/dz = z - y``."""
    np.subtract(z, y, out=out)


def _absolute_terms(z: Array, y: Array, gamma: Array) -> Array:
    """``|z - y|``."""
    terms: Array = np.abs(z - y)
    return terms


def _absolute_residual(z: Array, y: Array, gamma: Array, out: Array) -> None:
    """``dL/dz = sign(z - y)``, 0 at 0."""
    np.subtract(z, y, out=out)
    np.sign(out, out=out)


def _poisson_logit_terms(z: Array, y: Array, gamma: Array) -> Array:
    """``exp(z) - y z``: minus the log-likelihood of counts, without its constant."""
    terms: Array = np.exp(z) - y * z
    return terms


def _poisson_logit_residual(z: Array, y: Array, gamma: Array, out: Array) -> None:
    """``dL/dz = exp(z) - y``."""
    np.exp(z, out=out)
    np.subtract(out, y, out=out)


def _poisson_terms(a: Array, y: Array, gamma: Array) -> Array:
    """Minus the log-likelihood of counts, ``a - y log a``, without its constant."""
    mean = np.maximum(a, CLIP)
    terms: Array = mean - y * np.log(mean)
    return terms


def _poisson_residual(a: Array, y: Array, gamma: Array, out: Array) -> None:
    """``dL/da = 1 - y / a``, and 0 where ``a`` is clipped."""
    np.multiply(1 - y / np.maximum(a, CLIP), a > CLIP, out=out)


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
    "mse": Loss(_squared_terms, _squared_residual),
    "mae": Loss(_absolute_terms, _absolute_residual),
    "cross_entropy": Loss(_label_terms, _label_residual),
    "poisson": Loss(_poisson_terms, _poisson_residual),
}
"""Losses on outputs by name. ``mse`` is half the squared error, summed over the outputs of a row:
scikit-learn's gradient (its printed loss is the mean over the outputs)."""

LOSSES: dict[str, dict[str, Loss]] = {
    "sigmoid": {
        "cross_entropy": Loss(_sigmoid_terms, _sigmoid_residual),
        "focal": Loss(_focal_sigmoid_terms, _focal_sigmoid_residual),
    },
    "softmax": {
        "cross_entropy": Loss(_softmax_terms, _softmax_residual),
        "focal": Loss(_focal_softmax_terms, _focal_softmax_residual),
    },
    "exp": {"poisson": Loss(_poisson_logit_terms, _poisson_logit_residual)},
    "linear": {name: ON_OUTPUTS[name] for name in ("mse", "mae")},
}
"""Losses on logits by output activation and name."""

_SHARES = {"sigmoid", "softmax", "hard_sigmoid"}
_OUTPUTS = {"focal": {"sigmoid", "softmax"}, "cross_entropy": _SHARES}
_OUTPUTS["poisson"] = {"exp", "relu", *_SHARES}


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
