"""Typed parameters of the appointment pipeline; Kedro checks them before any node runs."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

HistoryAsOf = Literal["booking", "reminder"]


class AppointmentsParameters(BaseModel):
    """How an export is read, and its appointments turned into features.

    Attributes
    ----------
    date_format
        Format of both dates in the terms of `strptime`, such as ``%d/%m/%Y %H:%M``; None for ISO
        8601, and for ``29/04/2016`` where the data say whether day or month comes first.
    missed, kept
        What the label says of missed and of kept appointments, beside ``yes``, ``true``, ``1`` and
        ``no``, ``false``, ``0``; case and blanks around do not matter.
    history_as_of
        When a prediction is made, and so which outcomes are known: ``booking``, those of days that
        had ended when the appointment was booked; ``reminder``, those of days before the
        appointment's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    date_format: str | None = None
    missed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    history_as_of: HistoryAsOf = "reminder"
