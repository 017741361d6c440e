"""What is kept of the source between refreshes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kedro_refresh.code import CodeReader
from kedro_refresh.fingerprint import Code, KnownCode, source_state
from kedro_refresh.ledger import Ledger


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "nodes.py").write_text(
        "from shop import tools\n\ndef sell(x):\n    return tools.f(x)\n"
    )
    (folder / "tools.py").write_text("def f(x):\n    return x + 1\n")
    return folder


def test_what_is_known_is_not_read_again(package: Path) -> None:
    first = CodeReader("shop", package, KnownCode(source_state(package)))
    code, digest = first.code("shop.nodes", "sell"), first.of_path("shop.tools.f")
    for file in package.glob("*.py"):
        file.unlink()
    second = CodeReader("shop", package, first.known)
    assert second.code("shop.nodes", "sell") == code
    assert second.of_path("shop.tools.f") == digest


def test_the_ledger_gives_back_what_was_read_from_the_same_source(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    known = KnownCode("now")
    known.learn_code(("shop.nodes", "sell"), Code("1", {"shop.tools": "2"}, frozenset({"numpy"})))
    known.learn_path("shop.tools.f", "3")
    ledger.remember_code(known)
    again = ledger.known_code("now")
    assert (again.codes, again.paths, again.has_grown) == (known.codes, known.paths, False)


def test_the_ledger_gives_nothing_for_another_source(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ledger.remember_code(KnownCode("before", paths={"shop.tools.f": "3"}))
    assert not ledger.known_code("after").paths


def change_content(package: Path) -> None:
    (package / "tools.py").write_text("def f(x):\n    return x + 22\n")


def change_time(package: Path) -> None:
    os.utime(package / "tools.py", ns=(1, 1))


def add_file(package: Path) -> None:
    (package / "page.html").touch()


def remove_file(package: Path) -> None:
    (package / "tools.py").unlink()


@pytest.mark.parametrize("change", [change_content, change_time, add_file, remove_file])
def test_every_change_of_a_file_is_another_state(
    package: Path, change: Callable[[Path], None]
) -> None:
    before = source_state(package)
    assert source_state(package) == before
    change(package)
    assert source_state(package) != before


def test_what_python_keeps_beside_the_source_does_not_count(package: Path) -> None:
    before = source_state(package)
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "tools.pyc").touch()
    assert source_state(package) == before
