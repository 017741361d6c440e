"""Kedro's settings for this project."""

import warnings

import fsspec

from crossfold.datasets.atomic import AtomicLocalFileSystem
from crossfold.hooks import ProjectHooks

# Kedro 1.7 calls OmegaConf by a name that OmegaConf is about to drop, and takes the names of a
# namespace's figures and tables, which the catalog's patterns ask for, for a mistake.
warnings.filterwarnings("ignore", message="register_new_resolver", category=UserWarning)
warnings.filterwarnings("ignore", message="One or more dataset names contain", category=UserWarning)

fsspec.register_implementation("file", AtomicLocalFileSystem, clobber=True)

HOOKS = (ProjectHooks(),)
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry",)
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "merge_strategy": {"globals": "soft", "parameters": "soft"},
}
