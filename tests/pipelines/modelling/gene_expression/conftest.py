"""Few patients with a signal in some probes, and parameters that train in a second."""

import numpy as np
import pandas as pd
import pytest

from crossfold.pipelines.modelling.gene_expression.nodes import assign_patients_to_folds
from crossfold.pipelines.modelling.gene_expression.parameters import (
    FoldParameters,
    NetworkParameters,
    VariantsParameters,
)

N_ALL, N_AML, N_PROBES, N_INFORMATIVE = 24, 12, 60, 6


@pytest.fixture(scope="session")
def features() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    aml = np.tile([0, 0, 1], N_AML).astype(np.int8)
    values = rng.normal(size=(len(aml), N_PROBES)).astype(np.float32)
    values[:, :N_INFORMATIVE] += 2.5 * aml[:, None]
    origin = pd.Categorical(np.where(np.arange(len(aml)) < 24, "train", "independent"))
    table = pd.DataFrame(values, columns=[f"p{number}" for number in range(N_PROBES)])
    return pd.concat([pd.DataFrame({"aml": aml, "origin": origin}), table], axis=1)


@pytest.fixture(scope="session")
def calls(features: pd.DataFrame) -> pd.DataFrame:
    probes = features.columns[2:]
    return pd.DataFrame("P", index=features.index, columns=probes)


@pytest.fixture(scope="session")
def fold_parameters() -> FoldParameters:
    return FoldParameters(n_splits=4, n_repeats=2)


@pytest.fixture(scope="session")
def folds(features: pd.DataFrame, fold_parameters: FoldParameters) -> pd.DataFrame:
    return assign_patients_to_folds(features, fold_parameters, 0)


@pytest.fixture(scope="session")
def network() -> NetworkParameters:
    return NetworkParameters(
        hidden_layer_sizes=(8,), dropout=0.0, learning_rate_init=0.03, max_iter=30
    )


@pytest.fixture(scope="session")
def variants() -> VariantsParameters:
    return VariantsParameters(
        {"mlp": {"n_probes": 5, "members": 2}, "mlp_smote": {"n_probes": 5, "sampler": "smote"}}
    )
