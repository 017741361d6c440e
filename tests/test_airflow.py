"""A DAG made by kedro-airflow, loaded by Airflow."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(importlib.util.find_spec, ("airflow", "kedro_airflow"))),
        reason="Airflow and kedro-airflow are not installed; docs/how-to/schedule.md says how",
    ),
]

ROOT = Path(__file__).parents[1]
CREATE = ["airflow", "create", "--pipelines=no_show", "--env=sample", "--group-by=namespace"]
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


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Make the DAG of the no-show study, and give what Airflow finds in it."""
    home = tmp_path_factory.mktemp("airflow")
    dags = home / "dags"
    run(home, "-m", "kedro", *CREATE, f"--target-dir={dags}")
    return json.loads(run(home, "-c", LOAD, str(dags)).splitlines()[-1])


def run(home: Path, *arguments: str) -> str:
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "KEDRO_DISABLE_TELEMETRY": "1",
    }
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_airflow_loads_the_dag(loaded: dict[str, Any]) -> None:
    assert loaded["errors"] == []
    assert list(loaded["tasks"]) == ["crossfold"]


def test_each_namespace_is_a_task_that_waits_for_what_it_reads(loaded: dict[str, Any]) -> None:
    assert loaded["tasks"]["crossfold"] == {"appointments": ["no-show"], "no-show": []}
