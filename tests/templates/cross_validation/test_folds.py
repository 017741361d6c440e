"""Folds keep groups and copies together, follow time, and name nobody."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from pydantic import ValidationError

from crossfold.templates.cross_validation.folds import (
    ALL_ROWS,
    GROUPED,
    K_FOLD,
    LEAVE_ONE_OUT,
    ORIGINAL_SPLIT,
    TIME_SPLIT,
    assign_rows_to_folds,
    group_of_row,
    guard_against_leaks,
    read_folds,
)
from crossfold.templates.cross_validation.parameters import FoldParameters
from crossfold.templates.parameters import TableParameters, Task
from crossfold.validation.leak_guard import LeakError
from crossfold.validation.schemas import FOLDS
from crossfold.validation.splits import SplitError
from crossfold.validation.tables import TRAIN

ALONE = TableParameters(target="y")


def test_folds_fit_their_schema_and_validate_every_row_once(study) -> None:
    FOLDS.validate(study.folds)
    validated = np.concatenate([fold.validation_rows for fold in read_folds(study.folds)])
    assert sorted(validated) == list(range(len(study.table)))
    assert set(study.folds["protocol"]) == {GROUPED, TIME_SPLIT, ALL_ROWS}


def test_folds_do_not_depend_on_how_patients_are_hashed(binary) -> None:
    rehashed = binary.table.assign(patient=binary.table["patient"].map(lambda name: name[::-1]))
    again = assign_rows_to_folds(rehashed, binary.features, binary.fold_parameters, binary.roles, 0)
    assert_frame_equal(again, binary.folds)


def test_the_fold_table_holds_no_patient(binary) -> None:
    text = binary.folds.select_dtypes(["category", "str", "object"])
    assert not set(text.to_numpy().ravel()) & set(binary.table["patient"])


def test_the_time_split_follows_the_dates(binary) -> None:
    (fold,) = read_folds(binary.folds, TIME_SPLIT)
    late = (binary.table["day"] >= "2016-06-01").to_numpy()
    assert fold.validation_rows.tolist() == np.flatnonzero(late).tolist()


@pytest.mark.parametrize("day", [None, "2030-01-01", "2016-05-01"])
def test_a_day_that_no_date_reaches_is_chosen_from_the_data(binary, day) -> None:
    parameters = FoldParameters(n_splits=3, parts=4, first_test_day=day)
    folds = assign_rows_to_folds(binary.table, binary.features, parameters, binary.roles, 0)
    (fold,) = read_folds(folds, TIME_SPLIT)
    assert 0.15 < len(fold.validation_rows) / len(binary.table) < 0.25
    days = binary.table["day"]
    assert days.iloc[fold.train_rows].max() < days.iloc[fold.validation_rows].min()
    years = binary.table.assign(day=2015.0 + np.arange(len(binary.table)) % 5)
    folds = assign_rows_to_folds(years, binary.features, parameters, binary.roles, 0)
    (fold,) = read_folds(folds, TIME_SPLIT)
    assert set(years["day"].iloc[fold.validation_rows]) == {2019}
    one_day = binary.table.assign(day=binary.table["day"].min())
    folds = assign_rows_to_folds(one_day, binary.features, parameters, binary.roles, 0)
    assert not read_folds(folds, TIME_SPLIT)


@pytest.mark.parametrize("seed", range(5))
def test_few_groups_leave_some_of_every_part_to_every_training_fold(seed: int) -> None:
    y = np.random.default_rng(seed).random(240) < 0.4
    table = pd.DataFrame({"who": np.arange(240) % 12, "y": y})
    roles = TableParameters(target="y", group="who")
    folds = assign_rows_to_folds(table, table, FoldParameters(n_splits=3, parts=5), roles, seed)
    for fold in read_folds(folds, GROUPED):
        assert all(len(left_out) for _, left_out in map(fold.inner, range(5)))


def test_training_folds_of_too_few_groups_for_parts_are_told_before_anything_is_trained() -> None:
    table = pd.DataFrame({"who": np.arange(60) % 6, "y": np.arange(60) % 5 == 0})
    roles = TableParameters(target="y", group="who")
    with pytest.raises(SplitError, match="too few groups to leave out each of 6 parts"):
        assign_rows_to_folds(table, table, FoldParameters(n_splits=3, parts=6), roles, 0)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_training_fold_of_one_class_is_told_before_anything_is_trained(task: Task) -> None:
    table = pd.DataFrame({"who": np.arange(60) % 6, "y": np.where(np.arange(60) % 6, 0, 1)})
    roles = TableParameters(target="y", group="who", task=task)
    with pytest.raises(SplitError, match="in a fold of grouped_k_fold are all of one class"):
        assign_rows_to_folds(table, table, FoldParameters(n_splits=3), roles, 0)


@pytest.mark.parametrize("name", ["target", "group", "time"])
def test_a_column_that_is_not_there_is_told(binary, name) -> None:
    roles = binary.roles.model_copy(update={name: "ward"})
    with pytest.raises(SplitError, match="The table has no column ward: correct"):
        assign_rows_to_folds(binary.table, binary.features, binary.fold_parameters, roles, 0)


def test_one_part_would_leave_nothing_to_learn_from() -> None:
    with pytest.raises(ValidationError, match="0 or at least 2"):
        FoldParameters(parts=1)


def test_parts_keep_groups_together_and_cover_the_training_rows(study) -> None:
    group = group_of_row(study.folds)
    for fold in read_folds(study.folds):
        left_out = [fold.inner(member)[1] for member in range(4)]
        assert sorted(np.concatenate(left_out)) == fold.train_rows.tolist()
        for member in range(4):
            train, out = fold.inner(member)
            assert not set(group[train]) & set(group[out])
            assert not set(group[train]) & set(group[fold.validation_rows])


def test_without_parts_members_are_followed_on_the_validation_rows(binary) -> None:
    parameters = FoldParameters(n_splits=3, parts=0)
    folds = assign_rows_to_folds(binary.table, binary.features, parameters, binary.roles, 0)
    fold = read_folds(folds)[0]
    train, followed = fold.inner(0)
    assert train is fold.train_rows
    assert followed is fold.validation_rows


@pytest.mark.parametrize("times", [2, 3])
def test_copies_stay_together_where_there_is_no_group(binary, times: int) -> None:
    table = binary.features.assign(x=np.arange(600) / 7)
    table = pd.concat([table.iloc[::2]] * times, ignore_index=True)
    folds = assign_rows_to_folds(table, table, FoldParameters(n_splits=3, parts=0), ALONE, 0)
    group = group_of_row(folds)
    assert (group[:300] == group[300:600]).all()
    assert (guard_against_leaks(table, folds, ALONE)["crossing"] == 0).all()


def test_rows_of_a_coarse_table_are_not_taken_for_copies() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"y": rng.random(200) < 0.5, "level": rng.choice(["u", "v"], 200)})
    folds = assign_rows_to_folds(table, table, FoldParameters(n_splits=3, parts=0), ALONE, 0)
    assert K_FOLD in set(folds["protocol"])
    assert group_of_row(folds).tolist() == list(range(200))
    assert list(guard_against_leaks(table, folds, ALONE)["verdict"]) == ["none found"]


def test_sound_folds_pass_the_guard(study) -> None:
    checks = guard_against_leaks(study.table, study.folds, study.roles)
    assert (checks["crossing"] == 0).all()


def test_the_guard_stops_folds_that_split_a_patient(binary) -> None:
    mixed = binary.folds.copy()
    row = mixed[(mixed["protocol"] == GROUPED) & (mixed["fold"] == 0)]
    patients = binary.table["patient"].value_counts()
    several = binary.table.index[binary.table["patient"] == patients.index[0]][0]
    at = row.index[(row["row"] == several)][0]
    mixed.loc[at, "role"] = "validation" if mixed.loc[at, "role"] == TRAIN else TRAIN
    with pytest.raises(LeakError, match="1 groups in two folds"):
        guard_against_leaks(binary.table, mixed, binary.roles)


def test_the_guard_stops_duplicates_that_only_an_identifier_tells_apart(binary) -> None:
    first, second = (fold.validation_rows[0] for fold in read_folds(binary.folds)[:2])
    twice = binary.table.copy()
    twice.loc[second, ["patient", "day"]] = twice.loc[first, ["patient", "day"]]
    with pytest.raises(LeakError, match="1 exact duplicate rows"):
        guard_against_leaks(twice, binary.folds, binary.roles)


EVERY_PROTOCOL = FoldParameters(
    n_splits=3, n_repeats=2, leave_one_out=True, split_column="origin", parts=0
)


@pytest.fixture(scope="module")
def sourced(binary) -> pd.DataFrame:
    first = binary.table["patient"].isin(binary.table["patient"].unique()[:120])
    return binary.table.assign(origin=np.where(first, "train", "later"))


@pytest.fixture(scope="module")
def every_protocol(binary, sourced) -> pd.DataFrame:
    return assign_rows_to_folds(sourced, binary.features, EVERY_PROTOCOL, binary.roles, 0)


def test_repeats_are_other_folds_of_the_same_rows(binary, every_protocol) -> None:
    folds = read_folds(every_protocol, GROUPED)
    assert [fold.fold for fold in folds] == list(range(6))
    for repeat in (folds[:3], folds[3:]):
        validated = np.concatenate([fold.validation_rows for fold in repeat])
        assert sorted(validated) == list(range(len(binary.table)))
    assert folds[0].validation_rows.tolist() != folds[3].validation_rows.tolist()
    again = read_folds(binary.folds, GROUPED)
    assert [fold.validation_rows.tolist() for fold in folds[:3]] == [
        fold.validation_rows.tolist() for fold in again
    ]


def test_every_group_is_left_out_in_turn(binary, every_protocol) -> None:
    folds = read_folds(every_protocol, LEAVE_ONE_OUT)
    patient = binary.table["patient"].to_numpy()
    assert len(folds) == len(set(patient)) > 127
    for fold in folds:
        (left_out,) = set(patient[fold.validation_rows])
        assert left_out not in patient[fold.train_rows]
        assert len(fold.train_rows) + len(fold.validation_rows) == len(patient)


def test_the_source_s_own_split_is_followed(sourced, every_protocol) -> None:
    (fold,) = read_folds(every_protocol, ORIGINAL_SPLIT)
    assert set(sourced["origin"].iloc[fold.train_rows]) == {"train"}
    assert set(sourced["origin"].iloc[fold.validation_rows]) == {"later"}


def test_the_guard_checks_every_protocol(binary, sourced, every_protocol) -> None:
    checks = guard_against_leaks(sourced, every_protocol, binary.roles)
    protocols = checks["check"].str.partition(": ")[0].unique().tolist()
    assert protocols == [GROUPED, LEAVE_ONE_OUT, ORIGINAL_SPLIT]
    split_apart = sourced.assign(origin=np.where(sourced.index % 2, "train", "later"))
    leaky = assign_rows_to_folds(split_apart, binary.features, EVERY_PROTOCOL, binary.roles, 0)
    with pytest.raises(LeakError):
        guard_against_leaks(split_apart, leaky, binary.roles)
