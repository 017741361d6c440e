import inspect
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
import sklearn.neural_network
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import make_classification, make_moons, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from crossfold.exceptions import CrossfoldError
from crossfold.mlp import MLPClassifier, MLPRegressor
from crossfold.mlp._batches import batch_rows
from crossfold.mlp._hyperparameters import Hyperparameters
from crossfold.mlp._spec import History, Settings, Trained
from crossfold.mlp.exceptions import DataError, DivergenceError, ParameterError

ENGINES = ("numpy", "torch")
FOREVER = float("inf")
QUICK = {
    "hidden_layer_sizes": (16,),
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.1,
    "alpha": 0.0001,
    "batch_size": 20,
    "max_iter": 60,
    "random_state": 0,
}


@pytest.fixture(scope="module")
def moons():
    return make_moons(200, noise=0.1, random_state=0)


@pytest.fixture(scope="module")
def four_classes():
    return make_classification(
        300, n_informative=6, n_classes=4, n_clusters_per_class=1, class_sep=2, random_state=0
    )


OTHER_DEFAULTS = {  # docs/explanation/defaults.md says why
    "alpha": 0.1,
    "learning_rate": "auto",
    "learning_rate_init": 0.01,
    "max_iter": 100,
}


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_constructor_arguments_of_scikit_learn_have_the_same_order_and_defaults(name):
    ours = inspect.signature({"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}[name])
    theirs = inspect.signature(getattr(sklearn.neural_network, name))
    shared = [parameter for parameter in theirs.parameters if parameter != "max_fun"]
    assert list(ours.parameters)[: len(shared)] == shared
    for parameter in shared:
        default = OTHER_DEFAULTS.get(parameter, theirs.parameters[parameter].default)
        assert ours.parameters[parameter].default == default
        assert ours.parameters[parameter].kind == theirs.parameters[parameter].kind


def test_what_a_stack_shares_is_in_the_list_of_hyperparameters():
    listed = {one.name for one in fields(Hyperparameters)}
    assert {one.name for one in fields(Settings)} - listed == {"score_every"}
    assert {"learning_rate_init", "alpha", "random_state"} < listed


@pytest.mark.parametrize("engine", ENGINES)
class TestClassifier:
    def test_learns_two_classes(self, engine, moons):
        X, y = moons
        model = MLPClassifier(engine=engine, **QUICK).fit(X, y)
        probability = model.predict_proba(X)
        assert model.score(X, y) > 0.97
        assert probability.shape == (200, 2)
        np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-6)
        np.testing.assert_array_equal(model.predict(X), probability.argmax(axis=1))
        np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), probability, rtol=1e-5)
        assert (model.out_activation_, model.n_outputs_, model.n_layers_) == ("logistic", 1, 3)

    def test_learns_named_classes(self, engine, four_classes):
        X, y = four_classes
        names = np.array(["north", "east", "south", "west"])[y]
        model = MLPClassifier(engine=engine, **QUICK).fit(X, names)
        assert model.score(X, names) > 0.97
        assert model.classes_.tolist() == ["east", "north", "south", "west"]
        assert (model.out_activation_, model.predict_proba(X).shape) == ("softmax", (300, 4))

    def test_learns_several_labels(self, engine):
        X, y = make_multilabel_classification(200, n_classes=3, random_state=0)
        X = scale(X)
        model = MLPClassifier(engine=engine, **QUICK).fit(X, y)
        assert model.predict(X).shape == y.shape
        assert (model.predict(X) == y).mean() > 0.95
        assert model.out_activation_ == "logistic"

    def test_balanced_weights_equal_the_mapping_and_the_sample_weights(self, engine, moons):
        X, y = (part[np.r_[0:200]] for part in moons)
        rows = np.flatnonzero((y == 0) | (np.arange(200) % 4 == 0))
        X, y = X[rows], y[rows]
        factors = len(y) / (2 * np.bincount(y))
        settings = {**QUICK, "engine": engine, "dtype": "float64", "max_iter": 10}
        balanced = MLPClassifier(**settings, class_weight="balanced").fit(X, y)
        mapped = MLPClassifier(**settings, class_weight=dict(enumerate(factors))).fit(X, y)
        weighted = MLPClassifier(**settings).fit(X, y, sample_weight=factors[y])
        plain = MLPClassifier(**settings).fit(X, y)
        expected = balanced.predict_proba(X)
        np.testing.assert_allclose(mapped.predict_proba(X), expected, rtol=1e-9)
        np.testing.assert_allclose(weighted.predict_proba(X), expected, rtol=1e-9)
        assert np.abs(plain.predict_proba(X) - expected).max() > 0.01

    def test_focal_loss_without_focus_is_cross_entropy(self, engine, moons):
        X, y = moons
        settings = {**QUICK, "engine": engine, "dtype": "float64", "max_iter": 10}
        focal = MLPClassifier(**settings, loss="focal", focal_gamma=0).fit(X, y)
        plain = MLPClassifier(**settings).fit(X, y)
        np.testing.assert_allclose(focal.predict_proba(X), plain.predict_proba(X), rtol=1e-8)

    def test_early_stopping_keeps_the_best_epoch(self, engine, moons):
        X, y = moons
        settings = {**QUICK, "learning_rate": "constant", "max_iter": 300}
        model = MLPClassifier(engine=engine, early_stopping=True, **settings).fit(X, y)
        assert model.n_iter_ == len(model.validation_scores_) == len(model.loss_curve_) < 300
        assert model.best_validation_score_ == max(model.validation_scores_)
        assert model.best_loss_ is None

    def test_weights_do_not_depend_on_dtype_or_layout_of_the_inputs(self, engine):
        X = np.random.default_rng(0).integers(0, 5, (60, 5))
        y = (X[:, 0] > 2).astype(int)
        settings = {**QUICK, "engine": engine, "max_iter": 5}
        reference = MLPClassifier(**settings).fit(X, y).coefs_[0]
        for same in (X.astype(np.uint8), X.astype(np.float32), np.asfortranarray(X), csr_array(X)):
            np.testing.assert_array_equal(
                MLPClassifier(**settings).fit(same, y).coefs_[0], reference
            )


