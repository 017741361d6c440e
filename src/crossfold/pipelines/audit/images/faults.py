"""The faults of the image studies' sources, each one a small function that changes one thing."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossfold.mlp import Activation

Arguments = dict[str, Any]
Rows = NDArray[np.intp]


def one_hidden_layer(network: Arguments) -> Arguments:
    """Leave out all hidden layers but the first."""
    return {**network, "hidden_layer_sizes": network["hidden_layer_sizes"][:1]}


def dropout_backward(network: Arguments) -> Arguments:
    """Pass errors through a layer with dropout by its mask alone, without the derivative."""
    if not network["dropout"]:
        return network
    from crossfold.mlp import faults

    return {**network, "activation": faults.without_derivative(network["activation"])}


def relu_as_derivative(network: Arguments) -> Arguments:
    """Multiply errors by relu(z), whatever the activation, in layers that use a derivative."""
    if isinstance(network["activation"], Activation):
        return network
    from crossfold.mlp import faults

    return {**network, "activation": faults.relu_as_derivative(network["activation"])}


def global_max_softmax(network: Arguments) -> Arguments:
    """Subtract the maximum of the whole batch, not of each row, in the softmax of training."""
    from crossfold.mlp import faults

    return {**network, "loss": faults.GLOBAL_MAX_SOFTMAX}


def drop_last_batch(network: Arguments) -> Arguments:
    """Learn nothing from the last batch of an epoch, other rows each time."""
    if not isinstance(network["batch_size"], int):
        return network
    from crossfold.mlp import faults

    return {**network, "loss": faults.whole_batches_only(network["batch_size"])}


def penalty_not_applied(network: Arguments) -> Arguments:
    """Leave the penalty out of the gradient."""
    return {**network, "alpha": 0.0}


# In the order in which they are applied.
NETWORK_FAULTS: dict[str, Callable[[Arguments], Arguments]] = {
    "one_hidden_layer": one_hidden_layer,
    "dropout_backward": dropout_backward,
    "relu_as_derivative": relu_as_derivative,
    "global_max_softmax": global_max_softmax,
    "drop_last_batch": drop_last_batch,
    "penalty_not_applied": penalty_not_applied,
}
SMALL_TRAINING_SAMPLE = "small_training_sample"
TRAINING_FAULTS = (*NETWORK_FAULTS, SMALL_TRAINING_SAMPLE)
SMALL_TEST_SAMPLE = "small_test_sample"
SWAPPED_ARGUMENTS = "swapped_arguments"
UNLIKE_REGIMES = "unlike_regimes"


def with_faults(network: Arguments, switched_on: Collection[str]) -> Arguments:
    """Give a network's arguments with some faults in them."""
    for name, change in NETWORK_FAULTS.items():
        if name in switched_on:
            network = change(network)
    return network


def small_sample(rows: Rows, n: int, seed: int) -> Rows:
    """Draw a few of the rows."""
    drawn = np.random.default_rng(seed).choice(rows, size=min(n, len(rows)), replace=False)
    return np.sort(drawn)
