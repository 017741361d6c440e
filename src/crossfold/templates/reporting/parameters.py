"""Typed parameters of the reporting template."""

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
    """

    title: str = ""
    command: str = ""
    page: str | None = None
