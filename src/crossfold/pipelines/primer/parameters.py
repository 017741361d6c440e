"""Typed parameters of the primer; Kedro checks them before any node runs."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt


class _Parameters(BaseModel):
    """A block of parameters that refuses names it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LogisticParameters(_Parameters):
    """Logistic regression as a network without a hidden layer.

    Attributes
    ----------
    learning_rate, epochs
        Of full-batch gradient descent.
    first_steps
        Steps written out in full.
    exercise_epochs
        Lengths of the longer trainings.
    """

    learning_rate: PositiveFloat = 0.01
    epochs: PositiveInt = 500
    first_steps: PositiveInt = 3
    exercise_epochs: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]


class FirstNetworkParameters(_Parameters):
    """The first network with a hidden layer, trained one row at a time."""

    n_points: Annotated[int, Field(ge=10)] = 100
    n_hidden: PositiveInt = 4
    learning_rate: PositiveFloat = 0.01
    epochs: PositiveInt = 10
    first_steps: PositiveInt = 3
