"""Synthetic medical appointments with the published table's columns and rates.

Each patient has a sex, an age, conditions, a neighbourhood and a tendency to miss appointments;
each appointment has a lead time drawn from the published shares. The chance of a no-show is the
published one of that lead time, moved on the logit scale by age, scholarship, SMS and the
patient's tendency.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FIRST_DAY, LAST_DAY = np.datetime64("2016-04-29"), np.datetime64("2016-06-08")
LEAD_TIMES = pd.DataFrame(
    [
        (0, 0, 0.349, 0.046),
        (1, 1, 0.047, 0.214),
        (2, 2, 0.061, 0.238),
        (3, 7, 0.183, 0.250),
        (8, 14, 0.109, 0.305),
        (15, 30, 0.157, 0.326),
        (31, 60, 0.075, 0.342),
        (61, 179, 0.019, 0.284),
    ],
    columns=["first_day", "last_day", "share", "no_show_rate"],
)
APPOINTMENTS_PER_PATIENT = 1.8
N_NEIGHBOURHOODS = 20
FIRST_DAY_WITH_SMS, SMS_SHARE = 3, 0.59
TENDENCY_SPREAD = 0.9
NEW_NUMBERS = 1_000_000
PUBLISHED = {
    "patient": "PatientId",
    "appointment": "AppointmentID",
    "gender": "Gender",
    "booked": "ScheduledDay",
    "appointment_day": "AppointmentDay",
    "age": "Age",
    "neighbourhood": "Neighbourhood",
    "scholarship": "Scholarship",
    "hypertension": "Hipertension",
    "diabetes": "Diabetes",
    "alcoholism": "Alcoholism",
    "handicap": "Handcap",
    "sms_received": "SMS_received",
    "no_show": "No-show",
}
"""The columns of the published table by the names that the project gives them."""


def make_appointments(n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Make appointments that break no rule.

    Parameters
    ----------
    n_rows
        Number of appointments.
    rng
        Source of every random choice.

    Returns
    -------
    The columns of the published table, all as text, in the order of booking.
    """
    patients = _make_patients(max(1, round(n_rows / APPOINTMENTS_PER_PATIENT)), rng)
    rows = patients.iloc[_uneven_choice(len(patients), n_rows, rng)].reset_index(drop=True)
    lead_time = LEAD_TIMES.iloc[rng.choice(len(LEAD_TIMES), n_rows, p=_shares(LEAD_TIMES["share"]))]
    lead_days = rng.integers(lead_time["first_day"], lead_time["last_day"], endpoint=True)
    sms = (lead_days >= FIRST_DAY_WITH_SMS) & (rng.random(n_rows) < SMS_SHARE)
    logit = (
        _logit(lead_time["no_show_rate"].to_numpy())
        + rows["tendency"]
        + 0.2 * rows["Scholarship"]
        - 0.012 * (rows["Age"] - 37)
        - 0.25 * (sms - SMS_SHARE) * (lead_days >= FIRST_DAY_WITH_SMS)
    )
    day = _weekdays(n_rows, rng)
    booking_day = day - lead_days.astype("timedelta64[D]")
    booked = booking_day.astype("datetime64[s]") + _booking_seconds(n_rows, rng)
    table = rows.drop(columns="tendency").assign(
        ScheduledDay=np.datetime_as_string(booked),
        AppointmentDay=np.datetime_as_string(day.astype("datetime64[s]")),
        SMS_received=sms.astype(int),
        **{"No-show": np.where(rng.random(n_rows) < _logistic(logit), "Yes", "No")},
    )
    return _in_published_form(table)


