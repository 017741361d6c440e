"""``kedro`` in processes of their own, forked from one that has loaded its libraries already."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

# Loaded once, in the process that all others are forked from.
PRELOADED = ["crossfold.pipeline_registry", "crossfold.cli", "kedro_refresh.command"]
PRELOADED += ["kedro.framework.session", "kedro.framework.cli.cli", "sklearn.model_selection"]
PRELOADED += ["kedro_datasets.pandas.csv_dataset", "kedro_datasets.pandas.parquet_dataset"]
PRELOADED += ["kedro_datasets.json.json_dataset", "kedro_datasets.text.text_dataset"]
PRELOADED += ["crossfold.datasets.export_dataset", "pandera.pandas", "pyarrow.csv"]
LONGEST_SECONDS = 1800
COARSE_PICTURES = "COARSE_PICTURES"  # a variable: whether their looks matter to nobody


def run_kedro(
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run ``kedro`` in a folder, with this process's environment and what is added to it."""
    return run_kedro_with({**os.environ, **environment}, folder, *arguments)


def run_kedro_with(
    environment: dict[str, str], folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run ``kedro`` in a folder and an environment; give its status and what it printed."""
    with tempfile.TemporaryDirectory() as place:
        logs = [Path(place, stream) for stream in ("out", "err")]
        process = fork(_kedro, folder, logs, arguments, environment)
        process.join(LONGEST_SECONDS)
        output, error = (log.read_text(encoding="utf-8") for log in logs)
    assert process.exitcode is not None, output + error
    return subprocess.CompletedProcess(arguments, process.exitcode, output, error)


def fork(target: Callable[..., None], *arguments: object) -> BaseProcess:
    """Call a function in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=target, args=arguments)
    process.start()
    return process


def print_to(output: Path, error: Path | None = None) -> None:
    """Send what the process prints to files; to one where there is no other for errors."""
    for stream, log in ((1, output), (2, error)):
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) if log else 1
        os.dup2(descriptor, stream)


def leave_out_other_studies(conf: Path, *environments: str) -> None:
    """Remove their configuration, which would take most of the time to read."""
    for folder in [one for one in conf.iterdir() if one.is_dir() and one.name != "local"]:
        if folder.name not in ("base", *environments):
            shutil.rmtree(folder)
            continue
        for study in folder.iterdir():
            if study.is_dir() and study.name not in ("appointments", "no_show"):
                shutil.rmtree(study)


def _kedro(
    folder: Path, logs: list[Path], arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    from kedro.framework.cli.cli import main

    # Kedro's own runners fork, as in a process that nobody has forked.
    multiprocessing.set_start_method(None, force=True)
    os.environ.clear()
    os.environ.update(environment)
    print_to(*logs)
    os.chdir(folder)
    sys.argv = ["kedro", *arguments]
    if COARSE_PICTURES in environment:
        from crossfold.datasets import figure_dataset

        figure_dataset.DOTS_PER_INCH = 20
    main()
