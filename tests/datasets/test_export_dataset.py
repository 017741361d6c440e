"""CSV exports: a file or a folder, identifiers hashed, damaged ones refused in a sentence."""

from pathlib import Path

import pandas as pd
import pytest

from crossfold.datasets import ExportDataset
from crossfold.datasets.exceptions import ExportError

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


def test_folder_is_joined_in_the_order_of_names(tmp_path: Path) -> None:
    write(tmp_path / "2016-05-02.csv", HEADER, "17,2")
    write(tmp_path / "2016-05-01.csv", HEADER, "17,1")
    write(tmp_path / "notes.txt", "not a table")
    table = export(tmp_path).load()
    assert table["Age"].tolist() == ["1", "2"]
    assert table["source_file"].cat.categories.tolist() == ["2016-05-01.csv", "2016-05-02.csv"]
    assert table["PatientId"][0] == table["PatientId"][1]


def test_preview_and_description_hold_neither_identifier_nor_key(tmp_path: Path) -> None:
    dataset = export(write(tmp_path / "a.csv", HEADER, "17171717,1"), credentials={"key": "hush"})
    assert "17171717" not in str(dataset.preview())
    assert "hush" not in str(dataset)
    assert export(tmp_path / "absent").preview() == {}


def test_separator_is_an_option(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "PatientId;Age", "17;1")
    assert export(file, load_args={"sep": ";"}).load()["Age"].tolist() == ["1"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty: export it again"),
        (b"PatientId,Age\n1,2\n1,2,3\n", r"is not a CSV table in UTF-8 .*line 3, saw 3"),
        (b"PatientId,Age\n1,\xff\n", "is not a CSV table in UTF-8"),
    ],
)
def test_damaged_file_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(content)
    with pytest.raises(ExportError, match=sentence):
        export(file).load()


def test_files_with_unlike_columns_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", HEADER, "17,1")
    write(tmp_path / "b.csv", "PatientId,Sex", "17,F")
    with pytest.raises(ExportError, match=r"b\.csv and a\.csv differ in the columns"):
        export(tmp_path).load()


def test_absent_path_empty_folder_missing_key_and_saving_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="There is no file or folder"):
        export(tmp_path / "absent").load()
    with pytest.raises(ExportError, match=r"holds no \.csv file"):
        export(tmp_path).load()
    with pytest.raises(ExportError, match="has no credentials"):
        export(tmp_path, credentials=None)
    with pytest.raises(ExportError, match="never written"):
        export(tmp_path).save(pd.DataFrame())  # type: ignore[arg-type]
