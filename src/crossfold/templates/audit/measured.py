"""A measured quantity: its interval, whether a claim holds for it, what a fault changes of it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossfold.reports import words
from crossfold.validation.intervals import percentile_interval
from crossfold.validation.metrics import wilson_interval

Answer = Literal["yes", "no", "unclear"]
NAN = math.nan
_OF_95_PERCENT = 1.959964
# Units of which a hundred are printed for one.
PER_CENT = {"share": "%", "points": "pp"}


class Rule(NamedTuple):
    """When a claim holds; names are those of `crossfold.templates.audit.claims.Holds`."""

    name: str
    value: Any


@dataclass(frozen=True, eq=False)
class Measured:
    """A quantity with its 95 % interval, and the number `n` of rows, pairs or seeds behind it.

    The interval is one of confidence, or of the middle 95 % over seeds; without one `low` and
    `high` are the estimate. NaN is what could not be measured. `draws` are the values over seeds or
    resamples, shape ``(m,)``, if there are any; where two quantities have as many, they are pairs.
    """

    estimate: float
    low: float
    high: float
    n: float
    draws: NDArray[np.floating[Any]] | None = None

    @property
    def figures(self) -> tuple[float, float, float]:
        """The estimate and its interval."""
        return self.estimate, self.low, self.high


def exact(value: float, n: int = 0) -> Measured:
    """Take a figure that has no interval: of the source's own table, or of one repeated run."""
    return Measured(float(value), float(value), float(value), n)


def from_interval(estimate: float, interval: Sequence[float], n: int) -> Measured:
    """Take an estimate with ``(low, high)`` of its 95 % interval."""
    return Measured(float(estimate), float(interval[0]), float(interval[1]), int(n))


def share_of(successes: float, n: int) -> Measured:
    """Measure a share of independent rows with its Wilson interval."""
    low, high = wilson_interval(successes, n)
    return Measured(successes / n, float(low), float(high), int(n))


def mean_of(values: ArrayLike, draws: NDArray[np.floating[Any]] | None = None) -> Measured:
    """Measure a mean of independent rows, shape ``(n,)``, with its normal interval."""
    array = np.asarray(values, dtype=np.float64)
    half = _OF_95_PERCENT * float(array.std(ddof=1)) / math.sqrt(len(array))
    mean = float(array.mean())
    return Measured(mean, mean - half, mean + half, len(array), draws)


def over_draws(values: ArrayLike) -> Measured:
    """Measure a median over seeds or draws, shape ``(n,)``, with the middle 95 % of them."""
    array = np.asarray(values, dtype=np.float64)
    low, high = percentile_interval(array)
    return Measured(float(np.median(array)), low, high, len(array), array)


def resampled(estimate: float, draws: ArrayLike, n: float) -> Measured:
    """Measure a quantity whose bootstrap draws, shape ``(m,)``, give its percentile interval.

    The same resamples for every quantity (the same seed) make effects of faults precise.
    """
    array = np.asarray(draws, dtype=np.float64)
    return Measured(float(estimate), *percentile_interval(array), n, array)


def effect(with_fault: Measured, without: Measured) -> Measured:
    """Measure what a fault changes: the quantity with it minus the quantity without.

    It is the median of the paired draws' differences with the middle 95 % of them; where there are
    no draws, the difference of the estimates with the interval of independent ones
    (square and add: Zou and Donner 2008, "Construction of confidence limits about effect
    measures").
    """
    a, b = with_fault, without
    if a.draws is not None and b.draws is not None and len(a.draws) == len(b.draws):
        low, middle, high = np.percentile(a.draws - b.draws, [2.5, 50, 97.5]).tolist()
        return Measured(middle, low, high, a.n)
    difference = a.estimate - b.estimate
    down = math.hypot(a.estimate - a.low, b.high - b.estimate)
    up = math.hypot(a.high - a.estimate, b.estimate - b.low)
    return Measured(difference, difference - down, difference + up, a.n)


def is_sure(one: Measured) -> bool:
    """Whether the interval of an effect leaves 0 out: it is more than the spread."""
    return one.low > 0 or one.high < 0


