import numpy as np
import pytest
from sklearn.datasets import make_moons

from crossfold.mlp import MLPClassifier, MLPRegressor
from crossfold.mlp.exceptions import DataError, ParameterError

SETTINGS = {"hidden_layer_sizes": (8,), "batch_size": 50, "shuffle": False, "random_state": 0}
CONSTANT = {"learning_rate": "constant", "n_iter_no_change": float("inf")}


@pytest.fixture(scope="module")
def moons():
    return make_moons(200, noise=0.1, random_state=0)


@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw"])
def test_epochs_one_by_one_equal_one_training(moons, engine, solver):
    X, y = moons
    settings = {**SETTINGS, "engine": engine, "solver": solver}
    together = MLPClassifier(**settings, **CONSTANT, max_iter=6).fit(X, y)
    model = MLPClassifier(**settings)
    for _ in range(6):
        model.partial_fit(X, y, classes=[0, 1])
    for ours, expected in zip(model.coefs_, together.coefs_, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(model.loss_curve_, together.loss_curve_, rtol=1e-5)
    assert (model.t_, model.n_iter_) == (1200, 1)


def test_regressor_learns_from_a_stream():
    rng = np.random.default_rng(0)
    model = MLPRegressor(hidden_layer_sizes=(16,), learning_rate_init=0.01, random_state=0)
    for _ in range(300):
        X = rng.normal(size=(50, 2))
        model.partial_fit(X, X[:, 0] - X[:, 1])
    X = rng.normal(size=(100, 2))
    assert model.score(X, X[:, 0] - X[:, 1]) > 0.97


def test_each_call_draws_new_dropout_masks(moons):
    X, y = moons
    settings = {**SETTINGS, "dropout": 0.5, "learning_rate_init": 1e-12}
    model = MLPClassifier(**settings)
    losses = [model.partial_fit(X, y, classes=[0, 1]).loss_ for _ in range(3)]
    assert len(set(np.round(losses, 6))) == 3


def test_a_batch_may_lack_classes(moons):
    X, y = moons
    model = MLPClassifier(**SETTINGS).partial_fit(X[y == 0], y[y == 0], classes=[0, 1, 2])
    assert model.predict_proba(X).shape == (200, 3)
    assert model.partial_fit(X, y).classes_.tolist() == [0, 1, 2]


def test_sample_weight_zero_leaves_a_row_out(moons):
    X, y = moons
    settings = {**SETTINGS, "batch_size": "full", "dtype": "float64"}
    weights = np.r_[np.ones(100), np.zeros(100)]
    weighted = MLPClassifier(**settings).partial_fit(X, y, weights, classes=[0, 1])
    without = MLPClassifier(**settings).partial_fit(X[:100], y[:100], classes=[0, 1])
    np.testing.assert_allclose(weighted.coefs_[0], without.coefs_[0], rtol=1e-9)


def test_first_call_needs_classes(moons):
    with pytest.raises(DataError, match="first call"):
        MLPClassifier(**SETTINGS).partial_fit(*moons)


def test_later_calls_keep_the_classes(moons):
    model = MLPClassifier(**SETTINGS).partial_fit(*moons, classes=[0, 1])
    with pytest.raises(DataError, match="not the same"):
        model.partial_fit(*moons, classes=[0, 1, 2])
    with pytest.raises(DataError, match="not among"):
        model.partial_fit(moons[0], moons[1] + 1)


@pytest.mark.parametrize(
    "parameters", [{"early_stopping": True}, {"learning_rate": "one_cycle"}], ids=str
)
def test_refuses_what_needs_a_whole_training(moons, parameters):
    with pytest.raises(ParameterError, match="partial_fit does not support"):
        MLPClassifier(**SETTINGS, **parameters).partial_fit(*moons, classes=[0, 1])
