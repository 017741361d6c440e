"""Arrange an audit's tables as a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from crossfold.pipelines.audit.claims import JUDGEMENTS
from crossfold.pipelines.audit.measured import Measured, print_measured, print_share
from crossfold.pipelines.audit.reporting.captions import CAPTIONS
from crossfold.pipelines.audit.reporting.parameters import AuditReportParameters
from crossfold.pipelines.audit.runs import PRINTED, REPORTED, SHOWN_RUNS, SOUND, shown_runs
from crossfold.pipelines.modelling.versions import library_versions
from crossfold.pipelines.reporting.document import Document, Figure, Section, Table
from crossfold.pipelines.reporting.report import Caption
from crossfold.reports.words import MISSING, count, interval, number, plain

CLAIMS_HEADER = (
    "What the source says",
    "It printed",
    "Its protocol gives here",
    "Without the faults",
    "Each fault alone",
    "Verdict",
)


def audit_document(
    claims: pd.DataFrame,
    shares: pd.DataFrame,
    runs: pd.DataFrame,
    images: Mapping[str, bytes],
    report: AuditReportParameters,
    seed: int,
) -> Document:
    """Give the page of one study's audit."""
    return Document(
        title=report.title,
        opening=opening(claims, report),
        lead=(claims_lines(claims),),
        sections=(
            _figure_section("comparison", "With and without the faults", "claims", images),
            _figure_section("shares", "What each fault does by itself", "shares", images),
            *(claim_section(row, shares) for _, row in claims.iterrows()),
            Section(
                "runs",
                "What was printed, and what was measured",
                parts=(_figure("runs", images), runs_lines(runs)),
            ),
            *further_figures(images, report),
        ),
        data_notice=notice(claims, report),
        command=report.command,
        facts=facts(seed),
    )


def joined_document(
    claims: pd.DataFrame, image: bytes, report: AuditReportParameters, seed: int
) -> Document:
    """Give the page of all audits."""
    images = {"claims": image}
    return Document(
        title=report.title,
        opening=opening(claims, report),
        lead=(claims_lines(claims, with_study=True),),
        sections=(_figure_section("comparison", "With and without the faults", "claims", images),),
        data_notice=notice(claims, report),
        command=report.command,
        facts=facts(seed),
    )


def opening(claims: pd.DataFrame, report: AuditReportParameters) -> tuple[str, ...]:
    """Say what was audited, and how many claims have each judgement."""
    counts = claims["judgement"].value_counts()
    parts = [f"{counts[name]} {name}" for name in JUDGEMENTS if name in counts]
    noun = "claim" if len(claims) == 1 else "claims"
    return report.about, f"Of {len(claims)} {noun}: {', '.join(parts)}."


def notice(claims: pd.DataFrame, report: AuditReportParameters) -> str:
    """Give the first line: that the data is not real, that the run was shortened, or nothing."""
    shortened = [text for text in claims["shortened"].unique() if text]
    return " ".join(filter(None, [report.data_notice, *shortened]))


def facts(seed: int) -> dict[str, str]:
    """Give what else it takes to repeat the run."""
    versions = ", ".join(f"{library} {number}" for library, number in library_versions().items())
    return {"Seed": str(seed), "Versions": versions}


def claims_lines(claims: pd.DataFrame, *, with_study: bool = False) -> Table:
    """Arrange the claims as the big table, one line a claim."""
    rows = [_claim_line(row, with_study) for _, row in claims.iterrows()]
    header = (CLAIMS_HEADER[0], "Study", *CLAIMS_HEADER[1:]) if with_study else CLAIMS_HEADER
    caption = (
        "Estimates with 95 % intervals. Each fault alone: the value with that fault alone minus the"
        " value without any; pp are percentage points."
    )
    return Table(caption, header, tuple(rows))


def _claim_line(row: pd.Series, with_study: bool) -> tuple[str, ...]:
    study = (plain(row["study"]),) if with_study else ()
    return (
        row["statement"],
        *study,
        row["printed"],
        print_measured(measured(row, REPORTED), row["unit"]),
        print_measured(measured(row, SOUND), row["unit"]),
        row["fault_shares"] or MISSING,
        row["verdict"],
    )


def measured(row: pd.Series, name: str) -> Measured:
    """Read a measured quantity from a line of the table of claims."""
    return Measured(*(row[column] for column in (name, *_ends(name))))


def _ends(name: str) -> tuple[str, str, str]:
    return f"{name}_low", f"{name}_high", f"{name}_n"


def claim_section(row: pd.Series, shares: pd.DataFrame) -> Section:
    """Tell one claim: what is measured, what follows, what each fault does."""
    rows = [
        ("With all faults", *_measured_cells(measured(row, REPORTED), row["unit"]), MISSING),
        ("Without the faults", *_measured_cells(measured(row, SOUND), row["unit"]), MISSING),
        *(_share_line(share, row["unit"]) for share in _of_claim(shares, row["claim"])),
    ]
    header = ("Protocol", "Measured", "n", "Difference to no fault")
    paragraphs = (f"Measured: {row['quantity']}.", row["verdict"], row["unstated"])
    return Section(
        id=f"claim-{row['claim']}",
        title=row["statement"],
        paragraphs=tuple(filter(None, paragraphs)),
        parts=(Table("Estimates with 95 % intervals.", header, tuple(rows)),),
    )


def _of_claim(shares: pd.DataFrame, claim: str) -> list[Any]:
    return list(shares[shares["claim"] == claim].itertuples())


def _share_line(share: Any, unit: str) -> tuple[str, ...]:
    alone = Measured(share.estimate, share.low, share.high, share.n)
    return (
        f"{plain(share.fault)} alone",
        *_measured_cells(alone, unit),
        print_share(share.share, unit),
    )


def _measured_cells(one: Measured, unit: str) -> tuple[str, str]:
    return print_measured(one, unit), MISSING if pd.isna(one.n) else count(one.n)


def runs_lines(runs: pd.DataFrame) -> Table:
    """Arrange the printed, the reported and the sound figure of every subject and metric."""
    rows = [
        (subject, plain(str(metric)), *(_run_cell(part, run) for run in SHOWN_RUNS))
        for (subject, metric), part in shown_runs(runs).groupby(["subject", "metric"], sort=False)
    ]
    header = ("Subject", "Metric", "Printed", "Its protocol gives here", "Without the faults")
    return Table("Estimates with 95 % intervals.", header, tuple(rows))


def _run_cell(part: pd.DataFrame, run: str) -> str:
    rows = part[part["run"] == run]
    if rows.empty:
        return MISSING
    row = rows.iloc[0]
    if run == PRINTED:
        return number(row["estimate"], 4)
    return interval(row["estimate"], row["low"], row["high"], 4)


def further_figures(
    images: Mapping[str, bytes], report: AuditReportParameters
) -> tuple[Section, ...]:
    """Show the figures that this audit alone draws; nothing without any."""
    figures = tuple(
        Figure(name, images[name], Caption(caption.alt, caption.text))
        for name, caption in report.further_figures.items()
    )
    return (Section("further-figures", "Further figures", parts=figures),) if figures else ()


def _figure(name: str, images: Mapping[str, bytes]) -> Figure:
    return Figure(name, images[name], CAPTIONS[name])


def _figure_section(address: str, title: str, name: str, images: Mapping[str, bytes]) -> Section:
    return Section(address, title, parts=(_figure(name, images),))
