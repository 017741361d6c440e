"""All that is private in Kedro, or differs between its versions; each with a test."""

from __future__ import annotations

import inspect
from pathlib import PurePath
from typing import Any

from kedro.framework.cli.utils import _split_params, split_string
from kedro.framework.context import KedroContext
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.io import AbstractVersionedDataset
from kedro.io.core import VersionNotFoundError
from kedro.pipeline import Pipeline
from kedro.runner import AbstractRunner

from kedro_refresh.specs import RefreshSpecs

split_params = _split_params
__all__ = [
    "find_all_pipelines",
    "hooks_of",
    "list_versions",
    "pipeline_names",
    "run_id_of",
    "run_pipelines",
    "split_params",
    "split_string",
]


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


def run_pipelines(session: KedroSession, names: list[str], runner: AbstractRunner) -> None:
    """Run several pipelines as one."""
    if "pipeline_names" in inspect.signature(session.run).parameters:
        session.run(pipeline_names=names, runner=runner)
        return
    joined = ",".join(names)  # older Kedro runs one pipeline at a time
    if joined not in pipelines:
        pipelines[joined] = sum((pipelines[name] for name in names), Pipeline([]))
    session.run(pipeline_name=joined, runner=runner)


def pipeline_names(run_params: dict[str, Any]) -> list[str]:
    """Name the pipelines of a run."""
    one = run_params.get("pipeline_name") or "__default__"
    return run_params.get("pipeline_names") or [one]


def list_versions(dataset: AbstractVersionedDataset[Any, Any]) -> list[str]:
    """List the versions of a dataset, the latest first."""
    if hasattr(dataset, "list_versions"):
        try:
            return dataset.list_versions(full_path=False)
        except VersionNotFoundError:
            return []
    found = dataset._glob_function(str(dataset._get_versioned_path("*")))
    return sorted((PurePath(path).parent.name for path in found), reverse=True)


def run_id_of(run_params: dict[str, Any]) -> str:
    """Give the name of a run, which Kedro 1.0 calls that of its session."""
    return str(run_params.get("run_id") or run_params["session_id"])
