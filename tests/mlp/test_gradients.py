"""The hand-derived gradients against finite differences and against autograd."""

from dataclasses import replace

import numpy as np
import pytest
from engine_cases import (
    ACTIVATIONS,
    HEADS,
    OUTPUTS,
    SMOOTH_ACTIVATIONS,
    UNLIKE_LAYERS,
    differentiate,
    make_data,
    make_network,
    name_of,
    start,
)

from crossfold.mlp._spec import Array, DataSet, Member, Network, Settings
from crossfold.mlp._training import train

STEP = 1e-6
PLAIN_SGD = Settings(dtype="float64", solver="sgd", momentum=0.0, batch_size=16)


def make_member(head: str, n_out: int, *, alpha: float, l1: float, dropout: float) -> Member:
    factors = {"binary": np.array([1.0, 3.0]), "regression": None}.get(
        head, np.linspace(1, 2, n_out)
    )
    return Member(
        0,
        np.arange(12),
        seed=3,
        alpha=alpha,
        l1=l1,
        dropout=dropout,
        focal_gamma=1.7,
        class_weight=factors,
        init="normal",
    )


def enlarge(network: Network, parameters: Array) -> Array:
    """Move parameters away from the kinks at zero, with exponentials less far."""
    scale = 0.2 if "exp" in network.activations else 0.7
    return np.random.default_rng(1).normal(scale=scale, size=parameters.shape)


def assert_slopes(network: Network, member: Member, data: DataSet) -> None:
    """Compare with central differences, one copy of the network for each moved parameter."""
    one, _ = start(network, data, [member], PLAIN_SGD)
    parameters = enlarge(network, one.parameters)
    used = one.factors.get("used", np.ones_like(parameters))
    n_parameters = parameters.shape[1]
    stack, block = start(network, data, [member] * (2 * n_parameters + 1), PLAIN_SGD)
    moves = np.vstack([np.zeros(n_parameters), STEP * np.eye(n_parameters)])
    moves = np.vstack([moves, -STEP * np.eye(n_parameters)])
    losses, gradients = differentiate(replace(stack, parameters=parameters + moves), block)
    up, down = losses[1 : n_parameters + 1], losses[n_parameters + 1 :]
    slopes = used[0] * (up - down) / (2 * STEP)
    np.testing.assert_allclose(gradients[0], slopes, rtol=1e-5, atol=1e-8)


def assert_equal_to_autograd(network: Network, member: Member, data: DataSet) -> None:
    stack, block = start(network, data, [member], PLAIN_SGD)
    stack = replace(stack, parameters=enlarge(network, stack.parameters))
    losses, gradients = differentiate(stack, block)
    in_torch = replace(stack, settings=replace(PLAIN_SGD, engine="torch", device="cpu"))
    torch_losses, torch_gradients = differentiate(in_torch, block)
    np.testing.assert_allclose(losses, torch_losses, atol=1e-10, rtol=0)
    np.testing.assert_allclose(gradients, torch_gradients, atol=1e-10, rtol=0)


@pytest.mark.parametrize(("alpha", "l1"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.3)])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize(("head", "loss", "n_out"), HEADS)
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=name_of)
def test_gradients_are_slopes_of_the_loss(activation, head, loss, n_out, dropout, alpha, l1):
    member = make_member(head, n_out, alpha=alpha, l1=l1, dropout=dropout)
    network = make_network(head, loss, n_out, activation)
    assert_slopes(network, member, make_data(head, n_out))


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize(("head", "loss", "n_out"), HEADS)
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=name_of)
def test_gradients_equal_autograd(activation, head, loss, n_out, dropout):
    member = make_member(head, n_out, alpha=0.5, l1=0.3, dropout=dropout)
    network = make_network(head, loss, n_out, activation)
    assert_equal_to_autograd(network, member, make_data(head, n_out))


@pytest.mark.parametrize(("head", "loss", "output"), OUTPUTS, ids=name_of)
@pytest.mark.parametrize("check", [assert_slopes, assert_equal_to_autograd])
def test_layers_that_differ_and_losses_on_any_output_have_right_gradients(
    check, head, loss, output
):
    n_out = 1 if head == "binary" else 3
    network = Network((4, 5, 3, n_out), ("tanh", "relu"), head, loss, output)
    check(network, UNLIKE_LAYERS, make_data(head, n_out))


@pytest.mark.parametrize("check", [assert_slopes, assert_equal_to_autograd])
@pytest.mark.parametrize("activation", SMOOTH_ACTIVATIONS)
def test_gradients_through_smooth_relatives_of_relu_are_right(activation, check):
    member = make_member("binary", 1, alpha=0.5, l1=0.0, dropout=0.4)
    check(make_network("binary", "cross_entropy", 1, activation), member, make_data("binary", 1))


@pytest.mark.parametrize("check", [assert_slopes, assert_equal_to_autograd])
@pytest.mark.parametrize(("head", "loss", "n_out"), HEADS[:6])
def test_gradients_against_smoothed_labels_are_right(head, loss, n_out, check):
    member = make_member(head, n_out, alpha=0.5, l1=0.0, dropout=0.0)
    network = replace(make_network(head, loss, n_out), label_smoothing=0.2)
    check(network, member, make_data(head, n_out))


@pytest.mark.parametrize("head", ["binary", "multiclass"])
def test_focal_loss_without_focus_is_cross_entropy(head):
    n_out = 1 if head == "binary" else 3
    member = Member(0, np.arange(12), seed=3, focal_gamma=0.0)
    results = []
    for loss in ("cross_entropy", "focal"):
        stack, block = start(
            make_network(head, loss, n_out), make_data(head, n_out), [member], PLAIN_SGD
        )
        results.append(np.append(*differentiate(stack, block)))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12)


def test_a_step_worked_by_hand():
    """One row ``x = (1, 2)``, ``y = 1`` through 2-2-1 with ReLU.

    ``z = (0.5·1 - 0.25·2 + 0.1, -1·1 + 0.75·2 + 0.2) = (0.1, 0.7) = a``; the logit is
    ``2·0.1 - 1·0.7 + 0.5 = 0``, so ``p = 1/2``, ``L = log 2`` and ``δ = p - y = -1/2``. Then
    ``dL/dV = δ a = (-0.05, -0.35)``, ``dL/dc = -0.5``, the layer below has
    ``δ = V δ = (-1, 0.5)``, ``dL/dW = x δᵀ`` and ``dL/db = δ``.
    """
    coefs = [np.array([[0.5, -1.0], [-0.25, 0.75]]), np.array([[2.0], [-1.0]])]
    intercepts = [np.array([0.1, 0.2]), np.array([0.5])]
    member = Member(
        0,
        np.array([0]),
        seed=0,
        alpha=0.0,
        learning_rate_init=0.1,
        start=(coefs, intercepts),
    )
    data = DataSet(np.array([[1.0, 2.0]]), np.array([[1.0]]))
    for engine in ("numpy", "torch"):
        settings = replace(PLAIN_SGD, max_iter=1, engine=engine, device="cpu")
        [trained] = train(Network((2, 2, 1)), [data], [member], settings)
        np.testing.assert_allclose(trained.history.train_loss, [np.log(2)])
        np.testing.assert_allclose(trained.coefs[1], [[2.005], [-0.965]])
        np.testing.assert_allclose(trained.intercepts[1], [0.55])
        np.testing.assert_allclose(trained.coefs[0], [[0.6, -1.05], [-0.05, 0.65]])
        np.testing.assert_allclose(trained.intercepts[0], [0.2, 0.15])
