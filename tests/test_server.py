"""Kedro's HTTP server: an event from outside starts a run, or a refresh."""

import contextlib
import importlib.util
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.processes import leave_out_other_studies

from kedro_refresh.ledger import Ledger
from kedro_refresh.lock import run_lock

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(importlib.util.find_spec, ("fastapi", "uvicorn"))),
        reason="the extra crossfold[server] is not installed",
    ),
]
START_SECONDS = RUN_SECONDS = 120
REFRESH = "kedro_refresh.RefreshRunner"
START = ["server", "start", "--env=sample", "--allow-host=my.name"]
FORM = "application/x-www-form-urlencoded"
PIPELINES = ["no_show"]
CLEAN = "appointments.clean_appointments"
FEATURES = "appointments.build_appointment_features"


class Server:
    """A running server for a copy of the project."""

    def __init__(self, project: Path, port: int) -> None:
        self.project = project
        self.data = project / "data" / "sample"
        self.ledger = Ledger(self.data / "ledger.sqlite")
        self._address = f"http://127.0.0.1:{port}"

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self._address}/health", timeout=5) as answer:
            return json.load(answer)

    def run(self, **request: Any) -> dict[str, Any]:
        """Send a request for a run, and wait for its end."""
        status, answer = self.ask("/run", json.dumps(request).encode())
        assert status == 200, answer
        return answer

    @property
    def token(self) -> str:
        return (self.project / "conf" / "local" / "server_token").read_text()

    def ask(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Send a request, and give the status and the answer; an empty header is left out."""
        usual = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        given = {key.replace("_", "-"): value for key, value in headers.items()}
        sent = {key: value for key, value in {**usual, **given}.items() if value}
        request = urllib.request.Request(f"{self._address}{path}", body, sent)
        try:
            with urllib.request.urlopen(request, timeout=RUN_SECONDS) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def n_nodes(self, answer: dict[str, Any]) -> int:
        """Count the nodes of a run by what the ledger says."""
        [run] = [run for run in self.ledger.history(9) if run.run == answer["run_id"]]
        return run.n_nodes

    def ran(self, answer: dict[str, Any]) -> set[str]:
        """Name the nodes that ran last in a run."""
        nodes = self.ledger.latest_nodes().values()
        return {node.node for node in nodes if node.run == answer["run_id"]}

    def is_up(self) -> bool:
        with contextlib.suppress(OSError):
            return self.health()["status"] == "healthy"
        return False


@pytest.fixture(scope="module")
def server(make_project: Callable[[], Path]) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(make_project(), port)
    leave_out_other_studies(server.project / "conf", "sample")
    log = server.project / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "kedro", *START, f"--port={port}"],
            cwd=server.project,
            env={**os.environ, "KEDRO_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_for(server, process, log)
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def _wait_for(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not server.is_up():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)


def test_an_event_starts_a_run_and_a_refresh_runs_what_has_changed(server: Server) -> None:
    answer = server.run(pipeline_names=PIPELINES, to_nodes=[CLEAN])
    assert answer["status"] == "success", answer
    assert server.n_nodes(answer) == 1

    refreshed = server.run(pipeline_names=PIPELINES, to_nodes=[FEATURES], runner=REFRESH)
    assert refreshed["status"] == "success", refreshed
    assert server.n_nodes(refreshed) == 1
    assert server.ran(refreshed) == {FEATURES}

    again = server.run(pipeline_names=PIPELINES, to_nodes=[FEATURES], runner=REFRESH)
    assert again["status"] == "success"
    assert server.n_nodes(again) == 0
    triggers = [(run.trigger, run.status, run.env) for run in server.ledger.history(9)]
    assert triggers == [
        ("refresh", "done", "sample"),
        ("refresh", "done", "sample"),
        ("run", "done", "sample"),
    ]


def test_a_refused_request_says_who_is_at_work_and_leaves_no_trace(server: Server) -> None:
    before = server.ledger.history(9)
    for runner in (REFRESH, None):
        with run_lock(server.data / "run.lock", work="refresh"):
            answer = server.run(pipeline_names=PIPELINES, to_nodes=[CLEAN], runner=runner)
        assert answer["status"] == "failure"
        assert answer["error"]["type"] == "RefreshError"
        told = f"Another refresh is at work: process {os.getpid()}, since"
        assert answer["error"]["message"].startswith(told)
    assert server.ledger.history(9) == before


@pytest.mark.parametrize("runner", [REFRESH, None])
def test_of_two_requests_at_once_the_first_runs_to_its_end(
    server: Server, runner: str | None
) -> None:
    def ask(seed: int) -> dict[str, Any]:
        request = {"pipeline_names": PIPELINES, "to_nodes": [FEATURES], "runner": runner}
        return server.run(**request, params={"seed": seed})

    before = {run.run for run in server.ledger.history(99)}
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(ask, (1, 2)))
    good = [answer for answer in answers if answer["status"] == "success"]
    refused = [answer for answer in answers if answer["status"] == "failure"]
    assert good
    assert all("is at work: process" in answer["error"]["message"] for answer in refused)
    runs = {run.run: run for run in server.ledger.history(99)}
    assert {runs[answer["run_id"]].status for answer in good} == {"done"}
    # Not: no refused one is among them. Kedro names runs by milliseconds, which may be the same.
    assert runs.keys() - before == {answer["run_id"] for answer in good}
    assert "running" not in {run.status for run in runs.values()}


RUN = b'{"pipeline_names": ["no_show"], "to_nodes": ["nothing"]}'


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/run", RUN, {"Authorization": ""}, 401),
        ("/run", RUN, {"Authorization": "Bearer guessed"}, 401),
        ("/snapshot", None, {"Authorization": ""}, 401),
        ("/docs", None, {"Authorization": ""}, 401),
        ("/run", RUN, {"Host": "attacker.example"}, 400),
        ("/health", None, {"Host": "attacker.example:8000"}, 400),
        ("/health", None, {"Authorization": ""}, 200),
        ("/health", None, {"Host": "localhost:8000"}, 200),
        ("/health", None, {"Host": "my.name"}, 200),
        ("/run", b" " * 100_001, {}, 413),
        ("/run", (b" " * 1000 for _ in range(101)), {"Transfer_Encoding": "chunked"}, 413),
        ("/run", b"pipeline_names=no_show", {"Content_Type": FORM}, 422),
        ("/run", RUN, {"Content_Type": "text/plain"}, 422),
    ],
)
def test_what_comes_in(
    server: Server, path: str, body: Any, headers: dict[str, str], status: int
) -> None:
    assert server.ask(path, body, **headers)[0] == status


@pytest.mark.parametrize(
    "request_",
    [
        {"runner": "os.system"},
        {"runner": "../runner"},
        {"env": "../../elsewhere", "runner": "os.system"},
        {"params": {"appointments_export": "${oc.env:HOME}"}, "load_versions": {"a": "../../b"}},
        {"load_versions": {"appointments": "../../b"}, "from_nodes": ["no_show.no_such_node"]},
    ],
    ids=str,
)
def test_what_is_refused_by_kedro_stays_refused(server: Server, request_: dict[str, Any]) -> None:
    body = json.dumps({"pipeline_names": PIPELINES, "to_nodes": [CLEAN], **request_}).encode()
    status, answer = server.ask("/run", body)
    assert status == 422 or answer["status"] == "failure", answer


def test_the_token_is_read_by_its_owner_alone(server: Server) -> None:
    file = server.project / "conf" / "local" / "server_token"
    assert len(server.token) > 40
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
