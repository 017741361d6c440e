"""Networks put together layer by layer, and settings of layers as sequences."""

import copy
import io
import pickle
from dataclasses import replace

import numpy as np
import pytest
from engine_cases import OUTPUTS, SOFTSIGN, UNLIKE_LAYERS, make_data, name_of
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from crossfold.mlp import (
    Activation,
    ExperimentStack,
    FoldStack,
    GridStack,
    MLPClassifier,
    MLPRegressor,
    NeuralNetwork,
    layers,
    load,
    save,
)
from crossfold.mlp._spec import Member, Network, Settings
from crossfold.mlp._training import train
from crossfold.mlp.exceptions import ModelFileError, ParameterError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = (X[:, 0] + X[:, 1] > 0).astype(int) + (X[:, 2] > 0.5)
SHORT = {"max_iter": 4, "n_iter_no_change": np.inf, "batch_size": 16, "random_state": 0}
SHORT |= {"dtype": "float64"}
PARTS = [
    layers.Dropout(0.1),
    layers.Dense(5, activation="relu", init="he", bias_init=0.3, l2=0.1),
    layers.Dropout(0.2),
    layers.Dense(4, init=0.5, use_bias=False, l1=0.05),
    layers.Activation("tanh"),
    layers.Dense(3, init="glorot_uniform", activation="softmax"),
]
SAME = {
    "hidden_layer_sizes": (5, 4),
    "activation": ("relu", "tanh"),
    "output_activation": "softmax",
    "dropout": (0.1, 0.2, 0.0),
    "init": ("he", 0.5, "xavier"),
    "bias_init": (0.3, "zeros", "zeros"),
    "alpha": (0.1, 0.0, 0.0),
    "l1": (0.0, 0.05, 0.0),
    "use_bias": (True, False, True),
}


def assert_same(ours, others, atol=0.0):
    for one, other in zip(ours, others, strict=True):
        np.testing.assert_allclose(one, other, atol=atol, rtol=0)


def weights_of(fitted):
    return fitted.coefs_ + fitted.intercepts_


@pytest.mark.parametrize(("head", "loss", "output"), OUTPUTS, ids=name_of)
def test_engines_agree_on_unlike_layers_and_a_stack_is_its_separate_trainings(head, loss, output):
    n_out = 1 if head == "binary" else 3
    network = Network((4, 5, 3, n_out), ("tanh", "softmax"), head, loss, output)
    narrow = replace(UNLIKE_LAYERS, seed=4, layer_sizes=(4, 4, 2, n_out), alpha=0.1)
    members = [
        UNLIKE_LAYERS,
        narrow,
        Member(0, np.arange(40), seed=5, validation_rows=np.arange(9)),
    ]
    settings = Settings(dtype="float64", device="cpu", batch_size=8, max_iter=3)
    data = [make_data(head, n_out)]
    together = train(network, data, members, settings)
    in_torch = train(network, data, members, replace(settings, engine="torch"))
    for member, one, other in zip(members, together, in_torch, strict=True):
        [alone] = train(network, data, [member], settings)
        for twin, atol in ((other, 1e-10), (alone, 1e-12)):
            assert_same(one.coefs + one.intercepts, twin.coefs + twin.intercepts, atol)
            assert_same([one.history.train_loss], [twin.history.train_loss], atol)
            assert_same([one.history.validation_score], [twin.history.validation_score], atol)
    assert not together[0].intercepts[0].any()
    assert together[0].intercepts[1].any()


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_layers_are_the_parameters_of_a_classifier(engine):
    network = NeuralNetwork(PARTS, engine=engine, **SHORT).fit(X, Y)
    same = MLPClassifier(engine=engine, **SAME, **SHORT).fit(X, Y)
    assert_same(weights_of(network), weights_of(same))
    assert_same([network.predict_proba(X)], [same.predict_proba(X)])
    assert not network.intercepts_[1].any()


