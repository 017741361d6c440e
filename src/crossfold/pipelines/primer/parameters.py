"""Typed parameters of the primer; Kedro checks them before any node runs."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from crossfold.templates.parameters import Parameters


class LogisticParameters(Parameters):
    """Logistic regression as a network without a hidden layer.

    Attributes
    ----------
    learning_rate, epochs
        Of full-batch gradient descent.
    first_steps
        Steps written out in full.
    exercise_epochs
        Lengths of the longer trainings.
    smallest_gain, patience
        Early stopping: training ends where the loss has fallen by less than the former in each of
        as many epochs as the latter.
    """

    learning_rate: PositiveFloat = 0.01
    epochs: PositiveInt = 500
    first_steps: PositiveInt = 3
    exercise_epochs: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    smallest_gain: PositiveFloat = 1e-4
    patience: PositiveInt = 10


class FirstNetworkParameters(Parameters):
    """The first network with a hidden layer, trained one row at a time.

    Attributes
    ----------
    n_points
        Points drawn, from which training and validation points are taken.
    n_hidden
        Units of the hidden layer.
    learning_rate
        Size of a step.
    epochs
        Passes over the training points.
    first_steps
        How many steps are written down with weights and gradients.
    """

    n_points: Annotated[int, Field(ge=10)] = 100
    n_hidden: PositiveInt = 4
    learning_rate: PositiveFloat = 0.01
    epochs: PositiveInt = 10
    first_steps: PositiveInt = 3
