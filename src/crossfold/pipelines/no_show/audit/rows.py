"""The rows that a run of the audit learns from, with the nine inputs of the source."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.appointments import cleaning

INPUTS = [
    "male",
    "age",
    "scholarship",
    "hypertension",
    "diabetes",
    "alcoholism",
    "handicap",
    "sms_received",
    "lead_time_days",
]
TARGET, PATIENT = "no_show", "patient"
OLDEST_IN_SOURCE = 99


def select_rows(raw: pd.DataFrame, faults: Collection[str]) -> pd.DataFrame:
    """Clean an export, with the source's faults or without.

    Parameters
    ----------
    raw
        An export as `crossfold.datasets.ExportDataset` reads it.
    faults
        Of them, ``elapsed_days`` and ``drop_infants`` are read.

    Returns
    -------
    Columns `INPUTS` (float32), ``no_show`` (int8) and ``patient`` (int32, a number without
    meaning); one row for each appointment that is kept, in the order of the file.

    Raises
    ------
    CrossfoldError
        No row is kept, or all are of one class.
    """
    parsed = cleaning.parse(cleaning.latest_rows(raw))
    if missing := sorted({"gender", *INPUTS[1:-1]} - set(parsed)):
        raise CrossfoldError(
            f"The audit repeats the source on its own columns; the export lacks {missing}."
        )
    lead_time = lead_time_days(parsed, elapsed="elapsed_days" in faults)
    rule = cleaning.broken_rules(parsed)
    # The source knows no rule but those of age and lead time.
    own_rules = ["appointment_before_booking_day", "age_out_of_range"]
    kept = rule.isin(["", *own_rules]) & (lead_time >= 0) & _of_valid_age(parsed, faults)
    rows = pd.DataFrame(
        {
            "male": parsed["gender"] == "M",
            **{name: parsed[name] for name in INPUTS[1:-1]},
            "lead_time_days": lead_time,
        }
    )[kept].astype(np.float32)
    rows[TARGET] = parsed.loc[kept, TARGET].astype(np.int8)
    rows[PATIENT] = pd.factorize(parsed.loc[kept, PATIENT])[0].astype(np.int32)
    if rows[TARGET].nunique() < 2:
        raise CrossfoldError(
            f"The audit keeps {len(rows)} appointments, not of both outcomes; check the export."
        )
    return rows.reset_index(drop=True)


def lead_time_days(parsed: pd.DataFrame, *, elapsed: bool) -> pd.Series:
    """Give the days from booking to appointment: of the calendar, or elapsed and rounded down.

    Appointments carry no time of day. Counted as elapsed from the time of booking to midnight,
    every appointment of the same day is minus one day away.
    """
    booked = parsed["booked_at"] if elapsed else parsed["booked_at"].dt.normalize()
    waited: pd.Series[pd.Timedelta] = parsed["appointment_day"] - booked
    return waited // pd.Timedelta(days=1)


def _of_valid_age(parsed: pd.DataFrame, faults: Collection[str]) -> pd.Series:
    if "drop_infants" in faults:
        return parsed["age"].between(1, OLDEST_IN_SOURCE)
    return parsed["age"].between(cleaning.YOUNGEST, cleaning.OLDEST)
