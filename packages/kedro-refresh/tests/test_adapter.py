"""Kedro's private names: each is there, and does what the plugin needs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kedro.framework.hooks import hook_impl
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.framework.project import pipelines
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner

from kedro_refresh import adapter


def test_hooks_of_a_refresh_are_added_once() -> None:
    class Own:
        @hook_impl
        def explain_failed_refresh(self, error: Exception) -> Exception:
            return ValueError(str(error))

    context: Any = SimpleNamespace(_hook_manager=_create_hook_manager())
    context._hook_manager.register(Own())
    for _ in range(2):
        hooks = adapter.hooks_of(context)
    told = hooks.explain_failed_refresh(error=KeyError("a"), node=None, judge=None)
    assert isinstance(told, ValueError)  # the first result, and no list
    assert hooks.after_refresh(pipeline=None, catalog=None, ledger=None, settings=None) == []


def test_parameters_and_names_are_split_as_in_kedro_run() -> None:
    context: Any = None
    assert adapter.split_params(context, None, "a.b=1,c=x") == {"a": {"b": 1}, "c": "x"}
    assert adapter.split_string(context, None, "a, b") == ["a", "b"]


class OldSession:
    """A session as in Kedro 1.0, which runs one pipeline."""

    def run(self, pipeline_name: str, runner: Any) -> None:
        self.ran = {node.name for node in pipelines[pipeline_name].nodes}


class NewSession:
    def run(self, pipeline_names: list[str], runner: Any) -> None:
        self.ran = pipeline_names


def test_several_pipelines_run_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def one(name: str) -> Pipeline:
        return Pipeline([Node(abs, f"{name}_in", f"{name}_out", name=name)])

    monkeypatch.setattr(pipelines, "_content", {"a": one("a"), "b": one("b")})
    monkeypatch.setattr(pipelines, "_is_data_loaded", True)
    old, new = OldSession(), NewSession()
    for session in (old, new):
        adapter.run_pipelines(session, ["a", "b"], SequentialRunner())  # type: ignore[arg-type]
    assert (old.ran, new.ran) == ({"a", "b"}, ["a", "b"])


@pytest.mark.parametrize(
    ("run_params", "names"),
    [
        ({"pipeline_names": ["a", "b"]}, ["a", "b"]),
        ({"pipeline_names": None}, ["__default__"]),
        ({"pipeline_name": "a"}, ["a"]),
        ({"pipeline_name": None}, ["__default__"]),
    ],
)
def test_the_pipelines_of_a_run(run_params: dict[str, Any], names: list[str]) -> None:
    assert adapter.pipeline_names(run_params) == names


def test_the_name_of_a_run() -> None:
    assert adapter.run_id_of({"run_id": "1", "session_id": "2"}) == "1"
    assert adapter.run_id_of({"session_id": "2"}) == "2"


def test_all_pipelines_are_found_whatever_a_run_has_asked_for() -> None:
    if hasattr(pipelines, "set_requested"):
        pipelines.set_requested(["one"])
    adapter.find_all_pipelines()
    assert getattr(pipelines, "_requested_pipelines", None) is None


def test_versions_are_listed_the_latest_first(tmp_path: Path) -> None:
    entry = {"type": "text.TextDataset", "filepath": f"{tmp_path}/a.txt", "versioned": True}
    times = [f"2026-01-0{day}T00.00.00.000Z" for day in (1, 2, 3)]
    dataset: Any = DataCatalog.from_config({"a": entry}).get("a")
    assert adapter.list_versions(dataset) == []
    for time in times:
        DataCatalog.from_config({"a": entry}, save_version=time).save("a", "text")
    dataset = DataCatalog.from_config({"a": entry}).get("a")
    assert adapter.list_versions(dataset) == sorted(times, reverse=True)
    old = Old(dataset)
    assert adapter.list_versions(old) == sorted(times, reverse=True)  # type: ignore[arg-type]


class Old:
    """A dataset of Kedro 1.0, which does not list its versions."""

    def __init__(self, dataset: Any) -> None:
        self._glob_function = dataset._glob_function
        self._get_versioned_path = dataset._get_versioned_path
