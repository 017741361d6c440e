"""Stacks: each member as if alone, stopping, histories, callbacks, errors."""

from dataclasses import replace
from time import sleep

import numpy as np
import pytest
from engine_cases import make_data, make_network
from sklearn.datasets import make_moons
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, r2_score

from crossfold.mlp import FoldStack, MLPClassifier, _batches, _numpy_engine
from crossfold.mlp._numpy_engine import predict
from crossfold.mlp._spec import Activation, DataSet, Member, Network, Settings, Trained
from crossfold.mlp._torch_engine import TorchEngine
from crossfold.mlp._training import train
from crossfold.mlp.exceptions import ParameterError

ENGINES = ("numpy", "torch")
SETTINGS = Settings(dtype="float64", device="cpu", batch_size=8, max_iter=6)


def assert_same(one: Trained, other: Trained, atol: float = 1e-12) -> None:
    assert one.n_iter == other.n_iter
    assert one.t == other.t
    np.testing.assert_allclose(one.history.train_loss, other.history.train_loss, atol=atol)
    np.testing.assert_allclose(
        one.history.validation_loss, other.history.validation_loss, atol=atol
    )
    np.testing.assert_allclose(
        one.history.validation_score, other.history.validation_score, atol=atol
    )
    for a, b in zip(one.coefs + one.intercepts, other.coefs + other.intercepts, strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


def unlike_members(head: str, n_out: int) -> list[Member]:
    """Give members that differ in everything that members may differ in."""
    weight = {"binary": np.array([1.0, 2.0]), "multiclass": np.array([1.0, 2.0, 3.0])}.get(head)
    rows = np.arange(40)
    return [
        Member(0, rows[:33], seed=1, validation_rows=rows[33:]),
        Member(0, rows[5:], seed=2, alpha=0.3, l1=0.1, learning_rate_init=0.03),
        Member(1, rows[:7], seed=3, dropout=0.5, validation_rows=rows[10:15]),
        Member(1, rows[:24], seed=4, dropout=(0.0, 0.3), class_weight=weight, focal_gamma=2.0),
        Member(0, rows[:32], seed=5, layer_sizes=(3, 4, 2, n_out), init="normal"),
    ]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("batch_size", [8, "full"])
@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize(
    ("head", "loss", "n_out", "activation"),
    [
        ("binary", "focal", 1, "relu"),
        ("multiclass", "cross_entropy", 3, "softmax"),
        ("regression", "mse", 2, "sigmoid"),
    ],
)
def test_a_stack_equals_separate_trainings(
    head, loss, n_out, activation, solver, batch_size, engine
):
    network = make_network(head, loss, n_out, activation)
    data = [make_data(head, n_out), replace(make_data(head, n_out, seed=1), weights=None)]
    settings = replace(SETTINGS, engine=engine, solver=solver, batch_size=batch_size, max_iter=3)
    members = unlike_members(head, n_out)
    stacked = train(network, data, members, settings)
    for member, together in zip(members, stacked, strict=True):
        own = network
        alone = member
        if member.layer_sizes is not None:
            own = replace(network, layer_sizes=member.layer_sizes)
            alone = replace(member, layer_sizes=None)
        inputs = [replace(d, inputs=d.inputs[:, : own.layer_sizes[0]]) for d in data]
        assert_same(together, train(own, inputs, [alone], settings)[0])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_member_that_stops_early_leaves_the_others_alone(engine):
    network, data = make_network("binary", "focal", 1), make_data("binary", 1)
    settings = replace(
        SETTINGS, engine=engine, max_iter=60, early_stopping=True, n_iter_no_change=3, tol=1e-6
    )
    rows = np.arange(40)
    members = [
        Member(
            0,
            rows[:28],
            seed=s,
            validation_rows=rows[28:],
            learning_rate_init=0.02,
            focal_gamma=s / 2,
            alpha=s / 10,
        )
        for s in range(6)
    ]
    stacked = train(network, [data], members, settings)
    assert len({trained.n_iter for trained in stacked}) > 3
    for member, together in zip(members, stacked, strict=True):
        assert_same(together, train(network, [data], [member], settings)[0])


def test_early_stopping_restores_the_best_weights():
    network, data = make_network("binary", "cross_entropy", 1), make_data("binary", 1)
    data = replace(data, weights=None)
    rows = np.arange(40)
    member = Member(0, rows[:28], seed=0, validation_rows=rows[28:], learning_rate_init=0.1)
    settings = replace(SETTINGS, max_iter=60, early_stopping=True, n_iter_no_change=5)
    [trained] = train(network, [data], [member], settings)
    outputs = predict(network, trained.coefs, trained.intercepts, data.inputs[28:])
    accuracy = np.mean((outputs > 0.5) == data.targets[28:])
    assert trained.converged
    assert trained.n_iter < 60
    assert accuracy == pytest.approx(max(trained.history.validation_score))
    assert trained.history.validation_score[-1] < max(trained.history.validation_score)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_best_epoch_may_be_that_of_the_least_loss(engine):
    network, data = make_network("binary", "cross_entropy", 1), make_data("binary", 1)
    data, rows = replace(data, weights=None), np.arange(40)
    member = Member(0, rows[:28], seed=0, validation_rows=rows[28:], learning_rate_init=0.1)
    settings = replace(SETTINGS, engine=engine, max_iter=40, early_stopping="loss")
    [trained] = train(network, [data], [member], settings)
    p = predict(network, trained.coefs, trained.intercepts, data.inputs[28:])
    losses = trained.history.validation_loss
    assert log_loss(data.targets[28:, 0], p[:, 0]) == pytest.approx(min(losses))
    assert min(losses) < losses[-1]
    assert trained.n_iter == len(losses) < 40


def test_training_stops_when_the_loss_no_longer_falls():
    network, data = make_network("regression", "mse", 2), make_data("regression", 2)
    settings = replace(SETTINGS, max_iter=50, n_iter_no_change=4, tol=1e3)
    [trained] = train(network, [data], [Member(0, np.arange(40), seed=0)], settings)
    assert trained.converged
    assert trained.n_iter == 6  # The first epoch improves on nothing; more than four do not.


def test_a_member_that_diverges_leaves_the_stack():
    network, data = make_network("regression", "mse", 2, "linear"), make_data("regression", 2)
    settings = replace(SETTINGS, solver="sgd", max_iter=200)
    members = [
        Member(0, np.arange(40), seed=0, learning_rate_init=1e3),
        Member(0, np.arange(40), seed=0, learning_rate_init=1e-3),
    ]
    diverged, sound = train(network, [data], members, settings)
    assert not diverged.converged
    assert diverged.n_iter < 200
    assert not np.isfinite(diverged.coefs[0]).all()
    assert_same(sound, train(network, [data], members[1:], settings)[0])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_training_goes_on_from_its_state(solver, engine):
    """Two epochs in one training equal one epoch and another; the order of rows is fixed."""
    network, data = make_network("binary", "cross_entropy", 1), make_data("binary", 1)
    settings = replace(SETTINGS, engine=engine, solver=solver, shuffle=False, max_iter=1)
    member = Member(0, np.arange(40), seed=0)
    [whole] = train(network, [data], [member], replace(settings, max_iter=2))
    [first] = train(network, [data], [member], settings)
    again = replace(
        member, start=(first.coefs, first.intercepts), optimizer_state=first.optimizer_state
    )
    [second] = train(network, [data], [again], settings)
    for a, b in zip(whole.coefs, second.coefs, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-14)


def test_integer_inputs_equal_their_floats():
    inputs = np.random.default_rng(0).integers(0, 255, size=(40, 4))
    data = replace(make_data("binary", 1), inputs=inputs / 1.0)
    network, member = make_network("binary", "cross_entropy", 1), Member(0, np.arange(40), seed=0)
    for engine in ENGINES:
        settings = replace(SETTINGS, engine=engine)
        [floats] = train(network, [data], [member], settings)
        for dtype in (np.uint8, np.uint16, np.int64):
            as_integers = replace(data, inputs=inputs.astype(dtype))
            assert_same(floats, train(network, [as_integers], [member], settings)[0])


def test_arrays_that_are_read_only_or_stored_by_columns_are_read():
    data = make_data("binary", 1)
    inputs = np.asfortranarray(data.inputs)
    inputs.flags.writeable = False
    network, member = make_network("binary", "cross_entropy", 1), Member(0, np.arange(40), seed=0)
    for engine in ENGINES:
        settings = replace(SETTINGS, engine=engine)
        [plain] = train(network, [data], [member], settings)
        [stored] = train(network, [replace(data, inputs=inputs)], [member], settings)
        assert_same(plain, stored)


def test_a_network_without_hidden_layer_is_logistic_regression():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(200, 4))
    targets = (inputs @ [1, -2, 0, 0.5] + rng.normal(size=200) > 0).astype(float)[:, None]
    member = Member(0, np.arange(200), seed=0, alpha=1.0, learning_rate_init=0.5)
    settings = replace(
        SETTINGS, solver="sgd", batch_size="full", max_iter=600, n_iter_no_change=np.inf
    )
    [trained] = train(Network((4, 1)), [DataSet(inputs, targets)], [member], settings)
    sklearn = LogisticRegression(C=1.0, tol=1e-10).fit(inputs, targets[:, 0])
    np.testing.assert_allclose(trained.coefs[0][:, 0], sklearn.coef_[0], atol=1e-6)


