"""Turn an export of appointments into typed rows, and name the rule that a refused row breaks."""

from collections.abc import Callable
from functools import partial
from typing import Literal, Self

import numpy as np
import pandas as pd
from pydantic import field_validator, model_validator

from crossfold.datasets.identifiers import canonical_identifiers, masked, of_each
from crossfold.templates.parameters import Parameters

HistoryAsOf = Literal["booking", "reminder"]
YOUNGEST, OLDEST = 0, 115
HIGHEST_HANDICAP = 4
LABEL = "no_show"
FLAGS = ["scholarship", "hypertension", "diabetes", "alcoholism", "sms_received"]
REQUIRED = ["patient", "booked", "appointment_day"]
OPTIONAL = ["appointment", "gender", "age", "neighbourhood", *FLAGS, "handicap"]
"""What an export may say of an appointment, beside its label and what it must say."""
EXTRA = {"number_": "float64", "flag_": "bool", "category_": "category"}
"""How the names of columns begin that only an export of one's own has, and their dtypes."""
DTYPES = {
    "appointment_id": "str",
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
FIRST_DAY, FIRST_DAY_BEYOND = pd.Timestamp("1990-01-01"), pd.Timestamp("2100-01-01")
LONGEST_LEAD_DAYS = 1000
# A year or a month alone would be read as its first day.
WHOLE_DATE = r"(?:\d{4}-\d{2}-\d{2}|\d{8})(?:[T ].*)?"
# Behind the seconds: a fraction, and an offset or the name of a time zone, but no PM.
BEHIND_SECONDS = r"(?:[.,]\d+)? ?(?:Z|[A-Z]{3,5}|[+-]\d{2}(?::?\d{2})?)?"
OFFSET = r"(?:Z|[+-]\d{2}:?\d{2})$"
YEAR_LAST = r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})((?:[T ].*)?)$"
LAST_MONTH = 12
LABELS = {"no": 0, "n": 0, "false": 0, "0": 0, "yes": 1, "y": 1, "true": 1, "1": 1}
_DATE = (
    "a date as 2016-04-29 (or 29/04/2016, if days above 12 tell it from the month; else set"
    " appointments.date_format)"
)
EXPECTED = {
    "gender": ("gender", "F or M"),
    "booked": ("booked_at", _DATE),
    "appointment_day": ("appointment_day", _DATE),
    "age": ("age", "a whole number"),
    **{name: (name, "0 or 1") for name in FLAGS},
    "handicap": ("handicap", "a whole number"),
    LABEL: (LABEL, "yes or no (or set appointments.missed and appointments.kept)"),
}
DATE_LENGTH, TIME_LENGTH = len("2016-04-29"), len("2016-04-29T18:38:08")
RULES_OF = {
    "age_out_of_range": "age",
    "unknown_gender": "gender",
    "handicap_out_of_range": "handicap",
    "unknown_label": LABEL,
}
"""The rules that ask for a column which an export need not have."""
DUPLICATE = "duplicate_appointment_id"


def _folded(text: str) -> str:
    return text.strip().casefold()


class AppointmentsParameters(Parameters):
    """How an export is read, and its appointments turned into features."""

    date_format: str | None = None
    """Format of both dates in the terms of `strptime`, such as ``%d/%m/%Y %H:%M``; None for ISO
    8601, and for ``29/04/2016`` where the data say whether day or month comes first."""
    missed: tuple[str, ...] = ()
    """What the label says of missed appointments, beside ``yes``, ``true`` and ``1``; case and
    blanks around do not matter."""
    kept: tuple[str, ...] = ()
    """The same of kept ones, beside ``no``, ``false`` and ``0``."""
    history_as_of: HistoryAsOf = "reminder"
    """When a prediction is made, and so which outcomes are known: ``booking``, those of days that
    had ended when the appointment was booked; ``reminder``, those of days before the
    appointment's."""

    @field_validator("date_format")
    @classmethod
    def _is_a_format(cls, value: str | None) -> str | None:
        pd.to_datetime([""], format=value, errors="coerce")
        return value

    @model_validator(mode="after")
    def _words_mean_one_thing(self) -> Self:
        both = {*map(_folded, self.missed)} & {*map(_folded, self.kept)}
        if both:
            raise ValueError(f"{', '.join(sorted(both))} cannot be in both missed and kept")
        return self


DEFAULTS = AppointmentsParameters()


def is_extra(name: str) -> bool:
    """Say whether a column is one that only an export of one's own has."""
    return name.startswith(tuple(EXTRA))


def declared(export: pd.DataFrame) -> pd.DataFrame:
    """Leave out columns that are not the project's: they may hold a name or a telephone number."""
    names = [*REQUIRED, *OPTIONAL, LABEL, "source_file", "source_row"]
    return export[[name for name in export.columns if name in names or is_extra(name)]]


