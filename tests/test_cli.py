"""The command line, as a user runs it, on a copy of the configuration."""

import logging
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project
from tests.processes import leave_out_other_studies, run_kedro_with

from crossfold.cli import OneSentenceCommand, refresh, run
from crossfold.exceptions import CrossfoldError

ROOT = Path(__file__).parents[1]
ONLY_DATA = "--namespaces=appointments"
COLUMNS = (
    "PatientId,AppointmentID,Gender,ScheduledDay,AppointmentDay,Age,Neighbourhood,Scholarship,"
    "Hipertension,Diabetes,Alcoholism,Handcap,SMS_received,No-show"
)
ROW = "17171717,1,F,2016-04-29T18:38:08Z,2016-04-29T00:00:00Z,62,CENTRO,0,1,0,0,0,0,No"


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """Copy the configuration, with data in a folder of its own and no address that answers."""
    folder = tmp_path / "conf"
    shutil.copytree(ROOT / "conf", folder, ignore=shutil.ignore_patterns("local"))
    (folder / "local").mkdir()
    globals_file = folder / "base" / "globals.yml"
    settings = yaml.safe_load(globals_file.read_text())
    settings["data_root"] = str(tmp_path / "data")
    settings["sources"]["appointments"]["urls"] = ["http://127.0.0.1:9/table.csv"]
    globals_file.write_text(yaml.safe_dump(settings))
    sample_file = folder / "sample" / "globals.yml"
    sample = yaml.safe_load(sample_file.read_text())
    sample_file.write_text(yaml.safe_dump({**sample, "data_root": str(tmp_path / "sample")}))
    return folder


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    folder.mkdir()
    missed = ROW.replace("17171717,1", "27272727,2").replace(",No", ",Yes")
    (folder / "a.csv").write_text(f"{COLUMNS}\n{ROW}\n{missed}\n")
    return folder


