"""Every kind of target gets its metrics and one rule for intervals."""

import numpy as np
import pytest
from sklearn import metrics

from crossfold.validation.estimates import (
    COMPARED,
    MAIN_METRIC,
    METRICS_OF,
    Predicted,
    estimate_rows,
    point_estimates,
    resampled_estimates,
)
from crossfold.validation.intervals import GroupBootstrap
from crossfold.validation.metrics import wilson_interval

N = 400


def make_predicted(task: str) -> Predicted:
    rng = np.random.default_rng(0)
    if task == "regression":
        y = rng.normal(50, 10, N)
        return Predicted(task, y, y + rng.normal(1, 4, N))
    if task == "multiclass":
        y = rng.integers(0, 3, N)
        score = np.eye(3)[y] + rng.normal(scale=0.6, size=(N, 3))
        p = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
        return Predicted(task, y, p.astype(np.float32))
    y = rng.integers(0, 2, N)
    p = np.clip(0.25 + 0.4 * y + rng.normal(scale=0.2, size=N), 0.01, 0.99)
    return Predicted(task, y, p, p >= 0.5)


def test_numbers_are_scored_as_scikit_learn_does() -> None:
    predicted = make_predicted("regression")
    y, p = predicted.y, predicted.p
    expected = {
        "r2": metrics.r2_score(y, p),
        "rmse": metrics.root_mean_squared_error(y, p),
        "mae": metrics.mean_absolute_error(y, p),
        "mean_error": np.mean(p - y),
    }
    assert point_estimates(predicted) == pytest.approx(expected)


def test_numbers_far_from_zero_are_scored_alike() -> None:
    predicted = make_predicted("regression")
    far = Predicted("regression", predicted.y + 1e9, predicted.p + 1e9)
    assert point_estimates(far) == pytest.approx(point_estimates(predicted), rel=1e-6)


def test_classes_are_scored_as_scikit_learn_does() -> None:
    predicted = make_predicted("multiclass")
    y, p = predicted.y, predicted.p
    found = point_estimates(predicted)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(y, p.argmax(axis=1)))
    assert found["macro_f1"] == pytest.approx(
        metrics.f1_score(y, p.argmax(axis=1), average="macro")
    )
    assert found["log_loss"] == pytest.approx(metrics.log_loss(y, p), rel=1e-5)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_intervals_hold_the_estimate_and_the_compared_metrics_exist(task: str) -> None:
    predicted = make_predicted(task)
    table = estimate_rows(predicted, GroupBootstrap(np.arange(N) // 2, 200, 0)).set_index("metric")
    assert {MAIN_METRIC[task], *COMPARED[task]} <= set(table.index)
    assert ((table["low"] <= table["estimate"]) & (table["estimate"] <= table["high"])).all()
    assert (table["n"] == N).all()


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_a_resample_that_draws_each_group_once_is_the_estimate(task: str) -> None:
    predicted = make_predicted(task)
    bootstrap = GroupBootstrap(np.arange(N), 3, 0)
    bootstrap.drawn[1] = 1
    resampled = resampled_estimates(predicted, bootstrap)
    for name, value in point_estimates(predicted).items():
        assert resampled[name][1] == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_plain_rates_of_rows_alone_have_wilsons_interval_and_others_have_not(task: str) -> None:
    predicted = make_predicted(task)
    alone, grouped = (
        estimate_rows(predicted, GroupBootstrap(groups, 200, 0)).set_index("metric")
        for groups in (np.arange(N), np.arange(N) // 2)
    )
    accuracy = alone.loc["accuracy"]
    low, high = wilson_interval(round(accuracy["estimate"] * N), N)
    assert (accuracy["low"], accuracy["high"]) == pytest.approx((float(low), float(high)))
    assert grouped.loc["accuracy", "low"] != pytest.approx(float(low))
    if task == "binary":
        hits, positives = int((predicted.y * predicted.flagged).sum()), int(predicted.y.sum())
        low, high = wilson_interval(hits, positives)
        assert alone.loc["recall", ["low", "high"]].tolist() == pytest.approx([low, high])


def test_a_perfect_rate_has_an_interval() -> None:
    y = np.array([0, 1] * 10)
    table = estimate_rows(
        Predicted("binary", y, y * 0.9 + 0.05, y == 1), GroupBootstrap(np.arange(20), 50, 0)
    ).set_index("metric")
    assert table.loc["accuracy", "high"] == 1
    assert 0.8 < table.loc["accuracy", "low"] < 0.9


def test_a_probability_of_zero_costs_much_and_not_everything() -> None:
    p = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], dtype=np.float32)
    found = point_estimates(Predicted("multiclass", np.array([0, 0]), p))
    assert found["log_loss"] == pytest.approx(-np.log(np.finfo(np.float32).eps) / 2, rel=1e-6)


@pytest.mark.parametrize("task", METRICS_OF)
def test_all_metrics_are_listed(task: str) -> None:
    assert set(METRICS_OF[task]) == set(point_estimates(make_predicted(task)))
