"""What the appointment table says before any model: rates with their sample sizes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from crossfold.pipelines.reporting.binary.parameters import ReportParameters
from crossfold.pipelines.reporting.binary.pipeline import Description
from crossfold.pipelines.reporting.binary.rates import rate_table

CONDITIONS = {
    "scholarship": "Scholarship",
    "hypertension": "Hypertension",
    "diabetes": "Diabetes",
    "alcoholism": "Alcoholism",
    "sms_received": "SMS received",
}
LEAD_TIME_DAYS = {
    "Same day": 0,
    "1 day": 1,
    "2 days": 2,
    "3–7 days": 7,
    "8–14 days": 14,
    "15–30 days": 30,
    "31–60 days": 60,
    "Over 60 days": np.inf,
}
AGE_BANDS = {"0–17": 17, "18–34": 34, "35–49": 49, "50–64": 64, "65 and over": np.inf}
FIRST_DAY_WITH_SMS = 3
OLDEST_BAND = 90


def compute_data_tables(appointments: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Compute no-show rates with counts and 95 % Wilson intervals.

    Parameters
    ----------
    appointments
        The cleaned table of the primary layer.

    Returns
    -------
    Tables by name: ``class_counts``, ``no_show_by_age``, ``no_show_by_condition``,
    ``no_show_by_handicap``, ``no_show_by_lead_time``, ``sms_by_lead_time``; those of columns that
    the appointments do not have are without rows.
    """
    return {
        "class_counts": class_counts(appointments["no_show"]),
        "no_show_by_lead_time": rate_table(
            {"lead_time": lead_time(appointments)}, appointments["no_show"]
        ),
        **{
            name: compute(appointments) if columns & set(appointments) else NOTHING
            for name, (columns, compute) in TABLES_OF.items()
        },
    }


def compute_subgroups(
    predictions: pd.DataFrame, appointments: pd.DataFrame, report: ReportParameters, seed: int
) -> pd.DataFrame:
    """Compute what the report's model does by sex, age band, scholarship and disability."""
    from crossfold.pipelines.reporting.binary.model_tables import grouped_predictions, subgroups

    grouped = grouped_predictions(predictions)
    one_model = grouped[grouped["model"] == report.model]
    return subgroups(one_model, subgroup_columns(appointments), report.n_resamples, seed)


def draw_data_figures(**tables: pd.DataFrame) -> dict[str, Any]:
    """Draw a matplotlib Figure of each data table, under the same name."""
    from crossfold.pipelines.reporting.binary import appointments_figures as figures
    from crossfold.reports.style import empty_figure, figure_style

    with figure_style():
        return {
            name: getattr(figures, name)(table)
            if len(table)
            else empty_figure("These appointments do not say.")
            for name, table in tables.items()
        }


def subgroup_columns(appointments: pd.DataFrame) -> pd.DataFrame:
    """Give the columns by which the report asks who is affected, in readable levels."""
    yes_no = {True: "Yes", False: "No"}
    readable: dict[str, tuple[str, Callable[[pd.Series], pd.Series]]] = {
        "Sex": ("gender", lambda sex: sex.astype(str).map({"F": "Female", "M": "Male"})),
        "Age": ("age", lambda age: cut(age, AGE_BANDS)),
        "Scholarship": ("scholarship", lambda flag: flag.map(yes_no)),
        "Disability": ("handicap", lambda level: (level > 0).map(yes_no)),
    }
    return pd.DataFrame(
        {
            name: read(appointments[column])
            for name, (column, read) in readable.items()
            if column in appointments
        },
        index=appointments.index,
    )


def class_counts(outcome: pd.Series) -> pd.DataFrame:
    """Count kept and missed appointments, each as a share of all."""
    kept = rate_table({"data": pd.Series("all", outcome.index)}, ~outcome)
    missed = rate_table({"data": pd.Series("all", outcome.index)}, outcome)
    return pd.concat([kept, missed], ignore_index=True).assign(data=["Kept", "No-show"])


def no_show_by_condition(appointments: pd.DataFrame) -> pd.DataFrame:
    """Compare rates with and without each condition."""
    outcome = appointments["no_show"]
    tables = [
        rate_table({"present": appointments[column]}, outcome).assign(condition=label)
        for column, label in CONDITIONS.items()
        if column != "sms_received" and column in appointments
    ]
    return pd.concat(tables, ignore_index=True)


def sms_by_lead_time(appointments: pd.DataFrame) -> pd.DataFrame:
    """Compare rates with and without an SMS: over all rows, and in each range of lead time.

    No SMS goes out for appointments booked less than three days ahead, which are also the ones
    that are kept, so the rates over all rows compare unlike appointments.
    """
    outcome, sent = appointments["no_show"], appointments["sms_received"]
    stratum = lead_time(appointments).cat.rename_categories(str)
    everything = pd.Series("All rows", appointments.index)
    long_enough = lead_time_days(appointments) >= FIRST_DAY_WITH_SMS
    eligible = pd.Series(f"{FIRST_DAY_WITH_SMS} days or more", appointments.index)[long_enough]
    parts = [("raw", everything), ("stratum", eligible), ("stratum", stratum)]
    tables = [
        rate_table({"stratum": part, "sms_received": sent[part.index]}, outcome[part.index]).assign(
            view=view
        )
        for view, part in parts
    ]
    return pd.concat([t.astype({"stratum": str}) for t in tables], ignore_index=True)


def lead_time_days(appointments: pd.DataFrame) -> pd.Series:
    """Give calendar days from the booking day to the appointment."""
    return (appointments["appointment_day"] - appointments["booked_at"].dt.normalize()).dt.days


def lead_time(appointments: pd.DataFrame) -> pd.Series:
    """Give the range of lead time of each row as an ordered category."""
    return cut(lead_time_days(appointments), LEAD_TIME_DAYS)


def five_year_bands(age: pd.Series) -> pd.Series:
    """Give each age its band of five years as an ordered category; the oldest share one."""
    bands = {f"{start}–{start + 4}": start + 4 for start in range(0, OLDEST_BAND, 5)}
    return cut(age, {**bands, f"{OLDEST_BAND}+": np.inf})


def cut(values: pd.Series, last_value_of: dict[str, float]) -> pd.Series:
    """Sort values into named ranges, given the last value of each range."""
    edges = [-np.inf, *last_value_of.values()]
    return pd.cut(values, edges, labels=list(last_value_of))


TABLES_OF: dict[str, tuple[set[str], Callable[[pd.DataFrame], pd.DataFrame]]] = {
    "no_show_by_age": (
        {"age"},
        lambda table: rate_table({"age": five_year_bands(table["age"])}, table["no_show"]),
    ),
    "no_show_by_condition": (set(CONDITIONS) - {"sms_received"}, no_show_by_condition),
    "no_show_by_handicap": (
        {"handicap"},
        lambda table: rate_table({"handicap_level": table["handicap"]}, table["no_show"]),
    ),
    "sms_by_lead_time": ({"sms_received"}, sms_by_lead_time),
}
"""The tables that ask for columns which an export need not have: any of these columns."""

NOTHING = pd.DataFrame(columns=["n", "events", "estimate", "low", "high"])

APPOINTMENTS = Description(
    names=(
        "class_counts",
        "no_show_by_lead_time",
        "no_show_by_age",
        "no_show_by_condition",
        "no_show_by_handicap",
        "sms_by_lead_time",
    ),
    compute_tables=compute_data_tables,
    draw_figures=draw_data_figures,
    compute_subgroups=compute_subgroups,
)
