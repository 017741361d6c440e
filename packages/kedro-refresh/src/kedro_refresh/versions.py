"""Versions of what a run writes: later than all before; old ones are removed."""

from __future__ import annotations

import glob
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kedro.io import AbstractVersionedDataset
from kedro.io.core import VERSION_FORMAT

from kedro_refresh.adapter import (
    Catalog,
    is_versioned,
    list_versions,
    path_of,
    set_version,
    version_of,
)
from kedro_refresh.ledger import Ledger
from kedro_refresh.settings import KeepRule
from kedro_refresh.stored import is_remote

Versioned = AbstractVersionedDataset[Any, Any]
DOOMED = ".doomed"


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
    latest = max(map(_latest_version, datasets), default="")
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


def _latest_version(dataset: Versioned) -> str:
    """Give the latest version whose name is a time, or an empty text."""
    return next(filter(time_of, list_versions(dataset)), "")


def time_of(version: str) -> datetime | None:
    """Read the time of a version, in UTC; None for one that Kedro has not named."""
    try:
        return datetime.strptime(version, VERSION_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


def _after(version: str) -> str:
    time = datetime.strptime(version, VERSION_FORMAT) + timedelta(milliseconds=1)
    return f"{time.strftime(VERSION_FORMAT)[:-4]}Z"


@dataclass(frozen=True)
class Pruned:
    """What was removed: versions, and runs of the ledger."""

    n_versions: int
    n_runs: int


def prune(
    catalog: Catalog,
    in_use: Mapping[str, Collection[str]],
    ledger: Ledger,
    rule: KeepRule,
) -> Pruned:
    """Remove the versions that a rule does not keep, and the runs that wrote nothing else.

    Latest versions, those that the ledger holds for good ones, and those in use stay in any case,
    as do versions whose names are no times.

    Parameters
    ----------
    catalog
        The datasets.
    in_use
        Names of those whose versions may go, each with versions that are in use.
    ledger
        The ledger.
    rule
        What stays.
    """
    latest, now = ledger.latest_nodes().values(), datetime.fromtimestamp(ledger.now(), UTC)
    good = {(name, out.version) for one in latest for name, out in one.outputs.items()}
    n_versions = 0
    for name, used in sorted(in_use.items()):
        kept = {*used, *(version for other, version in good if other == name)}
        for dataset in versioned(catalog, [name]):
            if is_remote(dataset):
                continue
            folder = Path(str(path_of(dataset)))
            _sweep(folder)
            for version in old_versions(list_versions(dataset), rule, kept, now):
                _remove(folder, version)
                n_versions += 1
    return Pruned(n_versions, _forget_runs(ledger, rule, now))


def old_versions(
    versions: list[str], rule: KeepRule, kept: Collection[str | None], now: datetime
) -> list[str]:
    """Choose the versions that may go, given all of them with the latest first."""
    oldest = now - timedelta(days=rule.days)
    return [v for v in versions[rule.last :] if v not in kept and (time_of(v) or now) < oldest]


def _remove(folder: Path, version: str) -> None:
    """Take a version away at once, then delete it; what a kill leaves is swept the next time."""
    doomed = folder.with_name(f".{folder.name}.{version}{DOOMED}")
    (folder / version).replace(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def _sweep(folder: Path) -> None:
    for doomed in folder.parent.glob(f".{glob.escape(folder.name)}.*{DOOMED}"):
        shutil.rmtree(doomed, ignore_errors=True)


def _forget_runs(ledger: Ledger, rule: KeepRule, now: datetime) -> int:
    needed = {record.run for record in ledger.latest_nodes().values()}
    oldest = (now - timedelta(days=rule.days)).timestamp()
    runs = ledger.history(n_runs=-1)[rule.last :]
    old = [run.run for run in runs if run.started < oldest and run.run not in needed]
    ledger.delete_runs(old)
    return len(old)
