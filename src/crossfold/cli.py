"""The project's command line: ``kedro run`` and ``kedro refresh``, with errors in one sentence."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.hooks import get_cli_hook_manager
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.server import server_start
from kedro.framework.cli.utils import _split_params, split_string
from kedro.framework.startup import ProjectMetadata
from kedro.server.utils import (
    KEDRO_PROJECT_PATH_ENV,
    KEDRO_SERVER_CONF_SOURCE,
    KEDRO_SERVER_ENV,
)
from kedro.utils import find_kedro_project

from crossfold.messages import explain
from crossfold.refresh.lock import WAIT_VARIABLE

TELEMETRY = "kedro-telemetry"


class OneSentenceCommand(click.Command):
    """A command that prints errors a user can cause as one sentence and exits with status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; other errors keep their traceback."""
        try:
            return super().invoke(ctx)
        except click.ClickException:
            raise
        except Exception as error:
            sentence = explain(error)
            if sentence is None:
                raise
            raise click.ClickException(sentence) from error


@click.group(name="crossfold")
def cli() -> None:
    """Commands of this project."""


def _wait(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and WAIT_VARIABLE not in os.environ:
        os.environ[WAIT_VARIABLE] = "1"
        ctx.call_on_close(lambda: os.environ.pop(WAIT_VARIABLE))


wait = click.Option(
    ["--wait"],
    is_flag=True,
    expose_value=False,
    callback=_wait,
    help="Wait for another run to end; without it, refuse to run beside one.",
)
run = OneSentenceCommand(
    name="run",
    params=[*kedro_run.params, wait],
    callback=kedro_run.callback,
    help=kedro_run.help,
)
cli.add_command(run)


@cli.command(cls=OneSentenceCommand)
@click.option(
    "--pipelines",
    default="__default__",
    callback=split_string,
    help="Names of pipelines, with commas between them.",
)
@click.option("--env", "-e", help="Environment of the configuration.")
@click.option("--conf-source", help="Folder of the configuration.")
@click.option("--params", default="", callback=_split_params, help="Parameters, as in kedro run.")
@click.option("--check", is_flag=True, help="Run nothing; exit with 3 if anything is stale.")
@click.option("--force", is_flag=True, help="Run every node, stale or not.")
@click.option("--explain", is_flag=True, help="Say of every node why it is stale or fresh.")
@click.option("--paranoid", is_flag=True, help="Read all files, even if they look unchanged.")
@click.option("--history", is_flag=True, help="Print the last runs, and do nothing else.")
@click.pass_context
def refresh(ctx: click.Context, history: bool, params: dict[str, Any], **options: Any) -> None:
    """Run the nodes whose data, parameters or code have changed."""
    from crossfold.pipelines.reporting import drift
    from crossfold.refresh import command

    root = find_kedro_project(Path.cwd()) or Path.cwd()
    request = command.Request(project_path=root, runtime_params=params, **options)
    if history:
        click.echo(command.history(request))
    else:
        ctx.exit(command.refresh(request, drift))


refresh.params.append(wait)


@cli.group()
def server() -> None:
    """Kedro's HTTP server, behind a guard."""


@server.command(params=[p for p in server_start.params if p.name != "reload"])
@click.option("--allow-host", multiple=True, help="Another name for this machine, in requests.")
@click.pass_obj
def start(
    metadata: ProjectMetadata,
    host: str,
    port: int,
    env: str | None,
    conf_source: str | None,
    allow_host: tuple[str, ...],
) -> None:
    """Start the server; requests send the token in conf/local/server_token."""
    try:
        import fastapi  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise click.ClickException(
            "The server is not installed: install it with pip install --editable '.[server]'."
        ) from error
    from crossfold.serving import HOSTS_VARIABLE

    given = {
        KEDRO_PROJECT_PATH_ENV: str(metadata.project_path),
        KEDRO_SERVER_ENV: env or "",
        KEDRO_SERVER_CONF_SOURCE: conf_source or "",
        HOSTS_VARIABLE: ",".join(allow_host),
    }
    for name, value in given.items():
        os.environ.pop(name, None)
        if value:
            os.environ[name] = value
    uvicorn.run("crossfold.serving:create_app", factory=True, host=host, port=port)


# Nothing is sent even where the file .telemetry has been lost.
if get_cli_hook_manager().has_plugin(TELEMETRY):
    get_cli_hook_manager().unregister(name=TELEMETRY)
