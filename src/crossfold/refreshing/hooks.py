"""What a refresh does here beside running what is stale."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol, DatasetError
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from pydantic import Field, field_validator

from crossfold.datasets.atomic import sweep_folder, temporary_file
from crossfold.datasets.download import sha256
from crossfold.datasets.networks import PromotedModelDataset
from crossfold.exceptions import CrossfoldError
from crossfold.messages import explain
from kedro_refresh import RefreshError
from kedro_refresh.adapter import is_versioned, path_of, set_version, version_of
from kedro_refresh.project import Frozen, RefreshSettings
from kedro_refresh.staleness import Judge

if TYPE_CHECKING:
    from crossfold.datasets.source_dataset import WebCopy
    from kedro_refresh.ledger import Ledger

Catalog = CatalogProtocol[Any, Any]
Promote = Literal["auto", "never", "always"]

FOLDER = "rejected"
SAVING = "Failed while saving"  # Kedro's words
_logger = logging.getLogger(__name__)


class ModelRule(Frozen):
    """What a new version of a model is compared by: out-of-fold predictions of rows of both."""

    # dataset of out-of-fold predictions, with ``row``, ``model``, ``protocol``, ``target``,
    # ``probability`` and ``group``
    predictions: str
    records: str  # dataset of the table whose rows ``row`` counts
    # its columns that together tell rows apart, whatever their order; or the name of one
    key: tuple[str, ...]
    # which predictions are the model's; a protocol, or those of which a study has one
    model: str
    protocol: tuple[str, ...]
    # one of `crossfold.validation.metrics.METRICS` that needs no decisions
    metric: Literal["roc_auc", "pr_auc", "brier", "log_loss"] = "roc_auc"

    @field_validator("key", "protocol", mode="before")
    @classmethod
    def _one_name(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class DriftRule(Frozen):
    """Which data of a study are compared with those before, when they have changed."""

    table: str  # dataset whose columns are compared
    label: str  # its column with the outcome
    # model whose comparison belongs to it, one of ``models``; None for none
    model: str | None = None
    ignore: frozenset[str] = frozenset()  # columns that are not compared


class Settings(RefreshSettings):
    """The settings of kedro-refresh, and those of what crossfold adds."""

    promote: Promote = "auto"  # when a new model comes into use
    models: dict[str, ModelRule] = Field(default_factory=dict)  # what each model is compared by
    drift: dict[str, DriftRule] = Field(default_factory=dict)  # which data are compared, by study


class RefreshHooks:
    """Follows web sources; keeps what is rejected; promotes models; tells how data have changed."""

    @hook_impl
    def refresh_settings(self) -> type[Settings]:
        """Read promotion and drift from ``refresh.yml`` too."""
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
        keep_to_trusted(pipeline, catalog)

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: Catalog) -> None:
        """Say so where data look bad, and those before are read; also as the past of an export."""
        for name, version in keep_to_trusted(pipeline, catalog):
            _logger.warning(
                "%s is read as of %s: what came later looks bad, so that its model is not in use;"
                " kedro refresh --history says why.",
                *(name, version),
            )
        read_past_alike(pipeline, catalog)

    @hook_impl
    def explain_failed_refresh(
        self, error: Exception, node: Node | None, judge: Judge | None
    ) -> Exception | None:
        """Keep copies of new source files that could not be used, and say so."""
        return blame_source(error, node, judge) if node and judge else None

    @hook_impl
    def after_refresh(
        self, pipeline: Pipeline, catalog: Catalog, ledger: Ledger, settings: Settings
    ) -> Iterator[str]:
        """Compare changed data with those before, and put new models into use."""
        from crossfold.refreshing import drift, promotion

        decisions = {
            name: decision
            for name, rule in _models(pipeline, settings).items()
            if (decision := promotion.consider(catalog, name, rule, settings.promote)) is not None
        }
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


def web_copies(pipeline: Pipeline, catalog: Catalog) -> list[WebCopy]:
    """Give the copies of what a pipeline reads from web addresses."""
    copies = [getattr(catalog.get(name), "web_copy", None) for name in sorted(pipeline.inputs())]
    return [copy for copy in copies if copy is not None]


def keep_to_trusted(pipeline: Pipeline, catalog: Catalog) -> list[tuple[str, str]]:
    """Have the records of a model in use read as it knew them, where later ones look bad.

    Gives the names and the versions of what is read so.
    """
    found = []
    for model in map(catalog.get, sorted(pipeline.inputs())):
        promotion = model.promotion() if isinstance(model, PromotedModelDataset) else None
        if promotion is not None and promotion.doubted:
            known = promotion.evidence
            read = sorted(known.keys() & pipeline.inputs())
            # Another version that was asked for is read.
            found += [(n, known[n]) for n in read if version_of(catalog.get(n)).load is None]
    for name, version in found:
        set_version(catalog.get(name), version, None)
    return found


def read_past_alike(pipeline: Pipeline, catalog: Catalog) -> None:
    """Compare exports with their past in the version in which the run reads it itself."""
    read = [catalog.get(name) for name in sorted(pipeline.inputs())]
    for dataset in read:
        past = getattr(dataset, "past", None)
        for table in read:
            if past is not None and is_versioned(table) and path_of(table) == path_of(past):
                set_version(past, *version_of(table))


def _models(pipeline: Pipeline, settings: Settings) -> dict[str, ModelRule]:
    names = pipeline.datasets()
    return {name: rule for name, rule in settings.models.items() if name in names}


def blame_source(error: Exception, node: Node, judge: Judge) -> RefreshError | None:
    """Turn the error of a run into a sentence, or give None where no source is to blame.

    Copies of the files that are new since the last good run are kept in a folder of the source,
    readable by their owner only, once for each content; the sentence ends with them.
    """
    sentence = explain(error)
    is_of_source = isinstance(error, DatasetError | CrossfoldError) and SAVING not in str(error)
    if sentence is None or not is_of_source:
        return None
    folder = judge.ledger.file.with_name(FOLDER)
    kept = [
        _keep(file, folder / name)
        for name, files in judge.new_files(node).items()
        if _is_own_source(judge.catalog.get(name))
        for file in files
    ]
    if not kept:
        return None
    names = ", ".join(str(file) for file in kept)
    return RefreshError(
        f"{sentence} Until then the outputs stay as they are; a copy of what is new is in {names}."
    )


def _is_own_source(dataset: Any) -> bool:
    """Say whether a dataset was neither made by a run nor verified as a published file."""
    return not is_versioned(dataset) and getattr(dataset, "pinned_sha256", None) is None


def _keep(file: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    copy = folder / f"{sha256(file)[:12]}-{file.name}"
    if not copy.exists():
        with temporary_file(copy) as temporary:
            temporary.chmod(0o600)
            shutil.copyfile(file, temporary)
            temporary.replace(copy)
    return copy
