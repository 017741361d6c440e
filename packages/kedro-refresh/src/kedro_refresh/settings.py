"""What ``refresh.yml`` says."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.project import pipelines
from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt, ValidationError

from kedro_refresh.adapter import find_all_pipelines, hooks_of
from kedro_refresh.exceptions import RefreshError

NAME = "refresh"


class Frozen(BaseModel):
    """Settings that stay as they are, and have no other names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class KeepRule(Frozen):
    """Which old versions stay: the last ones, and the young ones.

    Attributes
    ----------
    last
        How many of the last versions stay, whatever their age.
    days
        Up to what age in days versions stay, however many there are.
    """

    last: PositiveInt = 10
    days: NonNegativeInt = 90


class RefreshSettings(Frozen):
    """All settings; a project's own class can add some.

    Attributes
    ----------
    folder
        Where lock and ledger are, in the project's folder: where runs write.
    keep
        Which old versions stay; None for all of them.
    always_run
        Names and tags of nodes that are never fresh: what they do cannot be seen.
    trusted
        Datasets without files that are taken to stay as they are until their entry in the catalog
        changes; nodes that read or write others without files are never fresh.
    """

    folder: str = "data"
    keep: KeepRule | None = None
    always_run: frozenset[str] = frozenset()
    trusted: frozenset[str] = frozenset()

    @classmethod
    def of(cls, context: KedroContext) -> Self:
        """Read the settings of an environment; a missing file leaves everything as it is.

        Raises
        ------
        RefreshError
            If there is a setting that does not exist, or has no such value.
        """
        settings = hooks_of(context).refresh_settings() or cls
        try:
            found: Self = settings.model_validate(_read(context))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            message = f"The setting {where} in refresh.yml is wrong: {first['msg']}. Mend it."
            raise RefreshError(message) from error
        return found._checked()

    @classmethod
    def folder_of(cls, context: KedroContext) -> Path:
        """Give the folder of lock and ledger; other settings may be wrong."""
        return Path(context.project_path, str(_read(context).get("folder", cls().folder)))

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
    """Read the file of an environment; a missing one holds nothing."""
    loader = context.config_loader
    patterns = getattr(loader, "config_patterns", {})
    patterns.setdefault(NAME, [f"{NAME}.yml"])
    try:
        return dict(loader[NAME])
    except (KeyError, MissingConfigException):
        return {}
