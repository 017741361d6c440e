"""Cleaning: typed rows, a named rule for each refused row, superseded rows."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandera.errors import SchemaError
from pydantic import ValidationError

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.appointments import cleaning, schemas
from crossfold.pipelines.appointments.cleaning import AppointmentsParameters
from crossfold.pipelines.appointments.nodes import (
    build_appointment_features,
    build_coming_features,
    clean_appointments,
    clean_coming_appointments,
)

from .conftest import GOOD_ROW, raw_table

MODEL: tuple[list[Any], dict[str, Any]] = ([], {})


def rules(*changes: dict[str, str]) -> list[str]:
    return cleaning.broken_rules(cleaning.parse(raw_table(*changes))).tolist()


def test_good_row_gets_its_types() -> None:
    table, rejected, counts = clean_appointments(raw_table({}, {"no_show": " yes "}))
    schemas.PRIMARY.validate(table)
    assert table.iloc[0].to_dict() == {
        "appointment_id": "1",
        "patient": GOOD_ROW["patient"],
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
        ({"age": "-1"}, "age_out_of_range"),
        ({"age": "0"}, ""),
        ({"age": "115"}, ""),
        ({"age": "116"}, "age_out_of_range"),
        ({"age": "1.5"}, "age_out_of_range"),
        ({"age": ""}, "age_out_of_range"),
        ({"appointment_day": "2016-04-28T00:00:00Z"}, "appointment_before_booking_day"),
        ({"appointment_day": "2016-04-29"}, ""),
        ({"appointment_day": "29/04/2016"}, "unreadable_date"),
        ({"booked": "2016-02-30T08:00:00Z"}, "unreadable_date"),
        ({"booked": ""}, "unreadable_date"),
        ({"booked": "2016-04-29T08:30"}, ""),
        ({"booked": "2016-04-29T08:30-03:00"}, "unreadable_date"),
        ({"booked": "2016-04-29 06:38:08 PM"}, "unreadable_date"),
        ({"booked": "2016-04-29 6:38:08 PM"}, "unreadable_date"),
        ({"gender": "f"}, ""),
        ({"gender": "X"}, "unknown_gender"),
        ({"no_show": "Perhaps"}, "unknown_label"),
        ({"no_show": ""}, "unknown_label"),
        ({"diabetes": "2"}, "unknown_flag"),
        ({"sms_received": "yes"}, "unknown_flag"),
        ({"handicap": "4"}, ""),
        ({"handicap": "5"}, "handicap_out_of_range"),
        ({"patient": ""}, "missing_patient"),
        ({"appointment": "A1"}, ""),
        ({"appointment": " "}, "missing_appointment_id"),
        ({"appointment": "NaN"}, "missing_appointment_id"),
        ({"booked": "1989-12-31T08:00:00Z"}, "date_out_of_range"),
        ({"booked": "1677-09-21T00:12:44Z"}, "date_out_of_range"),
        ({"appointment_day": "2100-01-01"}, "date_out_of_range"),
        ({"appointment_day": "9999-12-31"}, "date_out_of_range"),
        ({"booked": "2097-04-05", "appointment_day": "2099-12-31"}, ""),
        ({"appointment_day": "2019-01-24"}, ""),
        ({"appointment_day": "2019-01-25"}, "lead_time_too_long"),
        ({"appointment_day": "2017"}, "unreadable_date"),
        ({"appointment_day": "2017-05"}, "unreadable_date"),
        ({"appointment_day": "20160430"}, ""),
        ({"age": "inf"}, "age_out_of_range"),
        ({"age": "1e300"}, "age_out_of_range"),
        ({"diabetes": "1.0"}, ""),
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
        "2016-04-29 18:38:08 UTC",
    ],
)
def test_times_are_those_of_the_clock_on_the_wall(written: str) -> None:
    parsed = cleaning.parse(raw_table({"booked": written}))
    assert parsed["booked_at"].tolist() == [pd.Timestamp("2016-04-29 18:38:08")]


@pytest.mark.parametrize(
    ("written", "date_format", "day"),
    [
        (["29/04/2016 18:38", "01/05/2016 08:00"], None, "2016-05-01"),
        (["29.04.2016", "1.5.2016"], None, "2016-05-01"),
        (["04/29/2016", "01/05/2016"], None, "2016-01-05"),
        (["03/04/2016", "01/05/2016"], "%d/%m/%Y", "2016-05-01"),
        (["29 Apr 2016", "01 May 2016"], "%d %b %Y", "2016-05-01"),
        (["29/04/2016 22:38-03:00", "01/05/2016 22:38-0300"], "%d/%m/%Y %H:%M%z", "2016-05-01"),
    ],
)
def test_dates_are_read_in_other_forms(
    written: list[str], date_format: str | None, day: str
) -> None:
    rows = [{"booked": text, "appointment_day": text} for text in written]
    parsed = cleaning.parse(raw_table(*rows), AppointmentsParameters(date_format=date_format))
    assert parsed["appointment_day"].tolist()[1] == pd.Timestamp(day)
    assert parsed["booked_at"].dt.normalize().tolist()[1] == pd.Timestamp(day)


@pytest.mark.parametrize("written", [["03/04/2016", "01/05/2016"], ["29/04/2016", "04/29/2016"]])
def test_dates_whose_day_may_be_the_month_are_refused(written: list[str]) -> None:
    raw = raw_table(*({"booked": text} for text in written))
    with pytest.raises(CrossfoldError, match=r"booked is '.*/2016' where a date as 2016-04-29"):
        clean_appointments(raw)


def test_all_columns_that_cannot_be_read_are_told_at_once() -> None:
    rows = {"age": "old", "no_show": "Sim", "gender": "", "booked": "yesterday"}
    with pytest.raises(CrossfoldError) as error:
        clean_appointments(raw_table(rows, rows))
    sentence = str(error.value)
    assert sentence.startswith("a.csv cannot be used: gender is nothing where F or M was expected;")
    for words in ("booked is 'yesterday'", "age is 'old'", "no_show is 'Sim' where yes or no"):
        assert words in sentence
    assert "diabetes" not in sentence
    own = raw_table({"booked": "29/04/2016"}).assign(number_km="3,5", number_beds="")
    with pytest.raises(CrossfoldError, match="'3,5' where a number as") as error:
        clean_appointments(own, AppointmentsParameters(date_format="%d/%m/%y"))
    assert "booked is '29/04/2016' where a date as %d/%m/%y (app" in str(error.value)
    assert "beds" not in str(error.value)


def test_an_example_is_told_without_what_may_be_a_patient() -> None:
    with pytest.raises(CrossfoldError, match=r"age is 'P-9{14}a' where a whole number"):
        clean_appointments(raw_table({"age": "P-29872499824296a"}))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"date_format": "%Q"}, "'Q' is a bad directive"),
        ({"missed": ["DNA"], "kept": ["dna "]}, "dna cannot be in both missed and kept"),
    ],
)
def test_formats_and_words_that_say_nothing_are_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        AppointmentsParameters(**wrong)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["Yes", "no ", "Y", "N"], [True, False, True, False]),
        (["1", "0", "TRUE", "false"], [True, False, True, False]),
        (["DNA", "seen", "Yes", "no"], [True, False, False, True]),
    ],
)
def test_labels_are_read_in_other_words(words: list[str], expected: list[bool]) -> None:
    raw = raw_table(*({"no_show": word} for word in words))
    own = {"missed": ["dna", "No"], "kept": ["Seen", "yes"]} if "DNA" in words else {}
    table, _, _ = clean_appointments(raw, AppointmentsParameters(**own))
    assert table["no_show"].tolist() == expected


def test_without_a_column_of_appointments_each_row_is_one() -> None:
    raw = raw_table({}, {}, {"no_show": "Yes"}).drop(columns="appointment")
    raw["source_file"] = pd.Categorical(["a.csv", "a.csv", "b.csv"])
    raw["source_row"] = [1, 2, 1]
    schemas.RAW.validate(raw.astype({"source_row": "int32"}))
    table, _, _ = clean_appointments(raw)
    assert table["appointment_id"].tolist() == ["a.csv:1", "a.csv:2", "b.csv:1"]
    coming, _, _ = clean_coming_appointments(raw, AppointmentsParameters())
    assert not set(coming["appointment_id"]) & set(table["appointment_id"])


LEAST = ["patient", "booked", "appointment_day", "no_show", "source_file", "source_row"]


def own_table() -> pd.DataFrame:
    """Make what an export of one's own may hold: the least, and columns that only it has."""
    kilometres = ["1.5", "", "far", "inf"]
    extra = {"number_km": kilometres, "flag_private": ["0", "1", "1.0", "0"]}
    return raw_table({}, {}, {}, {"no_show": "Yes"})[LEAST].assign(
        **extra, category_ward=["a", "", "b ", "b"]
    )


