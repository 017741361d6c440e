"""Configurations that are loaded in several threads at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kedro_refresh.config import ThreadSafeConfigLoader

ROUNDS = 40


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

    def load(env: str) -> set[str]:
        found = set()
        for _ in range(ROUNDS):
            loader = ThreadSafeConfigLoader(
                str(tmp_path),
                env=env,
                base_env="base",
                default_run_env="base",
                runtime_params={"file": env},
            )
            found.add(loader["catalog"]["a"]["filepath"])
        return found

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(load, ["first", "second"])) == [{"first/first"}, {"second/second"}]
