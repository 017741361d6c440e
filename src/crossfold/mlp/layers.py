"""Layers of a `NeuralNetwork`: they say what it is made of, and compute nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from crossfold.mlp._spec import Activation as Function
from crossfold.mlp._spec import Start
from crossfold.mlp.exceptions import ParameterError


@dataclass(frozen=True)
class Dense:
    """Units that each read all of the layer below.

    Parameters
    ----------
    units
        How many; of the last layer, as many as there are classes, labels or values, or 1 for two
        classes.
    activation
        By name, or a `crossfold.mlp.Activation`. None is none for hidden layers; for the last one
        it is what goes with the loss and the targets: sigmoid, softmax, linear or exp.
    l2
        What `MLPClassifier` calls ``alpha``.
    init
        As of `MLPClassifier`.
    bias_init
        As of `MLPClassifier`.
    l1
        As of `MLPClassifier`.
    use_bias
        As of `MLPClassifier`.
    """

    units: int
    activation: str | Function | None = None
    init: Start = "auto"
    bias_init: Start = "zeros"
    l1: float = 0.0
    l2: float = 0.0
    use_bias: bool = True


@dataclass(frozen=True)
class Dropout:
    """Leaves out a share of what it is given, in [0, 1), in each training step.

    It may be the first layer, and drops inputs then.
    """

    rate: float


@dataclass(frozen=True)
class Activation:
    """The activation of the `Dense` layer below, by name or as a `crossfold.mlp.Activation`."""

    activation: str | Function


Layer = Dense | Dropout | Activation


def parameters_of(layers: Iterable[Layer]) -> dict[str, Any]:
    """Give the parameters of `MLPClassifier` that describe the same network.

    Raises
    ------
    ParameterError
        They do not make a network, and which one is out of place.
    """
    dense: list[Dense] = []
    dropout: list[float] = []
    rate = 0.0
    for layer in layers:
        if isinstance(layer, Dropout):
            rate += layer.rate - rate * layer.rate
        elif isinstance(layer, Dense):
            dense.append(layer)
            dropout.append(rate)
            rate = 0.0
        elif not isinstance(layer, Activation):
            raise ParameterError(f"{layer!r} is no layer: use Dense, Dropout and Activation.")
        elif not dense or rate or dense[-1].activation is not None:
            raise ParameterError(f"{layer!r} must follow a Dense layer that has no activation.")
        else:
            dense[-1] = replace(dense[-1], activation=layer.activation)
    if not dense or rate:
        raise ParameterError("The last layer must be Dense, alone or with its Activation.")
    *hidden, last = dense
    return {
        "hidden_layer_sizes": tuple(one.units for one in hidden),
        "activation": tuple(one.activation or "linear" for one in hidden),
        "output_activation": last.activation,
        "dropout": tuple(dropout),
        "alpha": tuple(one.l2 for one in dense),
        **{
            name: tuple(getattr(one, name) for one in dense)
            for name in ("l1", "init", "bias_init", "use_bias")
        },
    }
