"""Typed tables and features: what cannot be read is missing, what cannot be used is set aside."""

import logging

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.table.nodes import build_coming_features, build_features, prepare_table
from crossfold.templates.parameters import TableParameters

PARAMETERS = TableParameters(
    target="missed",
    task="binary",
    positive="yes",
    group="patient",
    time="day",
    columns={"age": "number", "day": "date", "born": "date", "insured": "flag", "town": "category"},
    left_out={"name": "text"},
)


@pytest.fixture
def raw() -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "name": ["Ann", "Bob", "Cem", "Dana", "Eve"],
            "patient": ["p1", "p2", "p1", "p3", ""],
            "age": ["41", "forty", " 3.5 ", "", "7"],
            "day": ["2023-01-02", "2023-02-03 10:30:00", "2023-02-04T09:00:00Z", "", "2023-03-01"],
            "born": ["1990-01-01", "1991-06-01", "1990-01-01", "1990-01-01", "1990-01-01"],
            "insured": ["Yes", "no", "", "1", "0"],
            "town": [" Ulm", "Bonn", "", "Ulm", "Ulm"],
            "missed": ["yes", "no", "no ", "yes", "no"],
        },
        dtype="str",
    )
    return table.mask(table == "")


def test_values_are_read_by_kind(raw: pd.DataFrame, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        table, _, _ = prepare_table(raw, PARAMETERS)
    assert [*table] == ["patient", "day", "age", "born", "insured", "town", "missed"]
    np.testing.assert_array_equal(table["age"], [41, np.nan, 3.5])
    assert table["day"].dt.strftime("%d %H:%M").tolist() == ["02 00:00", "03 10:30", "04 09:00"]
    np.testing.assert_array_equal(table["insured"], [1, 0, np.nan])
    assert table["town"].isna().tolist() == [False, False, True]
    assert table["town"].cat.categories.tolist() == ["Bonn", "Ulm"]
    assert table["missed"].tolist() == [True, False, False]
    assert table.dtypes.astype(str).tolist() == [
        "str", "datetime64[us]", "float64", "datetime64[us]", "float64", "category", "bool"
    ]  # fmt: skip
    assert "age: 1 values cannot be read as a number" in caplog.text


def test_rows_without_target_group_or_time_are_rejected(raw: pd.DataFrame) -> None:
    raw.loc[5] = raw.loc[0].where(raw.columns != "missed")
    raw.loc[6] = raw.loc[0]
    table, rejected, counts = prepare_table(raw, PARAMETERS)
    assert counts == {
        "read": 7,
        "kept": 4,
        "rejected": {"missing_time": 1, "missing_group": 1, "missing_target": 1},
        "duplicates": 1,
    }
    assert rejected["rule"].tolist() == ["missing_time", "missing_group", "missing_target"]
    assert "name" not in rejected
    assert table.index.tolist() == [0, 1, 2, 3]


def test_classes_and_numbers_as_targets(raw: pd.DataFrame) -> None:
    classes = PARAMETERS.model_copy(update={"task": "multiclass", "positive": None})
    table, _, _ = prepare_table(raw.assign(missed=[1.0, 2.0, 3.0, 1.0, np.nan]), classes)
    assert table["missed"].cat.categories.tolist() == ["1", "2", "3"]
    classes = classes.model_copy(update={"fewest_of_class": 2})
    table, rejected, counts = prepare_table(raw.assign(missed=[1, 2, 1, 2, 2]), classes)
    assert table["missed"].cat.categories.tolist() == ["1"]
    assert counts["rejected"] == {"missing_time": 1, "missing_group": 1, "rare_class": 1}
    assert rejected["missed"].tolist()[0] == "2"
    number = PARAMETERS.model_copy(update={"task": "regression", "positive": None})
    table, _, counts = prepare_table(raw.assign(missed=["1.5", "inf", "x", "2", "3"]), number)
    assert table["missed"].tolist() == [1.5]
    assert counts["rejected"]["missing_target"] == 2


def test_target_of_another_task_and_missing_columns_are_refused(raw: pd.DataFrame) -> None:
    with pytest.raises(CrossfoldError, match=r"has the values 'maybe', 'no', 'yes'.*needs two"):
        prepare_table(raw.assign(missed=["maybe", "yes", "no", "no", "no"]), PARAMETERS)
    with pytest.raises(CrossfoldError, match=r"'yes' among them"):
        prepare_table(raw.assign(missed="no"), PARAMETERS)
    with pytest.raises(CrossfoldError, match=r"no column 'age' \(did you mean 'Age'\?\), 'town'"):
        prepare_table(raw.rename(columns={"age": "Age", "town": "?"}), PARAMETERS)
    with pytest.raises(CrossfoldError, match="None of the 5 rows can be used"):
        prepare_table(raw.assign(missed=None), PARAMETERS)
    titled = raw.set_axis(["Report", *(f"Unnamed: {n}" for n in range(1, raw.shape[1]))], axis=1)
    with pytest.raises(CrossfoldError, match=r"'Unnamed: 2'.*Take out the rows above its header"):
        prepare_table(titled, PARAMETERS)


def test_features_have_no_group_no_identifier_and_no_trend_of_time(raw: pd.DataFrame) -> None:
    table, _, _ = prepare_table(raw, PARAMETERS)
    features = build_features(table, PARAMETERS)
    assert [*features] == [
        "missed", "age", "day_month", "day_weekday", "day_hour",
        "born_year", "born_month", "born_weekday", "born_days", "insured", "town",
    ]  # fmt: skip
    assert features["day_hour"].tolist() == [0, 10.5, 9]
    assert features["born_days"].tolist() == [0, 516, 0]
    kinds = features.drop(columns=["missed", "town"]).dtypes
    assert set(kinds.astype(str)) == {"float32"}


def test_number_as_time_is_no_feature(raw: pd.DataFrame) -> None:
    by_year = TableParameters(
        target="missed", task="binary", positive="yes", time="year",
        columns={"year": "number", "age": "number"},
    )  # fmt: skip
    table, _, _ = prepare_table(raw.assign(year=["2019", "2020", "2021", "2022", "2023"]), by_year)
    assert table["year"].tolist() == [2019, 2020, 2021, 2022, 2023]
    assert [*build_features(table, by_year)] == ["missed", "age"]


def test_a_part_of_a_date_takes_no_other_column_s_name(raw: pd.DataFrame) -> None:
    columns = {"born": "date", "born_year": "number"}
    parameters = TableParameters(target="missed", task="binary", positive="yes", columns=columns)
    table, _, _ = prepare_table(raw.assign(born_year="5"), parameters)
    features = build_features(table, parameters)
    assert features["born_year_"].tolist() == [1990, 1991, 1990, 1990, 1990]
    assert features["born_year"].tolist() == [5] * 5


def test_coming_rows_get_the_same_columns(
    raw: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    table, _, _ = prepare_table(raw, PARAMETERS)
    coming = pd.DataFrame(
        {
            "age": [None, "300"],
            "day": ["2024-05-01", None],
            "born": ["1990-01-11", "1980-01-01"],
            "insured": ["no", None],
            "town": ["Rome", None],
        },
        dtype="str",
    )
    features = build_coming_features(coming, table, PARAMETERS)
    expected = build_features(table, PARAMETERS).drop(columns="missed")
    assert features.dtypes.astype(str).to_dict() == expected.dtypes.astype(str).to_dict()
    assert features["born_days"].tolist() == [10, -3653]
    assert features["town"].tolist()[0] == "Rome"
    assert "town: 1 of 1 values do not occur in the table" in caplog.text
    for wrong, message in (
        (coming.drop(columns=["day", "insured"]), "no column 'day', 'insured'"),
        (coming.assign(age=["1,5", "2,5"]), "None of the 2 values of age can be read as a number"),
        (coming[:0], "no rows to score"),
    ):
        with pytest.raises(CrossfoldError, match=message):
            build_coming_features(wrong, table, PARAMETERS)
    assert build_coming_features(coming.assign(age="NA"), table, PARAMETERS)["age"].isna().all()


def test_scored_again_a_table_gives_its_own_features(raw: pd.DataFrame) -> None:
    table, _, _ = prepare_table(raw, PARAMETERS)
    features = build_features(table, PARAMETERS).drop(columns="missed")
    pd.testing.assert_frame_equal(build_coming_features(raw[:3], table, PARAMETERS), features)


def test_numbers_too_large_for_single_precision_are_missing(raw, caplog) -> None:
    only_age = {"columns": {"age": "number"}, "time": None}
    parameters = PARAMETERS.model_copy(update=only_age)
    table, _, _ = prepare_table(raw.assign(age=["1e300", "1", "2", "3", "4"]), parameters)
    for made in (table, build_features(table, parameters)):
        assert made["age"].isna().tolist() == [True, False, False, False]
    assert "age: 1 values cannot be read as a number" in caplog.text


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"positive": None}, "a binary task needs `positive`"),
        ({"negative": PARAMETERS.positive}, "`positive` and `negative` are both"),
        ({"task": "regression"}, "`positive` names the event of a binary task"),
        ({"columns": {"missed": "number"}}, "cannot be inputs"),
        ({"columns": {"patient": "category"}}, "cannot be inputs"),
        ({"columns": {"name": "category"}}, "cannot be inputs"),
        ({"columns": {"age": "text"}}, "'number', 'flag', 'category' or 'date'"),
        ({"group": "missed"}, "cannot be the target and the group"),
        ({"folds": 5}, "Extra inputs are not permitted"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(
    change: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ValidationError, match=sentence):
        TableParameters.model_validate({**PARAMETERS.model_dump(), **change})
