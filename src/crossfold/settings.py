"""Kedro's settings for this project."""

import sys
from importlib.util import find_spec
from pathlib import Path

import fsspec
import yaml
from kedro.framework.project import LOGGING
from kedro.utils import find_kedro_project

from crossfold.cluster import ClusterHooks
from crossfold.config_loader import ConfigLoader
from crossfold.datasets.atomic import AtomicLocalFileSystem
from crossfold.hooks import ProjectHooks
from crossfold.refreshing.hooks import RefreshHooks
from crossfold.tracking import TrackingHooks

fsspec.register_implementation("file", AtomicLocalFileSystem, clobber=True)
# OmegaConf reads with what has this name; PyYAML's parser in C is quicker than the one in Python.
yaml.SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Kedro looks for it at each of some thousand parameters, unless it knows that it is not there.
if find_spec("ibis") is None:
    sys.modules["ibis"] = None  # type: ignore[assignment]
# Kedro looks for logging.yml below the folder where it is started, be it one within the project.
project = find_kedro_project(Path.cwd())
if project and project != Path.cwd() and (file := project / "conf" / "logging.yml").exists():
    LOGGING.configure(yaml.safe_load(file.read_text(encoding="utf-8")))

HOOKS = (TrackingHooks(), ClusterHooks(), ProjectHooks(), RefreshHooks())
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)
RUNNER_MODULE_ALLOWLIST = ("kedro_refresh",)
CONFIG_LOADER_CLASS = ConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "config_patterns": {
        "parameters": ["parameters*", "parameters*/**", "**/parameters*", "**/claims*"]
    },
    "merge_strategy": {"globals": "soft", "parameters": "soft"},
}
