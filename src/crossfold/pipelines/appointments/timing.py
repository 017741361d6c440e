"""Features of when an appointment was booked and when it is."""

from __future__ import annotations

import pandas as pd

from crossfold.pipelines.appointments.lookup import Times

WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def time_features(appointments: pd.DataFrame, times: Times) -> pd.DataFrame:
    """Compute the lead time in calendar days, the hour of the booking, and both weekdays.

    ``booking_hour`` is in hours since midnight, in steps of a minute.
    """
    booked = appointments["booked_at"].dt
    return pd.DataFrame(
        {
            "lead_time_days": times.lead_time_days.astype("int16"),
            "same_day": times.lead_time_days == 0,
            "booking_hour": (booked.hour + booked.minute / 60).to_numpy(dtype="float32"),
            "booking_weekday": _weekday(appointments["booked_at"]),
            "appointment_weekday": _weekday(appointments["appointment_day"]),
        }
    )


def _weekday(times: pd.Series) -> pd.Categorical[str]:
    return pd.Categorical.from_codes(times.dt.day_of_week.to_numpy(), pd.Index(WEEKDAYS))
