"""What happens to parameters once their gradients are known: penalties, then an update rule.

Written once for both engines, with functions that NumPy and PyTorch name and call alike; ``xp`` is
one of the two. Every array has shape ``(k, n_parameters)``, the step size ``(k, 1)``: each member
has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from crossfold.mlp._functions import compiled
from crossfold.mlp._spec import Array, Member, Settings

if TYPE_CHECKING:
    from crossfold.mlp._engine import Layout


@dataclass(eq=False)
class Optimizer:
    """Applies an update rule in place, and owns its state, one array for each of `state_names`.

    This one has no rule, and leaves the gradients of the mean loss with penalties. Gradients and
    scratch, arrays in the shape of the parameters, are overwritten. `shared` are views of gradients
    whose members share weights: the first one's is what counts.
    """

    state_names: ClassVar[tuple[str, ...]] = ()

    xp: Any
    settings: Settings
    parameters: Any
    gradients: Any
    scratch: Any
    state: dict[str, Any]
    factors: Factors
    shared: Sequence[Any] = ()

    def take(self, scale: Any, step_sizes: Any, learning_rates: Any) -> Any:
        """Add the penalties, divide by the weights, and update the parameters; see `Update`."""
        if (factor := self.factors.rate) is not None:
            step_sizes, learning_rates = step_sizes * factor, learning_rates * factor
        twice_penalty = self.penalise(learning_rates)
        self.xp.multiply(self.gradients, scale, out=self.gradients)
        for gradients in self.shared:
            gradients[0] = gradients.mean(axis=0)
        self.step(step_sizes)
        return twice_penalty

    def penalise(self, learning_rates: Any) -> Any:
        """Add the penalties to the gradients, and decay the weights."""
        return self.factors.penalise(self.parameters, self.gradients, self.scratch, learning_rates)

    @staticmethod
    def step_sizes(settings: Settings, learning_rates: Array, done: Array) -> Array:
        """Turn learning rates into step sizes, given the steps done before; same shapes."""
        return learning_rates

    def step(self, size: Any) -> None:
        """Update the parameters from the gradients."""


class SGD(Optimizer):
    """``p -= s g``."""

    def step(self, size: Any) -> None:
        xp, p, g = self.xp, self.parameters, self.gradients
        xp.multiply(g, size, out=g)
        xp.subtract(p, g, out=p)


class Momentum(Optimizer):
    """``v = m v - s g; p += v`` (Polyak 1964).

    Nesterov's is ``p += m v - s g`` instead (Nesterov 1983; Sutskever et al. 2013).
    """

    state_names = ("velocity",)

    def step(self, size: Any) -> None:
        xp, p, g, momentum = self.xp, self.parameters, self.gradients, self.settings.momentum
        v, scratch = self.state["velocity"], self.scratch
        xp.multiply(g, size, out=g)
        xp.multiply(v, momentum, out=v)
        xp.subtract(v, g, out=v)
        if self.settings.nesterovs_momentum:
            xp.multiply(v, momentum, out=scratch)
            v = xp.subtract(scratch, g, out=scratch)
        xp.add(p, v, out=p)


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


def adam(
    p: Array, g: Array, m: Array, v: Array, constants: Array, scale: Array, size: Array
) -> None:
    """Scale gradients and take the step of `Adam` in one pass, to be compiled.

    Contiguous arrays of shape ``(k, n_parameters)``; scale and step sizes ``(k,)``; constants are
    β₁, β₂ and what is added to the root.
    """
    beta_1, beta_2, epsilon = constants
    for row in range(p.shape[0]):
        factor, step = scale[row], size[row]
        for i in range(p.shape[1]):
            gradient = g[row, i] * factor
            first = m[row, i] * beta_1 + gradient
            second = v[row, i] * beta_2 + gradient * gradient
            m[row, i], v[row, i] = first, second
            p[row, i] -= first / (np.sqrt(second) + epsilon) * step


def rule_of(settings: Settings) -> type[Optimizer]:
    """Give the update rule that the settings name; ``adamw`` decays weights beside Adam's step."""
    if settings.solver == "lbfgs":
        return Optimizer
    if settings.solver in {"adam", "adamw"}:
        return Adam
    return SGD if settings.momentum == 0 else Momentum


_ALL = slice(None)


