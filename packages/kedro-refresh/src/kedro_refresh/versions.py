"""Versions of what a run writes: later than all before, and loaded by the run that saved them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from kedro.io import AbstractVersionedDataset
from kedro.io.core import VERSION_FORMAT

from kedro_refresh.adapter import Catalog, is_versioned, list_versions, set_version, version_of

Versioned = AbstractVersionedDataset[Any, Any]


def stamp(catalog: Catalog, names: Iterable[str], wanted: str) -> str:
    """Set the version under which datasets will be saved, and give it.

    It is later than every version that they have, whatever the clock says, for the latest version
    is the one that is loaded.

    Parameters
    ----------
    catalog
        The datasets.
    names
        Those that will be saved.
    wanted
        The version that Kedro chose: the time.
    """
    datasets = versioned(catalog, names)
    latest = max(map(latest_version, datasets), default="")
    chosen = wanted if wanted > latest else _after(latest)
    for dataset in datasets:
        set_version(dataset, version_of(dataset).load, chosen)
    return chosen


def pin(catalog: Catalog, names: Iterable[str]) -> None:
    """Have datasets loaded in the version in which they are saved, even if a later one appears."""
    for dataset in versioned(catalog, names):
        version = version_of(dataset)
        if version.load is None:
            set_version(dataset, version.save, version.save)


def versioned(catalog: Catalog, names: Iterable[str]) -> list[Any]:
    """List the datasets that have versions."""
    return [one for one in map(catalog.get, sorted(names)) if is_versioned(one)]


def latest_version(dataset: Versioned) -> str:
    """Give the latest version whose name is a time, or an empty text."""
    return next(filter(is_time, list_versions(dataset)), "")


def is_time(version: str) -> bool:
    """Say whether a version was named by Kedro."""
    try:
        return bool(to_time(version))
    except ValueError:
        return False


def to_time(version: str) -> datetime:
    """Read the time of a version, in UTC."""
    return datetime.strptime(version, VERSION_FORMAT)


def _after(version: str) -> str:
    later = (to_time(version) + timedelta(milliseconds=1)).strftime(VERSION_FORMAT)
    return f"{later[:-4]}Z"
