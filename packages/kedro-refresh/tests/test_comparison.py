"""What differed between two runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kedro_refresh.exceptions import RefreshError
from kedro_refresh.fingerprint import Content, Fingerprint
from kedro_refresh.ledger import DONE, FAILED, Ledger, NodeRecord, Output
from kedro_refresh.tables import compare

PRINT = Fingerprint({"raw": Content("aaaa", 5)}, {"size": 1}, "f", {"m": "1"}, {}, {"table": "c"})
TABLE = {"table": Output("1", "t1")}
SAME = NodeRecord("train", "", PRINT, TABLE, metrics={"mlp": {"roc_auc": 0.5, "n": 9}})


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite")


def run(ledger: Ledger, name: str, *records: NodeRecord, failed: str = "") -> None:
    """Write a run into the ledger."""
    ledger.begin_run(name, "run", None, ["study"])
    for record in records:
        ledger.begin_node(name, record.node)
        ledger.end_node(replace(record, run=name))
    if failed:
        ledger.begin_node(name, failed)
    ledger.end_run(name, FAILED if failed else DONE)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (SAME, []),
        (replace(SAME, seconds=9.0, outputs={"table": Output("2", "t1")}), []),
        (replace(SAME, outputs={"table": Output("2", "t2")}), ["table came out different"]),
        (
            replace(SAME, metrics={"mlp": {"roc_auc": 0.75, "n": 9}}),
            ["metric mlp.roc_auc 0.5 → 0.75"],
        ),
        (
            replace(SAME, metrics={}),
            ["metric mlp.n 9 → nothing", "metric mlp.roc_auc 0.5 → nothing"],
        ),
        (
            replace(
                SAME,
                fingerprint=replace(
                    PRINT,
                    inputs={"raw": Content("bbbb", 7)},
                    parameters={"size": 2},
                    function="g",
                    modules={"m": "2"},
                ),
            ),
            [
                "raw content changed (sha256 aaaa… → bbbb…, +2 rows)",
                "parameter size 1 → 2",
                "function changed",
                "m changed, which it calls",
            ],
        ),
    ],
)
def test_what_differs_is_told(ledger: Ledger, other: NodeRecord, told: list[str]) -> None:
    run(ledger, "one", SAME)
    run(ledger, "two", other)
    assert compare(ledger, "one", "two") == {"train": told}
    assert compare(ledger, "two", "two") == {"train": []}


def test_a_node_that_stayed_fresh_counts_as_it_was(ledger: Ledger) -> None:
    report = replace(SAME, node="report", metrics={})
    changed = replace(report, outputs={"table": Output("3", "t3")})
    run(ledger, "first", SAME, report)
    run(ledger, "second", changed)
    run(ledger, "third", replace(SAME, metrics={}))
    found = compare(ledger, "first", "second")
    assert found == {"train": [], "report": ["table came out different"]}


def test_what_has_not_run_to_its_end_is_told(ledger: Ledger) -> None:
    run(ledger, "first", failed="train")
    run(ledger, "second", SAME, failed="report")
    assert compare(ledger, "first", "second") == {
        "train": ["had not run to its end by the first run"]
    }
    assert compare(ledger, "second", "first") == {
        "train": ["had not run to its end by the second run"]
    }


def test_a_run_without_nodes_is_the_state_before_it(ledger: Ledger) -> None:
    run(ledger, "first", SAME)
    run(ledger, "empty")
    run(ledger, "last", replace(SAME, outputs={}))
    assert compare(ledger, "first", "empty") == {"train": []}
    assert compare(ledger, "empty", "last") == {"train": ["table came out different"]}


def test_runs_that_the_ledger_does_not_hold_are_told(ledger: Ledger) -> None:
    run(ledger, "first", SAME)
    with pytest.raises(RefreshError, match="no run none and no run nil: kedro refresh --history"):
        compare(ledger, "none", "nil")
