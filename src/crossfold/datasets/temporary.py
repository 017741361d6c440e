"""Temporary files and folders that are locked while their process lives, so that strays show."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from io import BufferedWriter
from pathlib import Path

TEMPORARY_SUFFIX = ".crossfold-tmp"


def create_file(target: Path, *, make_folder: bool = True) -> tuple[Path, BufferedWriter]:
    """Open a new temporary file beside a target; it is locked until it is closed.

    Parameters
    ----------
    target
        The file that it shall become.
    make_folder
        Create missing folders.
    """
    while True:
        if make_folder:
            target.parent.mkdir(parents=True, exist_ok=True)
        path = _beside(target)
        try:
            file = path.open("xb")
        except FileNotFoundError:
            if not make_folder:
                raise
            continue  # another run has swept the new folder, which was still empty
        if _lock(file.fileno(), path):
            return path, file
        file.close()


@contextlib.contextmanager
def temporary_file(target: Path) -> Iterator[Path]:
    """Give the path of an empty temporary file beside a target; it is gone afterwards."""
    path, file = create_file(target)
    with file:
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder to fill; it becomes the target when the ``with`` block ends well.

    Parameters
    ----------
    target
        A folder that does not exist, or is empty.

    Raises
    ------
    OSError
        If the target holds something by then; nothing is left of the new folder.
    """
    new_folders = missing_folders(target)
    outer, descriptor = _create_folder(target)
    # One level deeper than a version, so that Kedro's search for versions never sees it.
    inner = outer / target.name
    try:
        inner.mkdir()
        yield inner
        _sync_files(inner)
        inner.rename(target)
        sync(target.parent)
    except BaseException:
        shutil.rmtree(outer, ignore_errors=True)
        remove_empty(new_folders)
        raise
    finally:
        shutil.rmtree(outer, ignore_errors=True)
        os.close(descriptor)


def sweep(target: Path) -> None:
    """Remove what dead processes left while they wrote a file, a folder or its versions.

    Files of living processes stay: they are locked. Empty folders of versions go as well.
    """
    beside = target.parent.glob(f".{glob.escape(target.name)}.*{TEMPORARY_SUFFIX}")
    for stray in [*beside, *target.rglob(f".*{TEMPORARY_SUFFIX}")]:
        _remove_if_abandoned(stray)
    remove_empty(folder for folder in target.glob("*") if folder.is_dir())


def missing_folders(target: Path) -> list[Path]:
    """List the folders above a target that do not exist, the innermost first."""
    return [folder for folder in target.parents if not folder.exists()]


def remove_empty(folders: Iterator[Path] | list[Path]) -> None:
    """Remove those of the folders that are empty."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def sync(path: Path) -> None:
    """Write a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(6)}{TEMPORARY_SUFFIX}")


def _create_folder(target: Path) -> tuple[Path, int]:
    while True:
        path = _beside(target)
        path.mkdir(parents=True)
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_RDONLY)
            if _lock(descriptor, path):
                return path, descriptor
            os.close(descriptor)


def _lock(descriptor: int, path: Path) -> bool:
    """Lock a new file, and say whether it is still there: a sweep may have been faster."""
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _remove_if_abandoned(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        _remove(path)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sync_files(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        sync(path)
