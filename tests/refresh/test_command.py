"""`kedro refresh`, run as a user runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from nights import wait_until
from tests.processes import can_mount

from crossfold.datasets.atomic import TEMPORARY_SUFFIX
from kedro_refresh.lock import run_lock


def test_only_what_is_stale_runs(refreshed) -> None:
    toy = refreshed
    assert toy.refresh() == (0, "Nothing to do: all 3 nodes are fresh.\n")
    assert toy.refresh("--check")[0] == 0
    assert len(toy.ledger.history(9)) == 1

    toy.change("conf/base/parameters.yml", "weight: 1", "weight: 2")
    code, output = toy.refresh("--check", "--explain")
    assert code == 3
    assert "clean: fresh\n" in output
    assert "train: parameter weight 1 → 2\n" in output
    assert "report: model may change when it is made again\n" in output
    assert len(toy.versions("model.json")) == 1

    code, output = toy.refresh()
    assert (code, output.splitlines()[-1]) == (0, "Refreshed: 2 of 3 nodes have run.")
    assert toy.nodes_of_the_last_run() == {"train", "report"}
    assert toy.versions("report.txt")[-1].read_text() == "2 rows, 1.000"


def test_code_counts_and_its_looks_do_not(refreshed) -> None:
    toy = refreshed
    toy.change("src/toy/helpers.py", "def to_numbers(table):", "\n# New.\ndef to_numbers( table ):")
    assert toy.refresh("--check")[0] == 0
    toy.change("src/toy/helpers.py", ".astype(int)", ".astype(int) + 0")
    code, output = toy.refresh("--explain")
    assert "clean: toy.helpers changed, which it calls\n" in output
    # The table comes out as it was, so nothing that reads it has to run.
    assert (code, toy.nodes_of_the_last_run()) == (0, {"clean"})
    toy.change("src/toy/nodes.py", ":.3f", ":.1f")
    assert "report: function changed\n" in toy.refresh("--explain")[1]


def test_a_new_export_and_a_replaced_one(refreshed) -> None:
    toy = refreshed
    (toy.folder / "exports" / "b.csv").write_text("age,missed\n50,1\n60,1\n")
    code, output = toy.refresh("--explain")
    assert code == 0
    changed = r"clean: raw content changed \(sha256 \w{4}… → \w{4}…, \+2 rows\)\n"
    assert re.search(changed, output)
    (toy.folder / "exports" / "b.csv").write_text("age,missed\n50,1\n60,0\n")
    assert "as many rows" in toy.refresh("--explain")[1]
    assert toy.versions("report.txt")[-1].read_text() == "4 rows, 0.500"


def test_plain_runs_are_in_the_ledger_too(toy) -> None:
    assert toy.kedro("run")[0] == 0
    assert toy.refresh("--check")[0] == 0
    toy.kedro("run", "--params=weight=3")
    assert "parameter weight 3 → 1" in toy.refresh("--explain", "--check")[1]
    assert [run.trigger for run in toy.ledger.history(9)] == ["run", "run"]


def test_lost_and_spoilt_outputs_are_made_again(refreshed) -> None:
    toy = refreshed
    toy.versions("model.json")[-1].unlink()
    assert "train: model is missing\n" in toy.refresh("--explain")[1]
    newest = toy.versions("report.txt")[-1]
    newest.write_text("half")
    assert "report: report is not what was written last\n" in toy.refresh("--explain")[1]
    assert toy.versions("report.txt")[-1].read_text() == "2 rows, 0.500"


def test_a_change_that_keeps_size_and_time_is_found_by_the_paranoid(refreshed) -> None:
    toy = refreshed
    export = toy.folder / "exports" / "a.csv"
    export.write_text("age,missed\n30,0\n40,0\n")
    os.utime(export, (1e9, 1e9))
    toy.refresh()
    assert toy.refresh("--check")[0] == 0
    with export.open("r+") as file:
        file.write("age,missed\n31,0\n")
    os.utime(export, (1e9, 1e9))
    assert toy.refresh("--check")[0] == 0
    assert toy.refresh("--check", "--paranoid")[0] == 3


def test_force_runs_everything(refreshed) -> None:
    assert refreshed.refresh("--force")[0] == 0
    assert refreshed.nodes_of_the_last_run() == {"clean", "train", "report"}


def test_a_killed_refresh_is_shown_and_taken_up(toy) -> None:
    assert toy.refresh(KILL_AT="train")[0] != 0
    code, output = toy.refresh("--history")
    assert code == 0
    assert "killed at train" in output
    code, output = toy.refresh()
    assert code == 0, output
    assert "Broke the lock of process" in output
    assert toy.nodes_of_the_last_run() == {"train", "report"}
    assert len(toy.versions("table.parquet")) == 1
    history = toy.refresh("--history")[1].splitlines()
    assert [line.split()[-1] for line in history[1:]] == ["done", "train"]


@pytest.mark.parametrize(("command", "work"), [("refresh", "run"), ("run", "refresh")])
def test_a_second_run_or_refresh_says_who_is_at_work(refreshed, command: str, work: str) -> None:
    file: Path = refreshed.folder / "data" / "run.lock"
    with run_lock(file, work=work):
        code, output = refreshed.kedro(command)
        assert refreshed.refresh("--check")[0] == 0
    told = output.splitlines()[-1]
    assert code == 1
    assert re.fullmatch(
        rf"Error: Another {work} is at work: process {os.getpid()}, since 2.*, holds {file}\. Wait"
        r" until it has ended, with --wait or KEDRO_REFRESH_WAIT=1, or end it\.",
        told,
    )
    assert len(refreshed.ledger.history(9)) == 1


@pytest.mark.parametrize("command", ["refresh", "run"])
def test_who_waits_runs_when_the_first_has_ended(refreshed, command: str) -> None:
    with run_lock(refreshed.folder / "data" / "run.lock"):
        waiting = refreshed.start(command, "--wait", "--params=weight=2")
        told = "Waiting for another run"
        wait_until(lambda: waiting.has_ended() or told in waiting.logs[0].read_text())
        assert not waiting.has_ended()
    done = waiting.wait()
    assert done.returncode == 0, done.stdout + done.stderr
    assert refreshed.versions("report.txt")[-1].read_text() == "2 rows, 1.000"


@pytest.mark.parametrize("command", ["refresh", "run --pipelines=study --to-nodes=clean"])
def test_what_killed_runs_left_is_swept_even_where_nothing_is_to_do(
    refreshed, command: str
) -> None:
    left = [
        refreshed.folder / "data" / name / f".{name}.4711@1.0a{TEMPORARY_SUFFIX}"
        for name in ("01_raw", "model.json", "rejected")
    ]
    for file in left:
        file.parent.mkdir(exist_ok=True)
        file.write_text("half")
    assert refreshed.kedro(*command.split())[0] == 0
    assert [file for file in left if file.exists()] == []


def test_two_refreshes_at_once(toy) -> None:
    both = [toy.start("refresh") for _ in range(2)]
    done = [process.wait() for process in both]
    codes = sorted(one.returncode for one in done)
    assert codes == [0, 1] or any("Nothing to do" in one.stdout + one.stderr for one in done)
    assert len(toy.versions("report.txt")) == 1


def test_mistakes_are_told_in_one_sentence(refreshed) -> None:
    code, output = refreshed.refresh("--pipelines=stduy")
    assert (code, output) == (
        1,
        "Error: There is no pipeline stduy (did you mean study?): the pipelines are __default__,"
        " study.\n",
    )
    (refreshed.folder / "data" / "ledger.sqlite").write_bytes(b"no database" * 100)
    code, output = refreshed.refresh()
    assert code == 1
    told = r"Error: The ledger .* is damaged \(.*\): put a backup in its place\. .*all nodes\.\n"
    assert re.fullmatch(told, output)


@pytest.mark.skipif(not can_mount(), reason="no file system can be mounted here")
@pytest.mark.parametrize("command", ["refresh", "run"])
@pytest.mark.parametrize("size", ["4k", "80k", "130k"])
def test_a_full_disk_is_told_in_one_sentence(toy, command: str, size: str) -> None:
    (toy.folder / "data").mkdir()
    result = toy.start(command, disk=size).wait()
    told = (
        rf"Error: The disk is full: {toy.folder}/data/\S+ cannot be written\. Free some space, .*"
    )
    assert re.fullmatch(told, result.stderr.splitlines()[-1]), result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    assert "Left on the disk:" in result.stdout
    assert "crossfold-tmp" not in result.stdout


@pytest.mark.parametrize("options", [[], ["--check"]])
def test_nothing_to_do_is_said_within_three_seconds(refreshed, options: list[str]) -> None:
    start = os.times().children_user
    command = [sys.executable, "-m", "kedro", "refresh", *options]  # with all that it imports
    done = subprocess.run(command, cwd=refreshed.folder, capture_output=True, check=False)
    assert b"Nothing to do" in done.stdout
    assert 0 < os.times().children_user - start < 3


def test_bad_data_leave_the_old_outputs_and_are_told_until_they_are_mended(refreshed) -> None:
    toy = refreshed
    bad = toy.folder / "exports" / "b.csv"
    kept = toy.folder / "data" / "rejected" / "raw"
    bad.write_text("age,missd\n50,1\n")
    for _ in range(2):
        code, output = toy.refresh()
        assert code == 1
        [sentence] = [line for line in output.splitlines() if line.startswith("Error: ")]
        assert "b.csv and a.csv differ in the columns ['missd', 'missed']" in sentence
        [copy] = kept.iterdir()
        assert str(copy) in sentence
        assert copy.read_text() == bad.read_text()
        assert copy.stat().st_mode & 0o77 == 0
        assert len(toy.versions("report.txt")) == 1
    assert "failed" in toy.refresh("--history")[1]
    bad.write_text("age,missed\n50,1\n")
    assert toy.refresh()[0] == 0
    assert toy.versions("report.txt")[-1].read_text().startswith("3 rows")


def test_data_that_a_node_refuses_are_kept_and_told(refreshed) -> None:
    refuse = "from crossfold.exceptions import CrossfoldError\n    if len(raw) > 2:\n"
    refuse += "        raise CrossfoldError('raw cannot be used.')\n    return to_numbers(raw)"
    refreshed.change("src/toy/nodes.py", "return to_numbers(raw)", refuse)
    bad = refreshed.folder / "exports" / "b.csv"
    bad.write_text("age,missed\n50,1\n")
    code, output = refreshed.refresh()
    [copy] = (refreshed.folder / "data" / "rejected" / "raw").iterdir()
    told = "Error: raw cannot be used. Until then the outputs stay as they are; a copy of"
    assert (code, copy.read_text()) == (1, bad.read_text())
    assert f"{told} what is new is in {copy}." in output


def test_data_that_break_the_schema_are_told_until_they_are_mended(refreshed) -> None:
    toy = refreshed
    export = toy.folder / "exports" / "a.csv"
    export.write_text("years,missed\n30,0\n")
    for _ in range(2):
        code, output = toy.refresh()
        assert code == 1
        assert output.count("does not fit its schema: the column age is missing") == 1
        assert "Traceback" not in output
        [copy] = (toy.folder / "data" / "rejected" / "raw").iterdir()
        assert copy.read_bytes() == export.read_bytes()
        assert str(copy) in output
        assert [file.read_text() for file in toy.versions("report.txt")] == ["2 rows, 0.500"]
    export.write_text("age,missed\n30,0\n")
    assert toy.refresh()[0] == 0
    assert toy.versions("report.txt")[-1].read_text() == "1 rows, 0.000"


def test_nodes_that_are_named_run_always(refreshed) -> None:
    toy = refreshed
    settings = toy.folder / "conf" / "base" / "refresh.yml"
    settings.write_text("always_run: [train]\n")
    code, output = toy.refresh("--check", "--explain")
    assert (code, "train: always_run names train\n" in output) == (3, True)
    assert toy.refresh()[1].endswith("Refreshed: 1 of 3 nodes have run.\n")
    settings.write_text("always_run: [train, trian]\ntrusted: [raw]\n")
    expected = "always_run in refresh.yml names trian, but there is no such node or tag. Mend it.\n"
    assert toy.refresh("--check") == (1, f"Error: The setting {expected}")


def test_runs_are_compared_and_told_as_json(refreshed) -> None:
    toy = refreshed
    toy.change("conf/base/parameters.yml", "weight: 1", "weight: 3")
    code, output = toy.out("--check", "--json")
    found = json.loads(output)
    assert (code, found["n_stale"], found["nodes"]["clean"]) == (3, 2, [])
    assert found["nodes"]["train"] == ["parameter weight 1 → 3"]
    toy.refresh()
    second, first = (run.run for run in toy.ledger.history(2))
    code, output = toy.out("--compare", first, second)
    assert (code, output.splitlines()) == (
        0,
        [
            "train: parameter weight 1 → 3; model came out different",
            output.splitlines()[1],
            f"2 of 3 nodes differ between {first} and {second}.",
        ],
    )
    assert output.splitlines()[1].startswith("report: model content changed (sha256 ")
    found = json.loads(toy.out("--compare", first, second, "--json")[1])
    assert found["nodes"]["train"] == ["parameter weight 1 → 3", "model came out different"]
    assert "no run never" in toy.refresh("--compare", first, "never")[1]
    assert "--json goes with --check or --compare" in toy.refresh("--json")[1]
