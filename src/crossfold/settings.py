"""Kedro's settings for this project."""

import fsspec

from crossfold.cluster import ClusterHooks
from crossfold.datasets.atomic import AtomicLocalFileSystem
from crossfold.hooks import ProjectHooks
from crossfold.refreshing.hooks import RefreshHooks
from crossfold.tracking import TrackingHooks
from kedro_refresh.adapter import ThreadSafeConfigLoader

fsspec.register_implementation("file", AtomicLocalFileSystem, clobber=True)

HOOKS = (TrackingHooks(), ClusterHooks(), ProjectHooks(), RefreshHooks())
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)
RUNNER_MODULE_ALLOWLIST = ("kedro_refresh",)
CONFIG_LOADER_CLASS = ThreadSafeConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "config_patterns": {
        "parameters": ["parameters*", "parameters*/**", "**/parameters*", "**/claims*"]
    },
    "merge_strategy": {"globals": "soft", "parameters": "soft"},
}
