"""Runs with two seeds at the same time: one waits or is refused, and nothing of them mixes."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pairs import FILES, Worker, undisturbed

from kedro_refresh.ledger import DONE, Ledger

pytestmark = pytest.mark.slow

PAIRS = [
    ("run", "run"),
    ("run", "refresh"),
    ("refresh", "run"),
    ("refresh", "refresh"),
    ("run", "in threads"),
    ("in threads", "in threads"),
    ("in processes", "run"),
    ("in processes", "refresh"),
    ("asynchronous", "in processes"),
    ("refresh", "asynchronous"),
    ("served", "run"),
    ("refresh", "served"),
]
LATE_SECONDS = 0.1
seeds = itertools.count(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, toy_in: Callable[[Path], Any]) -> Path:
    toy = toy_in(tmp_path_factory.mktemp("pairs") / "toy")
    for name, text in FILES.items():
        (toy.folder / name).write_text(text)
    return toy.folder


@pytest.fixture(scope="module")
def workers(folder: Path) -> Iterator[list[Worker]]:
    both = []
    for _ in range(2):  # one after the other, for each begins with a run
        both.append(Worker(folder))
        assert both[-1].result() == []
    yield both
    for worker in both:
        worker.close()


def saved(folder: Path) -> dict[str, dict[str, str]]:
    """Give what has been saved, by version and file."""
    versions: dict[str, dict[str, str]] = {}
    for file in (folder / "data").glob("*/*/*"):
        text = "".join(file.read_text().split())
        versions.setdefault(file.parent.name, {})[file.name] = text
    return versions


@pytest.mark.parametrize("wait", [False, True], ids=["refused", "waits"])
@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
def test_runs_at_the_same_time_do_not_mix(
    folder: Path, workers: list[Worker], pair: tuple[str, str], wait: bool
) -> None:
    ledger = Ledger(folder / "data" / "ledger.sqlite")
    n_before, before = len(ledger.history(-1)), saved(folder)
    given = [[next(seeds) for _ in range(2 if kind == "served" else 1)] for kind in pair]
    now = time.time() + 0.05
    for worker, kind, some, late in zip(workers, pair, given, (0, LATE_SECONDS), strict=True):
        worker.start(kind, *some, at=now + late, wait=wait)
    refused = [error for worker in workers for error in worker.result()]

    assert not (wait and refused)
    assert all("is at work: process" in error for error in refused), refused
    found = [files for version, files in saved(folder).items() if version not in before]
    clean = [undisturbed(seed) for some in given for seed in some]
    assert [files for files in found if files not in clean] == []
    n_runs = len(clean) - len(refused)
    assert len({files["told.txt"] for files in found}) == n_runs >= 1
    runs = ledger.history(-1)
    assert len(runs) == n_before + n_runs
    assert {run.status for run in runs} == {DONE}
