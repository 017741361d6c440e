"""Runs that write have the data to themselves; runs that only read share them."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from kedro_refresh import RefreshError

if TYPE_CHECKING:
    from filelock import ReadWriteLock

WAIT_VARIABLE = "KEDRO_REFRESH_WAIT"
POLL_SECONDS = 0.2
_LOOKS, _SECONDS_BETWEEN_LOOKS = 20, 0.05
_UNKNOWN = ("run", "a process that has only just started")
_logger = logging.getLogger(__name__)
_this_thread = threading.local()


def own_process() -> str:
    """Name this process by its number and the time when it was started, fit for file names."""
    return _identity(os.getpid()) or str(os.getpid())


def is_alive(process: str) -> bool:
    """Say whether the process that `own_process` named so still runs."""
    return _identity(int(process.partition("@")[0])) == process


def _identity(number: int) -> str | None:
    try:
        process = psutil.Process(number)
        is_over = process.status() == psutil.STATUS_ZOMBIE
        return None if is_over else f"{number}@{process.create_time() * 100:.0f}"
    except psutil.Error:
        return None


@contextlib.contextmanager
def run_lock(file: Path, *, exclusive: bool = True, work: str = "run") -> Iterator[None]:
    """Hold the lock inside the ``with`` block; a block inside of another in one thread passes.

    The operating system releases the lock when its process ends, in whatever way; notes beside
    the file only say who holds it. Work that is not `exclusive` only reads, and shares the lock
    with its like. If another process or thread holds it, it is waited for where the environment
    variable KEDRO_REFRESH_WAIT is 1; else a `RefreshError` says which process, and since when.
    """
    held: set[Path] = _this_thread.__dict__.setdefault("held", set())
    if file in held:
        yield
        return
    with contextlib.ExitStack() as stack:
        _acquire(file, exclusive, stack)
        held.add(file)
        stack.callback(held.discard, file)
        stack.enter_context(_noted(file, exclusive, work))
        yield


def _acquire(file: Path, exclusive: bool, stack: contextlib.ExitStack) -> None:
    import sqlite3

    from filelock import ReadWriteLock

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = ReadWriteLock(file, is_singleton=False)  # another thread is another run
        stack.callback(lock.close)
        if not _is_acquired(lock, exclusive):
            _wait(lock, file, exclusive)
        stack.callback(lock.release)
    except (OSError, ValueError, sqlite3.Error) as error:  # ValueError: it is another database
        raise RefreshError(
            f"The lock {file} cannot be taken ({error}): make sure that you can write it and its"
            " folder, or remove it where it is damaged."
        ) from error


def _wait(lock: ReadWriteLock, file: Path, exclusive: bool) -> None:
    """Wait if that is wanted, in short turns, so that Ctrl+C is heard."""
    work, process = _owner(file)
    if os.environ.get(WAIT_VARIABLE, "0") in ("", "0"):
        raise RefreshError(
            f"Another {work} is at work: {process} holds {file}. Wait until it has"
            f" ended, with --wait or {WAIT_VARIABLE}=1, or end it."
        )
    _logger.warning("Waiting for another %s: %s holds %s.", work, process, file)
    while not _is_acquired(lock, exclusive, POLL_SECONDS):
        pass


def _is_acquired(lock: ReadWriteLock, exclusive: bool, seconds: float = 0) -> bool:
    from filelock import Timeout

    with contextlib.suppress(Timeout):
        (lock.acquire_write if exclusive else lock.acquire_read)(seconds)
        return True
    return False


@contextlib.contextmanager
def _noted(file: Path, exclusive: bool, work: str) -> Iterator[None]:
    """Say beside the lock who holds it; remove notes of the dead where nobody else can hold it."""
    if exclusive:
        for note in _notes(file):
            _, process = _read(note) or _UNKNOWN
            _logger.warning("Broke the lock of %s which ended half-way.", process)
            note.unlink(missing_ok=True)
    since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    note = file.with_name(f"{file.name}.{secrets.token_hex(6)}.json")
    owner = {"work": work, "process": os.getpid(), "since": since}
    try:
        note.write_text(json.dumps(owner), "utf-8")
        yield
    finally:
        note.unlink(missing_ok=True)


def _notes(file: Path) -> list[Path]:
    return sorted(file.parent.glob(f"{file.name}.*.json"))


def _owner(file: Path) -> tuple[str, str]:
    """Give what is at work, and the process; on a busy machine its note may follow late."""
    for _ in range(_LOOKS):
        for owner in filter(None, map(_read, _notes(file))):
            return owner
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    return _UNKNOWN


def _read(note: Path) -> tuple[str, str] | None:
    """Give what is at work by a note, and the process; None where it is removed or half written."""
    try:
        owner = json.loads(note.read_text("utf-8"))
        return owner["work"], f"process {owner['process']}, since {owner['since']},"
    except (OSError, ValueError, KeyError):
        return None