def latest_rows(raw: pd.DataFrame) -> pd.DataFrame:
    """Keep, of the rows of one appointment, those of the last file that has it."""
    if len(raw["source_file"].cat.categories) <= 1 or "appointment" not in raw:
        return raw
    order = raw["source_file"].cat.codes
    appointment = canonical_identifiers(raw["appointment"])
    last = order.groupby(appointment).transform("max")
    return raw[(order == last) | (appointment == "")]


def count_repeated(raw: pd.DataFrame) -> int:
    """Count rows that are in an earlier file too, where no column tells appointments apart."""
    if len(raw["source_file"].cat.categories) <= 1 or "appointment" in raw:
        return 0
    once_a_file = raw.drop(columns="source_row").drop_duplicates()
    return int(once_a_file.drop(columns="source_file").duplicated().sum())


def parse(raw: pd.DataFrame, parameters: AppointmentsParameters = DEFAULTS) -> pd.DataFrame:
    """Read the text of each column; what cannot be read is missing.

    Times are read as the clock on the wall showed them: a UTC offset behind the seconds is
    dropped. A time with an offset but without seconds cannot be read. Without a column of
    appointments, each row is one, told apart by its file and its place there.
    """
    read_time = partial(_time, date_format=parameters.date_format)
    columns = {
        "appointment_id": _text(_appointment(raw)),
        # A hash already: one of digits alone is not to be read as a number.
        "patient": _text(raw["patient"]),
        "booked_at": of_each(read_time, raw["booked"]),
        "appointment_day": of_each(read_time, raw["appointment_day"]).dt.normalize(),
    }
    columns |= {name: of_each(read, raw[name]) for name, read in READERS.items() if name in raw}
    columns |= {name: of_each(_extra, raw[name]) for name in raw.columns if is_extra(name)}
    if LABEL in raw:
        columns[LABEL] = of_each(partial(_label, parameters=parameters), raw[LABEL])
    own = [name for name in DTYPES if name in columns]
    return pd.DataFrame(columns)[[*own, *(name for name in columns if name not in DTYPES)]]


def _label(text: pd.Series, parameters: AppointmentsParameters) -> pd.Series:
    words = LABELS | dict.fromkeys(map(_folded, parameters.kept), 0)
    return text.map(_folded).map(words | dict.fromkeys(map(_folded, parameters.missed), 1))


def _extra(text: pd.Series) -> pd.Series:
    if str(text.name).startswith("number_"):
        numbers = pd.to_numeric(text, errors="coerce").astype("float64")
        return numbers.where(np.isfinite(numbers))
    return _flag(text) if str(text.name).startswith("flag_") else text.str.strip()


def _appointment(raw: pd.DataFrame) -> pd.Series:
    if "appointment" in raw:
        return canonical_identifiers(raw["appointment"])
    # A coming appointment is none of the past ones, though its file may have the same name.
    kind = "" if LABEL in raw else "coming "
    return kind + raw["source_file"].astype("str") + ":" + raw["source_row"].astype("str")


def _text(text: pd.Series) -> pd.Series:
    return text.where(text != "")


def _whole_number(text: pd.Series) -> pd.Series:
    number = pd.to_numeric(text, errors="coerce").astype("float64")
    return number.where(number == np.round(number))


def _flag(text: pd.Series) -> pd.Series:
    return canonical_identifiers(text).map({"0": 0, "1": 1})


def _time(text: pd.Series, date_format: str | None) -> pd.Series:
    text = text.str.strip()
    if date_format is not None:
        text = text.str.replace(OFFSET, "Z", regex=True) if "%z" in date_format else text
        times = pd.to_datetime(text, format=date_format, errors="coerce", utc=True)
        return times.dt.tz_localize(None).astype("datetime64[us]")
    text = _year_first(text)
    is_whole = text.str.fullmatch(WHOLE_DATE)
    is_whole &= text.str.slice(TIME_LENGTH).str.fullmatch(BEHIND_SECONDS)
    wall_clock = text.where(is_whole, "").str.slice(0, TIME_LENGTH).str.removesuffix("Z")
    times = pd.to_datetime(wall_clock, format="ISO8601", errors="coerce", utc=True)
    has_offset = wall_clock.str.slice(DATE_LENGTH).str.contains("[+-]", regex=True)
    return times.dt.tz_localize(None).mask(has_offset).astype("datetime64[us]")


