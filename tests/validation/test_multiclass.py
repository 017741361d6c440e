"""Metrics of several classes against scikit-learn, and paired comparisons."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_rel
from sklearn import metrics as reference

from crossfold.validation.comparison import paired_bootstrap, paired_t_test
from crossfold.validation.metrics import MULTICLASS_METRICS, multiclass_metrics

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


@settings(deadline=None)
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
    assert result.p_value == pytest.approx(expected.pvalue)


@pytest.mark.parametrize(("gain", "p_value"), [(0.0, 1.0), (0.25, 0.0)])
def test_seeds_that_all_differ_alike_need_no_test(gain: float, p_value: float) -> None:
    scores = np.array([0.5, 0.625, 0.75])
    result = paired_t_test(scores + gain, scores)
    assert (result.difference, result.low, result.p_value) == (gain, gain, p_value)
