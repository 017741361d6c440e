"""Fingerprints of functions that are more than their source: what is bound to them counts."""

from __future__ import annotations

import importlib
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kedro_refresh.code import CodeReader
from kedro_refresh.fingerprint import Code, KnownCode

PACKAGE = "market"
NODES = """
    import functools
    from market.tools import scale, shift

    LIMIT = 3

    double = lambda table: table * LIMIT
    first, second = lambda table: table + 1, lambda table: table + 2
    SEVERAL = [lambda table, n=n: table + n for n in range(2)]

    def node(table, size=1):
        return scale(table)

    def make(limit):
        def inner(table):
            return table[:limit]
        return inner

    def apply(function):
        def inner(table):
            return function(table)
        return inner

    def own_name(function):
        return functools.wraps(function)(lambda table: shift(function(table)))

    @own_name
    def decorated(table):
        return table

    @functools.lru_cache
    def cached(table):
        return table

    class Base:
        def __init__(self, limit):
            self.limit = limit

        def cut(self, table):
            return table[:self.limit]

    class Cutter(Base):
        def __call__(self, table):
            return self.cut(table)

        @classmethod
        def whole(cls, table):
            return table
"""
TOOLS = """
    def scale(table):
        return table * 2

    def shift(table):
        return table + 1
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / PACKAGE
    folder.mkdir()
    for name, text in {"__init__": "", "nodes": NODES, "tools": TOOLS}.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield folder
    _forget()


def _forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def load(folder: Path) -> ModuleType:
    """Import the source as it is now."""
    _forget()
    importlib.invalidate_caches()
    return importlib.import_module(f"{PACKAGE}.nodes")


def code(folder: Path, make: Callable[[Any], Any]) -> Code:
    """Take the fingerprint of what is made of the module as it is now."""
    return CodeReader(PACKAGE, folder).of_function(make(load(folder)))


def change(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))


KINDS: dict[str, Callable[[Any], Any]] = {
    "lambda": lambda m: m.double,
    "one of two lambdas": lambda m: m.second,
    "lambda in a list": lambda m: m.SEVERAL[1],
    "closure": lambda m: m.make(1),
    "closure over a function": lambda m: m.apply(m.node),
    "decorated": lambda m: m.decorated,
    "cached": lambda m: m.cached,
    "bound method": lambda m: m.Cutter(1).cut,
    "class method": lambda m: m.Cutter.whole,
    "callable object": lambda m: m.Cutter(1),
    "partial": lambda m: partial(m.node, size=1),
    "partial of a function": lambda m: partial(m.apply, m.node),
    "partial of an object": lambda m: partial(m.node, size=m.Cutter(1)),
    "function of a library": lambda m: np.mean,
    "builtin": lambda m: len,
    "method of a text": lambda m: "a".join,
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_the_same_stays_the_same(folder: Path, kind: str) -> None:
    first, kept = code(folder, KINDS[kind]), load(folder)
    assert kept  # what is loaded next lies at other addresses
    assert code(folder, KINDS[kind]) == first
    assert not first.unseen


def test_a_fresh_process_finds_the_same(folder: Path) -> None:
    script = folder.parent / "take.py"
    script.write_text(
        "import sys; sys.path.insert(0, '.')\n"
        "from functools import partial; from pathlib import Path\n"
        "from kedro_refresh.code import CodeReader\n"
        "from market import nodes\n"
        "made, cutter = nodes.make(frozenset('abcdef')), nodes.Cutter({'x', 'y'})\n"
        "function = partial(nodes.apply, made, cutter)\n"
        "print(CodeReader('market', Path('market')).of_function(function))\n"
    )
    take = [sys.executable, str(script)]
    found = {subprocess.check_output(take, cwd=folder.parent) for _ in range(3)}
    assert len(found) == 1


@pytest.mark.parametrize(
    ("kind", "file", "old", "new"),
    [
        ("lambda", "nodes.py", "table * LIMIT", "table + LIMIT"),
        ("lambda", "nodes.py", "LIMIT = 3", "LIMIT = 4"),
        ("lambda in a list", "nodes.py", "table + n ", "table - n "),
        ("closure", "nodes.py", "table[:limit]", "table[limit:]"),
        ("closure over a function", "nodes.py", "scale(table)", "-scale(table)"),
        ("closure over a function", "tools.py", "table * 2", "table * 3"),
        ("decorated", "tools.py", "table + 1", "table + 2"),
        ("decorated", "nodes.py", "shift(function(table))", "function(shift(table))"),
        (
            "cached",
            "nodes.py",
            "def cached(table):\n    return",
            "def cached(table):\n    return -",
        ),
        ("bound method", "nodes.py", "table[:self.limit]", "table[self.limit:]"),
        ("class method", "nodes.py", "table[:self.limit]", "table[self.limit:]"),
        ("callable object", "nodes.py", "self.cut(table)", "self.cut(-table)"),
        ("partial of a function", "tools.py", "table * 2", "table * 3"),
        ("partial of an object", "nodes.py", "table[:self.limit]", "table[self.limit:]"),
    ],
)
def test_source_counts(folder: Path, kind: str, file: str, old: str, new: str) -> None:
    before = code(folder, KINDS[kind])
    change(folder, file, old, new)
    assert code(folder, KINDS[kind]) != before


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda m: m.first, lambda m: m.second),
        (lambda m: m.SEVERAL[0], lambda m: m.SEVERAL[1]),
        (lambda m: m.make(1), lambda m: m.make(2)),
        (lambda m: m.make("a"), lambda m: m.make(b"a")),
        (lambda m: m.make(np.arange(3)), lambda m: m.make(np.arange(4))),
        (
            lambda m: m.make(pd.DataFrame({"a": [1, 2]})),
            lambda m: m.make(pd.DataFrame({"a": [1, 3]})),
        ),
        (lambda m: m.apply(m.first), lambda m: m.apply(m.second)),
        (lambda m: m.Cutter(1).cut, lambda m: m.Cutter(2).cut),
        (lambda m: m.Base(1).cut, lambda m: m.Cutter(1).cut),
        (lambda m: m.Cutter(1), lambda m: m.Cutter(2)),
        (lambda m: partial(m.node, size=1), lambda m: partial(m.node, size=2)),
        (lambda m: partial(m.apply, m.make), lambda m: partial(m.apply, m.node)),
        (lambda m: np.mean, lambda m: np.sum),
        (lambda m: len, lambda m: sum),
        (lambda m: "a".join, lambda m: "b".join),
    ],
)
def test_what_is_bound_counts(
    folder: Path, one: Callable[[Any], Any], other: Callable[[Any], Any]
) -> None:
    assert code(folder, one) != code(folder, other)


@pytest.mark.parametrize("kind", KINDS)
def test_looks_do_not_count(folder: Path, kind: str) -> None:
    before = code(folder, KINDS[kind])
    change(folder, "nodes.py", "LIMIT = 3\n", "# Three.\n\nLIMIT = 3\n\n")
    change(
        folder,
        "nodes.py",
        "double = lambda table: table * LIMIT",
        "double = (\n    lambda table:\n    table * LIMIT  # a comment\n)",
    )
    change(
        folder, "nodes.py", "    def inner(table):", '    def inner(table):\n        """Do it."""'
    )
    assert code(folder, KINDS[kind]) == before


def test_modules_and_libraries_are_those_of_all_parts(folder: Path) -> None:
    whole = code(folder, lambda m: partial(m.apply, m.node))
    assert whole.modules == code(folder, lambda m: m.node).modules
    assert "numpy" in code(folder, lambda m: m.apply(np.mean)).libraries


def test_objects_that_hold_themselves_end(folder: Path) -> None:
    def itself(module: Any) -> Any:
        cutter = module.Cutter(1)
        cutter.limit = [cutter]
        return cutter

    assert code(folder, itself) == code(folder, itself)


def test_what_cannot_be_compared_is_named(folder: Path) -> None:
    found = code(folder, lambda m: m.make([threading.Lock()]))
    assert found.unseen == {"_thread.lock"}


def test_lambdas_are_known_too(folder: Path) -> None:
    known, double = KnownCode("now"), load(folder).double
    first = CodeReader(PACKAGE, folder, known).of_function(double)
    (folder / "nodes.py").unlink()
    again = KnownCode.from_json("now", known.to_json())
    assert CodeReader(PACKAGE, folder, again).of_function(double) == first
