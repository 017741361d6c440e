"""One refresh at a time."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from crossfold.refresh.exceptions import RefreshError

_logger = logging.getLogger(__name__)


@contextlib.contextmanager
def refresh_lock(file: Path) -> Iterator[None]:
    """Hold the lock inside the ``with`` block.

    The operating system releases the lock when its process ends, in whatever way; the file only
    says who holds it.

    Parameters
    ----------
    file
        The lock's file; the folder is made.

    Raises
    ------
    RefreshError
        If another refresh holds the lock; it says which process, and since when.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RefreshError(
                f"Another refresh is at work: {_owner(file)} holds {file}. Wait until it has"
                " ended, or end it."
            ) from None
        if stream.tell():
            _logger.warning("Broke the lock of %s, which ended half-way.", _owner(file))
        _write_owner(stream.fileno())
        try:
            yield
        finally:
            stream.truncate(0)


def _write_owner(descriptor: int) -> None:
    since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    os.ftruncate(descriptor, 0)
    os.write(descriptor, json.dumps({"process": os.getpid(), "since": since}).encode())


def _owner(file: Path) -> str:
    try:
        owner = json.loads(file.read_text(encoding="utf-8"))
        return f"process {owner['process']}, since {owner['since']},"
    except (ValueError, KeyError):
        return "a process that has only just started"
