"""Temporary files and folders that name their process, so that those of dead ones show."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from io import BufferedWriter
from pathlib import Path

from kedro_refresh.processes import is_alive, own_process

TEMPORARY_SUFFIX = ".crossfold-tmp"
HAS_OPEN_FOLDERS = hasattr(os, "O_DIRECTORY")  # Windows writes names to the disk by itself


def create_file(target: Path, *, make_folder: bool = True) -> tuple[Path, BufferedWriter]:
    """Open a new temporary file beside a target.

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
            return path, path.open("xb")
        except FileNotFoundError:
            if not make_folder:
                raise  # otherwise another run has swept the new folder, which was still empty


@contextlib.contextmanager
def temporary_file(target: Path) -> Iterator[Path]:
    """Give the path of an empty temporary file beside a target; it is gone afterwards."""
    path, file = create_file(target)
    file.close()  # Windows moves no open file
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
    outer = _beside(target)
    # One level deeper than a version, so that Kedro's search for versions never sees it.
    inner = outer / target.name
    try:
        inner.mkdir(parents=True)
        yield inner
        _sync_files(inner)
        remove_empty([target])  # Windows puts no folder in the place of another
        inner.rename(target)
        sync(target.parent)
    except BaseException:
        shutil.rmtree(outer, ignore_errors=True)
        remove_empty(new_folders)
        raise
    finally:
        shutil.rmtree(outer, ignore_errors=True)


def sweep(target: Path) -> None:
    """Remove what dead processes left while they wrote a file, a folder or its versions.

    Files of living processes stay. Empty folders of versions go as well.
    """
    beside = target.parent.glob(f".{glob.escape(target.name)}.*{TEMPORARY_SUFFIX}")
    _remove_abandoned(beside)
    sweep_folder(target)
    remove_empty(folder for folder in target.glob("*") if folder.is_dir())


def sweep_folder(folder: Path) -> None:
    """Remove what dead processes left anywhere in a folder."""
    _remove_abandoned(folder.rglob(f".*{TEMPORARY_SUFFIX}"))


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
    is_folder = path.is_dir()
    if is_folder and not HAS_OPEN_FOLDERS:
        return
    descriptor = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _beside(target: Path) -> Path:
    token = secrets.token_hex(6)
    return target.with_name(f".{target.name}.{own_process()}.{token}{TEMPORARY_SUFFIX}")


def _remove_abandoned(strays: Iterable[Path]) -> None:
    for stray in list(strays):
        if not _is_in_use(stray):
            _remove(stray)


def _is_in_use(path: Path) -> bool:
    """Say whether the process in the name of a temporary file lives."""
    process = path.name.removesuffix(TEMPORARY_SUFFIX).split(".")[-2]
    return "@" in process and is_alive(process)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _sync_files(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        sync(path)
