"""One refresh at a time, and notes of dead processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from crossfold.refresh.exceptions import RefreshError
from crossfold.refresh.lock import refresh_lock
from crossfold.refresh.processes import is_alive, own_process


def test_the_lock_says_who_holds_it_and_is_free_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "data" / "refresh.lock"
    with refresh_lock(file):
        told = rf"process {os.getpid()}, since 2\d\d\d-.*holds {file}"
        with pytest.raises(RefreshError, match=told), refresh_lock(file):
            pass
    with refresh_lock(file):
        pass
    assert file.read_text() == ""


def test_the_lock_of_a_failed_refresh_is_free_and_silent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        with refresh_lock(tmp_path / "lock"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with refresh_lock(tmp_path / "lock"):
        assert not caplog.records


def test_a_dead_process_is_told_from_a_living_one() -> None:
    assert is_alive(own_process())
    assert not is_alive(own_process() + "1")
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert not is_alive(str(child.pid))
