"""A Kedro plugin: rerun what data, parameters or code have changed for, and nothing else."""

from typing import Any

from click import ClickException

__version__ = "0.1.0"


class RefreshError(ClickException):
    """An error that a user can cause and mend; Kedro's command line prints its one sentence."""


def __getattr__(name: str) -> Any:
    """Import what is used seldom when it is used."""
    if name == "RefreshRunner":
        from kedro_refresh.runner import RefreshRunner

        return RefreshRunner
    raise AttributeError(name)
