"""What ``refresh.yml`` says."""

from __future__ import annotations

from typing import Any, Literal

from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.project import pipelines
from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt, ValidationError

from crossfold.refresh.exceptions import RefreshError

Promote = Literal["auto", "never", "always"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeepRule(_Frozen):
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


class ModelRule(_Frozen):
    """What a new version of a model is compared by: out-of-fold predictions of rows of both.

    Attributes
    ----------
    predictions
        Dataset of out-of-fold predictions, with ``row``, ``model``, ``protocol``, ``target``,
        ``probability`` and ``group``.
    records
        Dataset of the table whose rows ``row`` counts.
    key
        Its column that tells rows apart, whatever their order.
    model, protocol
        Which predictions are the model's.
    metric
        One of `crossfold.validation.METRICS` that needs no decisions.
    """

    predictions: str
    records: str
    key: str
    model: str
    protocol: str
    metric: Literal["roc_auc", "pr_auc", "brier", "log_loss"] = "roc_auc"


class DriftRule(_Frozen):
    """Which data of a study are compared with those before, when they have changed.

    Attributes
    ----------
    table
        Dataset whose columns are compared.
    label
        Its column with the outcome.
    model
        Model whose comparison belongs to it, one of ``models``; None for none.
    ignore
        Columns that are not compared.
    """

    table: str
    label: str
    model: str | None = None
    ignore: frozenset[str] = frozenset()


class RefreshSettings(_Frozen):
    """All settings.

    Attributes
    ----------
    keep
        Which old versions stay; None for all of them.
    promote
        When a new model comes into use.
    models
        What each model is compared by.
    drift
        Which data are compared, by study.
    always_run
        Names and tags of nodes that are never fresh: what they do cannot be seen.
    trusted
        Datasets without files that are taken to stay as they are until their entry in the catalog
        changes; nodes that read or write others without files are never fresh.
    """

    keep: KeepRule | None = None
    promote: Promote = "auto"
    models: dict[str, ModelRule] = {}
    drift: dict[str, DriftRule] = {}
    always_run: frozenset[str] = frozenset()
    trusted: frozenset[str] = frozenset()

    @classmethod
    def of(cls, context: KedroContext) -> RefreshSettings:
        """Read the settings of an environment; a missing file leaves everything as it is.

        Raises
        ------
        RefreshError
            If there is a setting that does not exist, or has no such value.
        """
        try:
            found: dict[str, Any] = context.config_loader["refresh"]
        except (KeyError, MissingConfigException):
            found = {}
        try:
            return cls.model_validate(found)._checked()
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            message = f"The setting {where} in refresh.yml is wrong: {first['msg']}. Mend it."
            raise RefreshError(message) from error

    def _checked(self) -> RefreshSettings:
        """Refuse a name that nothing has: what it was meant for would be called fresh."""
        if not (self.always_run or self.trusted):
            return self
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
