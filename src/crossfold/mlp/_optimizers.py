"""Update rules over the flat parameters of a stack, written once for both engines.

They use only functions that NumPy and PyTorch name and call alike; ``xp`` is one of the two.
Every array has shape ``(k, n_parameters)``, the step size ``(k, 1)``: each member has its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from crossfold.mlp._spec import Array, Settings


class Optimizer(ABC):
    """Owns the state of an update rule and applies it in place.

    Parameters
    ----------
    xp
        ``numpy`` or ``torch``.
    settings
        Names the rule's constants.
    parameters, gradients, scratch
        Arrays of the same shape; the last two are overwritten.
    state
        One array of the same shape per name in `state_names`.
    """

    state_names: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        xp: Any,
        settings: Settings,
        parameters: Any,
        gradients: Any,
        scratch: Any,
        state: dict[str, Any],
    ) -> None:
        self.xp = xp
        self.settings = settings
        self.parameters = parameters
        self.gradients = gradients
        self.scratch = scratch
        self.state = state

    @staticmethod
    def step_sizes(settings: Settings, learning_rates: Array, done: Array) -> Array:
        """Turn learning rates into step sizes, given the steps done before; same shapes."""
        return learning_rates

    @abstractmethod
    def step(self, size: Any) -> None:
        """Update the parameters from the gradients."""


class SGD(Optimizer):
    """``p -= s g``."""

    def step(self, size: Any) -> None:
        """Update the parameters."""
        xp, p, g = self.xp, self.parameters, self.gradients
        xp.multiply(g, size, out=g)
        xp.subtract(p, g, out=p)


class Momentum(Optimizer):
    """``v = m v - s g; p += v`` (Polyak 1964)."""

    state_names = ("velocity",)

    def step(self, size: Any) -> None:
        """Update the parameters."""
        self._accelerate(size)
        self.xp.add(self.parameters, self.state["velocity"], out=self.parameters)

    def _accelerate(self, size: Any) -> None:
        """Leave ``s g`` in the gradients and the new ``v`` in the velocity."""
        xp, g, v = self.xp, self.gradients, self.state["velocity"]
        xp.multiply(g, size, out=g)
        xp.multiply(v, self.settings.momentum, out=v)
        xp.subtract(v, g, out=v)


class Nesterov(Momentum):
    """``v = m v - s g; p += m v - s g`` (Nesterov 1983; Sutskever et al. 2013)."""

    def step(self, size: Any) -> None:
        """Update the parameters."""
        self._accelerate(size)
        xp, p, scratch = self.xp, self.parameters, self.scratch
        xp.multiply(self.state["velocity"], self.settings.momentum, out=scratch)
        xp.subtract(scratch, self.gradients, out=scratch)
        xp.add(p, scratch, out=p)


class Adam(Optimizer):
    """``m = β₁ m + (1-β₁) g; v = β₂ v + (1-β₂) g²; p -= s m / (sqrt(v) + ε)``.

    ``s = rate · sqrt(1 - β₂ᵗ) / (1 - β₁ᵗ)`` at the t-th step (Kingma and Ba 2015, end of
    section 2, as in scikit-learn: ε is added to the uncorrected root). The state holds
    ``M = m / (1-β₁)`` and ``V = v / (1-β₂)``, which takes two passes over memory less:
    ``M = β₁ M + g; V = β₂ V + g²; p -= s (1-β₁) / sqrt(1-β₂) · M / (sqrt(V) + ε / sqrt(1-β₂))``.
    """

    state_names = ("first_moment", "second_moment")

    @staticmethod
    def step_sizes(settings: Settings, learning_rates: Array, done: Array) -> Array:
        """Correct both moments' bias towards zero, and put back the factors of the state."""
        t = done + 1
        correction = np.sqrt(1 - settings.beta_2**t) / (1 - settings.beta_1**t)
        factor = (1 - settings.beta_1) / np.sqrt(1 - settings.beta_2)
        sizes: Array = learning_rates * correction * factor
        return sizes

    def step(self, size: Any) -> None:
        """Update the parameters."""
        xp, g, scratch, settings = self.xp, self.gradients, self.scratch, self.settings
        m, v = self.state["first_moment"], self.state["second_moment"]
        xp.multiply(m, settings.beta_1, out=m)
        xp.add(m, g, out=m)
        xp.multiply(v, settings.beta_2, out=v)
        xp.multiply(g, g, out=g)
        xp.add(v, g, out=v)
        xp.sqrt(v, out=scratch)
        xp.add(scratch, settings.epsilon / (1 - settings.beta_2) ** 0.5, out=scratch)
        xp.divide(m, scratch, out=scratch)
        xp.multiply(scratch, size, out=scratch)
        xp.subtract(self.parameters, scratch, out=self.parameters)


def rule_of(settings: Settings) -> type[Optimizer]:
    """Give the update rule that the settings name; ``adamw`` decays weights beside Adam's step."""
    if settings.solver != "sgd":
        return Adam
    if settings.momentum == 0:
        return SGD
    return Nesterov if settings.nesterovs_momentum else Momentum
