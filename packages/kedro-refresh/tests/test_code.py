"""Fingerprints of code: what counts, what does not, how far they reach, what is kept of them."""

from __future__ import annotations

import importlib
import os
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
from kedro_refresh.fingerprint import Code, KnownCode, source_state

FILES = {
    "__init__.py": "",
    "nodes.py": """
        import numpy as np
        from shop import tools
        from shop.tools import LIMIT, scale as scaled
        from shop.lazy import Model

        def node(table, size=LIMIT):
            from shop import drawing
            return drawing.bars(scaled(table), np.ones(size))

        def other(table):
            return [tools.unused for unused in table]

        def by_name(table, name):
            return getattr(tools, name)(table)

        def use(model: Model):
            return Model().fit()
    """,
    "tools.py": """
        from ._inner import factor
        LIMIT = 3
        TABLE = {}
        TABLE["scale"] = 1

        def scale(table):
            return table * factor()

        def unused(table):
            return table
    """,
    "_inner.py": "def factor():\n    return 2\n",
    "drawing.py": """
        from pathlib import Path
        import matplotlib

        def bars(table, ones):
            matplotlib.use("agg")
            return Path(__file__).with_name("pages").joinpath("page.html").read_text()
    """,
    "pages/page.html": "<p>",
    "lazy/__init__.py": """
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from shop.lazy._model import Model
        def __getattr__(name):
            from shop.lazy import _model
            return _model.Model
    """,
    "lazy/_model.py": """
        class Model:
            def fit(self):
                return step()
        def step():
            return 1
    """,
    "cycle_a.py": "from shop import cycle_b\ndef a():\n    return cycle_b\n",
    "cycle_b.py": """
        from shop import cycle_a
        from shop.tools import *

        def b():
            return scale
    """,
}


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write the modules and other files of a package."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(textwrap.dedent(text))
    return folder


def change(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write(tmp_path / "shop", FILES)


def code(shop: Path, name: str = "node", module: str = "nodes") -> Code:
    return CodeReader("shop", shop).code(f"shop.{module}", name)


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "counts"),
    [
        ("node", "nodes.py", "np.ones(size)", "np.ones(size + 1)", True),
        ("node", "nodes.py", "size=LIMIT", "size=2", True),
        ("node", "tools.py", "LIMIT = 3", "LIMIT = 4", True),
        ("node", "tools.py", "table * factor()", "table + factor()", True),
        ("node", "tools.py", 'TABLE["scale"] = 1', 'TABLE["scale"] = 2', True),
        ("node", "_inner.py", "return 2", "return 3", True),
        ("node", "drawing.py", "page.html", "other.html", True),
        ("node", "pages/page.html", "<p>", "<b>", True),
        ("node", "nodes.py", "in table]", "in table[1:]]", False),
        ("node", "tools.py", "return table\n", "return -table\n", False),
        (
            "node",
            "nodes.py",
            "node(table, size=LIMIT):",
            "node(\n    table, size=LIMIT\n): #x",
            False,
        ),
        ("node", "tools.py", "scale(table):", 'scale(table):\n    """Scale it."""', False),
        ("node", "lazy/_model.py", "return 1", "return 2", False),
        ("use", "lazy/_model.py", "return 1", "return 2", True),  # lazy imports and methods
        ("by_name", "tools.py", "return table\n", "return -table\n", True),  # found by running
        ("other", "tools.py", "table * factor()", "table + factor()", False),  # a local name
    ],
)
def test_what_a_function_reaches_counts_and_nothing_else(
    shop: Path, name: str, file: str, old: str, new: str, counts: bool
) -> None:
    before = code(shop, name)
    change(shop, file, old, new)
    assert (code(shop, name) != before) == counts


def test_own_source_and_that_of_others_are_told_apart(shop: Path) -> None:
    before = code(shop)
    change(shop, "_inner.py", "return 2", "return 3")
    after = code(shop)
    assert before.function == after.function
    changed = {name for name in before.modules if before.modules[name] != after.modules[name]}
    assert changed == {"shop._inner"}
    assert {"numpy", "matplotlib"} <= before.libraries


def test_names_of_another_module_count(shop: Path) -> None:
    assert "shop.tools" in code(shop, "other").modules


def test_cycles_and_star_imports_end(shop: Path) -> None:
    assert "shop.tools" in code(shop, "a", "cycle_a").modules


def test_what_is_known_is_not_read_again(shop: Path) -> None:
    first = CodeReader("shop", shop, KnownCode(source_state(shop)))
    code, digest = first.code("shop.nodes", "node"), first.of_path("shop.tools.scale")
    for file in shop.glob("*.py"):
        file.unlink()
    second = CodeReader("shop", shop, first.known)
    assert second.code("shop.nodes", "node") == code
    assert second.of_path("shop.tools.scale") == digest


