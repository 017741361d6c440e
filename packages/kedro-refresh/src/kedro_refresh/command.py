"""What ``kedro refresh`` does."""

import io
import json
import logging
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import click
from kedro.framework import project
from kedro.framework.context import KedroContext
from kedro.framework.session import KedroSession
from kedro.io.core import generate_timestamp
from kedro.pipeline import Pipeline
from rich.console import Console
from rich.logging import RichHandler
from rich.table import Table

from kedro_refresh import RefreshError
from kedro_refresh.adapter import Catalog, run_pipelines
from kedro_refresh.fingerprint import changed_values, differences, flatten
from kedro_refresh.ledger import DONE, FAILED, KILLED, RUNNING, Ledger, NodeRecord, RunRecord
from kedro_refresh.project import ProjectFiles, RefreshSettings, hooks_of
from kedro_refresh.runner import RefreshRunner
from kedro_refresh.stored import prune

NOTHING_OR_DONE, STALE = 0, 3
RUNS_IN_HISTORY = 20
WIDTH = 160
TRIGGER = "refresh"


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line: its options, and the project's folder."""

    project_path: Path
    pipelines: list[str] = field(default_factory=lambda: ["__default__"])
    env: str | None = None
    conf_source: str | None = None
    runtime_params: dict[str, Any] = field(default_factory=dict)
    check: bool = False
    force: bool = False
    explain: bool = False
    paranoid: bool = False
    as_json: bool = False


def refresh(request: Request) -> int:
    """Run what is stale, and give the exit code of the command."""
    context = _context(request)
    files = ProjectFiles.of(context)
    pipeline = _pipeline(request.pipelines)
    catalog = context.catalog
    given = {"pipeline": pipeline, "catalog": catalog}
    hooks = hooks_of(context)
    if request.check:
        hooks.before_refresh(**given, check=True)
        return _look(request, catalog, files, pipeline)
    with files.locked(TRIGGER):
        settings = RefreshSettings.of(context)
        try:
            hooks.before_refresh(**given, check=False)
        except Exception as error:
            run = generate_timestamp()
            files.ledger.begin_run(run, TRIGGER, request.env, request.pipelines)
            files.ledger.end_run(run, FAILED, str(error))
            raise
        if request.force or _look(request, catalog, files, pipeline) != NOTHING_OR_DONE:
            _run(request, files, len(pipeline.nodes), hooks)
            catalog = context.catalog
        _settle(hooks, pipeline, catalog, files, settings)
    return NOTHING_OR_DONE


def history(request: Request) -> str:
    """Set the last runs out in a table, the newest first."""
    runs = ProjectFiles.of(_context(request)).ledger.history(RUNS_IN_HISTORY)
    if not runs:
        return "The ledger holds no run yet."
    table = Table("run", "started", "seconds", "by", "pipelines", "nodes", "result", box=None)
    for run in runs:
        started = datetime.fromtimestamp(run.started).isoformat(sep=" ", timespec="seconds")
        seconds = f"{run.ended - run.started:.1f}" if run.ended else ""
        row = (run.run, started, seconds, run.trigger, run.pipelines, str(run.n_nodes))
        table.add_row(*row, _result(run))
    page = io.StringIO()
    Console(file=page, width=WIDTH).print(table)
    return page.getvalue().rstrip()


def _result(run: RunRecord) -> str:
    if run.status in (KILLED, RUNNING):
        return f"{run.status} at {run.last_node}" if run.last_node else run.status
    more = run.notes if run.status == DONE else run.error
    return f"{run.status}: {more}" if more else run.status


def compare(request: Request, first: str, second: str) -> str:
    """Say in a line each what differs of the nodes that differ between two runs."""
    found = differences_of_runs(ProjectFiles.of(_context(request)).ledger, first, second)
    if request.as_json:
        return _json(first=first, second=second, nodes=found)
    different = {node: differences for node, differences in found.items() if differences}
    told = f"{len(different)} of {len(found)} nodes differ between {first} and {second}."
    return "\n".join([*_explanation(different), told])


def _context(request: Request) -> KedroContext:
    session = _session(request)
    if request.as_json:
        _log_aside()
    context = session.load_context()
    if request.as_json:
        _log_aside()  # hooks can have set up another log
    return context


def _log_aside() -> None:
    """Leave standard output to JSON."""
    for name in [None, *logging.root.manager.loggerDict]:
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, RichHandler):
                handler.console = Console(stderr=True)
            elif isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
                handler.setStream(sys.stderr)


def _session(request: Request) -> KedroSession:
    """Create a session; a Kedro session serves one run."""
    return KedroSession.create(
        project_path=request.project_path,
        env=request.env,
        conf_source=request.conf_source,
        runtime_params=request.runtime_params,
        save_on_close=False,
    )


