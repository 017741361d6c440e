"""``kedro`` in processes of their own, forked from one that has loaded its libraries already."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
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
PRELOADED += ["kedro.framework.session", "kedro.framework.cli.cli", "sklearn.model_selection"]
PRELOADED += ["kedro_datasets.pandas.csv_dataset", "kedro_datasets.pandas.parquet_dataset"]
PRELOADED += ["kedro_datasets.json.json_dataset", "kedro_datasets.text.text_dataset"]
PRELOADED += ["crossfold.datasets.export_dataset", "pandera.pandas", "pyarrow.csv"]
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
        return _start(_refresh, self.folder, self.outputs, self.log, offset, options)

    def _is_at(self, node: str) -> bool:
        runs = self.ledger.history(1)
        return bool(runs) and (runs[0].status, runs[0].last_node) == (RUNNING, node)


def leave_out_other_studies(conf: Path, *environments: str) -> None:
    """Remove their configuration, which would take most of the time to read."""
    for folder in [one for one in conf.iterdir() if one.is_dir() and one.name != "local"]:
        if folder.name not in ("base", *environments):
            shutil.rmtree(folder)
            continue
        for study in folder.iterdir():
            if study.is_dir() and study.name not in ("appointments", "no_show"):
                shutil.rmtree(study)


def run_kedro(folder: Path, *arguments: str, **environment: str) -> tuple[int | None, str, str]:
    """Run ``kedro`` in a folder; give its exit status and what it printed on either stream."""
    logs = [folder.with_name(f"{folder.name}.{stream}.txt") for stream in ("out", "err")]
    process = _start(_kedro, folder, logs, arguments, {**os.environ, **environment})
    process.join(LONGEST_SECONDS)
    output, error = (log.read_text(encoding="utf-8") for log in logs)
    return process.exitcode, output, error


def _start(target: Callable[..., None], *arguments: object) -> BaseProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=target, args=arguments)
    process.start()
    return process


def _kedro(
    folder: Path, logs: list[Path], arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    from kedro.framework.cli.cli import main

    # Kedro's own runners fork, as in a process that nobody has forked.
    multiprocessing.set_start_method(None, force=True)
    os.environ.clear()
    os.environ.update(environment)
    _print_to(*logs)
    os.chdir(folder)
    sys.argv = ["kedro", *arguments]
    main()


def wait_until(condition: Callable[[], bool]) -> None:
    """Look every few milliseconds."""
    end = time.monotonic() + LONGEST_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def _refresh(
    folder: Path, outputs: list[str], log: Path, offset_seconds: float, options: tuple[str, ...]
) -> None:
    """Run ``kedro refresh`` as if it were later than it is."""
    from kedro.framework.startup import bootstrap_project

    from crossfold import pipeline_registry
    from crossfold.cli import refresh

    registered = pipeline_registry.register_pipelines()
    registered["week"] = registered["no_show"].to_outputs(*outputs)

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


def _print_to(output: Path, error: Path | None = None) -> None:
    """Send what the process prints to files; to one where there is no other for errors."""
    for stream, log in ((1, output), (2, error)):
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) if log else 1
        os.dup2(descriptor, stream)
