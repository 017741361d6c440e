"""Hooks that keep the ledger: of refreshes, and of plain runs too."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from crossfold.refresh.ledger import DONE, FAILED
from crossfold.refresh.project import ProjectFiles
from crossfold.refresh.recorder import Recorder

_logger = logging.getLogger(__name__)


class LedgerHooks:
    """Hooks that note in the ledger what each run does; they never break a run."""

    def __init__(self) -> None:
        self._files: ProjectFiles | None = None
        self._env: str | None = None
        self._recorder: Recorder | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Find out where the ledger is."""
        self._files = ProjectFiles.of(context)
        self._env = context.env

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Note that the run begins."""
        if self._files is None:
            return
        with self._never_breaking():
            trigger = "refresh" if run_params["runner"] == "refresh" else "run"
            judge = self._files.judge(pipeline, catalog)
            names = run_params["pipeline_names"] or ["__default__"]
            self._recorder = Recorder(run_params["run_id"], judge)
            judge.ledger.begin_run(run_params["run_id"], trigger, self._env, names)

    @hook_impl
    def before_dataset_loaded(self, node: Node) -> None:
        """Take the node's fingerprint before it reads anything."""
        if self._recorder is not None:
            with self._never_breaking():
                self._recorder.begin(node)

    @hook_impl
    def before_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        """Count what the node reads."""
        if self._recorder is not None:
            with self._never_breaking():
                self._recorder.begin(node)
                self._recorder.read(node, inputs)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Note what the node has written."""
        if self._recorder is not None:
            with self._never_breaking():
                self._recorder.wrote(node, dataset_name, data)

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Note that the run has ended well."""
        self._end(DONE)

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """Note that the run has failed, and why."""
        self._end(FAILED, " ".join(f"{type(error).__name__}: {error}".split())[:500])

    def _end(self, status: str, error: str | None = None) -> None:
        if self._recorder is not None:
            with self._never_breaking():
                self._recorder.end(status, error)
        self._recorder = None

    @contextmanager
    def _never_breaking(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._recorder = None
            _logger.warning("The ledger does not hold this run: %s", error)
