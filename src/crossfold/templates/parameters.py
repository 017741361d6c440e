"""Typed parameters that all templates share; Kedro checks them before any node runs."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from crossfold.validation.estimates import Task

__all__ = ["Kind", "Parameters", "TableParameters", "Task"]

Kind = Literal["number", "flag", "category", "date"]


class Parameters(BaseModel):
    """A block of parameters that refuses names it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TableParameters(Parameters):
    """What the columns of a table are.

    Attributes
    ----------
    target
        Column to predict.
    task
        ``binary`` for two classes, ``multiclass`` for more, ``regression`` for numbers.
    positive
        Class 1 of a binary target, as text; read where the target is not 0/1 yet.
    group
        Column whose rows stay together in every fold, or None where every row stands for itself.
    time
        Column of dates by which a time split can be made, or None.
    identifiers
        Columns that tell otherwise equal rows apart, and so say nothing about duplicates.
    columns
        Inputs by name, with their kind; empty where features are built by the study's own code.
    left_out
        Columns of the source that are not read, with the reason.
    """

    target: str
    task: Task = "binary"
    positive: str | None = None
    group: str | None = None
    time: str | None = None
    identifiers: tuple[str, ...] = ()
    columns: dict[str, Kind] = Field(default_factory=dict)
    left_out: dict[str, str] = Field(default_factory=dict)
