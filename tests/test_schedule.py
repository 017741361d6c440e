"""The files in docs/schedule/, filled in as their page says."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from crossfold.cli import refresh
from crossfold.pipeline_registry import register_pipelines

SCHEDULE = Path(__file__).parents[1] / "docs" / "schedule"
UNITS = ["crossfold-refresh.service", "crossfold-refresh.timer"]
FIELDS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]
NEEDS_SYSTEMD = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here"
)


@pytest.fixture
def filled_in(tmp_path: Path) -> Path:
    """Give a folder with copies of the units for a project that stands there."""
    project = tmp_path / "crossfold"
    kedro = project / ".venv" / "bin" / "kedro"
    kedro.parent.mkdir(parents=True)
    kedro.write_text("#!/bin/sh\n")
    kedro.chmod(0o755)
    for name in UNITS:
        text = (SCHEDULE / name).read_text()
        text = text.replace("/path/to/crossfold", str(project)).replace("User=NAME", "User=root")
        (tmp_path / name).write_text(text)
    return tmp_path


def verify(folder: Path) -> str:
    """Give what systemd finds wrong."""
    command = ["systemd-analyze", "verify", "--recursive-errors=no", "--man=no"]
    units = [str(folder / name) for name in UNITS]
    result = subprocess.run([*command, *units], capture_output=True, text=True, check=False)
    return result.stdout + result.stderr + ("" if result.returncode == 0 else "failed")


@NEEDS_SYSTEMD
def test_systemd_finds_nothing_wrong(filled_in: Path) -> None:
    assert verify(filled_in) == ""


@NEEDS_SYSTEMD
@pytest.mark.parametrize(
    ("unit", "old", "new"),
    [(UNITS[0], "Type=oneshot", "Type=often"), (UNITS[1], "02:17:00", "25:17:00")],
)
def test_systemd_finds_mistakes(filled_in: Path, unit: str, old: str, new: str) -> None:
    file = filled_in / unit
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    assert unit in verify(filled_in)


def test_the_timer_makes_up_for_missed_nights() -> None:
    assert "\nPersistent=true\n" in (SCHEDULE / UNITS[1]).read_text()


def test_cron_and_systemd_start_the_same_refresh_at_the_same_time() -> None:
    [line] = [line for line in lines("crossfold.cron") if re.match(r"[\d*]", line)]
    *fields, command = line.split(maxsplit=5)
    for field, (low, high) in zip(fields, FIELDS, strict=True):
        assert field == "*" or low <= int(field) <= high
    assert "%" not in command  # to cron, the end of the line
    [start] = [line for line in lines(UNITS[0]) if line.startswith("ExecStart=")]
    assert command.endswith(start.removeprefix("ExecStart="))
    assert f"OnCalendar=*-*-* {int(fields[1]):02}:{int(fields[0]):02}:00" in lines(UNITS[1])


def test_the_command_is_one_that_exists() -> None:
    [start] = [line for line in lines(UNITS[0]) if line.startswith("ExecStart=")]
    command, *options = start.split()[1:]
    assert command == refresh.name
    parsed = refresh.make_context("refresh", options).params
    assert set(parsed["pipelines"]) <= set(register_pipelines())


def lines(name: str) -> list[str]:
    """Give the lines of a file that are no comments."""
    text = (SCHEDULE / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
