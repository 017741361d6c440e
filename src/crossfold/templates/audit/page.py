"""The page of one audit, and that of all audits together."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup
from pydantic import Field

from crossfold.reports.page import figure_html, render_page
from crossfold.reports.tables import to_html
from crossfold.reports.words import plain
from crossfold.templates.audit import judging
from crossfold.templates.audit.claims import PRINTED, REPORTED, SOUND
from crossfold.templates.audit.judging import JUDGEMENTS, fails_discovery_rate
from crossfold.templates.audit.measured import (
    Measured,
    exact,
    from_interval,
    print_effect,
    print_measured,
    print_value,
)
from crossfold.templates.parameters import Parameters

_PAGE = Path(__file__).with_name("audit.md.j2")
_STYLE = Path(__file__).with_name("audit.css")
HEADINGS = {
    judging.HOLDS: "What holds",
    judging.ARTEFACT: "What a fault makes look true",
    judging.FAILS: "What does not hold",
    judging.UNCLEAR: "What the data cannot tell",
    judging.NOT_JUDGED: "What is not judged here",
}
_TEXTS = (
    "quote", "printed", "fault_shares", "unstated", "inferred", "shortened", "artefact_of",
)  # fmt: skip


class CaptionParameters(Parameters):
    """The words beside a figure.

    Attributes
    ----------
    text
        The caption.
    alt
        What the figure shows, for those who cannot see it.
    """

    text: str
    alt: str


class AuditReportParameters(Parameters):
    """The words of an audit's page.

    Attributes
    ----------
    title
        Heading of the page.
    about
        What was audited, as one sentence.
    command
        The command that repeats the run.
    figures
        Captions of the figures that this audit alone draws, by name.
    """

    title: str
    about: str
    command: str
    figures: dict[str, CaptionParameters] = Field(default_factory=dict)


def join_claims(*claims: pd.DataFrame) -> pd.DataFrame:
    """Put the claims of several audits under each other, and mark those that chance may explain.

    Column ``survives`` is false for a verdict that would not survive a false-discovery rate of 5 %
    over all of them.
    """
    joined = pd.concat([_filled(table) for table in claims], ignore_index=True)
    return joined.assign(survives=~fails_discovery_rate(joined["p"]))


def write_report(
    *,
    claims: pd.DataFrame,
    report: AuditReportParameters,
    data_notice: str,
    seed: int,
    shares: pd.DataFrame | None = None,
    runs: pd.DataFrame | None = None,
    **figures: bytes,
) -> str:
    """Write the page of one audit, from its tables and figures (SVG or PNG), or of all audits."""
    filled = _filled(claims)
    studies = {name: study_name(name) for name in filled["study"].unique()}
    names = {
        "report": report,
        "seed": seed,
        "counts": {name: int((filled["judgement"] == name).sum()) for name in JUDGEMENTS},
        "groups": _groups(filled, shares),
        "studies": studies,
        "studies_json": Markup(json.dumps(studies)),
        "headings": HEADINGS,
        "overview": _overview(filled, studies) if len(studies) > 1 else Markup(""),
        "less_sure": int((~filled["survives"]).sum()),
        "n": len(filled),
        "chance": filled["chance"].sum(),
        "n_with_interval": int(filled["p"].notna().sum()),
        "printed_figures": _printed_figures(runs, filled),
        "figures": [
            figure_html(name, figures[f"figure_{name}"], words.text, words.alt)
            for name, words in report.figures.items()
        ],
    }
    notice = f"{data_notice} {_shortened(filled, studies)}".strip()
    page = render_page(_PAGE.read_text("utf-8"), names, notice)
    return page.replace("</style>", f"{_STYLE.read_text('utf-8')}</style>", 1)


def _shortened(claims: pd.DataFrame, studies: dict[str, str]) -> str:
    """Say which trainings were shortened, with the studies' names where there are several."""
    texts = claims.loc[claims["shortened"] != ""].groupby("study", sort=False)["shortened"].first()
    if len(studies) == 1:
        return "".join(texts)
    plain = texts.str.removeprefix("Shortened: ").str.rstrip(".").items()
    listed = "; ".join(f"{studies[str(study)]} {text}" for study, text in plain)
    return f"Shortened: {listed}." if listed else ""


def _overview(claims: pd.DataFrame, studies: dict[str, str]) -> Markup:
    """Count the verdicts of every study."""
    counts = pd.crosstab(claims["study"].map(studies), claims["judgement"])
    known = [name for name in JUDGEMENTS if name in counts]
    table = counts.reindex(list(studies.values()))[known].rename_axis("study").reset_index()
    return to_html(table, "Claims of each study by verdict")