def test_columns_may_be_absent_or_more(caplog: pytest.LogCaptureFixture) -> None:
    raw = own_table()
    schemas.RAW.validate(raw)
    table, _, _ = clean_appointments(raw)
    assert "2 of 4 values of number_km are no numbers, such as 'far', and count" in caplog.text
    schemas.PRIMARY.validate(table)
    assert table["number_km"].tolist() == pytest.approx([1.5, np.nan, np.nan, np.nan], nan_ok=True)
    assert table["flag_private"].tolist() == [False, True, True, False]
    assert table["category_ward"].tolist() == ["a", "", "b", "b"]
    features = build_appointment_features(table, AppointmentsParameters())
    schemas.FEATURES.validate(features)
    assert {"number_km", "flag_private", "category_ward", "lead_time_days"} < set(features)
    assert not {"male", "age", "neighbourhood", "sms_received", "handicap"} & set(features)
    unknown = raw.assign(flag_private="perhaps", number_km="1")
    unknown.loc[0, "flag_private"] = "1"
    _, rejected, _ = clean_appointments(unknown)
    assert rejected["rule"].tolist() == ["unknown_flag"] * 3


def test_coming_appointments_have_the_columns_of_past_ones() -> None:
    past, _, _ = clean_appointments(own_table())
    coming, _, _ = clean_coming_appointments(own_table(), AppointmentsParameters())
    features = build_coming_features(coming, past, AppointmentsParameters(), MODEL)
    schemas.FEATURES.validate(features)
    assert "sms_received" not in features
    with pytest.raises(CrossfoldError, match="lack number_km, which the past ones have"):
        build_coming_features(
            coming.drop(columns="number_km"), past, AppointmentsParameters(), MODEL
        )


