"""Look-ups in events sorted by group and time: every count up to a moment is a binary search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Times:
    """Who and when, as integers.

    Attributes
    ----------
    patient
        Number of the patient.
    booking_second, booking_day, appointment_day
        Seconds and days since 1970.
    """

    patient: Integers
    booking_second: Integers
    booking_day: Integers
    appointment_day: Integers

    @classmethod
    def of(cls, appointments: pd.DataFrame) -> Times:
        """Read the times of cleaned appointments."""
        booked, day = (
            appointments["booked_at"].to_numpy(),
            appointments["appointment_day"].to_numpy(),
        )
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

    Parameters
    ----------
    group, time
        Whole numbers, shape ``(n,)``; groups count from 0.
    ties
        Further keys for events of one group and time, the most important first.

    Attributes
    ----------
    order
        Positions of the events in sorted order.
    """

    _first: int
    _span: int

    def __init__(self, group: Integers, time: Integers, *ties: Integers) -> None:
        self._first, last = (time.min(), time.max()) if len(time) else (0, 0)
        self._span = last - self._first + 2
        self.order = np.lexsort((*reversed(ties), time, group))
        self._keys = self._key(group, time)[self.order]

    def start(self, group: Integers) -> Integers:
        """Give the place, in sorted order, of each group's first event."""
        return np.searchsorted(self._keys, group * self._span)

    def before(self, group: Integers, time: Integers) -> Integers:
        """Give the place behind each group's last event before a time."""
        return np.searchsorted(self._keys, self._key(group, time))

    def through(self, group: Integers, time: Integers) -> Integers:
        """Give the place behind each group's last event up to a time, that time included."""
        return self.before(group, time + 1)

    def _key(self, group: Integers, time: Integers) -> Integers:
        return group * self._span + np.clip(time - self._first, 0, self._span - 1)


def group_size(*keys: Integers) -> pd.Series:
    """Count the rows that share all keys with each row, itself included."""
    table = pd.DataFrame(dict(enumerate(keys)))
    return table.groupby(list(table.columns), sort=False)[0].transform("size").astype("int32")