def study_name(study: str) -> str:
    """Print a study's name: No-show."""
    return plain(study).replace("No show", "No-show")


def _filled(claims: pd.DataFrame) -> pd.DataFrame:
    """Give back the empty texts that a CSV file lacks, and mark what chance may explain."""
    texts = {name: claims[name].astype("object").where(claims[name].notna(), "") for name in _TEXTS}
    return claims.assign(**{"survives": ~fails_discovery_rate(claims["p"]), **texts})


def _groups(claims: pd.DataFrame, shares: pd.DataFrame | None) -> dict[str, list[dict[str, Any]]]:
    """Arrange what the page prints of each claim, by verdict."""
    return {
        name: [_claim(row, shares) for row in part.to_dict("records")]
        for name in JUDGEMENTS
        if len(part := claims[claims["judgement"] == name])
    }


def _claim(row: dict[Any, Any], shares: pd.DataFrame | None) -> dict[str, Any]:
    sound = "Measured" if pd.isna(row[REPORTED]) else "Without the faults"
    labels = {REPORTED: "The source's protocol, faults and all", SOUND: sound}
    figures = {
        label: (print_measured(one, row["unit"]), "" if pd.isna(n := row[f"{name}_n"]) else int(n))
        for name, label in labels.items()
        if pd.notna((one := _measured(row, name)).estimate)
    }
    return {**row, "dots": draw_dots(row), "figures": figures, "shares": _shares(row, shares)}


def _measured(row: Mapping[Any, Any], name: str) -> Measured:
    if name == PRINTED:
        return exact(row["printed_value"])
    return from_interval(row[name], (row[f"{name}_low"], row[f"{name}_high"]), 0)


def _shares(row: dict[Any, Any], shares: pd.DataFrame | None) -> Markup:
    """Print what each fault changes, switched on alone and switched off alone; one row a fault."""
    own = pd.DataFrame() if shares is None else shares[shares["claim"] == row["claim"]]
    if own.empty:
        return Markup("")
    changes = [_change(one, row["unit"]) for one in own.itertuples()]
    wide = own.assign(change=changes).pivot_table(
        "change", "title", "switch", aggfunc="first", sort=False
    )
    table = wide.rename_axis("fault").reset_index()[["fault", "on", "off"]]
    table.columns = pd.Index(["fault", "alone_on_against_none", "alone_off_against_all"])
    return to_html(table, f"What each fault changes by itself: {row['statement'].rstrip('.')}")


def _change(one: Any, unit: str) -> str:
    if one.share == one.share_low == one.share_high == 0:
        return "no change"
    change = print_effect(Measured(one.share, one.share_low, one.share_high, 0), unit)
    return change if one.sure else f"{change}, inside the spread"


def _printed_figures(runs: pd.DataFrame | None, claims: pd.DataFrame) -> Markup:
    """Print further figures of the source beside those measured here."""
    if runs is None:
        return Markup("")
    shown = (PRINTED, REPORTED, SOUND)
    rows = runs[~runs["subject"].isin(claims["claim"]) & runs["run"].isin(shown)]
    if rows.empty:
        return Markup("")
    keys, ends = ["subject", "metric"], {"": "estimate", "_low": "low", "_high": "high"}
    wide = rows.pivot_table(list(ends.values()), keys, "run", "last", sort=False)
    found = {
        f"{run}{e}": wide[c, run] for run in shown for e, c in ends.items() if (c, run) in wide
    }
    table = pd.DataFrame(found).reset_index()
    table.insert(1, "what", table.pop("metric").map(plain))
    return to_html(table, "As printed, with the source's protocol and without its faults")


WIDTH, ROW, LEFT, RIGHT = 340, 26, 108, 12
_INK = 'fill="currentColor" stroke="none"'
LABELS = {"printed": "Printed", "reported": "With faults", "sound": "Without"}
_MARKS = {
    "printed": '<path d="M{x0} {y0}L{x1} {y1}M{x0} {y1}L{x1} {y0}"/>',
    "reported": '<rect x="{x0}" y="{y0}" width="9" height="9" />',
    "sound": '<circle cx="{x}" cy="{y}" r="5" fill="currentColor"/>',
}


def draw_dots(row: Mapping[str, Any]) -> Markup:
    """Draw a claim's figures with their 95 % intervals, and the limit that decides it, as SVG.

    The marks differ by shape and take the colour of the text, so that the picture is read in dark
    mode and in print too. Nothing where no figure is known.
    """
    figures = {name: _measured(row, name) for name in LABELS}
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