class TestAuto:
    @pytest.mark.parametrize(
        ("changes", "stands_for"),
        [
            ({}, {"learning_rate": "one_cycle", "n_iter_no_change": FOREVER}),
            ({"warm_start": True}, {"learning_rate": "one_cycle", "n_iter_no_change": FOREVER}),
            ({"solver": "sgd"}, {"learning_rate": "constant"}),
            ({"early_stopping": True}, {"learning_rate": "constant"}),
        ],
    )
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_learning_rate_of_a_fit(self, changes, stands_for, moons):
        settings = {**QUICK, **changes, "tol": 0.5, "n_iter_no_change": 2}
        auto = MLPClassifier(**{**settings, "learning_rate": "auto"}).fit(*moons)
        named = MLPClassifier(**{**settings, **stands_for}).fit(*moons)
        np.testing.assert_array_equal(auto.coefs_[0], named.coefs_[0])
        assert auto.n_iter_ == named.n_iter_

    def test_learning_rate_of_a_partial_fit(self, moons):
        auto, constant = (
            MLPClassifier(**{**QUICK, "learning_rate": name}).partial_fit(*moons, classes=[0, 1])
            for name in ("auto", "constant")
        )
        np.testing.assert_array_equal(auto.coefs_[0], constant.coefs_[0])

    @pytest.mark.parametrize(
        ("n_rows", "expected"),
        [(1, 1), (31, 31), (500, 32), (2047, 32), (2048, 64), (8191, 128), (10**7, 256)],
    )
    def test_batch_size_grows_with_the_rows(self, n_rows, expected):
        assert batch_rows("auto", n_rows) == expected

    def test_defaults_do_not_warn(self, moons):
        model = MLPClassifier(random_state=0).fit(*moons)
        assert (model.n_iter_, model.score(*moons) > 0.95) == (100, True)


@pytest.mark.parametrize("engine", ENGINES)
class TestValidationData:
    def test_is_scored_and_not_trained_on(self, engine, moons):
        X, y = moons
        settings = {**QUICK, "engine": engine, "max_iter": 5}
        names = np.array(["a", "b"])[y]
        model = MLPClassifier(**settings)
        model.fit(X[:120], names[:120], np.ones(120), validation_data=(X[120:], names[120:]))
        alone = MLPClassifier(**settings).fit(X[:120], names[:120], np.ones(120))
        np.testing.assert_array_equal(model.coefs_[0], alone.coefs_[0])
        assert alone.history_.validation_score == []
        scores = model.history_.validation_score
        assert (len(scores), scores[-1]) == (5, model.score(X[120:], names[120:]))
        assert model.history_.train_loss == model.loss_curve_

    def test_decides_when_training_stops(self, engine, moons):
        X, y = moons
        settings = {**QUICK, "engine": engine, "learning_rate": "constant", "max_iter": 300}
        model = MLPClassifier(**settings, early_stopping=True)
        model.fit(X[:120], y[:120], validation_data=(X[120:], y[120:]))
        assert model.n_iter_ < 300
        assert model.t_ == 120 * model.n_iter_
        assert model.best_validation_score_ == pytest.approx(model.score(X[120:], y[120:]))

    def test_of_a_regressor_is_scored_in_its_own_units(self, engine, moons):
        X, y = moons
        values = 1e4 + 50.0 * y
        model = MLPRegressor(**{**QUICK, "engine": engine})
        model.fit(X[:120], values[:120], validation_data=(X[120:], values[120:]))
        expected = model.score(X[120:], values[120:])
        assert model.history_.validation_score[-1] == pytest.approx(expected, abs=1e-4)

    def test_must_fit(self, engine, moons):
        X, y = moons
        for wrong, message in (
            ((X[:, :1], y), "features"),
            ((X, y + 1), "not among the classes"),
            ((X, y, y), "give a pair of inputs"),
            (X[:2], "validation_data is a ndarray: give a pair of inputs"),
        ):
            with pytest.raises(ValueError, match=message):
                MLPClassifier(**QUICK, engine=engine).fit(X, y, validation_data=wrong)


