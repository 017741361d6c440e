"""Schemas of the appointment tables; Kedro checks them on load and save.

The raw table is only asked for its columns and for rows: what a single row gets wrong is a row
rule, which sends that row to the rejected ones.
"""

from __future__ import annotations

import pandera.pandas as pa

from crossfold.pipelines.appointments import meanings
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
from crossfold.pipelines.appointments.history import LAST_OUTCOMES
from crossfold.pipelines.appointments.timing import WEEKDAYS

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
    meanings.PRIMARY,
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
    meanings.FEATURES,
)