@dataclass(frozen=True)
class Factors:
    """What tells parameters apart: penalties, rates, and what a member lacks.

    Factors of every parameter, shape ``(k, n_parameters)`` or, where all members have the same,
    ``(1, n_parameters)``; None where they would change nothing. The first three pull weights to
    zero; biases go free. `rate` is of the learning rate; `used`, of the gradient, is 0 for
    parameters that a member lacks.
    """

    xp: Any
    l2: Any = None
    l1: Any = None
    decay: Any = None
    rate: Any = None
    used: Any = None

    def of(self, members: slice = _ALL, columns: slice = _ALL) -> Self:
        """Give the factors of some members, and of some parameters."""
        given = (self.l2, self.l1, self.decay, self.rate, self.used)
        rows = (one if one is None or len(one) == 1 else one[members] for one in given)
        return type(self)(self.xp, *(None if one is None else one[:, columns] for one in rows))

    def penalise(self, p: Any, g: Any, scratch: Any, rate: Any) -> Any:
        """Add ``l2 · p + l1 · sign(p)`` to the gradients, and decay: ``p -= rate · decay · p``.

        Gives twice the penalty, ``Σ l2 · p² + 2 · l1 · |p|``, shape ``(k,)``, or 0 where there is
        none. Decay is that of Loshchilov and Hutter 2019.
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
        if self.used is not None:
            xp.multiply(g, self.used, out=g)
        if self.decay is not None:
            xp.multiply(p, self.decay, out=scratch)
            xp.multiply(scratch, rate, out=scratch)
            xp.subtract(p, scratch, out=p)
        return twice


def factors_of(members: list[Member], layout: Layout, settings: Settings) -> dict[str, Array]:
    """Give the arrays of `Factors` that the members need, but `used`, by name."""
    scaling = [(m.scaling or 0.0) if layout.n_scales else 1.0 for m in members]
    named: dict[str, list[tuple[Any, Any, Any]]] = {
        "decay" if settings.solver == "adamw" else "l2": [(m.alpha, 0, 0) for m in members],
        "l1": [(m.l1, 0, 0) for m in members],
        "rate": [(m.weight_rate, m.bias_rate, s) for m, s in zip(members, scaling, strict=True)],
    }
    return {
        name: np.stack(
            # One row is enough where all have the same.
            [layout.spread(*one) for one in (own[:1] if len(set(own)) == 1 else own)]
        ).astype(settings.dtype)
        for name, own in named.items()
        if any(np.any(np.not_equal(part, name == "rate")) for one in own for part in one)
    }


class ScalingLayer:
    """Trains a factor ``s`` of each input beside the first weights (Holzmüller et al. 2024).

    The network computes with the first weights ``s W``, and nothing else knows of the layer:
    ``dL/dW = s dL/d(sW)``, and ``dL/ds = W · dL/d(sW)`` over the units that an input feeds.
    `behind`, shape ``(k, n_parameters + n_in)``, has the parameters with ``W``, then the factors.

    Members in a slice of `shared` share all weights and biases before the outputs' layer: those of
    the first of them are trained, by the mean of their gradients, and the others' are copies.
    """

    def __init__(
        self,
        xp: Any,
        layout: Layout,
        parameters: Any,
        gradients: Any,
        behind: Any,
        shared: Sequence[slice],
    ) -> None:
        self._xp, self.gradients = xp, xp.empty_like(behind)
        own = slice(None, layout.n_parameters)
        self._copied = (self.gradients[:, own], gradients), (parameters, behind[:, own])
        self._scaled, self._weights, self._slopes = (
            layout.blocks(flat)[0][:, :-1] for flat in (parameters, behind, self.gradients)
        )
        self._scales = behind[:, layout.n_parameters :]
        self._slopes_of_scales = self.gradients[:, layout.n_parameters :]
        hidden = slice(None, layout.n_hidden)
        self._shared = [
            (behind[own.start + 1 : own.stop, hidden], behind[own.start, hidden]) for own in shared
        ]

    def pull_back(self) -> None:
        """Turn the network's gradients into those of what is behind."""
        to, gradients = self._copied[0]
        to[...] = gradients
        self._slopes_of_scales[...] = self._xp.linalg.vecdot(self._weights, self._slopes)
        self._xp.multiply(self._slopes, self._scales[..., None], out=self._slopes)

    def apply(self) -> None:
        """Give the network what is behind, shared and with the first weights scaled."""
        for copies, first in self._shared:
            copies[...] = first
        parameters, behind = self._copied[1]
        parameters[...] = behind
        self._xp.multiply(self._weights, self._scales[..., None], out=self._scaled)


CHUNK_BYTES = 1 << 19
"""On a CPU, parameters are updated in chunks of this size: all that a rule reads and writes of a
chunk stays in the cache, so that each array passes through memory once a step."""


_FLUSHED_EVERY = 64
"""Steps after which moments that are too small to have all their digits are made zero. Where a
gradient stays 0, a moment shrinks until rounding keeps it from shrinking further, and a processor
takes many times as long over numbers that small."""


