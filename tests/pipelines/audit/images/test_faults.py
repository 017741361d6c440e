"""Each fault changes one thing, and is off unless it is switched on."""

import numpy as np
import pytest

from crossfold.mlp import faults as wrong
from crossfold.pipelines.audit.images.faults import (
    NETWORK_FAULTS,
    small_sample,
    with_faults,
)

NETWORK = {
    "hidden_layer_sizes": (20, 10),
    "activation": "tanh",
    "dropout": 0.2,
    "alpha": 0.1,
    "batch_size": 32,
}
CHANGES = {
    "one_hidden_layer": {"hidden_layer_sizes": (20,)},
    "dropout_backward": {"activation": wrong.without_derivative("tanh")},
    "relu_as_derivative": {"activation": wrong.relu_as_derivative("tanh")},
    "global_max_softmax": {"loss": wrong.GLOBAL_MAX_SOFTMAX},
    "drop_last_batch": {"loss": wrong.whole_batches_only(32)},
    "penalty_not_applied": {"alpha": 0.0},
}


@pytest.mark.parametrize("name", NETWORK_FAULTS)
def test_a_fault_changes_one_argument(name):
    assert with_faults(NETWORK, (name,)) == {**NETWORK, **CHANGES[name]}


def test_without_faults_nothing_is_changed():
    assert with_faults(NETWORK, ()) == NETWORK


def test_layers_with_dropout_use_no_derivative_where_both_faults_are_on():
    both = ("relu_as_derivative", "dropout_backward")
    assert with_faults(NETWORK, both)["activation"] == wrong.without_derivative("tanh")
    plain = {**NETWORK, "dropout": 0.0}
    assert with_faults(plain, both)["activation"] == wrong.relu_as_derivative("tanh")


def test_a_full_batch_has_no_last_one_to_drop():
    full = {**NETWORK, "batch_size": "full"}
    assert with_faults(full, ("drop_last_batch",)) == full


def test_a_small_sample_is_drawn_once_for_all():
    rows = np.arange(100, 200)
    sample = small_sample(rows, 30, seed=1)
    assert len(np.unique(sample)) == 30
    assert set(sample) <= set(rows)
    assert (sample == small_sample(rows, 30, seed=1)).all()
    assert len(small_sample(rows[:5], 30, seed=1)) == 5
