"""The published files, against counts made by other code."""

import json
from pathlib import Path

import pandas as pd
import pytest

from crossfold.datasets import ExportDataset
from crossfold.pipelines.gene_expression.nodes import join_patients

FACTS = json.loads((Path(__file__).parent / "facts.json").read_text())
FILES = ("data_set_ALL_AML_train.csv", "data_set_ALL_AML_independent.csv", "actual.csv")

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def joined(mirror: Path) -> tuple:
    folder = mirror / "gene_expression"
    return join_patients(*(ExportDataset(filepath=str(folder / name)).load() for name in FILES))


@pytest.fixture(scope="module")
def expression(joined) -> pd.DataFrame:
    return joined[0]


def test_shape_and_sum_of_the_expressions(joined, expression) -> None:
    values = expression[joined[1]["probe"].tolist()].to_numpy()
    assert list(values.shape) == FACTS["shape"]
    assert int(values.sum()) == FACTS["sum"]


def test_the_first_patient(expression) -> None:
    first = expression.loc[expression["patient"] == 1].iloc[0, 3:8]
    assert first.tolist() == FACTS["patient_1_first_five"]


def test_labels_and_the_original_split(joined, expression) -> None:
    assert expression["label"].value_counts().to_dict() == FACTS["labels"]
    train = expression[expression["origin"] == "train"]["label"].value_counts().to_dict()
    assert {"n": sum(train.values()), **train} == FACTS["original_train"]
    assert joined[2]["read"] == FACTS["shape"][0]


def test_probes(joined) -> None:
    probes = joined[1]
    assert probes["probe"].nunique() == FACTS["unique_probe_names"]
    assert probes["control"].sum() == FACTS["affx_probes"]
    assert joined[2]["control_probes"] == FACTS["affx_probes"]
