"""The local MLflow store: an SQLite file, and a folder of figures and models beside it."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from crossfold.tracking.record import Record

EXPERIMENT = "crossfold"
DATABASE = "mlflow.db"
ARTIFACTS = "mlflow"
MOST_METRICS, MOST_PARAMETERS = 1000, 100  # MLflow's limits of one batch
LONGEST_KEY, LONGEST_VALUE = 250, 6000  # and of one entry
WAIT_SECONDS = 5

Entry = TypeVar("Entry")


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
