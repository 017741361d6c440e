"""Typed parameters of the moons audit; Kedro checks them before any node runs."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from crossfold.pipelines.moons.audit.measures import MEASURES, SWITCHES
from crossfold.templates.audit import Claims
from crossfold.templates.parameters import Parameters


class MoonsClaims(Claims):
    """The claims of the moons study's source."""

    study: ClassVar[str] = "moons"
    switches: ClassVar[tuple[str, ...]] = SWITCHES
    measures = MEASURES


class ProtocolParameters(Parameters):
    """How the source trained; layers, rate and points are those of the study.

    Attributes
    ----------
    alpha
        L2 factor that the source states, halved and divided by the batch's rows.
    source_epochs
        Epochs in the source; a run of fewer says that it was shortened.
    n_seeds
        Sets of points, each with a start of its own, that a run without a seed is drawn from.
    step
        Distance of neighbouring points of the grid on which the decision boundary is found.
    """

    alpha: NonNegativeFloat
    source_epochs: PositiveInt
    n_seeds: Annotated[int, Field(ge=10)] = 200
    step: PositiveFloat = 0.05
