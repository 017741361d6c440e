"""How numbers and names are printed, in figures and in the report alike."""

import math
import textwrap
from collections.abc import Sequence
from datetime import datetime

MISSING = "–"
# Keeps a number and its sign on one line.
_PERCENT = "\u00a0%"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MOST_DECIMALS, _LARGEST = 6, 1e9


def plain(name: str) -> str:
    """Turn a name of the code into words with a capital."""
    return name.replace("_", " ").capitalize()


def count(value: float) -> str:
    """Print a whole number with separators: 110,521."""
    return f"{value:,.0f}"


def percent(value: float, decimals: int = 1) -> str:
    """Print a share in [0, 1] as per cent: 20.2 %."""
    return MISSING if math.isnan(value) else f"{100 * value:.{decimals}f}{_PERCENT}"


def number(value: float, decimals: int = 3) -> str:
    """Print a figure with fixed decimals and a minus sign; a dash where there is none."""
    return MISSING if math.isnan(value) else _signed(f"{value:.{decimals}f}")


def _signed(text: str) -> str:
    """Write a minus sign for a hyphen; zero has none."""
    is_zero = not any(digit in text for digit in "123456789")
    return text.lstrip("-") if is_zero else text.replace("-", "−")


def day(when: datetime) -> str:
    """Print a day: 8 June 2016."""
    return f"{when.day} {when:%B %Y}"


def p_value(value: float) -> str:
    """Print a p-value; below a thousandth it is only said to be so."""
    return "< 0.001" if value < 0.001 else number(value)


def interval(estimate: float, low: float, high: float, decimals: int = 3) -> str:
    """Print an estimate with its interval: 0.748 (0.744–0.752)."""
    return number(estimate, decimals) + _ends(low, number(low, decimals), number(high, decimals))


def percent_interval(estimate: float, low: float, high: float, decimals: int = 1) -> str:
    """Print a share with its interval: 21.3 % (20.8–21.9 %)."""
    ends = _ends(low, number(100 * low, decimals), percent(high, decimals))
    return percent(estimate, decimals) + ends


def _ends(low: float, low_text: str, high_text: str) -> str:
    """Print the ends of an interval; a dash after a minus sign would be hard to read."""
    if math.isnan(low):
        return ""
    return f" ({low_text}{' to ' if low < 0 else '–'}{high_text})"


def fitting(value: float, width: float | None = None) -> str:
    """Print a figure of any size with about two digits more than its interval leaves open.

    `width` is that of its interval, None for three digits; where there is no figure, it is a dash.
    """
    if not math.isfinite(value):
        return MISSING
    scale = abs(width if width and math.isfinite(width) else value)
    if scale == 0:
        return number(value, 0)
    exponent = math.floor(math.log10(scale))
    decimals = (1 if width else 2) - exponent
    if decimals > _MOST_DECIMALS or abs(value) >= _LARGEST:
        return _power(value)
    return _signed(f"{round(value, decimals):,.{max(decimals, 0)}f}")


def _power(value: float) -> str:
    """Print a very small or large number as 1.2 × 10⁻⁹."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    raised = str(exponent).translate(_SUPERSCRIPTS)
    return f"{number(value / 10**exponent, 1)}\u00a0×\u00a010{raised}"


def fitting_interval(estimate: float, low: float, high: float) -> str:
    """Print an estimate of any size with its interval: 43.1 (40.2–46.0)."""
    if not is_interval(estimate, low, high):
        return fitting(estimate)
    width = high - low
    if low > 0 or high < 0:  # the nearer end is not printed as 0 then: readers look for it
        width = min(width, 10 * min(abs(low), abs(high)))
    estimated, start, end = (fitting(one, width) for one in (estimate, low, high))
    return estimated + _ends(low, start, end)


def is_interval(estimate: float, low: float, high: float) -> bool:
    """Whether the ends of an interval are numbers, apart, and hold the estimate."""
    return low <= estimate <= high and low < high


def shortened(text: object, most: int = 40) -> str:
    """Print a name of a user's on one line, its middle left out where it is long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    if len(line) <= most:
        return line
    tail = most // 3
    return f"{line[: most - tail - 1]}…{line[-tail:]}"


def chart_label(text: object, most: int = 26, lines: int = 1) -> str:
    """Print a name in a chart: matplotlib reads text between dollars as a formula."""
    broken = textwrap.wrap(shortened(text, lines * most), most, max_lines=lines, placeholder="…")
    return "\n".join(broken).replace("$", r"\$")


def listed(names: Sequence[object], most: int = 5) -> str:
    """Join names: a, b and c; the first few of many, with the number of the others."""
    shown = [shortened(name) for name in names]
    if len(shown) > most:
        shown = [*shown[: most - 1], f"{len(names) - most + 1} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
