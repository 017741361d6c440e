"""A refresh that is asked for over HTTP: a runner for Kedro's server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kedro.framework.session import KedroSession
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.server.utils import (
    KEDRO_PROJECT_PATH_ENV,
    KEDRO_SERVER_CONF_SOURCE,
    KEDRO_SERVER_ENV,
)
from pluggy import PluginManager

from kedro_refresh.project import ProjectFiles
from kedro_refresh.runner import RefreshRunner


class ServerRefreshRunner(RefreshRunner):
    """Runs the stale nodes only, for a request to a server that ``kedro server start`` started.

    It neither promotes models nor removes old versions: the next ``kedro refresh`` does.

    Parameters
    ----------
    is_async
        Given by the server, and without effect: nodes run one after the other.
    """

    def __init__(self, is_async: bool = False) -> None:
        self._files = _files_of_the_server()
        super().__init__(self._files.judge)

    def _run(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol[Any, Any],
        hook_manager: PluginManager | None = None,
        run_id: str | None = None,
    ) -> None:
        try:
            super()._run(pipeline, catalog, hook_manager, run_id)
        except Exception as error:
            if hook_manager:
                self.tell(error, hook_manager.hook)
            raise


def _files_of_the_server() -> ProjectFiles:
    """Find the files of the project and environment that the server was started for."""
    session = KedroSession.create(
        project_path=Path(os.environ[KEDRO_PROJECT_PATH_ENV]),
        env=os.environ.get(KEDRO_SERVER_ENV),
        conf_source=os.environ.get(KEDRO_SERVER_CONF_SOURCE),
        save_on_close=False,
    )
    return ProjectFiles.of(session.load_context())
