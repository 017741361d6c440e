"""Typed parameters of a report; Kedro checks them before any node runs."""

from pydantic import BaseModel, ConfigDict


class PageParameters(BaseModel):
    """The words of a report.

    Attributes
    ----------
    title
        Heading of the page.
    command
        What repeats the run.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    command: str