def make_data(conf: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the data engineering of the appointments alone."""
    leave_out_other_studies(conf, "sample")
    environment = {k: v for k, v in os.environ.items() if k != "CROSSFOLD_MIRROR"}
    return run_kedro_with(environment, ROOT, "run", f"--conf-source={conf}", ONLY_DATA, *options)


@pytest.fixture
def in_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be where commands find the project, and leave this process's log as it is."""
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("CROSSFOLD_MIRROR", raising=False)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    bootstrap_project(ROOT)


def error_of(conf: Path, *options: str, command: click.Command = run) -> str:
    """Call what must fail, and give the one sentence on standard error."""
    result = CliRunner().invoke(command, [f"--conf-source={conf}", *options])
    assert result.exit_code == 1
    return sentence_of(result.stdout, result.stderr)


def sentence_of(output: str, error: str) -> str:
    assert "Traceback" not in output + error
    [sentence] = error.strip().splitlines()
    return sentence.removeprefix("Error: ")


@pytest.mark.parametrize(
    "options",
    [
        ["--pipeline=no_show", "--params=appointments.history_as_of=booking"],
        ["--pipelines=no_show", "--runner=ParallelRunner"],
    ],
    ids=["pipeline", "pipelines"],
)
def test_sample_data_are_made_without_a_network(
    conf: Path, tmp_path: Path, options: list[str]
) -> None:
    done = make_data(conf, "--env=sample", *options)
    assert done.returncode == 0, done.stderr
    assert re.search(r" step \d of \d: appointments\.clean_appointments, \d+\.\d s\n", done.stdout)
    written = {file.name for file in (tmp_path / "sample").rglob("*") if file.is_file()}
    assert written == {
        "appointments.parquet",
        "rejected.parquet",
        "row_counts.json",
        "features.parquet",
        "features_permuted.parquet",
        "ledger.sqlite",
        "run.lock",
    }
    assert not (tmp_path / "data").exists()
    assert not list((conf / "local").iterdir())


def test_own_export_is_read_with_a_key_made_once(conf: Path, exports: Path, tmp_path: Path) -> None:
    export = f"--params=appointments_export={exports}"
    first = make_data(conf, export)
    assert first.returncode == 0, first.stderr
    credentials = conf / "local" / "credentials.yml"
    key = credentials.read_text()
    assert stat.S_IMODE(credentials.stat().st_mode) == 0o600
    assert first.stdout.count("secret key") == 1
    assert yaml.safe_load(key)["patient_key"]["key"] not in first.stdout

    second = make_data(conf, export)
    assert "secret key" not in second.stdout
    assert credentials.read_text() == key
    patients = [f.read_bytes() for f in (tmp_path / "data").rglob("*") if f.is_file()]
    assert not any(b"17171717" in content for content in patients)


def test_unreachable_source_is_told(conf: Path) -> None:
    failed = make_data(conf)
    assert failed.returncode == 1
    sentence = sentence_of(failed.stdout, failed.stderr)
    assert re.fullmatch(
        r"KaggleV2-May-2016\.csv could not be fetched from http://127\.0\.0\.1:9/table\.csv"
        r" \(no connection\): set CROSSFOLD_MIRROR to a folder that holds .*, or run with"
        r" --env=sample on synthetic data\.",
        sentence,
    )


@pytest.mark.usefixtures("in_project")
def test_export_with_a_missing_column_is_told(conf: Path, exports: Path) -> None:
    (exports / "a.csv").write_text(f"{COLUMNS.replace('Age', 'Years')}\n{ROW}\n")
    sentence = error_of(conf, ONLY_DATA, f"--params=appointments_export={exports}")
    assert sentence == (
        f"{exports / 'a.csv'} does not fit its schema: the column Age is missing. Mend it or put a"
        " good one in its place."
    )


@pytest.mark.usefixtures("in_project")
def test_refused_parameter_is_told_with_what_is_allowed(conf: Path) -> None:
    sentence = error_of(conf, "--params=appointments.history_as_of=never", "--env=sample")
    assert sentence == (
        "The parameter appointments.history_as_of is 'never': input should be 'booking' or"
        " 'reminder'. Change it in conf/ or with --params."
    )


@pytest.mark.usefixtures("in_project")
@pytest.mark.parametrize(
    ("command", "options", "sentence"),
    [
        (
            run,
            ["--pipelines=wine", "--params=sed=7,wine.models.numpy.mlp.params.max_itr=3,seed=abc"],
            "There is no parameter sed (did you mean seed?), which was given as 7; the parameter"
            " seed is 'abc': it should be a whole number from 0 to 4,000,000,000; in the block of"
            " parameters wine.models.numpy.mlp.params: there is no argument max_itr of a network"
            " (did you mean max_iter?). Change it in conf/ or with --params.",
        ),
        (
            refresh,
            ["--pipelines=wine", "--params=moons.nope=1,apointments_export=x,tracking=maybe"],
            "There is no parameter moons.nope, which was given as 1; there is no parameter"
            " apointments_export (did you mean appointments_export?), which was given as 'x'; the"
            " parameter tracking is 'maybe': it is true or false. Change it in conf/ or with"
            " --params.",
        ),
        (
            run,
            ["--pipelines=wine", "--params=appointments.date_format=%d/%m/%Y"],
            "A value of --params cannot be read as YAML: put quotes around it within those of the"
            " shell, as in --params='appointments.date_format=\"%d/%m/%Y\"'.",
        ),
        (
            run,
            ["--pipelines=wine", "--params=appointments.missed.0=DNA"],
            "The configuration cannot be read: Cannot merge DictConfig with ListConfig full_key:"
            " object_type=dict",
        ),
        (
            refresh,
            ["--env=smaple"],
            "There is no environment smaple (did you mean sample?): the environments are base,"
            " cluster, local, sample, short.",
        ),
        (
            run,
            ["--pipelines=wine", "--from-nodes=wine.folds.asign_rows_to_folds"],
            "There is no node wine.folds.asign_rows_to_folds (did you mean"
            " wine.folds.assign_rows_to_folds?): kedro registry describe wine lists the nodes that"
            " there are.",
        ),
    ],
    ids=["names and values", "not of the pipeline", "text", "list", "environment", "node"],
)
def test_wrong_names_and_values_are_refused_before_anything_runs(
    conf: Path, tmp_path: Path, command: click.Command, options: list[str], sentence: str
) -> None:
    assert error_of(conf, *options, command=command) == sentence
    assert not (tmp_path / "data").exists()


@pytest.mark.usefixtures("in_project")
def test_wrong_names_in_own_files_are_refused(conf: Path) -> None:
    (conf / "local" / "parameters.yml").write_text("wine: {modls: {numpy: {}}}\nsed: 4\n")
    (conf / "local" / "globals.yml").write_text("apointments_export: x\n")
    assert error_of(conf, "--pipelines=moons") == (
        "There is no parameter wine.modls (did you mean wine.models?), which was given as"
        " {'numpy': {}}; there is no parameter sed (did you mean seed?), which was given as 4;"
        " there is no global apointments_export (did you mean appointments_export?) in"
        " globals.yml. Change it in conf/ or with --params."
    )


@pytest.mark.usefixtures("in_project")
@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (
            "neighborhood: Clinic",
            "There is no column neighborhood of appointments (did you mean neighbourhood?); one of",
        ),
        (
            "patient: null",
            "appointments_columns.patient in globals.yml is None: give the file's name of this"
            " column.",
        ),
        (
            "age: 5",
            "appointments_columns.age in globals.yml is 5: give the file's name of this column, or"
            " null where it has none.",
        ),
    ],
)
def test_wrong_names_of_columns_are_refused(conf: Path, columns: str, sentence: str) -> None:
    (conf / "local").mkdir(exist_ok=True)
    (conf / "local" / "globals.yml").write_text(f"appointments_columns: {{{columns}}}\n")
    assert error_of(conf, "--pipelines=moons").startswith(sentence)


