"""Tracking is off by default, and nothing that goes wrong in it touches a run."""

import logging
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kedro.io import DataCatalog

from crossfold import tracking
from crossfold.tracking import TrackingHooks

ID = "2026-01-01"
RUN = {"run_id": ID, "pipeline_names": ["study"]}


class Loader(dict[str, Any]):
    runtime_params: dict[str, Any]
    default_run_env: str


def context(folder: Path, tracking: object, /, **runtime: object) -> Any:
    loader = Loader(globals={"data_root": "data", "tracking": tracking})
    loader.runtime_params = runtime
    loader.default_run_env = "local"
    return SimpleNamespace(config_loader=loader, project_path=folder, env="sample")


def run(tracked: TrackingHooks, *, fails: bool = False) -> None:
    tracked.before_pipeline_run(RUN)
    tracked.before_node_run({"params:seed": 42}, ID)
    tracked.after_dataset_saved("study.metrics", {"auc": 0.75})
    (tracked.on_pipeline_error if fails else tracked.after_pipeline_run)(RUN, DataCatalog())


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Note what would be stored, in place of storing it; MLflow counts as installed."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(tracking, "store", lambda *given: calls.append(given))
    monkeypatch.setattr(tracking, "find_spec", lambda name: object())
    return calls


def test_tracking_is_off_by_default(tmp_path: Path, stored: list[tuple[Any, ...]]) -> None:
    tracked = TrackingHooks()
    tracked.after_context_created(context(tmp_path, False))
    run(tracked)
    assert stored == []


@pytest.mark.parametrize(("fails", "status"), [(False, "FINISHED"), (True, "FAILED")])
def test_a_run_is_stored_when_it_ends(
    tmp_path: Path, stored: list[tuple[Any, ...]], fails: bool, status: str
) -> None:
    tracked = TrackingHooks()
    tracked.after_context_created(context(tmp_path, True))
    run(tracked, fails=fails)
    [(record, files, given)] = stored
    assert (record.name, record.parameters, files, given) == ("study", {"seed": "42"}, {}, status)
    assert record.tags == {"kedro_run": "2026-01-01", "environment": "sample"}


def test_a_run_without_an_environment_has_the_default_one(
    tmp_path: Path, stored: list[tuple[Any, ...]]
) -> None:
    tracked, of_project = TrackingHooks(), context(tmp_path, True)
    of_project.env = None
    tracked.after_context_created(of_project)
    run(tracked)
    assert stored[0][0].tags["environment"] == "local"


def test_a_run_can_switch_it_on(tmp_path: Path, stored: list[tuple[Any, ...]]) -> None:
    tracked = TrackingHooks()
    tracked.after_context_created(context(tmp_path, False, tracking=True))
    run(tracked)
    assert len(stored) == 1


def test_a_run_that_writes_nothing_is_not_stored(
    tmp_path: Path, stored: list[tuple[Any, ...]]
) -> None:
    tracked = TrackingHooks()
    tracked.after_context_created(context(tmp_path, True))
    tracked.before_pipeline_run(RUN)
    tracked.after_pipeline_run(RUN, DataCatalog())
    assert stored == []


def test_switched_on_but_not_installed_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tracking, "find_spec", lambda name: None)
    tracked = TrackingHooks()
    tracked.after_context_created(context(tmp_path, True))
    run(tracked)
    [warning] = caplog.records
    assert warning.levelno == logging.WARNING
    assert "pip install --editable '.[mlflow]'" in warning.getMessage()
    assert list(tmp_path.iterdir()) == []


def no_folder(folder: Path) -> None:
    (folder / "data").write_text("a file where the folder should be")


def no_database(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "mlflow.db").write_text("this is no database" * 100)


def database_is_a_folder(folder: Path) -> None:
    (folder / "data" / "mlflow.db").mkdir(parents=True)


@pytest.mark.parametrize("spoil", [no_folder, no_database, database_is_a_folder])
def test_a_store_that_cannot_be_written_costs_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, spoil: Any
) -> None:
    monkeypatch.setattr(tracking, "find_spec", lambda name: object())
    spoil(tmp_path)
    tracked = TrackingHooks()
    tracked.after_context_created(context(tmp_path, True))
    run(tracked)
    [warning] = caplog.records
    assert warning.getMessage().startswith("The run is not tracked, and goes on without it: ")
    assert "\n" not in warning.getMessage()


@pytest.mark.parametrize("step", ["before_node_run", "after_dataset_saved"])
def test_an_error_while_collecting_costs_one_warning_and_the_record(
    tmp_path: Path, stored: list[tuple[Any, ...]], caplog: pytest.LogCaptureFixture, step: str
) -> None:
    tracked = TrackingHooks()
    tracked.after_context_created(context(tmp_path, True))
    tracked.before_pipeline_run(RUN)
    tracked.before_node_run(None if step == "before_node_run" else {}, ID)
    name: Any = None if step == "after_dataset_saved" else "study.metrics"
    tracked.after_dataset_saved(name, {"auc": 0.75})
    tracked.after_pipeline_run(RUN, DataCatalog())
    assert (len(caplog.records), stored) == (1, [])


def test_runs_at_the_same_time_have_records_of_their_own(
    tmp_path: Path, stored: list[tuple[Any, ...]]
) -> None:
    tracked = TrackingHooks()
    both = [{**RUN, "run_id": "first"}, {**RUN, "run_id": "second"}]
    threads = [ThreadPoolExecutor(1) for _ in both]

    def in_turn(step: Callable[[dict[str, Any]], Any]) -> None:
        for thread, params in zip(threads, both, strict=True):
            thread.submit(step, params).result()

    in_turn(lambda _: tracked.after_context_created(context(tmp_path, True)))
    in_turn(tracked.before_pipeline_run)
    in_turn(lambda run: tracked.before_node_run({"params:run": run["run_id"]}, run["run_id"]))
    in_turn(lambda run: tracked.after_dataset_saved(f"{run['run_id']}.metrics", {"auc": 1}))
    in_turn(lambda run: tracked.after_pipeline_run(run, DataCatalog()))
    records = {record.tags["kedro_run"]: record for record, *_ in stored}
    for run in ("first", "second"):
        assert records[run].parameters == {"run": run}
        assert records[run].saved == [f"{run}.metrics"]


def test_a_broken_installation_costs_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tracking, "find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "mlflow", None)
    tracked = TrackingHooks()
    tracked.after_context_created(context(tmp_path, True))
    run(tracked)
    [warning] = caplog.records
    assert "mlflow" in warning.getMessage()
