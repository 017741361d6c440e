"""Calibrators mend what is wrong, leave what is right, and survive JSON."""

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from crossfold.exceptions import CrossfoldError
from crossfold.validation.calibration import (
    calibration_measures,
    calibrator_from_dict,
    fit_calibrator,
    reliability_curve,
)
from crossfold.validation.intervals import GroupBootstrap
from crossfold.validation.metrics import binary_metrics

METHODS = ["platt", "isotonic", "beta"]


@pytest.fixture
def inflated() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give true probabilities, labels, and the probabilities of a class-weighted model."""
    rng = np.random.default_rng(0)
    true = rng.beta(1, 4, 20_000)
    odds = 4 * true / (1 - true)
    return true, (rng.random(20_000) < true).astype(int), odds / (1 + odds)


@pytest.mark.parametrize("method", METHODS)
def test_inflated_probabilities_are_mended(inflated, method: str) -> None:
    true, y, raw = inflated
    mended = fit_calibrator(method, raw[:10_000], y[:10_000]).apply(raw[10_000:])
    assert np.abs(raw - true).mean() > 0.15
    assert np.abs(mended - true[10_000:]).mean() < 0.015
    error = binary_metrics(y[10_000:], mended)["expected_calibration_error"][0]
    assert error < 0.015


@pytest.mark.parametrize("method", [*METHODS, "none"])
def test_calibration_keeps_the_order_and_survives_json(inflated, method: str) -> None:
    _, y, raw = inflated
    calibrator = fit_calibrator(method, raw, y)
    again = calibrator_from_dict(json.loads(json.dumps(calibrator.to_dict())))
    grid = np.linspace(0, 1, 201)
    assert (np.diff(again.apply(grid)) >= 0).all()
    np.testing.assert_array_equal(again.apply(grid), calibrator.apply(grid))


def test_none_changes_nothing() -> None:
    p = np.array([0.0, 0.3, 1.0])
    np.testing.assert_array_equal(fit_calibrator("none", p, [0, 1, 1]).apply(p), p)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("p", "y", "expected"),
    [([0.2] * 4, [0, 0, 0, 1], 0.25), ([0.1, 0.2, 0.3, 0.4], [0, 0, 0, 0], 0.0)],
    ids=["one prediction", "one class"],
)
def test_degenerate_predictions_give_the_mean(method, p, y, expected) -> None:
    calibrated = fit_calibrator(method, p, y).apply([0.05, 0.9])
    np.testing.assert_allclose(calibrated, expected, atol=1e-6)


@pytest.mark.parametrize(("a", "b", "left_out"), [(-0.5, 2, "a"), (2, -0.5, "b")])
def test_beta_never_turns_the_order_round(a: float, b: float, left_out: str) -> None:
    rng = np.random.default_rng(5)
    p = rng.uniform(0.02, 0.98, 5_000)
    odds = p**a / (1 - p) ** b
    calibrator = fit_calibrator("beta", p, rng.random(5_000) < odds / (1 + odds))
    assert calibrator.to_dict()[left_out] == 0
    assert (np.diff(calibrator.apply(np.linspace(0, 1, 101))) >= 0).all()


def test_an_unknown_method_is_refused_with_the_allowed_ones() -> None:
    with pytest.raises(CrossfoldError, match="choose none, platt, isotonic or beta"):
        fit_calibrator("temperature", [0.5], [1])


def test_a_foreign_state_is_refused() -> None:
    with pytest.raises(CrossfoldError, match="'spline'"):
        calibrator_from_dict({"kind": "spline"})


def test_reliability_curve_counts_every_row_once(inflated) -> None:
    _, y, raw = inflated
    curve = reliability_curve(y, raw)
    assert curve["n"].sum() == len(y)
    assert curve["positives"].sum() == y.sum()
    assert (curve["low"] <= curve["observed"]).all()
    assert (curve["observed"] <= curve["high"]).all()
    assert curve["mean_predicted"].is_monotonic_increasing


def test_reliability_curve_by_hand() -> None:
    curve = reliability_curve([0, 1, 1, 1], [0.1, 0.3, 0.8, 1.0], 2)
    np.testing.assert_allclose(curve["mean_predicted"], [0.2, 0.9])
    np.testing.assert_allclose(curve["observed"], [0.5, 1.0])


def test_measures_of_perfect_probabilities_hold_one_one_and_zero():
    rng = np.random.default_rng(3)
    p = rng.uniform(0.02, 0.7, 20_000)
    y = (rng.uniform(size=len(p)) < p).astype(int)
    bootstrap = GroupBootstrap(np.arange(len(p)), 200, 0)
    table = calibration_measures(y, p, bootstrap).set_index("metric")
    truths = {"calibration_slope": 1, "calibration_intercept": 0, "observed_over_expected": 1}
    for metric, truth in truths.items():
        row = table.loc[metric]
        assert row["low"] < row["estimate"] < row["high"]
        assert abs(row["estimate"] - truth) < row["high"] - row["low"] < 0.2


@pytest.mark.parametrize(("n", "error"), [(4000, 0.001), (300, 0.02)])
def test_measures_of_extreme_probabilities_are_those_of_a_refit(n: int, error: float):
    rng = np.random.default_rng(4)
    truth = rng.uniform(0.05, 0.6, n)
    y = (rng.uniform(size=len(truth)) < truth).astype(int)
    odds = 2 * np.log(truth / (1 - truth)) + 0.5
    p = 1 / (1 + np.exp(-odds))
    groups = np.arange(len(p)) // 2
    bootstrap = GroupBootstrap(groups, 100, 0)
    table = calibration_measures(y, p, bootstrap).set_index("metric")
    assert table.loc["calibration_slope", "estimate"] == pytest.approx(0.5, abs=4 / n**0.5)
    assert table.loc["observed_over_expected", "estimate"] == pytest.approx(y.sum() / p.sum())
    moved = odds + table.loc["calibration_intercept", "estimate"]
    assert (1 / (1 + np.exp(-moved))).sum() == pytest.approx(y.sum())
    refits = [
        LogisticRegression(C=np.inf)
        .fit(odds[:, None], y, sample_weight=drawn[bootstrap.codes].astype(float))
        .coef_[0, 0]
        for drawn in bootstrap.drawn
    ]
    ends = np.percentile(refits, [2.5, 97.5])
    assert table.loc["calibration_slope", ["low", "high"]].to_numpy(dtype=float) == pytest.approx(
        ends, abs=error
    )


def test_predictions_that_differ_little_have_the_slope_of_a_maximum():
    """Where the likelihood is flat, a fit that stops early would give a slope of its own."""
    rng = np.random.default_rng(0)
    odds = rng.normal(-3, 0.05, 300)
    y = (rng.random(300) < 1 / (1 + np.exp(-odds))).astype(int)
    bootstrap = GroupBootstrap(np.arange(300), 50, 0)
    table = calibration_measures(y, 1 / (1 + np.exp(-odds)), bootstrap).set_index("metric")
    slope = table.loc["calibration_slope", "estimate"]
    wide = LogisticRegression(C=np.inf, tol=1e-10).fit(100 * (odds + 3)[:, None], y)
    assert slope == pytest.approx(100 * wide.coef_[0, 0], rel=1e-4)


def test_extreme_predictions_have_an_intercept_and_parted_classes_no_slope():
    p, y = np.repeat([1e-6, 1 - 1e-6], 100), np.repeat([0, 1], 100)
    y[:3] = 1
    table = calibration_measures(y, p, GroupBootstrap(np.arange(200), 50, 0)).set_index("metric")
    a = table.loc["calibration_intercept", "estimate"]
    assert (1 / (1 + np.exp(-np.log(p / (1 - p)) - a))).sum() == pytest.approx(103)
    assert table.loc["calibration_slope"].isna().all()


def test_one_class_has_no_calibration():
    table = calibration_measures([0, 0, 0], [0.1, 0.2, 0.3], GroupBootstrap([0, 1, 2], 50, 0))
    assert table["estimate"].isna().all()
