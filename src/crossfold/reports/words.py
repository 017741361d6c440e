"""How numbers and names are printed, in figures and in the report alike."""

from __future__ import annotations

import math

MISSING = "–"
# Keeps a number and its sign on one line.
_PERCENT = "\u00a0%"


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
    return MISSING if math.isnan(value) else f"{value:.{decimals}f}".replace("-", "−")


def p_value(value: float) -> str:
    """Print a p-value; below a thousandth it is only said to be so."""
    return "< 0.001" if value < 0.001 else number(value)


def interval(estimate: float, low: float, high: float, decimals: int = 3) -> str:
    """Print an estimate with its interval: 0.748 (0.744–0.752)."""
    return number(estimate, decimals) + _ends(low, number(low, decimals), number(high, decimals))


def percent_interval(estimate: float, low: float, high: float, decimals: int = 1) -> str:
    """Print a share with its interval: 21.3 % (20.8–21.9 %)."""
    return percent(estimate, decimals) + _ends(
        low, number(100 * low, decimals), percent(high, decimals)
    )


def _ends(low: float, low_text: str, high_text: str) -> str:
    """Print the ends of an interval; a dash after a minus sign would be hard to read."""
    if math.isnan(low):
        return ""
    return f" ({low_text}{' to ' if low < 0 else '–'}{high_text})"
