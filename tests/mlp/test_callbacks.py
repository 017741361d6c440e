import logging
import re
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.metrics import f1_score

from crossfold.mlp import (
    EpochLog,
    ExperimentStack,
    FoldStack,
    MLPClassifier,
    MLPRegressor,
    ProgressBar,
    metrics,
)
from crossfold.mlp.callbacks import Callback
from crossfold.mlp.exceptions import ParameterError

QUICK = {
    "hidden_layer_sizes": (5,),
    "learning_rate_init": 0.05,
    "n_iter_no_change": float("inf"),
    "random_state": 0,
}
ERASED_LINE = "\x1b[2K"
ROWS = np.arange(80)
FOLDS = [(ROWS[:50], ROWS[50:]), (ROWS[20:], ROWS[:20]), (ROWS, [])]


@pytest.fixture(scope="module")
def moons():
    return make_moons(80, noise=0.1, random_state=0)


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_log_records_figures_of_every_network_and_epoch(moons, engine):
    X, y = moons
    log = EpochLog(lambda targets, outputs: {"f1": f1_score(targets, outputs > 0.4)})
    network = MLPClassifier(**QUICK, max_iter=4, engine=engine, callbacks=[log])
    members = [{}, {"random_state": 1}]
    stack = FoldStack(network, member_params=members).fit(X, y, FOLDS)
    assert len(log.records) == 2 * 2 * 4
    last = {record[:2]: record.value for record in log.records if record.epoch == 4}
    for member in range(2):
        for fold, (_, rows) in enumerate(FOLDS[:2]):
            probability = stack.estimators_[member][fold].predict_proba(X[rows])[:, 1]
            assert last[member, fold] == f1_score(y[rows], probability > 0.4)


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_log_records_figures_of_the_rows_that_were_learnt_from(moons, engine):
    X, y = moons
    log = EpochLog(
        lambda targets, outputs: {},
        lambda targets, outputs: {"train_f1": f1_score(targets, outputs > 0.4)},
    )
    network = MLPClassifier(**QUICK, max_iter=4, engine=engine, callbacks=[log])
    stack = FoldStack(network).fit(X, y, FOLDS)
    assert len(log.records) == 3 * 4
    last = {record.fold: record.value for record in log.records if record.epoch == 4}
    for fold, (rows, _) in enumerate(FOLDS):
        probability = stack.estimators_[0][fold].predict_proba(X[rows])[:, 1]
        assert last[fold] == f1_score(y[rows], probability > 0.4)


def test_a_log_of_training_rows_leaves_the_training_as_it_is(moons):
    plain, logged = (
        MLPClassifier(**QUICK, max_iter=4, callbacks=callbacks).fit(*moons)
        for callbacks in ([], [EpochLog(lambda *_: {}, lambda *_: {"nothing": 0.0})])
    )
    for one, other in zip(plain.coefs_, logged.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)


def test_log_gives_several_classes_as_columns(moons):
    X, _ = moons
    shapes = []
    log = EpochLog(lambda targets, outputs: shapes.append((targets.shape, outputs.shape)) or {})
    network = MLPClassifier(**QUICK, max_iter=1, callbacks=[log])
    FoldStack(network).fit(X, np.arange(80) % 3, FOLDS[:1])
    assert shapes == [((30, 3), (30, 3))]


def test_log_starts_anew_with_each_training(moons):
    log = EpochLog(lambda targets, outputs: {"mean": outputs.mean()})
    network = MLPClassifier(**QUICK, max_iter=3, early_stopping=True, callbacks=[log])
    for _ in range(2):
        network.fit(*moons)
        assert [record.epoch for record in log.records] == [1, 2, 3]


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_a_callback_stops_members(moons, engine):
    class Stopper(Callback):
        def on_epoch_end(self, event):
            return {2: [1, 5], 4: event.members}.get(event.epoch)

    network = MLPClassifier(**{**QUICK, "n_iter_no_change": 9}, max_iter=6, engine=engine)
    network.set_params(learning_rate="constant", callbacks=[Stopper()])
    stack = FoldStack(network, member_params=[{}, {"alpha": 1.0}]).fit(*moons, FOLDS)
    n_epochs = [[one.n_iter_ for one in member] for member in stack.estimators_]
    assert n_epochs == [[4, 2, 4], [4, 4, 2]]


