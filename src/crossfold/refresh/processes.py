"""Tell whether a process that left a note is still the one that runs under its number."""

from __future__ import annotations

import os
from pathlib import Path


def own_process() -> str:
    """Give this process's number, and when it was started where the system tells."""
    return _identity(os.getpid()) or str(os.getpid())


def is_alive(process: str) -> bool:
    """Say whether the process that `own_process` gave as `process` still runs."""
    return _identity(int(process.partition("@")[0])) == process


def _identity(number: int) -> str | None:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    try:
        fields = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2]
    except FileNotFoundError:
        return str(number)
    state, start = fields.split()[0], fields.split()[19]
    return None if state == "Z" else f"{number}@{start}"
