"""A regressor's values may have any unit and any offset."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import StandardScaler

from crossfold.mlp import EpochLog, FoldStack, MLPRegressor

ENGINES = ("numpy", "torch")
SETTINGS = {
    "hidden_layer_sizes": (8,),
    "learning_rate": "constant",
    "batch_size": 20,
    "max_iter": 10,
    "n_iter_no_change": np.inf,
    "dtype": "float64",
    "random_state": 0,
}


@pytest.fixture(scope="module")
def table():
    X = np.random.default_rng(0).normal(size=(100, 3))
    return X, np.column_stack([5e4 + 300 * X[:, 0], 1e-3 * X[:, 1] * X[:, 2]])


@pytest.mark.parametrize("engine", ENGINES)
def test_equals_a_network_on_targets_that_are_scaled_by_hand(engine, table):
    X, y = table
    ours = MLPRegressor(**SETTINGS, engine=engine).fit(X, y)
    plain = MLPRegressor(**SETTINGS, engine=engine, scale_targets=False)
    byhand = TransformedTargetRegressor(plain, transformer=StandardScaler()).fit(X, y)
    np.testing.assert_allclose(ours.predict(X), byhand.predict(X), rtol=1e-9)
    assert ours.loss_curve_ == pytest.approx(byhand.regressor_.loss_curve_)
    np.testing.assert_array_equal(ours.coefs_[0], byhand.regressor_.coefs_[0])


@pytest.mark.parametrize("engine", ENGINES)
def test_weighted_rows_weigh_in_the_units(engine, table):
    X, y = table
    weights = np.r_[np.ones(60), np.zeros(40)]
    settings = {**SETTINGS, "engine": engine, "batch_size": "full"}
    weighted = MLPRegressor(**settings).fit(X, y, weights)
    without = MLPRegressor(**settings).fit(X[:60], y[:60])
    np.testing.assert_allclose(weighted.predict(X), without.predict(X), rtol=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_each_fold_has_units_of_its_own_training_rows(engine, table):
    X, y = table
    y = y[:, 0] * np.where(np.arange(100) < 50, 1, 7)
    rows = np.arange(100)
    folds = [(rows[:50], rows[50:]), (rows[50:], rows[:50])]
    log = EpochLog(lambda targets, outputs: {"largest": np.abs(outputs - targets).max()})
    stack = FoldStack(MLPRegressor(**SETTINGS, engine=engine, callbacks=[log])).fit(X, y, folds)
    for number, (train, validation) in enumerate(folds):
        own = stack.estimators_[0][number]
        alone = MLPRegressor(**SETTINGS, engine=engine).fit(X[train], y[train])
        np.testing.assert_allclose(own.predict(X), alone.predict(X), rtol=1e-9)
        errors = np.abs(own.predict(X[validation]) - y[validation])
        last = [one for one in log.records if one.fold == number][-1]
        assert errors.max() == pytest.approx(last.value)


@pytest.mark.parametrize("engine", ENGINES)
def test_training_goes_on_in_the_same_units(engine, table):
    X, y = table
    settings = {**SETTINGS, "engine": engine, "shuffle": False}
    together = MLPRegressor(**settings).fit(X, y)
    step_by_step = MLPRegressor(**settings)
    for _ in range(10):
        step_by_step.partial_fit(X, y)
    np.testing.assert_allclose(step_by_step.predict(X), together.predict(X), rtol=1e-9)
    warm = MLPRegressor(**settings, warm_start=True).fit(X, y)
    before = warm.predict(X)
    warm.set_params(learning_rate_init=1e-15).fit(2 * X, y[::-1] * 3)
    np.testing.assert_allclose(warm.predict(X), before, rtol=1e-9)


def test_a_constant_output_stays_constant():
    X = np.random.default_rng(0).normal(size=(50, 2))
    y = np.column_stack([np.full(50, 0.1), X[:, 0]])
    predicted = MLPRegressor(**{**SETTINGS, "max_iter": 100, "solver": "sgd"}).fit(X, y).predict(X)
    np.testing.assert_allclose(predicted[:, 0], 0.1, atol=0.05)
