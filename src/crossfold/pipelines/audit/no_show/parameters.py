"""Typed parameters of the no-show audit; Kedro checks them before any node runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, RootModel

from crossfold.templates.cross_validation.parameters import Fraction, NetworkParameters

Fault = Literal[
    "elapsed_days",
    "drop_infants",
    "scale_before_split",
    "patients_across_folds",
    "unlike_twins",
    "f1_on_training_rows",
    "one_threshold_for_both",
    "fpr_stored_as_f1",
    "cost_always_weighted",
    "inverted_weight",
]


class FaultsParameters(RootModel[tuple[Fault, ...]]):
    """The faults that the reported protocol has; see `crossfold.pipelines.audit.no_show.faults`."""

    model_config = ConfigDict(frozen=True)


class ProtocolParameters(BaseModel):
    """How the source trained and tested.

    Attributes
    ----------
    network
        The network that both libraries train; its batch size is PyTorch's.
    numpy_batch_size
        Batch size of NumPy under ``unlike_twins``.
    source_epochs
        Epochs in the source; a run of fewer says that it was shortened.
    share_epochs
        Epochs of the runs with one fault alone and of the sound run that they are compared with.
    weighting_epochs
        Epochs with all faults after which a weighted and an unweighted network are compared.
    n_splits
        Number of folds.
    threshold
        Probability from which the source predicts a no-show.
    n_thresholds
        Thresholds of the sweep, evenly from 0.01 to 0.99.
    n_resamples
        Bootstrap resamples, by patient.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: NetworkParameters
    numpy_batch_size: PositiveInt = 100
    source_epochs: PositiveInt
    share_epochs: PositiveInt
    weighting_epochs: PositiveInt
    n_splits: Annotated[int, Field(ge=2)] = 5
    threshold: Fraction = 0.4
    n_thresholds: Annotated[int, Field(ge=3)] = 101
    n_resamples: Annotated[int, Field(ge=50)] = 200
