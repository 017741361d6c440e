"""Random changes to a small project, compared with an oracle that knows what each one touches."""

import importlib.util
import itertools
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from kedro_refresh import stored
from kedro_refresh.hooks import RunHooks
from kedro_refresh.project import ProjectFiles
from kedro_refresh.runner import RefreshRunner

PACKAGE = "toy_of_the_property_test"

# Node: its datasets, its parameter, the helpers that its function calls. `kept` lives in memory.
NODES: dict[str, tuple[list[str], str | None, str, list[str]]] = {
    "clean": (["left"], "start", "cleaned", ["halve"]),
    "keep": (["cleaned"], "shift", "kept", []),
    "join": (["kept", "right"], None, "joined", ["halve", "third"]),
    "count": (["cleaned", "right"], None, "counted", ["third"]),
    "report": (["joined", "counted"], "style.size", "written", ["outer"]),
}
HELPERS = {"halve": [], "third": [], "outer": ["third"]}
SOURCES = ("left", "right")
STORED = ("cleaned", "joined", "counted", "written")
PARAMETERS = ("start", "shift", "style.size")
LOOKS = ("", "    # A comment.\n", '    """A docstring."""\n', "\n\n")

VALUES = st.integers(0, 5)
CHANGES = st.one_of(
    st.tuples(st.just("data"), st.sampled_from(SOURCES), VALUES),
    st.tuples(st.just("parameter"), st.sampled_from(PARAMETERS), VALUES),
    st.tuples(st.just("function"), st.sampled_from([*NODES, *HELPERS]), VALUES),
    st.tuples(st.just("look"), st.sampled_from([*NODES, *HELPERS]), st.integers(0, 3)),
    st.tuples(st.just("lose"), st.sampled_from(STORED), VALUES),
    st.tuples(st.just("spoil"), st.sampled_from(STORED), VALUES),
    st.tuples(st.just("touch"), st.sampled_from(SOURCES), VALUES),
    st.tuples(st.just("swap"), st.sampled_from(["join", "count", "report"]), VALUES),
)
ROUNDS = st.lists(st.lists(CHANGES, max_size=3), min_size=1, max_size=4)


@dataclass
class World:
    """What the project is, and what an oracle makes of it by brute force."""

    data: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SOURCES, 1))
    parameters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARAMETERS, 1))
    functions: dict[str, int] = field(default_factory=lambda: dict.fromkeys([*NODES, *HELPERS], 1))
    looks: dict[str, int] = field(default_factory=lambda: dict.fromkeys([*NODES, *HELPERS], 0))
    swapped: set[str] = field(default_factory=set)
    stored: dict[str, int | None] = field(default_factory=dict)
    remembered: dict[str, tuple[Any, int | None]] = field(default_factory=dict)

    def change(self, kind: str, name: str, value: int) -> None:
        """Make one random change."""
        targets = {
            "data": self.data,
            "parameter": self.parameters,
            "function": self.functions,
            "look": self.looks,
        }
        if kind in targets:
            targets[kind][name] = value
        elif kind == "swap":
            self.swapped ^= {name}
        elif kind == "lose":
            self.stored[name] = None
        elif kind == "spoil" and self.stored.get(name) is not None:
            self.stored[name] = 100 + value

    def inputs(self, node: str) -> list[str]:
        """List what a node reads, in the order of the arguments that it is bound to."""
        return NODES[node][0][:: -1 if node in self.swapped else 1]

    def helper(self, name: str, number: int) -> int:
        return (
            sum([self.helper(inner, number) for inner in HELPERS[name]], number) // 2
            + (self.functions[name])
        )

    def value(self, name: str) -> int:
        """Compute a dataset from what lies before it."""
        if name in self.data:
            return self.data[name]
        if name in STORED and self.stored.get(name) is not None:
            return self.stored[name]  # type: ignore[return-value]
        node = next(node for node, parts in NODES.items() if parts[2] == name)
        return self.result(node)

    def result(self, node: str) -> int:
        _, parameter, _, helpers = NODES[node]
        read = [self.value(name) for name in self.inputs(node)]
        number = sum(n * value for n, value in enumerate(read, 1)) + self.functions[node]
        number += self.parameters[parameter] if parameter else 0
        return (number + sum(self.helper(name, number) for name in helpers)) % 3

    def all_helpers(self, names: list[str]) -> list[str]:
        return [*names, *(inner for name in names for inner in self.all_helpers(HELPERS[name]))]

    def cause(self, node: str) -> Any:
        """Collect everything that the output of a node depends on."""
        _, parameter, _, helpers = NODES[node]
        code = [(name, self.functions[name]) for name in sorted({node, *self.all_helpers(helpers)})]
        read = [
            self.cause("keep") if name == "kept" else self.value(name) for name in self.inputs(node)
        ]
        return (self.inputs(node), read, self.parameters.get(parameter or ""), code)

    def refresh(self) -> list[str]:
        """Give the nodes that a refresh has to run, and take over what they make."""
        run = []
        for node, (inputs, _, output, _) in NODES.items():
            state = (self.cause(node), self.stored.get(output))
            if node == "keep" or self.remembered.get(node) == state:
                continue
            run += ["keep", node] if "kept" in inputs else [node]
            self.stored[output] = self.result(node)
            self.remembered[node] = (self.cause(node), self.stored[output])
        return run


