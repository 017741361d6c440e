"""The ledger: a schema with a version, many writers, what differed between runs, what is kept."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kedro.io import DataCatalog

from kedro_refresh import RefreshError
from kedro_refresh.command import differences_of_runs
from kedro_refresh.fingerprint import Code, Content, Fingerprint, KnownCode, differences
from kedro_refresh.ledger import DONE, FAILED, Ledger, NodeRecord, Output
from kedro_refresh.project import KeepRule
from kedro_refresh.stored import KnownFile, old_versions, prune

FINGERPRINT = Fingerprint(
    {"raw": Content("9132aa", 100, {"a.csv": "1"})}, {"a.b": 1}, "f", {"m": "1"}, {"numpy": "2"}, {}
)
OTHER = Fingerprint(
    {"raw": Content("77abcc", 512), "more": Content("1")},
    {"a.b": 2, "a.c": "x"},
    *("g", {"m": "2"}, {"numpy": "3"}, {"raw": "1"}),
)
TOLD = [
    "more is now read",
    "raw content changed (sha256 9132… → 77ab…, +412 rows)",
    "parameter a.b 1 → 2",
    'parameter a.c nothing → "x"',
    "function changed",
    "m changed, which it calls",
    'version of numpy "2" → "3"',
    "catalog entry raw changed",
]
SAME = NodeRecord(
    *("train", "1", FINGERPRINT, {"table": Output("1", "t1")}),
    {"mlp": {"roc_auc": 0.5, "n": 9}},
)
NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "data" / "ledger.sqlite")


def run(ledger: Ledger, name: str, *records: NodeRecord, failed: str = "") -> None:
    """Write a run into the ledger."""
    ledger.begin_run(name, "run", None, ["study"])
    for record in records:
        ledger.begin_node(name, record.node)
        ledger.end_node(replace(record, run=name))
    if failed:
        ledger.begin_node(name, failed)
    ledger.end_run(name, FAILED if failed else DONE)


def test_an_empty_ledger_is_not_made_by_reading(ledger: Ledger) -> None:
    assert (ledger.latest_nodes(), ledger.history(9), ledger.known_files()) == ({}, [], {})
    assert not ledger.file.exists()


def test_what_is_written_is_read(ledger: Ledger) -> None:
    ledger.begin_run("1", "refresh", "sample", ["no_show", "wine"])
    ledger.begin_node("1", "train")
    assert ledger.latest_nodes() == {}
    ledger.end_node(SAME)
    ledger.begin_node("1", "report")
    ledger.end_run("1", FAILED, "why: '982345000017' is no date")
    ledger.add_note("1", "One.")
    ledger.add_note("1", "Two.")
    assert ledger.latest_nodes() == {"train": SAME}
    [run] = ledger.history(9)
    assert (run.status, run.error, run.notes, run.n_nodes, run.last_node, run.pipelines) == (
        (FAILED, "why: '999999999999' is no date", "One. Two.", 1, "report", "no_show,wine")
    )
    known = {"a": KnownFile(1, 2, 3, "d", None)}
    ledger.remember_files(known)
    assert ledger.known_files() == known


def test_it_is_write_ahead_and_knows_its_schema(ledger: Ledger) -> None:
    ledger.begin_run("1", "run", None, [])
    with sqlite3.connect(ledger.file) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(RefreshError, match=r"newer kedro-refresh \(schema 99"):
        ledger.history(1)


def test_a_ledger_of_an_older_schema_is_taken_over(ledger: Ledger) -> None:
    ledger.begin_run("1", "run", None, [])
    with closing(sqlite3.connect(ledger.file)) as database:
        database.execute("DROP TABLE code")
        database.execute("PRAGMA user_version = 1")
    ledger.remember_code(KnownCode("now", paths={"shop.sell": "1"}))
    assert [run.run for run in ledger.history(9)] == ["1"]
    assert ledger.known_code("now").paths == {"shop.sell": "1"}


def test_many_writers_wait_for_each_other(ledger: Ledger) -> None:
    def write(number: int) -> None:
        ledger.begin_run(str(number), "run", None, [])
        ledger.end_run(str(number), DONE)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    assert [run.status for run in ledger.history(99)] == [DONE] * 40


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (SAME, []),
        (replace(SAME, outputs={"table": Output("2", "t1")}), []),
        (replace(SAME, outputs={"table": Output("2", "t2")}), ["table came out different"]),
        (replace(SAME, metrics={"mlp": {"roc_auc": 0.75}}), [
            "metric mlp.n 9 → nothing", "metric mlp.roc_auc 0.5 → 0.75"
        ]),
        (replace(SAME, fingerprint=OTHER), TOLD),
    ],
)  # fmt: skip
def test_what_differs_is_told(ledger: Ledger, other: NodeRecord, told: list[str]) -> None:
    run(ledger, "one", SAME)
    run(ledger, "two", other)
    assert differences_of_runs(ledger, "one", "two") == {"train": told}
    assert differences_of_runs(ledger, "two", "two") == {"train": []}
    assert differences(FINGERPRINT, Fingerprint.from_json(FINGERPRINT.to_json())) == []


def test_a_node_that_stayed_fresh_counts_as_it_was(ledger: Ledger) -> None:
    report = replace(SAME, node="report", metrics={})
    changed = replace(report, outputs={"table": Output("3", "t3")})
    run(ledger, "first", SAME, report)
    run(ledger, "second", changed)
    run(ledger, "third", replace(SAME, metrics={}))
    found = differences_of_runs(ledger, "first", "second")
    assert found == {"train": [], "report": ["table came out different"]}


def test_what_has_not_run_to_its_end_is_told(ledger: Ledger) -> None:
    run(ledger, "first", failed="train")
    run(ledger, "second", SAME, failed="report")
    assert differences_of_runs(ledger, "first", "second") == {
        "train": ["had not run to its end by the first run"]
    }
    assert differences_of_runs(ledger, "second", "first") == {
        "train": ["had not run to its end by the second run"]
    }


def test_a_run_without_nodes_is_the_state_before_it(ledger: Ledger) -> None:
    run(ledger, "first", SAME)
    run(ledger, "empty")
    run(ledger, "last", replace(SAME, outputs={}))
    assert differences_of_runs(ledger, "first", "empty") == {"train": []}
    assert differences_of_runs(ledger, "empty", "last") == {"train": ["table came out different"]}


def test_runs_that_the_ledger_does_not_hold_are_told(ledger: Ledger) -> None:
    run(ledger, "first", SAME)
    with pytest.raises(RefreshError, match="no run none and no run nil: kedro refresh --history"):
        differences_of_runs(ledger, "none", "nil")


def test_the_ledger_gives_back_what_was_read_from_the_same_source_only(ledger: Ledger) -> None:
    code = Code("1", {"shop.tools": "2"}, frozenset({"numpy"}))
    known = KnownCode("now", {("shop.nodes", "sell"): code}, {"shop.tools.f": "3"})
    ledger.remember_code(known)
    assert ledger.known_code("now") == known
    assert not ledger.known_code("after").paths


def name_of(days_ago: int) -> str:
    return (NOW - timedelta(days=days_ago)).strftime("%Y-%m-%dT%H.%M.%S.000Z")


def test_the_last_and_the_young_stay() -> None:
    versions = [name_of(days) for days in (1, 5, 40, 100, 200)]
    chosen = old_versions(versions, KeepRule(last=1, days=30), set(), NOW)
    assert chosen == versions[2:]
    assert old_versions(versions, KeepRule(last=4, days=0), set(), NOW) == versions[4:]
    assert old_versions(versions, KeepRule(last=5, days=0), set(), NOW) == []
    last = KeepRule(last=1, days=0)
    not_in_use = [versions[1], versions[2], versions[4]]
    assert old_versions(versions, last, {versions[3]}, NOW) == not_in_use
    assert old_versions(["first", *versions, "mine"], last, set(), NOW) == versions


def test_good_versions_those_in_use_and_their_runs_stay(ledger: Ledger, tmp_path: Path) -> None:
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
    made = replace(SAME, outputs={"table": Output(versions[2], "")})
    for version in versions:
        run(ledger, version, *([made] if version == versions[2] else []))

    assert prune(catalog, in_use, ledger, KeepRule(last=1, days=9000))[0] == 0
    assert prune(catalog, in_use, ledger, KeepRule(last=1, days=0)) == (5, 3)
    left = {
        folder: {v.name for v in (tmp_path / folder).glob("2*")} for folder in ("model", "table")
    }
    assert left["model"] == {versions[0], versions[3]}
    assert left["table"] == {versions[0], versions[2], versions[4]}
    assert not list(tmp_path.glob(".*"))
    runs = {run.run for run in ledger.history(9)}
    assert versions[2] in runs
    assert len(runs) == 2
    assert set(ledger.latest_nodes()) == {"train"}
