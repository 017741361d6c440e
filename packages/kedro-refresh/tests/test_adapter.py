"""Kedro's private names: each is there, and does what the plugin needs."""

import ast
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import pytest
from kedro.config import OmegaConfigLoader
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.io import (
    AbstractVersionedDataset,
    CachedDataset,
    DataCatalog,
    DatasetError,
    MemoryDataset,
    Version,
)
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner

from kedro_refresh import adapter
from kedro_refresh.project import hooks_of


def test_hooks_of_a_refresh_are_added_once() -> None:
    class Own:
        @hook_impl
        def explain_failed_refresh(self, error: Exception) -> Exception:
            return ValueError(str(error))

    context: Any = SimpleNamespace(_hook_manager=_create_hook_manager())
    context._hook_manager.register(Own())
    for _ in range(2):
        hooks = hooks_of(context)
    told = hooks.explain_failed_refresh(error=KeyError("a"), node=None, judge=None)
    assert isinstance(told, ValueError)  # the first result, and no list
    assert hooks.after_refresh(pipeline=None, catalog=None, ledger=None, settings=None) == []


def test_parameters_and_names_are_split_as_in_kedro_run() -> None:
    context: Any = None
    assert adapter.split_params(context, None, "a.b=1,c=x") == {"a": {"b": 1}, "c": "x"}
    assert adapter.split_string(context, None, "a, b") == ["a", "b"]


def test_several_pipelines_run_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class OldSession:  # of Kedro 1.0, which runs one pipeline
        def run(self, pipeline_name: str, runner: Any) -> None:
            self.ran = {node.name for node in pipelines[pipeline_name].nodes}

    class NewSession:
        def run(self, pipeline_names: list[str], runner: Any) -> None:
            self.ran = pipeline_names

    def one(name: str) -> Pipeline:
        return Pipeline([Node(abs, f"{name}_in", f"{name}_out", name=name)])

    monkeypatch.setattr(pipelines, "_content", {"a": one("a"), "b": one("b")})
    monkeypatch.setattr(pipelines, "_is_data_loaded", True)
    old, new = OldSession(), NewSession()
    for session in (old, new):
        adapter.run_pipelines(session, ["a", "b"], SequentialRunner())  # type: ignore[arg-type]
    assert (old.ran, new.ran) == ({"a", "b"}, ["a", "b"])


def test_how_a_node_is_bound_is_told() -> None:
    nodes = [Node(print, "a", None), Node(print, {"sep": "b", "end": "a"}, ["c", "d"])]
    told = ['[["a"], null]', '[{"end": "a", "sep": "b"}, ["c", "d"]]']
    assert [adapter.wiring_of(node) for node in nodes] == told


def test_the_pipelines_and_the_name_of_a_run() -> None:
    given = [{"pipeline_names": ["a", "b"]}, {"pipeline_name": "a"}]
    given += [{"pipeline_names": None}, {"pipeline_name": None}]
    default = ["__default__"]
    assert [adapter.pipeline_names(one) for one in given] == [["a", "b"], ["a"], default, default]
    assert adapter.run_id_of({"run_id": "1", "session_id": "2"}) == "1"
    assert adapter.run_id_of({"session_id": "2"}) == "2"


def test_all_pipelines_are_found_whatever_a_run_has_asked_for() -> None:
    if hasattr(pipelines, "set_requested"):
        pipelines.set_requested(["one"])
    adapter.find_all_pipelines()
    assert getattr(pipelines, "_requested_pipelines", None) is None


def dataset_in(folder: Path, name: str = "a.txt", *, save: str | None = None, **more: Any) -> Any:
    entry = {"type": "text.TextDataset", "filepath": f"{folder}/{name}", **more}
    return DataCatalog.from_config({"a": entry}, save_version=save).get("a")


