"""Cleaning: typed rows, a named rule for each refused row, superseded rows."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.data_engineering.appointments import cleaning, schemas
from crossfold.pipelines.data_engineering.appointments.nodes import clean_appointments

from .conftest import GOOD_ROW, raw_table


def rules(*changes: dict[str, str]) -> list[str]:
    return cleaning.broken_rules(cleaning.parse(raw_table(*changes))).tolist()


def test_good_row_gets_its_types() -> None:
    table, rejected, counts = clean_appointments(raw_table({}, {"No-show": " yes "}))
    schemas.PRIMARY.validate(table)
    assert table.iloc[0].to_dict() == {
        "appointment_id": 1,
        "patient": GOOD_ROW["PatientId"],
        "gender": "F",
        "booked_at": pd.Timestamp("2016-04-29 18:38:08"),
        "appointment_day": pd.Timestamp("2016-04-29"),
        "age": 62,
        "neighbourhood": "JARDIM DA PENHA",
        "scholarship": False,
        "hypertension": True,
        "diabetes": False,
        "alcoholism": False,
        "handicap": 0,
        "sms_received": False,
        "no_show": False,
    }
    assert table["no_show"].tolist() == [False, True]
    assert rejected.empty
    assert counts == {"read": 2, "superseded": 0, "kept": 2, "rejected": {}}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"Age": "-1"}, "age_out_of_range"),
        ({"Age": "0"}, ""),
        ({"Age": "115"}, ""),
        ({"Age": "116"}, "age_out_of_range"),
        ({"Age": "1.5"}, "age_out_of_range"),
        ({"Age": ""}, "age_out_of_range"),
        ({"AppointmentDay": "2016-04-28T00:00:00Z"}, "appointment_before_booking_day"),
        ({"AppointmentDay": "2016-04-29"}, ""),
        ({"AppointmentDay": "29/04/2016"}, "unreadable_date"),
        ({"ScheduledDay": "2016-02-30T08:00:00Z"}, "unreadable_date"),
        ({"ScheduledDay": ""}, "unreadable_date"),
        ({"ScheduledDay": "2016-04-29T08:30"}, ""),
        ({"ScheduledDay": "2016-04-29T08:30-03:00"}, "unreadable_date"),
        ({"Gender": "f"}, ""),
        ({"Gender": "X"}, "unknown_gender"),
        ({"No-show": "Perhaps"}, "unknown_label"),
        ({"No-show": ""}, "unknown_label"),
        ({"Diabetes": "2"}, "unknown_flag"),
        ({"SMS_received": "yes"}, "unknown_flag"),
        ({"Handcap": "4"}, ""),
        ({"Handcap": "5"}, "handicap_out_of_range"),
        ({"PatientId": ""}, "missing_patient"),
        ({"AppointmentID": "A1"}, "unreadable_appointment_id"),
    ],
)
def test_each_rule_refuses_what_breaks_it(change: dict[str, str], rule: str) -> None:
    assert rules({}, change) == ["", rule]


@pytest.mark.parametrize(
    "written",
    [
        "2016-04-29T18:38:08Z",
        "2016-04-29T18:38:08",
        "2016-04-29 18:38:08.123+00:00",
        "2016-04-29T18:38:08-0300",
    ],
)
def test_times_are_those_of_the_clock_on_the_wall(written: str) -> None:
    parsed = cleaning.parse(raw_table({"ScheduledDay": written}))
    assert parsed["booked_at"].tolist() == [pd.Timestamp("2016-04-29 18:38:08")]


def test_of_duplicates_the_first_good_one_is_kept() -> None:
    numbered = {"AppointmentID": "7"}
    assert rules({**numbered, "Age": "-1"}, numbered, numbered, {"AppointmentID": "7.0"}) == [
        "age_out_of_range",
        "",
        "duplicate_appointment_id",
        "duplicate_appointment_id",
    ]


def test_rejected_rows_keep_their_text_and_their_place() -> None:
    _, rejected, counts = clean_appointments(raw_table({}, {"Age": "old"}, {"Gender": "X"}))
    assert rejected["rule"].tolist() == ["age_out_of_range", "unknown_gender"]
    assert rejected["Age"].tolist() == ["old", "62"]
    assert rejected["source_row"].tolist() == [2, 3]
    assert counts["rejected"] == {"age_out_of_range": 1, "unknown_gender": 1}


def test_later_file_supersedes_rows_of_an_earlier_one() -> None:
    raw = raw_table(
        {"AppointmentID": "1", "Age": "1"},
        {"AppointmentID": "2", "Age": "2"},
        {"AppointmentID": "1", "Age": "3"},
        {"AppointmentID": "1", "Age": "4"},
        {"AppointmentID": "3", "Age": "5"},
    )
    raw["source_file"] = pd.Categorical(["a.csv", "a.csv", "b.csv", "b.csv", "b.csv"])
    table, rejected, counts = clean_appointments(raw)
    assert table["age"].tolist() == [2, 3, 5]
    assert rejected["rule"].tolist() == ["duplicate_appointment_id"]
    assert counts["read"] == 5
    assert counts["superseded"] == 1


def test_coming_appointments_need_no_label() -> None:
    table, _, _ = clean_appointments(raw_table({}).drop(columns="No-show"))
    assert "no_show" not in table
    schemas.PRIMARY.validate(table)


def test_table_without_a_good_row_is_told_in_one_sentence() -> None:
    raw = raw_table({"Age": "x"}, {"Age": "y"}, {"Gender": "X"})
    sentence = r"Not one of the 3 appointments in a\.csv can be used: 2 break .* age_out_of_range"
    with pytest.raises(CrossfoldError, match=sentence):
        clean_appointments(raw)


@pytest.mark.real_data
def test_real_table_is_split_as_the_oracle_says(
    real: tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]], facts: dict[str, Any]
) -> None:
    table, rejected, counts = real
    schemas.PRIMARY.validate(table)
    assert counts == {
        "read": facts["rows"],
        "superseded": 0,
        "kept": facts["kept"],
        "rejected": facts["rejected"],
    }
    assert len(rejected) == sum(facts["rejected"].values())
    assert table["no_show"].sum() == facts["no_show_kept"]
    assert table["patient"].nunique() == facts["patients_kept"]


@pytest.mark.real_data
def test_real_table_has_the_counts_of_the_oracle(
    real: tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]], facts: dict[str, Any]
) -> None:
    table = real[0]
    lead = (table["appointment_day"] - table["booked_at"].dt.normalize()).dt.days
    ranges = pd.cut(
        lead, [-1, 0, 1, 2, 7, 14, 30, 60, np.inf], labels=list(facts["by_lead_time_days"])
    )
    sms = "sms=" + table["sms_received"].astype(int).astype("str")
    by_sms = sms + pd.Series(np.where(lead >= 3, ",lead>=3", ",lead<3"), index=table.index)
    for name, groups in {
        "by_lead_time_days": ranges,
        "by_sms_and_lead": by_sms,
        "by_handicap": table["handicap"].astype("str"),
        "by_gender": table["gender"],
    }.items():
        counted = table.groupby(groups, observed=True)["no_show"].agg(["size", "sum"])
        expected = {k: [v["n"], v["no_show"]] for k, v in facts[name].items()}
        assert {k: row.tolist() for k, row in counted.iterrows()} == expected
