"""Where the files of datasets are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from kedro_refresh.stored import ContentReader, Stored, locate


class Files:
    """A dataset of some files."""

    def __init__(self, *files: Path) -> None:
        self._files = list(files)

    def stored_files(self) -> list[Path]:
        return self._files


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    files = [tmp_path / name for name in ("a/deep/x.csv", "a/x.csv", "b/x.csv")]
    for number, file in enumerate(files):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"age\n{number}\n")
    return files


def content(*files: Path) -> tuple[str, dict[str, str]]:
    stored = locate(Files(*files))
    assert stored is not None
    content = ContentReader({}).read(stored.files, stored.root)
    assert content is not None
    return content.digest, content.files


def test_no_file_is_no_place() -> None:
    assert locate(Files()) is None


def test_a_single_file_is_its_own_root(files: list[Path]) -> None:
    assert locate(Files(files[0])) == Stored(files[0], files[:1])
    assert content(files[0])[1] == {}


def test_files_of_one_folder_are_named_in_it(files: list[Path]) -> None:
    second = files[1].with_name("y.csv")
    second.write_text("age\n")
    assert set(content(files[1], second)[1]) == {"x.csv", "y.csv"}


def test_files_of_several_folders_keep_their_names_apart(files: list[Path]) -> None:
    for order in (files, files[::-1]):
        assert set(content(*order)[1]) == {"a/deep/x.csv", "a/x.csv", "b/x.csv"}
    assert content(*files) == content(*files[::-1])


def test_relative_and_absolute_paths_go_together(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = content(*files)
    monkeypatch.chdir(tmp_path)
    assert content(Path("a/deep/x.csv"), *files[1:]) == expected


def test_a_change_in_any_folder_is_a_change(files: list[Path]) -> None:
    before = content(*files)
    files[2].write_text("age\n7\n")
    assert content(*files)[0] != before[0]
