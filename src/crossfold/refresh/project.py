"""Where a project keeps what a refresh needs: its source, its data, the ledger, the lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException
from kedro.framework import project
from kedro.framework.context import KedroContext
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from crossfold.datasets.temporary import sweep_folder
from crossfold.refresh.code import CodeReader
from crossfold.refresh.known_code import KnownCode, source_state
from crossfold.refresh.ledger import Ledger
from crossfold.refresh.lock import run_lock
from crossfold.refresh.settings import RefreshSettings
from crossfold.refresh.staleness import Judge

DEFAULT_DATA_ROOT = "data"


@dataclass(frozen=True)
class ProjectFiles:
    """Files of a project.

    Attributes
    ----------
    package
        Name of the project's package.
    data
        Root of what its runs write in one environment.
    settings
        Reads ``refresh.yml``.
    """

    package: str
    data: Path
    settings: Callable[[], RefreshSettings] = RefreshSettings

    @classmethod
    def of(cls, context: KedroContext) -> ProjectFiles:
        """Find the files of the project and environment of a context."""
        try:
            settings = context.config_loader["globals"]
        except (KeyError, MissingConfigException):
            settings = {}
        root = Path(context.project_path, settings.get("data_root", DEFAULT_DATA_ROOT))
        return cls(project.PACKAGE_NAME or "", root, partial(RefreshSettings.of, context))

    @property
    def ledger(self) -> Ledger:
        """The ledger of the environment."""
        return Ledger(self.data / "ledger.sqlite")

    @contextmanager
    def locked(self, work: str, *, exclusive: bool = True) -> Iterator[None]:
        """Hold the lock of the data, see `run_lock`; work that writes sweeps what the dead left."""
        with run_lock(self.data / "run.lock", exclusive=exclusive, work=work):
            if exclusive:
                sweep_folder(self.data)
            yield

    @property
    def rejected(self) -> Path:
        """The folder of source files that could not be used."""
        return self.data / "rejected"

    def judge(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol[Any, Any],
        *,
        paranoid: bool = False,
    ) -> Judge:
        """Make a judge of the nodes of a pipeline."""
        source = self._source()
        known = KnownCode(source_state(source))
        if not paranoid:
            known = self.ledger.known_code(known.state)
        reader = CodeReader(self.package, source, known)
        settings = self.settings()
        return Judge(
            pipeline,
            catalog,
            self.ledger,
            reader,
            paranoid=paranoid,
            always_run=settings.always_run,
            trusted=settings.trusted,
        )

    def _source(self) -> Path:
        """Find the package's folder."""
        found = find_spec(self.package)
        folders = list(found.submodule_search_locations or []) if found else []
        return Path(folders[0]) if folders else Path()
