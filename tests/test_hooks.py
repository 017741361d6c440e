"""Hooks: the key for patients, and where the report is."""

import logging
import secrets
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from crossfold.credentials import folder_of_key, with_patient_key
from crossfold.hooks import ProjectHooks, misfits

RUN = {"run_id": "2026-01-01"}


def make_report(table: str) -> str:
    return table


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("study.report", "Report"),
        ("study.ranked_csv", "Ranked list"),
        ("study.scored", "Scored rows"),
    ],
)
def test_closing_line_says_where_what_people_read_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, kind: str
) -> None:
    entry = {
        "type": "text.TextDataset",
        "filepath": str(tmp_path / "report.html"),
        "versioned": True,
    }
    catalog = DataCatalog.from_config({name: entry}, save_version="2026-01-01")
    catalog.save(name, "<html>")
    pipeline = Pipeline([Node(make_report, "table", name, namespace="study")])
    ProjectHooks().after_pipeline_run(RUN, pipeline, catalog)
    file = tmp_path / "report.html" / "2026-01-01" / "report.html"
    assert capsys.readouterr().out == f"{kind}: {file}\n"


def test_runs_with_reports_end_with_the_one_page_that_leads_to_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("moons.report", "wine.report")
    entries = {
        name: {
            "type": "text.TextDataset",
            "filepath": str(tmp_path / name.removesuffix(".report") / "report.html"),
            "versioned": True,
        }
        for name in names
    }
    catalog = DataCatalog.from_config(entries, save_version="2026-01-01T10.00.00.000Z")
    for name in names:
        catalog.save(name, f"<title>About {name} – crossfold</title><h1>A</h1>\n<p>So it is.</p>")
    nodes = [
        Node(make_report, f"table_{study}", f"{study}.report", name="write", namespace=study)
        for study in ("moons", "wine")
    ]
    ProjectHooks().after_pipeline_run(RUN, Pipeline(nodes), catalog)
    assert capsys.readouterr().out == f"Reports: {tmp_path / 'index.html'}\n"
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    for text in ("About moons.report<", "About wine.report<", "So it is.", "1 January 2026"):
        assert text in page
    assert 'href="moons/report.html/2026-01-01T10.00.00.000Z/report.html"' in page


def test_run_without_a_report_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    pipeline = Pipeline([Node(make_report, "table", "text", namespace="study")])
    ProjectHooks().after_pipeline_run(RUN, pipeline, DataCatalog())
    assert capsys.readouterr().out == ""


def test_the_project_keeps_the_key_where_the_settings_are_packed(tmp_path: Path) -> None:
    assert folder_of_key(str(tmp_path), Path("p")) == tmp_path / "local"
    archive = tmp_path / "conf.tar.gz"
    archive.touch()
    for source in (archive, "s3://shop/conf"):
        assert folder_of_key(str(source), Path("p")) == Path("p", "conf", "local")


def test_key_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "local"
    made = with_patient_key({"other": {"user": "u"}}, folder)
    file = folder / "credentials.yml"
    assert made["other"] == {"user": "u"}
    assert len(made["patient_key"]["key"]) == 64
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert with_patient_key({}, folder) == {"patient_key": made["patient_key"]}
    assert [f.name for f in folder.glob("[!.]*")] == ["credentials.yml"]


def test_two_first_runs_make_one_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def token(n_bytes: int) -> str:
        time.sleep(0.2)
        return secrets.token_urlsafe(n_bytes)

    monkeypatch.setattr("crossfold.credentials.secrets.token_hex", token)
    with ThreadPoolExecutor() as pool:
        made = list(pool.map(lambda _: with_patient_key({}, tmp_path), range(4)))
    assert made == [made[0]] * 4
    assert yaml.safe_load((tmp_path / "credentials.yml").read_text()) == made[0]


def test_credentials_of_the_user_stay(tmp_path: Path) -> None:
    file = tmp_path / "credentials.yml"
    file.write_text("# mine\ndatabase: {user: u}")
    made = with_patient_key({}, tmp_path)
    assert file.read_text().startswith("# mine\ndatabase: {user: u}\n")
    assert yaml.safe_load(file.read_text()) == {"database": {"user": "u"}, **made}


def test_key_of_the_environment_comes_first(tmp_path: Path) -> None:
    own = {"patient_key": {"key": "k"}}
    assert with_patient_key(own, tmp_path) == own
    assert not list(tmp_path.iterdir())


def test_run_sweeps_what_a_killed_run_left_where_it_writes(tmp_path: Path) -> None:
    entry = {"type": "text.TextDataset", "filepath": f"{tmp_path}/report.html", "versioned": True}
    catalog = DataCatalog.from_config({"report": entry, "table": entry})
    pipeline = Pipeline([Node(make_report, "table", "report", name="write")])
    stray = tmp_path / "report.html" / "1" / ".report.html.1.crossfold-tmp"
    stray.parent.mkdir(parents=True)
    stray.touch()
    ProjectHooks().before_pipeline_run(RUN, pipeline, catalog)
    assert not list((tmp_path / "report.html").iterdir())


def steps(*names: str) -> Pipeline:
    """Chain nodes with these names."""
    return Pipeline(
        [Node(make_report, f"data_{n}", f"data_{n + 1}", name=name) for n, name in enumerate(names)]
    )


def test_each_node_is_a_step_of_its_own_run(caplog: pytest.LogCaptureFixture) -> None:
    """Requests to a server overlap: both runs have a node of the same name at work."""
    caplog.set_level(logging.INFO, "crossfold.hooks")
    hooks, long, short = ProjectHooks(), steps("clean", "train"), steps("train")
    for run, pipeline in (("a", long), ("b", short)):
        hooks.before_pipeline_run({"run_id": run}, pipeline, DataCatalog())
        hooks.before_node_run(pipeline.nodes[-1], run)
    hooks.after_node_run(long.nodes[-1], "a")
    hooks.after_node_run(short.nodes[-1], "b")
    hooks.after_pipeline_run({"run_id": "b"}, short, DataCatalog())
    hooks.on_pipeline_error(ValueError(), {"run_id": "a"}, DataCatalog())
    assert caplog.messages == ["step 2 of 2: train, 0.0 s", "step 1 of 1: train, 0.0 s"]
    assert not hooks._steps
    assert not hooks._started


def test_a_process_that_does_not_know_the_run_tells_the_node(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "crossfold.hooks")
    hooks, [node] = ProjectHooks(), steps("train").nodes
    hooks.before_node_run(node, "a")
    hooks.after_node_run(node, "a")
    assert caplog.messages == ["train, 0.0 s"]


@pytest.mark.parametrize(
    "study", ["no_show", "digits", "fashion", "gene_expression", "wine", "moons", "primer"]
)
def test_a_reference_that_no_model_has_is_refused_before_anything_runs(study) -> None:
    conf = Path(__file__).parents[1] / "conf"
    loader = OmegaConfigLoader(str(conf), base_env="base", default_run_env="base")
    parameters = loader["parameters"]
    assert not list(misfits(parameters))
    parameters[study]["evaluation"]["reference"] = "nobody"
    [fault] = misfits(parameters)
    assert fault.startswith(f"{study}.evaluation.reference names nobody, and there is no such ")
