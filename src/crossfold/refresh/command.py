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
from kedro.framework.session import KedroSession
from kedro.io import CatalogProtocol
from kedro.io.core import generate_timestamp
from kedro.pipeline import Pipeline

from crossfold.datasets.exceptions import SourceError
from crossfold.refresh import comparison, rejected, sources, tables
from crossfold.refresh.drift import Writer
from crossfold.refresh.exceptions import RefreshError
from crossfold.refresh.ledger import FAILED
from crossfold.refresh.project import ProjectFiles
from crossfold.refresh.runner import RefreshRunner
from crossfold.refresh.settings import RefreshSettings
from crossfold.refresh.settling import Settling

NOTHING_OR_DONE = 0
STALE = 3
RUNS_IN_HISTORY = 20
TRIGGER = "refresh"

Catalog = CatalogProtocol[Any, Any]


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line.

    Attributes
    ----------
    project_path
        The project's folder.
    pipelines
        Names of pipelines, together one.
    env
        Environment of the configuration, None for the usual one.
    conf_source
        Folder of the configuration, None for the usual one.
    runtime_params
        Parameters of ``--params``.
    check
        Only say whether anything is stale.
    force
        Run every node.
    explain
        Say of every node why it is stale or fresh.
    paranoid
        Read every file again.
    as_json
        Print what is found as JSON.
    """

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


def refresh(request: Request, writer: Writer) -> int:
    """Run what is stale, and give the exit code of the command.

    Parameters
    ----------
    request
        What was asked for.
    writer
        Draws and writes about data that have changed.
    """
    context = _session(request).load_context()
    files = ProjectFiles.of(context)
    pipeline = _pipeline(request.pipelines)
    catalog = context.catalog
    if request.as_json:
        _log_aside()
    if request.check:
        sources.look(pipeline, catalog)
        return _look(request, catalog, files, pipeline)
    with files.locked(TRIGGER):
        settings = RefreshSettings.of(context)
        _update_sources(request, catalog, files, pipeline)
        if request.force or _look(request, catalog, files, pipeline) != NOTHING_OR_DONE:
            _run(request, files, len(pipeline.nodes))
            catalog = context.catalog
        for sentence in Settling(catalog, pipeline, files.ledger, settings, writer).settle():
            click.echo(sentence)
    return NOTHING_OR_DONE


def history(request: Request) -> str:
    """Give the last runs as a table."""
    ledger = ProjectFiles.of(_session(request).load_context()).ledger
    return tables.history(ledger.history(RUNS_IN_HISTORY))


def compare(request: Request, first: str, second: str) -> str:
    """Say what differs between the states after two runs."""
    ledger = ProjectFiles.of(_session(request).load_context()).ledger
    found = comparison.compare(ledger, first, second)
    if request.as_json:
        return tables.as_json(first=first, second=second, nodes=found)
    return "\n".join(tables.comparison(first, second, found))


def _log_aside() -> None:
    """Leave standard output to JSON."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
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


def _update_sources(
    request: Request, catalog: Catalog, files: ProjectFiles, pipeline: Pipeline
) -> None:
    """Copy what has changed at web addresses; an outage is a failed run in the ledger."""
    try:
        sources.update(pipeline, catalog)
    except SourceError as error:
        run = generate_timestamp()
        files.ledger.begin_run(run, TRIGGER, request.env, request.pipelines)
        files.ledger.end_run(run, FAILED, str(error))
        raise


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


def _run(request: Request, files: ProjectFiles, n_nodes: int) -> None:
    make_judge = partial(files.judge, paranoid=request.paranoid)
    runner = RefreshRunner(make_judge, force=request.force)
    try:
        _session(request).run(pipeline_names=request.pipelines, runner=runner)
    except Exception as error:
        told = rejected.tell(error, runner, files.rejected)
        if told is None:
            raise
        raise told from error
    click.echo(f"Refreshed: {len(runner.done)} of {n_nodes} nodes have run.")
