"""Where datasets are stored, as far as fingerprints ask."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import MemoryDataset
from kedro.io.core import VersionNotFoundError, get_filepath_str

from kedro_refresh.adapter import (
    file_system_of,
    is_versioned,
    path_of,
    protocol_of,
    without_cache,
    without_protocol,
)
from kedro_refresh.exceptions import RefreshError

LOCAL = ("file", "local")
HTTP = ("http://", "https://")


@dataclass(frozen=True)
class Remote:
    """Files that `fsspec` reaches.

    Attributes
    ----------
    system
        The file system.
    names
        The files, by their paths from where the dataset lies.
    """

    system: Any
    names: dict[str, str]


@dataclass(frozen=True)
class Stored:
    """Files of a dataset.

    Attributes
    ----------
    root
        The file itself, or the folder that holds them.
    files
        The files, as far as they are on this machine.
    version
        Name of the version, None for a dataset without versions.
    remote
        The files that are elsewhere.
    """

    root: Path
    files: list[Path]
    version: str | None = None
    remote: Remote | None = None


def is_stored(dataset: object) -> bool:
    """Say whether a dataset outlives a run; what the catalog does not know lives in memory."""
    return dataset is not None and not isinstance(dataset, MemoryDataset)


def has_place(dataset: Any) -> bool:
    """Say whether it can be found out where a dataset lies, whether or not it is there."""
    inner = without_cache(dataset)
    return hasattr(inner, "stored_files") or path_of(inner) is not None


def is_remote(dataset: Any) -> bool:
    """Say whether a dataset lies on another machine, or in a file system of its own kind."""
    return protocol_of(without_cache(dataset)) not in LOCAL


def locate(dataset: Any) -> Stored | None:
    """Find the files of a dataset, those of its latest version; None if it has none."""
    dataset = without_cache(dataset)
    if hasattr(dataset, "stored_files"):
        return _together(dataset.stored_files())
    path = path_of(dataset)
    if path is None:
        return None
    if not is_versioned(dataset):
        return _find(dataset, path)
    try:
        version = dataset.resolve_load_version()
    except VersionNotFoundError:
        return None
    stored = _find(dataset, PurePosixPath(path, version))
    return replace(stored, version=version) if stored else None


def _find(dataset: Any, path: Any) -> Stored | None:
    if is_remote(dataset):
        return _at_remote(dataset, path)
    return _at(Path(str(path).removeprefix("file://")))


def _at(path: Path) -> Stored | None:
    if path.is_dir():
        inside = [file for file in path.rglob("*") if file.is_file()]
        return Stored(path, [file for file in inside if not file.name.startswith(".")])
    return Stored(path, [path]) if path.exists() else None


def _at_remote(dataset: Any, path: Any) -> Stored | None:
    """Find files through `fsspec`, past what it remembers of folders."""
    protocol, text = protocol_of(dataset), str(path)
    whole = text if "://" in text else get_filepath_str(PurePosixPath(text), protocol)
    try:
        system = file_system_of(dataset)
        system.invalidate_cache()
        is_page = whole.startswith(HTTP)  # whose links are not its files
        root = without_protocol(system, whole)
        found = [whole] if is_page else system.find(whole)
    except Exception as error:
        raise RefreshError(unreachable(whole, error)) from error
    names = {name.removeprefix(root).strip("/"): name for name in found}
    return Stored(Path(text), [], remote=Remote(system, names)) if names else None


def unreachable(place: str, error: Exception) -> str:
    """Say in a sentence that a place elsewhere does not answer."""
    why = next(iter(str(error).splitlines()), type(error).__name__)
    return (
        f"{place} cannot be asked what it holds ({why}): check the address, the credentials and the"
        " connection."
    )


def _together(files: list[Path]) -> Stored | None:
    """Name the innermost folder that holds all of the files; a single file is its own root."""
    if len(files) < 2:
        return Stored(files[0], files) if files else None
    whole = [file.absolute() for file in files]
    return Stored(Path(os.path.commonpath([file.parent for file in whole])), whole)
