"""Tell whether a process that left a note is still the one that runs under its number."""

from __future__ import annotations

import os

import psutil


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
