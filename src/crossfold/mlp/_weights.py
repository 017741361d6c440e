"""Weights of rows and of labels in the loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from crossfold.mlp._spec import Array, DataSet, Head, Member, Network


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
