"""An audit's runs on a few hundred small images."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from crossfold.pipelines.audit.images.parameters import (
    FaultsParameters,
    ProtocolParameters,
    UnstatedParameters,
)
from crossfold.pipelines.audit.images.training import train_runs
from crossfold.pipelines.images.parameters import ExperimentsParameters, StartParameters
from crossfold.templates.cross_validation.parameters import NetworkParameters

N_ROWS, N_TRAIN, N_VALIDATION = 500, 330, 70
SEED = 7


@pytest.fixture(scope="session")
def images() -> np.ndarray:
    return np.minimum(load_digits().images[:N_ROWS] * 16, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def split_table() -> pd.DataFrame:
    sizes = [N_TRAIN, N_VALIDATION, N_ROWS - N_TRAIN - N_VALIDATION]
    part = np.repeat(["train", "validation", "test"], sizes)
    return pd.DataFrame({"label": load_digits().target[:N_ROWS], "part": part})


@pytest.fixture(scope="session")
def experiments() -> ExperimentsParameters:
    return ExperimentsParameters(
        {
            "1": {"hidden_layer_sizes": [8], "init": "xavier", "activation": "tanh"},
            "2": {
                "hidden_layer_sizes": [8, 6],
                "init": "kaiming",
                "activation": "relu",
                "dropout": 0.2,
            },
        }
    )


@pytest.fixture(scope="session")
def starts() -> StartParameters:
    return StartParameters(uniform_bound=0.5)


@pytest.fixture(scope="session")
def protocol() -> ProtocolParameters:
    network = NetworkParameters(
        solver="sgd", momentum=0, alpha=0, batch_size=50, learning_rate_init=0.3, max_iter=20
    )
    return ProtocolParameters(
        source="digits",
        regime="full_batch",
        network=network,
        source_epochs=20,
        share_epochs=15,
        n_resamples=50,
    )


@pytest.fixture(scope="session")
def faults() -> FaultsParameters:
    return FaultsParameters(("relu_as_derivative", "dropout_backward", "drop_last_batch"))


@pytest.fixture(scope="session")
def unstated() -> UnstatedParameters:
    return UnstatedParameters(learning_rate=(0.1,), dropout=(0.5,), sample_rows=(10, 20))


@pytest.fixture(scope="session")
def trained(
    images, split_table, experiments, starts, protocol, faults, unstated
) -> tuple[pd.DataFrame, pd.DataFrame]:
    return train_runs(images, split_table, experiments, starts, protocol, faults, unstated, SEED)


@pytest.fixture(scope="session")
def trained_runs(trained) -> pd.DataFrame:
    return trained[0]


@pytest.fixture(scope="session")
def predictions(trained) -> pd.DataFrame:
    return trained[1]
