"""Parameters that studies have in common, checked before any node runs."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal["number", "flag", "category", "date"]
Task = Literal["binary", "multiclass", "regression"]


class Parameters(BaseModel):
    """Base of all parameters: frozen, and without names that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TableParameters(Parameters):
    """What the columns of a table mean.

    Attributes
    ----------
    target
        Column to predict.
    task
        Two classes, several classes or a number.
    positive
        Value of the target that counts as the event; for two classes only.
    group
        Column of who or what must stay together on one side of every split, or None.
    time
        Column of when a row happened, or None.
    columns
        Every input column with its kind, in the order of the features.
    left_out
        Every other column with the reason, for the report.
    identifiers
        Columns that are hashed on reading like the group, and are never inputs.
    """

    target: str
    task: Task
    positive: str | None = None
    group: str | None = None
    time: str | None = None
    columns: dict[str, Kind] = Field(min_length=1)
    left_out: dict[str, str] = {}
    identifiers: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.positive is None) == (self.task == "binary"):
            raise ValueError("`positive` names the event of a binary task, and of no other task")
        no_inputs = {self.target, self.group, *self.identifiers, *self.left_out}
        if wrong := [name for name in self.columns if name in no_inputs]:
            raise ValueError(f"{wrong} cannot be inputs: take them out of `columns`")
        if self.target in (self.group, self.time):
            raise ValueError(f"{self.target!r} cannot be the target and the group or the time")
        return self
