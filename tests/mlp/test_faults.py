"""Each fault changes the backward pass as it says, and leaves the forward pass alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, log_softmax

from crossfold.mlp import MLPClassifier, faults
from crossfold.mlp._functions import LOSSES

RNG = np.random.default_rng(0)
ACTIVATIONS = {"relu": lambda z: np.maximum(z, 0), "sigmoid": expit, "tanh": np.tanh}


@pytest.fixture(scope="module")
def rows():
    return RNG.normal(size=(12, 4)).astype("float64"), np.arange(12) % 3


def step_from(rows, **changes):
    """Give the change of the weights of one full-batch step of size 1."""
    X, y = rows
    start = [RNG_START[0], RNG_START[1]], [np.zeros(5), np.zeros(3)]
    model = MLPClassifier(
        (5,),
        solver="sgd",
        momentum=0,
        learning_rate_init=1.0,
        alpha=0,
        batch_size="full",
        max_iter=1,
        n_iter_no_change=np.inf,
        dtype="float64",
        init=lambda generator, sizes: start,
        **changes,
    ).fit(X, y)
    return [after - before for after, before in zip(model.coefs_, start[0], strict=True)]


RNG_START = [RNG.normal(size=(4, 5)), RNG.normal(size=(5, 3))]


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize(
    ("fault", "slope"),
    [
        (faults.relu_as_derivative, lambda z: np.maximum(z, 0)),
        (faults.without_derivative, np.ones_like),
    ],
)
def test_a_wrong_derivative_is_the_one_it_names(rows, name, fault, slope):
    X, y = rows
    z = X @ RNG_START[0]
    a = ACTIVATIONS[name](z)
    residual = np.exp(log_softmax(a @ RNG_START[1], axis=1)) - np.eye(3)[y]
    first, second = step_from(rows, activation=fault(name))
    delta = residual @ RNG_START[1].T * slope(z)
    np.testing.assert_allclose(first, -X.T @ delta / len(X), atol=1e-12)
    np.testing.assert_allclose(second, -a.T @ residual / len(X), atol=1e-12)


def test_the_right_derivative_is_another_one(rows):
    right, _ = step_from(rows, activation="tanh")
    wrong, _ = step_from(rows, activation=faults.relu_as_derivative("tanh"))
    assert np.abs(right - wrong).max() > 1e-3


def test_global_maximum_is_harmless_until_a_row_lies_far_below_it():
    near, far = np.array([[0.0, 1.0], [2.0, 0.5]]), np.array([[0.0, 2000.0], [1.0, 0.0]])
    y, gamma, out = np.array([[1.0, 0.0], [0.0, 1.0]]), np.zeros(1), np.empty((2, 2))
    right = np.empty((2, 2))
    LOSSES["softmax"]["cross_entropy"].residual(near, y, gamma, right)
    faults.GLOBAL_MAX_SOFTMAX.residual(near, y, gamma, out)
    np.testing.assert_allclose(out, right, atol=1e-12)
    faults.GLOBAL_MAX_SOFTMAX.residual(far, y, gamma, out)
    assert np.isnan(out[:, 0]).all()
    assert np.isfinite(out[:, 1]).all()


@pytest.mark.parametrize("loss", [faults.GLOBAL_MAX_SOFTMAX, faults.whole_batches_only(2)])
def test_pytorch_takes_the_same_step_with_a_loss_of_ones_own(rows, loss):
    numpy, torch = (step_from(rows, loss=loss, engine=engine) for engine in ("numpy", "torch"))
    for one, other in zip(numpy, torch, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_a_batch_that_is_not_whole_is_not_learned_from():
    loss, right = faults.whole_batches_only(4), LOSSES["softmax"]["cross_entropy"]
    z, y, gamma = RNG.normal(size=(3, 4)), np.eye(3)[:, [0, 1, 2, 0]], np.zeros(1)
    out, expected = np.empty_like(z), np.empty_like(z)
    loss.residual(z, y, gamma, out)
    right.residual(z, y, gamma, expected)
    np.testing.assert_array_equal(out, expected)
    loss.residual(z[:, :3], y[:, :3], gamma, out[:, :3])
    assert (out[:, :3] == 0).all()
    np.testing.assert_array_equal(loss.terms(z, y, gamma), right.terms(z, y, gamma))


def test_whole_batches_take_as_many_steps_from_rows_that_fill_them(rows):
    from crossfold.mlp import ExperimentStack

    X, y = rows
    network = MLPClassifier((5,), solver="sgd", momentum=0, alpha=0, batch_size=5, max_iter=3)
    network.set_params(random_state=0, dtype="float64", shuffle=False)

    def weights(X, y, **loss):
        members = [{"hidden_layer_sizes": (5,), "random_state": 1, **loss}]
        return ExperimentStack(network, member_params=members).fit(X, y).estimators_[0].coefs_[0]

    cut = weights(X, y, loss=faults.whole_batches_only(5))
    np.testing.assert_allclose(cut, weights(X[:10], y[:10]), atol=1e-12)
    assert np.abs(cut - weights(X, y)).max() > 1e-6
