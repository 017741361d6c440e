"""Typed parameters of the reporting template."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from crossfold.templates.parameters import Parameters


class ReportParameters(Parameters):
    """The words of a report that are not computed.

    Attributes
    ----------
    title
        Heading of the page; empty for one made of the target's name.
    command
        What repeats the run; empty to leave it out.
    page
        Path of a page of the study's own, from the project's folder; None for the page of every
        table.
    rows, groups
        What a row and a group are, in the plural.
    event, events, no_event
        What a model of two classes tells, and what else there is; found out where empty.
    labels
        Names of models, columns and protocols as a reader knows them.
    extra
        What else the study's own page and figures need.
    """

    title: str = ""
    command: str = ""
    page: str | None = None
    rows: str = "rows"
    groups: str = "groups"
    event: str = ""
    events: str = ""
    no_event: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    extra: dict[str, Any] = Field(default_factory=dict)
