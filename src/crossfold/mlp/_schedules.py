"""Learning rates over the steps of a training, by name."""

from __future__ import annotations

import numpy as np

from crossfold.mlp._spec import Array, Settings

_WARM_UP = 0.3
_FIRST_DIVISOR = 25.0
_LAST_DIVISOR = 1e4


def _cosine_between(start: Array | float, end: Array | float, progress: Array) -> Array:
    return end + (start - end) * (1 + np.cos(np.pi * progress)) / 2


def one_cycle(peak: Array, progress: Array) -> Array:
    """Rise from ``peak / 25`` for 30 % of the steps, then fall to ``peak / 250,000``.

    Both along a half cosine (Smith and Topin 2018, in the form of PyTorch's ``OneCycleLR``).

    Parameters
    ----------
    peak
        The highest learning rate, `Member.learning_rate_init`.
    progress
        Share of the steps done, in [0, 1].
    """
    first = peak / _FIRST_DIVISOR
    rise = _cosine_between(first, peak, np.minimum(progress / _WARM_UP, 1))
    fall = _cosine_between(peak, first / _LAST_DIVISOR, (progress - _WARM_UP) / (1 - _WARM_UP))
    return np.where(progress <= _WARM_UP, rise, fall)


def cosine(peak: Array, progress: Array) -> Array:
    """Fall from `peak` to 0 along a half cosine (Loshchilov and Hutter 2017, without restarts)."""
    return _cosine_between(peak, 0.0, progress)


PER_STEP = {"one_cycle": one_cycle, "cosine": cosine}
"""Schedules laid out over all steps; the others change the rate between epochs."""


def learning_rates(settings: Settings, base: Array, done: Array, n_steps: Array) -> Array:
    """Give the learning rate of each step.

    Parameters
    ----------
    settings
        Names the schedule.
    base
        Each member's current rate, shape ``(k, 1)``; the peak for schedules over steps.
    done
        Steps done before each step, shape ``(k, steps)``.
    n_steps
        Steps of each member's whole training, shape ``(k, 1)``.
    """
    schedule = PER_STEP.get(settings.learning_rate)
    if schedule is None:
        return np.broadcast_to(base, done.shape)
    return schedule(base, np.minimum(done / np.maximum(n_steps - 1, 1), 1))


def inverse_scaling(initial: float, rows_seen: int, power_t: float) -> float:
    """Give the rate after an epoch of ``invscaling``: ``initial / (rows_seen + 1)^power_t``."""
    return float(initial / (rows_seen + 1) ** power_t)