def test_training_is_silent_unless_asked(moons, caplog, capfd):
    with caplog.at_level(logging.DEBUG):
        MLPClassifier(**QUICK, max_iter=5).fit(*moons)
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_verbose_training_prints_a_line_for_each_epoch(moons, capsys):
    model = MLPClassifier(**QUICK, max_iter=3, verbose=True).fit(*moons)
    expected = [f"Iteration {n}, loss = {loss:.8f}" for n, loss in enumerate(model.loss_curve_, 1)]
    assert capsys.readouterr().out.splitlines() == expected


@pytest.mark.parametrize(("max_iter", "n_lines"), [(1, 1), (10, 10), (25, 9), (200, 10)])
def test_progress_is_about_ten_log_lines_without_a_terminal(moons, caplog, max_iter, n_lines):
    with caplog.at_level(logging.INFO, logger="crossfold.mlp"):
        MLPClassifier(**QUICK, max_iter=max_iter, callbacks=[ProgressBar()]).fit(*moons)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == n_lines
    assert lines[-1].startswith(f"epoch {max_iter} of {max_iter}: training loss 0.")
    assert lines[-1].endswith("networks running: 1")


@pytest.mark.parametrize(
    ("options", "figures"),
    [({}, r"loss 0\.\d{4} "), ({"early_stopping": True}, r"loss 0\.\d{4}, score [01]\.\d{4}")],
    ids=["loss", "loss and score"],
)
def test_progress_is_a_bar_on_a_terminal_that_is_gone_at_the_end(
    moons, capsys, monkeypatch, options, figures
):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "120")
    MLPClassifier(**QUICK, max_iter=3, callbacks=[ProgressBar()], **options).fit(*moons)
    captured = capsys.readouterr()
    text = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", captured.err)
    assert "training a network" in text
    assert re.search(rf"epoch 3/3 {figures}", text)
    assert captured.err.rstrip("\r").endswith(ERASED_LINE)
    assert captured.out == ""


def test_only_the_first_process_draws_a_bar(moons, capsys, monkeypatch, caplog):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("crossfold.mlp.callbacks.parent_process", lambda: "another")
    caplog.set_level("INFO", "crossfold.mlp")
    MLPClassifier(**QUICK, max_iter=1, callbacks=[ProgressBar()]).fit(*moons)
    assert capsys.readouterr().err == ""
    assert "epoch 1 of 1" in caplog.text


