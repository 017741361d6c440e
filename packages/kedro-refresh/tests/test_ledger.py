"""The ledger: a schema with a version, write-ahead, and many writers."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from kedro_refresh.exceptions import RefreshError
from kedro_refresh.fingerprint import Content, Fingerprint, KnownCode, differences
from kedro_refresh.ledger import DONE, FAILED, Ledger, NodeRecord, Output
from kedro_refresh.stored import KnownFile

FINGERPRINT = Fingerprint(
    {"raw": Content("9132aa", 100, {"a.csv": "1"})}, {"a.b": 1}, "f", {"m": "1"}, {"numpy": "2"}, {}
)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "data" / "ledger.sqlite")


def test_an_empty_ledger_is_not_made_by_reading(ledger: Ledger) -> None:
    assert (ledger.latest_nodes(), ledger.history(9), ledger.known_files()) == ({}, [], {})
    assert not ledger.file.exists()


def test_what_is_written_is_read(ledger: Ledger) -> None:
    record = NodeRecord(
        "train", "1", FINGERPRINT, {"model": Output("1", "d")}, 0.5, 3, 2, 1, {"auc": 0.7}
    )
    ledger.begin_run("1", "refresh", "sample", ["no_show", "wine"])
    ledger.begin_node("1", "train")
    assert ledger.latest_nodes() == {}
    ledger.end_node(record)
    ledger.begin_node("1", "report")
    ledger.end_run("1", FAILED, "why")
    ledger.add_note("1", "One.")
    ledger.add_note("1", "Two.")
    assert ledger.latest_nodes() == {"train": record}
    [run] = ledger.history(9)
    assert (run.status, run.error, run.notes, run.n_nodes, run.last_node, run.pipelines) == (
        (FAILED, "why", "One. Two.", 1, "report", "no_show,wine")
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


def test_differences_are_told_one_by_one() -> None:
    assert differences(FINGERPRINT, Fingerprint.from_json(FINGERPRINT.to_json())) == []
    other = Fingerprint(
        {"raw": Content("77abcc", 512), "more": Content("1")},
        {"a.b": 2, "a.c": "x"},
        "g",
        {"m": "2"},
        {"numpy": "3"},
        {"raw": "1"},
    )
    assert differences(FINGERPRINT, other) == [
        "more is now read",
        "raw content changed (sha256 9132… → 77ab…, +412 rows)",
        "parameter a.b 1 → 2",
        'parameter a.c nothing → "x"',
        "function changed",
        "m changed, which it calls",
        'version of numpy "2" → "3"',
        "catalog entry raw changed",
    ]