def test_predictions_do_not_depend_on_chunks(monkeypatch):
    network, data = make_network("multiclass", "cross_entropy", 3), make_data("multiclass", 3)
    [trained] = train(network, [data], [Member(0, np.arange(40), seed=0)], SETTINGS)
    whole = predict(network, trained.coefs, trained.intercepts, data.inputs)
    monkeypatch.setattr(_numpy_engine, "_CHUNK_BYTES", 800)
    cut = predict(network, trained.coefs, trained.intercepts, data.inputs)
    np.testing.assert_allclose(cut, whole, atol=1e-14)
    np.testing.assert_allclose(cut.sum(axis=1), 1)
    assert predict(network, trained.coefs, trained.intercepts, data.inputs[:0]).shape == (0, 3)


def test_validation_rows_are_scored_like_predictions():
    network, data = make_network("regression", "mae", 2), make_data("regression", 2)
    rows = np.arange(40)
    member = Member(0, rows[:30], seed=0, validation_rows=rows[30:])
    [trained] = train(network, [data], [member], SETTINGS)
    values = predict(network, trained.coefs, trained.intercepts, data.inputs[30:])
    expected = r2_score(data.targets[30:], values, sample_weight=data.weights[30:])
    assert trained.history.validation_score[-1] == pytest.approx(expected)
    loss = np.average(np.abs(values - data.targets[30:]).sum(axis=1), weights=data.weights[30:])
    assert trained.history.validation_loss[-1] == pytest.approx(loss)


