"""One writer at a time, or many readers, and notes of dead processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import ReadWriteLock

from kedro_refresh.exceptions import RefreshError
from kedro_refresh.lock import is_alive, own_process, run_lock


def test_the_lock_says_who_holds_it_and_is_free_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "data" / "run.lock"
    told = rf"process {os.getpid()}, since 2\d\d\d-.*holds {file}"
    with ThreadPoolExecutor(1) as other, run_lock(file), pytest.raises(RefreshError, match=told):
        other.submit(hold, file).result()
    hold(file)
    assert [file.name for file in file.parent.iterdir()] == ["run.lock"]


def test_readers_share_the_lock_and_keep_writers_out(tmp_path: Path) -> None:
    file = tmp_path / "run.lock"
    with ThreadPoolExecutor(1) as other, run_lock(file, exclusive=False):
        other.submit(hold, file, exclusive=False).result()
        with pytest.raises(RefreshError, match="Another run is at work: process"):
            other.submit(hold, file).result()
        held = other.submit(hold, file, exclusive=False)
        assert held.result() is None
    told = "Another refresh is at work: process"
    with ThreadPoolExecutor(1) as other, run_lock(file, work="refresh"):
        reading = other.submit(hold, file, exclusive=False).exception()
        assert isinstance(reading, RefreshError)
        assert told in str(reading)


def test_a_note_that_comes_late_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "run.lock"
    taken = ReadWriteLock(file, is_singleton=False)
    taken.acquire_write(0)
    note = '{"work": "refresh", "process": 17, "since": "today"}'
    late = threading.Timer(0.2, file.with_name("run.lock.0.json").write_text, [note])
    late.start()
    with pytest.raises(RefreshError, match="Another refresh is at work: process 17, since today"):
        hold(file)
    late.join()
    taken.close()


def hold(file: Path, *, exclusive: bool = True) -> None:
    with run_lock(file, exclusive=exclusive):
        pass


def test_a_block_in_a_block_of_the_same_thread_passes(tmp_path: Path) -> None:
    with run_lock(tmp_path / "lock"):
        hold(tmp_path / "lock")
        with ThreadPoolExecutor(1) as other, pytest.raises(RefreshError):
            other.submit(hold, tmp_path / "lock").result()


def test_the_lock_of_a_killed_process_is_free(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code = f"""
from pathlib import Path
from kedro_refresh.lock import run_lock
with run_lock(Path({str(tmp_path / "lock")!r})):
    print("held", flush=True)
    input()
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(RefreshError, match=f"process {child.pid}, since"):
            hold(tmp_path / "lock")
        child.kill()
    hold(tmp_path / "lock")
    told = rf"Broke the lock of process {child.pid}, since [^,]+, which ended half-way\."
    assert re.search(told, caplog.text)


def test_who_waits_gets_the_lock_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEDRO_REFRESH_WAIT", "1")
    file = tmp_path / "lock"
    with ThreadPoolExecutor(1) as other:
        with run_lock(file):
            waiting = other.submit(hold, file)
            time.sleep(0.5)
            assert not waiting.done()
        waiting.result(timeout=10)


def test_a_lock_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(RefreshError, match="make sure that you can write it and its folder"):
        hold(tmp_path / "data" / "lock")


def test_a_damaged_lock_is_told(tmp_path: Path) -> None:
    (tmp_path / "lock").write_bytes(b"no database" * 1000)
    with pytest.raises(RefreshError, match="remove it where it is damaged"):
        hold(tmp_path / "lock")


def test_the_lock_of_a_failed_refresh_is_free_and_silent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        with run_lock(tmp_path / "lock"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with run_lock(tmp_path / "lock"):
        assert not caplog.records


def test_a_dead_process_is_told_from_a_living_one() -> None:
    assert is_alive(own_process())
    assert not is_alive(own_process() + "1")
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert not is_alive(str(child.pid))
