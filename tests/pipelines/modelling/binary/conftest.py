"""A small table with a signal, its folds, and parameters that train in a second."""

import numpy as np
import pandas as pd
import pytest

from crossfold.pipelines.modelling.binary.nodes import assign_rows_to_folds
from crossfold.pipelines.modelling.binary.parameters import (
    DecisionParameters,
    FoldParameters,
    NetworkParameters,
    PreparationParameters,
)

N_ROWS, N_GROUPS = 600, 200


@pytest.fixture(scope="session")
def records() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "identifier": np.arange(N_ROWS),
            "patient": [f"hash-{group}" for group in rng.integers(0, N_GROUPS, N_ROWS)],
            "day": pd.Timestamp("2016-05-01") + pd.to_timedelta(rng.integers(0, 40, N_ROWS), "D"),
        }
    )


@pytest.fixture(scope="session")
def features() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    x, flag = rng.normal(size=N_ROWS), rng.random(N_ROWS) < 0.4
    level = rng.choice(["u", "v", "w"], N_ROWS)
    logit = 2 * x - 1 - 1.5 * flag + (level == "w")
    return pd.DataFrame(
        {
            "missed": rng.random(N_ROWS) < 1 / (1 + np.exp(-logit)),
            "x": x,
            "flag": flag,
            "level": pd.Categorical(level),
        }
    )


@pytest.fixture(scope="session")
def preparation() -> PreparationParameters:
    return PreparationParameters(
        target="missed", numeric=("x",), binary=("flag",), categorical=("level",), n_bins=8
    )


@pytest.fixture(scope="session")
def decision() -> DecisionParameters:
    return DecisionParameters(holdout_parts=4)


@pytest.fixture(scope="session")
def fold_parameters() -> FoldParameters:
    return FoldParameters(
        n_splits=3,
        group="patient",
        identifiers=("identifier",),
        date="day",
        first_test_day="2016-06-01",
    )


@pytest.fixture(scope="session")
def network() -> NetworkParameters:
    return NetworkParameters(
        hidden_layer_sizes=(8,),
        learning_rate="one_cycle",
        learning_rate_init=0.05,
        batch_size=64,
        max_iter=8,
    )


@pytest.fixture(scope="session")
def fold_table(records, features, fold_parameters, preparation, decision) -> pd.DataFrame:
    return assign_rows_to_folds(records, features, fold_parameters, preparation, decision, 0)
