"""Old versions go by the keep rule; what is needed stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from kedro.io import DataCatalog

from kedro_refresh.fingerprint import Fingerprint
from kedro_refresh.ledger import DONE, Ledger, NodeRecord, Output
from kedro_refresh.settings import KeepRule
from kedro_refresh.versions import old_versions, prune

NOW = datetime(2026, 5, 1, tzinfo=UTC)
NOTHING = Fingerprint({}, {}, "", {}, {}, {})


def name_of(days_ago: int) -> str:
    return (NOW - timedelta(days=days_ago)).strftime("%Y-%m-%dT%H.%M.%S.000Z")


def test_the_last_and_the_young_stay() -> None:
    versions = [name_of(days) for days in (1, 5, 40, 100, 200)]
    chosen = old_versions(versions, KeepRule(last=1, days=30), set(), NOW)
    assert chosen == versions[2:]
    assert old_versions(versions, KeepRule(last=4, days=0), set(), NOW) == versions[4:]
    assert old_versions(versions, KeepRule(last=5, days=0), set(), NOW) == []
    assert old_versions(versions, KeepRule(last=1, days=0), {versions[3]}, NOW) == [
        versions[1],
        versions[2],
        versions[4],
    ]
    assert old_versions(["first", *versions, "mine"], KeepRule(last=1, days=0), set(), NOW) == (
        versions
    )


def test_good_versions_those_in_use_and_their_runs_stay(tmp_path: Path) -> None:
    entry = {"type": "text.TextDataset", "filepath": f"{tmp_path}/model", "versioned": True}
    catalog = DataCatalog.from_config(
        {"model": entry, "table": {**entry, "filepath": f"{tmp_path}/table"}}
    )
    versions = [name_of(days) for days in (100, 200, 300, 400, 500)]
    for folder in ("model", "table"):
        for version in versions:
            (tmp_path / folder / version).mkdir(parents=True)
            (tmp_path / folder / version / folder).write_text(version)
    in_use = {"model": {versions[3]}, "table": {versions[4]}}
    ledger = Ledger(tmp_path / "ledger.sqlite")
    for version in versions:
        ledger.begin_run(version, "refresh", None, ["study"])
        ledger.end_run(version, DONE)
    ledger.begin_node(versions[2], "make")
    good = Output(versions[2], "")
    ledger.end_node(NodeRecord("make", versions[2], NOTHING, {"table": good}))

    pruned = prune(catalog, in_use, ledger, KeepRule(last=1, days=9000))
    assert pruned.n_versions == 0
    pruned = prune(catalog, in_use, ledger, KeepRule(last=1, days=0))
    left = {
        folder: {v.name for v in (tmp_path / folder).glob("2*")} for folder in ("model", "table")
    }
    assert left == {
        "model": {versions[0], versions[3]},
        "table": {versions[0], versions[2], versions[4]},
    }
    assert pruned.n_versions == 5
    assert not list(tmp_path.glob(".*"))
    runs = {run.run for run in ledger.history(9)}
    assert versions[2] in runs
    assert len(runs) == 2
    assert pruned.n_runs == 3
    assert set(ledger.latest_nodes()) == {"make"}
