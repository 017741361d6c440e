"""Find out the kind of a column, and read its values by it; what cannot be read is missing."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from crossfold.datasets.identifiers import DATE_LIKE, masked
from crossfold.datasets.table_dataset import NEARLY_ALL, WITH_UNIT, as_text

TRUE = (
    *("1", "1.0", "true", "t", "yes", "y", "ja", "j", "oui", "si", "sí", "sim", "wahr", "x"),
    "positive",
)
FALSE = ("0", "0.0", "false", "f", "no", "n", "nein", "non", "não", "falsch", "negative")
OFFSET = r"(\d)\s*(?:Z|[+-]\d{2}:?\d{2})$"
# Kinds are told from at most so many distinct values of a column.
MOST_VALUES = 10_000
INPUT_KINDS = ("number", "flag", "category", "date")
FLAG_PAIRS = [{no, yes} for no, yes in zip(FALSE, TRUE, strict=False)] + [
    *({"0", "1"}, {"nein", "ja"}, {"n", "j"}, {"no", "si"}, {"no", "sí"}, {"non", "oui"}),
    *({"não", "sim"}, {"falsch", "wahr"}, {"negative", "positive"}),
]
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?")
_DAYS = (
    *("%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d"),
    *("%d/%m/%y", "%m/%d/%y", "%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y"),
)
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
DATE_FORMATS = [day + time for time in _TIMES for day in _DAYS]
DATE_FORMATS += ["%Y%m%d", "%Y-%m", "%H:%M", "%H:%M:%S"]
# A name that ends like this says that its values are identifiers.
IDENTIFIER_NAME = re.compile(
    r"(^|[_\W])(?i:id|ids|uuid|guid|key|nr|no|number|mrn|ssn|index|unnamed: 0)\W*$"
    r"|[a-z](ID|Id|Nr|No)$|(?i:nummer)\W*$"
)
# One like this says whose row it is, however often the same person comes.
PERSON = re.compile(r"^\W*(?i:name|.*(e-?mail|phone|telefon|mobile|address|adresse|street).*)\W*$")
# And one like this, however few people there are.
_PEOPLE = r"(pat|patient|client|person|participant|proband|subject|member|versichert)"
OF_PEOPLE = re.compile(
    rf"^(?i:(.*(\b|_))?({_PEOPLE}(e?n|s|innen)?[_\W]*(id|nr|no|num|number|nummer|key)|mrn|ssn)"
    rf"|\W*(id|nr|no|num)[_\W]*{_PEOPLE}(e?n|s|e)?"
    r"|\W*((patient|client|person|user|full|first|last|given|family|sur|fore|nach|vor)(en|s)?[_\W]*)+"
    r"name)\W*$"
)
E_MAIL = r"\S+@\S+\.\w+"
FEW = 20  # so many different values name nobody
LEAST_NUMBER = 10_000  # of a telephone
CODE_WITH_ZEROS = r"[+-]?0\d+"
UNIT_NOTE = "numbers with a unit"
TWO_NUMBERS = r"\d[\d.,]*\s*[/x×]\s*\d[\d.,]*"
TWO_NUMBERS_NOTE = "two numbers in a cell"
NO_NUMBERS_NOTE = "some values are no numbers"
SIGNS = r"[<>≤≥=~()*]\s*"
MINUS = "\N{MINUS SIGN}"
SIGNS_NOTE = "signs beside numbers"
DATES_NOTE = "dates written in several ways"
KNOWN_MISSING = (
    *("NA", "N/A", "n/a", "na", "NaN", "nan", "NULL", "Null", "null", "-", "--", "?", "."),
    *("#N/A", "#NV", "<NA>", "NaT"),
)


def as_number(values: pd.Series) -> pd.Series:
    """Read numbers (float64); what is not finite is missing."""
    if not (pd.api.types.is_numeric_dtype(values) or values.dtype == "str"):
        values = as_text(values)
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    return numbers.where(np.isfinite(numbers))


def as_flag(values: pd.Series) -> pd.Series:
    """Read flags as 1, 0 or missing (float64)."""
    meanings = {**dict.fromkeys(TRUE, 1.0), **dict.fromkeys(FALSE, 0.0)}
    return as_text(values).str.lower().map(meanings).astype("float64")


def as_category(values: pd.Series) -> pd.Series:
    """Read categories, as text."""
    return as_text(values).astype("category")


def as_date(values: pd.Series) -> pd.Series:
    """Read dates (datetime64[us]) as the clock on the wall showed them, without any UTC offset."""
    if not pd.api.types.is_datetime64_any_dtype(values):
        text = as_text(values)
        has_time = text.str.contains(":", regex=False).fillna(False).astype(bool)
        text = text.mask(has_time, text.str.replace(OFFSET, r"\1", regex=True))
        values = pd.to_datetime(text, format="ISO8601", errors="coerce")
    elif getattr(values.dt, "tz", None) is not None:
        values = values.dt.tz_localize(None)
    return values.astype("datetime64[us]")


READERS: dict[str, Callable[[pd.Series], pd.Series]] = {
    "number": as_number,
    "flag": as_flag,
    "category": as_category,
    "date": as_date,
}


@dataclass(frozen=True)
class Column:
    """What a column holds."""

    name: str
    # ``number``, ``flag``, ``category``, ``date``, ``text``, ``identifier`` or ``constant``
    kind: str
    missing: int  # how many values are missing
    distinct: int  # how many different ones there are
    example: str = ""  # a value; nothing for identifiers and free text
    note: str = ""  # what else is to be known, in words
    date_format: str | None = None  # how its dates are written, None for ISO 8601


def describe_column(values: pd.Series, date_format: str | None = None) -> Column:
    """Tell the kind of a column by all its values, as they were read.

    `date_format` is how its dates are written, if the user has said so.
    """
    present = values.dropna()
    distinct = present.drop_duplicates()
    some = distinct.sample(min(len(distinct), MOST_VALUES), random_state=0)
    name = str(values.name)
    column = Column(name, "constant", int(values.isna().sum()), len(distinct))
    if len(distinct) <= 1:
        return _with_example(column, some)
    told = _kind(column, some, len(present), date_format)
    if told.note == NO_NUMBERS_NOTE:
        n_rows = int(as_number(present).isna().sum())
        told = replace(told, note=f"{NO_NUMBERS_NOTE} and count as missing (rows: {n_rows:,})")
    return _with_example(told, some)


def _with_example(column: Column, some: pd.Series) -> Column:
    if column.kind in ("identifier", "text") or some.empty:
        return column
    return replace(column, example=" ".join(masked(as_text(some.head(1)).iloc[0]).split()))


def _kind(column: Column, some: pd.Series, n: int, date_format: str | None) -> Column:
    if pd.api.types.is_datetime64_any_dtype(some):
        return replace(column, kind="date")
    text = as_text(some)
    if {*text.str.lower()} in FLAG_PAIRS or pd.api.types.is_bool_dtype(some):
        return replace(column, kind="flag")
    numbers = as_number(some)
    if numbers.isna().any() or text.str.fullmatch(r"(18|19|20|21)\d{6}").all():
        dates = find_date_format(text, date_format)
        if dates is not None:
            return replace(column, kind="date", date_format=dates[0], note=dates[1])
    is_typed = pd.api.types.is_numeric_dtype(some)
    if is_typed or (_are_numbers(numbers) and not text.str.fullmatch(CODE_WITH_ZEROS).any()):
        return _number_kind(column, numbers, n)
    told = _text_kind(column, text, n)
    if note := _unread_note(text):
        return replace(told, kind=told.kind if told.kind == "category" else "text", note=note)
    return replace(told, note=case_note(text)) if told.kind == "category" else told


def _unread_note(text: pd.Series) -> str:
    """Say what keeps cells with digits from being read, nothing where there are no such."""
    if unit := find_unit(text):
        return f"{UNIT_NOTE} are no numbers: take {unit!r} out of the cells to have them read"
    if text.str.fullmatch(TWO_NUMBERS).mean() >= NEARLY_ALL:
        return f"{TWO_NUMBERS_NOTE} are not read: write each into a column of its own"
    bare = text.str.replace(SIGNS, "", regex=True).str.replace(MINUS, "-")
    signed = text[bare != text]
    if len(signed) and as_number(bare).notna().mean() >= NEARLY_ALL:
        if signed.str.startswith(MINUS).any():
            return f"{SIGNS_NOTE}, as in {MINUS}1, are not read: write hyphens for minus signs"
        example = masked(signed.iloc[0])
        return f"{SIGNS_NOTE}, as in {example!r}, are not read: take them out of the cells"
    if text.str.fullmatch(DATE_LIKE).mean() >= NEARLY_ALL:
        return f"{DATES_NOTE} are not read: write them alike"
    return ""


def case_note(text: pd.Series) -> str:
    """Say which values differ only in upper and lower case, nothing where there are no such."""
    words = text.drop_duplicates().sort_values()
    alike = words[words.str.casefold().duplicated(keep=False)]
    if alike.empty:
        return ""
    ordered = alike.sort_values(key=lambda word: word.str.casefold())
    shown = ", ".join(repr(masked(word)) for word in ordered[:4])
    more = ", …" * (len(alike) > 4)
    return f"{shown}{more} differ only in case and count as different values: write them alike"


def find_unit(text: pd.Series) -> str:
    """Find what stands beside the number in nearly all values, nothing where there is no such."""
    text = text[~text.isin(KNOWN_MISSING)]
    beside = text.str.extract(f"^(?:{WITH_UNIT})$")
    counts = beside["unit"].str.strip().fillna(beside["sign"]).value_counts()
    is_one = len(counts) > 0 and counts.iloc[0] >= NEARLY_ALL * len(text)
    return str(counts.index[0]) if is_one else ""


def find_units(table: pd.DataFrame) -> dict[str, str]:
    """Find the columns of text whose numbers have a unit beside them, by their first rows."""
    texts = {
        str(name): table[name].head(MOST_VALUES).dropna().drop_duplicates()
        for name in table.columns
        if pd.api.types.is_string_dtype(table[name])
    }
    return {name: unit for name, text in texts.items() if (unit := find_unit(text))}


def _number_kind(column: Column, numbers: pd.Series, n: int) -> Column:
    if _names_things(column, numbers.dropna(), n):
        return replace(column, kind="identifier")
    return replace(column, kind="number", note=NO_NUMBERS_NOTE if numbers.isna().any() else "")


def _are_numbers(numbers: pd.Series) -> bool:
    readable = int(numbers.notna().sum())
    return readable == len(numbers) or (readable >= 10 and readable >= NEARLY_ALL * len(numbers))


def _names_things(column: Column, numbers: pd.Series, n: int) -> bool:
    """Say whether whole numbers are names: by their column's name, their order or their length."""
    whole_share = (numbers % 1 == 0).mean()
    if whole_share < NEARLY_ALL or n < 20:
        return False
    is_amount = PERSON.search(column.name) and numbers.min() < LEAST_NUMBER  # phone calls
    if _is_named_so(column, n) and not is_amount:  # spreadsheets have made fractions of some
        return True
    if whole_share < 1:
        return False
    unique = column.distinct >= NEARLY_ALL * n
    span = numbers.max() - numbers.min() + 1
    if unique and span <= 1.05 * column.distinct:
        return True
    lengths = numbers.abs().astype("int64").astype("str").str.len()
    shortest, longest = lengths.min(), lengths.max()
    if shortest >= 9 and longest - shortest <= 1 and column.distinct > max(FEW, n / 20):
        return True
    return bool(unique and n >= 100 and shortest == longest >= 6)


