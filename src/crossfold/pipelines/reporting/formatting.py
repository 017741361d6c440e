"""How numbers are printed, in figures and in the report alike."""

from __future__ import annotations

import math

MISSING = "–"


def count(value: float) -> str:
    """Print a whole number with separators: 110,521."""
    return f"{value:,.0f}"


def percent(value: float, decimals: int = 1) -> str:
    """Print a share in [0, 1] as per cent: 20.2 %."""
    return MISSING if math.isnan(value) else f"{100 * value:.{decimals}f} %"


def number(value: float, decimals: int = 3) -> str:
    """Print a figure with fixed decimals; a dash where there is none."""
    return MISSING if value is None or math.isnan(value) else f"{value:.{decimals}f}"


def interval(estimate: float, low: float, high: float, decimals: int = 3) -> str:
    """Print an estimate with its interval: 0.748 (0.744–0.752)."""
    ends = f" ({number(low, decimals)}–{number(high, decimals)})" if not math.isnan(low) else ""
    return number(estimate, decimals) + ends


def percent_interval(estimate: float, low: float, high: float, decimals: int = 1) -> str:
    """Print a share with its interval: 21.3 % (20.8–21.9 %)."""
    ends = f" ({100 * low:.{decimals}f}–{percent(high, decimals)})" if not math.isnan(low) else ""
    return percent(estimate, decimals) + ends
