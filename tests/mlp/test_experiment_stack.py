"""Experiments trained at once are those trained alone, whatever their shapes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix

from crossfold.mlp import EpochLog, ExperimentStack, FoldStack, MLPClassifier, faults
from crossfold.mlp.exceptions import DataError, DivergenceError, ParameterError

X, Y = load_digits(return_X_y=True)
X = X.astype(np.uint8)
N_TRAIN = 300  # the last batch of 64 is smaller
TRAIN, VALIDATION = slice(0, N_TRAIN), slice(1300, None)
EXPERIMENTS = [
    {"hidden_layer_sizes": (10,), "activation": "relu", "init": "he"},
    {"hidden_layer_sizes": (7, 5), "activation": "sigmoid", "random_state": 3},
    {"hidden_layer_sizes": (10,), "activation": "tanh", "alpha": 0.1, "use_bias": (False, True)},
    {"hidden_layer_sizes": (10,), "activation": "relu", "dropout": 0.3, "random_state": 4},
    {"hidden_layer_sizes": (6, 5, 4), "activation": "relu", "dropout": (0.2, 0.0, 0.1), "l1": 0.1},
    {"hidden_layer_sizes": (10,), "activation": "relu", "learning_rate_init": 0.01},
    {"hidden_layer_sizes": (10,), "weight_rate": (2.0, 0.5), "bias_rate": (0.1, 1.0)},
    {"hidden_layer_sizes": (3,), "periodic_embedding": 0.1},
]
SETTINGS = {
    "input_scale": 1 / 16,
    "dtype": "float64",
    "max_iter": 3,
    "batch_size": 64,
    "random_state": 0,
    "n_iter_no_change": np.inf,
}


def network(**changes):
    return MLPClassifier(**{**SETTINGS, **changes})


def train(experiments=EXPERIMENTS, score_every=1, **changes):
    return ExperimentStack(
        network(**changes), member_params=experiments, score_every=score_every
    ).fit(X[TRAIN], Y[TRAIN], validation_data=(X[VALIDATION], Y[VALIDATION]))


def assert_equal_weights(one, other, atol=1e-10):
    for a, b in zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.parametrize("batch_size", [64, "full"])
@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw"])
def test_a_stack_equals_its_experiments_one_by_one(engine, batch_size, solver):
    changes = {"engine": engine, "batch_size": batch_size, "solver": solver}
    together = train(**changes)
    for params, one in zip(EXPERIMENTS, together.estimators_, strict=True):
        [alone] = train([params], **changes).estimators_
        assert_equal_weights(one, alone)


@pytest.mark.parametrize("batch_size", [64, "full"])
def test_both_engines_give_equal_weights(batch_size):
    with_numpy = train(batch_size=batch_size)
    with_torch = train(batch_size=batch_size, engine="torch")
    for one, other in zip(with_numpy.estimators_, with_torch.estimators_, strict=True):
        assert_equal_weights(one, other)
    for one, other in zip(with_numpy.histories_, with_torch.histories_, strict=True):
        np.testing.assert_allclose(one.train_loss, other.train_loss)
        np.testing.assert_allclose(one.validation_score, other.validation_score)


@pytest.mark.parametrize("batch_size", [64, "full"])
def test_without_shuffling_an_experiment_is_a_classifier_trained_alone(batch_size):
    experiments = [params for params in EXPERIMENTS if "dropout" not in params]
    stack = train(experiments, batch_size=batch_size, shuffle=False)
    for params, one in zip(experiments, stack.estimators_, strict=True):
        alone = network(batch_size=batch_size, shuffle=False).set_params(**params)
        assert_equal_weights(one, alone.fit(X[TRAIN], Y[TRAIN]))


def test_dropout_masks_of_a_full_batch_are_those_of_a_fold_stack():
    params = {**EXPERIMENTS[3], "batch_size": "full", "shuffle": False}
    stack = train([params], batch_size="full")
    rows = np.arange(N_TRAIN)
    folds = FoldStack(network().set_params(**params)).fit(X, Y, [(rows, rows[:0])])
    assert_equal_weights(stack.estimators_[0], folds.estimators_[0][0])


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_partial_fit_goes_on_from_an_experiment_and_its_optimiser(engine):
    changes = {"shuffle": False, "learning_rate": "constant", "engine": engine}
    one = train([EXPERIMENTS[1]], max_iter=1, **changes).estimators_[0]
    alone = network(**changes).set_params(**EXPERIMENTS[1])
    alone.partial_fit(X[TRAIN], Y[TRAIN], classes=np.arange(10))
    assert_equal_weights(one, alone)
    assert_equal_weights(one.partial_fit(X[TRAIN], Y[TRAIN]), alone.partial_fit(X[TRAIN], Y[TRAIN]))


@pytest.mark.parametrize(("score_every", "scored"), [(2, [2, 3]), ((1,), [1, 3])])
def test_callbacks_hear_of_the_scored_epochs_of_experiments(score_every, scored):
    class Recorder(EpochLog):
        def on_epoch_end(self, event):
            heard.append(event)

    heard = []
    stack = train(EXPERIMENTS[:2], score_every=score_every, callbacks=[Recorder(dict)])
    assert [event.epoch for event in heard] == scored
    for place, history in enumerate(stack.histories_):
        assert [event.train_score[place] for event in heard] == history.train_score
        counts = [event.validation_confusion[place] for event in heard]
        np.testing.assert_array_equal(counts, history.validation_confusion)


def test_the_seed_of_the_stack_orders_the_rows_and_that_of_a_member_its_start():
    one, other = train(random_state=0), train(random_state=1)
    assert not np.allclose(one.estimators_[1].coefs_[0], other.estimators_[1].coefs_[0])
    frozen = {"learning_rate_init": 1e-300, "solver": "sgd"}
    params = [{**EXPERIMENTS[1], **frozen}, {**EXPERIMENTS[1], "random_state": 5, **frozen}]
    first, second = (train(params, random_state=seed).estimators_ for seed in (0, 1))
    assert_equal_weights(first[0], second[0], atol=1e-200)
    assert not np.allclose(first[0].coefs_[0], first[1].coefs_[0])


def test_histories_hold_what_the_estimators_score():
    stack = train(score_every=2, max_iter=5)
    for one, history in zip(stack.estimators_, stack.histories_, strict=True):
        np.testing.assert_array_equal(history.epochs, [2, 4, 5])
        assert history.train_score[-1] == pytest.approx(one.score(X[TRAIN], Y[TRAIN]))
        expected = one.score(X[VALIDATION], Y[VALIDATION])
        assert history.validation_score[-1] == pytest.approx(expected)
        counted = confusion_matrix(Y[VALIDATION], one.predict(X[VALIDATION]))
        np.testing.assert_array_equal(history.validation_confusion[-1], counted)
        probabilities = one.predict_proba(X[VALIDATION])
        loss = -np.log(probabilities[np.arange(len(probabilities)), Y[VALIDATION]]).mean()
        assert history.validation_loss[-1] == pytest.approx(loss)
        assert (np.diff(history.seconds) > 0).all()


def test_two_classes_are_scored_as_well():
    rows = np.flatnonzero(Y < 2)
    stack = ExperimentStack(network(), member_params=[{}]).fit(
        X[rows], Y[rows], validation_data=(X[rows], Y[rows])
    )
    [estimator], [history] = stack.estimators_, stack.histories_
    assert history.validation_score[-1] == estimator.score(X[rows], Y[rows])
    counted = confusion_matrix(Y[rows], estimator.predict(X[rows]))
    np.testing.assert_array_equal(history.validation_confusion[-1], counted)


def test_an_experiment_that_diverges_leaves_the_others_alone():
    params = [EXPERIMENTS[0], {**EXPERIMENTS[0], "learning_rate_init": 1e30}]
    stack = train(params, solver="sgd", dtype="float32")
    assert stack.diverged_.tolist() == [False, True]
    [alone] = train(params[:1], solver="sgd", dtype="float32").estimators_
    assert_equal_weights(stack.estimators_[0], alone, atol=1e-4)
    with pytest.raises(DivergenceError, match=r"training diverged.*lower learning_rate_init"):
        stack.estimators_[1].predict(X[VALIDATION])


def test_a_loss_that_reads_the_whole_batch_gets_it():
    rows, seen = np.arange(N_TRAIN), []

    def residual(z, y, gamma, out):
        seen.append(z.shape[-1])
        faults.GLOBAL_MAX_SOFTMAX.residual(z, y, gamma, out)

    loss = type(faults.GLOBAL_MAX_SOFTMAX)(
        faults.GLOBAL_MAX_SOFTMAX.terms, residual, whole_batch=True
    )
    train(EXPERIMENTS[:1], batch_size="full", max_iter=1, loss=loss)
    assert seen == [len(rows)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_layer_sizes": ()}, "Experiment 0: .*hidden layer"),
        ({"early_stopping": True}, "early_stopping"),
        ({"class_weight": "balanced"}, "class_weight"),
        ({"learning_rate": "adaptive"}, "learning_rate other than"),
        ({"momentums": 1}, "has no such parameter"),
        ({"batch_size": 7}, "batch_size must be the same"),
    ],
)
def test_what_it_does_not_do_is_refused(changes, message):
    with pytest.raises(ParameterError, match=message):
        train([changes, {}])


def test_rows_to_score_must_fit_the_training_rows():
    stack = ExperimentStack(network(), member_params=[{}])
    with pytest.raises(ValueError, match="5 features"):
        stack.fit(X[TRAIN], Y[TRAIN], validation_data=(X[VALIDATION, :5], Y[VALIDATION]))
    with pytest.raises(DataError, match="not among the classes"):
        stack.fit(X[TRAIN], Y[TRAIN], validation_data=(X[VALIDATION], Y[VALIDATION] + 5))
    with pytest.raises(DataError, match="one class per row"):
        stack.fit(X, np.eye(10, dtype=int)[Y])
    with pytest.raises(ParameterError, match="member_params is empty"):
        ExperimentStack(network(), member_params=[]).fit(X, Y)
