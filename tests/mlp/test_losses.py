"""Losses, activations and initialisers against their definitions."""

import numpy as np
import pytest
import torch
from engine_cases import ACTIVATIONS, SMOOTH_ACTIVATIONS, name_of
from scipy.special import softmax as scipy_softmax

from crossfold.mlp._engine import Layout
from crossfold.mlp._functions import LOSSES, apply_link, bind, loss_of, softplus
from crossfold.mlp._spec import LINKS, Member, Network
from crossfold.mlp._start import INITIALIZERS, draw_start

ROWS = np.arange(3)
Z = np.array([-3.0, -2.5, -1.0, -0.0, 0.0, 0.5, 2.5, 3.0])
EXPECTED = {
    "relu": np.maximum(Z, 0),
    "leaky_relu": np.where(Z > 0, Z, 0.01 * Z),
    "selu": 1.0507009873554805 * np.where(Z > 0, Z, 1.6732632423543772 * np.expm1(Z)),
    "silu": Z / (1 + np.exp(-Z)),
    "mish": Z * np.tanh(np.log1p(np.exp(Z))),
    "sigmoid": 1 / (1 + np.exp(-Z)),
    "tanh": np.tanh(Z),
    "hard_sigmoid": [0, 0, 0.3, 0.5, 0.5, 0.6, 1, 1],
    "linear": Z,
    "exp": np.exp(Z),
    "sin": np.sin(Z),
    "softmax": scipy_softmax(Z),
    "softsign": Z / (1 + np.abs(Z)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", [*ACTIVATIONS, *SMOOTH_ACTIVATIONS], ids=name_of)
def test_activations_have_their_values(activation, dtype):
    z = np.tile(Z.astype(dtype)[:, None], (2, 1, 3))
    bind(activation, z).forward()
    expected = EXPECTED[name_of(activation) or activation]
    np.testing.assert_allclose(z[1, :, 2], expected, rtol=1e-5, atol=1e-7)


def test_relu_has_slope_zero_at_zero_as_everywhere_below():
    z = np.array([-1.0, 0.0, 1e-300, 2.0]).reshape(1, 4, 1)
    relu = bind("relu", z)
    relu.forward()
    delta = np.full((1, 4, 1), -3.0)
    relu.backward(delta)
    np.testing.assert_array_equal(delta.ravel(), [0, 0, -3, -3])


@pytest.mark.parametrize("head", ["binary", "multiclass"])
@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
def test_losses_stay_exact_where_probabilities_round_to_one(head, loss):
    """Logits so far out that a clipped loss could not tell them apart."""
    z = np.array([[1e4, -500.0], [0.0, 0.0]], dtype=np.float32)
    y = np.array([[0.0, 1.0], [1.0, 0.0]], dtype=np.float32)
    gamma = np.array(0.5, dtype=np.float32)
    terms, residual = LOSSES[LINKS[head]][loss].terms(z, y, gamma), np.empty_like(z)
    LOSSES[LINKS[head]][loss].residual(z, y, gamma, residual)
    assert np.isfinite(residual).all()
    np.testing.assert_allclose(terms.max(axis=0), [1e4, 500.0], rtol=1e-5)


def test_softplus_neither_overflows_nor_vanishes():
    np.testing.assert_allclose(softplus(np.array([-800.0, 0.0, 800.0])), [0, np.log(2), 800])


@pytest.mark.parametrize("head", ["binary", "multiclass"])
def test_label_smoothing_is_that_of_pytorch(head):
    """Two logits of PyTorch's softmax are one logit of a sigmoid, their difference."""
    z, classes = np.random.default_rng(0).normal(size=(5, 3)), [0, 1, 1, 0, 1]
    y = np.eye(3)[classes].T
    if head == "binary":
        z, y = z[:, :2], y[1:2]
    reference = torch.nn.functional.cross_entropy(
        torch.tensor(z), torch.tensor(classes), label_smoothing=0.2, reduction="none"
    )
    logits = (z[:, 1:] - z[:, :1]).T if head == "binary" else z.T
    network = Network((1, len(y)), head=head, label_smoothing=0.2)
    terms = loss_of(network).terms(logits, y, np.array(0.0))
    np.testing.assert_allclose(terms.sum(axis=0), reference, rtol=1e-12)


def test_focal_loss_is_the_papers():
    """``-(1 - p_t)^gamma log p_t`` for a row of each class."""
    z, y = np.array([[0.3, 0.3]]), np.array([[1.0, 0.0]])
    p = 1 / (1 + np.exp(-0.3))
    expected = [-((1 - p) ** 2) * np.log(p), -(p**2) * np.log(1 - p)]
    np.testing.assert_allclose(LOSSES["sigmoid"]["focal"].terms(z, y, np.array(2.0))[0], expected)


def test_links_give_probabilities():
    logits = np.array([[1000.0, 0.0], [-1000.0, 0.0]])
    shares = [[1, 0.5], [0, 0.5]]
    for head, expected in (("binary", shares), ("multiclass", shares), ("regression", logits)):
        outputs = apply_link(Network((1, 2), head=head), logits.copy())
        np.testing.assert_array_equal(outputs, expected)


@pytest.mark.parametrize(
    ("init", "spread"),
    [
        ("he", np.sqrt(2 / 300)),
        ("xavier", np.sqrt(2 / (300 + 200))),
        ("uniform", 0.05 / np.sqrt(3)),
        ("normal", 0.05),
        ("glorot_uniform", np.sqrt(2 / (300 + 200))),
        ("lecun", 1 / np.sqrt(300)),
        ("pytorch", 1 / np.sqrt(3 * 300)),
        ("zeros", 0),
        ("ones", 0),
    ],
)
def test_initializers_have_their_spread(init, spread):
    weights = INITIALIZERS[init](np.random.default_rng(0), 300, 200, (300, 200))
    assert weights.shape == (300, 200)
    assert weights.std() == pytest.approx(spread, rel=0.02)
    assert weights.mean() == pytest.approx(float(init == "ones"), abs=1e-3)


@pytest.mark.parametrize("activation", [*ACTIVATIONS, *SMOOTH_ACTIVATIONS], ids=name_of)
def test_auto_is_he_for_relu_kinds_and_xavier_for_others(activation):
    layout = Layout((6, 4, 1))
    named = "he" if activation in {"relu", "leaky_relu", "silu", "mish"} else "xavier"
    network = Network(layout.sizes, activation)
    auto, expected = (
        draw_start(np.random.default_rng(0), layout, member, network, "float32")
        for member in (Member(0, ROWS, 0, init="auto"), Member(0, ROWS, 0, init=named))
    )
    np.testing.assert_array_equal(auto, expected)
    assert not layout.split(auto)[1][0].any()


def test_a_bounded_start_fills_its_bounds_biases_too_after_all_weights():
    layout, network = Layout((200, 30, 10)), Network((200, 30, 10))
    rng = np.random.default_rng(0)
    for init, bounds in ((0.25, (0.25, 0.25)), ("pytorch", (200**-0.5, 30**-0.5))):
        member = Member(0, ROWS, 0, init=init, bias_init=init)
        drawn = draw_start(np.random.default_rng(0), layout, member, network, "float64")
        coefs, intercepts = layout.split(drawn)
        for array, bound in zip(coefs + intercepts, 2 * bounds, strict=True):
            assert 0.4 * bound < -array.min() <= bound
            assert 0.4 * bound < array.max() <= bound
    rng = np.random.default_rng(0)
    shapes = [(200, 30), (30, 10), (30,), (10,)]
    again = [rng.uniform(-0.25, 0.25, size=shape) for shape in shapes]
    first = Member(0, ROWS, 0, init=0.25, bias_init=0.25)
    coefs, intercepts = layout.split(
        draw_start(np.random.default_rng(0), layout, first, network, "float64")
    )
    for array, expected in zip(coefs + intercepts, again, strict=True):
        np.testing.assert_array_equal(array, expected)
