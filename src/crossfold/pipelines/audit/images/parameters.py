"""Typed parameters of the audits of image studies; Kedro checks them before any node runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    RootModel,
)

from crossfold.templates.cross_validation.parameters import DropoutRate, NetworkParameters

Fault = Literal[
    "relu_as_derivative",
    "dropout_backward",
    "global_max_softmax",
    "swapped_arguments",
    "unlike_regimes",
    "small_test_sample",
    "drop_last_batch",
    "one_hidden_layer",
    "small_training_sample",
    "penalty_not_applied",
]


class _Parameters(BaseModel):
    """A block of parameters that refuses names it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FaultsParameters(RootModel[tuple[Fault, ...]]):
    """The faults that the reported protocol has; see `crossfold.pipelines.audit.images.faults`."""

    model_config = ConfigDict(frozen=True)


class ProtocolParameters(_Parameters):
    """How the source trained and tested.

    Attributes
    ----------
    source
        Name of the table of claims.
    regime
        Regime of the study whose figures are the sound ones.
    network
        Solver, batches, penalty, learning rate and epochs of the source.
    source_epochs
        Epochs in the source; a run of fewer says that it was shortened.
    share_epochs
        Epochs of the runs with one fault alone, of the sound run that they are compared with, and
        of those with other values of what the source does not state.
    experiments
        The study's experiments by their names in the audit; empty for all under their own names.
    train_parts
        Parts of the source's split that are learned from.
    train_sample_rows
        Training images under ``small_training_sample``.
    sample_rows
        Test images behind a figure under ``small_test_sample``.
    n_resamples
        Bootstrap resamples.
    """

    source: Literal["digits", "fashion"]
    regime: str
    network: NetworkParameters
    source_epochs: PositiveInt
    share_epochs: PositiveInt
    experiments: dict[str, str] = {}
    train_parts: tuple[Literal["train", "validation"], ...] = ("train",)
    train_sample_rows: PositiveInt = 10_000
    sample_rows: PositiveInt = 30
    n_resamples: Annotated[int, Field(ge=50)] = 1000

    def audit_names(self, study_names: Iterable[str]) -> dict[str, str]:
        """Give the audit's name of each of the study's experiments that it has."""
        if not self.experiments:
            return {name: name for name in study_names}
        return {study: name for name, study in self.experiments.items()}


class UnstatedParameters(_Parameters):
    """Plausible values of what the source does not state.

    Attributes
    ----------
    learning_rate, dropout
        Each value is trained with all faults; dropout concerns the experiments that have any.
    sample_rows
        Test images behind a figure under ``small_test_sample``.
    """

    learning_rate: tuple[PositiveFloat, ...] = ()
    dropout: tuple[DropoutRate, ...] = ()
    sample_rows: tuple[PositiveInt, ...] = ()


class PrintedParameters(RootModel[dict[str, dict[str, NonNegativeFloat]]]):
    """Figures that the source printed, by experiment and metric; shares in [0, 1]."""

    model_config = ConfigDict(frozen=True)
