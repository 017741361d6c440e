"""The project's command line: ``kedro run``, which tells a user's errors in one sentence."""

from __future__ import annotations

from typing import Any

import click
from kedro.framework.cli.hooks import get_cli_hook_manager
from kedro.framework.cli.project import run as kedro_run

from crossfold.messages import explain

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


run = OneSentenceCommand(
    name="run", params=kedro_run.params, callback=kedro_run.callback, help=kedro_run.help
)
cli.add_command(run)

# Nothing is sent even where the file .telemetry has been lost.
if get_cli_hook_manager().has_plugin(TELEMETRY):
    get_cli_hook_manager().unregister(name=TELEMETRY)