def test_versions_are_listed_the_latest_first(tmp_path: Path) -> None:
    times = [f"2026-01-0{day}T00.00.00.000Z" for day in (1, 2, 3)]
    assert adapter.list_versions(dataset_in(tmp_path, versioned=True)) == []
    for time in times:
        dataset_in(tmp_path, versioned=True, save=time).save("text")
    dataset = dataset_in(tmp_path, versioned=True)
    assert adapter.list_versions(dataset) == sorted(times, reverse=True)
    names = ("_glob_function", "_get_versioned_path")
    of_kedro_1_0: Any = SimpleNamespace(**{name: getattr(dataset, name) for name in names})
    assert adapter.list_versions(of_kedro_1_0) == sorted(times, reverse=True)


def test_versions_are_those_in_which_a_dataset_loads_and_saves(tmp_path: Path) -> None:
    assert not adapter.is_versioned(dataset_in(tmp_path))
    assert not adapter.is_versioned(MemoryDataset())
    dataset = dataset_in(tmp_path, versioned=True, save="1")
    assert adapter.is_versioned(dataset)
    assert adapter.version_of(dataset) == Version(None, "1")
    adapter.set_version(dataset, "2", "2")
    dataset.save("text")
    assert (tmp_path / "a.txt" / "2" / "a.txt").read_text() == dataset.load() == "text"


def test_where_a_dataset_lies_is_found(tmp_path: Path) -> None:
    one = dataset_in(tmp_path)
    parts = DataCatalog.from_config(
        {
            "here": {"type": "partitions.PartitionedDataset", "path": str(tmp_path), **OF_TEXT},
            "away": {"type": "partitions.PartitionedDataset", "path": "memory://a/b", **OF_TEXT},
        }
    )
    here, away = (parts.get(name) for name in ("here", "away"))
    cached = CachedDataset(one)
    places = [str(adapter.path_of(x)) for x in (one, here, away, adapter.without_cache(cached))]
    assert places == [f"{tmp_path}/a.txt", str(tmp_path), "memory://a/b", f"{tmp_path}/a.txt"]
    assert adapter.path_of(MemoryDataset()) is None
    assert [adapter.protocol_of(x) for x in (one, here, away)] == ["file", "file", "memory"]
    assert adapter.protocol_of(MemoryDataset()) == "file"
    for dataset in (one, away):
        system = adapter.file_system_of(dataset)
        assert isinstance(system, fsspec.AbstractFileSystem)
    system.pipe("/a/b/c.txt", b"text")
    assert system.find("memory://a/b") == [
        f"{adapter.without_protocol(system, 'memory://a/b')}/c.txt"
    ]


OF_TEXT = {"dataset": {"type": "text.TextDataset"}}


def test_a_runner_chooses_its_nodes_and_lets_go_of_what_they_have_read() -> None:
    class Backwards(adapter.NodeRunner):
        def run_nodes(self, pipeline: Pipeline, catalog: Any, *_: Any) -> None:
            ran.extend(node.name for node in reversed(pipeline.nodes))
            self.release(pipeline.nodes[1], pipeline, catalog, {"b": 1, "c": 0})

    ran: list[str] = []
    catalog = DataCatalog({"a": MemoryDataset(1), "b": MemoryDataset(2)})
    two = Pipeline([Node(abs, "a", "b", name="first"), Node(abs, "b", "c", name="second")])
    Backwards().run(two, catalog)
    assert ran == ["second", "first"]
    with pytest.raises(DatasetError, match="not been saved"):
        catalog.load("b")


@pytest.fixture
def quick_switches() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("quick_switches")
def test_each_thread_reads_its_own_parameters_and_globals(tmp_path: Path) -> None:
    for env in ("base", "first", "second"):
        (tmp_path / env).mkdir()
        (tmp_path / env / "globals.yml").write_text(f"root: {env}")
    catalog = "a: {type: text.TextDataset, filepath: '${globals:root}/${runtime_params:file}'}"
    (tmp_path / "base" / "catalog.yml").write_text(catalog)
    envs = {"base_env": "base", "default_run_env": "base"}

    def load(env: str) -> set[str]:
        given = {**envs, "env": env, "runtime_params": {"file": env}}
        loaders = (adapter.ThreadSafeConfigLoader(str(tmp_path), **given) for _ in range(40))
        return {loader["catalog"]["a"]["filepath"] for loader in loaders}

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(load, ["first", "second"])) == [{"first/first"}, {"second/second"}]