def _make_patients(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the traits that a patient keeps; older patients have more conditions."""
    age = np.clip(np.where(rng.random(n) < 0.25, rng.gamma(2, 4, n), rng.normal(45, 18, n)), 0, 98)
    return pd.DataFrame(
        {
            "PatientId": 10_000_000 + rng.permutation(n),
            "Gender": np.where(rng.random(n) < 0.65, "F", "M"),
            "Age": age.astype(int),
            "Neighbourhood": [f"DISTRICT {d:02d}" for d in rng.integers(1, N_NEIGHBOURHOODS, n)],
            "Scholarship": (rng.random(n) < 0.1).astype(int),
            "Hipertension": (rng.random(n) < _logistic((age - 62) / 10)).astype(int),
            "Diabetes": (rng.random(n) < 0.35 * _logistic((age - 62) / 10)).astype(int),
            "Alcoholism": ((age > 17) & (rng.random(n) < 0.035)).astype(int),
            "Handcap": rng.choice(5, n, p=[0.9793, 0.0185, 0.0017, 0.0003, 0.0002]),
            "tendency": rng.normal(-(TENDENCY_SPREAD**2) / 6, TENDENCY_SPREAD, n),
        }
    )


def _uneven_choice(n: int, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose patients, some of them far more often than others."""
    return rng.choice(n, size, p=_shares(rng.gamma(1.0, 1.0, n) + 0.2))


def _weekdays(size: int, rng: np.random.Generator) -> NDArray[np.datetime64]:
    days = np.arange(FIRST_DAY, LAST_DAY + 1)
    return rng.choice(days[np.is_busday(days)], size)


def _booking_seconds(size: int, rng: np.random.Generator) -> NDArray[np.timedelta64]:
    hours = np.clip(rng.normal(11.2, 3, size), 6.5, 21)
    return (hours * 3600).astype("timedelta64[s]")


def _in_published_form(table: pd.DataFrame) -> pd.DataFrame:
    ordered = table.sort_values("ScheduledDay", ignore_index=True)
    ordered.insert(1, "AppointmentID", 5_000_000 + np.arange(len(ordered)) * 7)
    ordered["ScheduledDay"] += "Z"
    ordered["AppointmentDay"] += "Z"
    columns = ["PatientId", "AppointmentID", "Gender", "ScheduledDay", "AppointmentDay", "Age"]
    return ordered[[*columns, *ordered.columns.drop(columns)]].astype("str")


def coming_again(table: pd.DataFrame, days_later: int) -> pd.DataFrame:
    """Turn past appointments into coming ones of the same patients, without outcomes.

    Parameters
    ----------
    table
        Appointments as `make_appointments` makes them.
    days_later
        Days by which booking and appointment move.
    """
    moved = table.drop(columns="No-show")
    moved["AppointmentID"] = (moved["AppointmentID"].astype("int64") + NEW_NUMBERS).astype("str")
    for column in ("ScheduledDay", "AppointmentDay"):
        later = pd.to_datetime(moved[column]) + pd.Timedelta(days=days_later)
        moved[column] = later.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return moved


def add_invalid_rows(table: pd.DataFrame, each: int) -> pd.DataFrame:
    """Add rows that break each of the row rules, made from the table's first rows.

    Parameters
    ----------
    table
        Appointments as `make_appointments` makes them.
    each
        Rows for each rule.
    """
    faults = [
        ("PatientId", ""),
        ("AppointmentID", ""),
        ("ScheduledDay", "yesterday"),
        ("AppointmentDay", "2015-01-05T00:00:00Z"),
        ("Age", "-1"),
        ("Gender", "?"),
        ("Diabetes", "2"),
        ("Handcap", "9"),
        ("No-show", "Maybe"),
        ("ScheduledDay", "1900-01-01T00:00:00Z"),
        ("AppointmentDay", "2061-04-29T00:00:00Z"),
    ]
    broken = [
        table.iloc[number * each : (number + 1) * each].assign(**{column: value})
        for number, (column, value) in enumerate(faults)
        if column in table
    ]
    renumbered = pd.concat(broken)
    numbers = pd.RangeIndex(9_000_000, 9_000_000 + len(renumbered)).astype("str")
    has_number = renumbered["AppointmentID"] != ""
    renumbered["AppointmentID"] = numbers.to_series().where(has_number.to_numpy(), "").array
    return pd.concat([table, renumbered, table.iloc[:each]], ignore_index=True)


def _shares(weights: NDArray[np.float64] | pd.Series) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.asarray(weights, dtype=np.float64) / np.sum(weights)
    return shares


def _logit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    logit: NDArray[np.float64] = np.log(p / (1 - p))
    return logit


def _logistic(x: NDArray[np.float64] | pd.Series) -> NDArray[np.float64]:
    chance: NDArray[np.float64] = 1 / (1 + np.exp(-np.asarray(x, dtype=np.float64)))
    return chance
