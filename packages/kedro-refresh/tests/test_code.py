"""Fingerprints of code: what counts, what does not, and how far they reach."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from kedro_refresh.code import CodeReader
from kedro_refresh.fingerprint import Code

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


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(textwrap.dedent(text))
    return tmp_path


def code(shop: Path, name: str = "node", module: str = "nodes") -> Code:
    return CodeReader("shop", shop).code(f"shop.{module}", name)


def change(shop: Path, file: str, old: str, new: str) -> None:
    text = (shop / file).read_text()
    assert old in text
    (shop / file).write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("nodes.py", "np.ones(size)", "np.ones(size + 1)"),
        ("nodes.py", "size=LIMIT", "size=2"),
        ("tools.py", "LIMIT = 3", "LIMIT = 4"),
        ("tools.py", "table * factor()", "table + factor()"),
        ("tools.py", 'TABLE["scale"] = 1', 'TABLE["scale"] = 2'),
        ("_inner.py", "return 2", "return 3"),
        ("drawing.py", "page.html", "other.html"),
        ("pages/page.html", "<p>", "<b>"),
    ],
)
def test_what_a_function_reaches_counts(shop: Path, file: str, old: str, new: str) -> None:
    before = code(shop)
    change(shop, file, old, new)
    assert code(shop) != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("nodes.py", "in table]", "in table[1:]]"),
        ("tools.py", "return table\n", "return -table\n"),
        (
            "nodes.py",
            "def node(table, size=LIMIT):",
            "def node(\n    table, size = LIMIT,\n):  # x",
        ),
        ("tools.py", "def scale(table):", 'def scale(table):\n    """Scale it."""'),
        ("lazy/_model.py", "return 1", "return 2"),
    ],
)
def test_looks_and_what_it_does_not_reach_do_not(shop: Path, file: str, old: str, new: str) -> None:
    before = code(shop)
    change(shop, file, old, new)
    assert code(shop) == before


def test_own_source_and_that_of_others_are_told_apart(shop: Path) -> None:
    before = code(shop)
    change(shop, "_inner.py", "return 2", "return 3")
    after = code(shop)
    assert before.function == after.function
    changed = {name for name in before.modules if before.modules[name] != after.modules[name]}
    assert changed == {"shop._inner"}
    assert {"numpy", "matplotlib"} <= before.libraries


def test_local_names_hide_those_of_the_module(shop: Path) -> None:
    assert "shop.tools" in code(shop, "other").modules
    before = code(shop, "other")
    change(shop, "tools.py", "table * factor()", "table + factor()")
    assert code(shop, "other") == before


def test_names_that_only_running_tells_count_the_whole_module(shop: Path) -> None:
    before = code(shop, "by_name")
    change(shop, "tools.py", "return table\n", "return -table\n")
    assert code(shop, "by_name") != before


def test_lazy_imports_and_methods_are_followed(shop: Path) -> None:
    before = code(shop, "use")
    change(shop, "lazy/_model.py", "return 1", "return 2")
    assert code(shop, "use") != before


def test_cycles_and_star_imports_end(shop: Path) -> None:
    assert "shop.tools" in code(shop, "a", "cycle_a").modules
