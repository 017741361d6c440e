"""Hooks of kedro-refresh: what comes before a refresh, and what follows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from crossfold.datasets.atomic import sweep_folder
from crossfold.refreshing.sources import web_copies

if TYPE_CHECKING:
    from kedro.io import CatalogProtocol
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

    from crossfold.refreshing.promotion import Decision
    from crossfold.refreshing.settings import ModelRule, Settings
    from kedro_refresh.ledger import Ledger
    from kedro_refresh.staleness import Judge

    Catalog = CatalogProtocol[Any, Any]


class RefreshHooks:
    """Follows web sources; keeps what is rejected; promotes models; tells how data have changed."""

    @hook_impl
    def refresh_settings(self) -> type[Settings]:
        """Read promotion and drift from ``refresh.yml`` too."""
        from crossfold.refreshing.settings import Settings

        return Settings

    @hook_impl
    def before_writing(self, folder: Path) -> None:
        """Sweep what the dead left."""
        sweep_folder(folder)

    @hook_impl
    def before_refresh(self, pipeline: Pipeline, catalog: Catalog, check: bool) -> None:
        """Bring copies of web sources up to date, or only look what they hold."""
        for copy in web_copies(pipeline, catalog):
            copy.look() if check else copy.update()

    @hook_impl
    def explain_failed_refresh(
        self, error: Exception, node: Node | None, judge: Judge | None
    ) -> Exception | None:
        """Keep copies of new source files that could not be used, and say so."""
        from crossfold.refreshing import rejected

        return rejected.tell(error, node, judge) if node and judge else None

    @hook_impl
    def after_refresh(
        self, pipeline: Pipeline, catalog: Catalog, ledger: Ledger, settings: Settings
    ) -> Iterator[str]:
        """Compare changed data with those before, and put new models into use."""
        from crossfold.refreshing import drift

        decisions = dict(_decisions(pipeline, catalog, settings))
        for study, rule in settings.drift.items():
            change = drift.find_change(catalog, ledger, pipeline, study, rule)
            if change is not None:
                decision = decisions.get(rule.model or "")
                found = drift.measure(catalog, study, rule, change, decision)
                yield drift.save(catalog, found)
                drift.note(ledger, ledger.last_run(), catalog, found)
        for decision in decisions.values():
            decision.carry_out()
            ledger.add_note(ledger.last_run(), decision.sentence)
            yield decision.sentence

    @hook_impl
    def versions_in_use(
        self, pipeline: Pipeline, catalog: Catalog, settings: Settings
    ) -> Mapping[str, set[str]]:
        """Name what was written about drift, and the versions behind promoted models."""
        from crossfold.refreshing import drift, promotion

        found: dict[str, set[str]] = {name: set() for name in drift.outputs(settings.drift)}
        for model in _models(pipeline, settings):
            for name, version in promotion.in_use(catalog, model):
                found.setdefault(name, set()).add(version)
        return found


def _models(pipeline: Pipeline, settings: Settings) -> dict[str, ModelRule]:
    names = pipeline.datasets()
    return {name: rule for name, rule in settings.models.items() if name in names}


def _decisions(
    pipeline: Pipeline, catalog: Catalog, settings: Settings
) -> Iterator[tuple[str, Decision]]:
    from crossfold.refreshing import promotion

    for name, rule in _models(pipeline, settings).items():
        decision = promotion.consider(catalog, name, rule, settings.promote)
        if decision is not None:
            yield name, decision