@pytest.mark.parametrize(
    "alter",
    [
        lambda shop: (shop / "tools.py").write_text("def f(x):\n    return x + 22\n"),
        lambda shop: os.utime(shop / "tools.py", ns=(1, 1)),
        lambda shop: (shop / "page.html").touch(),
        lambda shop: (shop / "tools.py").unlink(),
    ],
    ids=["content", "time", "new file", "lost file"],
)
def test_every_change_of_a_file_is_another_state(shop: Path, alter: Callable[[Path], None]) -> None:
    before = source_state(shop)
    assert source_state(shop) == before
    alter(shop)
    assert source_state(shop) != before


def test_what_python_keeps_beside_the_source_does_not_count(shop: Path) -> None:
    before = source_state(shop)
    (shop / "__pycache__").mkdir()
    (shop / "__pycache__" / "tools.pyc").touch()
    assert source_state(shop) == before


# Functions that are more than their source: what is bound to them counts

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
def market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield write(tmp_path / PACKAGE, {"__init__.py": "", "nodes.py": NODES, "tools.py": TOOLS})
    _forget()


def _forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def load(market: Path) -> ModuleType:
    """Import the source as it is now."""
    _forget()
    importlib.invalidate_caches()
    return importlib.import_module(f"{PACKAGE}.nodes")


def made(market: Path, make: Callable[[Any], Any]) -> Code:
    """Take the fingerprint of what is made of the module as it is now."""
    return CodeReader(PACKAGE, market).of_function(make(load(market)))


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
def test_what_is_the_same_stays_the_same(market: Path, kind: str) -> None:
    first, kept = made(market, KINDS[kind]), load(market)
    assert kept  # what is loaded next lies at other addresses
    assert made(market, KINDS[kind]) == first
    assert not first.unseen


def test_a_fresh_process_finds_the_same(market: Path) -> None:
    script = market.parent / "take.py"
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
    found = {subprocess.check_output(take, cwd=market.parent) for _ in range(3)}
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
        ("cached", "nodes.py", "cached(table):\n    return", "cached(table):\n    return -"),
        ("bound method", "nodes.py", "table[:self.limit]", "table[self.limit:]"),
        ("class method", "nodes.py", "table[:self.limit]", "table[self.limit:]"),
        ("callable object", "nodes.py", "self.cut(table)", "self.cut(-table)"),
        ("partial of a function", "tools.py", "table * 2", "table * 3"),
        ("partial of an object", "nodes.py", "table[:self.limit]", "table[self.limit:]"),
    ],
)
def test_source_counts(market: Path, kind: str, file: str, old: str, new: str) -> None:
    before = made(market, KINDS[kind])
    change(market, file, old, new)
    assert made(market, KINDS[kind]) != before


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
    market: Path, one: Callable[[Any], Any], other: Callable[[Any], Any]
) -> None:
    assert made(market, one) != made(market, other)


@pytest.mark.parametrize("kind", KINDS)
def test_looks_do_not_count(market: Path, kind: str) -> None:
    before = made(market, KINDS[kind])
    change(market, "nodes.py", "LIMIT = 3\n", "# Three.\n\nLIMIT = 3\n\n")
    change(
        market,
        "nodes.py",
        "double = lambda table: table * LIMIT",
        "double = (\n    lambda table:\n    table * LIMIT  # a comment\n)",
    )
    change(
        market, "nodes.py", "    def inner(table):", '    def inner(table):\n        """Do it."""'
    )
    assert made(market, KINDS[kind]) == before


def test_modules_and_libraries_are_those_of_all_parts(market: Path) -> None:
    whole = made(market, lambda m: partial(m.apply, m.node))
    assert whole.modules == made(market, lambda m: m.node).modules
    assert "numpy" in made(market, lambda m: m.apply(np.mean)).libraries


def test_objects_that_hold_themselves_end(market: Path) -> None:
    def itself(module: Any) -> Any:
        cutter = module.Cutter(1)
        cutter.limit = [cutter]
        return cutter

    assert made(market, itself) == made(market, itself)


def test_what_cannot_be_compared_is_named(market: Path) -> None:
    found = made(market, lambda m: m.make([threading.Lock()]))
    assert found.unseen == {"_thread.lock"}


def test_lambdas_are_known_too(market: Path) -> None:
    known, double = KnownCode("now"), load(market).double
    first = CodeReader(PACKAGE, market, known).of_function(double)
    (market / "nodes.py").unlink()
    again = KnownCode.from_json("now", known.to_json())
    assert CodeReader(PACKAGE, market, again).of_function(double) == first