def _pipeline(names: list[str]) -> Pipeline:
    unknown = [name for name in names if name not in project.pipelines]
    if unknown:
        raise RefreshError(
            f"There is no pipeline {', '.join(unknown)}: name some of"
            f" {', '.join(sorted(project.pipelines))}."
        )
    return sum((project.pipelines[name] for name in names), Pipeline([]))


def _look(request: Request, catalog: Catalog, files: ProjectFiles, pipeline: Pipeline) -> int:
    """Judge all nodes as things are, and tell what was found."""
    judge = files.judge(pipeline, catalog, paranoid=request.paranoid)
    forecast = judge.forecast()
    judge.remember()
    n_stale = sum(bool(reasons) for reasons in forecast.values())
    if request.as_json:
        click.echo(_json(n_stale=n_stale, nodes=forecast))
        return STALE if n_stale else NOTHING_OR_DONE
    if request.explain:
        click.echo("\n".join(_explanation(forecast)))
    if n_stale:
        click.echo(f"{n_stale} of {len(forecast)} nodes are stale or may be.")
        return STALE
    click.echo(f"Nothing to do: all {len(forecast)} nodes are fresh.")
    return NOTHING_OR_DONE


def _run(request: Request, files: ProjectFiles, n_nodes: int, hooks: Any) -> None:
    make_judge = partial(files.judge, paranoid=request.paranoid)
    runner = RefreshRunner(make_judge=make_judge, force=request.force)
    try:
        run_pipelines(_session(request), request.pipelines, runner)
    except Exception as error:
        runner.tell(error, hooks)
        raise
    click.echo(f"Refreshed: {len(runner.done)} of {n_nodes} nodes have run.")


def _settle(
    hooks: Any, pipeline: Pipeline, catalog: Catalog, files: ProjectFiles, settings: RefreshSettings
) -> None:
    """Do what follows a run, also what an earlier refresh did not come to."""
    given = {"pipeline": pipeline, "catalog": catalog, "settings": settings}
    for sentences in hooks.after_refresh(**given, ledger=files.ledger):
        for sentence in sentences:
            click.echo(sentence)
    if settings.keep is None:
        return
    in_use = {name: set[str]() for name in pipeline.all_outputs()}
    for found in hooks.versions_in_use(**given):
        for name, used in found.items():
            in_use.setdefault(name, set()).update(used)
    n_versions, n_runs = prune(catalog, in_use, files.ledger, settings.keep)
    if n_versions:
        click.echo(f"Removed {n_versions} old versions and {n_runs} old runs.")


def differences_of_runs(ledger: Ledger, first: str, second: str) -> dict[str, list[str]]:
    """Say of every node what differs between what it did last by the end of each of two runs.

    That is data, parameters, code, library versions, catalog entries, what was written, metrics, in
    the order in which the nodes ran; nothing for a node without any. Runs that the ledger does not
    hold are refused.
    """
    known = {run.run for run in ledger.history(-1)}
    unknown = [run for run in (first, second) if run not in known]
    if unknown:
        raise RefreshError(
            f"The ledger holds no run {' and no run '.join(unknown)}: kedro refresh --history names"
            " the last ones."
        )
    before, after = ledger.latest_nodes(first), ledger.latest_nodes(second)
    return {node: list(_of_node(node, before, after)) for node in {**after, **before}}


def _of_node(
    node: str, before: dict[str, NodeRecord], after: dict[str, NodeRecord]
) -> Iterator[str]:
    old, new = before.get(node), after.get(node)
    if old is None or new is None:
        yield f"had not run to its end by the {'first' if old is None else 'second'} run"
        return
    yield from differences(old.fingerprint, new.fingerprint)
    for name in sorted({*old.outputs, *new.outputs}):
        then, now = old.outputs.get(name), new.outputs.get(name)
        if then is None or now is None or then.digest != now.digest:
            yield f"{name} came out different"
    yield from changed_values("metric ", _numbers(old), _numbers(new))


def _numbers(record: NodeRecord) -> dict[str, Any]:
    """List metrics by dotted name; counts of rows and the like are among them."""
    return dict(flatten("", record.metrics)) if record.metrics else {}


def _explanation(forecast: Mapping[str, list[str]]) -> Iterator[str]:
    """Say of every node why it is stale, or that it is fresh; one line a node."""
    for node, reasons in forecast.items():
        yield f"{node}: {'; '.join(reasons) or 'fresh'}"


def _json(**fields: Any) -> str:
    return json.dumps(fields, indent=2, ensure_ascii=False)
