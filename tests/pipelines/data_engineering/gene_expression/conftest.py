"""A source file small enough to read, and its labels."""

from io import StringIO

import pandas as pd
import pytest

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
