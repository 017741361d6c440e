"""Schemas of the appointment tables; Kedro checks them on load and save.

The raw table is only asked for its columns and for rows: what a single row gets wrong is a row
rule, which sends that row to the rejected ones.
"""

import pandera.pandas as pa

from crossfold.pipelines.appointments.cleaning import (
    FLAGS,
    HIGHEST_HANDICAP,
    LABEL,
    LONGEST_LEAD_DAYS,
    OLDEST,
    OPTIONAL,
    REQUIRED,
    YOUNGEST,
)
from crossfold.pipelines.appointments.features import LAST_OUTCOMES, WEEKDAYS

# What the columns mean, one sentence each.
CARRIED_OVER_MEAN = {
    "age": "Age in years.",
    "neighbourhood": "Where the appointment takes place.",
    "scholarship": "The patient's family gets the Bolsa Família welfare payment.",
    "hypertension": "The patient has high blood pressure.",
    "diabetes": "The patient has diabetes.",
    "alcoholism": "The patient has an alcohol disorder.",
    "sms_received": "A reminder was sent by SMS.",
    "handicap": "Number of disabilities.",
    "^number_": "A number that only this export has.",
    "^flag_": "A flag that only this export has.",
    "^category_": "A category that only this export has.",
    "no_show": "The patient did not come; absent where the appointment is still to come.",
}

PRIMARY_MEAN = {
    **CARRIED_OVER_MEAN,
    "appointment_id": "Identifier of the appointment in the source.",
    "patient": "Keyed hash of the patient's identifier.",
    "gender": "As recorded: F or M.",
    "booked_at": "When the appointment was booked, by the clock on the wall.",
    "appointment_day": "Day of the appointment, at midnight.",
}

FEATURES_MEAN = {
    **CARRIED_OVER_MEAN,
    "male": "The patient is recorded as male.",
    "lead_time_days": "Calendar days from the booking to the appointment.",
    "same_day": "Booked for the day of the booking.",
    "booking_hour": "Hours from midnight to the booking, in steps of a minute.",
    "booking_weekday": "Weekday of the booking.",
    "appointment_weekday": "Weekday of the appointment.",
    "earlier_bookings": "The patient's bookings up to the second of this one, without it.",
    "open_bookings": "Those of them whose day had not passed.",
    "hours_since_last_booking": "Hours since the patient's last booking of an earlier second.",
    "bookings_same_moment": "The patient's bookings in the same second, with this one.",
    "bookings_same_second": "All patients' bookings in the same second, with this one.",
    "appointments_same_day": "The patient's appointments on the day, with this one.",
    "earlier_appointments": "The patient's appointments whose outcome is known.",
    "earlier_no_shows": "Those of them that were missed.",
    "earlier_no_show_rate": "Their share, drawn towards 0.2 as by two more appointments.",
    "earlier_no_shows_with_lead": "Missed ones that were not booked on their day.",
    "days_since_last_appointment": (
        "Days from the last known appointment to the first day whose outcomes are not known."
    ),
    "last_lead_time_days": "Lead time of the last known appointment.",
    "last_outcome": "Outcome of the last known appointment.",
}


HAS_ROWS = pa.Check(lambda table: len(table) > 0, error="at least one row")


def _text(required: list[str], optional: list[str]) -> pa.DataFrameSchema:
    columns = {name: pa.Column("str") for name in required}
    return pa.DataFrameSchema(
        columns | {name: pa.Column("str", required=False) for name in optional}, checks=HAS_ROWS
    )


def _number(kind: str, low: float | None = None, high: float | None = None) -> pa.Column:
    checks = [
        *([] if low is None else [pa.Check.ge(low)]),
        *([] if high is None else [pa.Check.le(high)]),
    ]
    return pa.Column(kind, checks, nullable=kind.startswith("float"))


def _count(low: int) -> pa.Column:
    """Describe a count; in tables of earlier versions it has 16 bits."""
    return pa.Column("int32", pa.Check.ge(low), coerce=True)


def _category(*levels: str) -> pa.Column:
    kind = pa.Category(list(levels)) if levels else pa.Category
    return pa.Column(kind)


def _explained(schema: pa.DataFrameSchema, texts: dict[str, str]) -> pa.DataFrameSchema:
    """Give every column its meaning, for the data dictionary."""
    return schema.update_columns({name: {"description": texts[name]} for name in schema.columns})


COMING = _text(REQUIRED, OPTIONAL)
RAW = _text([*REQUIRED, LABEL], OPTIONAL)

_CARRIED_OVER = {
    "age": _number("int16", YOUNGEST, OLDEST),
    "neighbourhood": _category(),
    **{name: pa.Column("bool") for name in FLAGS},
    "handicap": _number("int8", 0, HIGHEST_HANDICAP),
    # Columns that only an export of one's own has.
    "^number_": pa.Column("float64", nullable=True, regex=True),
    "^flag_": pa.Column("bool", regex=True),
    "^category_": pa.Column(pa.Category, regex=True),
}
for _column in _CARRIED_OVER.values():
    _column.required = False

PRIMARY = _explained(
    pa.DataFrameSchema(
        {
            # A number in tables of earlier versions, which are compared with new ones.
            "appointment_id": pa.Column("str", unique=True, coerce=True),
            "patient": pa.Column("str"),
            "gender": pa.Column(pa.Category, pa.Check.isin(["F", "M"]), required=False),
            "booked_at": pa.Column("datetime64[us]"),
            "appointment_day": pa.Column("datetime64[us]"),
            **_CARRIED_OVER,
            "no_show": pa.Column("bool", required=False),
        },
        checks=[
            HAS_ROWS,
            pa.Check(
                lambda table: table["appointment_day"] >= table["booked_at"].dt.normalize(),
                error="no appointment before its booking day",
            ),
        ],
        strict=True,
    ),
    PRIMARY_MEAN,
)

FEATURES = _explained(
    pa.DataFrameSchema(
        {
            "no_show": pa.Column("bool", required=False),
            "male": pa.Column("bool", required=False),
            **_CARRIED_OVER,
            "lead_time_days": _number("int16", 0, LONGEST_LEAD_DAYS),
            "same_day": pa.Column("bool"),
            "booking_hour": _number("float32", 0, 24),
            "booking_weekday": _category(*WEEKDAYS),
            "appointment_weekday": _category(*WEEKDAYS),
            "earlier_bookings": _count(0),
            "open_bookings": _count(0),
            "hours_since_last_booking": _number("float32", 0),
            "bookings_same_moment": _count(1),
            "bookings_same_second": _count(1),
            "appointments_same_day": _count(1),
            "earlier_appointments": _count(0),
            "earlier_no_shows": _count(0),
            "earlier_no_show_rate": _number("float32", 0, 1),
            "earlier_no_shows_with_lead": _count(0),
            "days_since_last_appointment": _number("float32", 0),
            "last_lead_time_days": _number("float32", 0),
            "last_outcome": _category(*LAST_OUTCOMES),
        },
        checks=HAS_ROWS,
        strict=True,
    ),
    FEATURES_MEAN,
)
