"""Typed parameters of the moons audit; Kedro checks them before any node runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt, RootModel

Fault = Literal["no_test_set", "unseeded"]


class _Parameters(BaseModel):
    """A block of parameters that refuses names it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FaultsParameters(RootModel[tuple[Fault, ...]]):
    """The faults that the reported protocol has; see `crossfold.pipelines.audit.moons.outcomes`."""

    model_config = ConfigDict(frozen=True)


class ProtocolParameters(_Parameters):
    """How the source trained; network and points are those of the study.

    Attributes
    ----------
    alpha
        L2 factor of the source, one of the study's.
    source_epochs
        Epochs in the source; a run of fewer says that it was shortened.
    n_seeds
        Sets of points, each with a start of its own, that a run without a seed is drawn from.
    """

    alpha: NonNegativeFloat
    source_epochs: PositiveInt
    n_seeds: Annotated[int, Field(ge=10)] = 200


class UnstatedParameters(_Parameters):
    """Plausible values of what the source does not state.

    Attributes
    ----------
    alpha
        Other readings of the L2 factor.
    """

    alpha: tuple[NonNegativeFloat, ...] = ()


class PrintedParameters(_Parameters):
    """Figures that the source printed: accuracy, and the loss of the first and last epoch."""

    accuracy: Annotated[float, Field(ge=0, le=1)]
    first_loss: NonNegativeFloat
    last_loss: NonNegativeFloat
