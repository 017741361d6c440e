"""Typed parameters of the modelling template; Kedro checks them before any node runs."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    RootModel,
)

if TYPE_CHECKING:
    import pandas as pd

Fraction = Annotated[float, Field(gt=0, lt=1)]
DropoutRate = Annotated[float, Field(ge=0, lt=1)]
Engine = Literal["numpy", "torch"]


class _Parameters(BaseModel):
    """A block of parameters that refuses names it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FoldParameters(_Parameters):
    """How rows are assigned to folds.

    Attributes
    ----------
    n_splits
        Number of cross-validation folds, at least 2.
    group
        Column whose rows stay together, or None where every row stands for itself.
    identifiers
        Columns that tell otherwise equal rows apart, and so say nothing about duplicates.
    date
        Column of the time split, or None for a study without dates.
    first_test_day
        First day of the time split's test rows; where it is None, or the dates do not reach it,
        the day from which on the last fifth of the rows is.
    """

    n_splits: Annotated[int, Field(ge=2)] = 5
    group: str | None = None
    identifiers: tuple[str, ...] = ()
    date: str | None = None
    first_test_day: datetime.date | None = None


class PreparationParameters(_Parameters):
    """Which columns a model reads and how they are encoded inside each training fold.

    Attributes
    ----------
    target
        Name of the 0/1 column to predict.
    numeric, binary, categorical
        Input columns by kind: piecewise-linear encoding, unchanged, one-hot. Columns of the table
        whose names begin with ``number_``, ``flag_`` or ``category_`` come on top.
    optional
        Those of them that a table may lack.
    n_bins
        Bins of each numeric column at the most, at least 2.
    min_count
        Levels with fewer training rows share one column.
    """

    target: str
    numeric: tuple[str, ...] = ()
    binary: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    n_bins: Annotated[int, Field(ge=2, le=256)] = 24
    min_count: PositiveInt = 20

    @property
    def inputs(self) -> list[str]:
        """All input columns, in the order in which a model reads them."""
        return [*self.numeric, *self.binary, *self.categorical]

    def of(self, table: pd.DataFrame) -> PreparationParameters:
        """Name the inputs that a table has: without those it may lack, with its own."""
        absent = set(self.optional) - set(table)
        prefixes = {"numeric": "number_", "binary": "flag_", "categorical": "category_"}
        inputs = {
            kind: [name for name in getattr(self, kind) if name not in absent]
            + [name for name in table if name.startswith(prefix)]
            for kind, prefix in prefixes.items()
        }
        return self.model_copy(update={kind: tuple(names) for kind, names in inputs.items()})


class ThresholdParameters(_Parameters):
    """How the decision threshold is chosen inside each training fold.

    Attributes
    ----------
    policy
        ``capacity``: flag the riskiest `share`; ``cost``: flag where a call costs less than the
        loss it is expected to avert; ``f1``: largest F1; ``fixed``: `value`.
    share
        Share of rows to flag, in (0, 1); read by ``capacity``.
    cost_ratio
        Cost of one call divided by the loss that a successful call averts; read by ``cost``.
    value
        The threshold itself; read by ``fixed``.
    """

    policy: Literal["capacity", "cost", "f1", "fixed"] = "capacity"
    share: Fraction = 0.1
    cost_ratio: Fraction = 0.25
    value: Fraction = 0.5


class DecisionParameters(_Parameters):
    """From a network's output to a probability and a decision.

    Attributes
    ----------
    calibration
        Method of `crossfold.validation.fit_calibrator`.
    holdout_parts
        A single model is calibrated on one part of so many, by group, of its training fold, and
        trained on the others.
    threshold
        How the decision threshold is chosen.
    """

    calibration: Literal["none", "platt", "isotonic", "beta"] = "platt"
    holdout_parts: Annotated[int, Field(ge=2)] = 10
    threshold: ThresholdParameters = ThresholdParameters()


