"""What follows a run: models are promoted, changed data are told, old versions are removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from crossfold.refresh import drift, promotion, retention
from crossfold.refresh.ledger import Ledger
from crossfold.refresh.promotion import Decision
from crossfold.refresh.settings import DriftRule, KeepRule, ModelRule, RefreshSettings


@dataclass(frozen=True)
class Settling:
    """Does what follows a run, also what an earlier refresh did not come to.

    Attributes
    ----------
    catalog
        The datasets.
    pipeline
        What was refreshed.
    ledger
        The ledger.
    settings
        The rules.
    writer
        Draws and writes about data that have changed.
    """

    catalog: CatalogProtocol[Any, Any]
    pipeline: Pipeline
    ledger: Ledger
    settings: RefreshSettings
    writer: drift.Writer

    def settle(self) -> Iterator[str]:
        """Do it, and give one sentence for everything that was done."""
        decisions = dict(self._decisions())
        for study, rule in self.settings.drift.items():
            if drift.is_of(rule, self.pipeline):
                yield from self._tell_changes(study, rule, decisions)
        for decision in decisions.values():
            decision.carry_out()
            self.ledger.add_note(self.ledger.last_run(), decision.sentence)
            yield decision.sentence
        if self.settings.keep is not None:
            yield from self._prune(self.settings.keep)

    def _models(self) -> dict[str, ModelRule]:
        names = self.pipeline.datasets()
        return {name: rule for name, rule in self.settings.models.items() if name in names}

    def _decisions(self) -> Iterator[tuple[str, Decision]]:
        for name, rule in self._models().items():
            decision = promotion.consider(self.catalog, name, rule, self.settings.promote)
            if decision is not None:
                yield name, decision

    def _tell_changes(
        self, study: str, rule: DriftRule, decisions: Mapping[str, Decision]
    ) -> Iterator[str]:
        change = drift.find_change(self.catalog, self.ledger, self.pipeline, study, rule)
        if change is not None:
            decision = decisions.get(rule.model or "")
            found = drift.measure(self.catalog, study, rule, change, decision)
            yield drift.save(self.catalog, found, self.writer)
            drift.note(self.ledger, self.ledger.last_run(), self.catalog, found)

    def _prune(self, rule: KeepRule) -> Iterator[str]:
        names = self.pipeline.all_outputs() | drift.outputs(self.settings.drift)
        pruned = retention.prune(self.catalog, names, self._models(), self.ledger, rule)
        if pruned.n_versions:
            yield f"Removed {pruned.n_versions} old versions and {pruned.n_runs} old runs."
