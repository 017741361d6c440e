"""What ``kedro refresh`` does."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass, field
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

from kedro_refresh import tables, versions
from kedro_refresh.adapter import Catalog, hooks_of, run_pipelines
from kedro_refresh.exceptions import RefreshError
from kedro_refresh.ledger import FAILED
from kedro_refresh.project import ProjectFiles
from kedro_refresh.runner import RefreshRunner
from kedro_refresh.settings import RefreshSettings

NOTHING_OR_DONE = 0
STALE = 3
RUNS_IN_HISTORY = 20
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
            _note_failure(request, files, error)
            raise
        if request.force or _look(request, catalog, files, pipeline) != NOTHING_OR_DONE:
            _run(request, files, len(pipeline.nodes), hooks)
            catalog = context.catalog
        _settle(hooks, pipeline, catalog, files, settings)
    return NOTHING_OR_DONE


def history(request: Request) -> str:
    """Give the last runs as a table."""
    ledger = ProjectFiles.of(_context(request)).ledger
    return tables.history(ledger.history(RUNS_IN_HISTORY))


def compare(request: Request, first: str, second: str) -> str:
    """Say what differs between the states after two runs."""
    ledger = ProjectFiles.of(_context(request)).ledger
    found = tables.compare(ledger, first, second)
    if request.as_json:
        return tables.as_json(first=first, second=second, nodes=found)
    return "\n".join(tables.comparison(first, second, found))


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


def _note_failure(request: Request, files: ProjectFiles, error: Exception) -> None:
    run = generate_timestamp()
    files.ledger.begin_run(run, TRIGGER, request.env, request.pipelines)
    files.ledger.end_run(run, FAILED, str(error))


def _look(request: Request, catalog: Catalog, files: ProjectFiles, pipeline: Pipeline) -> int:
    """Judge all nodes as things are, and tell what was found."""
    judge = files.judge(pipeline, catalog, paranoid=request.paranoid)
    forecast = judge.forecast()
    judge.remember()
    n_stale = sum(bool(reasons) for reasons in forecast.values())
    if request.as_json:
        click.echo(tables.as_json(n_stale=n_stale, nodes=forecast))
        return STALE if n_stale else NOTHING_OR_DONE
    if request.explain:
        click.echo("\n".join(tables.explanation(forecast)))
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
    hooks: Any,
    pipeline: Pipeline,
    catalog: Catalog,
    files: ProjectFiles,
    settings: RefreshSettings,
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
    pruned = versions.prune(catalog, in_use, files.ledger, settings.keep)
    if pruned.n_versions:
        click.echo(f"Removed {pruned.n_versions} old versions and {pruned.n_runs} old runs.")
