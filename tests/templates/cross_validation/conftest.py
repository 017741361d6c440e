"""Small tables with a signal, their folds, and models that train in a second."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from crossfold.templates.cross_validation.folds import assign_rows_to_folds
from crossfold.templates.cross_validation.parameters import (
    FamilyParameters,
    FoldParameters,
    PreparationParameters,
)
from crossfold.templates.parameters import TableParameters

N_ROWS, N_GROUPS = 600, 200
NETWORK = {
    "hidden_layer_sizes": [8],
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.05,
    "batch_size": 64,
    "max_iter": 8,
}
TASKS = ("binary", "multiclass", "regression")


def family(**models: dict) -> FamilyParameters:
    return FamilyParameters.model_validate(models)


def make_table(n: int = N_ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "identifier": np.arange(n),
            "patient": [f"hash-{group}" for group in rng.integers(0, n // 3, n)],
            "day": pd.Timestamp("2016-05-01") + pd.to_timedelta(rng.integers(0, 40, n), "D"),
        }
    )


def make_features(task: str, n: int = N_ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    x, flag = rng.normal(size=n), rng.random(n) < 0.4
    level = rng.choice(["u", "v", "w"], n)
    logit = 2 * x - 1 - 1.5 * flag + (level == "w")
    target = {
        "binary": rng.random(n) < 1 / (1 + np.exp(-logit)),
        "multiclass": pd.cut(logit + rng.normal(size=n), 4, labels=list("abcd")),
        "regression": 40 + 10 * logit + rng.normal(size=n),
    }[task]
    return pd.DataFrame({"y": target, "x": x, "flag": flag, "level": pd.Categorical(level)})


def make_study(task: str) -> SimpleNamespace:
    """A table, its features and folds, as the nodes take them."""
    table, features = make_table(), make_features(task)
    roles = TableParameters(
        target="y", task=task, group="patient", time="day", identifiers=("identifier",)
    )
    folds = FoldParameters(n_splits=3, first_test_day="2016-06-01", parts=4)
    return SimpleNamespace(
        task=task,
        table=table,
        features=features,
        roles=roles,
        fold_parameters=folds,
        folds=assign_rows_to_folds(table, features, folds, roles, 0),
        preparation=PreparationParameters(n_bins=8),
    )


@pytest.fixture(scope="session", params=TASKS)
def study(request: pytest.FixtureRequest) -> SimpleNamespace:
    return make_study(request.param)


@pytest.fixture(scope="session")
def binary() -> SimpleNamespace:
    return make_study("binary")
