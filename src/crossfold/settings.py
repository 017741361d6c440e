"""Kedro's settings for this project."""

import sys
from importlib.util import find_spec
from typing import Any

import fsspec
import yaml

from crossfold.cluster import ClusterHooks
from crossfold.datasets.atomic import AtomicLocalFileSystem
from crossfold.hooks import ProjectHooks
from crossfold.refreshing.hooks import RefreshHooks
from crossfold.tracking.hooks import TrackingHooks
from kedro_refresh.config import ThreadSafeConfigLoader

fsspec.register_implementation("file", AtomicLocalFileSystem, clobber=True)

# A second sooner at every start: YAML is read by the library in C, and Kedro does not look for
# ibis anew for each of thousands of parameters.
if yaml.__with_libyaml__:

    class _QuickLoader(yaml.CSafeLoader):  # type: ignore[misc]
        def __init__(self, stream: Any) -> None:  # the library takes no text but plain text
            super().__init__(str(stream) if isinstance(stream, str) else stream)

    yaml.SafeLoader = _QuickLoader
if find_spec("ibis") is None:
    sys.modules["ibis"] = None  # type: ignore[assignment]

HOOKS = (TrackingHooks(), ClusterHooks(), ProjectHooks(), RefreshHooks())
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)
RUNNER_MODULE_ALLOWLIST = ("kedro_refresh",)
CONFIG_LOADER_CLASS = ThreadSafeConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "config_patterns": {
        "parameters": ["parameters*", "parameters*/**", "**/parameters*", "**/claims*"],
    },
    "merge_strategy": {"globals": "soft", "parameters": "soft"},
}