@pytest.mark.parametrize("engine", ENGINES)
class TestRegressor:
    def test_learns_a_parabola(self, engine):
        X = np.linspace(-1, 1, 100)[:, None]
        model = MLPRegressor(engine=engine, **QUICK).fit(X, X[:, 0] ** 2)
        assert model.predict(X).shape == (100,)
        assert model.score(X, X[:, 0] ** 2) > 0.97

    @pytest.mark.parametrize("loss", ["squared_error", "mse", "mae"])
    def test_learns_several_values(self, engine, loss):
        X = np.random.default_rng(0).normal(size=(200, 3))
        y = np.column_stack([X[:, 0] + X[:, 1], X[:, 2]])
        model = MLPRegressor(loss, engine=engine, **QUICK).fit(X, y)
        assert model.predict(X).shape == (200, 2)
        assert model.score(X, y) > 0.97
        assert (model.out_activation_, model.n_outputs_) == ("identity", 2)


class TestWarmStart:
    def test_goes_on_from_the_weights(self, moons):
        X, y = moons
        settings = {"hidden_layer_sizes": (8,), "solver": "sgd", "momentum": 0, "random_state": 0}
        settings |= {"max_iter": 5, "n_iter_no_change": FOREVER, "shuffle": False}
        model = MLPClassifier(**settings, warm_start=True).fit(X, y).fit(X, y)
        alone = MLPClassifier(**{**settings, "max_iter": 10}).fit(X, y)
        np.testing.assert_allclose(model.coefs_[0], alone.coefs_[0], rtol=1e-6)
        np.testing.assert_allclose(model.loss_curve_, alone.loss_curve_, rtol=1e-6)
        assert (model.n_iter_, model.t_) == (5, 2000)

    def test_refuses_other_classes(self, moons):
        X, y = moons
        model = MLPClassifier(**QUICK, warm_start=True).fit(X, y)
        with pytest.raises(DataError, match="same classes"):
            model.fit(X, np.where(y == 1, 2, 0))

    def test_refuses_another_shape_of_network(self, moons):
        model = MLPClassifier(**QUICK, warm_start=True).fit(*moons)
        with pytest.raises(ParameterError, match="hidden_layer_sizes"):
            model.set_params(hidden_layer_sizes=(3,)).fit(*moons)


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"solver": "newton"}, ["'adam'", "'adamw'", "'sgd'", "'lbfgs'"]),
        ({"activation": "gelu"}, ["'relu'", "'sigmoid'", "'logistic'"]),
        ({"loss": "hinge"}, ["'cross_entropy'", "'focal'", "'mse'"]),
        ({"engine": "jax"}, ["'numpy'", "'torch'"]),
        ({"learning_rate": "step"}, ["'one_cycle'", "'cosine'", "'adaptive'"]),
        ({"init": "glorot"}, ["'xavier'", "'auto'"]),
        ({"batch_size": "half"}, ["'auto'", "'full'"]),
        ({"class_weight": "even"}, ["'balanced'"]),
        ({"dropout": 1.0}, ["[0.0, 1.0)"]),
        ({"dropout": (0.1, 0.2, 0.3)}, ["one for each of 1 or 2 layers", "[0.0, 1.0)"]),
        ({"hidden_layer_sizes": (0,)}, ["> 0"]),
        ({"class_weight": {7: 1.0}}, ["[7]", "[0, 1]"]),
        ({"device": "tpu"}, ["auto", "cpu", "cuda"]),
    ],
)
def test_message_names_what_is_allowed(moons, parameters, named):
    with pytest.raises(ParameterError) as raised:
        MLPClassifier(**{**QUICK, **parameters}).fit(*moons)
    assert isinstance(raised.value, ValueError)
    assert isinstance(raised.value, CrossfoldError)
    for text in named:
        assert text in str(raised.value)


