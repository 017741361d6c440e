"""Typed parameters of the reporting template."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from crossfold.templates.parameters import Parameters


class ReportParameters(Parameters):
    """The words of a report that are not computed."""

    title: str = ""
    """Heading of the page; empty for one made of the target's name."""
    command: str = ""
    """What repeats the run; empty to leave it out."""
    page: str | None = None
    """Path of a page of the study's own, from the project's folder; None for the page of every
    table."""
    rows: str = "rows"
    """What a row and a group are, in the plural."""
    groups: str = "groups"
    """What a row and a group are, in the plural."""
    event: str = ""
    """What a model of two classes tells, and what else there is; found out where empty."""
    events: str = ""
    """What a model of two classes tells, and what else there is; found out where empty."""
    no_event: str = ""
    """What a model of two classes tells, and what else there is; found out where empty."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Names of models, columns and protocols as a reader knows them."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """What else the study's own page and figures need."""
