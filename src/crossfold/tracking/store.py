"""What is collected of a run, and the local MLflow store that it goes to when the run ends."""

from __future__ import annotations

import math
import os
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import pandas as pd
    from kedro.io import CatalogProtocol
    from mlflow import MlflowClient


EPOCH = "epoch"
REPEATS = frozenset({"fold", "member", "seed"})
NUMERIC_LABELS = frozenset({"alpha"})
HISTORY = "history"
REPORT_TABLE = ".tables."
EXPERIMENT = "crossfold"
DATABASE = "mlflow.db"
ARTIFACTS = "mlflow"
MOST_METRICS, MOST_PARAMETERS = 1000, 100  # MLflow's limits of one batch
LONGEST_KEY, LONGEST_VALUE = 250, 6000  # and of one entry
WAIT_SECONDS = 5
Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Point:
    """One value of a metric; `step` is the epoch, or 0 for what is measured once."""

    key: str
    value: float
    step: int = 0


def leaves(tree: Any, name: str, separator: str) -> Iterator[tuple[str, Any]]:
    """Walk through nested dictionaries and parameter models, with the path to each value."""
    if hasattr(tree, "model_dump"):
        tree = tree.model_dump(mode="json")
    if not isinstance(tree, Mapping):
        yield name, tree
        return
    for key, value in tree.items():
        yield from leaves(value, f"{name}{separator}{key}", separator)


def parameters(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Give the declared parameters among a node's inputs; data sets are left out."""
    given = ((name.removeprefix("params:"), value) for name, value in inputs.items() if ":" in name)
    return {path: str(leaf) for name, value in given for path, leaf in leaves(value, name, ".")}


def metrics(tree: Mapping[str, Any], name: str) -> list[Point]:
    """Give the numbers of a nested dictionary of metrics."""
    found = leaves(tree, name, "/")
    return [Point(key, float(value)) for key, value in found if _is_number(value)]


def curves(table: pd.DataFrame, name: str) -> list[Point]:
    """Give each measure of a training history, epoch by epoch, averaged over folds and seeds.

    Parameters
    ----------
    table
        One row an epoch and network, with a column ``epoch``. Columns of floats are measures
        (``alpha`` is not); ``fold``, ``member`` and ``seed`` number repeats; all others are labels.
    name
        The first part of each key; labels and measure follow.
    """
    floats = table.select_dtypes("float").columns
    measures = [column for column in floats if column not in NUMERIC_LABELS]
    labels = [column for column in table if column not in {*measures, *REPEATS, EPOCH}]
    means = table.groupby([*labels, EPOCH], observed=True)[measures].mean().reset_index()
    return [
        Point("/".join([name, *map(str, row), measure]), float(value), int(epoch))
        for *row, epoch, value, measure in _long(means, labels, measures)
        if math.isfinite(value)
    ]


def _long(means: pd.DataFrame, labels: list[Any], measures: list[Any]) -> Iterator[tuple[Any, ...]]:
    """Walk through a table of means: labels, epoch, value, and the name of the measure."""
    for measure in measures:
        for row in means[[*labels, EPOCH, measure]].itertuples(index=False, name=None):
            yield (*row, measure)


def _is_number(value: Any) -> bool:
    is_real = isinstance(value, int | float) and not isinstance(value, bool)
    return is_real and math.isfinite(value)


@dataclass
class Record:
    """One run: its parameters, its metrics, and the names of the data sets that it has saved.

    Parameters
    ----------
    name
        The names of its pipelines.
    tags
        What tells the run apart: Kedro's run id, the environment.
    """

    name: str
    tags: dict[str, str]
    started_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    parameters: dict[str, str] = field(default_factory=dict)
    points: dict[str, list[Point]] = field(default_factory=dict)
    saved: list[str] = field(default_factory=list)

    def read(self, inputs: Mapping[str, Any]) -> None:
        """Take the parameters among what a node reads."""
        self.parameters.update(parameters(inputs))

    def wrote(self, name: str, data: Any) -> None:
        """Take the metrics and curves of what a node has written; remember its name."""
        self.saved.append(name)
        if name.endswith(".metrics") and isinstance(data, Mapping):
            self.points[name] = metrics(data, name)
        elif REPORT_TABLE not in name and EPOCH in getattr(data, "columns", ()):
            self.points[name] = curves(data, name)

    def all_points(self) -> list[Point]:
        """Give all points; those of a history that another has collected are not repeated."""
        return [
            p for name, points in self.points.items() if not self._is_part(name) for p in points
        ]

    def _is_part(self, name: str) -> bool:
        study, _, table = name.rpartition(".")
        return table.endswith(f"_{HISTORY}") and f"{study}.{HISTORY}" in self.points

    def artifacts(self, catalog: CatalogProtocol[Any, Any]) -> dict[str, list[Path]]:
        """Give the files of the figures and models of this run, by the data set's name."""
        from crossfold.datasets import FigureDataset, MLPDataset

        datasets = {name: catalog.get(name) for name in self.saved}
        return {
            name: sorted(file for file in _saved_file(dataset).parent.iterdir() if file.is_file())
            for name, dataset in datasets.items()
            if isinstance(dataset, FigureDataset | MLPDataset)
        }


def _saved_file(dataset: Any) -> Path:
    """Give the file of the version that this run has saved."""
    return Path(dataset._get_versioned_path(dataset.resolve_save_version()))


class Store:
    """The store in a folder, made when the first run comes in.

    Parameters
    ----------
    folder
        The root of what runs write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def add(self, record: Record, files: Mapping[str, Sequence[Path]], status: str) -> None:
        """Store a run that has ended with `status`, FINISHED or FAILED, and its files."""
        self._check()
        client = self._client()
        run = client.create_run(
            self._experiment(client),
            start_time=record.started_ms,
            tags=record.tags,
            run_name=record.name,
        ).info.run_id
        _log_numbers(client, run, record)
        for name, paths in files.items():
            for path in paths:
                client.log_artifact(run, str(path), name)
        client.set_terminated(run, status)

    def _check(self) -> None:
        """Fail at once where the database cannot be written: MLflow tries for minutes."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._folder / DATABASE, timeout=WAIT_SECONDS)) as database:
            database.execute("BEGIN IMMEDIATE")

    def _client(self) -> MlflowClient:
        # Both are read when MLflow is imported.
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
        from mlflow import MlflowClient

        return MlflowClient(f"sqlite:///{self._folder / DATABASE}")

    def _experiment(self, client: MlflowClient) -> str:
        known = client.get_experiment_by_name(EXPERIMENT)
        if known is not None:
            return str(known.experiment_id)
        return str(client.create_experiment(EXPERIMENT, (self._folder / ARTIFACTS).as_uri()))


def _log_numbers(client: MlflowClient, run: str, record: Record) -> None:
    from mlflow.entities import Metric, Param

    parameters = [
        Param(_key(name), value[:LONGEST_VALUE]) for name, value in record.parameters.items()
    ]
    metrics = [
        Metric(_key(point.key), point.value, record.started_ms, point.step)
        for point in record.all_points()
    ]
    for some in _batches(parameters, MOST_PARAMETERS):
        client.log_batch(run, params=some)
    for some in _batches(metrics, MOST_METRICS):
        client.log_batch(run, metrics=some)


def _key(name: str) -> str:
    """Keep to the characters that MLflow takes."""
    return re.sub(r"[^\w/. :-]", "_", name)[:LONGEST_KEY]


def _batches(entries: list[Entry], most: int) -> Iterator[list[Entry]]:
    for start in range(0, len(entries), most):
        yield entries[start : start + most]
