"""Read the values of a column by its kind; what cannot be read is missing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from crossfold.datasets.table_dataset import as_text

TRUE = ("1", "true", "t", "yes", "y", "ja", "j", "oui", "si", "sí", "sim", "wahr", "x", "positive")
FALSE = ("0", "false", "f", "no", "n", "nein", "non", "não", "falsch", "negative")
OFFSET = r"(\d)\s*(?:Z|[+-]\d{2}:?\d{2})$"


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
