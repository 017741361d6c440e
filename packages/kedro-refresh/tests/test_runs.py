"""Runs keep apart: one writer at a time or many readers, and whose lock and notes are whose."""

import importlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from filelock import ReadWriteLock
from kedro.framework.hooks import hook_impl
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, SharedMemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner

from kedro_refresh import RefreshError
from kedro_refresh.code import CodeReader
from kedro_refresh.hooks import RunHooks
from kedro_refresh.ledger import Ledger
from kedro_refresh.lock import is_alive, own_process, run_lock
from kedro_refresh.stored import is_stored


@pytest.fixture
def other() -> Any:
    with ThreadPoolExecutor(1) as other:
        yield other


def hold(file: Path, *, exclusive: bool = True) -> None:
    with run_lock(file, exclusive=exclusive):
        pass


def test_the_lock_says_who_holds_it_and_is_free_afterwards(tmp_path: Path, other: Any) -> None:
    file = tmp_path / "data" / "run.lock"
    told = rf"process {os.getpid()}, since 2\d\d\d-.*holds {file}"
    with run_lock(file):
        hold(file)  # a block in a block of the same thread passes
        with pytest.raises(RefreshError, match=told):
            other.submit(hold, file).result()
    hold(file)
    assert [file.name for file in file.parent.iterdir()] == ["run.lock"]


def test_readers_share_the_lock_and_keep_writers_out(tmp_path: Path, other: Any) -> None:
    file = tmp_path / "run.lock"
    with run_lock(file, exclusive=False):
        other.submit(hold, file, exclusive=False).result()
        with pytest.raises(RefreshError, match="Another run is at work: process"):
            other.submit(hold, file).result()
        other.submit(hold, file, exclusive=False).result()
    with (
        run_lock(file, work="refresh"),
        pytest.raises(RefreshError, match="Another refresh is at work: process"),
    ):
        other.submit(hold, file, exclusive=False).result()


def test_a_note_that_comes_late_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "run.lock"
    taken = ReadWriteLock(file, is_singleton=False)
    taken.acquire_write(0)
    note = '{"work": "refresh", "process": 17, "since": "today"}'
    late = threading.Timer(0.2, file.with_name("run.lock.0.json").write_text, [note])
    late.start()
    with pytest.raises(RefreshError, match="Another refresh is at work: process 17, since today"):
        hold(file)
    late.join()
    taken.close()


