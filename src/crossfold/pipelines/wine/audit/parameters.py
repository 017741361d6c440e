"""Typed parameters of the wine audit; Kedro checks them before any node runs."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, PositiveFloat, PositiveInt

from crossfold.pipelines.wine.audit.measures import MEASURES
from crossfold.templates.audit import Claims
from crossfold.templates.cross_validation.parameters import Layers, NetworkParameters
from crossfold.templates.parameters import Parameters

SINGLE_SPLIT, DUPLICATES = "single_split", "duplicates_across_split"


class WineClaims(Claims):
    """The claims of the wine study's source."""

    study: ClassVar[str] = "wine"
    switches: ClassVar[tuple[str, ...]] = (DUPLICATES, SINGLE_SPLIT)
    measures = MEASURES


class GridParameters(Parameters):
    """What the source searched.

    Attributes
    ----------
    n_splits
        Number of folds on which the settings were compared.
    hidden_layer_sizes, learning_rate_init
        Values of which every combination was tried.
    """

    n_splits: Annotated[int, Field(ge=2)] = 5
    hidden_layer_sizes: Annotated[tuple[Layers, ...], Field(min_length=1)]
    learning_rate_init: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)]


class ProtocolParameters(Parameters):
    """How the source trained and tested.

    Attributes
    ----------
    network
        The network before tuning.
    networks
        Every network by name, with what differs in it: ``mlp``; ``mlp_tuned``, the candidate that
        the source's search chose; and the one layer that the task asked for.
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
    networks: dict[str, dict[str, Layers | PositiveFloat]]
    grid: GridParameters
    source_epochs: PositiveInt
    n_splits: Annotated[int, Field(ge=2)] = 5
    n_resamples: Annotated[int, Field(ge=50)] = 1000
