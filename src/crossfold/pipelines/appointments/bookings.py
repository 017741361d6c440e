"""Features of the bookings around one; none looks at an outcome."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crossfold.pipelines.appointments.lookup import (
    Integers,
    SortedEvents,
    Times,
    group_size,
)

SECONDS_AN_HOUR = 3600


def booking_features(times: Times) -> pd.DataFrame:
    """Describe the bookings that were known when each one was made.

    Returns
    -------
    Of the same patient: ``earlier_bookings``, up to the same second; ``open_bookings``, those of
    them whose day had not passed; ``hours_since_last_booking``, since the last one of an earlier
    second, missing where there is none; ``bookings_same_moment``, made in the same second, this
    one included. Of all patients: ``bookings_same_second``, this one included.

    ``appointments_same_day``, all appointments of the patient on the day, this one included, is
    the exception: it counts later bookings too, as a clinic's list shows them on the day.
    """
    patient, second, day = times.patient, times.booking_second, times.appointment_day
    earlier = _earlier_bookings(times)
    return pd.DataFrame(
        {
            "earlier_bookings": earlier.astype("int32"),
            "open_bookings": (earlier - _passed_bookings(times)).astype("int32"),
            "hours_since_last_booking": _hours_since_last_booking(times),
            "bookings_same_moment": group_size(patient, second),
            "bookings_same_second": group_size(second),
            "appointments_same_day": group_size(patient, day),
        }
    )


def _earlier_bookings(times: Times) -> Integers:
    bookings = SortedEvents(times.patient, times.booking_second)
    through = bookings.through(times.patient, times.booking_second)
    return through - bookings.start(times.patient) - 1


def _passed_bookings(times: Times) -> Integers:
    """Count the patient's appointments on days before the booking; all were booked before it."""
    appointments = SortedEvents(times.patient, times.appointment_day)
    before = appointments.before(times.patient, times.booking_day)
    return before - appointments.start(times.patient)


def _hours_since_last_booking(times: Times) -> pd.Series:
    bookings = SortedEvents(times.patient, times.booking_second)
    before = bookings.before(times.patient, times.booking_second)
    last = times.booking_second[bookings.order][np.maximum(before - 1, 0)]
    hours = (times.booking_second - last) / SECONDS_AN_HOUR
    exists = before > bookings.start(times.patient)
    return pd.Series(np.where(exists, hours, np.nan), dtype="float32")