class NetworkParameters(_Parameters):
    """Arguments of `crossfold.mlp.MLPClassifier`, under the same names."""

    engine: Engine = "numpy"
    device: str = "auto"
    dtype: Literal["float32", "float64"] = "float32"
    hidden_layer_sizes: Annotated[tuple[PositiveInt, ...], Field(max_length=16)] = (64, 16, 8)
    activation: Literal[
        "relu", "leaky_relu", "sigmoid", "logistic", "tanh", "hard_sigmoid", "linear", "identity"
    ] = "relu"
    init: Literal["auto", "he", "xavier", "uniform", "normal", "zeros", "ones"] = "auto"
    solver: Literal["sgd", "adam", "adamw"] = "adam"
    learning_rate: Literal["constant", "invscaling", "adaptive", "one_cycle", "cosine"] = "constant"
    learning_rate_init: PositiveFloat = 0.001
    momentum: Annotated[float, Field(ge=0, le=1)] = 0.9
    alpha: NonNegativeFloat = 0.0001
    l1: NonNegativeFloat = 0.0
    dropout: DropoutRate | tuple[DropoutRate, ...] = 0.0
    batch_size: PositiveInt | Literal["auto", "full"] = 200
    max_iter: PositiveInt = 200
    loss: Literal["cross_entropy", "focal"] = "cross_entropy"
    focal_gamma: NonNegativeFloat = 2.0
    class_weight: Literal["balanced"] | None = None
    early_stopping: bool = False
    n_iter_no_change: PositiveInt = 10
    tol: float = 1e-4

    def changed(self, **values: Any) -> NetworkParameters:
        """Give a checked copy with other values."""
        return type(self).model_validate({**self.model_dump(), **values})


class VariantParameters(_Parameters):
    """What a variant changes in the network of the twins."""

    loss: Literal["cross_entropy", "focal"] = "cross_entropy"
    focal_gamma: NonNegativeFloat = 2.0
    class_weight: Literal["balanced"] | None = None


class VariantsParameters(RootModel[dict[str, VariantParameters]]):
    """Variants by name of the model."""

    model_config = ConfigDict(frozen=True)


class TunedParameters(_Parameters):
    """A cross-fitted ensemble of networks.

    Attributes
    ----------
    members
        Networks in each training fold, at least 2. Each leaves out one part of the training
        fold, by group; together the parts calibrate the ensemble.
    network
        The network of every member; their seeds differ.
    """

    members: Annotated[int, Field(ge=2)] = 8
    network: NetworkParameters = NetworkParameters()


class LogisticRegressionParameters(_Parameters):
    """Arguments of scikit-learn's `LogisticRegression`, on the encoded inputs."""

    C: PositiveFloat = 1.0
    max_iter: PositiveInt = 1000


class RandomForestParameters(_Parameters):
    """Arguments of scikit-learn's `RandomForestClassifier`."""

    n_estimators: PositiveInt = 100
    min_samples_leaf: PositiveInt = 20
    max_features: Literal["sqrt", "log2"] | Fraction = "sqrt"
    max_samples: Fraction | None = None


class GradientBoostingParameters(_Parameters):
    """Arguments of scikit-learn's `HistGradientBoostingClassifier`."""

    learning_rate: PositiveFloat = 0.1
    max_iter: PositiveInt = 100
    max_leaf_nodes: PositiveInt = 31
    min_samples_leaf: PositiveInt = 20
    l2_regularization: NonNegativeFloat = 0.0


class BaselineParameters(_Parameters):
    """The models that stand beside the networks in every table.

    Attributes
    ----------
    single_column
        The one column that the ``<column>_flag`` baseline reads, or None for no such baseline.
    """

    single_column: str | None = None
    logistic_regression: LogisticRegressionParameters = LogisticRegressionParameters()
    random_forest: RandomForestParameters = RandomForestParameters()
    hist_gradient_boosting: GradientBoostingParameters = GradientBoostingParameters()


class EvaluationParameters(_Parameters):
    """How figures get their intervals.

    Attributes
    ----------
    n_resamples
        Bootstrap resamples, by group where there are groups.
    equivalence_margin
        Largest difference in ROC-AUC that counts as none when the twins are compared.
    subsets
        Boolean feature columns by which figures are also given apart, as ``name: column``; a
        leading ``not `` takes the other rows.
    """

    n_resamples: Annotated[int, Field(ge=50)] = 200
    equivalence_margin: PositiveFloat = 0.005
    subsets: dict[str, str] = {}


class CardParameters(_Parameters):
    """What the model card says beyond the figures."""

    intended_use: str
    not_intended_for: str
    limits: tuple[str, ...] = ()
