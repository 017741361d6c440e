"""Metrics equal scikit-learn's, with ties, weights and one class; intervals cover."""

import numpy as np
import pytest
from sklearn import metrics as reference

from crossfold.validation.estimates import Predicted, estimate_rows
from crossfold.validation.intervals import GroupBootstrap, percentile_interval
from crossfold.validation.metrics import METRICS, binary_metrics, wilson_interval

RANKED = {
    "roc_auc": reference.roc_auc_score,
    "pr_auc": reference.average_precision_score,
    "brier": reference.brier_score_loss,
    "log_loss": reference.log_loss,
}
DECIDED = {
    "accuracy": reference.accuracy_score,
    "precision": reference.precision_score,
    "recall": reference.recall_score,
    "f1": reference.f1_score,
    "mcc": reference.matthews_corrcoef,
}


@pytest.fixture(params=[2, 6], ids=["many ties", "few ties"])
def scored(request) -> tuple[np.ndarray, np.ndarray, GroupBootstrap]:
    rng = np.random.default_rng(request.param)
    p = np.round(rng.uniform(0.01, 0.99, 800), request.param)
    y = (rng.random(800) < p).astype(int)
    bootstrap = GroupBootstrap(np.arange(800), 3, 0)
    bootstrap.drawn[:] = rng.integers(0, 4, (3, 800))
    return y, p, bootstrap


def weights_of(bootstrap: GroupBootstrap) -> np.ndarray:
    """How often each resample counts each row, shape ``(n_resamples, n)``."""
    return bootstrap.drawn[:, bootstrap.codes]


@pytest.mark.parametrize("name", RANKED)
def test_probability_metrics_equal_scikit_learns(scored, name: str) -> None:
    y, p, bootstrap = scored
    ours = binary_metrics(y, p, bootstrap=bootstrap)[name]
    expected = [RANKED[name](y, p, sample_weight=w) for w in bootstrap.drawn]
    np.testing.assert_allclose(ours, expected, rtol=1e-9)


@pytest.mark.parametrize("name", DECIDED)
def test_decision_metrics_equal_scikit_learns(scored, name: str) -> None:
    y, p, bootstrap = scored
    ours = binary_metrics(y, p, p >= 0.4, bootstrap)[name]
    expected = [DECIDED[name](y, p >= 0.4, sample_weight=w) for w in bootstrap.drawn]
    np.testing.assert_allclose(ours, expected, rtol=1e-9)


def test_expected_calibration_error_by_hand() -> None:
    # Bin 0: mean 0.05, observed 0.5; bin 9: mean 0.95, observed 1. Half of the rows each.
    error = binary_metrics([0, 1, 1, 1], [0.05, 0.05, 0.95, 0.95])["expected_calibration_error"]
    assert error[0] == pytest.approx(0.5 * 0.45 + 0.5 * 0.05)


def test_flagged_share_by_hand() -> None:
    results = binary_metrics([0, 1, 1, 1], [0.9, 0.1, 0.2, 0.3], [True, False, False, False])
    assert results["flagged_share"][0] == 0.25


def test_nothing_flagged_is_zero_precision() -> None:
    results = binary_metrics([0, 1], [0.1, 0.2], [False, False])
    assert (results["precision"][0], results["mcc"][0], results["specificity"][0]) == (0, 0, 1)


def test_one_class_gives_nan_not_an_error() -> None:
    results = binary_metrics([0, 0], [0.1, 0.2])
    assert np.isnan(results["roc_auc"][0])
    assert results["brier"][0] == pytest.approx(0.025)


