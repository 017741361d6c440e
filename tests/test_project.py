"""Conventions that no single module can keep."""

import ast
import importlib
import importlib.metadata
import inspect
import os
import re
import subprocess
import sys
import tomllib
import types
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from packaging.requirements import Requirement

import crossfold
from crossfold.pipeline_registry import register_pipelines
from kedro_refresh.stored import is_stored

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "matplotlib", "sklearn", "scipy", "pandera", "mlflow", "fastapi", "IPython"}
HEAVY |= {"dask", "distributed", "joblib", "ray", "triad"}
PLATFORM_PACKAGES = ("nvidia-", "cuda-", "triton")  # torch's own, with torch's version

PIPELINES = register_pipelines()


def nodes() -> dict[str, Node]:
    return {node.name: node for pipeline in PIPELINES.values() for node in pipeline.nodes}


@cache
def load(env: str) -> tuple[Any, DataCatalog]:
    """Load the context of an environment and its catalog, which takes seconds."""
    bootstrap_project(ROOT)
    with KedroSession.create(project_path=ROOT, env=env, save_on_close=False) as session:
        context = session.load_context()
    return context, context.catalog


@pytest.fixture
def context() -> Any:
    return load("sample")[0]


@pytest.fixture
def catalog() -> DataCatalog:
    return load("sample")[1]


# Catalog


def outputs_that_leave(pipeline: Pipeline) -> set[str]:
    """Name what a node makes and another namespace, or nobody in the pipeline, reads."""
    readers: dict[str, set[str | None]] = {}
    for node in pipeline.nodes:
        for name in node.inputs:
            readers.setdefault(name, set()).add(node.namespace)
    return {
        name
        for node in pipeline.nodes
        for name in node.outputs
        if readers.get(name, set()) != {node.namespace}
    }


def undeclared(pipeline: Pipeline, catalog: DataCatalog) -> set[str]:
    return {name for name in outputs_that_leave(pipeline) if name not in catalog}


@pytest.mark.parametrize("name", PIPELINES)
def test_every_output_that_leaves_a_namespace_is_declared(name: str, catalog: DataCatalog) -> None:
    assert undeclared(PIPELINES[name], catalog) == set()


def test_an_output_that_would_live_in_memory_is_found(catalog: DataCatalog) -> None:
    def copy(table: object) -> object:
        return table

    node = Node(copy, "appointments", "scratch", namespace="no_show")
    assert undeclared(Pipeline([node]), catalog) == {"scratch"}


def layers_before(pipeline: Pipeline, catalog: Any) -> dict[str, set[str]]:
    """Name, for each layer of Kedro-Viz, those from which something in it is made."""
    layers = {}
    for name in pipeline.datasets():
        metadata = getattr(catalog.get(name), "metadata", None) or {}
        layers[name] = metadata.get("kedro-viz", {}).get("layer")
    before: dict[str, set[str]] = {}
    for node in pipeline.nodes:
        for made in node.outputs:
            read = {layers.get(name) for name in node.inputs} - {None, layers[made]}
            before.setdefault(layers[made], set()).update(read)
    return {layer: found for layer, found in before.items() if layer}


@pytest.mark.parametrize("name", PIPELINES)
def test_layers_have_an_order(name: str, catalog: DataCatalog) -> None:
    """Kedro-Viz shows no layers where one of them is before and after another."""
    TopologicalSorter(layers_before(PIPELINES[name], catalog)).prepare()


def test_layers_that_go_round_are_found(catalog: DataCatalog) -> None:
    def copy(table: object) -> object:
        return table

    there = Node(copy, "appointments", "appointment_features", name="there")
    back = Node(copy, "appointment_features_permuted", "wines", name="back")
    with pytest.raises(CycleError):
        TopologicalSorter(layers_before(Pipeline([there, back]), catalog)).prepare()


def unversioned(pipelines: dict[str, Pipeline], catalog: Any) -> set[str]:
    """Name what a node writes to a file that the next run, or one beside it, overwrites."""
    written = {name for pipeline in pipelines.values() for name in pipeline.all_outputs()}
    return {
        name
        for name in written
        if is_stored(catalog.get(name)) and not getattr(catalog.get(name), "_version", None)
    }


