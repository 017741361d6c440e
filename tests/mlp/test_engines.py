"""Both engines from the same start, with the same batches and masks, to the same weights."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from engine_cases import ACTIVATIONS, HEADS, make_data, make_network, name_of
from engine_cases import start as start_stack

from crossfold.mlp import _batches, _engine
from crossfold.mlp._batches import Batches, BatchSampler
from crossfold.mlp._engine import Layout, runs_of
from crossfold.mlp._spec import Callback, Member, Settings
from crossfold.mlp._training import make_engine, train

SETTINGS = Settings(dtype="float64", device="cpu", batch_size=8, max_iter=4)
ROWS = np.arange(40)
MEMBERS = [
    Member(0, ROWS[:30], seed=1, validation_rows=ROWS[30:], dropout=0.3),
    Member(0, ROWS[8:], seed=2, l1=0.01, focal_gamma=2.0, learning_rate_init=0.01),
    Member(0, ROWS[:7], seed=3, dropout=(0.5, 0.0), alpha=0.1),
]


def assert_twins(network, data, members, settings, atol):
    numpy = train(network, [data], members, replace(settings, engine="numpy"))
    torch = train(network, [data], members, replace(settings, engine="torch"))
    for one, other in zip(numpy, torch, strict=True):
        np.testing.assert_allclose(one.history.train_loss, other.history.train_loss, atol=atol)
        np.testing.assert_allclose(
            one.history.validation_loss, other.history.validation_loss, atol=atol
        )
        for a, b in zip(one.coefs + one.intercepts, other.coefs + other.intercepts, strict=True):
            assert a.dtype == b.dtype == settings.dtype
            np.testing.assert_allclose(a, b, atol=atol)


@pytest.mark.parametrize(("head", "loss", "n_out"), HEADS)
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=name_of)
def test_engines_agree_on_every_loss_and_activation(activation, head, loss, n_out):
    network = make_network(head, loss, n_out, activation)
    assert_twins(network, make_data(head, n_out), MEMBERS, SETTINGS, 1e-10)


@pytest.mark.parametrize("schedule", ["constant", "invscaling", "adaptive", "one_cycle", "cosine"])
@pytest.mark.parametrize(
    "solver",
    [
        {"solver": "sgd", "momentum": 0.0},
        {"solver": "sgd", "nesterovs_momentum": False},
        {"solver": "sgd"},
        {"solver": "adam"},
        {"solver": "adamw"},
    ],
)
def test_engines_agree_on_every_solver_and_schedule(solver, schedule):
    network, data = make_network("binary", "cross_entropy", 1), make_data("binary", 1)
    settings = replace(SETTINGS, learning_rate=schedule, n_iter_no_change=1, tol=0.1, **solver)
    assert_twins(network, data, MEMBERS, settings, 1e-12)


def test_engines_agree_in_float32():
    network, data = make_network("binary", "cross_entropy", 1, "relu"), make_data("binary", 1)
    assert_twins(network, data, MEMBERS, replace(SETTINGS, dtype="float32"), 1e-5)


def test_the_numpy_engine_does_not_import_torch():
    code = (
        "import sys, numpy as np\n"
        "from crossfold.mlp._spec import *\n"
        "from crossfold.mlp._training import train\n"
        "data = DataSet(np.ones((3, 2)), np.ones((3, 1)))\n"
        "train(Network((2, 1)), [data], [Member(0, np.arange(3), 0)], Settings(max_iter=1))\n"
        "assert not {'torch', 'kedro', 'pandas'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_numpy_updates_what_pytorch_trains_on_the_cpu():
    network, data = make_network("binary", "cross_entropy", 1), make_data("binary", 1)
    stack, _ = start_stack(network, data, MEMBERS, replace(SETTINGS, engine="torch"))
    engine = make_engine([stack])
    update = engine._make_step(slice(0, 2)).update
    assert isinstance(update.parameters, np.ndarray)
    assert np.shares_memory(update.parameters, engine._flat.numpy())


def make_sampler(member, settings=SETTINGS, units=(4, 5, 3)):
    rng = np.random.default_rng(member.seed)
    return BatchSampler(member, units, make_data("binary", 1), "binary", settings, rng)


def make_batches(samplers):
    for sampler in samplers:
        sampler.start_epoch()
    return Batches(samplers, (4, 5, 3, 1), "float64", n_workers=1)


def test_every_row_is_taken_once_an_epoch_and_padding_weighs_nothing():
    members = [Member(0, ROWS[:30], seed=1), Member(0, ROWS[10:21], seed=2)]
    batches = make_batches([make_sampler(member) for member in members])
    taken = [[], []]
    for who, start, stop in batches.spans(slice(0, 2)):
        block = batches.draw(who, start, stop)
        weights = np.ones(block["rows"].shape) if block["weights"] is None else block["weights"]
        for place in range(who.stop):
            taken[place] += block["rows"][place][weights[place] > 0].tolist()
    assert sorted(taken[0]) == list(range(30))
    assert sorted(taken[1]) == list(range(10, 21))
    assert taken[0] != list(range(30))


def test_members_without_batches_left_take_no_part():
    samplers = [make_sampler(Member(0, ROWS[:n], seed=n)) for n in (30, 11, 3)]
    spans = list(make_batches(samplers).spans(slice(0, 3)))
    assert spans == [(slice(0, 3), 0, 1), (slice(0, 2), 1, 2), (slice(0, 1), 2, 4)]


class PrecisionSeen(Callback):
    """Notes how PyTorch multiplies while a training goes on."""

    def __init__(self):
        self.seen = set()

    def on_epoch_end(self, event):
        self.seen.add(torch.get_float32_matmul_precision())


@pytest.mark.parametrize("asked", ["medium", "high", "highest"])
@pytest.mark.parametrize("n_members", [1, 3])
def test_products_are_as_precise_as_asked_during_training_only(asked, n_members):
    network, data = make_network("binary", "cross_entropy", 1), make_data("binary", 1)
    seen = PrecisionSeen()
    settings = replace(SETTINGS, engine="torch", dtype="float32", callbacks=(seen,))
    exact = train(network, [data], MEMBERS[:n_members], settings)
    assert seen.seen == {"highest"}
    seen.seen.clear()
    found = train(network, [data], MEMBERS[:n_members], replace(settings, matmul_precision=asked))
    assert seen.seen == {asked}
    assert torch.get_float32_matmul_precision() == "highest"
    for one, other in zip(exact, found, strict=True):
        for a, b in zip(one.coefs + one.intercepts, other.coefs + other.intercepts, strict=True):
            np.testing.assert_allclose(a, b, atol=0.01)  # a bfloat16 has 8 bits


def test_pytorchs_own_precision_is_kept_where_none_is_asked_for():
    network, data = make_network("binary", "cross_entropy", 1), make_data("binary", 1)
    seen = PrecisionSeen()
    torch.set_float32_matmul_precision("high")
    try:
        train(network, [data], MEMBERS, replace(SETTINGS, engine="torch", callbacks=(seen,)))
        assert seen.seen == {"high"}
    finally:
        torch.set_float32_matmul_precision("highest")


def test_dropout_masks_are_the_members_own_and_keep_the_mean():
    alone = make_sampler(Member(0, ROWS, seed=1, dropout=(0.25, 0.0)), units=(4, 2000, 3))
    batches = Batches([alone], (4, 2000, 3, 1), "float64", n_workers=1)
    alone.start_epoch()
    masks = batches.draw(slice(0, 1), 0, 1)["masks"]
    assert masks[0] is masks[2] is None
    assert set(np.unique(masks[1])) == {0.0, 1 / 0.75}
    assert np.mean(masks[1] == 0) == pytest.approx(0.25, abs=0.02)


def test_masks_do_not_depend_on_how_steps_are_cut_into_blocks():
    member = Member(0, ROWS, seed=1, dropout=(0.1, 0.5, 0.25))
    samplers = [make_sampler(member, replace(SETTINGS, batch_size=7)) for _ in range(2)]
    whole, cut = (make_batches([sampler]) for sampler in samplers)
    together = [mask.copy() for mask in whole.draw(slice(0, 1), 0, 4)["masks"]]
    pieces = [[mask.copy() for mask in cut.draw(slice(0, 1), s, s + 2)["masks"]] for s in (0, 2)]
    for layer, mask in enumerate(together):
        np.testing.assert_array_equal(mask, np.concatenate([p[layer] for p in pieces], axis=1))


def test_a_narrow_network_finds_its_places_in_a_wide_layout():
    wide, narrow = Layout((4, 5, 1)), Layout((3, 2, 1))
    coefs = [np.arange(6.0).reshape(3, 2), np.array([[7.0], [8.0]])]
    intercepts = [np.array([9.0, 10.0]), np.array([11.0])]
    flat = np.zeros(wide.n_parameters)
    flat[wide.places_of(narrow)] = narrow.join(coefs, intercepts, "float64")
    wide_coefs, wide_intercepts = wide.split(flat)
    np.testing.assert_array_equal(wide_coefs[0][:3, :2], coefs[0])
    np.testing.assert_array_equal(wide_coefs[1][:2], coefs[1])
    np.testing.assert_array_equal(wide_intercepts[0], [9, 10, 0, 0, 0])
    assert np.count_nonzero(flat) == np.count_nonzero(coefs[0]) + 5


def test_members_that_share_data_side_by_side_are_gathered_at_once():
    assert runs_of([0, 0, 2, 1, 1]) == [(slice(0, 2), 0), (slice(2, 3), 2), (slice(3, 5), 1)]


def test_each_thread_has_a_group_of_its_own_where_products_are_large(monkeypatch):
    samplers = [make_sampler(Member(0, ROWS, seed=seed)) for seed in range(5)]
    sizes = (4, 5, 3, 1)
    assert Batches(samplers, sizes, "float64", n_workers=2).groups == [slice(0, 5)]
    monkeypatch.setattr(_batches, "SMALL_PRODUCT", 1)
    groups = Batches(samplers, sizes, "float64", n_workers=2).groups
    assert groups == [slice(0, 2), slice(2, 5)]
    assert Batches(samplers[:1], sizes, "float64", n_workers=2).groups == [slice(0, 1)]


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_networks_are_scored_alike_in_threads(engine, monkeypatch):
    network, data = make_network("binary", "cross_entropy", 1), make_data("binary", 1)
    stack, _ = start_stack(network, data, MEMBERS, replace(SETTINGS, engine=engine))
    begun = make_engine([stack])
    rows = np.stack([ROWS] * len(MEMBERS))
    begun.n_workers = 1
    alone = begun.logits(rows)
    monkeypatch.setattr(_engine, "_WORTH_A_THREAD", 1)
    begun.n_workers = 2
    np.testing.assert_allclose(begun.logits(rows), alone, rtol=1e-12)
