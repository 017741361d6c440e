"""Small appointment tables, and the real one."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crossfold.datasets import ExportDataset, SampleDataset
from crossfold.datasets.samples import PUBLISHED
from crossfold.pipelines.appointments.nodes import clean_appointments

GOOD_ROW = {
    "patient": "29872499824296",
    "appointment": "5642903",
    "gender": "F",
    "booked": "2016-04-29T18:38:08Z",
    "appointment_day": "2016-04-29T00:00:00Z",
    "age": "62",
    "neighbourhood": "JARDIM DA PENHA",
    "scholarship": "0",
    "hypertension": "1",
    "diabetes": "0",
    "alcoholism": "0",
    "handicap": "0",
    "sms_received": "0",
    "no_show": "No",
}


def raw_table(*changes: dict[str, str]) -> pd.DataFrame:
    """Make a raw table: one row for each dictionary of changes, appointments numbered."""
    rows = [
        {**GOOD_ROW, "appointment": str(1 + n), "source_file": "a.csv", "source_row": 1 + n}
        | change
        for n, change in enumerate(changes)
    ]
    table = pd.DataFrame(rows).astype(dict.fromkeys(GOOD_ROW, "str"))
    return table.astype({"source_file": "category", "source_row": "int32"})


@pytest.fixture(scope="session")
def sample() -> pd.DataFrame:
    """Give cleaned synthetic appointments."""
    raw = SampleDataset(of="appointments", n_rows=1500, seed=3, credentials={"key": "k"}).load()
    return clean_appointments(raw)[0]


@pytest.fixture(scope="session")
def real_raw(mirror: Path) -> pd.DataFrame:
    """Give the published table."""
    return ExportDataset(
        filepath=str(mirror / "appointments" / "KaggleV2-May-2016.csv"),
        columns=PUBLISHED,
        hashed_columns=["patient"],
        credentials={"key": "k"},
    ).load()


@pytest.fixture(scope="session")
def real(real_raw: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Give the published table, cleaned; its rejected rows; and their counts."""
    return clean_appointments(real_raw)


@pytest.fixture(scope="session")
def facts() -> dict[str, Any]:
    """Give counts and history values computed from the published table by separate code."""
    file = Path(__file__).parent / "facts.json"
    content: dict[str, Any] = json.loads(file.read_text())
    return content
