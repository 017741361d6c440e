"""Nodes of the audits' reports."""

from __future__ import annotations

from typing import Any

import pandas as pd

from crossfold.pipelines.audit.reporting.parameters import AuditReportParameters


def draw_figures(claims: pd.DataFrame, shares: pd.DataFrame, runs: pd.DataFrame) -> dict[str, Any]:
    """Draw one audit's claims, the share of each fault and the runs; matplotlib figures."""
    from crossfold.pipelines.audit.reporting import figures
    from crossfold.reports.style import figure_style

    with figure_style():
        return {
            "claims": figures.claims(claims),
            "shares": figures.shares(shares, claims),
            "runs": figures.runs(runs),
        }


def draw_claims(claims: pd.DataFrame) -> Any:
    """Draw the claims of all audits; a matplotlib figure."""
    from crossfold.pipelines.audit.reporting import figures
    from crossfold.reports.style import figure_style

    with figure_style():
        return figures.claims(claims)


def join_claims(*claims: pd.DataFrame) -> pd.DataFrame:
    """Put the claims of several audits under each other."""
    return pd.concat(claims, ignore_index=True)


def write_report(
    *,
    claims: pd.DataFrame,
    shares: pd.DataFrame,
    runs: pd.DataFrame,
    report: AuditReportParameters,
    seed: int,
    **figures: bytes,
) -> str:
    """Write one audit's page: the table of claims first, then each claim, then every run.

    Parameters
    ----------
    claims, shares, runs
        The audit's tables.
    report
        The words of the page.
    seed
        Of the run.
    **figures
        PNG images by name: ``figure_claims``, ``figure_shares``, ``figure_runs``, and one for each
        of the report's ``further_figures``.
    """
    from crossfold.pipelines.audit.reporting import sections
    from crossfold.pipelines.reporting.document import render_document

    images = {name.removeprefix("figure_"): image for name, image in figures.items()}
    return render_document(
        sections.audit_document(_filled(claims), shares, runs, images, report, seed)
    )


def write_joined_report(
    claims: pd.DataFrame, figure_claims: bytes, report: AuditReportParameters, seed: int
) -> str:
    """Write the page of all audits: the table of claims first, then their figure."""
    from crossfold.pipelines.audit.reporting import sections
    from crossfold.pipelines.reporting.document import render_document

    return render_document(sections.joined_document(_filled(claims), figure_claims, report, seed))


def _filled(claims: pd.DataFrame) -> pd.DataFrame:
    """Give back the empty texts that a CSV file does not hold."""
    texts = ["printed", "fault_shares", "unstated", "shortened"]
    return claims.assign(**{name: claims[name].astype("str").fillna("") for name in texts})
