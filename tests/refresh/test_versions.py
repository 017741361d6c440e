"""A run saves versions later than all before, and reads what it has saved."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from kedro.io import DataCatalog

from kedro_refresh.stored import pin, stamp

LATER = "2099-01-01T00.00.00.000Z"
NEXT = "2099-01-01T00.00.00.001Z"


def catalog_in(folder: Path, version: str) -> DataCatalog:
    entry = {"type": "text.TextDataset", "filepath": f"{folder}/a", "versioned": True}
    plain = {"type": "text.TextDataset", "filepath": f"{folder}/plain"}
    other = {**entry, "filepath": f"{folder}/b"}
    entries = {"a": entry, "b": other, "plain": plain}
    return DataCatalog.from_config(entries, save_version=version)


@pytest.mark.parametrize("there", [LATER, "2098-12-31T23.59.59.999Z"])
def test_a_version_is_later_than_all_before(tmp_path: Path, there: str) -> None:
    catalog_in(tmp_path, there).save("a", "then")
    catalog_in(tmp_path, "mine").save("b", "named by hand")
    for wanted in ("2026-01-01T00.00.00.000Z", there):  # the clock went back; the same millisecond
        catalog = catalog_in(tmp_path, wanted)
        chosen = stamp(catalog, {"a", "b", "plain", "in_memory"}, wanted)
        assert there < chosen == (NEXT if there == LATER else LATER)
        assert {catalog.get(name).resolve_save_version() for name in ("a", "b")} == {chosen}
    assert stamp(catalog_in(tmp_path, NEXT), {"a", "b"}, NEXT) == NEXT


def test_what_was_saved_is_loaded_even_if_a_later_version_appears(tmp_path: Path) -> None:
    catalog = catalog_in(tmp_path, "2026-01-01T00.00.00.000Z")
    pin(catalog, {"a", "plain"})
    catalog.save("a", "own")
    catalog_in(tmp_path, LATER).save("a", "other")
    assert catalog.load("a") == "own"


def run(toy, command: str, **environment: str) -> None:  # type: ignore[no-untyped-def]
    code, output = toy.kedro(*command.split(), **environment)
    assert code == 0, output


@pytest.mark.parametrize("command", ["refresh --force", "run"])
def test_with_the_clock_gone_back_the_ledger_holds_what_was_saved(refreshed, command: str) -> None:
    toy = refreshed
    for name in ("table.parquet", "report.txt"):
        old = toy.versions(name)[-1]
        shutil.copytree(old.parent, old.parents[1] / LATER)
    (toy.folder / "exports" / "a.csv").write_text("age,missed\n30,1\n")
    run(toy, f"{command} --params=weight=2")
    told = toy.versions("report.txt")[-1]
    assert (told.parent.name, told.read_text()) == (NEXT, "1 rows, 2.000")
    assert toy.refresh("--check", "--paranoid", "--params=weight=2")[0] == 0
    told.write_text("spoilt")
    assert toy.refresh("--check", "--paranoid", "--params=weight=2")[0] == 3


@pytest.mark.parametrize("command", ["refresh", "run", "run --runner=ParallelRunner"])
def test_what_appears_meanwhile_is_not_read_and_not_taken_for_its_own(toy, command: str) -> None:
    run(toy, command, ELSEWHERE="1")
    assert toy.versions("table.parquet")[-1].parent.name == LATER
    assert toy.versions("report.txt")[-1].read_text() == "2 rows, 0.500"
    code, output = toy.refresh("--check", "--explain")
    assert code == 3
    assert "clean: table is not what was written last\n" in output


def test_only_missing_outputs_are_made_from_what_is_there(refreshed) -> None:
    refreshed.versions("report.txt")[-1].unlink()
    os.rmdir(next(refreshed.folder.glob("data/report.txt/*")))
    run(refreshed, "run --only-missing-outputs")
    assert refreshed.versions("report.txt")[-1].read_text() == "2 rows, 0.500"
    assert len(refreshed.versions("table.parquet")) == 1
    assert refreshed.refresh("--check")[0] == 0
