"""Small appointment tables, and the real one."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crossfold.datasets import ExportDataset, SampleAppointmentsDataset
from crossfold.pipelines.data_engineering.appointments.nodes import clean_appointments

GOOD_ROW = {
    "PatientId": "29872499824296",
    "AppointmentID": "5642903",
    "Gender": "F",
    "ScheduledDay": "2016-04-29T18:38:08Z",
    "AppointmentDay": "2016-04-29T00:00:00Z",
    "Age": "62",
    "Neighbourhood": "JARDIM DA PENHA",
    "Scholarship": "0",
    "Hipertension": "1",
    "Diabetes": "0",
    "Alcoholism": "0",
    "Handcap": "0",
    "SMS_received": "0",
    "No-show": "No",
}


def raw_table(*changes: dict[str, str]) -> pd.DataFrame:
    """Make a raw table: one row for each dictionary of changes, appointments numbered."""
    rows = [
        {**GOOD_ROW, "AppointmentID": str(1 + n), "source_file": "a.csv", "source_row": 1 + n}
        | change
        for n, change in enumerate(changes)
    ]
    table = pd.DataFrame(rows).astype(dict.fromkeys(GOOD_ROW, "str"))
    return table.astype({"source_file": "category", "source_row": "int32"})


@pytest.fixture(scope="session")
def sample() -> pd.DataFrame:
    """Give cleaned synthetic appointments."""
    raw = SampleAppointmentsDataset(n_rows=1500, seed=3, credentials={"key": "k"}).load()
    return clean_appointments(raw)[0]


@pytest.fixture(scope="session")
def real_raw(mirror: Path) -> pd.DataFrame:
    """Give the published table."""
    return ExportDataset(
        filepath=str(mirror / "appointments" / "KaggleV2-May-2016.csv"),
        hashed_columns=["PatientId"],
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
