"""Hooks that keep runs apart, and keep the ledger: of refreshes, and of plain runs too."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from kedro_refresh.adapter import Catalog, pipeline_names, run_id_of
from kedro_refresh.exceptions import RefreshError
from kedro_refresh.ledger import DONE, FAILED, KILLED
from kedro_refresh.project import ProjectFiles
from kedro_refresh.recorder import Recorder
from kedro_refresh.runs import RunStates
from kedro_refresh.stored import is_stored
from kedro_refresh.versions import pin, stamp

REFRESH, RUN = "refresh", "run"

_logger = logging.getLogger(__name__)


@dataclass
class _Run:
    """A run at work: its datasets, its lock, and its recorder as long as nothing went wrong."""

    catalog: Catalog
    lock: ExitStack
    recorder: Recorder | None

    @contextmanager
    def recording(self) -> Iterator[Recorder | None]:
        """Hand out the recorder; an error costs the run its place in the ledger, nothing else."""
        try:
            yield self.recorder
        except Exception as error:
            self.recorder = None
            _warn(error)


class RunHooks:
    """Hooks that lock the data for a run, and note in the ledger what it does.

    A run that writes is refused while another is at work on the same data, and so is one that
    reads while another writes. Nothing else breaks a run: one that the ledger cannot hold goes on.
    """

    def __init__(self) -> None:
        self._runs: RunStates[_Run] = RunStates()
        self._here = threading.local()  # a session makes its context in the thread in which it runs

    @hook_impl(trylast=True)  # after hooks that check the configuration
    def after_context_created(self, context: KedroContext) -> None:
        """Find out where lock and ledger are."""
        self._here.files, self._here.env = ProjectFiles.of(context), context.env

    @hook_impl(wrapper=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: Catalog
    ) -> Generator[None, Any, Any]:
        """Lock the data, then let other hooks prepare the run, then note that it begins."""
        files: ProjectFiles | None = getattr(self._here, "files", None)
        if files is None:
            return (yield)
        self._close(self._runs.end_left(), KILLED)
        with ExitStack() as lock:
            writes = any(is_stored(catalog.get(name)) for name in pipeline.all_outputs())
            lock.enter_context(files.locked(_trigger(run_params), exclusive=writes))
            version = _set_versions(run_params, pipeline, catalog)
            result = yield
            recorder = self._recorder(run_params, pipeline, catalog, files, version)
            self._runs.begin(run_id_of(run_params), _Run(catalog, lock.pop_all(), recorder))
        return result

    def _recorder(
        self,
        run_params: dict[str, Any],
        pipeline: Pipeline,
        catalog: Catalog,
        files: ProjectFiles,
        version: str,
    ) -> Recorder | None:
        names = pipeline_names(run_params)
        try:
            recorder = Recorder(files.judge(pipeline, catalog), run_id_of(run_params), version)
            files.ledger.begin_run(recorder.run, _trigger(run_params), self._here.env, names)
        except Exception as error:
            _warn(error)
            return None
        return recorder

    @hook_impl
    def before_dataset_loaded(self, node: Node) -> None:
        """Take the node's fingerprint before it reads anything."""
        if run := self._runs.here():
            with run.recording() as recorder:
                if recorder:
                    recorder.begin(node)

    @hook_impl
    def before_node_run(self, node: Node, inputs: dict[str, Any], run_id: str | None) -> None:
        """Count what the node reads."""
        if run := self._runs.of(run_id):
            with run.recording() as recorder:
                if recorder:
                    recorder.read(node, inputs)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Note what the node has written, which is what the run reads from now on."""
        if run := self._runs.here():
            pin(run.catalog, [dataset_name])
            with run.recording() as recorder:
                if recorder:
                    recorder.wrote(node, dataset_name, data)

    @hook_impl(wrapper=True)
    def after_pipeline_run(self, run_params: dict[str, Any]) -> Generator[None, Any, Any]:
        """Note that the run has ended well; unlock the data when other hooks are done."""
        try:
            return (yield)
        finally:
            self._close(self._runs.end(run_id_of(run_params)), DONE)

    @hook_impl(wrapper=True)
    def on_pipeline_error(
        self, run_params: dict[str, Any], error: Exception
    ) -> Generator[None, Any, Any]:
        """Note that the run has failed, and why; unlock the data when other hooks are done."""
        try:
            return (yield)
        finally:
            told = " ".join(f"{type(error).__name__}: {error}".split())[:500]
            self._close(self._runs.end(run_id_of(run_params)), FAILED, told)

    def _close(self, run: _Run | None, status: str, error: str | None = None) -> None:
        if run is not None:
            with run.lock, run.recording() as recorder:
                if recorder:
                    recorder.end(status, error)


def _trigger(run_params: dict[str, Any]) -> str:
    return REFRESH if run_params["runner"] == REFRESH else RUN


def _set_versions(run_params: dict[str, Any], pipeline: Pipeline, catalog: Catalog) -> str:
    """Give what a run writes its version, and have it loaded again where all of it is written."""
    names, wanted = pipeline.all_outputs(), run_id_of(run_params)
    version = stamp(catalog, names, wanted)
    if version != wanted:
        _logger.warning("There are later data than %s: this run saves %s.", wanted, version)
    if _trigger(run_params) == RUN and not run_params.get("only_missing_outputs"):
        pin(catalog, names)
    return version


def _warn(error: Exception) -> None:
    _logger.warning("The ledger does not hold this run: %s", error)


hooks = RunHooks()


def session_files() -> ProjectFiles:
    """Give the files of the project whose session was made last in this thread."""
    files: ProjectFiles | None = getattr(hooks._here, "files", None)
    if files is None:
        raise RefreshError("The hooks of kedro-refresh are disabled: enable them in settings.py.")
    return files
