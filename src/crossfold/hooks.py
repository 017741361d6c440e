"""What happens around a run: the patients' key, a line for each node, where the report is."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines

from crossfold.credentials import with_patient_key
from crossfold.datasets.temporary import sweep
from crossfold.prerequisites import require_inputs
from crossfold.refresh import sources

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import CatalogProtocol
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

REPORT_SUFFIX = ".report"

_logger = logging.getLogger(__name__)


class ProjectHooks:
    """Hooks of every run of this project."""

    def __init__(self) -> None:
        self._started: dict[tuple[str | None, str], float] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Make sure that there is a key for patients, before the catalog asks for it."""
        if not sys.stdout.isatty():
            _log_plain_lines()
        loader = context.config_loader
        local = Path(loader.conf_source, "local")
        loader["credentials"] = with_patient_key(context._get_config_credentials(), local)

    @hook_impl(tryfirst=True)  # a run that cannot start does not come into the ledger
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
        """Check that what it reads is there; remove what killed runs left where it writes."""
        require_inputs(pipeline, catalog, pipelines)
        sources.ensure(pipeline, catalog)
        for name in sorted(pipeline.all_outputs()):
            path = local_path(catalog.get(name))
            if path is not None:
                sweep(path)

    @hook_impl
    def before_node_run(self, node: Node, run_id: str | None) -> None:
        """Start the clock."""
        self._started[run_id, node.name] = time.perf_counter()

    @hook_impl
    def after_node_run(self, node: Node, run_id: str | None) -> None:
        """Log how long the node took."""
        seconds = time.perf_counter() - self._started.pop((run_id, node.name))
        _logger.info("%s: %.1f s", node.name, seconds)

    @hook_impl
    def on_node_error(self, error: Exception, node: Node, run_id: str | None) -> None:
        """Say in which node an error came up, for those who read its traceback."""
        self._started.pop((run_id, node.name), None)
        error.add_note(f"This happened in the node {node.name}.")

    @hook_impl
    def on_pipeline_error(self, error: Exception, catalog: CatalogProtocol[Any, Any]) -> None:
        """Say in which file the table is that does not fit its schema."""
        dataset = catalog.get(getattr(error, "dataset_name", None) or "")
        file = getattr(dataset, "web_copy", None) or getattr(dataset, "_filepath", None)
        if file is not None:
            error.add_note(str(file))

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
        """Say where each report of the run is."""
        reports = (name for name in pipeline.outputs() if name.endswith(REPORT_SUFFIX))
        for name in sorted(reports):
            click.echo(f"Report: {saved_path(catalog.get(name))}")


def local_path(dataset: Any) -> Path | None:
    """Give the path of a dataset that is a file or folder on this machine."""
    path = getattr(dataset, "_filepath", None)
    is_local = getattr(dataset, "_protocol", "file") == "file"
    return Path(path) if path is not None and is_local else None


def saved_path(dataset: Any) -> Path:
    """Give the absolute path of the version that a run has saved."""
    return Path(dataset._get_versioned_path(dataset.resolve_save_version())).absolute()


def _log_plain_lines() -> None:
    """Log one plain line a message: outside a terminal nobody needs colours or wrapped lines."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    logging.getLogger().handlers = [handler]