def answer(one: Measured, rule: Rule) -> Answer:
    """Say whether a claim holds for a quantity; ``unclear`` where its interval allows both."""
    if not math.isfinite(one.estimate):
        return "unclear"
    return _ANSWERS[rule.name](one, rule.value)


def _side(yes: bool, no: bool) -> Answer:
    return "yes" if yes else "no" if no else "unclear"


def decimals_of(value: float) -> int:
    """Count the digits after the point of a printed figure."""
    return len(f"{value!r}".partition(".")[2])


def _prints_as(estimate: float, value: float) -> bool:
    decimals = decimals_of(value)
    return f"{estimate:.{decimals}f}" == f"{value:.{decimals}f}"


_ANSWERS: dict[str, Callable[[Measured, Any], Answer]] = {
    "above": lambda one, value: _side(one.low > value, one.high <= value),
    "below": lambda one, value: _side(one.high < value, one.low >= value),
    "between": lambda one, ends: _side(
        ends[0] <= one.low and one.high <= ends[1], one.high < ends[0] or ends[1] < one.low
    ),
    "includes": lambda one, value: "yes" if one.low <= value <= one.high else "no",
    "at_least": lambda one, value: "yes" if one.estimate >= value else "no",
    "at_most": lambda one, value: "yes" if one.estimate <= value else "no",
    "equal": lambda one, value: "yes" if _prints_as(one.estimate, value) else "no",
}


def p_value(one: Measured, rule: Rule) -> float:
    """Compute how likely so sure an answer is by chance, from the interval, as if normal.

    One-sided where a side decides, two-sided where a value lies outside the interval. NaN where the
    answer rests on no interval: an estimate alone, or a value within the interval.
    """
    if not math.isfinite(one.estimate) or one.low == one.high:
        return NAN
    if rule.name in ("above", "below"):
        return _tail(one, rule.value)
    if rule.name == "includes" and answer(one, rule) == "no":
        return min(1.0, 2 * _tail(one, rule.value))
    if rule.name == "between":
        tails = [_tail(one, end) for end in rule.value]
        return max(tails) if answer(one, rule) == "yes" else min(tails)
    return NAN


def _tail(one: Measured, value: float) -> float:
    distance = one.estimate - value
    half = one.estimate - one.low if distance > 0 else one.high - one.estimate
    if half == 0:
        return 0.0 if distance else 0.5
    return math.erfc(_OF_95_PERCENT * abs(distance) / half / math.sqrt(2)) / 2


def print_value(value: float, unit: str, width: float = NAN) -> str:
    """Print an estimate without its interval, with decimals that fit the interval's width."""
    if unit in PER_CENT:
        text = words.number(100 * value, _share_decimals(width))
    else:
        text = words.fitting(value, width if width > 0 else None)
    return text + ("" if math.isnan(value) else suffix(unit))


def suffix(unit: str) -> str:
    """Give what stands behind a number: nothing, or the unit after a space that does not break."""
    written = {**PER_CENT, "number": ""}.get(unit, unit)
    return f"\u00a0{written}" if written else ""


def print_measured(one: Measured, unit: str) -> str:
    """Print a quantity with its interval: 10.1 % (9.5–10.7 %), +3.1 pp (2.0–4.2)."""
    if not words.is_interval(one.estimate, one.low, one.high):
        return print_value(one.estimate, unit)
    decimals = _share_decimals(one.high - one.low)
    if unit == "share":
        return words.percent_interval(one.estimate, one.low, one.high, decimals)
    if unit == "points":
        text = words.interval(100 * one.estimate, 100 * one.low, 100 * one.high, decimals)
    else:
        text = words.fitting_interval(one.estimate, one.low, one.high)
    estimate, _, ends = text.partition(" (")
    return f"{estimate}{suffix(unit)} ({ends}"


def print_effect(one: Measured, unit: str) -> str:
    """Print a change with its sign and interval: +3.1 pp (2.0–4.2)."""
    sign = "+" if one.estimate > 0 else ""
    return sign + print_measured(one, "points" if unit in PER_CENT else unit)


def _share_decimals(width: float) -> int:
    """Two decimals of a per cent where an interval is narrower than one, else one."""
    return 2 if 0 < width < 0.01 else 1
