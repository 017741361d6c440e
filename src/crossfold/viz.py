"""``kedro viz run`` that asks nobody for a newer version, and ends quietly on Ctrl-C.

Kedro-Viz asks PyPI for its newest version at every start, in the command and in the server's
process, and takes no answer for a newer version. It has no option against that.
"""

import warnings
from contextlib import suppress
from typing import Any

import click
from kedro_viz import __version__, server
from kedro_viz.integrations import pypi
from kedro_viz.launchers.cli import run as kedro_viz_run
from packaging.version import parse

_run_server = server.run_server


def _run(**options: Any) -> None:
    server.run_server = run_server
    kedro_viz_run.run.callback(**options)
    with suppress(KeyboardInterrupt):
        for process in kedro_viz_run._VIZ_PROCESSES.values():
            process.join()


def run_server(**options: Any) -> None:
    """Serve Kedro-Viz; its process imports this module, and so what is set below, first."""
    _run_server(**options)


# Both are imported by name later on, in the functions and modules that need them.
pypi.get_latest_version = lambda: parse(__version__)
warnings.filterwarnings("ignore", "ORJSONResponse is deprecated")  # Kedro-Viz's own concern

run = click.Command(
    name="run",
    params=kedro_viz_run.run.params,
    callback=_run,
    help=kedro_viz_run.run.help,
    context_settings=kedro_viz_run.run.context_settings,
)
