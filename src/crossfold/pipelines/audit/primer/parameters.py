"""Typed parameters of the primer's audit; Kedro checks them before any node runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt, RootModel

Fault = Literal["raw_error_update", "equal_points_across_parts"]
Share = Annotated[float, Field(ge=0, le=1)]


class _Parameters(BaseModel):
    """A block of parameters that refuses names it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FaultsParameters(RootModel[tuple[Fault, ...]]):
    """The faults that the reported protocol has; see `crossfold.pipelines.audit.primer.faults`."""

    model_config = ConfigDict(frozen=True)


class ProtocolParameters(_Parameters):
    """How the source trained; the network is that of the study.

    Attributes
    ----------
    source_epochs
        Epochs in the source; a run of fewer says that it was shortened.
    n_seeds
        Seeds of points, split and start; the first is the project's.
    """

    source_epochs: PositiveInt
    n_seeds: Annotated[int, Field(ge=10)] = 200


class PrintedParameters(_Parameters):
    """Figures that the source printed: after the last epoch, and errors after the first."""

    train_accuracy: Share
    validation_accuracy: Share
    train_error: NonNegativeFloat
    validation_error: NonNegativeFloat
    first_train_error: NonNegativeFloat
    first_validation_error: NonNegativeFloat