def test_parameters_are_merged_as_kedro_merges_them(tmp_path: Path) -> None:
    files = {
        "base": "{a: {kept: [1, 2], over: {x: 1, y: null}, list: [1, 2]}, block: {z: 1}, one: 1}",
        "other": "{a: {over: {y: {new: 2}}, list: [3]}, block: null, one: {now: block}, more: 4}",
    }
    for env, text in files.items():
        (tmp_path / env).mkdir()
        (tmp_path / env / "parameters.yml").write_text(text)
    given = {"env": "other", "base_env": "base", "default_run_env": "base"}
    given["merge_strategy"] = {"parameters": "soft"}
    merged = adapter.ThreadSafeConfigLoader(str(tmp_path), **given)["parameters"]
    assert merged == OmegaConfigLoader(str(tmp_path), **given)["parameters"]
    assert merged["a"] == {"kept": [1, 2], "over": {"x": 1, "y": {"new": 2}}, "list": [3]}


ADAPTER = Path(adapter.__file__)
OF_KEDRO = (AbstractVersionedDataset, KedroContext, KedroSession, OmegaConfigLoader)
OF_KEDRO += (SequentialRunner, DataCatalog, Node, Pipeline)
OF_DATASETS = {"_dataset", "_filepath", "_filesystem", "_fs", "_path", "_protocol", "_version"}
PRIVATE = OF_DATASETS | {
    "_get_versioned_path",
    "_glob_function",
    "_hook_manager",
    "_inputs",
    "_outputs",
    "_register_globals_resolver",
    "_release_datasets",
    "_split_params",
    "_strip_protocol",
}


def private_names(source: str) -> set[str]:
    """Name what a piece of source takes from others though it is private, also by its text."""
    used = set(re.findall(r"(?:\.|import )(_[a-z]\w*)", source))
    texts = re.findall(r"""["'](_[a-z]\w*)["']""", source)
    used |= {name for name in texts if name in PRIVATE or of_kedro(name)}
    own = re.findall(r"def (_[a-z]\w*)\(|(?:self\.|^    )(_[a-z]\w*)(?:: | = )", source, re.M)
    return used - {name for names in own for name in names}


def of_kedro(name: str) -> bool:
    """Say whether a name is one that something of Kedro has."""
    return any(hasattr(one, name) for one in OF_KEDRO)


def test_the_private_names_are_those_that_are_tested_here() -> None:
    assert private_names(ADAPTER.read_text("utf-8")) == PRIVATE
    for source, found in {
        "dataset._filepath": {"_filepath"},
        "getattr(dataset, '_path')": {"_path"},
        "self._release_datasets()": {"_release_datasets"},
        "from kedro.io._data import load": {"_data"},
        "from kedro.io import _load": {"_load"},
        "self._own = 1; self._own; other._own": set(),
        "'_not a name'; name.__doc__; _function(1)": set(),
    }.items():
        assert private_names(source) == found


@pytest.mark.parametrize("file", sorted({*ADAPTER.parent.glob("*.py")} - {ADAPTER}), ids=str)
def test_no_other_module_uses_what_is_private(file: Path) -> None:
    source = file.read_text("utf-8")
    assert private_names(source) == set()
    kinds = [one for one in ast.walk(ast.parse(source)) if isinstance(one, ast.ClassDef)]
    methods = {
        one.name for kind in kinds if kind.bases for one in kind.body if hasattr(one, "name")
    }
    assert [name for name in methods if re.match("_[a-z]", name) and of_kedro(name)] == []


def test_the_plugin_imports_what_it_requires_and_nothing_else() -> None:
    """No pandas, and nothing of a project."""
    required = {"click", "filelock", "kedro", "pluggy", "psutil", "pydantic", "rich"}
    imported = re.compile(r"^ *(?:from|import) (\w+)\S*(?: import .*)?$", re.M)
    found = {n for file in ADAPTER.parent.glob("*.py") for n in imported.findall(file.read_text())}
    assert found - sys.stdlib_module_names == required | {"kedro_refresh"}
