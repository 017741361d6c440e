"""L2 and L1 penalties and decoupled weight decay over flat parameters, for both engines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from crossfold.mlp._layout import Layout
from crossfold.mlp._spec import Array, Member, Settings


@dataclass(frozen=True)
class Penalties:
    """What pulls the weights to zero; biases go free.

    Attributes
    ----------
    xp
        ``numpy`` or ``torch``.
    l2, l1, decay
        Factor of every parameter, shape ``(k, n_parameters)`` or, where all members have the
        same, ``(1, n_parameters)``; None where there is none.
    """

    xp: Any
    l2: Any = None
    l1: Any = None
    decay: Any = None

    def of(self, members: slice) -> Self:
        """Give the penalties of some members."""
        factors = (self.l2, self.l1, self.decay)
        parts = (f if f is None or len(f) == 1 else f[members] for f in factors)
        return type(self)(self.xp, *parts)

    def at(self, columns: slice) -> Self:
        """Give the penalties of some parameters."""
        factors = (self.l2, self.l1, self.decay)
        return type(self)(self.xp, *(f if f is None else f[:, columns] for f in factors))

    def add_gradients(self, p: Any, g: Any, scratch: Any) -> Any:
        """Add ``l2 · p + l1 · sign(p)`` to the gradients.

        Parameters
        ----------
        p, g, scratch
            Parameters, gradients and working memory, shape ``(k, n_parameters)``.

        Returns
        -------
        Twice the penalty, ``Σ l2 · p² + 2 · l1 · |p|``, shape ``(k,)``, or 0 where there is none.
        """
        xp, twice = self.xp, 0
        if self.l2 is not None:
            xp.multiply(p, self.l2, out=scratch)
            xp.add(g, scratch, out=g)
            twice = xp.linalg.vecdot(scratch, p)
        if self.l1 is not None:
            xp.sign(p, out=scratch)
            xp.multiply(scratch, self.l1, out=scratch)
            xp.add(g, scratch, out=g)
            twice = twice + 2 * xp.linalg.vecdot(scratch, p)
        return twice

    def shrink(self, p: Any, scratch: Any, rate: Any) -> None:
        """Decay the weights: ``p -= rate · decay · p`` (Loshchilov and Hutter 2019)."""
        if self.decay is not None:
            self.xp.multiply(p, self.decay, out=scratch)
            self.xp.multiply(scratch, rate, out=scratch)
            self.xp.subtract(p, scratch, out=p)


def factors_of(members: list[Member], layout: Layout, settings: Settings) -> dict[str, Array]:
    """Give the arrays of `Penalties` that the members need, by name."""
    alpha = _per_weight([m.alpha for m in members], layout, settings.dtype)
    l1 = _per_weight([m.l1 for m in members], layout, settings.dtype)
    named = {"decay" if settings.solver == "adamw" else "l2": alpha, "l1": l1}
    return {name: array for name, array in named.items() if array.any()}


def _per_weight(factors: list[float], layout: Layout, dtype: str) -> Array:
    column = np.unique(factors) if len(set(factors)) == 1 else np.array(factors)
    return (column[:, None] * layout.is_weight()).astype(dtype)
