"""Targets of a regressor in units of their own spread, while a network is trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from crossfold.mlp._spec import Array, DataSet, Member

Layers = tuple[list[Array], list[Array]]


@dataclass(frozen=True)
class Units:
    """The mean and the standard deviation of a member's training targets.

    Attributes
    ----------
    offset, scale
        Shape ``(n_out,)``, float64; the scale of an output that is constant is 1.
    """

    offset: Array
    scale: Array

    @classmethod
    def of(cls, member: Member, data_set: DataSet) -> Self:
        """Measure the training rows; a training that goes on keeps its units."""
        if member.optimizer_state is not None:
            return cls(*member.optimizer_state["units"])
        targets = data_set.targets[member.train_rows].astype(np.float64)
        weights = None if data_set.weights is None else data_set.weights[member.train_rows]
        if weights is not None and not weights.any():
            weights = None
        offset = np.average(targets, axis=0, weights=weights)
        if not np.ravel(member.use_bias)[-1]:  # Nothing could add the offset again.
            offset = np.zeros_like(offset)
        scale = np.sqrt(np.average(np.square(targets - offset), axis=0, weights=weights))
        least = np.finfo(data_set.targets.dtype).eps * np.abs(offset)
        return cls(offset, np.where(scale > least, scale, 1.0))

    def enter(self, data_set: DataSet) -> DataSet:
        """Convert the targets of the same rows to these units."""
        targets = (data_set.targets - self.offset) / self.scale
        return replace(data_set, targets=targets.astype(data_set.targets.dtype))

    def start(self, member: Member) -> Member:
        """Let a member that goes on from weights start from them in these units."""
        if member.start is None:
            return member
        (*coefs, last), (*intercepts, bias) = member.start
        start = ([*coefs, last / self.scale], [*intercepts, (bias - self.offset) / self.scale])
        return replace(member, start=start)

    def leave(self, layers: Layers) -> Layers:
        """Scale the last layer in place, so that the network gives values as they were before."""
        for arrays, offset in zip(layers, (0, self.offset), strict=True):
            arrays[-1] = (arrays[-1] * self.scale + offset).astype(arrays[-1].dtype)
        return layers

    def values(self, outputs: Array) -> Array:
        """Convert outputs, shape ``(n, n_out)``, to what they were before."""
        result: Array = (outputs * self.scale + self.offset).astype(outputs.dtype)
        return result


def enter_units(
    data_sets: Sequence[DataSet], members: Sequence[Member]
) -> tuple[list[Units], list[DataSet], list[Member]]:
    """Measure each member's units, and convert its data to them; inputs stay shared."""
    units = [Units.of(member, data_sets[member.data]) for member in members]
    entered = [
        own.enter(data_sets[member.data]) for own, member in zip(units, members, strict=True)
    ]
    started = [
        replace(own.start(member), data=place)
        for place, (own, member) in enumerate(zip(units, members, strict=True))
    ]
    return units, entered, started
