"""Where datasets are stored, as far as fingerprints ask."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kedro.io import AbstractVersionedDataset, MemoryDataset
from kedro.io.core import VersionNotFoundError


@dataclass(frozen=True)
class Stored:
    """Files of a dataset.

    Attributes
    ----------
    root
        The file itself, or the folder that holds them.
    files
        The files.
    version
        Name of the version, None for a dataset without versions.
    """

    root: Path
    files: list[Path]
    version: str | None = None


def is_stored(dataset: object) -> bool:
    """Say whether a dataset outlives a run; what the catalog does not know lives in memory."""
    return dataset is not None and not isinstance(dataset, MemoryDataset)


def locate(dataset: Any) -> Stored | None:
    """Find the files of a dataset, those of its latest version; None if it has none."""
    if hasattr(dataset, "stored_files"):
        return _together(dataset.stored_files())
    path = getattr(dataset, "_filepath", None)
    if path is None:
        return None
    if isinstance(dataset, AbstractVersionedDataset) and dataset._version:
        return _latest_version(dataset)
    return _at(Path(path))


def _latest_version(dataset: AbstractVersionedDataset[Any, Any]) -> Stored | None:
    try:
        folder = Path(dataset._get_load_path()).parent
    except VersionNotFoundError:
        return None
    stored = _at(folder)
    return Stored(folder, stored.files, folder.name) if stored else None


def _at(path: Path) -> Stored | None:
    if path.is_dir():
        inside = [file for file in path.rglob("*") if file.is_file()]
        return Stored(path, [file for file in inside if not file.name.startswith(".")])
    return Stored(path, [path]) if path.exists() else None


def _together(files: list[Path]) -> Stored | None:
    """Name the innermost folder that holds all of the files; a single file is its own root."""
    if len(files) < 2:
        return Stored(files[0], files) if files else None
    whole = [file.absolute() for file in files]
    return Stored(Path(os.path.commonpath([file.parent for file in whole])), whole)
