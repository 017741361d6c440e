"""Kedro's settings for this project."""

import fsspec

from crossfold.datasets.atomic import AtomicLocalFileSystem
from crossfold.hooks import ProjectHooks
from crossfold.refresh.config import ThreadSafeConfigLoader
from crossfold.refresh.hooks import RunHooks
from crossfold.tracking.hooks import TrackingHooks

fsspec.register_implementation("file", AtomicLocalFileSystem, clobber=True)

HOOKS = (TrackingHooks(), ProjectHooks(), RunHooks())
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)
CONFIG_LOADER_CLASS = ThreadSafeConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "config_patterns": {"refresh": ["refresh.yml"]},
    "merge_strategy": {"globals": "soft", "parameters": "soft"},
}
