"""Typed parameters of the report: the study's words and the models it singles out."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class PartOfRows(BaseModel):
    """A part of the rows on which the ranking is harder, and the model that finds that part.

    Attributes
    ----------
    scope
        Its scope in the metrics table.
    rows
        What its rows are called.
    model
        The model that reads only the column that tells these rows from the others.
    skill
        What that model can do, as a gerund phrase.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scope: str
    rows: str
    model: str
    skill: str


class ReportParameters(BaseModel):
    """What differs between the reports of two studies.

    Attributes
    ----------
    title
        Heading of the report.
    command
        The command that repeats the run.
    rows, groups
        What rows and groups are called, in the plural.
    event, events, no_event
        What the positive class is called, in the singular and plural, and the negative one.
    model
        The model that the report is about.
    reference_model
        The model that it has to beat.
    calibration_models, curve_models
        Models in the reliability figure, and in the capacity and decision curve figures; the
        latter with `model` among them.
    share
        Share of rows that can be acted upon, in (0, 1).
    n_resamples
        Bootstrap resamples, by group, of the figures by share called and by subgroup.
    harder_rows
        The part of the rows on which the ranking is harder, or None.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    command: str
    rows: str = "rows"
    event: str = "event"
    events: str = "events"
    no_event: str = "no event"
    groups: str = "groups"
    model: str = "mlp_tuned"
    reference_model: str = "hist_gradient_boosting"
    calibration_models: tuple[str, ...] = ("mlp_tuned", "mlp_weighted")
    curve_models: tuple[str, ...] = ("mlp_tuned", "hist_gradient_boosting", "logistic_regression")
    share: float = Field(default=0.1, gt=0, lt=1)
    n_resamples: int = Field(default=200, ge=50)
    harder_rows: PartOfRows | None = None

    @model_validator(mode="after")
    def _curves_hold_the_model(self) -> Self:
        if self.model not in self.curve_models:
            raise ValueError(f"curve_models must hold the report's model, {self.model!r}")
        return self