@pytest.mark.parametrize("label", ["", "No"])
def test_what_is_known_later_only_may_be_absent(
    label: str, caplog: pytest.LogCaptureFixture
) -> None:
    raw = raw_table({"no_show": label}).drop(columns="sms_received")
    schemas.COMING.validate(raw)
    coming, _, _ = clean_coming_appointments(raw, AppointmentsParameters())
    assert not {"no_show", "sms_received"} & set(coming)
    past, _, _ = clean_appointments(raw_table({"appointment": "2", "sms_received": "1"}))
    features = build_coming_features(coming, past, AppointmentsParameters(), MODEL)
    schemas.FEATURES.validate(features)
    assert features["sms_received"].tolist() == [False]
    assert "sms_received is absent" in caplog.text


def test_of_duplicates_the_first_good_one_is_kept() -> None:
    numbered = {"appointment": "7"}
    assert rules({**numbered, "age": "-1"}, numbered, numbered, {"appointment": "7.0"}) == [
        "age_out_of_range",
        "",
        "duplicate_appointment_id",
        "duplicate_appointment_id",
    ]


@pytest.mark.parametrize("start", [2**53, 2**63 - 10, 10**30])
def test_numbers_of_any_length_are_told_apart(start: int) -> None:
    numbers = [str(start + n) for n in range(20)]
    table, _, _ = clean_appointments(raw_table(*({"appointment": number} for number in numbers)))
    assert table["appointment_id"].tolist() == numbers


def test_hashes_that_look_like_numbers_stay_as_they_are() -> None:
    hashes = ["00123", "12E3", "123.0"]
    table, _, _ = clean_appointments(raw_table(*({"patient": one} for one in hashes)))
    assert table["patient"].tolist() == hashes


def test_rejected_rows_keep_their_text_and_their_place() -> None:
    _, rejected, counts = clean_appointments(raw_table({}, {"age": "old"}, {"gender": "X"}))
    assert rejected["rule"].tolist() == ["age_out_of_range", "unknown_gender"]
    assert rejected["age"].tolist() == ["old", "62"]
    assert rejected["source_row"].tolist() == [2, 3]
    assert counts["rejected"] == {"age_out_of_range": 1, "unknown_gender": 1}


def test_undeclared_columns_are_not_kept() -> None:
    raw = raw_table({}, {"age": "old"}).assign(telephone="555 0101")
    _, rejected, _ = clean_appointments(raw)
    assert set(rejected) == {*GOOD_ROW, "source_file", "source_row", "rule"}


@pytest.mark.parametrize("again", ["1", "1.0", "01", " 1 ", "1E0"])
def test_later_file_supersedes_rows_of_an_earlier_one(again: str) -> None:
    raw = raw_table(
        {"appointment": "1", "age": "1"},
        {"appointment": "2", "age": "2"},
        {"appointment": again, "age": "3"},
        {"appointment": again, "age": "4"},
        {"appointment": "3", "age": "5"},
    )
    raw["source_file"] = pd.Categorical(["a.csv", "a.csv", "b.csv", "b.csv", "b.csv"])
    table, rejected, counts = clean_appointments(raw)
    assert table["age"].tolist() == [2, 3, 5]
    assert rejected["rule"].tolist() == ["duplicate_appointment_id"]
    assert counts["read"] == 5
    assert counts["superseded"] == 1


def test_rows_of_several_files_are_told_where_nothing_tells_appointments_apart(
    caplog: pytest.LogCaptureFixture,
) -> None:
    raw = raw_table({}, {}, {"age": "3"}, {"age": "4"}).drop(columns="appointment")
    raw["source_file"] = pd.Categorical(["a.csv", "a.csv", "b.csv", "b.csv"])
    clean_appointments(raw)
    assert not caplog.messages
    raw.loc[3, "age"] = raw.loc[0, "age"]
    clean_appointments(raw)
    assert "1 rows are in an earlier file too" in caplog.text


def test_coming_appointments_need_no_label() -> None:
    table, _, _ = clean_appointments(raw_table({}).drop(columns="no_show"))
    assert "no_show" not in table
    schemas.PRIMARY.validate(table)


def test_table_without_a_good_row_is_told_in_one_sentence() -> None:
    raw = raw_table({"age": "x"}, {"age": "y"}, {"gender": "X"})
    sentence = r"Not one of the 3 appointments in a\.csv can be used: 2 break .* age_out_of_range"
    with pytest.raises(CrossfoldError, match=sentence):
        clean_appointments(raw)


@pytest.mark.parametrize("label", ["No", " no", ""])
def test_export_of_one_outcome_is_refused(label: str) -> None:
    with pytest.raises(SchemaError, match="outcomes of both kinds"):
        schemas.RAW.validate(raw_table({}, {"no_show": label}))


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
