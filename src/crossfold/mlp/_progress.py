"""Learning rates over a training, one member's history, and when it has learnt enough."""

from __future__ import annotations

from typing import Any

import numpy as np

from crossfold.mlp._spec import Array, Member, Settings, Trained

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


_LEAST_ADAPTIVE_RATE = 1e-6
_ADAPTIVE_DIVISOR = 5


class Progress:
    """Follows one member from epoch to epoch, with scikit-learn's rules.

    A member stops when more than `n_iter_no_change` epochs in a row have not improved by `tol`: the
    validation score or loss with early stopping and validation rows, else the training loss. With
    ``adaptive`` SGD its learning rate is then divided by 5 instead, down to 1e-6. A member whose
    loss is not finite stops at once.
    """

    def __init__(self, settings: Settings, member: Member) -> None:
        before = member.optimizer_state or {}
        self._settings = settings
        self._initial_rate = member.learning_rate_init
        self._by_rows = bool(settings.early_stopping) and member.validation_rows is not None
        self._best = before.get("best", -np.inf)
        self._stale_epochs = before.get("stale_epochs", 0)
        self._rows_before = before.get("rows_seen", 0)
        self.learning_rate = before.get("learning_rate", member.learning_rate_init)
        self.steps_done = before.get("steps_done", 0)
        self.trained = Trained([], [], n_iter=0, t=0)
        self.best_parameters: Array | None = None
        self.stopped = False

    @property
    def improved(self) -> bool:
        """Whether the last epoch has the best validation score so far, with early stopping."""
        merits = self._merits
        return self._by_rows and bool(merits[-1] > max(merits[:-1], default=-np.inf))

    @property
    def _merits(self) -> list[float]:
        """What each scored epoch is judged by on the validation rows; higher is better."""
        if self._settings.early_stopping == "loss":
            return [-loss for loss in self.trained.validation_loss]
        return self.trained.validation_scores

    def advance(self, n_rows: int, n_steps: int) -> None:
        """Note an epoch that has been trained."""
        self.trained.n_iter += 1
        self.trained.t += n_rows
        self.steps_done += n_steps
        self._reschedule()

    def record(self, loss: float, seconds: float) -> None:
        """Note an epoch that has been scored, and decide whether it was the last."""
        trained = self.trained
        trained.epochs.append(trained.n_iter)
        trained.loss_curve.append(loss)
        trained.seconds.append(seconds)
        self._judge(self._merits[-1] if self._by_rows else -loss)
        if not np.isfinite(loss):
            self.stopped = True
        elif self._stale_epochs > self._settings.n_iter_no_change:
            self._stop_or_slow_down()

    def state(self) -> dict[str, Any]:
        """Give what a later training goes on from, beside the optimiser's arrays."""
        return {
            "best": self._best,
            "stale_epochs": self._stale_epochs,
            "rows_seen": self._rows_before + self.trained.t,
            "learning_rate": self.learning_rate,
            "steps_done": self.steps_done,
        }

    def _judge(self, merit: float) -> None:
        """Count the epochs without improvement; `merit` is a score or minus a loss."""
        stale = merit < self._best + self._settings.tol
        self._stale_epochs = self._stale_epochs + 1 if stale else 0
        self._best = max(self._best, merit)

    def _reschedule(self) -> None:
        if self._settings.solver == "sgd" and self._settings.learning_rate == "invscaling":
            rows_seen = self._rows_before + self.trained.t
            self.learning_rate = inverse_scaling(
                self._initial_rate, rows_seen, self._settings.power_t
            )

    def _stop_or_slow_down(self) -> None:
        adaptive = self._settings.solver == "sgd" and self._settings.learning_rate == "adaptive"
        if adaptive and self.learning_rate > _LEAST_ADAPTIVE_RATE:
            self.learning_rate /= _ADAPTIVE_DIVISOR
            self._stale_epochs = 0
        else:
            self.stopped = self.trained.converged = True
