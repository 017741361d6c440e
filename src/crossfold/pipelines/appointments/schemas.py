"""Schemas of the appointment tables; Kedro checks them on load and save.

The raw table is only asked for its columns and for rows: what a single row gets wrong is a row
rule, which sends that row to the rejected ones.
"""

from typing import Any

import pandas as pd
import pandera.pandas as pa

from crossfold.pipelines.appointments import cleaning
from crossfold.pipelines.appointments.features import LAST_OUTCOMES, WEEKDAYS

HAS_ROWS = pa.Check(lambda table: len(table) > 0, error="at least one row")


def _text(required: list[str], optional: list[str], *checks: pa.Check) -> pa.DataFrameSchema:
    columns = {name: pa.Column("str") for name in required}
    return pa.DataFrameSchema(
        columns | {name: pa.Column("str", required=False) for name in optional},
        checks=[HAS_ROWS, *checks],
    )


def _column(kind: Any, about: str, *checks: pa.Check, **more: Any) -> pa.Column:
    """Describe a column, with what it means in one sentence, for the data dictionary."""
    return pa.Column(kind, list(checks), description=about, **more)


def _number(
    kind: str, about: str, low: float | None = None, high: float | None = None
) -> pa.Column:
    bounds = ((pa.Check.ge, low), (pa.Check.le, high))
    checks = [check(bound) for check, bound in bounds if bound is not None]
    return _column(kind, about, *checks, nullable=kind.startswith("float"))


def _count(about: str, low: int) -> pa.Column:
    """Describe a count; in tables of earlier versions it has 16 bits."""
    return _column("int32", about, pa.Check.ge(low), coerce=True)


def _category(about: str, *levels: str) -> pa.Column:
    return _column(pa.Category(list(levels)) if levels else pa.Category, about)


def _has_both_outcomes(table: pd.DataFrame) -> bool:
    """Tell whether labels differ: what a damaged export says would be the patients' history."""
    written = table[cleaning.LABEL].str.strip().str.lower()
    return len(table) == 0 or len({*written.dropna()} - {""}) > 1


COMING = _text(cleaning.REQUIRED, cleaning.OPTIONAL)
RAW = _text(
    [*cleaning.REQUIRED, cleaning.LABEL],
    cleaning.OPTIONAL,
    pa.Check(_has_both_outcomes, error="outcomes of both kinds"),
)

_FLAGS_MEAN = (
    "The patient's family gets the Bolsa Família welfare payment.",
    "The patient has high blood pressure.",
    "The patient has diabetes.",
    "The patient has an alcohol disorder.",
    "A reminder was sent by SMS.",
)
_CARRIED_OVER = {
    "age": _number("int16", "Age in years.", cleaning.YOUNGEST, cleaning.OLDEST),
    "neighbourhood": _category("Where the appointment takes place."),
    **{n: _column("bool", about) for n, about in zip(cleaning.FLAGS, _FLAGS_MEAN, strict=True)},
    "handicap": _number("int8", "Number of disabilities.", 0, cleaning.HIGHEST_HANDICAP),
    # Columns that only an export of one's own has.
    "^number_": _column(
        "float64", "A number that only this export has.", nullable=True, regex=True
    ),
    "^flag_": _column("bool", "A flag that only this export has.", regex=True),
    "^category_": _column(pa.Category, "A category that only this export has.", regex=True),
    "no_show": _column(
        "bool", "The patient did not come; absent where the appointment is still to come."
    ),
}
for _one in _CARRIED_OVER.values():
    _one.required = False

PRIMARY = pa.DataFrameSchema(
    {
        # A number in tables of earlier versions, which are compared with new ones.
        "appointment_id": _column(
            "str", "Identifier of the appointment in the source.", unique=True, coerce=True
        ),
        "patient": _column("str", "Keyed hash of the patient's identifier."),
        "gender": _column(
            pa.Category, "As recorded: F or M.", pa.Check.isin(["F", "M"]), required=False
        ),
        "booked_at": _column(
            "datetime64[us]", "When the appointment was booked, by the clock on the wall."
        ),
        "appointment_day": _column("datetime64[us]", "Day of the appointment, at midnight."),
        **_CARRIED_OVER,
    },
    checks=[
        HAS_ROWS,
        pa.Check(
            lambda table: table["appointment_day"] >= table["booked_at"].dt.normalize(),
            error="no appointment before its booking day",
        ),
    ],
    strict=True,
)

FEATURES = pa.DataFrameSchema(
    {
        "no_show": _CARRIED_OVER["no_show"],
        "male": _column("bool", "The patient is recorded as male.", required=False),
        **_CARRIED_OVER,
        "lead_time_days": _number(
            "int16",
            "Calendar days from the booking to the appointment.",
            0,
            cleaning.LONGEST_LEAD_DAYS,
        ),
        "same_day": _column("bool", "Booked for the day of the booking."),
        "booking_hour": _number(
            "float32", "Hours from midnight to the booking, in steps of a minute.", 0, 24
        ),
        "booking_weekday": _category("Weekday of the booking.", *WEEKDAYS),
        "appointment_weekday": _category("Weekday of the appointment.", *WEEKDAYS),
        "earlier_bookings": _count(
            "The patient's bookings up to the second of this one, without it.", 0
        ),
        "open_bookings": _count("Those of them whose day had not passed.", 0),
        "hours_since_last_booking": _number(
            "float32", "Hours since the patient's last booking of an earlier second.", 0
        ),
        "bookings_same_moment": _count(
            "The patient's bookings in the same second, with this one.", 1
        ),
        "bookings_same_second": _count(
            "All patients' bookings in the same second, with this one.", 1
        ),
        "appointments_same_day": _count("The patient's appointments on the day, with this one.", 1),
        "earlier_appointments": _count("The patient's appointments whose outcome is known.", 0),
        "earlier_no_shows": _count("Those of them that were missed.", 0),
        "earlier_no_show_rate": _number(
            "float32", "Their share, drawn towards 0.2 as by two more appointments.", 0, 1
        ),
        "earlier_no_shows_with_lead": _count("Missed ones that were not booked on their day.", 0),
        "days_since_last_appointment": _number(
            "float32",
            "Days from the last known appointment to the first day whose outcomes are not known.",
            0,
        ),
        "last_lead_time_days": _number("float32", "Lead time of the last known appointment.", 0),
        "last_outcome": _category("Outcome of the last known appointment.", *LAST_OUTCOMES),
    },
    checks=HAS_ROWS,
    strict=True,
)