@pytest.mark.parametrize("env", ["base", "sample", "short", "cluster"])
def test_everything_that_a_node_stores_has_versions(env: str) -> None:
    assert unversioned(PIPELINES, load(env)[1]) == set()


def test_a_file_without_versions_is_found() -> None:
    entry = {"type": "json.JSONDataset", "filepath": "a.json"}
    catalog = DataCatalog.from_config({"{one}_a": entry, "{one}_b": {**entry, "versioned": True}})
    make = Node(lambda x: (x, x, x), "x", ["of_a", "of_b", "in_memory"], name="make")
    assert unversioned({"all": Pipeline([make])}, catalog) == {"of_a"}


def test_every_declared_dataset_is_used(context: Any) -> None:
    used = {name for pipeline in PIPELINES.values() for name in pipeline.datasets()}
    declared = {name for name in context.config_loader["catalog"] if "{" not in name}
    assert {name for name in declared - used if not name.startswith("_")} == set()


def test_every_parameter_is_used(context: Any) -> None:
    used = {name for pipeline in PIPELINES.values() for name in pipeline.inputs()}
    declared = {f"params:{name}" for name in _leaves(context.params, used)}
    assert declared - used == set()


def _leaves(tree: dict[str, Any], used: set[str], prefix: str = "") -> Iterator[str]:
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if f"params:{name}" not in used and isinstance(value, dict):
            yield from _leaves(value, used, f"{name}.")
        else:
            yield name


@pytest.mark.parametrize("path", sorted(ROOT.glob("conf/**/catalog*.yml")), ids=str)
def test_no_catalog_entry_pickles(path: Path) -> None:
    assert not re.search("pickle|joblib|cloudpickle|dill", path.read_text(), re.IGNORECASE)


def test_no_module_pickles() -> None:
    """Joblib hands work out; what it would store are pickles."""
    pattern = re.compile(
        r"^\s*(import|from) (pickle|dill|cloudpickle)\b|\bjoblib\b.*\b(dump|load|Memory)\b",
        re.MULTILINE,
    )
    sources = (ROOT / "src").rglob("*.py")
    assert [path for path in sources if pattern.search(path.read_text())] == []


# Nodes


@pytest.mark.parametrize("name", nodes())
def test_nodes_are_fully_typed(name: str) -> None:
    function = nodes()[name].func
    assert isinstance(function, types.FunctionType), "a lambda or a partial has no name in Viz"
    assert function.__name__ != "<lambda>"
    code = function.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    hints = get_type_hints(function)
    assert {*code.co_varnames[:count], "return"} - set(hints) == set()


def test_processes_can_take_all_nodes_but_those_of_reports() -> None:
    """As `ParallelRunner` needs it; a function that is no longer found by its name cannot go."""
    for node in nodes().values():
        if {"data_engineering", "modelling"} & node.tags:
            ForkingPickler.dumps(node)


def arguments(node: Node) -> dict[str, str]:
    """Name the dataset behind each argument of a node's function."""
    inputs = node._inputs
    names = inspect.signature(node.func).parameters
    return inputs if isinstance(inputs, dict) else dict(zip(names, node.inputs, strict=False))


@pytest.mark.parametrize("name", nodes())
def test_parameters_have_types_of_their_own(name: str) -> None:
    hints = get_type_hints(nodes()[name].func)
    given = {key: data for key, data in arguments(nodes()[name]).items() if "params:" in data}
    assert {key for key in given if hints[key] in (Any, object, dict)} == set()


# Start-up


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KEDRO_DISABLE_TELEMETRY": "1"},
    )


def test_the_registry_is_listed_without_heavy_imports_and_without_warnings() -> None:
    result = run("-X", "importtime", "-m", "kedro", "registry", "list")
    assert result.returncode == 0, result.stderr
    assert yaml.safe_load(result.stdout) == sorted(PIPELINES)
    assert "Warning" not in result.stderr
    modules = [line.rpartition("|")[2].strip() for line in result.stderr.splitlines()]
    packages = {module.partition(".")[0] for module in modules}
    assert "crossfold" in packages
    assert packages & HEAVY == set()


