"""A copy of the project that is refreshed night after night, at times of the test's own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from unittest import mock

from kedro.io.core import VERSION_FORMAT
from tests.processes import fork, print_to

from kedro_refresh.ledger import RUNNING, Ledger

# The data engineering of the appointments, the guard against leaks, and the model.
OUTPUTS = [
    "appointments_rejected",
    "appointments_row_counts",
    "appointment_features_permuted",
    "no_show.leak_guard",
    "no_show.model",
]
LONGEST_SECONDS = 300


@dataclass
class Project:
    """A copy of the project, with exports in a folder of its own."""

    folder: Path
    outputs: list[str] = field(default_factory=lambda: OUTPUTS)
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.folder / "log.txt"

    @property
    def exports(self) -> Path:
        return self.folder / "exports"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.data / "ledger.sqlite")

    def refresh(self, now: datetime, *options: str) -> tuple[int | None, str]:
        """Refresh at some time; give the exit status and what was printed."""
        process = self.start(now, *options)
        process.join(LONGEST_SECONDS)
        return process.exitcode, self.log.read_text(encoding="utf-8")

    def refresh_and_kill(self, now: datetime, node: str) -> int | None:
        """Refresh at some time, and kill the process while a node is at work."""
        process = self.start(now)
        wait_until(lambda: self._is_at(node))
        process.kill()
        process.join(LONGEST_SECONDS)
        return process.exitcode

    def start(self, now: datetime, *options: str) -> BaseProcess:
        offset = now.timestamp() - time.time()
        return fork(_refresh, self.folder, self.outputs, self.log, offset, options)

    def _is_at(self, node: str) -> bool:
        runs = self.ledger.history(1)
        return bool(runs) and (runs[0].status, runs[0].last_node) == (RUNNING, node)


def wait_until(condition: Callable[[], bool]) -> None:
    """Look every few milliseconds."""
    end = time.monotonic() + LONGEST_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def _refresh(
    folder: Path, outputs: list[str], log: Path, offset_seconds: float, options: tuple[str, ...]
) -> None:
    """Run ``kedro refresh`` as if it were later than it is, without drawing: nobody looks."""
    from kedro.framework.startup import bootstrap_project

    from crossfold import pipeline_registry
    from crossfold.cli import refresh

    registered = pipeline_registry.register_pipelines()
    registered["week"] = registered["no_show"].to_outputs(*outputs)

    def now() -> float:
        return time.time() + offset_seconds

    def timestamp() -> str:
        return datetime.fromtimestamp(now(), UTC).strftime(VERSION_FORMAT)

    print_to(log)
    os.chdir(folder)
    with (
        mock.patch("matplotlib.layout_engine.ConstrainedLayoutEngine.execute"),
        mock.patch("matplotlib.figure.Figure.savefig", lambda _, file, **__: file.write(b"<svg/>")),
        mock.patch("kedro_refresh.ledger.Ledger.now", staticmethod(now)),
        mock.patch("kedro.framework.session.session.generate_timestamp", timestamp),
        mock.patch.object(pipeline_registry, "register_pipelines", return_value=registered),
    ):
        bootstrap_project(folder)
        refresh.main(["--pipelines=week", *options], prog_name="kedro refresh")
