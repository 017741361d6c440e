"""Hooks that track runs; whatever goes wrong, the run ends as it would without them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol

from crossfold.tracking.store import Record, Store
from kedro_refresh.hooks import RunStates

SETTING = "tracking"
FINISHED, FAILED = "FINISHED", "FAILED"

_logger = logging.getLogger(__name__)


@dataclass
class _Tracked:
    """A run at work: the folder of the store, and the record as long as nothing went wrong."""

    folder: Path
    record: Record | None


class TrackingHooks:
    """Hooks that collect what a run does and store it when the run ends."""

    def __init__(self) -> None:
        self._runs: RunStates[_Tracked] = RunStates()
        self._here = threading.local()  # a session makes its context in the thread in which it runs

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Find out whether tracking is on, and where the store is."""
        self._here.folder = None
        try:
            loader = context.config_loader
            settings = {**loader["globals"], **(loader.runtime_params or {})}
            if settings.get(SETTING) is True and _is_installed():
                self._here.folder = Path(context.project_path, settings["data_root"])
                self._here.env = str(context.env)
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
            record = Record(", ".join(names), tags)
            self._runs.begin(run_params["run_id"], _Tracked(folder, record))

    @hook_impl
    def before_node_run(self, inputs: dict[str, Any], run_id: str | None) -> None:
        """Take the parameters that the node reads."""
        _note(self._runs.of(run_id), lambda _, record: record.read(inputs))

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Take the metrics that the node has written."""
        _note(self._runs.here(), lambda _, record: record.wrote(dataset_name, data))

    @hook_impl
    def after_pipeline_run(
        self, run_params: dict[str, Any], catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Store the run."""
        self._end(run_params, FINISHED, catalog)

    @hook_impl
    def on_pipeline_error(
        self, run_params: dict[str, Any], catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Store the run as failed; the error's text is left out, for it can quote data."""
        self._end(run_params, FAILED, catalog)

    def _end(
        self, run_params: dict[str, Any], status: str, catalog: CatalogProtocol[Any, Any]
    ) -> None:
        def store(folder: Path, record: Record) -> None:
            if record.saved:
                Store(folder).add(record, record.artifacts(catalog), status)

        _note(self._runs.end(run_params["run_id"]), store)


def _note(run: _Tracked | None, step: Callable[[Path, Record], None]) -> None:
    """Do a step with the record; an error costs the run its tracking, nothing else."""
    if run and run.record:
        try:
            step(run.folder, run.record)
        except Exception as error:
            run.record = None
            _warn(error)


def _warn(error: Exception) -> None:
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    _logger.warning("The run is not tracked, and goes on without it: %s", reason)


def _is_installed() -> bool:
    if find_spec("mlflow") is not None:
        return True
    _logger.warning(
        "The run is not tracked, because MLflow is not installed: install it with"
        " pip install --editable '.[mlflow]', or set tracking: false in globals.yml.",
    )
    return False
