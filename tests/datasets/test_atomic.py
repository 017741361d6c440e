"""The atomic file system: a file appears complete or not at all."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import fsspec
import matplotlib as mpl
import pandas as pd
import pytest
from kedro.io import DatasetError, Version
from kedro_datasets.json import JSONDataset
from kedro_datasets.matplotlib import MatplotlibDataset
from kedro_datasets.pandas import CSVDataset, ParquetDataset
from kedro_datasets.text import TextDataset

from crossfold.datasets.atomic import AtomicLocalFileSystem

TABLE = pd.DataFrame({"a": [1, 2], "b": ["x", "ü"]})


@pytest.fixture
def file_system() -> AtomicLocalFileSystem:
    return AtomicLocalFileSystem(auto_mkdir=True)


@pytest.fixture
def registered() -> Iterator[None]:
    usual = fsspec.get_filesystem_class("file")
    fsspec.register_implementation("file", AtomicLocalFileSystem, clobber=True)
    yield
    fsspec.register_implementation("file", usual, clobber=True)


def files(folder: Path) -> list[str]:
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*"))


def test_file_appears_when_it_is_closed(tmp_path: Path, file_system: AtomicLocalFileSystem) -> None:
    target = tmp_path / "new" / "file.bin"
    with file_system.open(str(target), "wb") as file:
        file.write(b"half")
        file.flush()
        assert not target.exists()
        file.write(b", and the rest")
    assert target.read_bytes() == b"half, and the rest"
    assert files(tmp_path) == ["new", "new/file.bin"]


@pytest.mark.parametrize(("mode", "content"), [("wb", b"new"), ("w", "new"), ("wt", "new")])
def test_error_leaves_the_old_file(
    tmp_path: Path, file_system: AtomicLocalFileSystem, mode: str, content: str | bytes
) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    file = file_system.open(str(target), mode)
    file.write(content)
    file.flush()
    with pytest.raises(ZeroDivisionError), file:
        _ = 1 / 0
    assert target.read_bytes() == b"old"
    assert files(tmp_path) == ["file"]


@pytest.mark.parametrize("mode", ["wb", "w"])
def test_error_leaves_neither_file_nor_new_folder(
    tmp_path: Path, file_system: AtomicLocalFileSystem, mode: str
) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        file_system.open(str(tmp_path / "version" / "file"), mode),
    ):
        _ = 1 / 0
    assert files(tmp_path) == []


@pytest.mark.parametrize(("mode", "content"), [("wb", b"half"), ("w", "half")])
def test_file_that_nobody_closes_is_discarded(
    tmp_path: Path, file_system: AtomicLocalFileSystem, mode: str, content: str | bytes
) -> None:
    file = file_system.open(str(tmp_path / "file"), mode)
    file.write(content)
    del file
    assert files(tmp_path) == []


@pytest.mark.parametrize(("mode", "content"), [("wb", b"half"), ("w", "half")])
def test_full_disk_leaves_the_old_file(
    tmp_path: Path,
    file_system: AtomicLocalFileSystem,
    mode: str,
    content: str | bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    target = tmp_path / "file"
    target.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with (
        pytest.raises(OSError, match="No space left"),
        file_system.open(str(target), mode) as file,
    ):
        file.write(content)
    assert target.read_bytes() == b"old"
    assert files(tmp_path) == ["file"]


def test_text_is_encoded_as_asked(tmp_path: Path, file_system: AtomicLocalFileSystem) -> None:
    for name, encoding in (("utf-8", {}), ("latin-1", {"encoding": "latin-1"})):
        with file_system.open(str(tmp_path / name), "w", **encoding) as file:
            file.write("Vitória")
        assert (tmp_path / name).read_text(encoding=name) == "Vitória"


def test_reading_appending_and_copying(tmp_path: Path, file_system: AtomicLocalFileSystem) -> None:
    target = tmp_path / "file"
    target.write_text("one")
    with file_system.open(str(target), "a") as file:
        file.write(", two")
    with file_system.open(str(target), "r") as file:
        assert file.read() == "one, two"
    file_system.cp_file(str(target), str(tmp_path / "copies" / "file"))
    assert (tmp_path / "copies" / "file").read_text() == "one, two"
    with pytest.raises(FileExistsError):
        file_system.open(str(target), "xb")


class Unwritable:
    """A cell that cannot be written, behind cells that can."""

    def __str__(self) -> str:
        raise ZeroDivisionError


def half_bad_figure() -> mpl.figure.Figure:
    figure = mpl.figure.Figure()
    figure.savefig = lambda file, **_: (file.write(b"PNG, half"), 1 / 0)  # type: ignore[method-assign, assignment]
    return figure


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (CSVDataset, TABLE, pd.DataFrame({"a": [*["x" * 100] * 5000, Unwritable()]})),
        (ParquetDataset, TABLE, pd.DataFrame({"a": [1, "x", Unwritable()]})),
        (JSONDataset, {"a": [1, 2]}, {"a": "x" * 100_000, "b": object()}),
        (TextDataset, "text", 12),
        (MatplotlibDataset, mpl.figure.Figure(), half_bad_figure()),
    ],
)
def test_failed_save_of_a_kedro_dataset_leaves_the_last_version(
    tmp_path: Path, kind: type, good: object, bad: object
) -> None:
    def dataset(save: str) -> object:
        return kind(filepath=str(tmp_path / "data"), version=Version(None, save))

    dataset("1").save(good)  # type: ignore[attr-defined]
    before = files(tmp_path)
    failing = dataset("2")
    with pytest.raises(DatasetError):
        failing.save(bad)  # type: ignore[attr-defined]
    assert files(tmp_path) == before == ["data", "data/1", "data/1/data"]
    assert dataset("3").resolve_load_version() == "1"  # type: ignore[attr-defined]


@pytest.mark.usefixtures("registered")
def test_kedro_datasets_read_what_they_wrote(tmp_path: Path) -> None:
    version = Version(None, "1")
    csv = CSVDataset(filepath=str(tmp_path / "a.csv"), version=version)
    parquet = ParquetDataset(filepath=str(tmp_path / "a.parquet"), version=version)
    text = JSONDataset(filepath=str(tmp_path / "a.json"), version=version)
    for dataset in (csv, parquet):
        dataset.save(TABLE)
        pd.testing.assert_frame_equal(dataset.load(), TABLE)
    text.save({"ü": 1})
    assert text.load() == json.loads('{"ü": 1}')
