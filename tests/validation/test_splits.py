"""Folds keep groups together, whatever the groups are called."""

import datetime

import numpy as np
import pandas as pd
import pytest

from crossfold.validation.splits import (
    SplitError,
    assign_folds,
    assign_parts,
    fold_rows,
    last_part,
    leave_one_out,
    time_split,
)


@pytest.fixture
def grouped() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return (rng.random(600) < 0.3).astype(int), rng.integers(0, 200, 600)


def test_every_group_is_in_one_fold_and_classes_are_balanced(grouped) -> None:
    y, groups = grouped
    fold = assign_folds(y, groups, n_splits=5, seed=1)
    assert pd.Series(fold).groupby(groups).nunique().max() == 1
    rates = pd.Series(y).groupby(fold).mean()
    assert set(rates.index) == set(range(5))
    assert rates.max() - rates.min() < 0.06


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("n_rows", "n_groups", "n_classes", "n_splits"),
    [(200, 50, 2, 3), (1000, 300, 3, 5), (2000, 1500, 2, 5), (300, 40, 5, 4)],
)
def test_groups_are_assigned_as_scikit_learn_does(
    n_rows, n_groups, n_classes, n_splits, seed
) -> None:
    from sklearn.model_selection import StratifiedGroupKFold

    rng = np.random.default_rng(seed)
    y, groups = rng.integers(0, n_classes, n_rows), rng.integers(0, n_groups, n_rows)
    fold = assign_folds(y, groups, n_splits=n_splits, seed=seed)
    codes = pd.factorize(groups)[0]
    splitter = StratifiedGroupKFold(n_splits, shuffle=True, random_state=seed)
    for number, (_, validation) in enumerate(splitter.split(y, y, codes)):
        np.testing.assert_array_equal(np.flatnonzero(fold == number), validation)


def test_folds_depend_on_membership_not_on_names(grouped) -> None:
    y, groups = grouped
    renamed = np.array([f"patient {hash_}" for hash_ in (groups * 7919) % 1009])
    original = assign_folds(y, groups, n_splits=5, seed=1)
    np.testing.assert_array_equal(assign_folds(y, renamed, n_splits=5, seed=1), original)
    assert (assign_folds(y, groups, n_splits=5, seed=2) != original).any()


def test_without_groups_folds_are_stratified() -> None:
    y = np.repeat([0, 1], [90, 10])
    fold = assign_folds(y, n_splits=5, seed=0)
    assert np.bincount(fold[y == 1]).tolist() == [2] * 5


def test_too_few_rows_of_a_class_are_refused() -> None:
    with pytest.raises(SplitError, match="the rarest has 2"):
        assign_folds([0] * 9 + [1] * 2, n_splits=5, seed=0)


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(SplitError, match="the rarest has 0"):
        assign_folds([], n_splits=5, seed=0)


def test_too_few_groups_are_refused() -> None:
    with pytest.raises(SplitError, match="fewer groups"):
        assign_folds([0, 1] * 5, [0, 1] * 5, n_splits=3, seed=0)


def test_one_class_alone_is_refused() -> None:
    with pytest.raises(SplitError, match="All 10 rows are of one class"):
        assign_folds([1] * 10, n_splits=3, seed=0)


def test_parts_keep_groups_together_and_are_even(grouped) -> None:
    _, groups = grouped
    part = assign_parts(groups, n_parts=10, seed=0)
    assert pd.Series(part).groupby(groups).nunique().max() == 1
    assert np.bincount(part).min() > 40


def test_more_parts_than_groups_are_refused() -> None:
    with pytest.raises(SplitError, match="into 3 parts by group, and there are 2 groups"):
        assign_parts([0, 0, 1], n_parts=3, seed=0)


def test_time_split_by_hand() -> None:
    dates = pd.Series(pd.to_datetime(["2016-05-31", "2016-06-01", "2016-06-02"]))
    assert time_split(dates, datetime.date(2016, 6, 1)).tolist() == [-1, 0, 0]


def test_last_part_is_about_the_last_fifth() -> None:
    days = pd.Series(pd.date_range("2030-01-01 08:00", periods=10)).sample(frac=1, random_state=0)
    assert last_part(days, 0.2) == datetime.date(2030, 1, 9)
    late = pd.Series(pd.to_datetime(["2030-01-01"] * 9 + ["2030-01-02"]))
    assert last_part(late, 0.2) == datetime.date(2030, 1, 2)
    assert last_part(late[:9], 0.2) is None


def test_a_time_split_outside_the_dates_is_refused() -> None:
    dates = pd.Series(pd.to_datetime(["2016-05-31"]))
    with pytest.raises(SplitError, match="2016-05-31"):
        time_split(dates, datetime.date(2016, 6, 1))


def test_fold_rows_never_validate_training_only_rows() -> None:
    ((train, validation),) = fold_rows(np.array([-1, 0, -1, 0], dtype=np.int8))
    assert (train.tolist(), validation.tolist()) == ([0, 2], [1, 3])


def test_leave_one_out() -> None:
    folds = leave_one_out(3)
    assert [(t.tolist(), v.tolist()) for t, v in folds] == [
        ([1, 2], [0]),
        ([0, 2], [1]),
        ([0, 1], [2]),
    ]
