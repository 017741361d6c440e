"""Tracking: each run's parameters, metrics, figures and models in a local MLflow store.

Off unless the extra ``mlflow`` is installed and ``tracking`` is true in globals.yml. Whatever goes
wrong with it, the run ends as it would without.
"""

from __future__ import annotations

import logging
import math
import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol

from crossfold.datasets.bases import saved_path
from kedro_refresh.fingerprint import flatten
from kedro_refresh.hooks import RunStates

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

SETTING = "tracking"
HISTORY = "history"
EXPERIMENT = "crossfold"
DATABASE, ARTIFACTS = "mlflow.db", "mlflow"
MOST_METRICS, MOST_PARAMETERS = 1000, 100  # MLflow's limits of one batch
LONGEST_KEY, LONGEST_VALUE = 250, 6000  # and of one entry
WAIT_SECONDS = 5
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Point:
    """One value of a metric; `step` is the epoch, or 0 for what is measured once."""

    key: str
    value: float
    step: int = 0


def parameters(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Give the declared parameters among a node's inputs; data sets are left out."""
    given = ((name.removeprefix("params:"), value) for name, value in inputs.items() if ":" in name)
    return {path: str(leaf) for name, value in given for path, leaf in flatten(name, value)}


def metrics(tree: Any, name: str) -> list[Point]:
    """Give the finite numbers of a nested dictionary of metrics."""
    if isinstance(tree, Mapping):
        return [point for key, value in tree.items() for point in metrics(value, f"{name}/{key}")]
    is_real = isinstance(tree, int | float) and not isinstance(tree, bool)
    return [Point(name, float(tree))] if is_real and math.isfinite(tree) else []


def curves(history: pd.DataFrame, name: str) -> list[Point]:
    """Give each measure of a table of the schema ``HISTORY``, averaged over folds and members.

    A key is `name`, the model, the protocol and the measure; a step is an epoch.
    """
    keys = ["model", "protocol", "measure", "epoch"]
    means = history.groupby(keys, observed=True)["value"].mean().reset_index()
    return [
        Point("/".join([name, *map(str, row)]), float(value), int(epoch))
        for *row, epoch, value in means.itertuples(index=False, name=None)
        if math.isfinite(value)
    ]


@dataclass
class Record:
    """One run: its parameters, its metrics, and the names of the data sets that it has saved."""

    name: str  # the names of its pipelines
    tags: dict[str, str]  # what tells the run apart: Kedro's run id, the environment
    folder: Path = Path()  # the root of what runs write
    started_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    parameters: dict[str, str] = field(default_factory=dict)
    points: dict[str, list[Point]] = field(default_factory=dict)
    saved: list[str] = field(default_factory=list)
    is_lost: bool = False  # an error costs the run its tracking, nothing else

    def read(self, inputs: Mapping[str, Any]) -> None:
        """Take the parameters among what a node reads."""
        self.parameters.update(parameters(inputs))

    def wrote(self, name: str, data: Any) -> None:
        """Take the metrics and curves of what a node has written; remember its name."""
        self.saved.append(name)
        if name.endswith(".metrics") and isinstance(data, Mapping):
            self.points[name] = metrics(data, name)
        elif name.endswith((f".{HISTORY}", f"_{HISTORY}")):
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
        from crossfold.datasets.figure_dataset import FigureDataset
        from crossfold.datasets.networks import MLPDataset

        datasets = {name: catalog.get(name) for name in self.saved}
        return {
            name: sorted(file for file in saved_path(dataset).parent.iterdir() if file.is_file())
            for name, dataset in datasets.items()
            if isinstance(dataset, FigureDataset | MLPDataset)
        }


def store(record: Record, files: Mapping[str, Sequence[Path]], status: str) -> None:
    """Store a run that has ended with `status`, FINISHED or FAILED, and its files."""
    folder = record.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    # Fail at once where the database cannot be written: MLflow tries for minutes.
    with closing(sqlite3.connect(folder / DATABASE, timeout=WAIT_SECONDS)) as database:
        database.execute("BEGIN IMMEDIATE")
    client = client_of(folder)
    known = client.get_experiment_by_name(EXPERIMENT)
    location = (folder / ARTIFACTS).as_uri()
    run = client.create_run(
        known.experiment_id if known else client.create_experiment(EXPERIMENT, location),
        start_time=record.started_ms,
        tags=record.tags,
        run_name=record.name,
    ).info.run_id
    try:
        _log_numbers(client, run, record)
        for name, paths in files.items():
            for path in paths:
                client.log_artifact(run, str(path), name)
    except Exception:
        client.set_terminated(run, "FAILED")  # else the store would call it running for ever
        raise
    client.set_terminated(run, status)


def client_of(folder: Path) -> MlflowClient:
    """Give MLflow's client for the store in a folder, with its telemetry off."""
    # Both are read when MLflow is imported.
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{folder / DATABASE}")


def _log_numbers(client: MlflowClient, run: str, record: Record) -> None:
    from mlflow.entities import Metric, Param

    found, names = record.all_points(), keys(record.parameters)
    params = [Param(names[one], text[:LONGEST_VALUE]) for one, text in record.parameters.items()]
    names = keys(point.key for point in found)
    points = [
        Metric(names[point.key], point.value, record.started_ms, point.step) for point in found
    ]
    for start in range(0, len(params), MOST_PARAMETERS):
        client.log_batch(run, params=params[start : start + MOST_PARAMETERS])
    for start in range(0, len(points), MOST_METRICS):
        client.log_batch(run, metrics=points[start : start + MOST_METRICS])


def keys(names: Iterable[str]) -> dict[str, str]:
    """Give each name a key of its own, of the characters, parts and length that MLflow takes."""
    found: dict[str, str] = {}
    taken = set[str]()
    for name in dict.fromkeys(names):
        parts = re.sub(r"[^\w/. :-]", "_", name).split("/")
        key = "/".join(part if part.strip(".") else "_" for part in parts)[:LONGEST_KEY].rstrip("/")
        numbered = (f"{key[: LONGEST_KEY - 5]} {number}" for number in count(2))
        found[name] = key if key not in taken else next(one for one in numbered if one not in taken)
        taken.add(found[name])
    return found


class TrackingHooks:
    """Hooks that collect what a run does and store it when the run ends."""

    def __init__(self) -> None:
        self._runs: RunStates[Record] = RunStates()
        self._here = threading.local()  # a session makes its context in the thread in which it runs

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Find out whether tracking is on, and where the store is."""
        self._here.folder = None
        try:
            loader: Any = context.config_loader  # with what Kedro's protocol leaves out
            settings = {**loader["globals"], **(loader.runtime_params or {})}
            if settings.get(SETTING) is True and _is_installed():
                self._here.folder = Path(context.project_path, settings["data_root"])
                self._here.env = context.env or loader.default_run_env
        except Exception as error:
            _warn(error)

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any]) -> None:
        """Begin a record."""
        self._runs.end_left()
        folder = getattr(self._here, "folder", None)
        if folder is not None:
            tags = {"kedro_run": str(run_params["run_id"]), "environment": self._here.env}
            names = run_params["pipeline_names"] or ["__default__"]
            self._runs.begin(run_params["run_id"], Record(", ".join(names), tags, folder))

    @hook_impl
    def before_node_run(self, inputs: dict[str, Any], run_id: str | None) -> None:
        """Take the parameters that the node reads."""
        _note(self._runs.of(run_id), lambda record: record.read(inputs))

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Take the metrics that the node has written."""
        _note(self._runs.here(), lambda record: record.wrote(dataset_name, data))

    @hook_impl
    def after_pipeline_run(
        self, run_params: dict[str, Any], catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Store the run."""
        self._end(run_params, "FINISHED", catalog)

    @hook_impl
    def on_pipeline_error(
        self, run_params: dict[str, Any], catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Store the run as failed; the error's text is left out, for it can quote data."""
        self._end(run_params, "FAILED", catalog)

    def _end(
        self, run_params: dict[str, Any], status: str, catalog: CatalogProtocol[Any, Any]
    ) -> None:
        def end(record: Record) -> None:
            if record.saved:
                store(record, record.artifacts(catalog), status)

        _note(self._runs.end(run_params["run_id"]), end)


def _note(record: Record | None, step: Callable[[Record], None]) -> None:
    if record and not record.is_lost:
        try:
            step(record)
        except Exception as error:
            record.is_lost = True
            _warn(error)


def _warn(error: Exception) -> None:
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    _logger.warning("The run is not tracked, and goes on without it: %s", reason)


def _is_installed() -> bool:
    if find_spec("mlflow") is not None:
        return True
    _logger.warning(
        "The run is not tracked, because MLflow is not installed: install it with"
        " pip install --editable '.[mlflow]', or set tracking: false in globals.yml."
    )
    return False
