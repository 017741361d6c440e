"""`kedro refresh` of a source at a web address, run as a user runs it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

OLD = b"age,missed\n30,0\n40,1\n"
NEW = b"age,missed\n30,1\n40,1\n50,1\n"
ERROR_PAGE = b"<html>\n<body>Try again later</body>\n</html>\n"
NOTHING = (0, "Nothing to do: all 3 nodes are fresh.\n")


@pytest.fixture(scope="module")
def refreshed_from_web(toy_from_web: Any, lasting_web: Any) -> Any:
    """Refresh the project for the first time."""
    put(lasting_web, OLD, '"1"')
    code, output = toy_from_web.refresh()
    assert code == 0, output
    return toy_from_web


@pytest.fixture
def web(lasting_web: Any) -> Any:
    """Put the old content at the address."""
    put(lasting_web, OLD, '"1"')
    lasting_web.faults.clear()
    lasting_web.requests.clear()
    lasting_web.n_downloads = 0
    return lasting_web


@pytest.fixture
def toy(refreshed_from_web: Any, web: Any, tmp_path: Path) -> Any:
    """Give a copy of the project after its first refresh, and the address as it was then."""
    return refreshed_from_web.copied_to(tmp_path / "toy")


def put(web: Any, content: bytes, etag: str) -> None:
    web.contents["/raw.csv"], web.etags["/raw.csv"] = content, etag


def error_of(outcome: tuple[int, str]) -> str:
    """Give the one sentence of a refresh that failed."""
    code, output = outcome
    assert code == 1
    assert "Traceback" not in output
    [line] = [line for line in output.splitlines() if line.startswith("Error: ")]
    return line


def test_an_unchanged_address_costs_no_download(toy: Any, web: Any) -> None:
    assert toy.refresh() == NOTHING
    assert toy.refresh("--check") == NOTHING
    assert (len(web.requests), web.n_downloads) == (2, 0)


def test_a_plain_run_makes_the_first_copy(toy_from_web: Any, web: Any, tmp_path: Path) -> None:
    toy = toy_from_web.copied_to(tmp_path / "toy")
    shutil.rmtree(toy.folder / "data", ignore_errors=True)
    web.faults["/raw.csv"] = ["404"]
    for code in (1, 0):
        found, output = toy.kedro("run")
        assert found == code
        assert ("(status 404): there is no copy" in output) == bool(code)
    assert len(toy.ledger.history(9)) == 1
    assert toy.refresh() == NOTHING
    assert web.n_downloads == 1


def test_a_changed_etag_counts_only_with_a_changed_content(toy: Any, web: Any) -> None:
    put(web, OLD, '"2"')
    assert toy.refresh()[1].endswith(NOTHING[1])
    assert web.n_downloads == 1

    put(web, NEW, '"3"')
    code, output = toy.refresh("--check", "--explain")
    changed = r"clean: raw content changed \(sha256 \w{4}… → \w{4}…"
    assert code == 3
    assert re.search(changed, output)
    assert (toy.folder / "data" / "raw.csv").read_bytes() == OLD

    code, output = toy.refresh("--explain")
    assert code == 0
    assert re.search(changed + r", \+1 rows\)", output)
    assert toy.versions("report.txt")[-1].read_text() == "3 rows, 1.000"
    web.n_downloads = 0
    assert toy.refresh() == NOTHING
    assert web.n_downloads == 0


@pytest.mark.slow
def test_an_outage_leaves_all_in_use_and_is_told_until_it_ends(toy: Any, web: Any) -> None:
    put(web, NEW, '"2"')
    raw = toy.folder / "data" / "raw.csv"
    before = sorted(file.name for file in raw.parent.iterdir())
    faults = {"500": "status 500", "stall": "no answer within 0.2 s", "truncate": "broke off"}
    for fault, why in faults.items():
        web.faults["/raw.csv"] = [fault] * 3
        sentence = error_of(toy.refresh())
        assert f"{web.address}/raw.csv could not be fetched" in sentence
        assert why in sentence
        assert raw.read_bytes() == OLD
        assert len(toy.versions("report.txt")) == 1
        assert sorted(file.name for file in raw.parent.iterdir()) == before
    web.faults["/raw.csv"] = ["404"]
    assert "status 404" in error_of(toy.refresh("--check"))

    history = [(run.trigger, run.status, run.n_nodes) for run in toy.ledger.history(9)]
    assert history == [("refresh", "failed", 0)] * 3 + [("refresh", "done", 3)]
    assert toy.kedro("run")[0] == 0
    assert toy.refresh()[0] == 0
    assert toy.versions("report.txt")[-1].read_text() == "3 rows, 1.000"


@pytest.mark.parametrize("bad", [ERROR_PAGE, b"years,missed\n30,0\n", b""])
def test_wrong_content_is_kept_aside_and_told_until_it_is_mended(
    toy: Any, web: Any, bad: bytes
) -> None:
    put(web, bad, '"2"')
    for _ in range(2):
        sentence = error_of(toy.refresh())
        [kept] = (toy.folder / "data" / "rejected" / "raw").iterdir()
        assert kept.read_bytes() == bad
        assert str(kept) in sentence
        assert f"{web.address}/raw.csv" in sentence
        assert "Until then the outputs stay as they are" in sentence
        assert len(toy.versions("report.txt")) == 1
    assert web.n_downloads == 1
    put(web, OLD, '"3"')
    assert toy.refresh()[1].endswith(NOTHING[1])


def test_json_is_all_that_is_printed(toy: Any, web: Any) -> None:
    put(web, NEW, '"2"')
    code, output = toy.out("--check", "--json")
    assert (code, json.loads(output)["n_stale"]) == (3, 3)
    assert "Fetching" in toy.refresh("--check", "--json")[1]
