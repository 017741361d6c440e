"""Thresholds, capacity and net benefit, by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as reference

from crossfold.exceptions import CrossfoldError
from crossfold.validation.intervals import GroupBootstrap
from crossfold.validation.thresholds import (
    capacity_table,
    choose_threshold,
    decision_curve,
    threshold_table,
)

ONCE = GroupBootstrap.each_once


@pytest.fixture
def scored() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    p = np.round(rng.random(500), 2)
    return (rng.random(500) < p).astype(int), p


def test_threshold_table_equals_scikit_learn(scored) -> None:
    y, p = scored
    table = threshold_table(y, p)
    assert len(table) == 101
    for row in table.iloc[::10].itertuples():
        flagged = p >= row.threshold
        assert row.recall == pytest.approx(reference.recall_score(y, flagged))
        assert row.f1 == pytest.approx(reference.f1_score(y, flagged))
        assert row.flagged_share == pytest.approx(flagged.mean())
        false_positive_rate = (flagged & (y == 0)).sum() / (y == 0).sum()
        assert row.false_positive_rate == pytest.approx(false_positive_rate)
        if flagged.any():
            assert row.precision == pytest.approx(reference.precision_score(y, flagged))


def test_capacity_by_hand() -> None:
    table = capacity_table([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], [0.25, 0.5, 1.0], ONCE(4))
    assert table["n_called"].tolist() == [1, 2, 4]
    np.testing.assert_allclose(table["precision"], [1, 0.5, 0.5])
    np.testing.assert_allclose(table["recall"], [0.5, 0.5, 1])
    np.testing.assert_allclose(table["lift"], [2, 1, 1])


def test_capacity_counts_whole_rows() -> None:
    y, p = [1, 1, 0, 0, 0, 0, 0, 0], np.linspace(0.8, 0.1, 8)
    table = capacity_table(y, p, [0.01, 0.15, 0.2], ONCE(8))
    assert table["n_called"].tolist() == [1, 1, 2]
    np.testing.assert_allclose(table["precision"], [1, 1, 1])
    np.testing.assert_allclose(table["recall"], [0.5, 0.5, 1])


def test_rows_that_tie_are_called_in_random_order() -> None:
    # One certain row first; the next two calls fall on four tied rows, two of them hits.
    y, p = [1, 1, 1, 0, 0, 0], [0.5, 0.5, 0.9, 0.5, 0.5, 0.1]
    table = capacity_table(y, p, [0.5], ONCE(6))
    np.testing.assert_allclose(table["precision"], (1 + 2 * 2 / 4) / 3)
    np.testing.assert_allclose(table["recall"], (1 + 2 * 2 / 4) / 3)


def test_capacity_intervals_are_those_of_resampled_tables() -> None:
    rng = np.random.default_rng(0)
    y, p = (rng.random(60) < 0.4).astype(int), rng.permutation(60) / 60
    bootstrap = GroupBootstrap(np.arange(60), 100, seed=0)
    (row,) = capacity_table(y, p, [0.5], bootstrap).itertuples()
    repeats = bootstrap.drawn[:, bootstrap.codes]
    tables = [capacity_table(y.repeat(w), p.repeat(w), [0.5], ONCE(60)) for w in repeats]
    recalls = [table["recall"][0] for table in tables]
    np.testing.assert_allclose(
        [row.recall_low, row.recall_high], np.percentile(recalls, [2.5, 97.5])
    )


def test_capacity_intervals_hold_the_estimate(scored) -> None:
    y, p = scored
    table = capacity_table(y, p, [0.1, 0.3], GroupBootstrap(np.arange(500), 200, seed=0))
    for name in ("precision", "recall"):
        assert (table[f"{name}_low"] < table[name]).all()
        assert (table[name] < table[f"{name}_high"]).all()


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_capacity_policy_flags_about_that_share(scored, share: float) -> None:
    y, p = scored
    flagged = p >= choose_threshold(y, p, "capacity", share=share)
    assert flagged.mean() == pytest.approx(share, abs=0.02)


def test_f1_policy_finds_the_largest_f1(scored) -> None:
    y, p = scored
    chosen = reference.f1_score(y, p >= choose_threshold(y, p, "f1"))
    assert chosen == pytest.approx(max(reference.f1_score(y, p >= t) for t in np.unique(p)))


def test_cost_and_fixed_policies() -> None:
    assert choose_threshold([0], [0.5], "cost", cost_ratio=0.2) == 0.2
    assert choose_threshold([0], [0.5], "fixed", value=0.4) == 0.4


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(CrossfoldError, match="choose capacity, cost, f1 or fixed"):
        choose_threshold([0], [0.5], "youden")


def test_decision_curve_by_hand() -> None:
    table = decision_curve([1, 0, 1, 0], [0.9, 0.8, 0.3, 0.1], ONCE(4))
    wide = table.pivot_table("estimate", "threshold", "policy")
    row = wide.iloc[49]  # from 0.01 on
    # One hit and one false alarm of four, odds 1: net benefit 0; calling all: 0.5 - 0.5.
    np.testing.assert_allclose(row[["model", "all", "none"]], 0, atol=1e-12)
    row = wide.iloc[19]
    assert row["model"] == pytest.approx(0.5 - 0.25 * 0.25)
    assert row["all"] == pytest.approx(0.5 - 0.5 * 0.25)


def test_interval_of_a_net_benefit_is_that_of_its_resamples(scored) -> None:
    y, p = scored
    bootstrap = GroupBootstrap(np.arange(len(y)) // 3, 50, 0)
    row = decision_curve(y, p, bootstrap).iloc[28]
    resampled = [
        decision_curve(y.repeat(times), p.repeat(times), ONCE(times.sum()))["estimate"][28]
        for times in (drawn[bootstrap.codes] for drawn in bootstrap.drawn)
    ]
    assert (row["low"], row["high"]) == pytest.approx(
        tuple(np.percentile(resampled, [2.5, 97.5])), abs=1e-6
    )
