"""Keyed hashes of identifiers."""

from pathlib import Path

import pandas as pd
import pytest

from crossfold.datasets.identifiers import canonical, hash_identifiers

KEY = "a secret"


@pytest.mark.parametrize(
    ("written", "identifier"),
    [
        ("29872499824296", "29872499824296"),
        (" 29872499824296.0 ", "29872499824296"),
        ("2.9872499824296E13", "29872499824296"),
        ("0029872499824296", "29872499824296"),
        ("93779.52927", "93779.52927"),
        ("9377952927E-5", "93779.52927"),
        ("0", "0"),
        ("nan", "nan"),
        ("A-17", "A-17"),
        ("1_0", "1_0"),
        ("1E999999999", "1E999999999"),
        ("12345678901234567890123456789012.0", "12345678901234567890123456789012"),
    ],
)
def test_one_identifier_is_written_in_one_way(written: str, identifier: str) -> None:
    assert canonical(written) == identifier


def test_equal_identifiers_get_equal_hashes_that_depend_on_the_key() -> None:
    values = pd.Series(["42", "42.0", "43", ""], index=[3, 1, 0, 2], name="PatientId")
    hashes = hash_identifiers(values, KEY)
    assert hashes.index.equals(values.index)
    assert hashes.name == "PatientId"
    assert hashes[3] == hashes[1]
    assert hashes[0] not in {hashes[1], ""}
    assert hashes[2] == ""
    assert (hash_identifiers(values, "another") != hashes).sum() == 3
    assert hashes[[3, 1, 0]].str.fullmatch("[0-9a-f]{24}").all()


@pytest.mark.parametrize("written", ["NaN", "NULL", " na ", "None", "-", "#N/A", "?"])
def test_what_says_that_there_is_none_is_no_identifier(written: str) -> None:
    assert hash_identifiers(pd.Series([written, "17"]), KEY).tolist()[0] == ""


@pytest.mark.real_data
def test_real_patients_stay_apart(mirror: Path) -> None:
    file = mirror / "appointments" / "KaggleV2-May-2016.csv"
    patients = pd.read_csv(file, usecols=["PatientId"], dtype="str")["PatientId"]
    assert hash_identifiers(patients, KEY).nunique() == 62_299
