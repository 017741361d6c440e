"""Comparisons of models, by hand and against SciPy."""

import numpy as np
import pytest
from scipy import stats

from crossfold.validation.comparison import (
    corrected_resampled_t_test,
    equivalence_test,
    mcnemar_test,
    verdict,
)
from crossfold.validation.intervals import t_interval

A, B = [0.80, 0.82, 0.81, 0.83, 0.79], [0.78, 0.81, 0.80, 0.80, 0.78]


def test_corrected_resampled_t_test_by_hand() -> None:
    result = corrected_resampled_t_test(A, B, test_share=0.2)
    # Differences .02 .01 .01 .03 .01: mean .016, variance 8e-5; factor 1/5 + 0.2/0.8 = 0.45.
    statistic = 0.016 / np.sqrt(0.45 * 8e-5)
    assert result.difference == pytest.approx(0.016)
    assert result.p_value == pytest.approx(2 * stats.t.sf(statistic, 4))
    half = 2.776445 * np.sqrt(0.45 * 8e-5)  # 97.5 % of t with 4 degrees of freedom
    np.testing.assert_allclose([result.low, result.high], [0.016 - half, 0.016 + half], rtol=1e-5)


def test_the_correction_widens_the_plain_paired_t_test() -> None:
    plain = stats.ttest_rel(A, B).pvalue
    assert corrected_resampled_t_test(A, B, test_share=0.2).p_value > plain


def test_equal_scores_are_not_told_apart() -> None:
    assert corrected_resampled_t_test(A, A, test_share=0.2).p_value == 1


def test_equivalence_needs_a_difference_inside_the_margin() -> None:
    noisy = np.asarray(A) + np.array([1e-3, -1e-3, 5e-4, 0, -5e-4])
    assert equivalence_test(A, noisy, margin=0.005, test_share=0.2).p_value < 0.05
    assert equivalence_test(A, B, margin=0.005, test_share=0.2).p_value > 0.5
    assert equivalence_test(B, A, margin=0.005, test_share=0.2).p_value > 0.5
    assert equivalence_test(A, A, margin=0.005, test_share=0.2).p_value == 0


def test_equivalence_interval_lies_within_the_margin_when_equivalent() -> None:
    noisy = np.asarray(A) + np.array([1e-3, -1e-3, 5e-4, 0, -5e-4])
    result = equivalence_test(A, noisy, margin=0.005, test_share=0.2)
    assert -0.005 < result.low < result.high < 0.005


def test_exact_mcnemar_by_hand() -> None:
    y = np.ones(10, dtype=bool)
    a, b = np.arange(10) < 8, (np.arange(10) < 3) | (np.arange(10) == 9)
    result = mcnemar_test(y, a, b)
    # A alone is right on 5 rows, B alone on 1: two-sided binomial of 5 in 6.
    assert result.n == 6
    assert result.p_value == pytest.approx(2 * (6 + 1) / 64)
    assert result.difference == pytest.approx(0.4)
    # Clopper and Pearson's interval of 5 in 6, as a difference of accuracies of 10 rows.
    low, high = stats.beta.ppf(0.025, 5, 2), stats.beta.ppf(0.975, 6, 1)
    expected = [(2 * low - 1) * 0.6, (2 * high - 1) * 0.6]
    np.testing.assert_allclose([result.low, result.high], expected, rtol=1e-6)


@pytest.mark.parametrize("n", [4, 6, 12, 60, 1000])
def test_the_verdict_on_mcnemar_s_interval_is_that_of_its_p_value(n: int) -> None:
    y = np.ones(2 * n, dtype=bool)
    for only_a in range(0, n + 1, max(1, n // 12)):
        a, b = np.arange(2 * n) < only_a, (np.arange(2 * n) >= only_a) & (np.arange(2 * n) < n)
        result = mcnemar_test(y, a, b)
        told = "differ" if result.p_value < 0.05 else "not told apart"
        assert verdict(result.low, result.high) == told
        assert result.low <= result.difference <= result.high


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.1, 0.2, "differ"),
        (-0.2, -0.1, "differ"),
        (-0.1, 0.2, "not told apart"),
        (0.0, 0.2, "not told apart"),
        (np.nan, np.nan, "not told apart"),
    ],
)
def test_models_differ_where_the_interval_leaves_out_zero(low, high, told) -> None:
    assert verdict(low, high) == told


def test_same_decisions_are_not_told_apart() -> None:
    y = np.array([0, 1, 1])
    assert mcnemar_test(y, y, y).p_value == 1


def test_the_mean_of_repeats_has_students_interval() -> None:
    assert t_interval([0.8, 0.9]) == pytest.approx(
        (0.85, 0.85 - 0.635310, 0.85 + 0.635310), abs=1e-5
    )
    mean, low, high = t_interval([0.7])
    assert mean == 0.7
    assert np.isnan([low, high]).all()
