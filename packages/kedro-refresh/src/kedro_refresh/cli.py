"""``kedro refresh``."""

import os
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.utils import validate_conf_source
from kedro.utils import find_kedro_project

from kedro_refresh import RefreshError
from kedro_refresh.adapter import split_params, split_string
from kedro_refresh.lock import WAIT_VARIABLE


@click.group(name="kedro-refresh")
def cli() -> None:
    """Rerun what has changed."""


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


@cli.command()
@click.option(
    "--pipelines",
    default="",
    callback=lambda *given: split_string(*given) or ["__default__"],
    help="Names of pipelines, with commas between them; else the default one.",
)
@click.option("--env", "-e", help="Environment of the configuration.")
@click.option("--conf-source", callback=validate_conf_source, help="Folder of the configuration.")
@click.option("--params", default="", callback=split_params, help="Parameters, as in kedro run.")
@click.option("--check", is_flag=True, help="Run nothing; exit with 3 if anything is stale.")
@click.option("--force", is_flag=True, help="Run every node, stale or not.")
@click.option("--explain", is_flag=True, help="Say of every node why it is stale or fresh.")
@click.option("--paranoid", is_flag=True, help="Read all files, even if they look unchanged.")
@click.option("--history", is_flag=True, help="Print the last runs, and do nothing else.")
@click.option(
    "--compare", nargs=2, metavar="RUN RUN", help="Say what differs after two runs, and stop."
)
@click.option("--json", "as_json", is_flag=True, help="Print --check or --compare as JSON.")
@click.pass_context
def refresh(
    ctx: click.Context,
    /,
    history: bool,
    compare: tuple[str, str] | None,
    params: dict[str, Any],
    **options: Any,
) -> None:
    """Run the nodes whose data, parameters or code have changed."""
    from kedro_refresh import command

    root = find_kedro_project(Path.cwd()) or Path.cwd()
    request = command.Request(project_path=root, runtime_params=params, **options)
    if options["as_json"] and (history or not (compare or options["check"])):
        raise RefreshError("--json goes with --check or --compare: add one of them.")
    if compare:
        click.echo(command.compare(request, *compare))
    elif history:
        click.echo(command.history(request))
    else:
        ctx.exit(command.refresh(request))


refresh.params.append(wait)
