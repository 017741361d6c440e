"""``kedro`` in processes of their own, forked from one that has loaded its libraries already."""

from __future__ import annotations

import atexit
import ctypes
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path

LONGEST_SECONDS = 1800
COARSE_PICTURES = "COARSE_PICTURES"  # a variable: whether their looks matter to nobody


def run_kedro(
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run ``kedro`` in a folder, with this process's environment and what is added to it."""
    return run_kedro_with({**os.environ, **environment}, folder, *arguments)


def run_kedro_with(
    environment: dict[str, str], folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run ``kedro`` in a folder and an environment; give its status and what it printed."""
    return Kedro(environment, folder, *arguments).wait()


class Kedro:
    """``kedro`` at work in a folder and an environment, with ``data`` on a disk of some size."""

    def __init__(
        self, environment: dict[str, str], folder: Path, *arguments: str, disk: str | None = None
    ) -> None:
        self._place = tempfile.TemporaryDirectory()
        self.logs = [Path(self._place.name, stream) for stream in ("out", "err")]
        for log in self.logs:
            log.touch()
        self._arguments = arguments
        self._process = fork(_kedro, folder, self.logs, arguments, environment, disk)

    def has_ended(self) -> bool:
        """Tell whether it is at work no longer."""
        return self._process.exitcode is not None

    def wait(self) -> subprocess.CompletedProcess[str]:
        """Wait for its end; give its status and what it printed."""
        self._process.join(LONGEST_SECONDS)
        status = self._process.exitcode
        with self._place:
            output, error = (log.read_text(encoding="utf-8") for log in self.logs)
        assert status is not None, output + error
        return subprocess.CompletedProcess(self._arguments, status, output, error)


def fork(target: Callable[..., None], *arguments: object) -> BaseProcess:
    """Call a function in a process of its own."""
    start_to_fork()
    process = multiprocessing.get_context("forkserver").Process(target=target, args=arguments)
    process.start()
    return process


def start_to_fork() -> None:
    """Start the process that others are forked from, unless it has been started."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(["tests.preloaded"])
    forkserver.ensure_running()


def print_to(output: Path, error: Path | None = None) -> None:
    """Send what the process prints to files; to one where there is no other for errors."""
    for stream, log in ((1, output), (2, error)):
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) if log else 1
        os.dup2(descriptor, stream)


@cache
def can_mount() -> bool:
    """Tell whether this system lets everybody mount a disk that nobody else sees."""
    command = ["unshare", "--map-root-user", "--mount", "true"]
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def mount_small_disk(folder: Path, size: str) -> None:
    """Mount a disk in memory that this process alone sees."""
    libc = ctypes.CDLL(None, use_errno=True)
    own = {"setgroups": "deny", "uid_map": f"0 {os.getuid()} 1", "gid_map": f"0 {os.getgid()} 1"}
    new_user_and_mounts = 0x1000_0000 | 0x2_0000
    if libc.unshare(new_user_and_mounts):
        raise OSError(ctypes.get_errno(), "no namespace")
    for name, text in own.items():
        Path("/proc/self", name).write_text(text)
    if libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, f"size={size}".encode()):
        raise OSError(ctypes.get_errno(), "no disk")


def leave_out_other_studies(conf: Path, *environments: str) -> None:
    """Remove their configuration, which would take most of the time to read."""
    for folder in [one for one in conf.iterdir() if one.is_dir() and one.name != "local"]:
        if folder.name not in ("base", *environments):
            shutil.rmtree(folder)
            continue
        for study in folder.iterdir():
            if study.is_dir() and study.name not in ("appointments", "no_show"):
                shutil.rmtree(study)


def _kedro(
    folder: Path,
    logs: list[Path],
    arguments: tuple[str, ...],
    environment: dict[str, str],
    disk: str | None,
) -> None:
    from joblib.externals.loky import get_reusable_executor
    from kedro.framework.cli.cli import main

    # Kedro's own runners fork, as in a process that nobody has forked.
    multiprocessing.set_start_method(None, force=True)
    os.environ.clear()
    os.environ.update(environment)
    print_to(*logs)
    if disk:
        mount_small_disk(folder / "data", disk)
    os.chdir(folder)
    sys.argv = ["kedro", *arguments]
    if COARSE_PICTURES in environment:
        from crossfold.datasets import figure_dataset

        figure_dataset.DOTS_PER_INCH = 20
    try:
        main()
    finally:
        # A forked process would wait until joblib's workers have been idle for five minutes, and
        # leave out what Python does at its end.
        get_reusable_executor().shutdown()
        atexit._run_exitfuncs()
        if disk:  # nobody else sees it
            sys.stdout.write(f"Left on the disk: {[*(folder / 'data').rglob('.*')]}")