def test_the_validation_loss_is_weighted_by_class_and_the_accuracy_is_not():
    network, data = make_network("binary", "cross_entropy", 1), make_data("binary", 1)
    rows = np.arange(40)
    member = Member(
        0, rows[:30], seed=0, validation_rows=rows[30:], class_weight=np.array([1.0, 5.0])
    )
    [trained] = train(network, [data], [member], SETTINGS)
    p = predict(network, trained.coefs, trained.intercepts, data.inputs[30:])[:, 0]
    y, weights = data.targets[30:, 0], data.weights[30:]
    loss = -np.where(y == 1, np.log(p), np.log(1 - p))
    expected = np.average(loss, weights=weights * np.where(y == 1, 5, 1))
    assert trained.history.validation_loss[-1] == pytest.approx(expected)
    accuracy = np.average((p > 0.5) == y, weights=weights)
    assert trained.history.validation_score[-1] == pytest.approx(accuracy)


class Recorder:
    """A callback that keeps what it is told."""

    def __init__(self) -> None:
        self.events = []
        self.ended = 0

    def on_train_begin(self, members, data_sets, max_iter):
        self.members = members

    def on_epoch_end(self, event):
        self.events.append((event, event.validation_outputs()))

    def on_train_end(self):
        self.ended += 1


