"""What a refresh knows of a project: its files, its ``refresh.yml``, and the hooks it adds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from kedro.config import MissingConfigException
from kedro.framework import project
from kedro.framework.context import KedroContext
from kedro.framework.hooks.markers import HOOK_NAMESPACE
from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from pluggy import HookspecMarker
from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt, ValidationError

from kedro_refresh import RefreshError
from kedro_refresh.adapter import Catalog, find_all_pipelines, hook_manager_of
from kedro_refresh.code import CodeReader
from kedro_refresh.fingerprint import KnownCode, source_state
from kedro_refresh.ledger import Ledger
from kedro_refresh.lock import run_lock
from kedro_refresh.staleness import Judge

SETTINGS = "refresh"
hook_spec = HookspecMarker(HOOK_NAMESPACE)


class Frozen(BaseModel):
    """Settings that stay as they are, and have no other names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class KeepRule(Frozen):
    """Which old versions stay: the last ones, and the young ones."""

    last: PositiveInt = 10  # how many of the last versions stay, whatever their age
    days: NonNegativeInt = 90  # up to what age in days versions stay, however many there are


class RefreshSettings(Frozen):
    """All settings; a project's own class can add some."""

    folder: str = "data"  # where lock and ledger are, in the project's folder: where runs write
    keep: KeepRule | None = None  # which old versions stay; None for all of them
    # Names and tags of nodes that are never fresh: what they do cannot be seen.
    always_run: frozenset[str] = frozenset()
    # Datasets without files that are taken to stay as they are until their entry in the catalog
    # changes; nodes that read or write others without files are never fresh.
    trusted: frozenset[str] = frozenset()

    @classmethod
    def of(cls, context: KedroContext) -> Self:
        """Read the settings of an environment, and refuse unknown ones; none need be there."""
        settings = hooks_of(context).refresh_settings() or cls
        try:
            found: Self = settings.model_validate(_read(context))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            message = f"The setting {where} in refresh.yml is wrong: {first['msg']}. Mend it."
            raise RefreshError(message) from error
        return found._checked()

    def _checked(self) -> Self:
        """Refuse a name that nothing has: what it was meant for would be called fresh."""
        if not (self.always_run or self.trusted):
            return self
        find_all_pipelines()
        every = list(pipelines.values())
        nodes = {name for one in every for node in one.nodes for name in (node.name, *node.tags)}
        datasets = {name for one in every for name in one.datasets()}
        for setting, named, known, kind in (
            ("always_run", self.always_run, nodes, "node or tag"),
            ("trusted", self.trusted, datasets, "dataset"),
        ):
            if unknown := sorted(named - known):
                raise RefreshError(
                    f"The setting {setting} in refresh.yml names {', '.join(unknown)}, but there is"
                    f" no such {kind}. Mend it."
                )
        return self


def _read(context: KedroContext) -> dict[str, Any]:
    """Read the settings of an environment; a missing file holds nothing."""
    loader = context.config_loader
    getattr(loader, "config_patterns", {}).setdefault(SETTINGS, [f"{SETTINGS}.yml"])
    try:
        return dict(loader[SETTINGS])
    except (KeyError, MissingConfigException):
        return {}


@dataclass(frozen=True)
class ProjectFiles:
    """Files of a project: its source, the ledger, the lock."""

    package: str  # name of the project's package
    folder: Path  # where lock and ledger are in one environment
    settings: Callable[[], RefreshSettings] = RefreshSettings  # reads ``refresh.yml``
    hooks: Any = None  # those of the session

    @classmethod
    def of(cls, context: KedroContext) -> ProjectFiles:
        """Find the files of a context's project and environment; other settings may be wrong."""
        name = _read(context).get("folder", RefreshSettings().folder)
        settings = partial(RefreshSettings.of, context)
        folder = Path(context.project_path, str(name))
        return cls(project.PACKAGE_NAME or "", folder, settings, hooks_of(context))

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

    def judge(self, pipeline: Pipeline, catalog: Catalog, *, paranoid: bool = False) -> Judge:
        """Make a judge of the nodes of a pipeline."""
        source, settings = self._source(), self.settings()
        state = source_state(source)
        known = KnownCode(state) if paranoid else self.ledger.known_code(state)
        reader = CodeReader(self.package, source, known)
        named = {"always_run": settings.always_run, "trusted": settings.trusted}
        return Judge(pipeline, catalog, self.ledger, reader, paranoid=paranoid, **named)

    def _source(self) -> Path:
        found = find_spec(self.package)
        folders = list(found.submodule_search_locations or []) if found else []
        return Path(folders[0]) if folders else Path()


def hooks_of(context: KedroContext) -> Any:
    """Give the hooks of a session, with those of `RefreshSpecs` among them."""
    manager = hook_manager_of(context)
    known = getattr(manager.hook, "after_refresh", None)
    if known is None or not known.has_spec():
        manager.add_hookspecs(RefreshSpecs)
    return manager.hook


class RefreshSpecs:
    """What a project or another plugin can add to a refresh, by Kedro's ``hook_impl``."""

    @hook_spec(firstresult=True)
    def refresh_settings(self) -> type[RefreshSettings] | None:
        """Give the class of settings that ``refresh.yml`` is read into: one with more of them."""

    @hook_spec
    def before_writing(self, folder: Path) -> None:
        """Clean up the folder where runs write, before one does: nobody else is at work there."""

    @hook_spec
    def before_refresh(self, pipeline: Pipeline, catalog: Catalog, check: bool) -> None:
        """Do what comes before nodes are judged; an error is a failed run in the ledger.

        With `check` nothing may be written; else the lock is held.
        """

    @hook_spec(firstresult=True)
    def explain_failed_refresh(
        self, error: Exception, node: Node | None, judge: Judge | None
    ) -> Exception | None:
        """Give the error to tell in place of one that ended a run, and was raised in a node."""

    @hook_spec
    def after_refresh(  # type: ignore[empty-body]
        self, pipeline: Pipeline, catalog: Catalog, ledger: Ledger, settings: RefreshSettings
    ) -> Iterable[str]:
        """Do what follows, also where nothing was stale, and give the sentences to print."""

    @hook_spec
    def versions_in_use(  # type: ignore[empty-body]
        self, pipeline: Pipeline, catalog: Catalog, settings: RefreshSettings
    ) -> dict[str, Collection[str]]:
        """Name datasets whose old versions may go as well, each with versions that have to stay."""
