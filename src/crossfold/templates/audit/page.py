"""The page of one audit, and that of all audits together."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
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
    """The words beside a figure."""

    text: str
    """The caption."""
    alt: str
    """What the figure shows, for those who cannot see it."""


class AuditReportParameters(Parameters):
    """The words of an audit's page."""

    title: str
    """Heading of the page."""
    about: str
    """What was audited, as one sentence."""
    command: str
    """The command that repeats the run."""
    figures: dict[str, CaptionParameters] = Field(default_factory=dict)
    """Captions of the figures that this audit alone draws, by name."""


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
    names_of = ((name, plain(name)) for name in filled["study"].unique())
    studies = {name: told.replace("No show", "No-show") for name, told in names_of}
    names = {
        "report": report,
        "seed": seed,
        "counts": {name: int((filled["judgement"] == name).sum()) for name in JUDGEMENTS},
        "groups": {
            name: [_claim(row, shares) for row in part.to_dict("records")]
            for name in JUDGEMENTS
            if len(part := filled[filled["judgement"] == name])
        },
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
    counts = pd.crosstab(claims["study"].map(studies), claims["judgement"])
    table = counts.reindex(list(studies.values())).rename_axis("study").reset_index()
    return to_html(table, "Claims of each study by verdict", columns=["study", *JUDGEMENTS])


def _filled(claims: pd.DataFrame) -> pd.DataFrame:
    """Give back the empty texts that a CSV file lacks, and mark what chance may explain."""
    texts = {name: claims[name].astype("object").where(claims[name].notna(), "") for name in _TEXTS}
    return claims.assign(**{"survives": ~fails_discovery_rate(claims["p"]), **texts})


def _claim(row: dict[Any, Any], shares: pd.DataFrame | None) -> dict[str, Any]:
    sound = "Measured" if pd.isna(row[REPORTED]) else "Without the faults"
    labels = {REPORTED: "The source's protocol, faults and all", SOUND: sound}
    figures = {
        label: (print_measured(one, row["unit"]), "" if pd.isna(n := row[f"{name}_n"]) else int(n))
        for name, label in labels.items()
        if pd.notna((one := _measured(row, name)).estimate)
    }
    return {**row, "dots": place_dots(row), "figures": figures, "shares": _shares(row, shares)}


def _measured(row: Mapping[Any, Any], name: str) -> Measured:
    if name == PRINTED:
        return exact(row["printed_value"])
    return from_interval(row[name], (row[f"{name}_low"], row[f"{name}_high"]), 0)


def _shares(row: dict[Any, Any], shares: pd.DataFrame | None) -> Markup:
    """Print what each fault changes, switched on alone and switched off alone; one row a fault."""
    own = pd.DataFrame() if shares is None else shares[shares["claim"] == row["claim"]]
    if own.empty:
        return Markup("")
    own = own.assign(change=[_change(one, row["unit"]) for one in own.itertuples()])
    wide = own.pivot_table("change", "title", "switch", aggfunc="first", sort=False)
    table = wide[["on", "off"]].rename_axis("fault").reset_index()
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


LABELS = {"printed": "Printed", "reported": "With faults", "sound": "Without"}
# Where the axis of a picture begins and ends, and how far from there the values lie.
_LEFT, _RIGHT, _MARGIN = 108, 328, 8


def place_dots(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Find where a claim's figures lie in its picture, and their 95 % intervals and the limit.

    The page draws it: marks differ by shape and take the colour of the text, so that the picture is
    read in dark mode and in print too. Nothing where no figure is known.
    """
    known = {name: _measured(row, name) for name in LABELS}
    if not (shown := {name: one for name, one in known.items() if math.isfinite(one.estimate)}):
        return {}
    limit, unit = float(row["limit"]), str(row["unit"])
    values = [*(value for one in shown.values() for value in one.figures), limit]
    low, high = np.nanmin(values), np.nanmax(values)
    if low == high:
        room = abs(low) / 10 or 0.01
        low, high = low - room, high + room

    def place(value: float) -> float:
        part = float((value - low) / (high - low))
        return round(_LEFT + _MARGIN + part * (_RIGHT - _LEFT - 2 * _MARGIN), 1)

    names = LABELS if "reported" in shown else {**LABELS, "sound": "Measured"}
    told = [f"{names[name]}: {print_value(one.estimate, unit)}" for name, one in shown.items()]
    return {
        "label": "; ".join(told),
        "axis": {"left": _LEFT, "right": _RIGHT},
        "ends": [print_value(value, unit, high - low) for value in (low, high)],
        "limit": place(limit) if math.isfinite(limit) else None,
        "rows": [
            {"mark": name, "label": names[name], "x": place(one.estimate)}
            | ({"low": place(one.low), "high": place(one.high)} if one.low < one.high else {})
            for name, one in shown.items()
        ],
    }
