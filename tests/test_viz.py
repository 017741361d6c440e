"""What Kedro-Viz shows of the no-show study after a run on the sample."""

import base64
import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

LAYERS = [
    "raw",
    "intermediate",
    "primary",
    "feature",
    "model_input",
    "model_output",
    "models",
    "reporting",
]
START_SECONDS = 120


class Viz:
    """The API of a running Kedro-Viz."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self.log = log

    def get(self, path: str) -> Any:
        url = f"http://127.0.0.1:{self.port}/api/{path}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)

    def is_up(self) -> bool:
        try:
            self.get("version")
        except OSError:
            return False
        return True


@pytest.fixture(scope="module")
def proxy() -> Iterator[socket.socket]:
    """Listen where everything goes that Kedro-Viz sends to other machines."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture(scope="module")
def viz(
    sample_project: Path, proxy: socket.socket, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Viz]:
    server = Viz(_free_port(), tmp_path_factory.mktemp("viz") / "viz.log")
    command = ["viz", "run", "--no-browser", f"--port={server.port}", "--env=sample"]
    address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
    switches = {"HTTPS_PROXY": address, "HTTP_PROXY": address, "NO_PROXY": "127.0.0.1"}
    with server.log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "kedro", *command],
            cwd=sample_project,
            env={**os.environ, "KEDRO_DISABLE_TELEMETRY": "1", **switches},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_for(server, process)
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def _free_port() -> int:
    """Find a port that nobody listens on; Kedro-Viz takes none above 49151."""
    for port in random.Random().sample(range(20_000, 49_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


def _wait_for(server: Viz, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not server.is_up():
        assert process.poll() is None, server.log.read_text()
        assert time.monotonic() < deadline, server.log.read_text()
        time.sleep(0.2)


@pytest.fixture(scope="module")
def graph(viz: Viz) -> dict[str, Any]:
    return viz.get("pipelines/no_show")


@pytest.fixture(scope="module")
def datasets(graph: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {node["name"]: node for node in graph["nodes"] if node["type"] == "data"}


@pytest.fixture(scope="module")
def details(viz: Viz, datasets: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: viz.get(f"nodes/{node['id']}") for name, node in datasets.items()}


def test_nobody_is_asked_for_a_newer_version(viz: Viz, proxy: socket.socket) -> None:
    proxy.settimeout(0.1)
    with pytest.raises(TimeoutError):
        proxy.accept()
    version = viz.get("version")
    assert (version["latest"], version["is_outdated"]) == (version["installed"], False)


def test_it_starts_without_warnings(viz: Viz) -> None:
    said = viz.log.read_text(encoding="utf-8").splitlines()
    assert said[:2] == [
        "INFO: Running Kedro-Viz without hooks. Try `kedro viz run --include-hooks` to include"
        " hook functionality.",
        "Starting Kedro Viz ...",
    ]
    rest = " ".join(said[2:])
    assert not re.search("warning|traceback", rest, re.IGNORECASE), rest


def test_layers_are_in_the_order_of_the_work(graph: dict[str, Any]) -> None:
    assert graph["layers"] == LAYERS


def test_no_study_has_layers_that_go_in_a_circle(viz: Viz) -> None:
    names = [one["id"] for one in viz.get("main")["pipelines"]]
    assert {"no_show", "gene_expression", "digits"} <= set(names)
    assert [name for name in names if not viz.get(f"pipelines/{name}")["layers"]] == []


def test_every_dataset_has_a_layer(datasets: dict[str, dict[str, Any]]) -> None:
    assert {name for name, node in datasets.items() if node["layer"] is None} == set()


def test_the_collapsed_graph_has_about_ten_boxes(graph: dict[str, Any]) -> None:
    children = graph["modular_pipelines"]["__root__"]["children"]
    boxes = [child for child in children if child["type"] != "parameters"]
    assert 6 <= len(boxes) <= 12
    names = {child["id"] for child in boxes if child["type"] == "modularPipeline"}
    assert names == {"appointments", "no_show"}


def test_the_study_opens_into_its_stages(graph: dict[str, Any]) -> None:
    children = graph["modular_pipelines"]["no_show"]["children"]
    stages = {child["id"] for child in children if child["type"] == "modularPipeline"}
    assert stages == {
        "no_show.folds",
        "no_show.cross_validation",
        "no_show.evaluation",
        "no_show.final_model",
        "no_show.importance",
        "no_show.reporting",
    }


def test_figures_are_shown(details: dict[str, dict[str, Any]]) -> None:
    figures = {name: one for name, one in details.items() if ".figure" in name}
    assert figures
    for name, one in figures.items():
        assert one["preview_type"] == "ImagePreview", name
        assert base64.b64decode(one["preview"]).startswith(b"\x89PNG"), name


def test_tables_are_shown(details: dict[str, dict[str, Any]]) -> None:
    tables = {name: one for name, one in details.items() if one["type"].startswith("pandas.")}
    assert tables
    del tables["no_show.references_scores"]  # empty where the libraries are not installed
    for name, one in tables.items():
        assert one["preview_type"] == "TablePreview", name
        assert one["preview"]["columns"], name
        assert one["preview"]["data"], name


def test_json_is_shown(details: dict[str, dict[str, Any]]) -> None:
    for name in ("appointments_row_counts", "no_show.metrics", "no_show.model_card"):
        assert details[name]["preview_type"] == "JSONPreview"
        assert json.loads(details[name]["preview"]), name


def test_patients_are_shown_as_hashes(details: dict[str, dict[str, Any]]) -> None:
    preview = details["appointments_raw"]["preview"]
    column = preview["columns"].index("patient")
    assert all(re.fullmatch("[0-9a-f]{24}|", row[column]) for row in preview["data"])


def test_nodes_show_their_code(viz: Viz, graph: dict[str, Any]) -> None:
    tasks = [node["id"] for node in graph["nodes"] if node["type"] == "task"]
    assert all(viz.get(f"nodes/{task}")["code"].startswith("def ") for task in tasks)


def test_ctrl_c_ends_it_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    from crossfold import viz

    class Interrupted:
        def join(self) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(viz.kedro_viz_run.run, "callback", lambda **_: None)
    monkeypatch.setattr(viz.kedro_viz_run, "_VIZ_PROCESSES", {4141: Interrupted()})
    monkeypatch.setattr(viz.server, "run_server", viz.server.run_server)
    viz.run.main([], standalone_mode=False)
