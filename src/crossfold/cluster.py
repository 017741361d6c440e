"""Where a run's work is done: what joblib hands out, and what Dask computes."""

import logging
import threading
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl

from crossfold.exceptions import CrossfoldError

SETTINGS = ("backend", "scheduler")
SECONDS_TO_CONNECT = 10
BACKENDS = ("loky", "threading", "dask", "ray")


class ClusterHooks:
    """Hooks that connect a run to its workers, and let joblib hand out each node's work to them."""

    def __init__(self) -> None:
        self._backend: str | None = None
        self._scheduler: str | None = None
        self._client: Any = None
        self._here = threading.local()  # as joblib's choice of a backend

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Read which workers there are to be."""
        loader = context.config_loader
        settings = {**loader["globals"], **(loader.runtime_params or {})}
        self._backend, self._scheduler = (settings.get(name) for name in SETTINGS)
        if self._backend not in (None, *BACKENDS):
            raise CrossfoldError(
                f"The backend is {self._backend!r}: it is one of {', '.join(BACKENDS)}, or null."
                " Change it in conf/ or with --params."
            )

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Connect to the workers, or start some on this machine."""
        if self._backend == "dask":
            self._client = _connect_to_dask(self._scheduler)
        elif self._backend == "ray":
            _connect_to_ray(self._scheduler)

    @hook_impl
    def before_node_run(self) -> None:
        """Choose joblib's backend for what the node does in this thread."""
        if self._backend is not None:
            from joblib import parallel_config

            self._here.chosen = parallel_config(self._backend, n_jobs=-1)

    @hook_impl
    def after_node_run(self) -> None:
        """Take the choice back."""
        chosen = self._here.__dict__.pop("chosen", None)
        if chosen is not None:
            chosen.unregister()

    on_node_error = after_node_run

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Let go of the workers."""
        client, self._client = self._client, None
        if client is not None:
            cluster = client.cluster
            client.close()
            if cluster is not None:  # of this machine
                cluster.close()

    on_pipeline_error = after_pipeline_run


def _connect_to_dask(scheduler: str | None) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise CrossfoldError(
            "Dask is not installed: pip install 'crossfold[dask]' brings it; or set backend: null."
        ) from error
    client: Any = Client
    levels = {"distributed": logging.WARNING, "distributed.shuffle": logging.ERROR}
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)  # which its import has set anew
    if scheduler is None:
        return client(threads_per_worker=1, dashboard_address=None)
    try:
        return client(scheduler, timeout=SECONDS_TO_CONNECT)
    except (OSError, ValueError) as error:
        raise CrossfoldError(
            f"No scheduler of Dask answers at {scheduler}: start one with dask scheduler, and"
            " workers with dask worker, or mend `scheduler`."
        ) from error


def _connect_to_ray(address: str | None) -> None:
    try:
        import ray
        from ray.util.joblib import register_ray
    except ImportError as error:
        raise CrossfoldError(
            "Ray is not installed: pip install 'crossfold[ray]' brings it; or set backend: null."
        ) from error
    ray.init(address, ignore_reinit_error=True)
    register_ray()
