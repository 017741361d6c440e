"""CSV exports: a file or a folder, identifiers hashed, damaged ones refused in a sentence."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from crossfold.datasets import ExportDataset
from crossfold.datasets.bases import DataError
from crossfold.datasets.identifiers import hash_identifiers

HEADER = "PatientId,Age"


def export(path: Path, **options: object) -> ExportDataset:
    defaults = {"hashed_columns": ["PatientId"], "credentials": {"key": "k"}}
    return ExportDataset(filepath=str(path), **{**defaults, **options})  # type: ignore[arg-type]


def write(file: Path, *lines: str) -> Path:
    file.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return file


def test_file_is_read_as_text_with_its_rows_numbered(tmp_path: Path) -> None:
    table = export(write(tmp_path / "a.csv", "\ufeff" + HEADER, "17,007", "18,NA")).load()
    assert table["Age"].tolist() == ["007", "NA"]
    assert table["source_file"].tolist() == ["a.csv", "a.csv"]
    assert table["source_row"].tolist() == [1, 2]
    assert not table["PatientId"].isin(["17", "18"]).any()


def test_folder_is_joined_in_the_order_of_names(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "2016-05-02.csv", HEADER, "17,2")
    write(tmp_path / "2016-05-01.CSV", HEADER, "17,1")
    write(tmp_path / "2016-04-30.csv", HEADER)
    write(tmp_path / "notes.txt", "not a table")
    write(tmp_path / "._2016-05-01.csv", "of another program")
    table = export(tmp_path).load()
    assert table["Age"].tolist() == ["1", "2"]
    assert table["source_file"].cat.categories.tolist() == ["2016-05-01.CSV", "2016-05-02.csv"]
    assert table["PatientId"][0] == table["PatientId"][1]
    assert "are read, not ._2016-05-01.csv, notes.txt." in caplog.text


@pytest.mark.parametrize("correction", ["May (2).csv", "May-corrected.csv", "May 2.csv"])
def test_a_correction_comes_behind_what_it_corrects(tmp_path: Path, correction: str) -> None:
    for age, name in enumerate(["May.csv", correction, "May 10.csv", "May 9.csv"]):
        write(tmp_path / name, HEADER, f"17,{age}")
    order = export(tmp_path).load()["source_file"].cat.categories.tolist()
    assert order.index("May.csv") < order.index(correction)
    assert order.index("May 9.csv") < order.index("May 10.csv")


def test_preview_and_description_hold_neither_identifier_nor_key(tmp_path: Path) -> None:
    dataset = export(write(tmp_path / "a.csv", HEADER, "17171717,1"), credentials={"key": "hush"})
    assert "17171717" not in str(dataset.preview())
    assert "hush" not in str(dataset)
    assert export(tmp_path / "absent").preview() == {}


def test_columns_of_one_name_are_numbered(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "call,PatientId,call,call", "A,17,P,M")
    assert list(export(file).load())[:4] == ["call", "PatientId", "call.1", "call.2"]


def test_separator_is_found_out_or_an_option(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "PatientId;Age", "17;1")
    assert export(file).load()["Age"].tolist() == ["1"]
    file = write(tmp_path / "b.csv", "PatientId!Age,years", "17!1")
    assert export(file, separator="!").load()["Age,years"].tolist() == ["1"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty: export it again"),
        (b"PatientId,Age\n1,2\n1,2,3\n", r"names 2 fields, but 1 rows have others \(3 in row 3"),
        (b"PatientId,Age\n1,2,\n1,2,\n", "2 rows .* a comma at the end of a row is one field more"),
        (b"PatientId,Age\n1,2\n1\n", r"\(1 in row 3"),
        (b"PatientId,Age,\n1,2\n", r"names 3 fields, .*\(2 in row 2"),
        (b"PatientId,Age\n1,\x81\n", "is not text in UTF-8"),
        (b"\xef\xbb\xbf\n", "is empty: export it again"),
        (b"PatientId,Age\n1,2\n1,\xc3,3\n", r"\(3 in row 3"),
        (b"PatientId,Age\n1,\0\n", "is not text in UTF-8"),
        (b"PatientId,Age", "has no rows that can be read"),
        (b'PatientId,Age\n1,"2\n3,4\n', "opens a quote that it never closes"),
        (b'PatientId,"Age\n' + b"1,2\n" * 50_000, "has no header that can be read"),
        (b"\x1f\x8b damaged", "is a damaged archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an Excel workbook: save it as CSV"),
    ],
)
def test_damaged_file_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        export(file).load()


PATIENTS = [str(982_345_000_017 + 7919 * n) for n in range(200)]


def rows_of(patients: list[str], note: str) -> list[str]:
    return [f"{patient},{note.format(patient)}" for patient in patients]


@pytest.mark.parametrize("note", ["{}", "{}.0", "seen {} twice", "00{}"])
def test_identifiers_in_another_column_are_refused_without_being_told(
    tmp_path: Path, note: str
) -> None:
    write(tmp_path / "a.csv", "PatientId,Note", *rows_of(PATIENTS, "-"))
    write(tmp_path / "b.csv", "PatientId,Note", *rows_of(PATIENTS, note))
    with pytest.raises(DataError, match=r"b\.csv holds identifiers .* 200 of 200 rows") as error:
        export(tmp_path).load()
    assert not any(patient in str(error.value) for patient in PATIENTS)


def test_identifiers_of_another_file_are_found_too(tmp_path: Path) -> None:
    """The names of two columns are swapped in one file: there its patients are all unknown."""
    write(tmp_path / "a.csv", "PatientId,Note", *rows_of(PATIENTS, "-"))
    swapped = [f"{n},{patient}" for n, patient in enumerate(PATIENTS)]
    write(tmp_path / "b.csv", "PatientId,Note", *swapped)
    with pytest.raises(DataError, match=r"b\.csv holds identifiers .* column Note"):
        export(tmp_path).load()


def past_of(tmp_path: Path, patients: list[str]) -> dict[str, str]:
    """Store hashes of past patients, and give the catalog entry of their table."""
    table = pd.DataFrame({"PatientId": hash_identifiers(pd.Series(patients), "k")})
    table.to_parquet(tmp_path / "past.parquet")
    return {"type": "pandas.ParquetDataset", "filepath": str(tmp_path / "past.parquet")}


@pytest.mark.parametrize("written", ["{}", "{}.0", "00{}"])
def test_identifiers_of_patients_who_are_past_only_are_found_too(
    tmp_path: Path, written: str
) -> None:
    rows = rows_of(PATIENTS[:100], "-")
    rows[:2] = [f"{PATIENTS[0]},{written.format(other)}" for other in PATIENTS[100::99]]
    file = write(tmp_path / "a.csv", "PatientId,Note", *rows)
    assert export(file).load()["Note"][0] == written.format(PATIENTS[100])
    with pytest.raises(DataError, match=r"column Note too, in 2 of 100 rows \(the first is row 1"):
        export(file, past=past_of(tmp_path, PATIENTS[50:])).load()


@pytest.mark.parametrize("other", ["x", "170"])
def test_identifiers_of_past_patients_that_are_no_numbers_are_found_too(
    tmp_path: Path, other: str
) -> None:
    notes = [f"P-{n}" if n % 4 == 0 else other for n in range(98_000, 98_100)]
    rows = [f"Q-{n},{note}" for n, note in enumerate(notes, start=10_000)]
    file = write(tmp_path / "a.csv", "PatientId,Note", *rows)
    past = past_of(tmp_path, [f"P-{n}" for n in range(98_000, 98_200)])
    with pytest.raises(DataError, match="column Note too, in 25 of 100 rows"):
        export(file, past=past).load()


def test_what_is_no_identifier_of_a_past_patient_may_stay(tmp_path: Path) -> None:
    """Short texts, a slip, and numbers that run through the range of as many identifiers."""
    rows = [f"{100_000 + n},{n % 90},{800_000 + n * 37 % 997}" for n in range(997)]
    file = write(tmp_path / "a.csv", "PatientId,Age,Code", f"1,{PATIENTS[0]},-", *rows)
    past = [*map(str, range(90)), *(str(800_000 + n) for n in range(0, 997, 2)), PATIENTS[0]]
    table = export(file, past=past_of(tmp_path, past)).load()
    assert (table["Age"][0], table["Code"][1]) == (PATIENTS[0], "800000")


def test_numbers_of_two_kinds_may_run_through_one_range(tmp_path: Path) -> None:
    rows = [f"{100_000 + n},{100_000 + (n * 37 + 1) % 997},{n % 90}" for n in range(997)]
    table = export(write(tmp_path / "a.csv", "PatientId,Note,Age", *rows)).load()
    assert table["Note"][0] == "100001"


def test_a_few_numbers_far_from_the_others_do_not_widen_a_range(tmp_path: Path) -> None:
    rows = [f"{100_000 + n},{100_000 + (n * 37 + 1) % 997}" for n in range(997)]
    file = write(tmp_path / "a.csv", "PatientId,Income", "7,1000000000", *rows)
    assert export(file).load()["Income"][1] == "100001"


def test_short_identifiers_are_found_in_a_copy_of_their_column(tmp_path: Path) -> None:
    rows = [f"{n},{n % 90},{n}.0" for n in range(1, 1000)]
    with pytest.raises(DataError, match="column Note too, in 999 of 999 rows"):
        export(write(tmp_path / "a.csv", "PatientId,Age,Note", *rows)).load()


def test_a_slip_is_emptied(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [*rows_of(PATIENTS[1:], "-"), f"{PATIENTS[0]},patient {PATIENTS[0]}"]
    table = export(write(tmp_path / "a.csv", "PatientId,Note", *rows)).load()
    assert table["Note"].tolist() == [*["-"] * 199, ""]
    assert "in 1 rows; they were emptied" in caplog.text


def test_rounded_identifiers_are_refused(tmp_path: Path) -> None:
    exact = write(tmp_path / "a.csv", HEADER, "2.9872499824296E13,1", "4.2E1,2", "5E3,3")
    assert export(exact).load()["PatientId"].nunique() == 3
    rounded = write(tmp_path / "b.csv", HEADER, "2.98725E+13,1", "17,2")
    with pytest.raises(DataError, match=r"b\.csv holds PatientId as a spreadsheet rounds"):
        export(rounded).load()


def test_only_declared_columns_are_read_under_the_names_of_the_table(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    file = write(tmp_path / "a.csv", "Telephone, AGE ,PatientId,", "555,42,17,")
    columns = {"age": "Age", "patient": "PatientId", "sex": None}
    table = export(file, columns=columns, hashed_columns=["patient"]).load()
    assert list(table) == ["age", "patient", "source_file", "source_row"]
    assert table["age"].tolist() == ["42"]
    assert "a.csv writes in another way: Age." in caplog.text


def test_all_missing_columns_are_told_and_none_of_the_file(tmp_path: Path) -> None:
    """A file without a header has a patient where the name of a column belongs."""
    file = write(tmp_path / "a.csv", "17171717,42", "18181818,43")
    columns = {"age": "Age", "patient": "PatientId", "note": "Note"}
    with pytest.raises(DataError, match="the columns Age, PatientId are missing") as error:
        export(file, columns=columns, optional=["note"], hashed_columns=["patient"]).load()
    assert "17171717" not in str(error.value)
    with pytest.raises(DataError, match="the column PatientId is missing"):
        export(file).load()


@pytest.mark.parametrize("names", ["AGE,age", "Age,Age"])
def test_columns_that_differ_in_case_only_are_refused(tmp_path: Path, names: str) -> None:
    columns = {"age": "Age", "patient": "PatientId"}
    file = write(tmp_path / "a.csv", f"PatientId,{names}", "17,1,2")
    with pytest.raises(DataError, match="several columns that may be Age"):
        export(file, columns=columns, hashed_columns=["patient"]).load()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_encodings_and_containers_are_found_out(
    tmp_path: Path,
    encoding: str,
    pack: Callable[[bytes], bytes],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    file = tmp_path / "a.csv"
    file.write_bytes(pack('\nPatientId,Place\n17,"SÃO\nPEDRO"\n'.encode(encoding)))
    assert export(file).load()["Place"].tolist() == ["SÃO\nPEDRO"]
    assert ("a.csv is an archive" in caplog.text) == (pack is gzip.compress)


def test_parquet_is_read_as_its_csv_would_be(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "PatientId": pd.array([2**60 + 1, 2**60 + 2, None], dtype="Int64"),
            "Age": pd.array([7, None, 9], dtype="Int8"),
            "day": [pd.Timestamp("2016-05-02 10:00"), None, pd.Timestamp("2016-05-03 11:00")],
            "sms": [True, None, False],
            "town": pd.Categorical(["Ulm", None, "Hof"]),
        }
    )
    table.to_parquet(tmp_path / "a.parquet")
    table.assign(sms=[1, None, 0]).astype({"sms": "Int8"}).to_csv(tmp_path / "a.csv", index=False)
    read, expected = (export(tmp_path / f"a.{kind}").load() for kind in ("parquet", "csv"))
    pd.testing.assert_frame_equal(
        read.drop(columns="source_file"), expected.drop(columns="source_file")
    )
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"a\.parquet is no Parquet file of a table"):
        export(tmp_path / "a.parquet").load()


def test_files_with_unlike_columns_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", HEADER, "17,1")
    write(tmp_path / "b.csv", "PatientId,Sex", "17,F")
    with pytest.raises(DataError, match=r"b\.csv and a\.csv differ in the columns"):
        export(tmp_path).load()


def test_absent_path_empty_folder_missing_key_and_saving_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no file or folder"):
        export(tmp_path / "absent").load()
    with pytest.raises(DataError, match=r"holds no \.csv file"):
        export(tmp_path).load()
    with pytest.raises(DataError, match="has no credentials"):
        export(tmp_path, credentials=None)
    with pytest.raises(DataError, match="never written"):
        export(tmp_path).save(pd.DataFrame())  # type: ignore[arg-type]
