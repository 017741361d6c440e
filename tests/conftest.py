"""Fixtures that several test modules share."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MIRROR_VARIABLE = "CROSSFOLD_MIRROR"
# Threads only get into each other's way on tables as small as the tests'.
SMALL_RUN = {"KEDRO_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1"}

KedroCommand = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests of the real data, with the reason, where the mirror is not set."""
    if os.environ.get(MIRROR_VARIABLE):
        return
    skip = pytest.mark.skip(reason=f"{MIRROR_VARIABLE} is not set: no folder of real source files")
    for item in items:
        if "real_data" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Give the folder of real source files; its tests are marked ``real_data``."""
    return Path(os.environ[MIRROR_VARIABLE])


@pytest.fixture(scope="session")
def make_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Give a function that copies the project, without its data, to a new folder."""

    def copy() -> Path:
        project = tmp_path_factory.mktemp("project")
        for name in (".telemetry", "pyproject.toml"):
            shutil.copy(ROOT / name, project)
        shutil.copytree(ROOT / "conf", project / "conf", ignore=_ignore_local)
        shutil.copytree(ROOT / "src", project / "src", ignore=_ignore_caches)
        return project

    return copy


@pytest.fixture(scope="session")
def kedro() -> KedroCommand:
    """Give a function that runs ``kedro`` with some arguments in a project's folder."""

    def run(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "kedro", *arguments],
            cwd=project,
            env={**os.environ, **SMALL_RUN, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def sample_project(make_project: Callable[[], Path], kedro: KedroCommand) -> Path:
    """Give a copy of the project in which all studies and audits have run on the sample."""
    project = make_project()
    result = kedro(project, "run", "--env=sample", "--pipelines=all,audit")
    assert result.returncode == 0, result.stdout + result.stderr
    return project


def _ignore_local(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if Path(folder).name == "local" and name != ".gitkeep"]


def _ignore_caches(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__"]
