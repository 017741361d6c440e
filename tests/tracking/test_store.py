"""The MLflow store, with MLflow itself."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crossfold.tracking import Record, client_of, store

KedroCommand = Callable[..., subprocess.CompletedProcess[str]]
TRACKED = ("run", "--env=sample", "--pipelines=moons", "--params=tracking=true")

pytestmark = pytest.mark.mlflow


@pytest.fixture(scope="module")
def project(make_project: Callable[[], Path], kedro: KedroCommand) -> Path:
    """Give a project in which the moons have run with tracking."""
    project = make_project()
    result = kedro(project, *TRACKED)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "not tracked" not in result.stdout + result.stderr
    return project


def ask(project: Path, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(project / "data/sample/mlflow.db") as database:
        return database.execute(query).fetchall()


def test_the_run_is_stored_with_its_environment(project: Path) -> None:
    assert ask(project, "SELECT name, status FROM runs") == [("moons", "FINISHED")]
    assert ("environment", "sample") in ask(project, "SELECT key, value FROM tags")


def test_parameters_are_stored(project: Path) -> None:
    stored = dict(ask(project, "SELECT key, value FROM params"))
    assert stored["seed"] == "42"
    assert stored["moons.network.dtype"] == "float64"


def test_curves_are_stored_epoch_by_epoch(project: Path) -> None:
    key = "moons.history/quadratic_0/new_points/train_loss"
    [(steps, first, last)] = ask(
        project, f"SELECT COUNT(*), MIN(step), MAX(step) FROM metrics WHERE key = '{key}'"
    )
    assert (first, last) == (1, steps)
    assert steps > 10


def test_figures_are_stored_whole(project: Path) -> None:
    tracked = {file.name: file for file in (project / "data/sample/mlflow").rglob("*.*")}
    [made] = (project / "data/sample/08_reporting/moons/figures").glob("boundary.png/*/*.png")
    assert tracked["boundary.png"].read_bytes() == made.read_bytes()
    assert "boundary.svg" in tracked


@pytest.mark.filterwarnings("ignore")  # of libraries of MLflow
def test_a_run_that_cannot_be_stored_whole_has_failed(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"none\.png"):
        store(Record("moons", {}, tmp_path), {"figure": [tmp_path / "none.png"]}, "FINISHED")
    client = client_of(tmp_path)
    [run] = client.search_runs([client.get_experiment_by_name("crossfold").experiment_id])
    assert run.info.status == "FAILED"


def test_nothing_is_left_beside_the_store(project: Path) -> None:
    assert not (project / "mlruns").exists()
    assert ask(project, "SELECT artifact_location FROM experiments WHERE name = 'crossfold'") == [
        ((project / "data/sample/mlflow").as_uri(),)
    ]


def test_telemetry_is_off_before_mlflow_is_imported(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from crossfold.tracking import client_of;"
        "client_of(Path(sys.argv[1]));"
        "from mlflow.telemetry.utils import is_telemetry_disabled; print(is_telemetry_disabled())"
    )
    untold = ("DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY", "PYTEST_CURRENT_TEST", "CI")
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env={name: value for name, value in os.environ.items() if name not in untold},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout.strip() == "True", result.stderr


def test_mlflow_is_not_imported_while_tracking_is_off(project: Path) -> None:
    program = (
        "import sys; from kedro.framework.startup import bootstrap_project as boot;"
        "from kedro.framework.session import KedroSession; boot('.');"
        "KedroSession.create(env='sample').load_context(); print('mlflow' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=project, capture_output=True, text=True, check=False
    )
    assert result.stdout.strip().endswith("False"), result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_database_costs_one_line_and_no_waiting(
    project: Path, kedro: KedroCommand
) -> None:
    database = project / "data/sample/mlflow.db"
    database.chmod(0o400)
    result = kedro(project, *TRACKED)
    database.chmod(0o600)
    assert result.returncode == 0
    assert result.stdout.count("not tracked") == 1