def test_configuration_is_read_by_the_parser_in_c_and_comes_out_as_from_that_in_python() -> None:
    importlib.import_module("crossfold.settings")
    text = (ROOT / "conf/base/no_show/parameters.yml").read_text(encoding="utf-8")
    assert issubclass(yaml.SafeLoader, yaml.cyaml.CParser)
    assert yaml.load(text, yaml.SafeLoader) == yaml.load(text, yaml.loader.SafeLoader)


def test_logging_is_the_projects_also_where_kedro_is_started_below_it() -> None:
    code = (
        "import logging, pathlib; from kedro.framework.startup import bootstrap_project;"
        "bootstrap_project(pathlib.Path.cwd().parent);"
        "from kedro.framework.project import settings; settings.HOOKS;"
        "assert logging.getLogger('kedro').level == logging.WARNING"
    )
    result = run("-c", code, cwd=ROOT / "docs")
    assert result.returncode == 0, result.stderr


# Packaging


def pins() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return {_normal(name): version for name, version in (line.split("==") for line in lines)}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> None:
    """Collect a distribution and all that it needs, as far as it is installed."""
    if (name, extras) in seen:
        return
    seen.add((name, extras))
    for line in importlib.metadata.requires(name) or []:
        needed = Requirement(line)
        environments = [{"extra": extra} for extra in extras or {""}]
        if needed.marker is None or any(needed.marker.evaluate(one) for one in environments):
            requirements(_normal(needed.name), frozenset(needed.extras), seen)


def test_the_lock_holds_names_and_versions_only() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    assert pins()["torch"] == "2.13.0"


def test_the_lock_pins_everything_that_is_installed() -> None:
    seen: set[tuple[str, frozenset[str]]] = set()
    requirements("crossfold", frozenset({"dev", "docs"}), seen)
    names = {name for name, _ in seen if not name.startswith(PLATFORM_PACKAGES)}
    assert names - {"crossfold", "kedro-refresh"} - set(pins()) == set()


def test_the_lock_satisfies_the_requirements() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    extras.pop("references")  # of any version: models to compare with, which no test needs
    extras.pop("ray")  # nor does any need a second kind of cluster
    lines = [line for extra in extras.values() for line in extra]
    plugin = ROOT / "packages" / "kedro-refresh" / "pyproject.toml"
    lines += tomllib.loads(plugin.read_text())["project"]["dependencies"]
    project["dependencies"].remove("kedro-refresh")  # it comes with this project
    for line in [*project["dependencies"], *lines]:
        needed = Requirement(line)
        assert pins()[_normal(needed.name)] in needed.specifier


def test_the_version_is_the_same_wherever_it_stands() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == crossfold.__version__
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    latest = re.findall(
        r"^## \[(.+?)\](?: - (?:Unreleased|\d{4}-\d\d-\d\d))?$", changes, re.MULTILINE
    )
    assert latest[0] == crossfold.__version__


def test_telemetry_is_off() -> None:
    assert yaml.safe_load((ROOT / ".telemetry").read_text()) == {"consent": False}


def test_imports_point_one_way() -> None:
    # As a program of its own: inside this one it would silence every logger there is.
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "file",
    sorted(Path(crossfold.__file__).with_name("refreshing").glob("*.py")),
    ids=lambda f: f.stem,
)
def test_what_follows_a_refresh_uses_nothing_private_of_kedro(file: Path) -> None:
    tree = ast.parse(file.read_text("utf-8"))
    taken = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and len(node.args) > 1]
    asked = [
        ast.literal_eval(c.args[1]) for c in calls if ast.unparse(c.func) in ("getattr", "hasattr")
    ]
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = [*taken, *asked, *(one.name for node in imports for one in node.names)]
    assert [name for name in names if re.fullmatch("_[a-z_]+", name)] == []