@pytest.mark.usefixtures("in_project")
def test_unknown_pipeline_is_told_with_those_that_there_are(conf: Path) -> None:
    sentence = error_of(conf, "--pipelines=no_shaw")
    assert sentence.startswith(
        "There is no pipeline no_shaw (did you mean no_show?): the pipelines"
    )
    assert ", wine, " in sentence


@pytest.mark.parametrize(
    ("command", "options", "told"),
    [
        (run, ["--load-versions=wine.metrics"], "Expected the form of 'load_versions' to be"),
        (run, ["--conf-source=none"], "Path 'none' does not exist."),
        (refresh, ["--conf-source=none"], "Path 'none' does not exist."),
    ],
)
def test_options_that_cannot_be_read_are_told(
    command: click.Command, options: list[str], told: str
) -> None:
    result = CliRunner().invoke(command, options)
    assert result.exit_code
    assert told in result.stderr
    assert "NoneType" not in result.output


def test_nothing_is_sent_where_the_telemetry_file_is_lost(tmp_path: Path) -> None:
    """Everything that a process sends goes to a proxy of ours, which must stay alone."""
    project = tmp_path / "project"
    shutil.copytree(ROOT / "src" / "crossfold", project / "src" / "crossfold")
    shutil.copytree(ROOT / "conf", project / "conf", ignore=shutil.ignore_patterns("local"))
    shutil.copy(ROOT / "pyproject.toml", project)
    switches = {"KEDRO_DISABLE_TELEMETRY", "DO_NOT_TRACK", "GITHUB_REPOSITORY_OWNER"}
    environment = {k: v for k, v in os.environ.items() if k not in switches}
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        subprocess.run(
            [str(Path(sys.executable).with_name("kedro")), "registry", "list"],
            cwd=project,
            env={**environment, "HTTPS_PROXY": address, "HTTP_PROXY": address, "NO_PROXY": ""},
            capture_output=True,
            timeout=60,
            check=True,
        )
        proxy.settimeout(0.1)
        with pytest.raises(TimeoutError):
            proxy.accept()


def test_own_errors_become_one_sentence_and_others_stay() -> None:
    @click.command(cls=OneSentenceCommand)
    @click.option("--own", is_flag=True)
    def command(own: bool) -> None:
        raise CrossfoldError("Mend\nit.") if own else ZeroDivisionError

    with pytest.raises(click.ClickException, match=r"^Mend it\.$"):
        command.main(["--own"], standalone_mode=False)
    with pytest.raises(ZeroDivisionError):
        command.main([], standalone_mode=False)
