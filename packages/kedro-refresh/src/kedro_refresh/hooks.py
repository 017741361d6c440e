"""Hooks that keep runs apart, and keep the ledger: of refreshes, and of plain runs too."""

import hashlib
import inspect
import logging
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from kedro_refresh import RefreshError
from kedro_refresh.adapter import Catalog, pipeline_names, run_id_of
from kedro_refresh.ledger import DONE, FAILED, KILLED, NodeRecord
from kedro_refresh.project import ProjectFiles
from kedro_refresh.staleness import Judge
from kedro_refresh.stored import is_stored, pin, stamp

State = TypeVar("State")
METRICS = "metrics"
REFRESH, RUN = "refresh", "run"
_logger = logging.getLogger(__name__)


class RunStates(Generic[State]):
    """The states of the runs at work, of which a server, say, can have several in its threads."""

    def __init__(self) -> None:
        self._states: dict[str, State] = {}
        self._here = threading.local()

    def begin(self, run: str, state: State) -> None:
        """Begin a run, in the thread in which it will end."""
        self._states[run] = state
        self._here.run = run

    def of(self, run: str | None) -> State | None:
        """Give the state of a run that the calling thread works for from now on."""
        self._here.run = run
        return self._states.get(run or "")

    def here(self) -> State | None:
        """Give the state of the run that the calling thread works for; None if that is unknown.

        A thread that has not heard of any run yet works for the only one at work.
        """
        run = getattr(self._here, "run", None)
        if run is None and len(self._states) == 1:
            return next(iter(self._states.values()))
        return self._states.get(run or "")

    def end(self, run: str | None) -> State | None:
        """End a run, and give its state."""
        self._here.run = None
        return self._states.pop(run or "", None)

    def end_left(self) -> State | None:
        """End the run that was broken off in the calling thread: by Ctrl+C in a notebook, say."""
        return self.end(getattr(self._here, "run", None))


@dataclass
class _Open:
    record: NodeRecord
    missing: set[str]  # outputs that are not saved yet


class Recorder:
    """Collects what the nodes of a run do, and notes a node when all it makes is saved.

    `run` is Kedro's name of the run, the time, which another run can have had; no other has had the
    `version` of what it saves.
    """

    def __init__(self, judge: Judge, run: str, version: str) -> None:
        self.run = version if judge.ledger.has_run(run) else run
        self._judge = judge
        self._version = version
        self._open: dict[str, _Open] = {}
        self._beginning = threading.Lock()  # inputs can be loaded in threads
        self._held = judge.ledger.hold_open()

    def begin(self, node: Node) -> None:
        """Take the fingerprint of a node that is about to read its first input, or to run without.

        One that runs without `begin` is never noted: its fingerprint would come too late.
        """
        with self._beginning:
            if node.name in self._open:
                return
            record = NodeRecord(node.name, self.run, self._judge.fingerprint(node))
            self._open[node.name] = _Open(record, set(node.outputs))
            self._judge.ledger.begin_node(self.run, node.name)

    def ran(self, node: Node) -> None:
        """Note a node that has nothing to save."""
        if not node.outputs and node.name in self._open:
            self._close(node)

    def wrote(self, node: Node, name: str, data: Any) -> None:
        """Note one output of a node; generators, which save in parts, are never noted."""
        if node.name not in self._open or inspect.isgeneratorfunction(node.func):
            return
        work = self._open[node.name]
        output = self._judge.output(name) if self._judge.is_stored(name) else None
        if output and output.version not in (None, self._version):
            output = None  # somebody has asked for another version: what was saved is not known
        record = work.record
        work.record = replace(
            record,
            outputs={**record.outputs, **({name: output} if output else {})},
            metrics=data if name.endswith(METRICS) and isinstance(data, dict) else record.metrics,
        )
        work.missing.discard(name)
        if not work.missing:
            self._close(node)

    def end(self, status: str, error: str | None) -> None:
        """Note how the run has ended."""
        self._judge.remember()
        self._judge.ledger.end_run(self.run, status, error)
        self._held.close()

    def _close(self, node: Node) -> None:
        self._judge.ledger.end_node(self._open.pop(node.name).record)


class _Loaded:
    """The project's modules in this process, each with its file as it was when it was first seen.

    Where modules stay, as in notebooks and servers, what runs is not what the files say later on.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[object, str]] = {}

    def require_unchanged(self, package: str) -> None:
        """Refuse to take the source of other files for what runs."""
        for name, module in [*sys.modules.items()]:
            file = getattr(module, "__file__", None)
            if not file or name.partition(".")[0] != package:
                continue
            path = Path(file)
            digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""
            known = self._seen.get(name)
            if known is None or known[0] is not module.__spec__:  # it is new, or was reloaded
                self._seen[name] = module.__spec__, digest
            elif known[1] != digest:
                raise RefreshError(
                    f"{name} has changed since it was imported: start Python anew, or reload Kedro."
                )


@dataclass
class _Run:
    """A run at work: its datasets, its lock, and its recorder as long as nothing went wrong."""

    catalog: Catalog
    lock: ExitStack
    recorder: Recorder | None


class RunHooks:
    """Hooks that lock the data for a run, and note in the ledger what it does.

    A run that writes is refused while another is at work on the same data, and so is one that
    reads while another writes. Nothing else breaks a run: one that the ledger cannot hold goes on.
    """

    def __init__(self) -> None:
        self._runs: RunStates[_Run] = RunStates()
        self._loaded = _Loaded()
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
            self._loaded.require_unchanged(files.package)
            judge = files.judge(pipeline, catalog)
            judge.read_code()
            recorder = Recorder(judge, run_id_of(run_params), version)
            files.ledger.begin_run(recorder.run, _trigger(run_params), self._here.env, names)
        except Exception as error:
            _warn(error)
            return None
        return recorder

    @hook_impl
    def before_dataset_loaded(self, node: Node) -> None:
        """Take the node's fingerprint before it reads anything."""
        _record(self._runs.here(), lambda recorder: recorder.begin(node))

    @hook_impl
    def before_node_run(self, node: Node, run_id: str | None) -> None:
        """Take the fingerprint of a node that reads nothing."""
        run = self._runs.of(run_id)
        if not node.inputs:
            _record(run, lambda recorder: recorder.begin(node))

    @hook_impl
    def after_node_run(self, node: Node, run_id: str | None) -> None:
        """Note a node that works by what it does, and saves nothing."""
        _record(self._runs.of(run_id), lambda recorder: recorder.ran(node))

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Note what the node has written, which is what the run reads from now on."""
        if run := self._runs.here():
            pin(run.catalog, [dataset_name])
            _record(run, lambda recorder: recorder.wrote(node, dataset_name, data))

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
            with run.lock:
                _record(run, lambda recorder: recorder.end(status, error))


def _record(run: _Run | None, note: Callable[[Recorder], None]) -> None:
    """Have something noted; an error costs the run its place in the ledger, nothing else."""
    if run and run.recorder:
        try:
            note(run.recorder)
        except Exception as error:
            run.recorder = None
            _warn(error)


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
