"""What a project or another plugin can add to a refresh, by Kedro's ``hook_impl``."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks.markers import HOOK_NAMESPACE
from pluggy import HookspecMarker

if TYPE_CHECKING:
    from kedro.io import CatalogProtocol
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

    from kedro_refresh.ledger import Ledger
    from kedro_refresh.settings import RefreshSettings
    from kedro_refresh.staleness import Judge

    Catalog = CatalogProtocol[Any, Any]

hook_spec = HookspecMarker(HOOK_NAMESPACE)


class RefreshSpecs:
    """Hooks of a refresh."""

    @hook_spec(firstresult=True)
    def refresh_settings(self) -> type[RefreshSettings] | None:
        """Give the class of settings that ``refresh.yml`` is read into: one with more of them."""

    @hook_spec
    def before_writing(self, folder: Path) -> None:
        """Clean up where runs write, before one does, or a refresh: nobody else is at work there.

        Parameters
        ----------
        folder
            The setting of that name.
        """

    @hook_spec
    def before_refresh(self, pipeline: Pipeline, catalog: Catalog, check: bool) -> None:
        """Do what comes before nodes are judged; an error is a failed run in the ledger.

        Parameters
        ----------
        pipeline, catalog
            What is refreshed.
        check
            Whether nothing may be written; else the lock is held.
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
