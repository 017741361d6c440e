"""The feature table, put together from small functions by theme."""

from __future__ import annotations

import pandas as pd

from crossfold.pipelines.appointments.bookings import booking_features
from crossfold.pipelines.appointments.cleaning import is_extra
from crossfold.pipelines.appointments.history import history_features
from crossfold.pipelines.appointments.lookup import Times
from crossfold.pipelines.appointments.parameters import HistoryAsOf
from crossfold.pipelines.appointments.timing import time_features

CARRIED_OVER = [
    "age",
    "scholarship",
    "hypertension",
    "diabetes",
    "alcoholism",
    "handicap",
    "sms_received",
    "neighbourhood",
]


def build_features(appointments: pd.DataFrame, history_as_of: HistoryAsOf) -> pd.DataFrame:
    """Build the features of every appointment.

    Parameters
    ----------
    appointments
        Cleaned appointments. Where ``no_show`` is missing, the appointment is still to come: it
        gets features, and its outcome counts nowhere.
    history_as_of
        ``booking`` or ``reminder``: which outcomes are known.

    Returns
    -------
    Same rows, same order: ``no_show`` and the features, without patients and appointment numbers.
    What the appointments do not say is no feature.
    """
    rows = appointments.reset_index(drop=True)
    times = Times.of(rows)
    first_unknown_day = {"booking": times.booking_day, "reminder": times.appointment_day}
    return pd.concat(
        [
            rows[["no_show"]],
            *([(rows["gender"] == "M").to_frame("male")] if "gender" in rows else []),
            rows[[name for name in CARRIED_OVER if name in rows]],
            rows[[name for name in rows.columns if is_extra(name)]],
            time_features(rows, times),
            booking_features(times),
            history_features(rows["no_show"], times, first_unknown_day[history_as_of]),
        ],
        axis=1,
    )
