"""All that is private in Kedro, or differs between its versions; each with a test.

Datasets of kedro-datasets and file systems of fsspec count as Kedro here.
"""

import inspect
import json
import threading
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from kedro.config import OmegaConfigLoader
from kedro.framework.cli import utils
from kedro.framework.context import KedroContext
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.io import AbstractVersionedDataset, CachedDataset, CatalogProtocol, Version
from kedro.io.core import VersionNotFoundError
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro.runner import AbstractRunner, SequentialRunner
from pluggy import PluginManager

Catalog = CatalogProtocol[Any, Any]
split_params, split_string = utils._split_params, utils.split_string
_loading = threading.RLock()


class ThreadSafeConfigLoader(OmegaConfigLoader):
    """Kedro's configuration loader for runs in several threads: one loads at a time.

    What `globals` and `runtime_params` stand for is registered once for the whole process, so that
    a loader has to register its own, and to keep others out, while it resolves.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        with _loading:
            super().__init__(*args, **settings)

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Load the configuration of a type."""
        with _loading:
            self._register_globals_resolver()
            return super().__getitem__(key)

    @staticmethod
    def _soft_merge(
        config: dict[str, Any], env_config: dict[str, Any], env_path: str | None = None
    ) -> dict[str, Any]:
        """Put the values of an environment over those of the base, block by block.

        Both are plain by now. Kedro makes nodes of OmegaConf of them and back, which takes longer
        than all else between the files and the merged parameters.
        """
        merged = config | env_config
        for key in config.keys() & env_config.keys():
            below, above = config[key], env_config[key]
            if isinstance(below, dict) and isinstance(above, dict):
                merged[key] = ThreadSafeConfigLoader._soft_merge(below, above)
        return merged


def hook_manager_of(context: KedroContext) -> PluginManager:
    """Give what calls the hooks of a session."""
    return context._hook_manager


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


def run_id_of(run_params: dict[str, Any]) -> str:
    """Give the name of a run, which Kedro 1.0 calls that of its session."""
    return str(run_params.get("run_id") or run_params["session_id"])


class NodeRunner(SequentialRunner):
    """A runner that says itself which nodes it runs, in a method `run_nodes`."""

    run_nodes: Callable[[Pipeline, Catalog, PluginManager | None, str | None], None]

    def release(self, node: Node, pipeline: Pipeline, catalog: Catalog, loads: Any) -> None:
        """Let go of what a node has read, and nobody will read any more."""
        self._release_datasets(node, catalog, loads, pipeline)

    def _run(
        self,
        pipeline: Pipeline,
        catalog: Catalog,
        hook_manager: PluginManager | None = None,
        run_id: str | None = None,
    ) -> None:
        self.run_nodes(pipeline, catalog, hook_manager, run_id)


def wiring_of(node: Node) -> str:
    """Tell, as JSON, which arguments a node's inputs go to and which results its outputs are."""
    given = [node._inputs] if isinstance(node._inputs, str) else node._inputs
    return json.dumps([given, node._outputs], sort_keys=True)


def without_cache(dataset: Any) -> Any:
    """Give the dataset that is behind a `CachedDataset`."""
    return dataset._dataset if isinstance(dataset, CachedDataset) else dataset


def path_of(dataset: Any) -> PurePath | str | None:
    """Give the path of a dataset, without its version; None if it says none."""
    return getattr(dataset, "_filepath", None) or getattr(dataset, "_path", None)


def protocol_of(dataset: Any) -> str:
    """Give the protocol by which a dataset is reached, ``file`` if it names none."""
    return str(getattr(dataset, "_protocol", "file"))


def file_system_of(dataset: Any) -> Any:
    """Give the file system that a dataset lies in."""
    return getattr(dataset, "_fs", None) or dataset._filesystem


def without_protocol(system: Any, path: str) -> str:
    """Give a path as its file system names what it finds there."""
    return str(system._strip_protocol(path))


def is_versioned(dataset: object) -> bool:
    """Say whether a dataset has versions."""
    return isinstance(dataset, AbstractVersionedDataset) and bool(dataset._version)


def version_of(dataset: Any) -> Version:
    """Give the versions in which a dataset is loaded and saved, None for a latest or new one."""
    found: Version = dataset._version
    return found


def set_version(dataset: Any, load: str | None, save: str | None) -> None:
    """Set the versions in which a dataset is loaded and saved."""
    dataset._version = Version(load, save)


def list_versions(dataset: AbstractVersionedDataset[Any, Any]) -> list[str]:
    """List the versions of a dataset, the latest first."""
    if hasattr(dataset, "list_versions"):
        try:
            return dataset.list_versions(full_path=False)
        except VersionNotFoundError:
            return []
    found = dataset._glob_function(str(dataset._get_versioned_path("*")))
    return sorted((PurePath(path).parent.name for path in found), reverse=True)