def test_the_kind_of_estimator_is_that_of_the_task():
    dense = [layers.Dense(1)]
    assert is_classifier(NeuralNetwork(dense))
    assert is_regressor(NeuralNetwork(dense, loss="mse"))
    assert is_classifier(NeuralNetwork([layers.Dense(1, "sigmoid")], loss="mse"))
    squashed = NeuralNetwork([layers.Dense(1, "sigmoid")], loss="mse", task="regression")
    assert is_regressor(squashed)
    assert is_regressor(clone(squashed))


def test_two_classes_may_have_one_output_or_two():
    y = Y > 0
    for output in (layers.Dense(1), layers.Dense(2), layers.Dense(2, "softmax")):
        network = NeuralNetwork([output], **SHORT).fit(X, y)
        assert network.predict_proba(X).shape == (60, 2)
        above = network.classes_[(network.predict_proba(X)[:, 1] > 0.3).astype(int)]
        np.testing.assert_array_equal(network.predict(X, threshold=0.3), above)


def test_biases_may_be_left_out_where_targets_are_scaled():
    y = 100 + X[:, 0]
    for solver in ("adam", "lbfgs"):
        settings = SHORT | {"solver": solver}
        network = NeuralNetwork([layers.Dense(1, use_bias=False)], loss="mse", **settings)
        assert network.fit(X, y).intercepts_ == [np.zeros(1)]


@pytest.mark.parametrize("activation", ["relu", SOFTSIGN], ids=name_of)
def test_folds_and_grids_of_layers_are_stacked(activation):
    folds = list(StratifiedKFold(3).split(X, Y))
    dense = [layers.Dense(5, activation, l2=0.2), layers.Dense(3)]
    network = NeuralNetwork(PARTS, **SHORT)
    plain = NeuralNetwork([layers.Dense(5, activation), layers.Dense(3)], **SHORT)
    stack = FoldStack(network, member_params=[{}, {"random_state": 1}]).fit(X, Y, folds)
    for seed, fitted in enumerate(stack.estimators_):
        for (rows, _), one in zip(folds, fitted, strict=True):
            alone = clone(network).set_params(random_state=seed).fit(X[rows], Y[rows])
            assert_same(weights_of(one), weights_of(alone), 1e-12)
    grid = {"layers": [dense, plain.layers]}
    search = GridStack(plain, grid, cv=folds).fit(X, Y)
    theirs = GridSearchCV(plain, grid, cv=folds).fit(X, Y)
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"]
    )
    assert [one.n_networks for one in search.stacks_] == [6]


def test_experiments_may_be_layers_as_far_as_the_first_layers_are_one_product():
    members = [{"layers": [layers.Dense(5, "tanh", l1=0.1), layers.Dense(3)]}, {"layers": PARTS}]
    network = NeuralNetwork(PARTS, **SHORT)
    stack = ExperimentStack(network, member_params=members[:1]).fit(X, Y)
    assert stack.estimators_[0].coefs_[0].shape == (4, 5)
    with pytest.raises(ParameterError, match="does not support dropout of inputs"):
        ExperimentStack(network, member_params=members).fit(X, Y)


def test_a_saved_network_of_layers_predicts_alike():
    labels = NeuralNetwork(PARTS, **SHORT).fit(X, Y)
    values = NeuralNetwork([layers.Dense(2)], loss="mae", **SHORT).fit(X, X[:, :2])
    pair = NeuralNetwork([layers.Dense(2)], **SHORT).fit(X, Y > 0)
    sequences = MLPClassifier(**SAME, **SHORT).fit(X, Y)
    file = io.BytesIO()
    save(file, [labels, values, pair, sequences])
    file.seek(0)
    loaded, _ = load(file)
    for own, other in zip((labels, values, pair, sequences), loaded, strict=True):
        np.testing.assert_array_equal(own.predict(X), other.predict(X))
        assert own.summary() == other.summary()
        assert clone(own).get_params() == clone(other).get_params() or own is sequences
    own = NeuralNetwork([layers.Dense(3, SOFTSIGN), layers.Dense(3)], **SHORT).fit(X, Y)
    with pytest.raises(ModelFileError, match="activation 'softsign'"):
        save(file, [own])


