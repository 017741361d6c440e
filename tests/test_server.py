"""Kedro's HTTP server: an event from outside starts a run, or a refresh."""

import contextlib
import fcntl
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crossfold.refresh.ledger import Ledger

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(importlib.util.find_spec, ("fastapi", "uvicorn"))),
        reason="the extra crossfold[server] is not installed",
    ),
]
START_SECONDS = RUN_SECONDS = 120
REFRESH = "crossfold.refresh.server.ServerRefreshRunner"
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
        body = json.dumps(request).encode()
        post = urllib.request.Request(
            f"{self._address}/run", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(post, timeout=RUN_SECONDS) as answer:
            return json.load(answer)

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
    log = server.project / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "kedro", "server", "start", "--env=sample", f"--port={port}"],
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


def test_the_server_tells_why_a_refresh_failed(server: Server) -> None:
    with (server.data / "refresh.lock").open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.write(json.dumps({"process": 4711, "since": "2026-01-02 03:04:05+00:00"}))
        stream.flush()
        answer = server.run(pipeline_names=PIPELINES, to_nodes=[CLEAN], runner=REFRESH)
        stream.truncate(0)
    assert answer["status"] == "failure"
    assert answer["error"]["type"] == "RefreshError"
    assert "process 4711" in answer["error"]["message"]
    assert server.ledger.history(1)[0].status == "failed"
