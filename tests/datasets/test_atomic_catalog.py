"""What killed, failed and parallel saves leave in the catalog: whole versions only."""

import multiprocessing
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from kedro.io import DatasetError
from kedro.io.core import VersionNotFoundError

from crossfold.datasets.atomic import TEMPORARY_SUFFIX, sweep

FILE = Path(__file__).with_name("catalog_writers.py")
# How many random moments: CROSSFOLD_KILL_MOMENTS=200 pytest tests/datasets/test_atomic_catalog.py
MOMENTS = int(os.environ.get("CROSSFOLD_KILL_MOMENTS", "20"))
LONGEST_SECONDS = 0.25
LARGEST_BYTES = 8000

ON_A_SMALL_DISK = """
mount -t tmpfs -o size=600k tmpfs "$1" && exec "$2" -c "
import sys; sys.path.insert(0, '$3')
import catalog_writers as w
from pathlib import Path
from crossfold.datasets.atomic import TEMPORARY_SUFFIX
folder = Path('$1')
failed, number = {}, 0
while not failed:
    number += 1
    failed = w.failures(folder, number)
for name in w.KINDS:
    for version in w.dataset(folder, name).list_versions(full_path=False):
        assert w.equal(name, w.dataset(folder, name).load(), number) or version < f'{number:06d}'
assert not list(folder.rglob(f'*{TEMPORARY_SUFFIX}'))
print(number, *failed.values())
"
"""


@pytest.fixture(scope="module")
def writers() -> ModuleType:
    sys.path.insert(0, str(FILE.parent))
    import catalog_writers  # type: ignore[import-not-found, unused-ignore]

    return catalog_writers


@pytest.fixture(scope="module")
def processes(writers: ModuleType) -> Any:
    """Give processes that start at once, with all libraries imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([writers.__name__])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(FILE.parent), prepend=os.pathsep)
        warm_up = context.Process(target=writers.KINDS.get, args=("",))
        warm_up.start()
        warm_up.join()
    return context


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
def test_killed_at_random_moments(tmp_path: Path, writers: ModuleType, processes: Any) -> None:
    chance = random.Random(0)
    first, interrupted = 1, 0
    for moment in range(3 * MOMENTS):
        if moment >= MOMENTS and interrupted > MOMENTS // 10:
            break  # On a busy machine fewer kills hit a save: then more of them are tried.
        ready, tell = processes.Pipe(duplex=False)
        writer = processes.Process(target=writers.save_for_ever, args=(tmp_path, first, 1, tell))
        writer.start()
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


def test_two_runs_at_once(tmp_path: Path, writers: ModuleType, processes: Any) -> None:
    runs = [
        processes.Process(target=writers.save_versions, args=(tmp_path, numbers))
        for numbers in ([1, 3, 5, 7], [2, 4, 6, 8])
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [run.exitcode for run in runs] == [0, 0]
    assert set(check_all_versions(writers, tmp_path).values()) == {"000008"}
    assert all(len(list(name.iterdir())) == 8 for name in tmp_path.iterdir())
    assert not list(tmp_path.rglob(f"*{TEMPORARY_SUFFIX}"))


def test_no_room_for_large_files(tmp_path: Path, writers: ModuleType, processes: Any) -> None:
    writers.save_all(tmp_path, 1)
    receive, send = processes.Pipe(duplex=False)
    arguments = (tmp_path, 2, LARGEST_BYTES, send)
    run = processes.Process(target=writers.save_with_little_room, args=arguments)
    run.start()
    run.join()
    assert receive.poll(0)
    failed = receive.recv()
    assert "File too large" in failed["table.csv"]
    latest = check_all_versions(writers, tmp_path)
    assert {name for name, version in latest.items() if version == "000001"} == set(failed)
    assert not list(tmp_path.rglob(f"*{TEMPORARY_SUFFIX}"))


def test_full_disk(tmp_path: Path) -> None:
    namespace = ["unshare", "--mount", "--map-root-user"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*namespace, "true"], check=False).returncode
    ):
        pytest.skip("this system lets nobody mount a small disk")
    script = ["sh", "-c", ON_A_SMALL_DISK, "sh", tmp_path, sys.executable, FILE.parent]
    run = subprocess.run([*namespace, *script], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "No space left on device" in run.stdout


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