def test_summary_before_and_after_training():
    network = NeuralNetwork(
        [
            layers.Dense(25, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(10),
            layers.Activation("softmax"),
        ],
        **SHORT,
    )
    before = network.summary(input_shape=(784,))
    assert before.splitlines()[-1].split() == ["total", "19,885"]
    frame = network.summary(input_shape=(784,), as_frame=True)
    assert frame["parameters"].tolist() == [0, 19_625, 0, 260, 19_885]
    assert frame.loc["hidden 1"].tolist()[:4] == ["(n, 784)", "(n, 25)", "(784, 25)", "(25,)"]
    assert frame.loc["dropout", "activation"] == "0.2"
    with pytest.raises(NotFittedError):
        network.summary()
    fitted = network.fit(RNG.random((20, 784)), np.arange(20) % 10)
    assert fitted.summary() == before


def test_hidden_units_go_through_their_own_functions():
    network = NeuralNetwork(PARTS, **SHORT).fit(X, Y)
    (z1, a1), (z2, a2), (_, a3) = network.layer_outputs(X)
    np.testing.assert_allclose(a1, np.maximum(z1, 0))
    np.testing.assert_allclose(a2, np.tanh(z2))
    np.testing.assert_allclose(a3, network.predict_proba(X))
    assert "hidden 2, 4 units, tanh, 20 parameters" in network.draw().description


def test_counts_are_learnt_by_a_poisson_loss_alone_and_validated_as_values():
    counts = RNG.poisson(np.exp(X[:, 0]))
    model = MLPRegressor("poisson", (), **SHORT | {"max_iter": 50})
    model.fit(X, counts, validation_data=(X, counts))
    assert model.out_activation_ == "exp"
    assert model.history_.validation_score[-1] == pytest.approx(model.score(X, counts))
    with pytest.raises(ValueError, match="60 values of y are below 0"):
        model.fit(X, -1 - counts)


@pytest.mark.parametrize(
    ("parts", "settings", "words"),
    [
        ([], {}, "last layer must be Dense"),
        ([layers.Dense(3), layers.Dropout(0.1)], {}, "last layer must be Dense"),
        ([layers.Activation("relu"), layers.Dense(3)], {}, "must follow a Dense layer"),
        ([layers.Dense(3, "relu"), layers.Activation("relu")], {}, "has no activation"),
        ([layers.Dense(3), "relu"], {}, "'relu' is no layer"),
        ([layers.Dense(2, "relu"), layers.Dense(2)], {}, "2 units, but y needs 3"),
        ([layers.Dense(3, "linear")], {}, "needs outputs that are hard_sigmoid or sigmoid"),
        ([layers.Dense(3, "gelu")], {}, "output_activation must be"),
        ([layers.Dense(3, l2=-1)], {}, "alpha must be one"),
        ([layers.Dense(3, "tanh")], {"loss": "focal"}, "sigmoid or softmax"),
        ([layers.Dense(0), layers.Dense(3)], {}, "must be > 0"),
    ],
)
def test_layers_that_make_no_network_are_refused(parts, settings, words):
    with pytest.raises(ParameterError, match=words):
        NeuralNetwork(parts, **SHORT, **settings).fit(X, Y)


def test_a_network_of_layers_may_be_pickled_and_copied():
    network = NeuralNetwork(PARTS, **SHORT).fit(X, Y)
    for same in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert type(same) is type(network)
        np.testing.assert_array_equal(same.predict(X), network.predict(X))


def test_a_function_needs_its_derivative():
    bent = Activation(
        "bent", lambda z: np.sqrt(z**2 + 1) - 1 + z, lambda a, z: z / np.hypot(z, 1) + 1
    )
    network = NeuralNetwork([layers.Dense(4, bent), layers.Dense(3)], **SHORT).fit(X, Y)
    in_torch = clone(network).set_params(engine="torch").fit(X, Y)
    assert_same(weights_of(network), weights_of(in_torch), 1e-10)
