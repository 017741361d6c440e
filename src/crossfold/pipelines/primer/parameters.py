"""Typed parameters of the primer; Kedro checks them before any node runs."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from crossfold.templates.parameters import Parameters


class LogisticParameters(Parameters):
    """Logistic regression as a network without a hidden layer."""

    learning_rate: PositiveFloat = 0.01
    """Of full-batch gradient descent."""
    epochs: PositiveInt = 500
    """Of full-batch gradient descent."""
    first_steps: PositiveInt = 3
    """Steps written out in full."""
    exercise_epochs: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    """Lengths of the longer trainings."""
    smallest_gain: PositiveFloat = 1e-4
    """Early stopping: training ends where the loss has fallen by less than the former in each of as
    many epochs as the latter."""
    patience: PositiveInt = 10
    """Early stopping: training ends where the loss has fallen by less than the former in each of as
    many epochs as the latter."""


class FirstNetworkParameters(Parameters):
    """The first network with a hidden layer, trained one row at a time."""

    n_points: Annotated[int, Field(ge=10)] = 100
    """Points drawn, from which training and validation points are taken."""
    n_hidden: PositiveInt = 4
    """Units of the hidden layer."""
    learning_rate: PositiveFloat = 0.01
    """Size of a step."""
    epochs: PositiveInt = 10
    """Passes over the training points."""
    first_steps: PositiveInt = 3
    """How many steps are written down with weights and gradients."""