def _is_named_so(column: Column, n: int) -> bool:
    """Say whether a column's name makes an identifier of it, or what tells a person."""
    if OF_PEOPLE.search(column.name):
        return True
    if PERSON.search(column.name):
        return column.distinct > FEW
    return bool(IDENTIFIER_NAME.search(column.name)) and column.distinct > max(FEW, n / 20)


def _text_kind(column: Column, text: pd.Series, n: int) -> Column:
    if _is_named_so(column, n) or text.str.fullmatch(E_MAIL).mean() > 0.5:
        return replace(column, kind="identifier")
    several_words = text.str.contains(r"\S\s+\S", regex=True).mean() > 0.5
    coded = text.str.contains(r"\d", regex=True).mean() > 0.8
    many = column.distinct > max(FEW, 0.2 * n)
    if (several_words and many) or text.str.len().median() > 40:
        return replace(column, kind="text")
    if column.distinct >= NEARLY_ALL * n and column.distinct > 2:
        return replace(column, kind="text" if several_words else "identifier")
    if coded and column.distinct > max(50, 0.2 * n):
        return replace(column, kind="identifier")
    if column.distinct > max(50, 0.5 * n):
        return replace(column, kind="text", note="nearly every row has another value")
    return replace(column, kind="category")


def find_date_format(text: pd.Series, declared: str | None = None) -> tuple[str | None, str] | None:
    """Find how dates are written, from different values of a column.

    The `declared` format is tried first. Returns the format, None for ISO 8601, and what is to be
    said about it; None if these are no dates.
    """
    first = text.head(200)
    if declared is not None and _fits(text, declared):
        return declared, ""
    if first.str.fullmatch(ISO_DATE.pattern).mean() >= NEARLY_ALL:
        return (None, "") if as_date(text).notna().mean() >= NEARLY_ALL else None
    if first.str.contains(r"^\d{8}$|\d[-./: ,]", regex=True).mean() < NEARLY_ALL:
        return None
    fitting = [form for form in DATE_FORMATS if _fits(first, form) and _fits(text, form)]
    if not fitting:
        return None
    form = fitting[0]
    swapped = [other for other in fitting if {form[:2], other[:2]} == {"%d", "%m"}]
    notes = [f"day or month first? Taken as {form}; say it with --date-format"] if swapped else []
    if "%y" in form and (_dates(text, form) > pd.Timestamp.now()).any():
        notes.append("years of two digits are taken for 1969 to 2068: write them with four")
    return form, "; ".join(notes)


def _fits(text: pd.Series, form: str) -> bool:
    dates = _dates(text, form)
    plausible = dates.dt.year.between(1850, 2150) | (form.startswith("%H"))
    return bool((dates.notna() & plausible).mean() >= NEARLY_ALL)


def _dates(text: pd.Series, form: str) -> pd.Series:
    return pd.to_datetime(text, format=form, errors="coerce")


def missing_words(values: pd.Series) -> list[str]:
    """List the words of a column that stand for a missing value."""
    if pd.api.types.is_numeric_dtype(values) or not pd.api.types.is_string_dtype(values):
        return []
    distinct = values.dropna().drop_duplicates()
    words = distinct[as_number(distinct).isna()]
    if words.empty:
        return []
    known, others = words[words.isin(KNOWN_MISSING)], words[~words.isin(KNOWN_MISSING)]
    are_numbers = len(distinct) - len(words) >= 10
    if are_numbers and len(others) <= 2 and not others.str.contains(r"\d").any():
        return [*known, *others]
    return [*known]