class Project:
    """The same project on the disk, refreshed for real."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = FixedFiles(PACKAGE, folder)
        self.clock = itertools.count(1_600_000_000)

    def write(self, world: World, touched: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        for name, value in world.data.items():
            self._write(self.folder / name, str(value), anew=name in touched)
        functions = "".join(function_source(world, name) for name in NODES)
        helpers = "".join(helper_source(world, name) for name in HELPERS)
        self._write(self.folder / PACKAGE / "__init__.py", "")
        self._write(self.folder / PACKAGE / "nodes.py", f"from . import helpers\n{functions}")
        self._write(self.folder / PACKAGE / "helpers.py", helpers)
        for name in STORED:
            value = world.stored.get(name)
            if value is None:
                (self.folder / name).unlink(missing_ok=True)
            elif value >= 100:
                self._write(self.folder / name, str(value))

    def _write(self, file: Path, text: str, anew: bool = False) -> None:
        """Write a file if it changes, in place, at a time of its own."""
        if not anew and file.exists() and file.read_text() == text:
            return
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        now = next(self.clock)
        os.utime(file, (now, now))

    def refresh(self, world: World) -> list[str]:
        modules = load_modules(self.folder / PACKAGE)
        pipeline = Pipeline([make_node(modules, world, name) for name in NODES])
        kind, names = "text.TextDataset", (*STORED, *SOURCES)
        entries = {name: {"type": kind, "filepath": f"{self.folder}/{name}"} for name in names}
        catalog = DataCatalog.from_config(entries)
        for name, value in world.parameters.items():
            catalog[f"params:{name}"] = value
        runner = RefreshRunner(make_judge=self.files.judge)
        hooks = RunHooks()
        hooks._here.files, hooks._here.env = self.files, None
        manager = _create_hook_manager()
        manager.register(hooks)
        run = {"runner": "refresh", "pipeline_names": None, "run_id": str(next(self.clock))}
        of_run = {"run_params": run, "pipeline": pipeline, "catalog": catalog}
        manager.hook.before_pipeline_run(**of_run)
        runner.run(pipeline, catalog, manager, run_id=run["run_id"])
        manager.hook.after_pipeline_run(run_result={}, **of_run)
        return runner.done

    def value(self, name: str) -> int:
        return int((self.folder / name).read_text())


class FixedFiles(ProjectFiles):
    """Files of a project whose package cannot be found by name."""

    def _source(self) -> Path:
        return self.folder / self.package


def function_source(world: World, name: str) -> str:
    inputs, parameter, _, helpers = NODES[name]
    arguments = [f"input_{n}" for n in range(1, len(inputs) + 1)]
    calls = "".join(f" + helpers.{one}(number)" for one in helpers)
    total = " + ".join(f"{n} * int({one})" for n, one in enumerate(arguments, 1))
    if parameter:
        arguments.append("parameter")
        total += " + parameter"
    return (
        f"def {name}({', '.join(arguments)}):\n{LOOKS[world.looks[name]]}"
        f"    number = {total} + {world.functions[name]}\n"
        f"    return str((number{calls}) % 3)\n"
    )


def helper_source(world: World, name: str) -> str:
    calls = "".join(f" + {inner}(number)" for inner in HELPERS[name])
    look = LOOKS[world.looks[name]]
    return f"def {name}(number):\n{look}    return (number{calls}) // 2 + {world.functions[name]}\n"


def load_modules(folder: Path) -> ModuleType:
    """Import the package's present source, past all caches."""
    for name in ("", ".helpers", ".nodes"):
        file = folder / f"{name[1:] or '__init__'}.py"
        search = [str(folder)] if not name else None
        spec = importlib.util.spec_from_file_location(
            PACKAGE + name, file, submodule_search_locations=search
        )
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[PACKAGE + name] = module
        exec(compile(file.read_text(), file, "exec"), module.__dict__)
        if name:
            setattr(sys.modules[PACKAGE], name[1:], module)
    return sys.modules[f"{PACKAGE}.nodes"]


def make_node(modules: ModuleType, world: World, name: str) -> Node:
    _, parameter, output, _ = NODES[name]
    read = [*world.inputs(name), *([f"params:{parameter}"] if parameter else [])]
    return Node(getattr(modules, name), read, output, name=name)


@pytest.fixture(autouse=True)
def _files_settle_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(stored, "SETTLED_SECONDS", 0)
    yield
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rounds=ROUNDS)
def test_what_runs_is_what_the_oracle_says(rounds: list[list[tuple[str, str, int]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world, project = World(), Project(Path(folder))
        for changes in [[], *rounds, []]:
            for change in changes:
                world.change(*change)
            project.write(world, {name for kind, name, _ in changes if kind == "touch"})
            expected = world.refresh()
            assert sorted(project.refresh(world)) == sorted(expected)
            assert {name: project.value(name) for name in STORED} == world.stored
        assert expected == []
