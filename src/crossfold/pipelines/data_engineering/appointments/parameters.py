"""Typed parameters of the appointment pipeline; Kedro checks them before any node runs."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

HistoryAsOf = Literal["booking", "reminder"]


class AppointmentsParameters(BaseModel):
    """How the appointment table is turned into features.

    Attributes
    ----------
    history_as_of
        When a prediction is made, and so which outcomes are known: ``booking``, those of days that
        had ended when the appointment was booked; ``reminder``, those of days before the
        appointment's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    history_as_of: HistoryAsOf = "reminder"
