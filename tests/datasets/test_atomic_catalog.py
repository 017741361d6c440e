"""What killed, failed and parallel saves leave in the catalog: whole versions only."""

import os
import random
import shutil
import sys
from multiprocessing import Pipe
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from kedro.io import DatasetError
from kedro.io.core import VersionNotFoundError
from tests.processes import can_mount, fork

from crossfold.datasets.atomic import TEMPORARY_SUFFIX, sweep

FILE = Path(__file__).with_name("catalog_writers.py")
# How many random moments: CROSSFOLD_KILL_MOMENTS=200 pytest tests/datasets/test_atomic_catalog.py
MOMENTS = int(os.environ.get("CROSSFOLD_KILL_MOMENTS", "20"))
LONGEST_SECONDS = 0.25
LARGEST_BYTES = 8000


@pytest.fixture(scope="module")
def writers() -> ModuleType:
    sys.path.insert(0, str(FILE.parent))
    import catalog_writers  # type: ignore[import-not-found, unused-ignore]

    return catalog_writers


def check_all_versions(writers: ModuleType, folder: Path) -> dict[str, str]:
    """Load every version of everything, and give the latest ones."""
    latest = {}
    for name in writers.KINDS:
        try:
            versions = writers.dataset(folder, name).list_versions(full_path=False)
        except VersionNotFoundError:
            continue
        for version in versions:
            loaded = writers.dataset(folder, name)
            loaded._version = loaded._version._replace(load=version)
            assert writers.equal(name, loaded.load(), int(version)), (name, version)
        latest[name] = max(versions, default="")
        assert writers.dataset(folder, name).resolve_load_version() == (latest[name] or None)
    return latest


def sweep_all(writers: ModuleType, folder: Path) -> list[Path]:
    """Do what the start of the next run does, and give the temporary files that are left."""
    for name in writers.KINDS:
        sweep(folder / name)
    return list(folder.rglob(f"*{TEMPORARY_SUFFIX}"))


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path, writers: ModuleType) -> None:
    chance = random.Random(0)
    first, interrupted = 1, 0
    for moment in range(3 * MOMENTS):
        if moment >= MOMENTS and interrupted > MOMENTS // 10:
            break  # On a busy machine fewer kills hit a save: then more of them are tried.
        ready, tell = Pipe(duplex=False)
        writer = fork(writers.save_for_ever, tmp_path, first, 1, tell)
        assert ready.poll(60)
        writer.join(chance.uniform(0, LONGEST_SECONDS))
        writer.kill()
        writer.join()
        interrupted += bool(list(tmp_path.rglob(f"*{TEMPORARY_SUFFIX}")))
        latest = check_all_versions(writers, tmp_path)
        assert len(latest) == len(writers.KINDS)
        assert sweep_all(writers, tmp_path) == []
        # What the process said it had saved is there; half of the kinds may be one ahead.
        saved = max(received(ready))
        assert {int(version) - saved for version in latest.values()} <= {0, 1}
        first = saved + 2
        forget_all_but_latest(tmp_path)
    assert interrupted > MOMENTS // 10, "hardly a kill has hit a save"


def received(connection: Any) -> list[int]:
    numbers = []
    while connection.poll():
        try:
            numbers.append(connection.recv())
        except EOFError:
            break
    return numbers


def forget_all_but_latest(folder: Path) -> None:
    """Keep the test from loading all earlier versions again."""
    for name in folder.iterdir():
        for version in sorted(name.iterdir())[:-1]:
            shutil.rmtree(version)


def test_two_runs_at_once(tmp_path: Path, writers: ModuleType) -> None:
    runs = [
        fork(writers.save_versions, tmp_path, numbers) for numbers in ([1, 3, 5, 7], [2, 4, 6, 8])
    ]
    for run in runs:
        run.join()
    assert [run.exitcode for run in runs] == [0, 0]
    assert set(check_all_versions(writers, tmp_path).values()) == {"000008"}
    assert all(len(list(name.iterdir())) == 8 for name in tmp_path.iterdir())
    assert not list(tmp_path.rglob(f"*{TEMPORARY_SUFFIX}"))


def test_no_room_for_large_files(tmp_path: Path, writers: ModuleType) -> None:
    writers.save_all(tmp_path, 1)
    receive, send = Pipe(duplex=False)
    run = fork(writers.save_with_little_room, tmp_path, 2, LARGEST_BYTES, send)
    run.join()
    assert receive.poll(0)
    failed = receive.recv()
    assert "File too large" in failed["table.csv"]
    latest = check_all_versions(writers, tmp_path)
    assert {name for name, version in latest.items() if version == "000001"} == set(failed)
    assert not list(tmp_path.rglob(f"*{TEMPORARY_SUFFIX}"))


@pytest.mark.skipif(not can_mount(), reason="this system lets nobody mount a small disk")
def test_full_disk(tmp_path: Path, writers: ModuleType) -> None:
    receive, send = Pipe(duplex=False)
    run = fork(writers.save_until_the_disk_is_full, tmp_path, 600, send)
    run.join()
    assert run.exitcode == 0
    assert any("No space left on device" in error for error in receive.recv().values())


def test_a_version_that_is_cut_short_would_be_found(tmp_path: Path, writers: ModuleType) -> None:
    writers.save_all(tmp_path, 1)
    check_all_versions(writers, tmp_path)
    for name in set(writers.KINDS) - {"figure.png"}:
        file = tmp_path / name / "000001" / name
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        with pytest.raises((AssertionError, DatasetError)):
            check_all_versions(writers, tmp_path)
        file.write_bytes(whole)
