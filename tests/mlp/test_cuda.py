"""The PyTorch engine on a CUDA device; results equal the CPU's within float32 rounding."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from engine_cases import HEADS, SOFTSIGN, make_data, make_network

from crossfold.mlp import _torch_engine
from crossfold.mlp._spec import Member, Settings
from crossfold.mlp._torch_engine import TorchEngine, choose_device
from crossfold.mlp._training import train
from crossfold.mlp.exceptions import ParameterError

needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="PyTorch finds no CUDA device on this machine"
)
ROWS = np.arange(40)
MEMBERS = [
    Member(0, ROWS[:30], seed=1, validation_rows=ROWS[30:], alpha=0.1),
    Member(0, ROWS[8:], seed=2, l1=0.01, focal_gamma=2.0, learning_rate_init=0.01),
    Member(0, ROWS[:7], seed=3),
]
SETTINGS = Settings(engine="torch", batch_size=8, max_iter=5)


def assert_close(one, other, atol):
    np.testing.assert_allclose(one.history.train_loss, other.history.train_loss, atol=atol)
    np.testing.assert_allclose(
        one.history.validation_loss, other.history.validation_loss, atol=atol
    )
    for a, b in zip(one.coefs + one.intercepts, other.coefs + other.intercepts, strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


@needs_cuda
@pytest.mark.cuda
@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize(("head", "loss", "n_out"), HEADS)
def test_cuda_equals_the_cpu(head, loss, n_out, solver):
    network, data = make_network(head, loss, n_out, "relu"), make_data(head, n_out)
    settings = replace(SETTINGS, solver=solver)
    members = [*MEMBERS[:2], replace(MEMBERS[2], layer_sizes=(4, 4, 2, n_out))]
    on_cpu = train(network, [data], members, replace(settings, device="cpu"))
    on_cuda = train(network, [data], members, replace(settings, device="cuda"))
    for one, other in zip(on_cpu, on_cuda, strict=True):
        assert_close(one, other, 1e-4)


@needs_cuda
@pytest.mark.cuda
def test_members_leave_a_stack_on_cuda():
    network, data = make_network("binary", "cross_entropy", 1), make_data("binary", 1)
    settings = replace(SETTINGS, device="cuda", early_stopping=True, n_iter_no_change=2)
    members = [
        Member(0, ROWS[:28], seed=s, validation_rows=ROWS[28:], learning_rate_init=rate)
        for s, rate in enumerate([0.02, 1e-6, 0.1])
    ]
    together = train(network, [data], members, replace(settings, max_iter=40))
    for member, one in zip(members, together, strict=True):
        assert_close(one, train(network, [data], [member], replace(settings, max_iter=40))[0], 1e-4)


@needs_cuda
@pytest.mark.cuda
def test_a_captured_step_equals_the_step_itself(monkeypatch):
    network, data = make_network("binary", "cross_entropy", 1), make_data("binary", 1)
    settings = replace(SETTINGS, device="cuda")
    graphed = train(network, [data], MEMBERS, settings)
    monkeypatch.setattr(_torch_engine, "GraphedStep", lambda step: step)
    for one, other in zip(graphed, train(network, [data], MEMBERS, settings), strict=True):
        assert_close(one, other, 1e-6)


@needs_cuda
@pytest.mark.cuda
def test_an_activation_of_the_users_own_runs_without_a_graph():
    network, data = make_network("binary", "cross_entropy", 1, SOFTSIGN), make_data("binary", 1)
    [on_cpu] = train(network, [data], MEMBERS[:1], replace(SETTINGS, device="cpu"))
    [on_cuda] = train(network, [data], MEMBERS[:1], replace(SETTINGS, device="cuda"))
    assert_close(on_cpu, on_cuda, 1e-4)


@needs_cuda
@pytest.mark.cuda
def test_dropout_on_cuda_repeats_with_the_seed():
    network, data = make_network("binary", "cross_entropy", 1), make_data("binary", 1)
    settings, member = replace(SETTINGS, device="cuda"), replace(MEMBERS[0], dropout=0.5)
    first, second = (train(network, [data], [member], settings)[0] for _ in range(2))
    assert_close(first, second, 0)
    assert (
        first.history.train_loss
        != train(network, [data], MEMBERS[:1], settings)[0].history.train_loss
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_missing_device_is_said_and_auto_takes_the_cpu():
    with pytest.raises(ParameterError, match="no CUDA device"):
        choose_device("cuda")
    assert choose_device("auto").type == "cpu"


def test_an_engine_that_draws_its_own_masks_repeats_them_with_the_seed(monkeypatch):
    """The way in which masks are drawn on a device, tried on the CPU."""
    init = TorchEngine.__init__

    def draw_here(self, stack):
        init(self, stack)
        self.n_workers = 0
        monkeypatch.setattr(_torch_engine, "GraphedStep", lambda step: step)

    monkeypatch.setattr(TorchEngine, "__init__", draw_here)
    network, data = make_network("binary", "cross_entropy", 1), make_data("binary", 1)
    settings = replace(SETTINGS, device="cpu")
    dropped = [replace(member, dropout=(0.5, 0.0)) for member in MEMBERS]
    plain = train(network, [data], MEMBERS[:1], settings)
    first, second = (train(network, [data], dropped[:1], settings) for _ in range(2))
    assert_close(first[0], second[0], 0)
    assert first[0].history.train_loss != plain[0].history.train_loss