def test_constructor_only_stores():
    model = MLPClassifier(solver="lbfgs", hidden_layer_sizes="wide")
    assert clone(model).get_params() == model.get_params()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_diverged_training_is_an_error(engine, solver, dtype, moons):
    settings = {"solver": solver, "max_iter": 50, "n_iter_no_change": FOREVER, "random_state": 0}
    settings |= {"engine": engine, "dtype": dtype, "batch_size": 20}
    rate = 1e30 if dtype == "float32" else 1e160
    for model in (MLPClassifier(**settings), MLPRegressor(**settings)):
        with pytest.raises(
            DivergenceError, match=r"in epoch \d.* StandardScaler; or lower learning_rate_init=1e"
        ):
            model.set_params(learning_rate_init=rate).fit(*moons)


@pytest.mark.parametrize("engine", ENGINES)
def test_predictions_that_are_not_finite_are_an_error(engine, moons):
    X, y = moons
    model = MLPClassifier(engine=engine, dtype="float64", **QUICK).fit(X, y)
    X = X * np.where(np.arange(200) == 1, 1e308, 1)[:, None]
    with pytest.raises(DivergenceError, match="predictions of 1 of 200 rows are not finite"):
        model.predict(X)


@pytest.mark.parametrize("is_best_epoch", [False, True])
def test_the_best_epoch_may_be_kept_of_a_training_that_diverged_later(is_best_epoch):
    weights, biases = [np.ones((2, 1))], [np.zeros(1)]
    trained = Trained(
        weights, biases, 2, 20, History(train_loss=[1.0, np.nan]), is_best_epoch=is_best_epoch
    )
    assert trained.is_finite == is_best_epoch


class TestInputs:
    @pytest.fixture
    def frame(self, moons):
        return pd.DataFrame(moons[0].copy(), columns=["width", "height"])

    def test_missing_values_name_the_columns(self, frame, moons):
        frame.loc[[4, 9], "height"] = np.nan
        message = r"missing values \(NaN\) in 1 of 2 columns: 'height' \(2 rows\).*SimpleImputer"
        with pytest.raises(DataError, match=message):
            MLPClassifier(**QUICK).fit(frame, moons[1])
        model = MLPClassifier(**QUICK).fit(frame.fillna(0), moons[1])
        with pytest.raises(DataError, match=message):
            model.predict(frame)

    @pytest.mark.parametrize("convert", [np.asarray, np.ndarray.tolist, csr_array])
    def test_missing_values_number_the_columns_that_have_no_names(self, convert, moons):
        X = moons[0].copy()
        X[3, 1] = np.nan
        with pytest.raises(DataError, match=r"in 1 of 2 columns: 1 \(1 rows\)"):
            MLPClassifier(**QUICK).fit(convert(X), moons[1])

    def test_infinite_values_name_the_columns(self, frame, moons):
        frame.loc[5, "width"] = -np.inf
        with pytest.raises(DataError, match=r"infinite values \(inf\) in 1 of 2 .*'width'"):
            MLPClassifier(**QUICK).fit(frame, moons[1])

    def test_values_beyond_the_arithmetic_name_the_columns(self, frame, moons):
        frame.loc[5, "width"] = -1e200
        message = "beyond the range of float32 in 1 of 2 columns: 'width'.*dtype='float64'"
        with pytest.raises(DataError, match=message):
            MLPClassifier(**QUICK).fit(frame, moons[1])
        with pytest.raises(DataError, match="y has values beyond the range of float32"):
            MLPRegressor(**QUICK).fit(moons[0], 1e200 * moons[1])


def test_unconverged_training_warns_unless_its_length_is_laid_down(moons):
    settings = {**QUICK, "learning_rate": "constant", "max_iter": 3}
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        MLPClassifier(**settings).fit(*moons)
    MLPClassifier(**settings, n_iter_no_change=FOREVER).fit(*moons)


def test_batch_larger_than_the_data_warns(moons):
    with pytest.warns(UserWarning, match="larger than the 200 training rows"):
        MLPClassifier(**{**QUICK, "batch_size": 300, "max_iter": 1}).fit(*moons)


def test_seed_none_gives_different_networks_and_an_integer_the_same(moons):
    settings = {**QUICK, "max_iter": 1}
    first, second = (MLPClassifier(**settings).fit(*moons) for _ in range(2))
    np.testing.assert_array_equal(first.coefs_[0], second.coefs_[0])
    settings["random_state"] = None
    first, second = (MLPClassifier(**settings).fit(*moons) for _ in range(2))
    assert (first.coefs_[0] != second.coefs_[0]).any()


def test_aliases_of_scikit_learn_mean_the_same(moons):
    settings = {**QUICK, "max_iter": 3}
    for ours, theirs in (("sigmoid", "logistic"), ("linear", "identity")):
        first = MLPClassifier(**settings, activation=ours).fit(*moons)
        second = MLPClassifier(**settings, activation=theirs).fit(*moons)
        np.testing.assert_array_equal(first.coefs_[0], second.coefs_[0])
