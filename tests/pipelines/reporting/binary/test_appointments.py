"""The tables of the appointments, against numbers counted by hand and on the real file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crossfold.pipelines.reporting.binary.appointments import (
    APPOINTMENTS,
    CONDITIONS,
    compute_data_tables,
    draw_data_figures,
    five_year_bands,
    subgroup_columns,
)
from crossfold.pipelines.reporting.binary.rates import rate_table

DAY = pd.Timestamp("2016-05-20")


def appointments(**columns: list) -> pd.DataFrame:
    """Make appointments, from lead times in days and whatever else differs between them."""
    n = len(next(iter(columns.values())))
    lead = columns.pop("lead", [0] * n)
    defaults = {
        "gender": ["F"] * n,
        "age": [30] * n,
        "scholarship": [False] * n,
        "hypertension": [False] * n,
        "diabetes": [False] * n,
        "alcoholism": [False] * n,
        "handicap": [0] * n,
        "sms_received": [False] * n,
        "no_show": [False] * n,
    }
    booked = [DAY - pd.Timedelta(days=days) + pd.Timedelta(hours=17) for days in lead]
    return pd.DataFrame({**defaults, **columns, "appointment_day": DAY, "booked_at": booked})


def test_rates_are_events_over_rows_with_wilson_intervals() -> None:
    table = rate_table(
        {"level": pd.Series(["b", "a", "b", "b", "b"])},
        pd.Series([True, True, False, False, False]),
    )
    assert table["level"].tolist() == ["a", "b"]
    assert table["n"].tolist() == [1, 4]
    assert table["events"].tolist() == [1, 1]
    assert table["estimate"].tolist() == [1.0, 0.25]
    # Wilson, 1 of 4: (0.25 + z²/8 ± z·√(0.25·0.75/4 + z²/64)) / (1 + z²/4) with z = 1.95996.
    np.testing.assert_allclose(
        table.loc[1, ["low", "high"]].astype(float), [0.0456, 0.6994], atol=1e-4
    )


OPTIONAL = ["gender", "age", *CONDITIONS, "handicap"]


@pytest.mark.parametrize(
    ("sent", "absent"), [([False] * 4, []), ([True] * 4, []), ([True] * 4, OPTIONAL)]
)
def test_tables_without_a_column_or_a_difference_are_drawn(
    sent: list[bool], absent: list[str]
) -> None:
    table = appointments(lead=[0, 3, 8, 8], sms_received=sent).drop(columns=absent)
    tables = compute_data_tables(table)
    figures = draw_data_figures(**tables)
    assert set(figures) == set(APPOINTMENTS.names)
    n_empty = sum(not len(one) for one in tables.values())
    assert n_empty == (4 if absent else 0)
    assert list(subgroup_columns(table)) == (
        [] if absent else ["Sex", "Age", "Scholarship", "Disability"]
    )


def test_lead_time_is_counted_in_calendar_days() -> None:
    table = compute_data_tables(
        appointments(
            lead=[0, 0, 1, 2, 3, 7, 8, 14, 15, 30, 31, 60, 61], no_show=[True] + 12 * [False]
        )
    )["no_show_by_lead_time"].set_index("lead_time")
    assert table["n"].to_dict() == {
        "Same day": 2,
        "1 day": 1,
        "2 days": 1,
        "3–7 days": 2,
        "8–14 days": 2,
        "15–30 days": 2,
        "31–60 days": 2,
        "Over 60 days": 1,
    }
    assert table.loc["Same day", "estimate"] == 0.5


def test_ages_fall_into_bands_of_five_years() -> None:
    bands = five_year_bands(pd.Series([0, 4, 5, 89, 90, 115]))
    assert bands.tolist() == ["0–4", "0–4", "5–9", "85–89", "90+", "90+"]


def test_classes_are_counted_with_their_shares() -> None:
    table = compute_data_tables(appointments(no_show=[True, False, False, False]))["class_counts"]
    assert table["data"].tolist() == ["Kept", "No-show"]
    assert table["events"].tolist() == [3, 1]
    assert table["estimate"].tolist() == [0.75, 0.25]


def test_the_sms_table_shows_raw_rates_and_strata() -> None:
    # No SMS for the same day, where all come; with the same lead time, the SMS halves the rate.
    table = compute_data_tables(
        appointments(
            lead=[0] * 8 + [10] * 8,
            sms_received=[False] * 8 + [False] * 4 + [True] * 4,
            no_show=[False] * 8 + [True] * 4 + [True, True, False, False],
        )
    )["sms_by_lead_time"].set_index(["view", "stratum", "sms_received"])["estimate"]
    assert table["raw", "All rows", False] == 4 / 12
    assert table["raw", "All rows", True] == 0.5
    assert table["stratum", "3 days or more", False] == 1.0
    assert table["stratum", "8–14 days", True] == 0.5
    assert ("stratum", "Same day", True) not in table.index


def test_conditions_are_compared_with_their_absence() -> None:
    table = compute_data_tables(
        appointments(diabetes=[True, True, False], no_show=[True, False, False])
    )["no_show_by_condition"].set_index(["condition", "present"])["estimate"]
    assert table["Diabetes", True] == 0.5
    assert table["Diabetes", False] == 0.0
    assert set(table.index.get_level_values("condition")) == {
        "Scholarship",
        "Hypertension",
        "Diabetes",
        "Alcoholism",
    }


def test_subgroups_have_readable_levels() -> None:
    columns = subgroup_columns(
        appointments(gender=["F", "M"], age=[17, 65], scholarship=[True, False], handicap=[0, 2])
    )
    assert columns.to_dict("list") == {
        "Sex": ["Female", "Male"],
        "Age": ["0–17", "65 and over"],
        "Scholarship": ["Yes", "No"],
        "Disability": ["No", "Yes"],
    }


@pytest.mark.real_data
def test_counts_on_the_real_file(mirror: Path) -> None:
    raw = pd.read_csv(next(mirror.glob("appointments/*.csv")))
    table = pd.DataFrame(
        {
            "gender": raw["Gender"],
            "age": raw["Age"],
            "scholarship": raw["Scholarship"] == 1,
            "hypertension": raw["Hipertension"] == 1,
            "diabetes": raw["Diabetes"] == 1,
            "alcoholism": raw["Alcoholism"] == 1,
            "handicap": raw["Handcap"],
            "sms_received": raw["SMS_received"] == 1,
            "no_show": raw["No-show"] == "Yes",
            "booked_at": pd.to_datetime(raw["ScheduledDay"]).dt.tz_localize(None),
            "appointment_day": pd.to_datetime(raw["AppointmentDay"]).dt.tz_localize(None),
        }
    )
    valid = (table["age"] >= 0) & (table["booked_at"].dt.normalize() <= table["appointment_day"])
    tables = compute_data_tables(table[valid])
    lead_time = tables["no_show_by_lead_time"].set_index("lead_time")
    assert lead_time.loc["Same day", ["n", "events"]].tolist() == [38562, 1792]
    assert lead_time.loc["31–60 days", ["n", "events"]].tolist() == [8283, 2829]
    sms = tables["sms_by_lead_time"].set_index(["view", "stratum", "sms_received"])
    assert sms.loc[("stratum", "3 days or more", True), ["n", "events"]].tolist() == [35482, 9784]
    assert sms.loc[("raw", "All rows", False), ["n", "events"]].tolist() == [75039, 12530]
    handicap = tables["no_show_by_handicap"].set_index("handicap_level")
    assert handicap["n"].tolist() == [108282, 2040, 183, 13, 3]
