"""Typed parameters of the moons study; Kedro checks them before any node runs."""

from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat

from crossfold.templates.parameters import Parameters


class PointParameters(Parameters):
    """How many points are drawn, and how far they stray from their moon."""

    n_train: Annotated[int, Field(ge=10)] = 500
    """Points to train on and to test on, drawn apart."""
    n_test: Annotated[int, Field(ge=10)] = 10_000
    """Points to train on and to test on, drawn apart."""
    noise: NonNegativeFloat = 0.3
    """Standard deviation of each coordinate."""


class VariantParameters(Parameters):
    """What the variants differ in, beside reading quadratic features or not."""

    alphas: Annotated[tuple[NonNegativeFloat, ...], Field(min_length=1, max_length=4)]
    """L2 factors, halved and divided by the batch's rows."""


class DrawParameters(Parameters):
    """How often the training points are drawn anew, and how finely the plane is mapped."""

    n_draws: Annotated[int, Field(ge=2)] = 20
    """Sets of training points, at least 2."""
    step: PositiveFloat = 0.02
    """Distance of neighbouring points of the map."""
