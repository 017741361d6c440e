"""Typed parameters of the wine study; Kedro checks them before any node runs."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from crossfold.templates.cross_validation.parameters import NetworkParameters

__all__ = [
    "EvaluationParameters",
    "FoldParameters",
    "GridParameters",
    "ImportanceParameters",
    "LogisticRegressionParameters",
    "NetworkParameters",
]

Layers = Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=16)]


class _Parameters(BaseModel):
    """A block of parameters that refuses names it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LogisticRegressionParameters(_Parameters):
    """Arguments of scikit-learn's `LogisticRegression`."""

    C: PositiveFloat = 1.0
    max_iter: PositiveInt = 1000


class FoldParameters(_Parameters):
    """How wines are assigned to folds; wines that measure the same stay together."""

    n_splits: Annotated[int, Field(ge=2)] = 5


class GridParameters(_Parameters):
    """What is searched inside each training fold.

    Attributes
    ----------
    n_splits
        Inner folds of each training fold, at least 2.
    hidden_layer_sizes, learning_rate_init
        Values to combine.
    """

    n_splits: Annotated[int, Field(ge=2)] = 5
    hidden_layer_sizes: Annotated[tuple[Layers, ...], Field(min_length=1)]
    learning_rate_init: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)]


class ImportanceParameters(_Parameters):
    """How often each column is shuffled in every fold."""

    n_repeats: PositiveInt = 10


class EvaluationParameters(_Parameters):
    """How many bootstrap resamples, by group, give the intervals."""

    n_resamples: Annotated[int, Field(ge=50)] = 1000