def _year_first(text: pd.Series) -> pd.Series:
    """Write 29/04/2016 as 2016-04-29, where a number above 12 says which one is the day."""
    if text.str.fullmatch(WHOLE_DATE).any():
        return text
    parts = text.str.extract(YEAR_LAST)
    first, second = (pd.to_numeric(parts[name]) for name in (0, 1))
    day_first, month_first = (first > LAST_MONTH).any(), (second > LAST_MONTH).any()
    if day_first == month_first:
        return text
    month, day = (1, 0) if day_first else (0, 1)
    ordered = parts[2] + "-" + parts[month].str.zfill(2) + "-" + parts[day].str.zfill(2) + parts[3]
    return ordered.fillna(text)


def unreadable(
    raw: pd.DataFrame, parsed: pd.DataFrame, parameters: AppointmentsParameters = DEFAULTS
) -> list[str]:
    """Say of each column in which nothing can be read what it holds in place of what it should."""
    sentences = []
    date = _DATE
    if parameters.date_format is not None:
        date = f"a date as {parameters.date_format} (appointments.date_format)"
    for column, (name, usual) in EXPECTED.items():
        if column not in raw or parsed[name].notna().any():
            continue
        filled = raw.loc[raw[column].str.strip() != "", column]
        example = repr(masked(filled.iloc[0])) if len(filled) else "nothing"
        expected = date if usual == _DATE else usual
        sentences.append(f"{column} is {example} where {expected} was expected")
    for column, texts in no_numbers(raw, parsed).items():
        if parsed[column].isna().all():
            example = repr(masked(texts.iloc[0]))
            sentences.append(f"{column} is {example} where a number as 3.5 was expected")
    return sentences


def no_numbers(raw: pd.DataFrame, parsed: pd.DataFrame) -> dict[str, pd.Series]:
    """Find, in columns of numbers that only this export has, what is there but is no number."""
    unread = {n: raw.loc[parsed[n].isna(), n] for n in raw.columns if n.startswith("number_")}
    found = {n: texts[canonical_identifiers(texts) != ""] for n, texts in unread.items()}
    return {name: texts for name, texts in found.items() if len(texts)}


READERS: dict[str, Callable[[pd.Series], pd.Series]] = {
    "gender": lambda text: text.str.strip().str.upper().map({"F": "F", "M": "M"}),
    "age": _whole_number,
    "neighbourhood": lambda text: text.str.strip(),
    **dict.fromkeys(FLAGS, _flag),
    "handicap": _whole_number,
}


def _date_out_of_range(parsed: pd.DataFrame) -> pd.Series:
    days = parsed[["booked_at", "appointment_day"]]
    return ((days < FIRST_DAY) | (days >= FIRST_DAY_BEYOND)).any(axis=1)


def _lead_days(parsed: pd.DataFrame) -> pd.Series:
    days: pd.Series = (parsed["appointment_day"] - parsed["booked_at"].dt.normalize()).dt.days
    return days


def _unknown_flag(parsed: pd.DataFrame) -> pd.Series:
    flags = [name for name in parsed.columns if name in FLAGS or name.startswith("flag_")]
    return parsed[flags].isna().any(axis=1)


ROW_RULES: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "missing_patient": lambda parsed: parsed["patient"].isna(),
    "missing_appointment_id": lambda parsed: parsed["appointment_id"].isna(),
    "unreadable_date": lambda parsed: parsed[["booked_at", "appointment_day"]].isna().any(axis=1),
    "date_out_of_range": _date_out_of_range,
    "appointment_before_booking_day": lambda parsed: _lead_days(parsed) < 0,
    "lead_time_too_long": lambda parsed: _lead_days(parsed) > LONGEST_LEAD_DAYS,
    "age_out_of_range": lambda parsed: ~parsed["age"].between(YOUNGEST, OLDEST),
    "unknown_gender": lambda parsed: parsed["gender"].isna(),
    "unknown_flag": _unknown_flag,
    "handicap_out_of_range": lambda parsed: ~parsed["handicap"].between(0, HIGHEST_HANDICAP),
    "unknown_label": lambda parsed: parsed["no_show"].isna(),
}


def broken_rules(parsed: pd.DataFrame) -> pd.Series:
    """Name the first rule that each row breaks, or give an empty text.

    Of several good rows with one appointment number, all but the first are duplicates.
    """
    broken = pd.Series("", index=parsed.index, dtype="str")
    for name, breaks in ROW_RULES.items():
        if RULES_OF.get(name, "patient") in parsed:
            found = breaks(parsed)
            if found.any():
                broken = broken.mask(found & (broken == ""), name)
    good = parsed.loc[broken == "", "appointment_id"]
    broken[good.index[good.duplicated()]] = DUPLICATE
    return broken


def typed(parsed: pd.DataFrame) -> pd.DataFrame:
    """Give good rows their final dtypes and a new index."""
    rows = parsed.reset_index(drop=True)
    extra = {name: EXTRA[name.partition("_")[0] + "_"] for name in rows.columns if is_extra(name)}
    return rows.astype({name: kind for name, kind in DTYPES.items() if name in rows} | extra)
