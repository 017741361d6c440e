"""Hooks of runs: which lock a run takes, when it gives it back, and whose notes are whose."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kedro.framework.hooks import hook_impl
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner

from kedro_refresh.exceptions import RefreshError
from kedro_refresh.hooks import RunHooks
from kedro_refresh.ledger import Ledger


class Project:
    """A project whose runs are made of hooks and runners alone, in threads of one process."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger(folder / "data" / "ledger.sqlite")
        self.manager = _create_hook_manager()
        self.manager.register(RunHooks())
        self._folder = folder

    def begin(self, run: str, function: Callable[[str], str], output: str) -> dict[str, Any]:
        """Begin a run of one node, in memory or with an output that is stored."""
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


@pytest.fixture
def other() -> Any:
    with ThreadPoolExecutor(1) as other:
        yield other


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
