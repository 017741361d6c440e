"""Source files small enough to read, and few patients with a signal in some probes."""

from io import StringIO

import numpy as np
import pandas as pd
import pytest

from crossfold.templates.cross_validation.folds import assign_rows_to_folds
from crossfold.templates.cross_validation.parameters import FamilyParameters, FoldParameters
from crossfold.templates.parameters import TableParameters

TRAIN = """\
Gene Description,Gene Accession Number,3,call,1,call
AFFX-x (endogenous control),AFFX-x_at,-10,A,20,A
Zyxin,X95735_at,300,P,20000,P
CD33,M23197_at,1000,P,99,M
"""
INDEPENDENT = """\
Gene Description,Gene Accession Number,2,call
AFFX-x (endogenous control),AFFX-x_at,5,A
Zyxin,X95735_at,-7,A
CD33,M23197_at,150,P
"""
LABELS = "patient,cancer\n1,ALL\n2,AML\n3,AML\n\n"

N_ALL, N_AML, N_PROBES, N_INFORMATIVE = 24, 12, 60, 6
NETWORK = {
    "hidden_layer_sizes": [8],
    "learning_rate_init": 0.03,
    "batch_size": "full",
    "max_iter": 30,
    "n_iter_no_change": None,
}


def read(text: str, name: str = "data_set_ALL_AML_train.csv") -> pd.DataFrame:
    """Read a table as `ExportDataset` does."""
    table = pd.read_csv(StringIO(text), dtype="str", keep_default_na=False)
    return table.assign(source_file=name, source_row=range(1, len(table) + 1))


@pytest.fixture
def train_raw() -> pd.DataFrame:
    return read(TRAIN)


@pytest.fixture
def independent_raw() -> pd.DataFrame:
    return read(INDEPENDENT, "data_set_ALL_AML_independent.csv")


@pytest.fixture
def labels_raw() -> pd.DataFrame:
    return read(LABELS, "actual.csv")


@pytest.fixture(scope="session")
def features() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    aml = np.tile([0, 0, 1], N_AML).astype(np.int8)
    values = rng.normal(size=(len(aml), N_PROBES)).astype(np.float32)
    values[:, :N_INFORMATIVE] += 2.5 * aml[:, None]
    table = pd.DataFrame(values, columns=[f"p{number}" for number in range(N_PROBES)])
    return pd.concat([pd.DataFrame({"aml": aml}), table], axis=1)


@pytest.fixture(scope="session")
def expression(features: pd.DataFrame) -> pd.DataFrame:
    n = len(features)
    origin = pd.Categorical(np.where(np.arange(n) < N_ALL, "train", "independent"))
    facts = pd.DataFrame({"patient": np.arange(100, 100 + n), "origin": origin})
    return pd.concat([facts, features], axis=1)


@pytest.fixture(scope="session")
def table_parameters() -> TableParameters:
    return TableParameters(target="aml", group="patient", identifiers=("patient", "origin"))


@pytest.fixture(scope="session")
def fold_parameters() -> FoldParameters:
    return FoldParameters(
        n_splits=4, n_repeats=2, leave_one_out=True, split_column="origin", parts=0
    )


@pytest.fixture(scope="session")
def folds(expression, features, fold_parameters, table_parameters) -> pd.DataFrame:
    return assign_rows_to_folds(expression, features, fold_parameters, table_parameters, 0)


@pytest.fixture(scope="session")
def variants() -> FamilyParameters:
    own = {"preparation": "standard", "select": 5, "params": NETWORK}
    return FamilyParameters.model_validate(
        {"mlp": {**own, "members": 2}, "mlp_smote": {**own, "sampler": "smote"}}
    )
