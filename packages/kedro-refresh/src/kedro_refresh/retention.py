"""Remove old versions of datasets and old entries of the ledger."""

from __future__ import annotations

import glob
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kedro_refresh import clock
from kedro_refresh.adapter import Catalog, list_versions, path_of
from kedro_refresh.ledger import Ledger
from kedro_refresh.settings import KeepRule
from kedro_refresh.stored import is_remote
from kedro_refresh.versions import to_time, versioned

DOOMED = ".doomed"


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
    latest = ledger.latest_nodes().values()
    good = {(name, out.version) for one in latest for name, out in one.outputs.items()}
    n_versions = 0
    for name, used in sorted(in_use.items()):
        kept = {*used, *(version for other, version in good if other == name)}
        for dataset in versioned(catalog, [name]):
            if is_remote(dataset):
                continue
            folder = Path(str(path_of(dataset)))
            _sweep(folder)
            for version in old_versions(list_versions(dataset), rule, kept):
                _remove(folder, version)
                n_versions += 1
    return Pruned(n_versions, _forget_runs(ledger, rule))


def old_versions(
    versions: list[str], rule: KeepRule, kept: Collection[str | None], now: datetime | None = None
) -> list[str]:
    """Choose the versions that may go, given all of them with the latest first."""
    oldest = (now or datetime.fromtimestamp(clock.now(), UTC)) - timedelta(days=rule.days)
    return [v for v in versions[rule.last :] if v not in kept and _time(v, oldest) < oldest]


def _time(version: str, otherwise: datetime) -> datetime:
    try:
        return to_time(version).replace(tzinfo=UTC)
    except ValueError:
        return otherwise


def _remove(folder: Path, version: str) -> None:
    """Take a version away at once, then delete it; what a kill leaves is swept the next time."""
    doomed = folder.with_name(f".{folder.name}.{version}{DOOMED}")
    (folder / version).replace(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def _sweep(folder: Path) -> None:
    for doomed in folder.parent.glob(f".{glob.escape(folder.name)}.*{DOOMED}"):
        shutil.rmtree(doomed, ignore_errors=True)


def _forget_runs(ledger: Ledger, rule: KeepRule) -> int:
    needed = {record.run for record in ledger.latest_nodes().values()}
    oldest = clock.now() - timedelta(days=rule.days).total_seconds()
    runs = ledger.history(n_runs=-1)[rule.last :]
    old = [run.run for run in runs if run.started < oldest and run.run not in needed]
    ledger.delete_runs(old)
    return len(old)
