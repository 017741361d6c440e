"""What ``refresh.yml`` says of models and of changed data."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kedro_refresh.settings import Frozen, RefreshSettings

Promote = Literal["auto", "never", "always"]


class ModelRule(Frozen):
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


class DriftRule(Frozen):
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


class Settings(RefreshSettings):
    """The settings of kedro-refresh, and those of what crossfold adds.

    Attributes
    ----------
    promote
        When a new model comes into use.
    models
        What each model is compared by.
    drift
        Which data are compared, by study.
    """

    promote: Promote = "auto"
    models: dict[str, ModelRule] = Field(default_factory=dict)
    drift: dict[str, DriftRule] = Field(default_factory=dict)
