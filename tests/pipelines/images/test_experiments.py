"""How experiments start, and what sets one training apart."""

import numpy as np
import pytest

from crossfold.pipelines.images.data import SplitImages
from crossfold.pipelines.images.networks import (
    BYTE_SCALE,
    Member,
    class_probabilities,
    image_network,
)
from crossfold.pipelines.images.parameters import ExperimentParameters, StartParameters

STARTS = StartParameters(uniform_bound=0.25)


@pytest.mark.parametrize(
    ("init", "library"),
    [("xavier", "xavier"), ("kaiming", "he"), ("random", 0.25), ("pytorch", "pytorch")],
)
def test_starts_have_the_names_of_the_library(init: str, library: str | float) -> None:
    settings = ExperimentParameters(hidden_layer_sizes=(5,), init=init, activation="relu")
    parameters = Member("1", settings, 3, 0.1).network_parameters(STARTS)
    assert parameters == {
        "hidden_layer_sizes": (5,),
        "init": library,
        "bias_init": library if init in {"random", "pytorch"} else "zeros",
        "activation": "relu",
        "dropout": 0.0,
        "random_state": 3,
        "learning_rate_init": 0.1,
    }


def test_a_network_reads_bytes_as_shares_of_full_ink(network, images) -> None:
    pixels, labels = images[:200].reshape(200, -1), np.arange(200) % 10
    network = network.changed(learning_rate="cosine")
    made = image_network(network, 0).fit(pixels, labels)
    assert made.input_scale == BYTE_SCALE
    scaled = image_network(network, 0).set_params(input_scale=1.0)
    scaled.fit((pixels / 255).astype(np.float32), labels)
    assert made.coefs_[0] == pytest.approx(scaled.coefs_[0], abs=1e-5)


def test_a_network_that_diverged_finds_all_classes_equally_likely(network, images) -> None:
    pixels, labels = images[:100].reshape(100, -1), np.arange(100) % 10
    made = image_network(network.changed(learning_rate="cosine"), 0).fit(pixels, labels)
    made.coefs_[0][:] = np.nan
    data = SplitImages("source", pixels, labels, np.full(100, "test"))
    p = class_probabilities(made, data, np.arange(5), 10)
    assert p == pytest.approx(np.full((5, 10), 0.1))
