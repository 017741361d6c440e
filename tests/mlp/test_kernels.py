"""Kernels that numba compiles give what NumPy gives, bit for bit."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from engine_cases import make_data, make_network
from scipy.sparse import csr_array

from crossfold.mlp._functions import compiled, relu, relu_slope
from crossfold.mlp._numpy_engine import take
from crossfold.mlp._spec import Member, Settings
from crossfold.mlp._training import train
from crossfold.mlp._update import adam

SETTINGS = Settings(device="cpu", batch_size=8, max_iter=3)
ROWS = np.arange(40)
MEMBERS = [
    Member(0, ROWS[:30], seed=1, validation_rows=ROWS[30:], dropout=0.3),
    Member(0, ROWS[8:], seed=2, l1=0.01, alpha=0.1, learning_rate_init=0.01),
    Member(0, ROWS[:7], seed=3, dropout=(0.5, 0.0)),
]


@pytest.fixture
def train_both_ways(monkeypatch):
    def run(network, data, settings, members=MEMBERS, order=None):
        found = []
        for find in (compiled, lambda function: None):
            for module in ("_functions", "_numpy_engine", "_update"):
                monkeypatch.setattr(f"crossfold.mlp.{module}.compiled", find)
            rng = None if order is None else np.random.default_rng(order)
            found.append(train(network, [data], members, settings, rng))
        return found

    return run


def assert_same(ways):
    for one, other in zip(*ways, strict=True):
        assert one.history.train_loss == other.history.train_loss
        assert one.history.validation_loss == other.history.validation_loss
        for a, b in zip(one.coefs + one.intercepts, other.coefs + other.intercepts, strict=True):
            assert a.dtype == b.dtype
            assert np.array_equal(a, b)
        arrays = one.optimizer_state["arrays"]
        for name, array in other.optimizer_state["arrays"].items():
            assert np.array_equal(array, arrays[name])


@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd"])
def test_kernels_change_no_bit(train_both_ways, solver, dtype, engine):
    network = make_network("multiclass", "cross_entropy", 3, "relu")
    settings = replace(SETTINGS, solver=solver, dtype=dtype, engine=engine)
    assert_same(train_both_ways(network, make_data("multiclass", 3), settings))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", "longdouble"])
def test_inputs_of_any_type_are_cast_alike(train_both_ways, dtype):
    network, data = make_network("binary", "cross_entropy", 1, "relu"), make_data("binary", 1)
    data = replace(data, inputs=(7 * np.abs(data.inputs)).astype(dtype))
    assert_same(train_both_ways(replace(network, input_scale=0.1), data, SETTINGS))


def test_sparse_inputs_stay_sparse(train_both_ways):
    network, data = make_network("binary", "cross_entropy", 1, "relu"), make_data("binary", 1)
    data = replace(data, inputs=csr_array(np.maximum(data.inputs, 0)))
    assert_same(train_both_ways(network, data, SETTINGS))


def test_large_stacks_are_updated_alike(train_both_ways):
    """Parameters that NumPy updates in several chunks."""
    network = replace(make_network("binary", "cross_entropy", 1, "relu"), layer_sizes=(4, 99999, 1))
    settings = replace(SETTINGS, batch_size=30, max_iter=2)
    members = [Member(0, ROWS[:30], seed=1, alpha=0.1, l1=0.1)]
    assert_same(train_both_ways(network, make_data("binary", 1), settings, members))


def test_networks_on_the_same_rows_train_alike(train_both_ways):
    network = make_network("multiclass", "cross_entropy", 3, "relu")
    members = [Member(0, ROWS, seed=seed, dropout=0.2, alpha=0.1) for seed in range(3)]
    data = make_data("multiclass", 3)
    ways = train_both_ways([network] * 3, data, SETTINGS, members, order=0)
    assert_same(ways)


def test_numbers_that_are_not_finite_stay_alike(train_both_ways):
    network, data = make_network("regression", "mse", 2, "relu"), make_data("regression", 2)
    settings = replace(SETTINGS, solver="sgd", momentum=0.0)
    members = [replace(MEMBERS[0], learning_rate_init=1e30)]
    with_kernels, without = train_both_ways(network, data, settings, members)
    for one, other in zip(with_kernels[0].coefs, without[0].coefs, strict=True):
        assert not np.isfinite(one).all()
        np.testing.assert_array_equal(one, other)


def test_training_goes_on_without_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    assert compiled.__wrapped__(relu) is None
    monkeypatch.undo()
    monkeypatch.setattr("numba.config.DISABLE_JIT", True)
    assert compiled.__wrapped__(relu) is None


def test_kernels_are_compiled_where_nothing_can_be_kept(monkeypatch):
    monkeypatch.setattr("numba.core.caching.CacheImpl._locator_classes", [])
    bits = np.array([-1.0, 2.0], dtype=np.float32).view(np.int32)
    compiled.__wrapped__(relu)(bits, np.int32(31))
    assert bits.view(np.float32).tolist() == [0.0, 2.0]


def test_kernels_are_plain_functions():
    """What is compiled does as Python does."""
    rng = np.random.default_rng(0)
    arrays = [np.abs(rng.normal(size=(2, 3))).astype(np.float32) for _ in range(4)]
    columns = [rng.uniform(size=2).astype(np.float32) for _ in range(2)]
    constants = np.array([0.9, 0.99, 1e-8], dtype=np.float32)
    bits = rng.normal(size=9).astype(np.float32).view(np.int32)
    rows = rng.integers(5, size=(2, 4))
    found = []
    for kind in (lambda function: function, compiled):
        own = [array.copy() for array in (*arrays, bits, bits)]
        kind(adam)(*own[:4], constants, *columns)
        kind(relu)(own[4], np.int32(31))
        kind(relu_slope)(own[5], own[4], np.int32(31))
        taken = np.zeros((2, 2, 2, 3))
        kind(take)(np.arange(15).reshape(5, 3), rows, taken)
        found.append([*own, taken])
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one, other)
    assert np.array_equal(found[0][4].view(np.float32), np.maximum(bits.view(np.float32), 0))


def test_numba_is_loaded_by_training_alone():
    code = "import sys, crossfold.mlp; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