class Update:
    """Penalties, scale and update rule of a stack's parameters, shape ``(k, n_parameters)``.

    Parameters and gradients are overwritten. With `chunk_bytes` None all are updated at once. A
    state with what is ``behind`` the parameters has them trained by a `ScalingLayer`.
    """

    def __init__(
        self,
        xp: Any,
        settings: Settings,
        parameters: Any,
        gradients: Any,
        state: dict[str, Any],
        factors: Factors,
        chunk_bytes: int | None = CHUNK_BYTES,
        layout: Layout | None = None,
        shared: Sequence[slice] = (),
    ) -> None:
        self.parameters, self.gradients, self.state = parameters, gradients, state
        self._xp, self._scaling, n_hidden = xp, None, 0
        if layout is not None and layout.n_scales:
            behind, n_hidden = state["behind"], layout.n_hidden
            self._scaling = ScalingLayer(xp, layout, parameters, gradients, behind, shared)
            parameters, gradients = behind, self._scaling.gradients
        k, n_parameters = parameters.shape
        width = n_parameters
        if chunk_bytes is not None:
            width = max(1, min(width, chunk_bytes // (k * parameters.itemsize)))
        scratch = xp.empty_like(parameters[:, :width])
        self._chunks = [
            rule_of(settings)(
                xp,
                settings,
                parameters[:, start:stop],
                gradients[:, start:stop],
                scratch[:, : stop - start],
                {name: array[:, start:stop] for name, array in state.items()},
                factors.of(columns=slice(start, stop)),
                [gradients[own, start : min(stop, n_hidden)] for own in shared if start < n_hidden],
            )
            for start, stop in pairwise([*range(0, n_parameters, width), n_parameters])
        ]
        fits = xp is np and rule_of(settings) is Adam and factors.rate is None and not shared
        self._adam: Callable[..., None] | None = None
        if fits and (kernel := compiled(adam)) is not None:
            epsilon = settings.epsilon / (1 - settings.beta_2) ** 0.5
            constants = np.array([settings.beta_1, settings.beta_2, epsilon], parameters.dtype)
            moments = map(state.get, Adam.state_names)
            self._adam = partial(kernel, parameters, gradients, *moments, constants)
        on_cpu = str(parameters.device) == "cpu"
        self._moments = [state[name] for name in rule_of(settings).state_names if on_cpu]
        self._n_steps = 0

    def take(self, scale: Any, step_sizes: Any, learning_rates: Any) -> Any:
        """Update the parameters, with step sizes and learning rates ``(k, 1)``.

        `scale` is one over the sum of the batch's weights, a number or of shape ``(k, 1)``. Gives
        twice the penalties before the update, shape ``(k,)``, or 0 where there are none.
        """
        if self._scaling is not None:
            self._scaling.pull_back()
        if self._adam is None:
            twice = sum(chunk.take(scale, step_sizes, learning_rates) for chunk in self._chunks)
        else:
            twice = sum(chunk.penalise(learning_rates) for chunk in self._chunks)
            if not isinstance(scale, np.ndarray):
                scale = np.full(len(step_sizes), scale, step_sizes.dtype)
            self._adam(scale.ravel(), step_sizes.ravel())
        self._n_steps += 1
        if self._n_steps % _FLUSHED_EVERY == 0:
            for moments in self._moments:
                moments[self._xp.abs(moments) < self._xp.finfo(moments.dtype).tiny] = 0
        if self._scaling is not None:
            self._scaling.apply()
        return twice


_WARM_UP = 0.3
_FIRST_DIVISOR = 25.0
_LAST_DIVISOR = 1e4


def _cosine_between(start: Array | float, end: Array | float, progress: Array) -> Array:
    return end + (start - end) * (1 + np.cos(np.pi * progress)) / 2


def one_cycle(peak: Array, progress: Array) -> Array:
    """Rise from ``peak / 25`` for 30 % of the steps, then fall to ``peak / 250,000``.

    Both along a half cosine (Smith and Topin 2018, in the form of PyTorch's ``OneCycleLR``);
    `progress` is the share of the steps done, in [0, 1].
    """
    first = peak / _FIRST_DIVISOR
    rise = _cosine_between(first, peak, np.minimum(progress / _WARM_UP, 1))
    fall = _cosine_between(peak, first / _LAST_DIVISOR, (progress - _WARM_UP) / (1 - _WARM_UP))
    return np.where(progress <= _WARM_UP, rise, fall)


def cosine(peak: Array, progress: Array) -> Array:
    """Fall from `peak` to 0 along a half cosine (Loshchilov and Hutter 2017, without restarts)."""
    return _cosine_between(peak, 0.0, progress)


def coslog4(peak: Array, progress: Array) -> Array:
    """Rise from 0 to `peak` and fall again four times, each time twice as slowly as before.

    ``peak (1 - cos(2 π log₂(1 + 15 progress))) / 2`` (RealMLP, Holzmüller et al. 2024).
    """
    return _cosine_between(0.0, peak, 2 * np.log2(1 + 15 * progress))


PER_STEP = {"one_cycle": one_cycle, "cosine": cosine, "coslog4": coslog4}
"""Schedules laid out over all steps; the others change the rate between epochs."""


def learning_rates(settings: Settings, base: Array, done: Array, n_steps: Array) -> Array:
    """Give the learning rate of each step, shape ``(k, steps)``.

    From each member's current rate, or the peak of a schedule over steps, shape ``(k, 1)``; the
    steps done before each step ``(k, steps)``; and the steps of its whole training ``(k, 1)``.
    """
    schedule = PER_STEP.get(settings.learning_rate)
    if schedule is None:
        return np.broadcast_to(base, done.shape)
    return schedule(base, np.minimum(done / np.maximum(n_steps - 1, 1), 1))


def inverse_scaling(initial: float, rows_seen: int, power_t: float) -> float:
    """Give the rate after an epoch of ``invscaling``: ``initial / (rows_seen + 1)^power_t``."""
    return float(initial / (rows_seen + 1) ** power_t)
