"""What members, data and settings must look like before training begins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crossfold.mlp._activations import ACTIVATIONS
from crossfold.mlp._batches import dropout_rates
from crossfold.mlp._initializers import INITIALIZERS
from crossfold.mlp._losses import LOSSES
from crossfold.mlp._spec import Activation, Array, DataSet, Loss, Member, Network, Settings
from crossfold.mlp.exceptions import DataError, ParameterError


def check_training(
    network: Network, data_sets: Sequence[DataSet], members: Sequence[Member], settings: Settings
) -> None:
    """Raise a `ParameterError` or a `DataError` that says what does not fit, and where."""
    _check_network(network)
    if not members:
        raise DataError("There is nothing to train: members is empty.")
    for number, data_set in enumerate(data_sets):
        _check_data_set(number, data_set, network)
    for number, member in enumerate(members):
        _check_member(number, member, data_sets, network)
    _check_settings(network, settings)


def _check_network(network: Network) -> None:
    known = isinstance(network.activation, Activation) or network.activation in ACTIVATIONS
    if not known:
        raise ParameterError(
            f"activation is {network.activation!r}; use one of {sorted(ACTIVATIONS)} or an "
            "Activation."
        )
    if not isinstance(network.loss, Loss) and network.loss not in LOSSES[network.head]:
        raise ParameterError(
            f"loss={network.loss!r} does not go with a {network.head} head; use one of "
            f"{sorted(LOSSES[network.head])}."
        )


def _check_settings(network: Network, settings: Settings) -> None:
    if isinstance(network.loss, Loss) and settings.engine == "torch":
        raise ParameterError(
            f"The loss {network.loss.name!r} is written for NumPy; use engine='numpy'."
        )
    if settings.engine not in {"numpy", "torch"}:
        raise ParameterError(f"engine is {settings.engine!r}; use 'numpy' or 'torch'.")
    if settings.engine == "numpy" and settings.device not in {"auto", "cpu"}:
        raise ParameterError(
            f"engine='numpy' runs on the CPU only, but device is {settings.device!r}; use "
            "engine='torch'."
        )


def _check_data_set(number: int, data_set: DataSet, network: Network) -> None:
    n_rows = len(data_set.inputs)
    expected = {
        "inputs": (n_rows, network.layer_sizes[0]),
        "targets": (n_rows, network.layer_sizes[-1]),
        "weights": (n_rows,),
    }
    for name, shape in expected.items():
        array = getattr(data_set, name)
        if array is not None and array.shape != shape:
            raise DataError(
                f"The {name} of data set {number} have shape {array.shape}, but {shape} is needed."
            )


def _check_member(
    number: int, member: Member, data_sets: Sequence[DataSet], network: Network
) -> None:
    if not 0 <= member.data < len(data_sets):
        raise DataError(f"Member {number} names data set {member.data} of {len(data_sets)}.")
    n_rows = len(data_sets[member.data].inputs)
    if not len(member.train_rows):
        raise DataError(f"Member {number} has no training rows.")
    _check_rows(number, "train_rows", member.train_rows, n_rows)
    if member.validation_rows is not None:
        _check_rows(number, "validation_rows", member.validation_rows, n_rows)
    _check_dropout(number, member, len(network.layer_sizes) - 2)
    named = isinstance(member.init, str)
    if named and member.init != "auto" and member.init not in INITIALIZERS:
        raise ParameterError(
            f"init is {member.init!r} in member {number}; use 'auto' or one of "
            f"{sorted(INITIALIZERS)}."
        )


def _check_rows(number: int, name: str, rows: Array, n_rows: int) -> None:
    rows = np.asarray(rows)
    if len(rows) and not (rows.min() >= 0 and rows.max() < n_rows):
        raise DataError(f"{name} of member {number} go beyond the {n_rows} rows of its data set.")


def _check_dropout(number: int, member: Member, depth: int) -> None:
    rates = dropout_rates(member.dropout, depth)
    if len(rates) != depth or not all(0 <= rate < 1 for rate in rates):
        raise ParameterError(
            f"dropout of member {number} must be one rate in [0, 1) or one for each of the {depth} "
            f"hidden layers, but is {member.dropout!r}."
        )
