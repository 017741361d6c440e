"""Remove old versions of datasets and old entries of the ledger."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kedro.io import CatalogProtocol

from crossfold.datasets.promoted_model import read_promotion
from crossfold.datasets.temporary import TEMPORARY_SUFFIX
from crossfold.refresh import clock
from crossfold.refresh.ledger import Ledger
from crossfold.refresh.settings import KeepRule
from crossfold.refresh.stored import is_remote
from crossfold.refresh.versions import all_versions, to_time, versioned


@dataclass(frozen=True)
class Pruned:
    """What was removed: versions, and runs of the ledger."""

    n_versions: int
    n_runs: int


def prune(
    catalog: CatalogProtocol[Any, Any],
    names: Iterable[str],
    models: Iterable[str],
    ledger: Ledger,
    rule: KeepRule,
) -> Pruned:
    """Remove the versions that a rule does not keep, and the runs that wrote nothing else.

    Latest versions, those that the ledger holds for good ones, and promoted models stay in any
    case, as do versions whose names are no times.

    Parameters
    ----------
    catalog
        The datasets.
    names
        Those whose versions may go.
    models
        Models that are promoted.
    ledger
        The ledger.
    rule
        What stays.
    """
    latest = ledger.latest_nodes().values()
    good = {(name, out.version) for one in latest for name, out in one.outputs.items()}
    good |= {needed for model in models for needed in _promoted(catalog, model)}
    n_versions = 0
    for name in sorted(set(names)):
        kept = {version for other, version in good if other == name}
        for dataset in versioned(catalog, [name]):
            if is_remote(dataset):
                continue
            for version in old_versions(all_versions(dataset), rule, kept):
                _remove(Path(dataset._filepath), version)
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


def _promoted(catalog: CatalogProtocol[Any, Any], model: str) -> Iterator[tuple[str, str | None]]:
    """List the promoted version of a model, and those that its successor is compared by."""
    dataset: Any = catalog.get(model)
    promotion = read_promotion(Path(dataset._filepath)) if dataset else None
    if promotion is not None:
        yield model, promotion.version
        yield from promotion.evidence.items()


def _remove(folder: Path, version: str) -> None:
    """Take a version away at once, then delete it; what a kill leaves is swept by the next run."""
    doomed = folder.with_name(f".{folder.name}.{version}{TEMPORARY_SUFFIX}")
    (folder / version).replace(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def _forget_runs(ledger: Ledger, rule: KeepRule) -> int:
    needed = {record.run for record in ledger.latest_nodes().values()}
    oldest = clock.now() - timedelta(days=rule.days).total_seconds()
    runs = ledger.history(n_runs=-1)[rule.last :]
    old = [run.run for run in runs if run.started < oldest and run.run not in needed]
    ledger.delete_runs(old)
    return len(old)
