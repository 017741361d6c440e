"""The guard finds each kind of leak, and passes folds without any."""

import numpy as np
import pandas as pd
import pytest

from crossfold.validation.leak_guard import (
    NOT_SYNTHETIC,
    LeakError,
    equal_rows,
    find_leaks,
    refuse_leaks,
)
from crossfold.validation.splits import leave_one_out

FOLD = np.array([0, 0, 1, 1], dtype=np.int8)


def test_sound_folds_pass_every_check() -> None:
    checks = find_leaks(
        FOLD,
        groups=["a", "a", "b", "b"],
        identity=pd.DataFrame({"x": [1, 1, 2, 3]}),
        synthetic=np.full(4, NOT_SYNTHETIC),
    )
    assert refuse_leaks(checks) is checks
    assert len(checks) == 3
    assert (checks["crossing"] == 0).all()
    assert (checks["rows_checked"] == 4).all()


@pytest.mark.parametrize("groups", [["a", "b", "b", "c"], [5, 1, 1, 3]])
def test_a_group_in_two_folds_stops_the_run(groups) -> None:
    with pytest.raises(LeakError, match="1 groups in two folds"):
        refuse_leaks(find_leaks(FOLD, groups=groups))


def test_duplicate_rows_in_two_folds_stop_the_run() -> None:
    identity = pd.DataFrame({"x": [1.0, np.nan, np.nan, 2.0], "c": ["u", "v", "v", "u"]})
    with pytest.raises(LeakError, match="1 exact duplicate rows"):
        refuse_leaks(find_leaks(FOLD, identity=identity))


def test_rows_that_differ_in_one_column_are_no_duplicates() -> None:
    refuse_leaks(
        find_leaks(FOLD, identity=pd.DataFrame({"x": [1, 2, 2, 1], "c": ["u", "v", "w", "z"]}))
    )


@pytest.mark.parametrize(
    ("fold", "made_from"),
    [([-1, 0, 0], [NOT_SYNTHETIC, 0, NOT_SYNTHETIC]), ([-1, 0, -1], [NOT_SYNTHETIC] * 2 + [1])],
    ids=["a synthetic row is validated", "made from a validation row"],
)
def test_synthetic_rows_in_or_from_validation_rows_stop_the_run(fold, made_from) -> None:
    with pytest.raises(LeakError, match="1 synthetic rows"):
        refuse_leaks(find_leaks(np.array(fold, dtype=np.int8), synthetic=np.array(made_from)))


def test_more_folds_than_a_byte_counts_are_checked_as_pairs() -> None:
    folds = leave_one_out(200)
    assert find_leaks(folds, groups=np.arange(200))["rows_checked"].tolist() == [200]
    with pytest.raises(LeakError, match="1 groups in two folds"):
        refuse_leaks(find_leaks(folds, groups=[*range(199), 0]))


def test_a_group_may_change_sides_between_repeats() -> None:
    rows = np.arange(4)
    repeats = [(rows[:2], rows[2:]), (rows[2:], rows[:2])]
    assert find_leaks(repeats, groups=[0, 0, 1, 1])["crossing"].tolist() == [0]
    assert find_leaks(repeats, groups=[0, 1, 0, 2])["crossing"].tolist() == [1]


def test_leaks_are_counted_without_stopping() -> None:
    found = find_leaks(FOLD, groups=[0, 1, 1, 1])
    assert (found["crossing"].tolist(), found["verdict"].tolist()) == ([1], ["leaks"])


def test_every_parent_of_a_synthetic_row_counts() -> None:
    train, validation = np.array([0, 1, 3, 4]), np.array([2])
    none = [NOT_SYNTHETIC, NOT_SYNTHETIC]
    parents = np.array([none, none, none, [0, 1], [0, 2]])
    assert find_leaks([(train, validation)], synthetic=parents)["crossing"].tolist() == [1]


def test_equal_rows_are_those_that_pandas_groups() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "number": rng.choice([0.0, -0.0, 1.5, np.nan], 400),
            "level": pd.Categorical(rng.choice(["x", "y", None], 400)),
            "text": pd.Series(rng.choice(["u", "v"], 400)).where(rng.random(400) > 0.1),
            "day": pd.Timestamp("2020") + pd.to_timedelta(rng.integers(0, 9, 400), "D"),
            "whole": pd.array(rng.choice([1, 2, None], 400), dtype="Int64"),
        }
    )
    grouped = table.groupby(list(table.columns), dropna=False, observed=True).ngroup()
    np.testing.assert_array_equal(equal_rows(table), pd.factorize(grouped)[0])
    assert equal_rows(table).max() < 399