def test_import_is_light():
    code = (
        "import sys, crossfold.mlp\n"
        "heavy = {'torch', 'pandas', 'kedro', 'sklearn', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "from crossfold.mlp import MLPClassifier, FoldStack, load\n"
        "heavy = {'torch', 'kedro', 'matplotlib', 'imblearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_metrics_are_named(moons, caplog, n_classes):
    X, y = moons[0], np.arange(80) % n_classes
    log = EpochLog(("accuracy", "f1"), train_metrics=("recall",))
    bar = ProgressBar(metrics=("precision", "f1"))
    model = MLPClassifier(**QUICK, max_iter=2)
    with caplog.at_level(logging.INFO, logger="crossfold.mlp"):
        model.fit(X[:50], y[:50], validation_data=(X[50:], y[50:]), callbacks=[log, bar])
    last = {record.name: record.value for record in log.records if record.epoch == 2}
    average = {"average": "binary" if n_classes == 2 else "macro", "zero_division": 0}
    predicted = model.predict(X[50:])
    assert last["accuracy"] == metrics.accuracy(y[50:], predicted)
    assert last["f1"] == metrics.f1(y[50:], predicted, **average)
    assert last["recall"] == metrics.recall(y[:50], model.predict(X[:50]), **average)
    precision = metrics.precision(y[50:], predicted, **average)
    assert f"precision {precision:.4f}, f1 {last['f1']:.4f}, networks" in caplog.text


def test_r2_is_of_values_and_other_names_are_refused(moons):
    X, y = moons
    log = EpochLog(["r2"], ["r2"])
    model = MLPRegressor(**QUICK, max_iter=2).fit(X, y, callbacks=[log])
    assert log.records[-1].value == pytest.approx(model.score(X, y))
    with pytest.raises(ParameterError, match="metrics names 'auc'; choose from accuracy"):
        model.fit(X, y, validation_data=(X, y), callbacks=[ProgressBar(metrics=["auc"])])


class Watch:
    """Keeps what each event says."""

    def __init__(self, every_steps=None):
        self.every_steps, self.seen = every_steps, []

    def on_train_begin(self, members, data_sets, max_iter):
        self.seen = []

    def on_epoch_end(self, event):
        asked = ("weights", "validation_outputs", "validation_targets", "train_outputs")
        kept = {name: getattr(event, name)() for name in (*asked, "train_targets")}
        self.seen.append((event.epoch, float(event.train_loss[0]), kept))

    def on_train_end(self):
        pass


@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_a_callback_may_ask_for_truth_outputs_and_weights(moons, kind, engine):
    X, y = moons
    watch = Watch()
    model = kind(**QUICK, max_iter=2, engine=engine)
    model.fit(X[:50], y[:50], validation_data=(X[50:], y[50:]), callbacks=[watch])
    epoch, loss, last = watch.seen[-1]
    assert (epoch, loss) == (2, model.loss_curve_[-1])
    [(coefs, intercepts)] = last["weights"]
    for ours, kept in zip(coefs + intercepts, model.coefs_ + model.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, kept)
    for rows, part in ((slice(50), "train"), (slice(50, None), "validation")):
        np.testing.assert_array_equal(last[f"{part}_targets"][0][:, 0], y[rows])
        outputs = last[f"{part}_outputs"][0]
        np.testing.assert_allclose(outputs, model._outputs(X[rows]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_scoring_every_few_steps_leaves_the_training_as_it_is(moons, engine):
    X, y = moons
    watch, whole = Watch(every_steps=3), Watch()
    model = MLPClassifier(**QUICK, max_iter=2, batch_size=10, engine=engine)
    plain = clone(model).fit(X, y)
    model.fit(X, y, callbacks=[watch, whole])
    epochs = [epoch for epoch, _, _ in watch.seen]
    assert epochs == [3 / 8, 6 / 8, 1, 1 + 3 / 8, 1 + 6 / 8, 2]
    assert [epoch for epoch, _, _ in whole.seen] == [1, 2]
    assert model.loss_curve_ == pytest.approx(plain.loss_curve_)
    for one, other in zip(model.coefs_, plain.coefs_, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    short = clone(model).set_params(learning_rate="constant", max_iter=1, shuffle=False)
    short.fit(X, y, callbacks=[watch])
    part = clone(short).fit(X[:30], y[:30])
    (_, loss, kept), *_ = watch.seen
    assert loss == pytest.approx(part.loss_curve_[0])
    np.testing.assert_allclose(kept["weights"][0][0][0], part.coefs_[0], atol=1e-6)


def test_a_log_of_steps_has_parts_of_epochs_of_every_fold_and_experiment(moons):
    X, y = moons
    log = EpochLog(["accuracy"], every_steps=4)
    network = MLPClassifier(**QUICK, max_iter=1, batch_size=10, callbacks=[log])
    FoldStack(network).fit(X, y, FOLDS[:2])
    assert {record.epoch for record in log.records} == {4 / 6, 1}
    watch = Watch(every_steps=4)
    network.set_params(callbacks=[watch])
    ExperimentStack(network, member_params=[{}, {"activation": "tanh"}]).fit(X, y)
    assert [(epoch, len(kept["weights"])) for epoch, _, kept in watch.seen] == [(0.5, 2), (1, 2)]
