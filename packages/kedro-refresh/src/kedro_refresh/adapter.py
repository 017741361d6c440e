"""All that is private in Kedro, or differs between its versions; each with a test."""

from __future__ import annotations

from typing import Any

from kedro.framework.cli.utils import _split_params, split_string
from kedro.framework.context import KedroContext
from kedro.framework.project import pipelines

from kedro_refresh.specs import RefreshSpecs

split_params = _split_params
__all__ = ["find_all_pipelines", "hooks_of", "split_params", "split_string"]


def hooks_of(context: KedroContext) -> Any:
    """Give the hooks of a session, with those of `RefreshSpecs` among them."""
    manager = context._hook_manager
    known = getattr(manager.hook, "after_refresh", None)
    if known is None or not known.has_spec():
        manager.add_hookspecs(RefreshSpecs)
    return manager.hook


def find_all_pipelines() -> None:
    """Have Kedro find all pipelines, not only those that a run has asked for."""
    if hasattr(pipelines, "set_requested"):  # Kedro 1.7
        pipelines.set_requested(None)
