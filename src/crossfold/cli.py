"""The project's command line: ``kedro run``, ``refresh`` and ``study``; errors in one sentence."""

import os
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.hooks import get_cli_hook_manager
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.server import server_start
from kedro.framework.cli.utils import KedroCliError
from kedro.framework.project import pipelines
from kedro.framework.startup import ProjectMetadata
from kedro.server.utils import KEDRO_PROJECT_PATH_ENV, KEDRO_SERVER_CONF_SOURCE, KEDRO_SERVER_ENV
from kedro.utils import find_kedro_project
from kedro_viz.launchers.cli.main import viz
from yaml import YAMLError

from crossfold.messages import explain
from crossfold.user_input import require_selection
from kedro_refresh.cli import refresh as kedro_refresh
from kedro_refresh.cli import wait

TELEMETRY = "kedro-telemetry"


class OneSentenceCommand(click.Command):
    """A command that prints errors a user can cause as one sentence and exits with status 1."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Read the options."""
        try:
            return super().make_context(*args, **options)
        except KedroCliError as error:  # which would not be printed here
            raise click.ClickException(error.message) from error
        except YAMLError as error:
            raise click.ClickException(
                "A value of --params cannot be read as YAML: put quotes around it within those of"
                " the shell, as in --params='appointments.date_format=\"%d/%m/%Y\"'."
            ) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; other errors keep their traceback."""
        try:
            if "pipelines" in ctx.params:
                pipelines.set_requested(None)  # all of them, to say which there are
                require_selection(ctx.params, pipelines)
            return super().invoke(ctx)
        except Exception as error:
            sentence = explain(error)
            if sentence is None:
                raise
            raise click.ClickException(sentence) from error


TABLE_OPTIONS = [
    click.Option(["--data"], required=True, help="File, folder of files, or DATABASE::TABLE."),
    click.Option(["--target"], required=True, help="Column to predict."),
    click.Option(["--group"], help="Column of who or what must stay together."),
    click.Option(["--time"], help="Column of when a row happened."),
    click.Option(["--positive"], help="Value of the target that counts as the event."),
    click.Option(["--drop"], default="", help="Columns to leave out, with commas between them."),
    click.Option(["--task"], type=click.Choice(["binary", "multiclass", "regression"])),
    click.Option(["--sep"], help="Delimiter, if it is not found out."),
    click.Option(["--decimal"], help="Decimal sign, if it is not found out."),
    click.Option(["--encoding"], help="Encoding, if it is not found out."),
    click.Option(["--date-format"], help="How dates are written, such as %d.%m.%Y"),
]


@click.group(name="crossfold")
def cli() -> None:
    """Commands of this project."""


run = OneSentenceCommand(
    name="run", params=[*kedro_run.params, wait], callback=kedro_run.callback, help=kedro_run.help
)
refresh = OneSentenceCommand(
    name="refresh",
    params=kedro_refresh.params,
    callback=kedro_refresh.callback,
    help=kedro_refresh.help,
)
cli.add_command(run)
cli.add_command(refresh)
viz.lazy_subcommands["run"] = "crossfold.viz.run"


@cli.group()
def study() -> None:
    """Study a table of your own."""


@study.command(name="new", cls=OneSentenceCommand, params=[*TABLE_OPTIONS])
@click.argument("name")
@click.option("--force", is_flag=True, help="Write the study's own files anew.")
def new_study(name: str, force: bool, **options: Any) -> None:
    """Write the configuration of a study NAME of a table."""
    from crossfold.pipelines.table.study import new

    root = find_kedro_project(Path.cwd()) or Path.cwd()
    new(name, root, force=force, **options)


@study.command(name="profile", cls=OneSentenceCommand, params=[*TABLE_OPTIONS])
def profile_study(**options: Any) -> None:
    """Print what a table holds, and write nothing."""
    from crossfold.pipelines.table.study import profile

    profile(**options)


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
