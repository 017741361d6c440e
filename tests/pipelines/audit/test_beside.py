"""Work in a second process gives its result, its log and its errors, and ends with the first."""

import logging
import os
import signal
import struct
import subprocess
import sys
import time
from multiprocessing import Pipe
from pathlib import Path

import pytest

from crossfold.exceptions import CrossfoldError
from crossfold.mlp.exceptions import DivergenceError
from crossfold.pipelines.audit.beside import _follow, beside

_LONG = 60


def add(a: int, b: int) -> tuple[int, int]:
    logging.getLogger("crossfold.mlp").info("adding %d and %d", a, b)
    logging.getLogger("crossfold.mlp").debug("in detail")
    return a + b, os.getpid()


def fail() -> None:
    raise DivergenceError("The weights are not finite.")


def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait(started: Path) -> None:
    started.write_text(str(os.getpid()))
    time.sleep(_LONG)


def appear(file: Path) -> int:
    """Wait for the number of the process that `wait` has begun in."""
    until = time.monotonic() + _LONG
    while not (file.is_file() and file.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    return int(file.read_text())


def is_gone(pid: int) -> bool:
    """Tell whether a process ends soon; one that nobody has waited for has ended too."""
    until = time.monotonic() + _LONG / 4
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


def test_it_works_in_another_process_and_its_log_is_heard_here(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "crossfold")
    with beside("sums", add, 1, 2) as result:
        total, pid = result()
    assert total == 3
    assert pid != os.getpid()
    assert caplog.messages == ["sums: adding 1 and 2"]
    assert caplog.records[0].name == "crossfold.mlp"


def test_its_error_is_raised_here() -> None:
    with (
        pytest.raises(DivergenceError, match="not finite"),
        beside("failing", fail) as result,
    ):
        result()


def test_a_killed_process_is_told_in_a_sentence() -> None:
    with (
        pytest.raises(CrossfoldError, match="process for memory was ended from outside"),
        beside("memory", be_killed) as result,
    ):
        result()


def test_a_process_killed_while_it_sends_is_told_in_a_sentence() -> None:
    receiver, sender = Pipe(duplex=False)
    os.write(sender.fileno(), struct.pack("!i", 100) + b"the first of a hundred bytes")
    sender.close()
    with pytest.raises(CrossfoldError, match="process for sums was ended from outside"):
        _follow("sums", receiver)


@pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")
def test_it_ends_with_the_body(tmp_path: Path) -> None:
    began = time.monotonic()
    with beside("waiting", wait, tmp_path / "pid"):
        pid = appear(tmp_path / "pid")
    assert is_gone(pid)
    assert time.monotonic() - began < _LONG


@pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")
def test_it_ends_when_the_first_process_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path\n"
        "from test_beside import beside, wait\n"
        "with beside('waiting', wait, Path(sys.argv[2])) as result: result()\n"
    )
    arguments = [sys.executable, "-c", program, str(Path(__file__).parent), str(tmp_path / "pid")]
    with subprocess.Popen(arguments) as first:
        pid = appear(tmp_path / "pid")
        first.kill()
    assert is_gone(pid)
