"""A stacked grid search gives what scikit-learn's gives on the same estimator."""

import logging
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crossfold.mlp import GridStack, MLPClassifier, MLPRegressor
from crossfold.mlp._grid_stack import group_candidates
from crossfold.mlp.exceptions import ParameterError

GRID = {"hidden_layer_sizes": [(8, 4), (6, 6)], "learning_rate_init": [0.001, 0.01, 0.1]}
CV = StratifiedKFold(4, shuffle=True, random_state=1)


def network(**changes: Any) -> MLPClassifier:
    settings = {"max_iter": 8, "batch_size": 16, "n_iter_no_change": np.inf, "dtype": "float64"}
    return MLPClassifier((8, 4), random_state=3, **{**settings, **changes})


def moons() -> tuple[np.ndarray, np.ndarray]:
    return make_moons(150, noise=0.3, random_state=0)


def assert_same_results(stacked: dict[str, Any], single: dict[str, Any]) -> None:
    timeless = {name for name in single if not name.endswith("_time")}
    assert set(stacked) == set(single)
    for name in timeless:
        expected = np.ma.getdata(single[name])
        if expected.dtype == object or name == "params":
            assert list(stacked[name]) == list(single[name]), name
        else:
            np.testing.assert_allclose(stacked[name].astype(float), expected.astype(float), 1e-9)


@pytest.mark.parametrize("mask_widths", [False, True])
@pytest.mark.parametrize("scoring", [None, "neg_log_loss"])
def test_it_equals_a_search_one_by_one(mask_widths: bool, scoring: str | None) -> None:
    X, y = moons()
    single = GridSearchCV(network(), GRID, cv=CV, scoring=scoring).fit(X, y)
    stacked = GridStack(network(), GRID, cv=CV, scoring=scoring, mask_widths=mask_widths).fit(X, y)
    assert_same_results(stacked.cv_results_, single.cv_results_)
    assert stacked.best_params_ == single.best_params_
    assert stacked.best_score_ == pytest.approx(single.best_score_)
    np.testing.assert_allclose(stacked.predict_proba(X), single.predict_proba(X), atol=1e-9)
    assert stacked.score(X, y) == pytest.approx(single.score(X, y))


def test_a_preprocessor_is_fitted_inside_each_fold() -> None:
    X, y = moons()
    X[:, 0] *= 40
    piped = make_pipeline(StandardScaler(), network())
    grid = {f"mlpclassifier__{name}": values for name, values in GRID.items()}
    single = GridSearchCV(piped, grid, cv=CV).fit(X, y)
    stacked = GridStack(network(), GRID, cv=CV, preprocessor=StandardScaler()).fit(X, y)
    for name in ("split0_test_score", "mean_test_score", "std_test_score"):
        np.testing.assert_allclose(stacked.cv_results_[name], single.cv_results_[name])
    np.testing.assert_array_equal(stacked.predict(X), single.predict(X))


def test_what_cannot_share_a_stack_is_trained_apart() -> None:
    X, y = moons()
    grid = [
        {"hidden_layer_sizes": [(5,), (5, 5)], "alpha": [0, 1]},
        {"activation": ["tanh"]},
        {"max_iter": [3, 8], "dropout": [0, 0.2]},
    ]
    stacked = GridStack(network(), grid, cv=3, refit=False).fit(X, y)
    assert [one.candidates for one in stacked.stacks_] == [(0, 2), (1, 3), (4,), (5, 7), (6, 8)]
    assert [one.n_networks for one in stacked.stacks_] == [6, 6, 3, 6, 6]
    masked = stacked.cv_results_["param_activation"].mask
    assert list(masked) == [True] * 4 + [False] + [True] * 4
    assert not hasattr(stacked, "best_estimator_")


def test_widths_share_a_stack_where_asked(caplog: pytest.LogCaptureFixture) -> None:
    X, y = moons()
    with caplog.at_level(logging.INFO, logger="crossfold.mlp"):
        stacked = GridStack(network(), GRID, cv=3, mask_widths=True, refit=False).fit(X, y)
    assert [one.hidden_layer_sizes for one in stacked.stacks_] == [(8, 6)]
    assert "6 candidates × 3 folds of hidden layers (8, 6) (18 networks" in caplog.text


def test_groups_reach_the_splitter() -> None:
    X, y = moons()
    groups = np.arange(len(y)) // 3
    args = {"cv": GroupKFold(3), "refit": False}
    single = GridSearchCV(network(), GRID, **args).fit(X, y, groups=groups)
    stacked = GridStack(network(), GRID, **args).fit(X, y, groups=groups)
    assert_same_results(stacked.cv_results_, single.cv_results_)


def test_it_searches_regressors_and_can_be_cloned() -> None:
    X, y = moons()
    regressor = MLPRegressor(hidden_layer_sizes=(6,), max_iter=5, n_iter_no_change=np.inf)
    search = GridStack(
        regressor.set_params(random_state=0, batch_size=16), {"alpha": [0.0, 1.0]}, cv=3
    )
    copy = clone(search).fit(X, y.astype(float))
    assert copy.best_score_ == max(copy.cv_results_["mean_test_score"])
    assert not hasattr(search, "best_score_")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"param_grid": []}, "param_grid has no candidates"),
        ({"scoring": ["accuracy", "roc_auc"]}, "ranks by one score"),
        ({"estimator": MLPClassifier.preset("tabular")}, "a stack trains MLPClassifier"),
    ],
)
def test_what_cannot_be_searched_is_refused(arguments: dict[str, Any], message: str) -> None:
    search = GridStack(network(), {"alpha": [0.0]}).set_params(**arguments)
    with pytest.raises(ParameterError, match=message):
        search.fit(*moons())


def test_an_unknown_parameter_is_named() -> None:
    with pytest.raises(ParameterError, match="depth"):
        GridStack(network(), {"depth": [1]}, cv=3).fit(*moons())


def test_candidates_that_cannot_share_a_stack_get_one_of_their_own() -> None:
    changes = [{}, {"label_smoothing": 0.1}, {"alpha": 1.0}, {"input_scale": 2.0}, {"tol": 0.1}]
    networks = [MLPClassifier(**one) for one in changes]
    assert group_candidates(networks, mask_widths=False) == [[0, 2], [1], [3], [4]]
