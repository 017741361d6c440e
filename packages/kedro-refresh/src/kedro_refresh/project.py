"""Where a project keeps what a refresh needs: its source, its data, the ledger, the lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kedro.framework import project
from kedro.framework.context import KedroContext
from kedro.pipeline import Pipeline

from kedro_refresh.adapter import Catalog, hooks_of
from kedro_refresh.code import CodeReader
from kedro_refresh.fingerprint import KnownCode, source_state
from kedro_refresh.ledger import Ledger
from kedro_refresh.lock import run_lock
from kedro_refresh.settings import RefreshSettings
from kedro_refresh.staleness import Judge


@dataclass(frozen=True)
class ProjectFiles:
    """Files of a project.

    Attributes
    ----------
    package
        Name of the project's package.
    folder
        Where lock and ledger are in one environment.
    settings
        Reads ``refresh.yml``.
    hooks
        Those of the session.
    """

    package: str
    folder: Path
    settings: Callable[[], RefreshSettings] = RefreshSettings
    hooks: Any = None

    @classmethod
    def of(cls, context: KedroContext) -> ProjectFiles:
        """Find the files of the project and environment of a context."""
        folder = RefreshSettings.folder_of(context)
        return cls(
            project.PACKAGE_NAME or "",
            folder,
            partial(RefreshSettings.of, context),
            hooks_of(context),
        )

    @property
    def ledger(self) -> Ledger:
        """The ledger of the environment."""
        return Ledger(self.folder / "ledger.sqlite")

    @contextmanager
    def locked(self, work: str, *, exclusive: bool = True) -> Iterator[None]:
        """Hold the lock of the data; see `run_lock`."""
        with run_lock(self.folder / "run.lock", exclusive=exclusive, work=work):
            if exclusive and self.hooks:
                self.hooks.before_writing(folder=self.folder)
            yield

    def judge(
        self,
        pipeline: Pipeline,
        catalog: Catalog,
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
