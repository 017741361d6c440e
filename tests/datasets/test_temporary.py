"""Temporary files: left alone while their process lives, swept when it is dead."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from crossfold.datasets import atomic
from crossfold.datasets.atomic import (
    AtomicLocalFileSystem,
    atomic_folder,
    create_file,
    sweep,
    temporary_file,
)

HALF_WRITTEN = """
import os, sys
from pathlib import Path
from crossfold.datasets.atomic import atomic_folder, create_file
target = Path(sys.argv[1])
_, file = create_file(target / "1" / target.name)
_, other = create_file(target)
with atomic_folder(target / "2") as folder:
    (folder / "half").write_text("half")
    (target / "3").mkdir()
    print("ready", flush=True)
    sys.stdin.read()
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "data.csv"


@pytest.fixture
def other_run(target: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that has half-written a file in two places and a folder; it waits."""
    command = [sys.executable, "-c", HALF_WRITTEN, str(target)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def strays(folder: Path) -> list[Path]:
    return list(folder.rglob(f"*{atomic.TEMPORARY_SUFFIX}"))


def test_files_of_a_living_run_stay_and_those_of_a_dead_one_go(
    tmp_path: Path, target: Path, other_run: subprocess.Popen[str]
) -> None:
    (target / "0").mkdir()
    (target / "0" / target.name).write_text("good")
    sweep(target)
    assert len(strays(tmp_path)) == 3
    assert other_run.stdin is not None
    other_run.stdin.close()
    other_run.wait()
    sweep(target)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [target / "0" / target.name]
    assert [folder.name for folder in target.iterdir()] == ["0"]


def test_only_what_belongs_to_the_target_is_swept(tmp_path: Path) -> None:
    for name in (f".b.csv.1{atomic.TEMPORARY_SUFFIX}", ".a.csv.1.other"):
        (tmp_path / name).touch()
    (tmp_path / f".a.csv.1{atomic.TEMPORARY_SUFFIX}").touch()
    sweep(tmp_path / "a.csv")
    sweep(tmp_path / "none.csv")
    assert len(list(tmp_path.iterdir())) == 2


def test_file_whose_new_folder_was_swept_is_made_again(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = atomic._beside
    attempts: list[Path] = []

    def sweep_first(target: Path) -> Path:
        if not attempts:
            target.parent.rmdir()
        attempts.append(usual(target))
        return attempts[-1]

    monkeypatch.setattr(atomic, "_beside", sweep_first)
    path, file = create_file(target / "1" / "data.csv")
    file.close()
    assert path.exists()
    assert path == attempts[1]


def test_a_number_that_another_process_has_now_protects_nothing(target: Path) -> None:
    number = atomic.own_process().partition("@")[0]
    stray = target.with_name(f".{target.name}.{number}@1.0f{atomic.TEMPORARY_SUFFIX}")
    stray.touch()
    sweep(target)
    assert not stray.exists()


def test_where_folders_cannot_be_opened_they_are_not(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atomic, "HAS_OPEN_FOLDERS", False)
    usual = atomic.os.open

    def only_files(path: Path, flags: int) -> int:
        assert not Path(path).is_dir()
        assert flags & os.O_RDWR, "Windows flushes no file that was opened to be read"
        return usual(path, flags)

    monkeypatch.setattr(atomic.os, "open", only_files)
    with atomic_folder(target / "1") as folder:
        (folder / target.name).write_text("a")
    with AtomicLocalFileSystem().open(str(target / "1" / "b"), "w") as file:
        file.write("b")
    assert {path.name for path in (target / "1").iterdir()} == {target.name, "b"}


def test_no_file_is_open_when_it_is_moved(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Path.replace

    def replace(path: Path, other: Path) -> Path:
        opened = [file.path for file in psutil.Process().open_files()]
        assert str(path) not in opened, "Windows moves no open file"
        return usual(path, other)

    monkeypatch.setattr(Path, "replace", replace)
    with AtomicLocalFileSystem().open(str(target), "wb") as file:
        file.write(b"a")
    with temporary_file(target) as path:
        path.write_text("b")
        path.replace(target)
    assert target.read_text() == "b"


def test_missing_folder_is_not_made_unasked(target: Path) -> None:
    with pytest.raises(FileNotFoundError):
        create_file(target / "1" / "data.csv", make_folder=False)


def test_folder_appears_when_it_is_full(target: Path) -> None:
    with atomic_folder(target / "1") as folder:
        (folder / target.name).write_text("a")
        assert not (target / "1").exists()
        assert not AtomicLocalFileSystem().glob(f"{target}/*/{target.name}")
    assert [path.name for path in target.rglob("*")] == ["1", target.name]


def test_error_leaves_no_folder(target: Path) -> None:
    def fail() -> None:
        with atomic_folder(target / "1") as folder:
            (folder / target.name).write_text("a")
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not target.exists()


def test_folder_that_another_run_has_filled_stays(target: Path) -> None:
    def come_second() -> None:
        with atomic_folder(target / "1") as folder:
            (folder / target.name).write_text("second")
            (target / "1").mkdir()
            (target / "1" / target.name).write_text("first")

    with pytest.raises(OSError, match="not empty"):
        come_second()
    assert (target / "1" / target.name).read_text() == "first"
    assert not strays(target)


def test_temporary_file_is_gone_afterwards_unless_it_was_moved(target: Path) -> None:
    with temporary_file(target) as path:
        path.write_text("a")
    assert not list(target.parent.iterdir())
    with temporary_file(target) as path:
        path.write_text("a")
        path.replace(target)
    assert target.read_text() == "a"
