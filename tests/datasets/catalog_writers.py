"""Processes that save versions of every kind of dataset, for tests that stop them half-way."""

from __future__ import annotations

import itertools
import resource
import signal
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
from kedro.io import AbstractVersionedDataset, DatasetError, Version
from kedro_datasets.json import JSONDataset
from kedro_datasets.pandas import CSVDataset, ParquetDataset
from kedro_datasets.text import TextDataset
from matplotlib.figure import Figure
from tests.processes import mount_small_disk

from crossfold.datasets import FigureDataset, MLPDataset
from crossfold.datasets.atomic import TEMPORARY_SUFFIX, AtomicLocalFileSystem, sweep
from crossfold.mlp import MLPRegressor

fsspec.register_implementation("file", AtomicLocalFileSystem, clobber=True)

N_ROWS = 1000
NETWORK = MLPRegressor(
    hidden_layer_sizes=(64,), max_iter=1, n_iter_no_change=np.inf, random_state=0
).fit(np.eye(64, dtype=np.float32), np.arange(64, dtype=np.float32))


def table(number: int) -> pd.DataFrame:
    return pd.DataFrame({"number": np.arange(N_ROWS) + number, "text": f"row of {number}"})


def records(number: int) -> dict[str, Any]:
    return {"number": number, "values": list(range(number, number + N_ROWS))}


def figure(number: int) -> Figure:
    drawn = Figure(figsize=(1, 1))
    drawn.text(0, 0.5, str(number))
    return drawn


def network(number: int) -> tuple[list[MLPRegressor], dict[str, Any]]:
    return [NETWORK], {"number": number}


def report(number: int) -> str:
    return f"<html>{number}" + "ü" * 100_000 + "</html>"


KINDS: dict[str, tuple[type[AbstractVersionedDataset[Any, Any]], Callable[[int], Any], Any]] = {
    "table.csv": (CSVDataset, table, {"save_args": {"index": False}}),
    "table.parquet": (ParquetDataset, table, {}),
    "metrics.json": (JSONDataset, records, {}),
    "model.safetensors": (MLPDataset, network, {}),
    "figure.png": (FigureDataset, figure, {}),
    "report.html": (TextDataset, report, {}),
}


def dataset(folder: Path, name: str, version: str | None = None) -> Any:
    kind, _, options = KINDS[name]
    return kind(filepath=str(folder / name), version=Version(None, version), **options)


def save_all(folder: Path, number: int) -> None:
    """Save one version of every kind, as one run does; what killed runs left goes first."""
    for name, (_, make, _) in KINDS.items():
        sweep(folder / name)
        dataset(folder, name, f"{number:06d}").save(make(number))


def save_for_ever(folder: Path, first: int, step: int, ready: Connection) -> None:
    """Save version after version, until somebody kills the process."""
    warnings.simplefilter("ignore")  # a newer version of the other run is no news
    for number in itertools.count(first, step):
        save_all(folder, number)
        ready.send(number)


def save_versions(folder: Path, numbers: list[int]) -> None:
    """Save some versions."""
    warnings.simplefilter("ignore")
    for number in numbers:
        save_all(folder, number)


def save_with_little_room(folder: Path, number: int, n_bytes: int, result: Connection) -> None:
    """Save one version of each kind where no file may be larger, and tell what failed."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))
    result.send(failures(folder, number))


def save_until_the_disk_is_full(folder: Path, n_kilobytes: int, result: Connection) -> None:
    """Save versions on a small disk, look at all of them, and tell what failed."""
    mount_small_disk(folder, f"{n_kilobytes}k")
    failed: dict[str, str] = {}
    for number in itertools.count(1):
        if failed := failures(folder, number):
            break
    for name in KINDS:
        for version in dataset(folder, name).list_versions(full_path=False):
            whole = equal(name, dataset(folder, name).load(), number)
            assert whole or version < f"{number:06d}"
    assert not list(folder.rglob(f"*{TEMPORARY_SUFFIX}"))
    result.send(failed)


def failures(folder: Path, number: int) -> dict[str, str]:
    """Try to save one version of each kind, and give what failed and why."""
    failed = {}
    for name, (_, make, _) in KINDS.items():
        try:
            dataset(folder, name, f"{number:06d}").save(make(number))
        except DatasetError as error:
            failed[name] = str(error)
    return failed


def equal(name: str, loaded: Any, number: int) -> bool:
    """Compare what a version holds with what was saved as it."""
    expected = KINDS[name][1](number)
    if isinstance(expected, pd.DataFrame):
        return loaded.equals(expected.astype(loaded.dtypes))
    if isinstance(expected, Figure):
        return isinstance(loaded, bytes) and loaded.rstrip().endswith(b"</svg>")
    if name.endswith(".safetensors"):
        weights = zip(loaded[0][0].coefs_, NETWORK.coefs_, strict=True)
        return loaded[1] == expected[1] and all(np.array_equal(a, b) for a, b in weights)
    return bool(loaded == expected)
