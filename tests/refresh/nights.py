"""Refreshes at times that are not now, each in a process of its own that can be killed."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from unittest import mock

from kedro.io.core import VERSION_FORMAT

from kedro_refresh.ledger import RUNNING, Ledger

# The data engineering of the appointments, the guard against leaks, and the model.
OUTPUTS = [
    "appointments_rejected",
    "appointments_row_counts",
    "appointment_features_permuted",
    "no_show.leak_guard",
    "no_show.model",
]
# Loaded once, in the process that all refreshes are forked from.
PRELOADED = ["crossfold.pipeline_registry", "crossfold.cli", "kedro_refresh.command"]
PRELOADED += ["kedro.framework.session", "kedro_datasets.pandas", "sklearn.model_selection"]
LONGEST_SECONDS = 300


@dataclass
class Project:
    """A copy of the project, with exports in a folder of its own."""

    folder: Path
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
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        offset = now.timestamp() - time.time()
        process = context.Process(target=_refresh, args=(self.folder, self.log, offset, options))
        process.start()
        return process

    def _is_at(self, node: str) -> bool:
        runs = self.ledger.history(1)
        return bool(runs) and (runs[0].status, runs[0].last_node) == (RUNNING, node)


def wait_until(condition: Callable[[], bool]) -> None:
    """Look every few milliseconds."""
    end = time.monotonic() + LONGEST_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def _refresh(folder: Path, log: Path, offset_seconds: float, options: tuple[str, ...]) -> None:
    """Run ``kedro refresh`` as if it were later than it is."""
    from kedro.framework.startup import bootstrap_project

    from crossfold import pipeline_registry
    from crossfold.cli import refresh

    registered = pipeline_registry.register_pipelines()
    registered["week"] = registered["no_show"].to_outputs(*OUTPUTS)

    def now() -> float:
        return time.time() + offset_seconds

    def timestamp() -> str:
        return datetime.fromtimestamp(now(), UTC).strftime(VERSION_FORMAT)

    _print_to(log)
    os.chdir(folder)
    with (
        mock.patch("kedro_refresh.ledger.Ledger.now", staticmethod(now)),
        mock.patch("kedro.framework.session.session.generate_timestamp", timestamp),
        mock.patch.object(pipeline_registry, "register_pipelines", return_value=registered),
    ):
        bootstrap_project(folder)
        refresh.main(["--pipelines=week", *options], prog_name="kedro refresh")


def _print_to(log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
