"""The page of one audit, and that of all audits together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup
from pydantic import Field

from crossfold.reports.page import figure_html, render_page
from crossfold.reports.tables import to_html
from crossfold.reports.words import plain
from crossfold.templates.audit.dots import draw_dots
from crossfold.templates.audit.judging import (
    ARTEFACT,
    FAILS,
    HOLDS,
    JUDGEMENTS,
    NOT_JUDGED,
    UNCLEAR,
    fails_discovery_rate,
)
from crossfold.templates.audit.measured import (
    Measured,
    from_interval,
    print_effect,
    print_measured,
)
from crossfold.templates.audit.setups import PRINTED, REPORTED, SOUND
from crossfold.templates.parameters import Parameters

_PAGE = Path(__file__).with_name("audit.md.j2")
_STYLE = Path(__file__).with_name("audit.css")
HEADINGS = {
    HOLDS: "What holds",
    ARTEFACT: "What a fault makes look true",
    FAILS: "What does not hold",
    UNCLEAR: "What the data cannot tell",
    NOT_JUDGED: "What is not judged here",
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


def write_joined_report(
    claims: pd.DataFrame, report: AuditReportParameters, data_notice: str, seed: int
) -> str:
    """Write the page of all audits."""
    return _render(claims, report, data_notice, seed)


def write_report(
    *,
    claims: pd.DataFrame,
    shares: pd.DataFrame,
    runs: pd.DataFrame,
    report: AuditReportParameters,
    data_notice: str,
    seed: int,
    **figures: bytes,
) -> str:
    """Write one audit's page.

    Parameters
    ----------
    claims, shares, runs
        The audit's tables.
    report
        The words of the page.
    data_notice
        First line of the page, or nothing.
    seed
        Of the run.
    **figures
        PNG or SVG images by name: ``figure_NAME`` for each of the report's figures.
    """
    embedded = [
        figure_html(name, figures[f"figure_{name}"], words.text, words.alt)
        for name, words in report.figures.items()
    ]
    return _render(claims, report, data_notice, seed, shares=shares, runs=runs, figures=embedded)


def _render(
    claims: pd.DataFrame,
    report: AuditReportParameters,
    data_notice: str,
    seed: int,
    *,
    shares: pd.DataFrame | None = None,
    runs: pd.DataFrame | None = None,
    figures: Sequence[Markup] = (),
) -> str:
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
        "figures": figures,
    }
    page = render_page(
        _PAGE.read_text("utf-8"), names, f"{data_notice} {_shortened(filled, studies)}".strip()
    )
    return page.replace("</style>", f"{_STYLE.read_text('utf-8')}</style>", 1)


def _shortened(claims: pd.DataFrame, studies: dict[str, str]) -> str:
    """Say which trainings were shortened, with the studies' names where there are several."""
    texts = claims.loc[claims["shortened"] != ""].groupby("study", sort=False)["shortened"].first()
    if len(studies) == 1:
        return "".join(texts)
    listed = [
        f"{studies[str(study)]} {text.removeprefix('Shortened: ').rstrip('.')}"
        for study, text in texts.items()
    ]
    return f"Shortened: {'; '.join(listed)}." if listed else ""


def _overview(claims: pd.DataFrame, studies: dict[str, str]) -> Markup:
    """Count the verdicts of every study."""
    counts = pd.crosstab(claims["study"].map(studies), claims["judgement"])
    table = counts.reindex(list(studies.values()))
    return to_html(
        table[[name for name in JUDGEMENTS if name in table]].rename_axis("study").reset_index(),
        "Claims of each study by verdict",
    )


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
    figures = {
        label: (
            print_measured(one, row["unit"]),
            "" if pd.isna(row[f"{name}_n"]) else int(row[f"{name}_n"]),
        )
        for label, name in (
            ("The source's protocol, faults and all", REPORTED),
            ("Measured" if pd.isna(row[REPORTED]) else "Without the faults", SOUND),
        )
        if pd.notna((one := _measured(row, name)).estimate)
    }
    return {
        **row,
        "dots": draw_dots(row),
        "figures": figures,
        "shares": _shares(row, shares),
    }


def _measured(row: dict[Any, Any], name: str) -> Measured:
    return from_interval(row[name], (row[f"{name}_low"], row[f"{name}_high"]), 0)


def _shares(row: dict[Any, Any], shares: pd.DataFrame | None) -> Markup:
    """Print what each fault changes, switched on alone and switched off alone; one row a fault."""
    if shares is None or not (shares["claim"] == row["claim"]).any():
        return Markup("")
    own = shares[shares["claim"] == row["claim"]]
    changes = [_change(one, row["unit"]) for one in own.itertuples()]
    wide = own.assign(change=changes).pivot_table(
        "change", "title", "switch", aggfunc="first", sort=False
    )
    table = pd.DataFrame(
        {
            "fault": wide.index,
            "alone_on_against_none": wide["on"].to_numpy(),
            "alone_off_against_all": wide["off"].to_numpy(),
        }
    )
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
    own = runs[
        ~runs["subject"].isin(claims["claim"]) & runs["run"].isin((PRINTED, REPORTED, SOUND))
    ]
    if own.empty:
        return Markup("")
    keys = ["subject", "metric"]
    wide = own.pivot_table(["estimate", "low", "high"], keys, "run", "last", sort=False)
    table = pd.DataFrame({"what": [plain(metric) for _, metric in wide.index]})
    table.insert(0, "subject", [str(subject) for subject, _ in wide.index])
    for run in (PRINTED, REPORTED, SOUND):
        for column, end in (("estimate", ""), ("low", "_low"), ("high", "_high")):
            if (column, run) in wide:
                table[f"{run}{end}"] = wide[column, run].to_numpy(dtype=float)
    return to_html(table, "As printed, with the source's protocol and without its faults")
