"""Measured quantities: what they are compared with, and how they are printed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from crossfold.reports.words import interval, number, percent_interval

Unit = Literal["share", "points", "fine_share", "fine_points", "number"]
Holds = Literal["yes", "no", "unclear"]


class Measured(NamedTuple):
    """An estimate with its 95 % interval and the number of rows, or of pairs, behind it."""

    estimate: float
    low: float
    high: float
    n: int

    def moved(self, by: float) -> Measured:
        """Give the estimate and its interval moved by some distance."""
        return Measured(self.estimate + by, self.low + by, self.high + by, self.n)


class FaultShare(NamedTuple):
    """What one fault does by itself.

    Attributes
    ----------
    fault
        Name of the switch.
    alone
        The quantity with this fault alone.
    sound
        The quantity without any fault, trained for as long.
    sound_interval
        The same with its interval, where the fault changes how precise the quantity is.
    """

    fault: str
    alone: Measured
    sound: float
    sound_interval: Measured | None = None

    @property
    def share(self) -> float:
        """Value with this fault alone minus the sound value."""
        return self.alone.estimate - self.sound

    @property
    def without(self) -> Measured:
        """The quantity without the fault; its interval as wide as with it if not given."""
        return self.sound_interval or self.alone.moved(-self.share)


def above(threshold: float) -> Callable[[Measured], Holds]:
    """Say yes to an interval wholly above the threshold, no to one wholly at or below it."""
    return lambda measured: _side(measured.low > threshold, measured.high <= threshold)


def below(threshold: float) -> Callable[[Measured], Holds]:
    """Say yes to an interval wholly below the threshold, no to one wholly at or above it."""
    return lambda measured: _side(measured.high < threshold, measured.low >= threshold)


def includes(value: float) -> Callable[[Measured], Holds]:
    """Say yes to an interval that holds the value, else no."""
    return lambda measured: "yes" if measured.low <= value <= measured.high else "no"


def _side(yes: bool, no: bool) -> Holds:
    return "yes" if yes else "no" if no else "unclear"


def print_measured(measured: Measured, unit: str) -> str:
    """Print a quantity with its interval: 10.1 % (9.5–10.7 %); fine units with two decimals."""
    estimate, low, high, _ = measured
    decimals = _decimals(unit)
    if unit.endswith("share"):
        return percent_interval(estimate, low, high, decimals)
    if unit.endswith("points"):
        printed = interval(100 * estimate, 100 * low, 100 * high, decimals)
        text, parenthesis, ends = printed.partition(" (")
        return f"{text}\u00a0pp{parenthesis}{ends}"
    return interval(estimate, low, high)


def print_value(value: float, unit: str) -> str:
    """Print an estimate without its interval: 10.1 %."""
    return print_measured(Measured(value, math.nan, math.nan, 0), unit)


def print_share(share: float, unit: str) -> str:
    """Print a difference with its sign: −79.1 pp."""
    sign = "+" if share > 0 else ""
    if unit == "number":
        return sign + number(share)
    return f"{sign}{number(100 * share, _decimals(unit))}\u00a0pp"


def _decimals(unit: str) -> int:
    return 2 if unit.startswith("fine") else 1


def shares_text(shares: Sequence[FaultShare], unit: str) -> str:
    """Print what each fault does by itself: ``relu_as_derivative −79.1 pp; …``."""
    return "; ".join(f"{one.fault} {print_share(one.share, unit)}" for one in shares)