@pytest.mark.parametrize("name", [*RANKED, *DECIDED])
def test_intervals_are_of_scikit_learns_metric_on_each_resample(scored, name: str) -> None:
    y, p, _ = scored
    rows = np.arange(0, 800, 2)
    bootstrap = GroupBootstrap(np.arange(800) // 3, 40, seed=0)
    ours = binary_metrics(y[rows], p[rows], p[rows] >= 0.4, bootstrap[rows])[name]
    drawn = bootstrap.drawn[:, rows // 3]
    metric, scores = (RANKED[name], p) if name in RANKED else (DECIDED[name], p >= 0.4)
    expected = [metric(y[rows], scores[rows], sample_weight=w) for w in drawn]
    np.testing.assert_allclose(ours, expected, rtol=1e-9)


@pytest.mark.parametrize("name", RANKED)
def test_point_estimates_of_many_rows_are_in_double_precision(name: str) -> None:
    rng = np.random.default_rng(0)
    p = rng.beta(1, 4, 50_000)
    y = rng.random(50_000) < p
    assert binary_metrics(y, p)[name][0] == pytest.approx(RANKED[name](y, p), rel=1e-12)


def test_no_rows_give_nan_not_an_error() -> None:
    nothing = np.empty(0, dtype=int)
    bootstrap = GroupBootstrap(np.arange(5), 4, seed=0)
    given = nothing, np.empty(0), np.empty(0, dtype=bool)
    for found in (binary_metrics(*given), binary_metrics(*given, bootstrap[nothing])):
        assert all(np.isnan(found[name]).all() for name in ("roc_auc", "brier", "recall"))


def test_every_metric_has_a_row() -> None:
    bootstrap = GroupBootstrap(np.arange(50), 20, seed=0)
    y = np.arange(50) % 2
    table = estimate_rows(Predicted("binary", y, np.linspace(0, 1, 50), y == 1), bootstrap)
    assert tuple(table["metric"]) == METRICS
    assert (table["n"] == 50).all()


def test_bootstrap_draws_whole_groups_and_is_repeatable() -> None:
    groups = np.array(["b", "b", "a", "c", "a"])
    weights = weights_of(GroupBootstrap(groups, 8, seed=3))
    assert weights.shape == (8, 5)
    np.testing.assert_array_equal(weights[:, 0], weights[:, 1])
    np.testing.assert_array_equal(weights[:, 2], weights[:, 4])
    np.testing.assert_array_equal(weights[:, [0, 2, 3]].sum(axis=1), 3)
    np.testing.assert_array_equal(weights_of(GroupBootstrap(groups, 8, seed=3)), weights)


@pytest.mark.parametrize("n_resamples", [1, 32, 70])
def test_rows_are_counted_by_kind_in_every_resample(n_resamples: int) -> None:
    bootstrap = GroupBootstrap(np.arange(6) // 2, n_resamples, seed=0)
    kinds = np.array([0, 2, 0, 2, 2, 0])
    counts = np.concatenate(list(bootstrap.counts(kinds, 4)), axis=1)
    assert counts.shape == (4, n_resamples)
    np.testing.assert_array_equal(counts.T, bootstrap.sums([kinds == kind for kind in range(4)]))
    np.testing.assert_array_equal(counts.T, weights_of(bootstrap) @ np.eye(4)[kinds])


def test_a_subset_is_drawn_as_in_the_whole_table() -> None:
    bootstrap = GroupBootstrap(np.arange(100) // 2, 40, seed=0)
    rows = np.array([3, 50, 98])
    whole = weights_of(bootstrap)
    np.testing.assert_array_equal(weights_of(bootstrap[rows]), whole[:, rows])
    assert bootstrap[rows].is_grouped()


def test_grouped_intervals_are_wider_than_those_of_rows() -> None:
    rng = np.random.default_rng(0)
    p = np.repeat(rng.random(60), 10)
    y = np.repeat(rng.random(60) < p[::10], 10).astype(int)
    widths = []
    for groups in (np.arange(600), np.arange(600) // 10):
        resampled = binary_metrics(y, p, bootstrap=GroupBootstrap(groups, 200, seed=0))
        low, high = percentile_interval(resampled["roc_auc"])
        widths.append(high - low)
    assert widths[1] > 2 * widths[0]


def test_wilson_interval_of_the_leukaemia_study() -> None:
    low, high = wilson_interval(33, 34)
    assert (round(float(low), 3), round(float(high), 3)) == (0.851, 0.995)


def test_wilson_interval_ends_at_0_and_1_where_all_rows_are_alike() -> None:
    assert wilson_interval(0, 34)[0] == 0
    assert wilson_interval(34, 34)[1] == 1


def test_wilson_interval_of_nothing_is_nan() -> None:
    assert np.isnan(wilson_interval(0, 0)).all()
