"""Features of appointments: when, the bookings around, the patient's past; then all together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.appointments.cleaning import HistoryAsOf, is_extra

Integers = NDArray[np.int64]
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
SECONDS_AN_HOUR = 3600
LAST_OUTCOMES = ["none", "show", "no_show"]
PRIOR_RATE, PRIOR_APPOINTMENTS = 0.2, 2
CARRIED_OVER = [
    *("age", "scholarship", "hypertension", "diabetes", "alcoholism", "handicap"),
    *("sms_received", "neighbourhood"),
]


@dataclass(frozen=True)
class Times:
    """Who and when, as integers."""

    patient: Integers
    booking_second: Integers  # seconds and days since 1970
    booking_day: Integers
    appointment_day: Integers

    @classmethod
    def of(cls, appointments: pd.DataFrame) -> Times:
        """Read the times of cleaned appointments."""
        booked, day = (appointments[name].to_numpy() for name in ("booked_at", "appointment_day"))
        return cls(
            patient=pd.factorize(appointments["patient"])[0].astype(np.int64),
            booking_second=_integers(booked, "s"),
            booking_day=_integers(booked, "D"),
            appointment_day=_integers(day, "D"),
        )

    @property
    def lead_time_days(self) -> Integers:
        """Calendar days from the booking to the appointment."""
        return self.appointment_day - self.booking_day


def _integers(times: NDArray[np.datetime64], unit: str) -> Integers:
    return times.astype(f"datetime64[{unit}]").astype(np.int64)


class SortedEvents:
    """Events sorted by group, then time, then whatever breaks ties.

    Groups and times are whole numbers, shape ``(n,)``; groups count from 0. Ties are further keys
    for events of one group and time, the most important first. `order` are positions of the events
    in sorted order.
    """

    _first: int
    _span: int

    def __init__(self, group: Integers, time: Integers, *ties: Integers) -> None:
        self._first, last = (time.min(), time.max()) if len(time) else (0, 0)
        self._span = last - self._first + 2
        keys = self._key(group, time)
        self.order = np.lexsort((*reversed(ties), keys))
        self._keys = keys[self.order]
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(group))])

    def start(self, group: Integers) -> Integers:
        """Give the place, in sorted order, of each group's first event."""
        return self._starts[np.minimum(group, len(self._starts) - 1)]

    def own(self) -> tuple[Integers, Integers]:
        """Give, for each event, the places of the first of its group and time and behind the last.

        They are `before` and `through` of the events themselves, without a search.
        """
        ends = np.flatnonzero(np.append(self._keys[1:] != self._keys[:-1], True))[: len(self._keys)]
        lengths = np.diff(ends, prepend=-1)
        first, behind = np.empty((2, len(self._keys)), dtype=np.int64)
        behind[self.order] = np.repeat(ends + 1, lengths)
        first[self.order] = np.repeat(ends + 1 - lengths, lengths)
        return first, behind

    def before(self, group: Integers, time: Integers) -> Integers:
        """Give the place behind each group's last event before a time."""
        return np.searchsorted(self._keys, self._key(group, time))

    def through(self, group: Integers, time: Integers) -> Integers:
        """Give the place behind each group's last event up to a time, that time included."""
        return self.before(group, time + 1)

    def _key(self, group: Integers, time: Integers) -> Integers:
        return group * self._span + np.clip(time - self._first, 0, self._span - 1)


def group_size(key: Integers) -> NDArray[np.int32]:
    """Count the rows that share a key with each row, itself included."""
    codes = pd.factorize(key)[0]
    return np.bincount(codes)[codes].astype("int32")


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


