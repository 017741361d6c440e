"""Typed parameters of the wine audit; Kedro checks them before any node runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, RootModel

from crossfold.templates.cross_validation.parameters import Fraction, Layers, NetworkParameters

Fault = Literal["duplicates_across_split", "single_split"]


class FaultsParameters(RootModel[tuple[Fault, ...]]):
    """The faults that the reported protocol has; see `crossfold.pipelines.audit.wine.faults`."""

    model_config = ConfigDict(frozen=True)


class _Parameters(BaseModel):
    """A block of parameters that refuses names it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GridParameters(_Parameters):
    """What the source searched.

    Attributes
    ----------
    n_splits
        Folds of the search, at least 2.
    hidden_layer_sizes, learning_rate_init
        Values to combine.
    """

    n_splits: Annotated[int, Field(ge=2)] = 5
    hidden_layer_sizes: Annotated[tuple[Layers, ...], Field(min_length=1)]
    learning_rate_init: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)]


class CandidateParameters(_Parameters):
    """The candidate of the grid that the source's search chose."""

    hidden_layer_sizes: Layers
    learning_rate_init: PositiveFloat


class ProtocolParameters(_Parameters):
    """How the source trained and tested.

    Attributes
    ----------
    network
        The network before tuning.
    tuned
        What the source's search changed in it.
    grid
        What the source searched, on the training rows of its split.
    source_epochs
        The source's limit of epochs; a run of fewer says that it was shortened.
    n_splits
        A test set is one of so many equal parts.
    n_resamples
        Bootstrap resamples, by wines that measure the same.
    """

    network: NetworkParameters
    tuned: CandidateParameters
    grid: GridParameters
    source_epochs: PositiveInt
    n_splits: Annotated[int, Field(ge=2)] = 5
    n_resamples: Annotated[int, Field(ge=50)] = 1000


class PrintedParameters(_Parameters):
    """Test accuracies that the source printed."""

    logistic_regression: Fraction
    mlp: Fraction
    mlp_tuned: Fraction
