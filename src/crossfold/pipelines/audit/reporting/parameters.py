"""Typed parameters of the audits' reports; Kedro checks them before any node runs."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class CaptionParameters(BaseModel):
    """The words beside a figure: what it shows, for those who cannot see it, and the caption."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    alt: str
    text: str


class AuditReportParameters(BaseModel):
    """The words of an audit's report.

    Attributes
    ----------
    title
        Heading of the page.
    about
        What was audited, as one sentence.
    command
        The command that repeats the run.
    data_notice
        First line of the page where the data is not real; else nothing.
    further_figures
        Captions of the figures that this audit alone draws, by name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    about: str
    command: str
    data_notice: str = ""
    further_figures: dict[str, CaptionParameters] = {}
