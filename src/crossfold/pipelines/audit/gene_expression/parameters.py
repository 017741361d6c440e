"""Typed parameters of the gene expression audit; Kedro checks them before any node runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, RootModel

from crossfold.templates.cross_validation.parameters import NetworkParameters

Fault = Literal[
    "scale_before_split",
    "smote_before_split",
    "resample_before_split",
    "weights_after_resampling",
    "one_model_for_all_folds",
]


class FaultsParameters(RootModel[tuple[Fault, ...]]):
    """The faults of the reported protocol; see `crossfold.pipelines.audit.gene_expression`."""

    model_config = ConfigDict(frozen=True)


class EpochsParameters(BaseModel):
    """Epochs in each fold of the two cross-validations."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    k_fold: PositiveInt
    leave_one_out: PositiveInt


class ProtocolParameters(BaseModel):
    """How the source trained and tested.

    Attributes
    ----------
    network
        The network that is trained on every table and fold; its epochs are those of the split.
    epochs
        Epochs in each fold with all faults.
    share_epochs
        Epochs in each fold with one fault alone, and without any for comparison.
    source_epochs
        Epochs in the source; a run of fewer says that it was shortened.
    test_share
        Share of the rows that the split puts aside.
    n_draws
        Splits that are drawn, each with a start of its own; the first has the project's seed.
    n_splits
        Folds of the stratified cross-validation.
    n_resamples
        Bootstrap resamples.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: NetworkParameters
    epochs: EpochsParameters
    share_epochs: EpochsParameters
    source_epochs: PositiveInt
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    n_draws: Annotated[int, Field(ge=2)] = 20
    n_splits: Annotated[int, Field(ge=2)] = 10
    n_resamples: Annotated[int, Field(ge=50)] = 1000

    def arguments(self) -> dict[str, Any]:
        """List the arguments of the network; every epoch is run."""
        return {**self.network.model_dump(), "n_iter_no_change": float("inf")}


class TablePrintedParameters(BaseModel):
    """What the source printed of one table after the last epoch."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    f1: float
    loss: float


class PrintedParameters(BaseModel):
    """What the source printed of its three tables."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    original: TablePrintedParameters
    down_sampled: TablePrintedParameters
    smote: TablePrintedParameters
