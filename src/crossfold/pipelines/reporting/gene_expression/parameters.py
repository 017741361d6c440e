"""Typed parameters of the gene expression report; Kedro checks them before any node runs."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveInt


class ReportParameters(BaseModel):
    """The words of the report.

    Attributes
    ----------
    title
        Heading of the page.
    command
        What repeats the run.
    model
        Name of the network that the report is about.
    resampled_models
        The same network under other ways of treating the classes, at most three.
    n_probes_shown
        Probes shown, those chosen by most folds first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    command: str
    model: str = "mlp"
    resampled_models: Annotated[tuple[str, ...], Field(max_length=3)] = ()
    n_probes_shown: PositiveInt = 25
