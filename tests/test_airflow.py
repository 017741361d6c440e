"""A DAG made by kedro-airflow: Airflow loads it, runs it, and what is fresh is skipped."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kedro_refresh.ledger import Ledger

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(importlib.util.find_spec, ("airflow", "kedro_airflow"))),
        reason="Airflow and kedro-airflow are not installed; make test-airflow installs them",
    ),
]

TEMPLATE = Path(__file__).parents[1] / "docs" / "schedule" / "airflow_dag.j2"
# Airflow's own warnings are not this project's, so it is asked in a process of its own.
LOAD = """
import json
import sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
tasks = {
    dag.dag_id: {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks}
    for dag in bag.dags.values()
}
print(json.dumps({"errors": list(bag.import_errors.values()), "tasks": tasks}))
"""


class Airflow:
    """Airflow with a database of its own, for a copy of the project."""

    def __init__(self, project: Path, home: Path) -> None:
        self.project, self.home, self.dags = project, home, home / "dags"

    def create(self, pipeline: str) -> None:
        """Make the DAG of a pipeline."""
        options = [f"--pipelines={pipeline}", f"--target-dir={self.dags}"]
        create = ["airflow", "create", "--env=sample", "--group-by=namespace"]
        self.run("-m", "kedro", *create, f"--jinja-file={TEMPLATE}", *options)

    def run(self, *arguments: str) -> str:
        settings = {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "KEDRO_DISABLE_TELEMETRY": "1",
            "OMP_NUM_THREADS": "1",
        }
        result = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.project,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout


@pytest.fixture
def airflow(make_project: Callable[[], Path], tmp_path: Path) -> Airflow:
    return Airflow(make_project(), tmp_path / "airflow")


def test_each_namespace_is_a_task_that_waits_for_what_it_reads(airflow: Airflow) -> None:
    airflow.create("no_show")
    loaded: Any = json.loads(airflow.run("-c", LOAD, str(airflow.dags)).splitlines()[-1])
    assert loaded["errors"] == []
    assert loaded["tasks"] == {"crossfold": {"appointments": ["no-show"], "no-show": []}}


def test_airflow_runs_a_study_and_skips_it_when_it_is_fresh(airflow: Airflow) -> None:
    airflow.create("moons")
    airflow.run("-m", "airflow", "db", "migrate")
    data = airflow.project / "data" / "sample"
    n_nodes = []
    for day in ("2026-02-01", "2026-02-02"):
        airflow.run("-m", "airflow", "dags", "test", "crossfold", day)
        [last] = Ledger(data / "ledger.sqlite").history(1)
        assert (last.status, last.trigger) == ("done", "refresh")
        n_nodes.append(last.n_nodes)
    assert n_nodes[0] > 1
    assert n_nodes[1] == 0
    assert len(list((data / "08_reporting" / "moons" / "report.html").iterdir())) == 1
