"""Where the weights of each layer lie in a member's flat row of parameters."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from crossfold.mlp._spec import Array


class Layout:
    """Places of a network's weights in one flat row.

    A layer is one block of shape ``(n_in + 1, n_out)``: its weights, and its biases as the last
    row. With a one beside every activation, one matrix product serves both.

    Parameters
    ----------
    sizes
        Units per layer, inputs first, outputs last.
    """

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.sizes = sizes
        self.shapes = [(n_in + 1, n_out) for n_in, n_out in pairwise(sizes)]
        self._ends = np.cumsum([n_in * n_out for n_in, n_out in self.shapes]).tolist()

    @property
    def n_parameters(self) -> int:
        """Length of the flat row."""
        return int(self._ends[-1])

    def blocks(self, flat: Any) -> list[Any]:
        """View flat parameters ``(..., n_parameters)`` as one block per layer.

        Works on NumPy arrays and on tensors alike.
        """
        bounds = pairwise([0, *self._ends])
        return [
            flat[..., start:stop].reshape(*flat.shape[:-1], *shape)
            for (start, stop), shape in zip(bounds, self.shapes, strict=True)
        ]

    def spread(self, of_weights: Any, of_biases: Any) -> Array:
        """Give each parameter a figure of its layer, shape ``(n_parameters,)``.

        Both are one figure, or one per layer of weights.
        """
        flat = np.empty(self.n_parameters)
        figures = (np.broadcast_to(one, len(self.shapes)) for one in (of_weights, of_biases))
        for block, weight, bias in zip(self.blocks(flat), *figures, strict=True):
            block[:-1] = weight
            block[-1] = bias
        return flat

    def places_of(self, own: Layout) -> Array | slice:
        """Give the places in this layout of a narrower network's parameters, in its own order.

        For a network of the same shape they are a slice of everything, which costs no gathering.
        """
        if own.sizes == self.sizes:
            return slice(None)
        places = self.blocks(np.arange(self.n_parameters))
        cut = [
            block[np.r_[: n_in - 1, -1]][:, :n_out]
            for block, (n_in, n_out) in zip(places, own.shapes, strict=True)
        ]
        return np.concatenate([block.ravel() for block in cut])

    def join(self, coefs: list[Array], intercepts: list[Array], dtype: str) -> Array:
        """Give one flat row from weights ``(n_in, n_out)`` and biases ``(n_out,)``."""
        flat = np.empty(self.n_parameters, dtype=dtype)
        for block, coef, intercept in zip(self.blocks(flat), coefs, intercepts, strict=True):
            block[:-1] = coef
            block[-1] = intercept
        return flat

    def split(self, flat: Array) -> tuple[list[Array], list[Array]]:
        """Give copies of the weights and of the biases in a flat row."""
        blocks = self.blocks(flat)
        return [block[:-1].copy() for block in blocks], [block[-1].copy() for block in blocks]
