"""``kedro study``, as a user runs it, on a copy of the project."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from tests.processes import fork

from crossfold.cli import study

KedroCommand = Callable[..., subprocess.CompletedProcess[str]]


def run_data_pipeline(project: Path) -> None:
    """Run the data pipeline of a table study on the project's own catalog."""
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project
    from kedro.runner import SequentialRunner

    from crossfold.pipelines.table.pipeline import create_data_pipeline
    from crossfold.templates.parameters import TableParameters

    os.chdir(project)
    bootstrap_project(project)
    with KedroSession.create(project_path=project) as session:
        catalog = session.load_context().catalog
        table = TableParameters.model_validate(catalog.load("params:mine.table"))
        catalog["params:mine.table"] = table
        SequentialRunner().run(create_data_pipeline("mine"), catalog)


@pytest.fixture
def project(make_project: Callable[[], Path], visits: pd.DataFrame) -> Path:
    folder = make_project()
    visits.rename(columns={"insured": "${in}.sured@home"}).to_csv(folder / "a.csv", index=False)
    return folder


@pytest.fixture
def call(project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Give a function that calls ``kedro study`` in this process."""
    monkeypatch.chdir(project)
    return lambda *options: CliRunner().invoke(study, options)


def error_of(code: int, output: str, error: str) -> str:
    assert code == 1
    assert "Traceback" not in output + error
    [sentence] = error.strip().splitlines()
    return sentence


def test_new_study_is_written_and_its_data_pipeline_runs(
    project: Path, kedro: KedroCommand
) -> None:
    options = ["--data=a.csv", "--target=missed", "--group=patient_id", "--drop=age,weight"]
    done = kedro(project, "study", "new", "mine", *options)
    assert done.returncode == 0, done.stderr
    assert "left out: by --drop" in done.stdout
    assert "kedro run --pipelines=mine" in done.stdout
    assert "came by bus" not in done.stdout, "free text may name people"
    assert "filepath: a.csv" in (project / "conf/base/mine/catalog.yml").read_text()
    run = fork(run_data_pipeline, project)
    run.join()
    assert run.exitcode == 0
    [features] = project.glob("data/04_feature/mine/features.parquet/*/features.parquet")
    assert [*pd.read_parquet(features)] == [
        "missed", "visited_on_month", "visited_on_weekday", "visited_on_days",
        "${in}.sured@home", "postcode",
    ]  # fmt: skip
    again = kedro(project, "study", "new", "mine", *options)
    told = error_of(again.returncode, again.stdout, again.stderr)
    assert "There is a study mine already" in told


def test_profile_prints_and_writes_nothing(project: Path, call: Callable[..., Result]) -> None:
    before = sorted(project.glob("conf/**/*"))
    done = call("profile", "--data=a.csv", "--target=missed")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[:3] == [
        "CSV (sep ',', decimal '.', encoding 'utf-8')",
        "400 rows, 10 columns",
        "Target missed: binary, event 'yes'",
    ]
    assert "Warning: patient_id may say who or what a row belongs to" in done.stdout
    for between in (", ", "\n"):
        drop = f'--drop=age{between}"no, such"'
        dropped = call("profile", "--data=a.csv", "--target=missed", drop)
        assert "no column 'no, such'; it has 'patient_id'" in dropped.stderr
    assert sorted(project.glob("conf/**/*")) == before


def test_errors_are_one_sentence(project: Path, call: Callable[..., Result]) -> None:
    def of(*options: str) -> str:
        result = call(*options)
        return error_of(result.exit_code, result.stdout, result.stderr)

    assert "did you mean 'missed'" in of("profile", "--data=a.csv", "--target=mised")
    assert "There is no file or folder b.csv" in of("profile", "--data=b.csv", "--target=missed")
    assert "cannot be a study's name" in of("new", "My", "--data=a.csv", "--target=missed")
    assert not (project / "conf" / "base" / "My").exists()
