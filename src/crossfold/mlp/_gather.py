"""Rows out of the data sets, cast batch by batch."""

from __future__ import annotations

import numpy as np

from crossfold.mlp._engine import Stack, runs_of
from crossfold.mlp._spec import Array


class Gather:
    """Takes rows out of the data sets of some members.

    Parameters
    ----------
    stack
        Whose data sets; members that share one are served by one call.
    members
        Which members.
    """

    def __init__(self, stack: Stack, members: slice) -> None:
        self._scale = stack.network.input_scale
        self._runs = [(run, stack.data_sets[d]) for run, d in runs_of(stack.data[members])]

    def inputs(self, rows: Array, staging: Array, out: Array) -> None:
        """Write the inputs of the rows ``(k, r)`` to `out`, shape ``(k, ..., n_in)``, cast.

        `staging` is bytes enough for them in the data set's own dtype.
        """
        for members, data_set in self._runs:
            part, source = out[members], data_set.inputs
            size = part.size * source.itemsize
            taken = staging[:size].view(source.dtype).reshape(*rows[members].shape, -1)
            # mode="clip" because "raise" makes NumPy take into a second buffer.
            np.take(source, rows[members], axis=0, out=taken, mode="clip")
            np.copyto(part, taken.reshape(part.shape), casting="same_kind")
            if self._scale != 1:
                np.multiply(part, self._scale, out=part)

    def targets(self, rows: Array, out: Array) -> None:
        """Write the targets of the rows ``(k, r)`` to ``out``, shape ``(k, ..., n_out)``."""
        for members, data_set in self._runs:
            part = out[members]
            part[...] = data_set.targets[rows[members]].reshape(part.shape)


def staging_for(stack: Stack, n_rows: int) -> Array:
    """Give bytes enough for the inputs of `n_rows` rows of any data set."""
    itemsize = max(data_set.inputs.itemsize for data_set in stack.data_sets)
    return np.empty(n_rows * stack.network.layer_sizes[0] * itemsize, dtype=np.uint8)
