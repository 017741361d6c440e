"""Metrics of several classes against scikit-learn, their intervals, and paired comparisons."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel
from sklearn import metrics as reference

from crossfold.validation import (
    MULTICLASS_METRICS,
    compare_classifiers,
    multiclass_metric_rows,
    multiclass_metrics,
    paired_bootstrap,
    paired_t_test,
    wilson_interval,
)

CLASSES = 4
PAIRS = st.lists(st.tuples(*[st.integers(0, CLASSES - 1)] * 2), min_size=1, max_size=30)


def of_scikit_learn(y: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    means = {"labels": range(CLASSES), "average": "macro", "zero_division": 0}
    return {
        "accuracy": reference.accuracy_score(y, predicted),
        "macro_precision": reference.precision_score(y, predicted, **means),
        "macro_recall": reference.recall_score(y, predicted, **means),
        "macro_f1": reference.f1_score(y, predicted, **means),
        # One class alone has no correlation; scikit-learn warns before it says 0.
        "mcc": reference.matthews_corrcoef(y, predicted) if len({*y, *predicted}) > 1 else 0.0,
    }


def confusion(y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    return np.bincount(y * CLASSES + predicted, minlength=CLASSES**2).reshape(CLASSES, CLASSES)


@given(PAIRS)
def test_metrics_are_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    y, predicted = np.array(pairs).T
    found = multiclass_metrics(confusion(y, predicted))
    expected = of_scikit_learn(y, predicted)
    assert tuple(found) == MULTICLASS_METRICS
    assert {name: float(value) for name, value in found.items()} == pytest.approx(expected)


def test_many_confusion_matrices_are_scored_at_once() -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 9, (5, 2, CLASSES, CLASSES))
    found = multiclass_metrics(counts)
    one = multiclass_metrics(counts[3, 1])
    assert all(found[name].shape == (5, 2) for name in MULTICLASS_METRICS)
    assert [found[name][3, 1] for name in one] == pytest.approx([float(one[n]) for n in one])


@pytest.fixture(scope="module")
def scored() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    y = rng.integers(0, CLASSES, 400)
    scores = rng.normal(size=(400, CLASSES)) + 1.5 * np.eye(CLASSES)[y]
    p = np.exp(scores)
    return y, p / p.sum(axis=1, keepdims=True)


def test_rows_hold_every_metric_inside_its_interval(scored) -> None:
    y, p = scored
    table = multiclass_metric_rows(y, p, n_resamples=200, seed=0).set_index("metric")
    expected = of_scikit_learn(y, p.argmax(axis=1)) | {"loss": reference.log_loss(y, p)}
    assert table["estimate"].to_dict() == pytest.approx(expected)
    assert (table["low"] < table["estimate"]).all()
    assert (table["estimate"] < table["high"]).all()
    assert (table["n"] == 400).all()
    interval = wilson_interval((y == p.argmax(axis=1)).sum(), 400)
    assert tuple(table.loc["accuracy", ["low", "high"]]) == pytest.approx(interval)


def test_the_bootstrap_of_the_cells_is_that_of_the_rows(scored) -> None:
    y, p = scored
    table = multiclass_metric_rows(y, p, n_resamples=4000, seed=0).set_index("metric")
    rng, predicted = np.random.default_rng(2), p.argmax(axis=1)
    drawn = [rng.integers(0, 400, 400) for _ in range(4000)]
    f1 = [float(multiclass_metrics(confusion(y[i], predicted[i]))["macro_f1"]) for i in drawn]
    low, high = np.percentile(f1, [2.5, 97.5])
    assert tuple(table.loc["macro_f1", ["low", "high"]]) == pytest.approx((low, high), abs=0.004)


def test_the_same_seed_gives_the_same_intervals(scored) -> None:
    first, again = (multiclass_metric_rows(*scored, n_resamples=50, seed=3) for _ in range(2))
    other = multiclass_metric_rows(*scored, n_resamples=50, seed=4)
    assert first.equals(again)
    assert not first.equals(other)


def test_a_probability_of_zero_costs_much_and_not_everything() -> None:
    p = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    table = multiclass_metric_rows([0, 0], p, n_resamples=50, seed=0).set_index("metric")
    expected = -np.log(np.finfo(np.float32).eps) / 2
    assert table.loc["loss", "estimate"] == pytest.approx(expected, rel=1e-6)


def test_comparing_classifiers_counts_images_that_one_of_them_gets_right() -> None:
    y = np.zeros(40, dtype=int)
    a, b = y.copy(), y.copy()
    a[:3], b[3:13], b[20], a[20] = 1, 2, 1, 2
    result = compare_classifiers(y, a, b)
    assert (result.difference, result.n) == (pytest.approx(7 / 40), 13)
    assert result.p_value == pytest.approx(0.092285, abs=1e-6)


def test_the_paired_bootstrap_gives_the_mean_its_interval() -> None:
    differences = np.random.default_rng(0).choice([-1, -0.4, 0, 0.2, 1], 2000)
    result = paired_bootstrap(differences, n_resamples=2000, seed=0)
    half = 1.96 * differences.std() / np.sqrt(2000)
    expected = differences.mean() - half, differences.mean() + half
    assert result.difference == pytest.approx(differences.mean())
    assert (result.low, result.high) == pytest.approx(expected, abs=0.003)
    assert np.isnan(result.p_value)


def test_the_paired_t_test_is_that_of_scipy() -> None:
    a, b = np.array([0.81, 0.84, 0.80, 0.86]), np.array([0.80, 0.80, 0.79, 0.81])
    result, expected = paired_t_test(a, b), ttest_rel(a, b)
    interval = expected.confidence_interval()
    assert (result.low, result.high) == pytest.approx((interval.low, interval.high))
    assert result.statistic == pytest.approx(expected.statistic)
    assert result.p_value == pytest.approx(expected.pvalue)


@pytest.mark.parametrize(("gain", "p_value"), [(0.0, 1.0), (0.25, 0.0)])
def test_seeds_that_all_differ_alike_need_no_test(gain: float, p_value: float) -> None:
    scores = np.array([0.5, 0.625, 0.75])
    result = paired_t_test(scores + gain, scores)
    assert (result.difference, result.low, result.p_value) == (gain, gain, p_value)
