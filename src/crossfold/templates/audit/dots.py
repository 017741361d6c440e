"""The small picture of a claim: as printed, with the source's faults, without them; as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from crossfold.templates.audit.measured import Measured, exact, from_interval, print_value

WIDTH, ROW, LEFT, RIGHT = 340, 26, 108, 12
_INK = 'fill="currentColor" stroke="none"'
LABELS = {"printed": "Printed", "reported": "With faults", "sound": "Without"}
_MARKS = {
    "printed": '<path d="M{x0} {y0}L{x1} {y1}M{x0} {y1}L{x1} {y0}"/>',
    "reported": '<rect x="{x0}" y="{y0}" width="9" height="9" />',
    "sound": '<circle cx="{x}" cy="{y}" r="5" fill="currentColor"/>',
}


def draw_dots(row: Mapping[str, Any]) -> Markup:
    """Draw a claim's figures with their 95 % intervals, and the limit that decides it.

    The marks differ by shape and take the colour of the text, so that the picture is read in dark
    mode and in print too. Nothing where no figure is known.
    """
    figures = {name: _figure(row, name) for name in LABELS}
    shown = {name: one for name, one in figures.items() if math.isfinite(one.estimate)}
    if not shown:
        return Markup("")
    limit = float(row["limit"])
    scale = _Scale([v for one in shown.values() for v in (one.estimate, one.low, one.high)], limit)
    height = ROW * len(shown) + 24
    names = LABELS if "reported" in shown else {**LABELS, "sound": "Measured"}
    lines = [
        _row(name, names[name], one, scale, ROW * place + ROW / 2)
        for place, (name, one) in enumerate(shown.items())
    ]
    axis = _axis(scale, ROW * len(shown), limit, str(row["unit"]))
    label = "; ".join(
        f"{names[name]}: {print_value(one.estimate, row['unit'])}" for name, one in shown.items()
    )
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" class="dots" viewBox="0 0 {0} {1}" width="{0}"'
        ' role="img" aria-label="{2}" fill="none" stroke="currentColor" stroke-width="1.8"'
        ' font-family="sans-serif" font-size="12.5">{3}{4}</svg>'
    ).format(WIDTH, height, label, axis, Markup("").join(lines))


def _figure(row: Mapping[str, Any], name: str) -> Measured:
    if name == "printed":
        return exact(row["printed_value"])
    return from_interval(row[name], (row[f"{name}_low"], row[f"{name}_high"]), 0)


class _Scale:
    """From a value to a place on the picture."""

    def __init__(self, values: list[float], limit: float) -> None:
        known = [value for value in [*values, limit] if math.isfinite(value)]
        self.low, self.high = min(known), max(known)
        if self.low == self.high:
            room = abs(self.low) / 10 or 0.01
            self.low, self.high = self.low - room, self.high + room

    def __call__(self, value: float) -> float:
        part = (value - self.low) / (self.high - self.low)
        return round(LEFT + 8 + part * (WIDTH - LEFT - RIGHT - 16), 1)


def _row(name: str, label: str, one: Measured, scale: _Scale, y: float) -> Markup:
    x = scale(one.estimate)
    places = {"x": x, "y": y, "x0": x - 4.5, "x1": x + 4.5, "y0": y - 4.5, "y1": y + 4.5}
    bar = ""
    if math.isfinite(one.low) and one.low < one.high:
        bar = f'<path d="M{scale(one.low)} {y}H{scale(one.high)}"/>'
    text = f'<text {_INK} x="0" y="{y + 4}">{label}</text>'
    return Markup(text + bar + _MARKS[name].format(**places))


def _axis(scale: _Scale, y: float, limit: float, unit: str) -> Markup:
    """Draw the ends of the axis, and a dashed line at the limit."""
    parts = [f'<path stroke-width="1" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>']
    width = scale.high - scale.low
    places = {scale.low: "start", scale.high: "end"}
    if math.isfinite(limit):
        parts.append(f'<path stroke-width="1" stroke-dasharray="4 3" d="M{scale(limit)} 2V{y}"/>')
    for value, anchor in places.items():
        text = print_value(value, unit, width)
        x = LEFT if anchor == "start" else WIDTH - RIGHT
        parts.append(f'<text {_INK} x="{x}" y="{y + 16}" text-anchor="{anchor}">{text}</text>')
    return Markup("".join(parts))
