"""Typed parameters that all templates share; Kedro checks them before any node runs."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from crossfold.validation.estimates import Task

__all__ = ["Kind", "Parameters", "TableParameters", "Task"]

Kind = Literal["number", "flag", "category", "date"]


class Parameters(BaseModel):
    """A block of parameters that refuses names it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TableParameters(Parameters):
    """What the columns of a table are."""

    target: str
    """Column to predict."""
    task: Task = "binary"
    """``binary`` for two classes, ``multiclass`` for more, ``regression`` for numbers."""
    positive: str | None = None
    """Value of the target that counts as the event, as text; for two classes only, where the target
    is not bool or 0/1 yet."""
    negative: str | None = None
    """Its other value, for the report."""
    fewest_of_class: int = Field(default=1, ge=1)
    """Rows of a class that has fewer are rejected, since a class that is not in every fold cannot
    be judged; for several classes only."""
    group: str | None = None
    """Column of who or what stays together in every fold, or None where every row stands for
    itself."""
    time: str | None = None
    """Column of when a row happened, for a split by time, or None."""
    identifiers: tuple[str, ...] = ()
    """Columns that tell otherwise equal rows apart, and so say nothing about duplicates; never
    inputs. In a table of the user's own they are hashed on reading, like the group."""
    columns: dict[str, Kind] = Field(default_factory=dict)
    """Inputs by name, with their kind, in the order of the features; empty where features are built
    by the study's own code."""
    left_out: dict[str, str] = Field(default_factory=dict)
    """Columns of the source that are not read, with the reason, for the report."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.positive is not None and self.task != "binary":
            raise ValueError("`positive` names the event of a binary task, and of no other task")
        if self.columns and self.task == "binary" and self.positive is None:
            raise ValueError("a binary task needs `positive`, the value that counts as the event")
        if self.positive is not None and self.negative == self.positive:
            raise ValueError(f"`positive` and `negative` are both {self.positive!r}")
        no_inputs = {self.target, self.group, *self.identifiers, *self.left_out}
        if wrong := [name for name in self.columns if name in no_inputs]:
            raise ValueError(f"{wrong} cannot be inputs: take them out of `columns`")
        if self.target in (self.group, self.time):
            raise ValueError(f"{self.target!r} cannot be the target and the group or the time")
        return self