def booking_features(times: Times) -> pd.DataFrame:
    """Describe the bookings that were known when each one was made.

    Returns of the same patient: ``earlier_bookings``, up to the same second; ``open_bookings``,
    those of them whose day had not passed; ``hours_since_last_booking``, since the last one of an
    earlier second, missing where there is none; ``bookings_same_moment``, made in the same second,
    this one included. Of all patients: ``bookings_same_second``, this one included.

    ``appointments_same_day``, all appointments of the patient on the day, this one included, is the
    exception: it counts later bookings too, as a clinic's list shows them on the day.
    """
    bookings = SortedEvents(times.patient, times.booking_second)
    appointments = SortedEvents(times.patient, times.appointment_day)
    start = bookings.start(times.patient)
    before, through = bookings.own()
    first_of_day, behind_day = appointments.own()
    # Appointments on days before the booking; all of them were booked before it.
    passed = appointments.before(times.patient, times.booking_day) - start
    last = times.booking_second[bookings.order[np.maximum(before - 1, 0)]]
    hours = (times.booking_second - last) / SECONDS_AN_HOUR
    return pd.DataFrame(
        {
            "earlier_bookings": (through - start - 1).astype("int32"),
            "open_bookings": (through - start - 1 - passed).astype("int32"),
            "hours_since_last_booking": _where(before > start, hours),
            "bookings_same_moment": (through - before).astype("int32"),
            "bookings_same_second": group_size(times.booking_second),
            "appointments_same_day": (behind_day - first_of_day).astype("int32"),
        }
    )


def history_features(no_show: pd.Series, times: Times, first_unknown_day: Integers) -> pd.DataFrame:
    """Describe each patient's appointments on days before a given one.

    A missing outcome counts nowhere. `first_unknown_day` is the first day whose outcomes are not
    known, for each row. It is never later than the row's own day, so neither its own outcome counts
    nor any of that day.

    Returns ``earlier_appointments`` and ``earlier_no_shows``; ``earlier_no_show_rate``, drawn
    towards 0.2 as by two more appointments; ``earlier_no_shows_with_lead``, those not booked on
    their day; ``days_since_last_appointment`` and ``last_lead_time_days``, missing where there is
    none; ``last_outcome``. Of several appointments on the last day, the one booked last counts.
    """
    has_outcome = no_show.notna().to_numpy()
    # Where all are known, views in place of copies: memory counts where rows are many millions.
    known: Any = slice(None) if has_outcome.all() else np.flatnonzero(has_outcome)
    missed = no_show.to_numpy()[known].astype(np.int8)
    lead = times.lead_time_days[known]
    day, booked = times.appointment_day[known], times.booking_second[known]
    past = SortedEvents(times.patient[known], day, booked, missed)
    start, end = past.start(times.patient), past.before(times.patient, first_unknown_day)
    n, n_missed = end - start, _sum_between(missed[past.order], start, end)
    last = past.order[np.maximum(end - 1, 0)] if len(day) else np.zeros_like(end)
    rate = (n_missed + PRIOR_RATE * PRIOR_APPOINTMENTS) / (n + PRIOR_APPOINTMENTS)
    return pd.DataFrame(
        {
            "earlier_appointments": n.astype("int32"),
            "earlier_no_shows": n_missed.astype("int32"),
            "earlier_no_show_rate": rate.astype("float32"),
            "earlier_no_shows_with_lead": _sum_between(
                (missed * (lead > 0))[past.order], start, end
            ).astype("int32"),
            "days_since_last_appointment": _where(n > 0, first_unknown_day - _take(day, last)),
            "last_lead_time_days": _where(n > 0, _take(lead, last)),
            "last_outcome": pd.Categorical.from_codes(
                np.where(n > 0, _take(missed, last) + 1, 0), pd.Index(LAST_OUTCOMES)
            ),
        }
    )


def _sum_between(sorted_values: Integers, start: Integers, end: Integers) -> Integers:
    total: Integers = np.concatenate([[0], np.cumsum(sorted_values)])
    return total[end] - total[start]


def _take(values: Integers, places: Integers) -> Integers:
    return values[places] if len(values) else np.zeros_like(places)


def _where(exists: np.ndarray, values: NDArray[Any]) -> pd.Series:
    return pd.Series(np.where(exists, values, np.nan), dtype="float32")


def build_features(appointments: pd.DataFrame, history_as_of: HistoryAsOf) -> pd.DataFrame:
    """Build the features of every appointment.

    Appointments are cleaned. Where ``no_show`` is missing, the appointment is still to come: it
    gets features, and its outcome counts nowhere. `history_as_of` says which outcomes are known.

    Returns the same rows in the same order: ``no_show`` and the features, without patients and
    appointment numbers. What the appointments do not say is no feature.
    """
    rows = appointments.reset_index(drop=True)
    times = Times.of(rows)
    first_unknown_day = {"booking": times.booking_day, "reminder": times.appointment_day}
    features = pd.concat(
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
    features.attrs["history_as_of"] = history_as_of  # stays with the table, to its model
    return features
