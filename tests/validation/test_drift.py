"""The population stability index against values worked by hand, and what must always hold."""

from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossfold.validation.drift import (
    count_bins,
    feature_drift,
    index_by_chance,
    label_rates,
    population_stability_index,
    rate_changes,
    verdict,
)

SHARES = st.lists(st.floats(0, 1), min_size=2, max_size=12).filter(lambda x: sum(x) > 0)


def index_of(before: pd.Series, now: pd.Series) -> float:
    p, q = count_bins(before, now)
    return population_stability_index(p / p.sum(), q / q.sum())


def test_by_hand() -> None:
    # (0.25 - 0.5) ln(0.25 / 0.5) + (0.75 - 0.5) ln(0.75 / 0.5) = 0.17329 + 0.10137
    assert population_stability_index([0.5, 0.5], [0.25, 0.75]) == pytest.approx(0.27465, abs=1e-5)
    # (0.3 - 0.2) ln 1.5 + 0 + (0.4 - 0.5) ln 0.8 = 0.04055 + 0.02231
    found = population_stability_index([0.2, 0.3, 0.5], [0.3, 0.3, 0.4])
    assert found == pytest.approx(0.06286, abs=1e-5)


def test_an_empty_bin_counts_as_a_ten_thousandth() -> None:
    expected = (0.5 - 1) * np.log(0.5) + (0.5 - 0.0001) * np.log(0.5 / 0.0001)
    assert population_stability_index([1, 0], [0.5, 0.5]) == pytest.approx(expected)


@settings(deadline=None, max_examples=50)
@given(SHARES, st.randoms(use_true_random=False))
def test_identical_shares_give_zero_and_a_swap_changes_nothing(
    shares: list[float], random: Random
) -> None:
    p = np.array(shares) / sum(shares)
    q = p.copy()
    assert population_stability_index(p, q) == 0
    random.shuffle(q)
    there, back = population_stability_index(p, q), population_stability_index(q, p)
    assert there == pytest.approx(back)
    assert there >= 0


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_a_farther_shift_gives_a_larger_index(seed: int) -> None:
    before = pd.Series(np.random.default_rng(seed).normal(size=2000))
    found = [index_of(before, before + shift) for shift in (0, 0.3, 0.8, 2)]
    assert found[0] == 0
    assert found == sorted(found)
    assert found[-1] > 1


def test_ten_bins_hold_a_tenth_each_of_the_data_before() -> None:
    before = pd.Series(np.random.default_rng(0).permutation(1000))
    p, q = count_bins(before, before[before < 500])
    assert sorted(p) == [0, *[100] * 10]
    assert sorted(zip(p, q, strict=True)) == [(0, 0), *[(100, 0)] * 5, *[(100, 100)] * 5]


def test_numbers_beyond_all_before_fall_into_the_outer_bins() -> None:
    before = pd.Series(np.arange(100.0))
    _, q = count_bins(before, pd.Series([-1e9, 1e9, np.inf]))
    assert sorted(q) == [*[0] * 9, 1, 2]


def test_columns_of_mostly_zeros_have_fewer_bins() -> None:
    before = pd.Series([0] * 850 + list(range(1, 151)))
    p, _ = count_bins(before, before)
    assert sorted(p) == [0, 50, 100, 850]


def test_a_category_appears_and_another_vanishes() -> None:
    before = pd.Series(["a", "b"] * 50, dtype="category")
    now = pd.Series(["a", "c"] * 50, dtype="category")
    p, q = count_bins(before, now)
    assert sorted(zip(p, q, strict=True)) == [(0, 0), (0, 50), (50, 0), (50, 50)]
    assert index_of(before, now) == pytest.approx(2 * (0.5 - 0.0001) * np.log(5000))


def test_a_constant_column_is_stable_until_its_value_changes() -> None:
    constant = pd.Series([5] * 40)
    assert index_of(constant, constant) == 0
    assert index_of(constant, pd.Series([3] * 40)) > 10
    assert index_of(constant, pd.Series([7] * 40)) > 10


def test_missing_values_are_a_bin() -> None:
    before = pd.Series([1.0, 2.0] * 50)
    now = before.mask(before.index < 20)
    p, q = count_bins(before, now)
    assert p.tolist() == [50, 50, 0]
    assert q.tolist() == [40, 40, 20]
    empty = pd.Series([np.nan] * 100)
    assert index_of(before, empty) > 0.25
    assert index_of(empty, empty) == 0


def test_flags_and_few_numbers_are_bins_as_they_are() -> None:
    flags = pd.Series([True, False, False, False])
    assert index_of(flags, ~flags) == pytest.approx(2 * 0.5 * np.log(3))
    few = pd.Series([0, 1, 2, 2], dtype="int8")
    assert index_of(few, few.astype("float32")) == 0


def test_draws_from_one_population_stay_below_what_chance_gives() -> None:
    rng = np.random.default_rng(0)
    shares = [0.4, 0.3, 0.2, 0.1]
    below = 0
    for _ in range(400):
        p, q = rng.multinomial(800, shares), rng.multinomial(500, shares)
        below += population_stability_index(p / 800, q / 500) < index_by_chance(p, q)
    assert 0.92 < below / 400 < 0.98


def test_verdicts() -> None:
    found = [verdict(index, 0.02) for index in (0.0, 0.0999, 0.1, 0.2499, 0.25)]
    assert found == ["stable", "stable", "shifted", "shifted", "shifted far"]
    assert verdict(0.3, by_chance=0.4) == "too few rows to tell"


def test_the_most_shifted_feature_comes_first_and_lost_columns_last() -> None:
    rng = np.random.default_rng(0)
    age = rng.normal(40, 10, 900)
    before = pd.DataFrame({"same": age, "older": age, "gone": age, "sex": ["f", "m", "m"] * 300})
    now = before.assign(older=age + 20, new=1).drop(columns="gone")
    table = feature_drift(before, now).set_index("name")
    assert list(table.index) == ["older", "same", "sex", "gone", "new"]
    assert list(table["verdict"]) == ["shifted far", "stable", "stable", "gone", "new"]
    assert table.loc["older", "now"] - table.loc["older", "before"] == pytest.approx(20)
    assert np.isnan(table.loc["sex", "before"])


def test_rates_of_flags_and_of_classes() -> None:
    flags = label_rates(pd.Series([True] * 3 + [False] * 7))
    assert list(flags.index) == ["True"]
    # Wilson's interval of 3 in 10, worked by hand.
    assert flags.loc["True"].tolist() == pytest.approx([0.3, 0.1078, 0.6032], abs=1e-4)
    assert label_rates(pd.Series([False] * 5)).loc["True", "rate"] == 0
    classes = label_rates(pd.Series([3, 5, 5, np.nan]))
    assert classes["rate"].tolist() == pytest.approx([1 / 3, 2 / 3])


def test_changed_rates_have_newcombes_interval() -> None:
    # Newcombe (1998), table II (a): 56 of 70 against 48 of 80, method 10.
    now = label_rates(pd.Series([True] * 56 + [False] * 14))
    before = label_rates(pd.Series([True] * 48 + [False] * 32))
    row = rate_changes(now, before).iloc[0]
    assert row[["estimate", "low", "high"]].tolist() == pytest.approx(
        [0.2, 0.0524, 0.3339], abs=1e-4
    )
