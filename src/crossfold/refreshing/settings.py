"""What ``refresh.yml`` says of models and of changed data."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kedro_refresh.project import Frozen, RefreshSettings

Promote = Literal["auto", "never", "always"]


class ModelRule(Frozen):
    """What a new version of a model is compared by: out-of-fold predictions of rows of both."""

    # dataset of out-of-fold predictions, with ``row``, ``model``, ``protocol``, ``target``,
    # ``probability`` and ``group``
    predictions: str
    records: str  # dataset of the table whose rows ``row`` counts
    key: str  # its column that tells rows apart, whatever their order
    # which predictions are the model's
    model: str
    protocol: str
    # one of `crossfold.validation.METRICS` that needs no decisions
    metric: Literal["roc_auc", "pr_auc", "brier", "log_loss"] = "roc_auc"


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
