"""Turn an export of appointments into typed rows, and name the rule that a refused row breaks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

YOUNGEST, OLDEST = 0, 115
HIGHEST_HANDICAP = 4
LABEL = "no_show"
FLAGS = ["scholarship", "hypertension", "diabetes", "alcoholism", "sms_received"]
COLUMNS = [
    "patient",
    "appointment",
    "gender",
    "booked",
    "appointment_day",
    "age",
    "neighbourhood",
    *FLAGS,
    "handicap",
]
"""What an export says of an appointment, but for its label."""

DTYPES = {
    "appointment_id": "int64",
    "patient": "str",
    "gender": "category",
    "booked_at": "datetime64[us]",
    "appointment_day": "datetime64[us]",
    "age": "int16",
    "neighbourhood": "category",
    "scholarship": "bool",
    "hypertension": "bool",
    "diabetes": "bool",
    "alcoholism": "bool",
    "handicap": "int8",
    "sms_received": "bool",
    "no_show": "bool",
}
DATE_LENGTH, TIME_LENGTH = len("2016-04-29"), len("2016-04-29T18:38:08")


def declared(export: pd.DataFrame) -> pd.DataFrame:
    """Leave out columns that are not the project's: they may hold a name or a telephone number."""
    names = [*COLUMNS, LABEL, "source_file", "source_row"]
    return export[[name for name in names if name in export]]


def latest_rows(raw: pd.DataFrame) -> pd.DataFrame:
    """Keep, of the rows of one appointment, those of the last file that has it."""
    if len(raw["source_file"].cat.categories) <= 1:
        return raw
    order = raw["source_file"].cat.codes
    appointment = raw["appointment"].str.strip()
    last = order.groupby(appointment).transform("max")
    return raw[(order == last) | (appointment == "")]


def parse(raw: pd.DataFrame) -> pd.DataFrame:
    """Read the text of each column; what cannot be read is missing.

    Times are read as the clock on the wall showed them: a UTC offset behind the seconds is
    dropped. A time with an offset but without seconds cannot be read.
    """
    parsed = pd.DataFrame(
        {
            "appointment_id": _whole_number(raw["appointment"]),
            "patient": raw["patient"].where(raw["patient"] != ""),
            "gender": raw["gender"].str.strip().str.upper().map({"F": "F", "M": "M"}),
            "booked_at": _time(raw["booked"]),
            "appointment_day": _time(raw["appointment_day"]).dt.normalize(),
            "age": _whole_number(raw["age"]),
            "neighbourhood": raw["neighbourhood"].str.strip(),
            **{name: _flag(raw[name]) for name in FLAGS},
            "handicap": _whole_number(raw["handicap"]),
        }
    )
    if LABEL in raw:
        parsed["no_show"] = raw[LABEL].str.strip().str.lower().map({"no": 0, "yes": 1})
    return parsed[[column for column in DTYPES if column in parsed]]


def _whole_number(text: pd.Series) -> pd.Series:
    codes, unique = pd.factorize(text)
    number = pd.to_numeric(pd.Series(unique), errors="coerce").to_numpy(dtype="float64")
    return pd.Series(np.where(number % 1 == 0, number, np.nan)[codes], index=text.index)


def _flag(text: pd.Series) -> pd.Series:
    return text.str.strip().map({"0": 0, "1": 1})


def _time(text: pd.Series) -> pd.Series:
    wall_clock = text.str.strip().str.slice(0, TIME_LENGTH).str.removesuffix("Z")
    times = pd.to_datetime(wall_clock, format="ISO8601", errors="coerce", utc=True)
    has_offset = wall_clock.str.slice(DATE_LENGTH).str.contains("[+-]", regex=True)
    return times.dt.tz_localize(None).mask(has_offset).astype("datetime64[us]")


def _out_of_range(values: pd.Series, low: int, high: int) -> pd.Series:
    return ~values.between(low, high)


def _before_booking_day(parsed: pd.DataFrame) -> pd.Series:
    return parsed["appointment_day"] < parsed["booked_at"].dt.normalize()


ROW_RULES: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "missing_patient": lambda parsed: parsed["patient"].isna(),
    "unreadable_appointment_id": lambda parsed: parsed["appointment_id"].isna(),
    "unreadable_date": lambda parsed: parsed[["booked_at", "appointment_day"]].isna().any(axis=1),
    "appointment_before_booking_day": _before_booking_day,
    "age_out_of_range": lambda parsed: _out_of_range(parsed["age"], YOUNGEST, OLDEST),
    "unknown_gender": lambda parsed: parsed["gender"].isna(),
    "unknown_flag": lambda parsed: parsed[FLAGS].isna().any(axis=1),
    "handicap_out_of_range": lambda parsed: _out_of_range(parsed["handicap"], 0, HIGHEST_HANDICAP),
    "unknown_label": lambda parsed: parsed["no_show"].isna(),
}
DUPLICATE = "duplicate_appointment_id"


def broken_rules(parsed: pd.DataFrame) -> pd.Series:
    """Name the first rule that each row breaks, or give an empty text.

    Of several good rows with one appointment number, all but the first are duplicates.
    """
    broken = pd.Series("", index=parsed.index, dtype="str")
    for name, breaks in ROW_RULES.items():
        if name != "unknown_label" or "no_show" in parsed:
            broken = broken.mask((broken == "") & breaks(parsed), name)
    good = parsed.loc[broken == "", "appointment_id"]
    broken[good.index[good.duplicated()]] = DUPLICATE
    return broken


def typed(parsed: pd.DataFrame) -> pd.DataFrame:
    """Give good rows their final dtypes and a new index."""
    rows = parsed.reset_index(drop=True)
    return rows.astype({name: kind for name, kind in DTYPES.items() if name in rows})
