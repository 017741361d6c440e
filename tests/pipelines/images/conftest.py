"""A few hundred small images, their split, and parameters that train in a second."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from crossfold.pipelines.images.data import assign_parts
from crossfold.pipelines.images.nodes import choose_learning_rates, train_experiments
from crossfold.pipelines.images.parameters import (
    ExperimentsParameters,
    RegimesParameters,
    SplitParameters,
    StartParameters,
)
from crossfold.templates.cross_validation.parameters import IntervalParameters, NetworkParameters

N_TRAIN, N_TEST = 600, 200
SEED = 7


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    return np.minimum(load_digits().images[: N_TRAIN + N_TEST] * 16, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def labels() -> pd.DataFrame:
    origin = np.repeat(["train", "test"], [N_TRAIN, N_TEST])
    return pd.DataFrame(
        {
            "label": load_digits().target[: N_TRAIN + N_TEST].astype(np.uint8),
            "origin": pd.Categorical(origin, categories=["train", "test"]),
            "row": np.r_[np.arange(N_TRAIN), np.arange(N_TEST)].astype(np.int32),
            "duplicate_of_test": False,
        }
    )


@pytest.fixture(scope="session")
def split_parameters() -> SplitParameters:
    return SplitParameters(n_rows=500, n_validation=80, n_test=70, n_standard_validation=60)


@pytest.fixture(scope="session")
def split_table(images, labels, split_parameters) -> pd.DataFrame:
    return assign_parts(images, labels, split_parameters, SEED)


@pytest.fixture(scope="session")
def classes() -> list[str]:
    return [str(digit) for digit in range(10)]


@pytest.fixture(scope="session")
def experiments() -> ExperimentsParameters:
    return ExperimentsParameters(
        {
            "7": {"hidden_layer_sizes": (12,), "init": "kaiming", "activation": "relu"},
            "deep": {
                "hidden_layer_sizes": (12, 8),
                "init": "random",
                "activation": "tanh",
                "dropout": 0.1,
            },
        }
    )


@pytest.fixture(scope="session")
def starts() -> StartParameters:
    return StartParameters(n_seeds=2, uniform_bound=0.5)


@pytest.fixture(scope="session")
def network() -> NetworkParameters:
    return NetworkParameters(solver="sgd", momentum=0, alpha=0, batch_size=32, max_iter=6)


@pytest.fixture(scope="session")
def regimes(network) -> RegimesParameters:
    full = network.changed(batch_size="full", max_iter=10)
    return RegimesParameters(
        {
            "full_batch": {
                "network": full,
                "learning_rates": (0.5,),
                "score_every": 4,
            },
            "mini_batch": {
                "network": network,
                "learning_rates": (0.001, 0.3),
                "search": {"n_rows": 200, "epochs": 3},
                "on_standard_split": True,
            },
        }
    )


@pytest.fixture(scope="session")
def evaluation() -> IntervalParameters:
    return IntervalParameters(n_resamples=50)


@pytest.fixture(scope="session")
def learning_rates(images, split_table, experiments, starts, regimes) -> pd.DataFrame:
    return choose_learning_rates(images, split_table, experiments, starts, regimes, SEED)


@pytest.fixture(scope="session")
def trained(images, split_table, learning_rates, experiments, starts, regimes, classes):
    return train_experiments(
        images, split_table, learning_rates, experiments, starts, regimes, classes, SEED
    )