@pytest.mark.parametrize("engine", ENGINES)
def test_callbacks_are_told_of_every_epoch(engine):
    network, data = make_network("multilabel", "cross_entropy", 3), make_data("multilabel", 3)
    rows, recorder = np.arange(40), Recorder()
    members = [
        Member(0, rows[:20], seed=0),
        Member(0, rows[:30], seed=1, validation_rows=rows[30:]),
    ]
    settings = replace(SETTINGS, engine=engine, callbacks=(recorder,))
    trained = train(network, [data], members, settings)
    assert recorder.ended == 1
    assert [event.epoch for event, _ in recorder.events] == [1, 2, 3, 4, 5, 6]
    event, outputs = recorder.events[-1]
    for place, member in enumerate(event.members):
        assert event.train_loss[place] == trained[member].history.train_loss[-1]
    place = event.members.tolist().index(1)
    assert outputs[1 - place] is None
    expected = predict(network, trained[1].coefs, trained[1].intercepts, data.inputs[30:])
    np.testing.assert_allclose(outputs[place], expected, atol=1e-14)
    assert np.isnan(event.validation_score[1 - place])


def test_callbacks_hear_of_the_end_after_an_error():
    def fail(z):
        raise RuntimeError("no")

    network = make_network("binary", "cross_entropy", 1, Activation("bad", fail, fail))
    recorder = Recorder()
    with pytest.raises(RuntimeError, match="no"):
        train(
            network,
            [make_data("binary", 1)],
            [Member(0, np.arange(4), seed=0)],
            replace(SETTINGS, callbacks=(recorder,)),
        )
    assert recorder.ended == 1


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"activation": "swish"}, "'activation' parameter"),
        ({"loss": "hinge"}, "'loss' parameter"),
        ({"dropout": (0.1,)}, "each of 2 or 3 layers"),
        ({"init": "kaiming"}, "'init' parameter"),
        ({"engine": "jax"}, "'engine' parameter"),
        ({"device": "cuda"}, "runs on the CPU only"),
        ({"solver": "lbfgs", "dropout": 0.1}, "does not go with dropout"),
    ],
)
@pytest.mark.parametrize("stacked", [False, True])
def test_what_is_not_allowed_is_said(params, words, stacked):
    X, y = make_moons(20, random_state=0)
    model = MLPClassifier((3, 2), **params)
    with pytest.raises(ParameterError, match=words):
        FoldStack(model).fit(X, y, 2) if stacked else model.fit(X, y)


@pytest.mark.parametrize("engine", ENGINES)
def test_workers_and_groups_change_nothing(engine, monkeypatch):
    """Groups of one member, two threads: dropout masks, weights and buffers stay apart."""
    network, data = make_network("binary", "cross_entropy", 1, "relu"), make_data("binary", 1)
    rows = np.arange(40)
    members = [
        Member(0, rows[: 40 - 3 * s], seed=s, dropout=0.4 * (s % 2), validation_rows=rows[30:])
        for s in range(5)
    ]
    settings = replace(SETTINGS, engine=engine, solver="sgd", max_iter=20)
    together = train(network, [data], members, settings)
    monkeypatch.setattr(_batches, "_GROUP_BYTES", 1)
    use_two_workers({"numpy": _numpy_engine.NumpyEngine, "torch": TorchEngine}[engine], monkeypatch)
    for one, other in zip(together, train(network, [data], members, settings), strict=True):
        assert_same(one, other)


def test_threads_share_the_steps_of_an_odd_number_of_groups(monkeypatch):
    network, data = make_network("binary", "cross_entropy", 1, "relu"), make_data("binary", 1)
    members = [Member(0, np.arange(40), seed=seed) for seed in range(3)]
    for name in ("_GROUP_BYTES", "_BLOCK_BYTES"):
        monkeypatch.setattr(_batches, name, 1)
    use_two_workers(_numpy_engine.NumpyEngine, monkeypatch)
    run, workers = _numpy_engine.NumpyEngine.run, []

    def run_slowly(self, block):
        workers.append(block.worker)
        sleep(0.005)
        return run(self, block)

    monkeypatch.setattr(_numpy_engine.NumpyEngine, "run", run_slowly)
    train(network, [data], members, replace(SETTINGS, batch_size=1, max_iter=1))
    assert len(workers) == 3 * 40
    assert 0.4 < np.mean(workers) < 0.6


def use_two_workers(engine, monkeypatch):
    begin = engine.__init__

    def begin_with_two_workers(self, stack):
        begin(self, stack)
        self.n_workers = 2

    monkeypatch.setattr(engine, "__init__", begin_with_two_workers)
