"""What happens to parameters once their gradients are known, for both engines."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from crossfold.mlp._optimizers import rule_of
from crossfold.mlp._penalties import Penalties
from crossfold.mlp._spec import Settings

PIECE_BYTES = 1 << 19
"""On a CPU, parameters are updated in pieces of this size: all that a rule reads and writes of a
piece stays in the cache, so that each array passes through memory once a step."""


class Update:
    """Penalties, scale and update rule of a stack's parameters.

    Parameters
    ----------
    xp
        ``numpy`` or ``torch``.
    settings
        Names the rule and its constants.
    parameters, gradients
        Shape ``(k, n_parameters)``; both are overwritten.
    state
        The rule's arrays of that shape, by name.
    penalties
        Of these parameters.
    used
        Factor of every gradient, 0 for parameters that a member lacks, or None.
    piece_bytes
        Size of a piece of the parameters, or None for all at once.
    """

    def __init__(
        self,
        xp: Any,
        settings: Settings,
        parameters: Any,
        gradients: Any,
        state: dict[str, Any],
        penalties: Penalties,
        used: Any = None,
        piece_bytes: int | None = PIECE_BYTES,
    ) -> None:
        self.parameters, self.gradients, self.state = parameters, gradients, state
        k, n_parameters = parameters.shape
        width = n_parameters
        if piece_bytes is not None:
            width = max(1, min(width, piece_bytes // (k * parameters.itemsize)))
        scratch = xp.empty_like(parameters[:, :width])
        self._pieces = [
            _Piece(
                xp,
                settings,
                parameters[:, start:stop],
                gradients[:, start:stop],
                scratch[:, : stop - start],
                {name: array[:, start:stop] for name, array in state.items()},
                penalties.at(slice(start, stop)),
                None if used is None else used[:, start:stop],
            )
            for start, stop in pairwise([*range(0, n_parameters, width), n_parameters])
        ]

    def take(self, scale: Any, step_sizes: Any, learning_rates: Any) -> Any:
        """Update the parameters.

        Parameters
        ----------
        scale
            One over the sum of the batch's weights, a number or of shape ``(k, 1)``.
        step_sizes, learning_rates
            Shape ``(k, 1)``.

        Returns
        -------
        Twice the penalties before the update, shape ``(k,)``, or 0 where there are none.
        """
        return sum(piece.take(scale, step_sizes, learning_rates) for piece in self._pieces)


class _Piece:
    """Some columns of a stack's parameters."""

    def __init__(
        self,
        xp: Any,
        settings: Settings,
        parameters: Any,
        gradients: Any,
        scratch: Any,
        state: dict[str, Any],
        penalties: Penalties,
        used: Any,
    ) -> None:
        self._xp, self._penalties, self._used = xp, penalties, used
        self._rule = rule_of(settings)(xp, settings, parameters, gradients, scratch, state)

    def take(self, scale: Any, step_sizes: Any, learning_rates: Any) -> Any:
        """Add the penalties, divide by the weights, and let the rule step."""
        xp, rule = self._xp, self._rule
        p, g, scratch = rule.parameters, rule.gradients, rule.scratch
        twice_penalty = self._penalties.add_gradients(p, g, scratch)
        if self._used is not None:
            xp.multiply(g, self._used, out=g)
        xp.multiply(g, scale, out=g)
        self._penalties.shrink(p, scratch, learning_rates)
        rule.step(step_sizes)
        return twice_penalty