def test_the_lock_of_a_killed_process_is_free(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    code = f"""
from pathlib import Path
from kedro_refresh.lock import run_lock
with run_lock(Path({str(tmp_path / "lock")!r})):
    print("held", flush=True)
    input()
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(RefreshError, match=f"process {child.pid}, since"):
            hold(tmp_path / "lock")
        child.kill()
    hold(tmp_path / "lock")
    told = rf"Broke the lock of process {child.pid}, since [^,]+, which ended half-way\."
    assert re.search(told, caplog.text)
    assert not is_alive(str(child.pid))
    assert is_alive(own_process())
    assert not is_alive(own_process() + "1")


def test_who_waits_gets_the_lock_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: Any
) -> None:
    monkeypatch.setenv("KEDRO_REFRESH_WAIT", "1")
    with run_lock(tmp_path / "lock"):
        waiting = other.submit(hold, tmp_path / "lock")
        time.sleep(0.5)
        assert not waiting.done()
    waiting.result(timeout=10)


def test_a_lock_that_cannot_be_made_or_is_damaged_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(RefreshError, match="make sure that you can write it and its folder"):
        hold(tmp_path / "data" / "lock")
    (tmp_path / "lock").write_bytes(b"no database" * 1000)
    with pytest.raises(RefreshError, match="remove it where it is damaged"):
        hold(tmp_path / "lock")


def test_the_lock_of_a_failed_refresh_is_free_and_silent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ZeroDivisionError), run_lock(tmp_path / "lock"):
        raise ZeroDivisionError
    hold(tmp_path / "lock")
    assert not caplog.records


class Project:
    """A project whose runs are made of hooks and runners alone, in threads of one process."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger(folder / "data" / "ledger.sqlite")
        self.manager = _create_hook_manager()
        self.manager.register(RunHooks())
        self._folder = folder

    def begin(self, run: str, function: Callable[[str], Any], output: str | None) -> dict[str, Any]:
        """Begin a run of one node, in memory, with an output that is stored, or with none."""
        context: Any = SimpleNamespace(
            config_loader={}, project_path=self._folder, env="base", _hook_manager=self.manager
        )
        self.manager.hook.after_context_created(context=context)
        entry = {"type": "text.TextDataset", "versioned": True}
        filepath = str(self._folder / "data" / "stored.txt")
        catalog = DataCatalog.from_config({"stored": entry | {"filepath": filepath}}, {}, {}, run)
        catalog["params:name"] = run
        of_run = {
            "run_params": {"run_id": run, "runner": "own", "pipeline_names": None},
            "pipeline": Pipeline([Node(function, "params:name", output, name="node")]),
            "catalog": catalog,
        }
        self.manager.hook.before_pipeline_run(**of_run)
        return of_run

    def work(self, of_run: dict[str, Any]) -> None:
        """Do what is begun."""
        run = of_run["run_params"]["run_id"]
        SequentialRunner().run(of_run["pipeline"], of_run["catalog"], self.manager, run)

    def end(self, of_run: dict[str, Any]) -> None:
        self.manager.hook.after_pipeline_run(run_result={}, **of_run)


def name(name: str) -> str:
    return name


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr("kedro.framework.project.PACKAGE_NAME", "kedro_refresh")
    return Project(tmp_path)


def test_runs_that_store_nothing_work_beside_each_other(project: Project, other: Any) -> None:
    first = project.begin("1", name, "in_memory")
    second = other.submit(project.begin, "2", name, "in_memory").result()
    with (
        ThreadPoolExecutor(1) as third,
        pytest.raises(RefreshError, match="Another run is at work"),
    ):
        third.submit(project.begin, "3", name, "stored").result()
    project.work(first)
    other.submit(project.work, second).result()
    project.end(first)
    other.submit(project.end, second).result()
    runs = {run.run: (run.status, run.n_nodes) for run in project.ledger.history(9)}
    assert runs == {"1": ("done", 1), "2": ("done", 1)}
    project.end(project.begin("4", name, "stored"))


def test_a_refused_run_leaves_the_first_alone(project: Project, other: Any) -> None:
    first = project.begin("1", name, "stored")
    for output in ("stored", "in_memory"):
        with pytest.raises(RefreshError, match="Another run is at work"):
            other.submit(project.begin, "2", name, output).result()
    project.work(first)
    project.end(first)
    assert [(run.run, run.status, run.n_nodes) for run in project.ledger.history(9)] == [
        ("1", "done", 1)
    ]


def test_a_run_that_other_hooks_stop_gives_the_lock_back(project: Project, other: Any) -> None:
    class Stop:
        @hook_impl
        def before_pipeline_run(self) -> None:
            raise ZeroDivisionError

    stop = Stop()
    project.manager.register(stop)
    with pytest.raises(ZeroDivisionError):
        project.begin("1", name, "stored")
    project.manager.unregister(stop)
    other.submit(lambda: project.end(project.begin("2", name, "stored"))).result()
    assert [run.run for run in project.ledger.history(9)] == ["2"]


def test_a_run_that_failed_gives_the_lock_back(project: Project, other: Any) -> None:
    first = project.begin("1", name, "stored")
    project.manager.hook.on_pipeline_error(error=ValueError("no"), **first)
    other.submit(lambda: project.end(project.begin("2", name, "stored"))).result()
    assert [run.status for run in project.ledger.history(9)] == ["done", "failed"]


def test_a_node_that_saves_nothing_is_done_when_it_has_run(project: Project) -> None:
    def fail(_: str) -> None:
        raise ValueError("no")

    for run, function in (("1", fail), ("2", print)):
        begun = project.begin(run, function, None)
        try:
            project.work(begun)
        except ValueError as error:
            project.manager.hook.on_pipeline_error(error=error, **begun)
            assert project.ledger.latest_nodes() == {}
        else:
            project.end(begun)
    assert project.ledger.latest_nodes()["node"].run == "2"


def test_the_ledger_holds_the_code_that_ran(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    file = tmp_path / "toy" / "nodes.py"
    file.parent.mkdir()
    file.with_name("__init__.py").write_text("")
    file.write_text("def name(name):\n    return name\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("kedro.framework.project.PACKAGE_NAME", "toy")
    nodes = importlib.import_module("toy.nodes")
    imported = CodeReader("toy", file.parent).of_function(nodes.name)

    first = project.begin("1", nodes.name, "stored")
    file.write_text("def name(name):\n    return 2 * name\n")  # while it runs
    project.work(first)
    project.end(first)
    assert project.ledger.latest_nodes()["node"].fingerprint.function == imported.function
    project.end(project.begin("2", nodes.name, "stored"))
    assert "toy.nodes has changed since it was imported: start Python anew" in caplog.text
    assert not project.ledger.has_run("2")
    nodes = importlib.reload(nodes)
    project.end(project.begin("3", nodes.name, "stored"))
    assert project.ledger.has_run("3")
    for module in ("toy", "toy.nodes"):
        monkeypatch.delitem(sys.modules, module)


def test_what_processes_share_in_memory_is_not_stored() -> None:
    assert not is_stored(SharedMemoryDataset())


def test_a_run_broken_off_in_a_notebook_is_over_when_the_next_begins(project: Project) -> None:
    def interrupt(_: str) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        project.work(project.begin("1", interrupt, "stored"))
    second = project.begin("2", name, "stored")
    project.work(second)
    project.end(second)
    assert [(run.run, run.status) for run in project.ledger.history(9)] == [
        ("2", "done"),
        ("1", "killed"),
    ]
