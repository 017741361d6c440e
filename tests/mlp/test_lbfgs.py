"""L-BFGS against scikit-learn's, alone against stacked, and NumPy against PyTorch."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits, load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold
from sklearn.neural_network import MLPClassifier as SklearnClassifier
from sklearn.neural_network import MLPRegressor as SklearnRegressor
from sklearn.preprocessing import scale

from crossfold.mlp import FoldStack, GridStack, MLPClassifier, MLPRegressor
from crossfold.mlp.exceptions import ParameterError

SHARED = {
    "hidden_layer_sizes": (12,),
    "solver": "lbfgs",
    "alpha": 0.5,
    "max_iter": 400,
    "tol": 1e-6,
    "activation": "tanh",
}
OWN = {**SHARED, "dtype": "float64", "random_state": 0}


def same_start(theirs, X, y):
    """Give a function that starts a network where scikit-learn's started."""
    with pytest.warns(ConvergenceWarning):
        one = type(theirs)(**{**theirs.get_params(), "max_iter": 1, "max_fun": 1}).fit(X, y)
    return lambda generator, sizes: (
        [array.copy() for array in one.coefs_],
        [array.copy() for array in one.intercepts_],
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_classifiers_loss_is_that_of_scikit_learn(n_classes):
    X, y = load_iris(return_X_y=True)
    X, y = scale(X[y < n_classes]), y[y < n_classes]
    theirs = SklearnClassifier(**SHARED, random_state=0)
    start = same_start(theirs, X, y)
    theirs.fit(X, y)
    ours = MLPClassifier(**OWN, init=start).fit(X, y)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-4)
    assert ours.n_iter_ <= SHARED["max_iter"]
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=0.01)


@pytest.mark.parametrize("hidden_layer_sizes", [(12,), ()])
def test_the_regressors_loss_is_that_of_scikit_learn(hidden_layer_sizes):
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X), scale(y)
    own = {"hidden_layer_sizes": hidden_layer_sizes, "alpha": 20.0}
    theirs = SklearnRegressor(**{**SHARED, **own}, random_state=0)
    start = same_start(theirs, X, y)
    theirs.fit(X, y)
    ours = MLPRegressor(**{**OWN, **own}, init=start).fit(X, y)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-4)


def test_several_labels_are_learnt():
    X, y = make_multilabel_classification(n_samples=60, random_state=0)
    assert MLPClassifier(**{**OWN, "alpha": 0.01, "max_iter": 5000}).fit(X, y).score(X, y) > 0.97


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_a_stack_gives_what_its_networks_give_alone(engine):
    X, y = load_iris(return_X_y=True)
    X = scale(X)
    folds = list(KFold(3, shuffle=True, random_state=0).split(X))
    members = [{"alpha": 0.5}, {"alpha": 0.05, "random_state": 3, "hidden_layer_sizes": (5,)}]
    stack = FoldStack(MLPClassifier(**OWN, engine=engine), member_params=members).fit(X, y, folds)
    for params, of_folds in zip(members, stack.estimators_, strict=True):
        for (train, _), stacked in zip(folds, of_folds, strict=True):
            alone = MLPClassifier(**{**OWN, **params}).fit(X[train], y[train])
            assert stacked.loss_ == pytest.approx(alone.loss_, rel=1e-4)
            np.testing.assert_allclose(stacked.predict_proba(X), alone.predict_proba(X), atol=2e-3)
    assert stack.score() > 0.9
    history = stack.histories_[0][0]
    assert len(history.train_loss) == len(history.validation_loss) == len(history.seconds)
    assert history.train_loss[-1] == min(history.train_loss)


def test_weights_count_as_repeated_rows():
    X, y = load_iris(return_X_y=True)
    X, weights = scale(X), np.random.default_rng(0).integers(0, 4, len(y))
    weighted = MLPClassifier(**OWN).fit(X, y, sample_weight=weights)
    repeated = MLPClassifier(**OWN).fit(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    assert weighted.loss_ == pytest.approx(repeated.loss_, rel=1e-4)


def test_limits_are_kept_and_warned_of():
    X, y = load_digits(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        limited = MLPClassifier(**{**OWN, "max_iter": 3}).fit(X / 16, y)
    assert limited.n_iter_ == len(limited.loss_curve_) == 3
    with pytest.warns(ConvergenceWarning):
        assert MLPClassifier(**OWN, max_fun=4).fit(X / 16, y).n_iter_ <= 4


def test_training_goes_on_from_where_it_was():
    X, y = load_iris(return_X_y=True)
    model = MLPClassifier(**OWN, warm_start=True).fit(scale(X), y)
    n_iter, loss = model.n_iter_, model.loss_
    model.fit(scale(X), y)
    assert model.n_iter_ < n_iter / 2
    assert model.loss_ <= loss * (1 + 1e-9)


def test_a_grid_is_searched():
    X, y = load_iris(return_X_y=True)
    search = GridStack(MLPClassifier(**OWN), {"alpha": [0.5, 100.0]}, cv=3).fit(scale(X), y)
    assert search.best_params_ == {"alpha": 0.5}
    assert [one.n_networks for one in search.stacks_] == [6]


def test_what_does_not_go_with_it_is_refused():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ParameterError, match="dropout"):
        MLPClassifier(**OWN, dropout=0.2).fit(X, y)
    assert not hasattr(MLPClassifier(solver="lbfgs"), "partial_fit")
    assert MLPClassifier(**OWN, early_stopping=True).fit(scale(X), y).validation_scores_ is None


def test_an_error_on_the_way_leaves_no_thread_waiting(monkeypatch):
    from threading import enumerate as threads

    from crossfold.mlp import _numpy_engine

    def fail(*_):
        raise MemoryError("no room")

    monkeypatch.setattr(_numpy_engine.NumpyEngine, "run", fail)
    X, y = load_iris(return_X_y=True)
    before = threads()
    with pytest.raises(MemoryError):
        MLPClassifier(**OWN).fit(X, y)
    assert threads() == before
