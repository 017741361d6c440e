"""Hooks that track runs; whatever goes wrong, the run ends as it would without them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol

from crossfold.tracking.record import Record
from crossfold.tracking.store import Store

SETTING = "tracking"
FINISHED, FAILED = "FINISHED", "FAILED"
AS_IT_IS = {"markup": False}  # square brackets are not rich's

_logger = logging.getLogger(__name__)


class TrackingHooks:
    """Hooks that collect what a run does and store it when the run ends."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._env = ""
        self._record: Record | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Find out whether tracking is on, and where the store is."""
        self._folder = self._record = None
        with self._never_breaking():
            loader = context.config_loader
            settings = {**loader["globals"], **(loader.runtime_params or {})}
            if settings.get(SETTING) is True and _is_installed():
                self._folder = Path(context.project_path, settings["data_root"])
                self._env = str(context.env)

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any]) -> None:
        """Begin a record."""
        if self._folder is not None:
            with self._never_breaking():
                tags = {"kedro_run": str(run_params["run_id"]), "environment": self._env}
                names = run_params["pipeline_names"] or ["__default__"]
                self._record = Record(", ".join(names), tags)

    @hook_impl
    def before_node_run(self, inputs: dict[str, Any]) -> None:
        """Take the parameters that the node reads."""
        if self._record is not None:
            with self._never_breaking():
                self._record.read(inputs)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Take the metrics that the node has written."""
        if self._record is not None:
            with self._never_breaking():
                self._record.wrote(dataset_name, data)

    @hook_impl
    def after_pipeline_run(self, catalog: CatalogProtocol[Any, Any]) -> None:
        """Store the run."""
        self._end(FINISHED, catalog)

    @hook_impl
    def on_pipeline_error(self, catalog: CatalogProtocol[Any, Any]) -> None:
        """Store the run as failed; the error's text is left out, for it can quote data."""
        self._end(FAILED, catalog)

    def _end(self, status: str, catalog: CatalogProtocol[Any, Any]) -> None:
        record, self._record = self._record, None
        if self._folder is not None and record is not None and record.saved:
            with self._never_breaking():
                Store(self._folder).add(record, record.artifacts(catalog), status)

    @contextmanager
    def _never_breaking(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._record = None
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            _logger.warning(
                "The run is not tracked, and goes on without it: %s", reason, extra=AS_IT_IS
            )


def _is_installed() -> bool:
    if find_spec("mlflow") is not None:
        return True
    _logger.warning(
        "The run is not tracked, because MLflow is not installed: install it with"
        " pip install --editable '.[mlflow]', or set tracking: false in globals.yml.",
        extra=AS_IT_IS,
    )
    return False
