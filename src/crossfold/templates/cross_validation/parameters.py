"""Typed parameters of the cross-validation template."""

from __future__ import annotations

import datetime
import importlib
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from inspect import signature
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    RootModel,
    ValidationError,
    field_validator,
    model_validator,
)

from crossfold.templates.parameters import Parameters
from crossfold.user_input import did_you_mean, unknown_names
from crossfold.validation.estimates import METRICS_OF
from crossfold.validation.tables import POOLED

Fraction = Annotated[float, Field(gt=0, lt=1)]
DropoutRate = Annotated[float, Field(ge=0, lt=1)]
Engine = Literal["numpy", "torch"]
Sampler = Literal["none", "down_sampling", "smote"]
Layers = Annotated[tuple[PositiveInt, ...], Field(max_length=16)]
Protocol = Literal["grouped_k_fold", "k_fold", "leave_one_out", "original_split", "time_split"]

MLP = "mlp"
SKLEARN = "sklearn"
ESTIMATORS = ("baselines", "references")
"""Families of models that are no networks."""
OF_THE_RUN = {"random_state": "comes from the parameter seed", "callbacks": "is for Python"}
NEGATED = "not "
PREFIXES = {"numeric": "number_", "binary": "flag_", "categorical": "category_"}
"""How columns begin that a table of the user's own adds to a study's, by kind of input."""

ALLOWED = (SKLEARN, "imblearn", "lightgbm", "catboost", "xgboost", "interpret", "pytabkit")


def _is_score(name: str) -> str:
    from sklearn.metrics import get_scorer_names  # for those who name one

    if name not in (names := get_scorer_names()):
        raise ValueError(f"it should be a score of scikit-learn's{did_you_mean(name, names)}")
    return name


Score = Annotated[str, AfterValidator(_is_score)]


class FoldParameters(Parameters):
    """How rows are assigned to folds."""

    n_splits: Annotated[int, Field(ge=2)] = 5
    """Number of cross-validation folds, at least 2."""
    n_repeats: PositiveInt = 1
    """How often the cross-validation is repeated with other folds."""
    leave_one_out: bool = False
    """Whether each row (or group) is also left out in turn."""
    split_column: str | None = None
    """Column of the table that says where its source put each row: rows with the value ``train``
    are learnt from, all others validate; None for no such split."""
    first_test_day: datetime.date | None = None
    """First day of the time split's test rows; where it is None, or the dates do not reach it, the
    day from which on the last fifth of the rows is."""
    parts: Annotated[int, Field(ge=0, le=100)] = 10
    """Each member of a model leaves one of so many parts of its training fold, by group, for
    calibration; at least 2, or 0 for models that learn from whole training folds."""

    @field_validator("parts")
    @classmethod
    def _leave_something(cls, value: int) -> int:
        if value == 1:
            raise ValueError("one part is the whole training fold; it should be 0 or at least 2")
        return value


class PreparationParameters(Parameters):
    """Which columns a model reads and how they are encoded inside each training fold."""

    numeric: tuple[str, ...] = ()
    """Inputs that are numbers; where no input of any kind is named, all columns but the target, by
    their type. Where some are, columns named ``number_…``, ``flag_…`` or ``category_…`` come on
    top."""
    binary: tuple[str, ...] = ()
    """Inputs that are 0 or 1."""
    categorical: tuple[str, ...] = ()
    """Inputs that are levels."""
    optional: tuple[str, ...] = ()
    """Those of the named ones that a table may lack."""
    n_bins: Annotated[int, Field(ge=2, le=256)] = 24
    """Bins of each numeric column at the most, at least 2."""
    min_count: PositiveInt = 20
    """Levels with fewer training rows share one column."""


class ThresholdParameters(Parameters):
    """How the decision threshold of two classes is chosen inside each training fold."""

    policy: Literal["capacity", "cost", "f1", "fixed"] = "fixed"
    """``capacity``: flag the riskiest `share`; ``cost``: flag where a call costs less than the loss
    it is expected to avert; ``f1``: largest F1; ``fixed``: `value`."""
    share: Fraction = 0.1
    """Share of rows to flag, in (0, 1); read by ``capacity``."""
    cost_ratio: Fraction = 0.25
    """Cost of one call divided by the loss that a successful call averts; read by ``cost``."""
    value: Fraction = 0.5
    """The threshold itself; read by ``fixed``."""


class DecisionParameters(Parameters):
    """From what a model says to a probability and a decision; read after training."""

    calibration: Literal["none", "platt", "isotonic", "beta"] = "platt"
    """Method of `crossfold.validation.calibration.fit_calibrator`, for two classes."""
    threshold: ThresholdParameters = ThresholdParameters()
    """How the decision threshold is chosen."""


class NetworkParameters(Parameters):
    """Arguments of `crossfold.mlp.MLPClassifier` and `MLPRegressor`, under the same names.

    Those listed here have defaults of their own; any other may be given too. What each may be is
    said by the library, which is not loaded for the words that stand here: every start of Kedro
    would wait for it. `n_iter_no_change` may be None: every epoch is run.
    """

    model_config = ConfigDict(extra="allow")

    engine: Engine = "numpy"
    device: Literal["auto", "cpu"] | str = "auto"
    dtype: Literal["float32", "float64"] = "float32"
    hidden_layer_sizes: Layers = (64, 16, 8)
    activation: Literal["relu", "sigmoid", "logistic", "tanh"] | str | tuple[str, ...] = "relu"
    init: Literal["auto", "he", "xavier"] | str = "auto"
    solver: Literal["sgd", "adam", "adamw"] | str = "adam"
    learning_rate: Literal["constant", "one_cycle", "cosine"] | str = "constant"
    learning_rate_init: PositiveFloat = 0.001
    momentum: Annotated[float, Field(ge=0, le=1)] = 0.9
    alpha: NonNegativeFloat = 0.0001
    l1: NonNegativeFloat = 0.0
    dropout: DropoutRate | tuple[DropoutRate, ...] = 0.0
    batch_size: PositiveInt | Literal["auto", "full"] | str = 200
    max_iter: PositiveInt = 200
    loss: Literal["cross_entropy", "focal"] | str = "cross_entropy"
    focal_gamma: NonNegativeFloat = 2.0
    class_weight: Literal["balanced"] | str | None = None
    early_stopping: bool | str = False
    n_iter_no_change: PositiveInt | None = 10
    tol: NonNegativeFloat = 1e-4

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Ask the library about what the types above do not tell."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if not all(_is_listed(name, value) for name, value in given.items()):
            _check_arguments({name: one for name, one in given.items() if one is not None})
        return self

    def changed(self, **values: Any) -> NetworkParameters:
        """Copy with other values, checked."""
        return type(self).model_validate({**self.model_dump(), **values})


def _is_listed(name: str, value: Any) -> bool:
    """Tell whether an argument is one of `NetworkParameters`, and any word in it one of its own."""
    field = NetworkParameters.model_fields.get(name)
    if field is None:
        return False
    values = value if isinstance(value, tuple) else (value,)
    known = {word for kind in get_args(field.annotation) for word in get_args(kind) or (kind,)}
    return known.issuperset(one for one in values if isinstance(one, str))  # numbers are checked


def _check_arguments(given: dict[str, Any]) -> None:
    """Refuse what neither the classifier nor the regressor takes."""
    from crossfold.mlp import MLPClassifier, MLPRegressor

    takers = {name: kind for kind in (MLPRegressor, MLPClassifier) for name in kind().get_params()}
    if unknown := sorted(given.keys() - takers.keys()):
        hint = did_you_mean(unknown[0], takers)
        raise ValueError(f"there is no argument {unknown[0]} of a network{hint}")
    if given.get("loss") == "poisson":  # the one value that only the regressor takes
        takers["loss"] = MLPRegressor
    for kind in (MLPRegressor, MLPClassifier):
        own = {name: value for name, value in given.items() if takers[name] is kind}
        kind(**own)._validate_params()


class Model(Parameters):
    """One model of a study: everything that tells it from the others."""

    estimator: str = MLP
    """``mlp``, or the import path of an estimator with scikit-learn's interface, such as
    ``sklearn.linear_model.LogisticRegression``, from a package of `ALLOWED`."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the estimator; of ``mlp`` those of `NetworkParameters`."""
    inputs: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Columns that the model reads; None for all input columns."""
    preparation: Literal["encoded", "tabular", "standard", "min_max", "ordinal", "filled"] = (
        "encoded"
    )
    """Method of `fit_encoder`."""
    select: PositiveInt | None = None
    """How many numeric inputs are kept in each fold: those that tell the classes apart best
    (`class_separation`); None for all."""
    sampler: Sampler = "none"
    """Applied to the encoded training rows: ``down_sampling`` draws as many rows of each class as
    the smallest has, ``smote`` adds synthetic rows to the smaller ones (Chawla et al. 2002)."""
    dtype: Literal["float32", "float64"] = "float32"
    """In which the encoded inputs are handed over."""
    members: PositiveInt = 1
    """Models of different seeds in each fold, pooled into one; each leaves out another part."""
    protocols: Annotated[tuple[Protocol, ...], Field(min_length=1)] | None = None
    """Protocols that it takes part in; None for all."""
    search: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(default_factory=dict)
    """Values to choose from, by name of the argument (``mlp`` only): every combination is scored on
    folds inside each training fold."""
    search_folds: Annotated[int, Field(ge=2)] = 3
    """Number of those inner folds."""
    search_metric: Score | None = None
    """Score of scikit-learn's by which the best is chosen; None for accuracy, or R² of numbers."""
    train_scores: bool = False
    """Whether accuracy and F1 of the training rows are noted after every epoch too (two classes).
    """

    @model_validator(mode="after")
    def _check(self) -> Model:
        if self.estimator != MLP and self.estimator.partition(".")[0] not in ALLOWED:
            raise ValueError(f"estimator has to be {MLP} or come from one of {', '.join(ALLOWED)}")
        if self.estimator == MLP:
            _check_network(self.params, "params")
            for name, values in self.search.items():
                for value in values:
                    _check_network({**self.params, name: value}, "search")
        elif self.search:
            raise ValueError(f"only {MLP} can search")
        elif self.estimator.partition(".")[0] == SKLEARN:  # others take long to load
            new_estimator(self.estimator, self.params)
        for name, why in OF_THE_RUN.items():
            if name in self.params or name in self.search:
                raise ValueError(f"{name} {why}: leave it out")
        if self.sampler != "none" and self.search:
            raise ValueError("a model that searches cannot have a sampler")
        if self.sampler != "none" and self.params.get("class_weight") is not None:
            raise ValueError("resampled classes are balanced already: give no class_weight as well")
        return self

    @property
    def network(self) -> NetworkParameters:
        """Arguments of the network, with their defaults."""
        return NetworkParameters.model_validate(self.params)


def _check_network(values: dict[str, Any], where: str) -> None:
    """Check the arguments of a network, and say in which block of its model a wrong one stands."""
    try:
        NetworkParameters.model_validate(values)
    except ValidationError as error:
        found: list[Any] = [{**one, "loc": (where, *one["loc"])} for one in error.errors()]
        raise ValidationError.from_exception_data(error.title, found) from error


def is_installed(estimator: str) -> bool:
    """Say whether the package of a model's estimator is there; others are left out of a run."""
    return estimator == MLP or find_spec(estimator.partition(".")[0]) is not None


def new_estimator(path: str, params: Mapping[str, Any]) -> Any:
    """Make an estimator, not fitted; refuse (ValueError) a class or arguments that are none."""
    module, _, name = path.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module or path), name)
    except (ImportError, AttributeError) as error:
        known = vars(sys.modules.get(module, object))
        raise ValueError(f"there is no estimator {path}{did_you_mean(name, known)}") from error
    if not (hasattr(kind, "fit") and hasattr(kind, "get_params")):
        raise ValueError(f"{path} is no class of estimators")
    try:
        estimator = kind(**params)
    except TypeError as error:
        takes = signature(kind).parameters
        if unknown := sorted(params.keys() - takes):
            hint = did_you_mean(unknown[0], takes)
            raise ValueError(f"there is no argument {unknown[0]} of {name}{hint}") from error
        raise ValueError(str(error)) from error
    if hasattr(estimator, "_parameter_constraints"):  # of scikit-learn's own, which else tell late
        estimator._validate_params()
    return estimator


class FamilyParameters(RootModel[dict[str, Model]]):
    """Models by name."""

    model_config = ConfigDict(frozen=True)

    def __iter__(self) -> Iterator[tuple[str, Model]]:  # type: ignore[override]
        return iter(self.root.items())


class IntervalParameters(Parameters):
    """How figures get their intervals, and which of them a run tells."""

    n_resamples: Annotated[int, Field(ge=50)] = 200
    """Bootstrap resamples, by group where there are groups."""
    reference: str = "mlp_tuned"
    """Model that a run and its report are about, and that others are compared with."""


class EvaluationParameters(IntervalParameters):
    """How figures get their intervals, and what is compared."""

    metric: str | None = None
    """Metric by which folds are compared; None for ROC-AUC, accuracy or R²."""
    twins: tuple[str, str] | tuple[()] = ("mlp_numpy", "mlp_torch")
    """The same network on both engines, compared for equality; empty for none."""
    equivalence_margin: PositiveFloat = 0.005
    """Largest difference of the main metric that counts as none when the twins are compared."""
    single_fold: Annotated[int, Field(ge=0)] | None = None
    """Fold on which models are also compared alone, as one split would; None for none."""
    subsets: dict[str, str] = Field(default_factory=dict)
    """Flags of the features by which figures are also given apart, as ``name: column``; a leading
    ``not `` takes the rows where the flag is not set. Where it is missing, a row is in neither."""

    @field_validator("subsets")
    @classmethod
    def _no_other_scope(cls, value: dict[str, str]) -> dict[str, str]:
        if taken := [name for name in value if name == POOLED or name.startswith("fold ")]:
            raise ValueError(f"figures of something else are called {taken[0]}: choose other names")
        return value


class ImportanceParameters(Parameters):
    """How it is measured what drives the reference model."""

    n_repeats: PositiveInt = 3
    """How often each column is shuffled in every fold."""
    max_rows: PositiveInt = 2000
    """Validation rows of each fold that are read at the most."""
    metric: Score | None = None
    """Score of scikit-learn's; None for ROC-AUC, accuracy or R²."""
    n_effects: PositiveInt = 4
    """Columns whose effect is computed, from the most important one on."""
    n_values: Annotated[int, Field(ge=2)] = 12
    """Values of each column at which it is computed, at the most."""
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Columns that are shuffled together because they say one thing, by a name for them; the parts
    of one date are anyway."""

    @model_validator(mode="after")
    def _groups_apart(self) -> Self:
        named = Counter(column for group in self.groups.values() for column in group)
        if twice := sorted(column for column, times in named.items() if times > 1):
            raise ValueError(f"{', '.join(twice)}: name each column in one of the groups")
        return self


class LeakControlParameters(Parameters):
    """Controls on permuted labels, where nothing can be learnt."""

    n_permutations: PositiveInt = 20
    """How often labels are permuted."""
    smote_permutations: PositiveInt = 5
    """The same for the controls of SMOTE, whose networks read all inputs."""


class CardParameters(Parameters):
    """What the model card says beyond the figures."""

    intended_use: str = ""
    """For what the model is made."""
    not_intended_for: str = ""
    """For what it must not be used."""
    limits: tuple[str, ...] = ()
    """What its reader has to know, a sentence each."""


def misfits(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Tell what blocks of a study name that its models, folds, columns and task do not have.

    The parameters are nested, as configuration files hold them, and each is good in itself.
    """
    for study, blocks in parameters.items():
        if isinstance(blocks, Mapping) and {"evaluation", "models"} <= blocks.keys():
            faults = (
                *_misfits_of_models(blocks),
                *_misfits_of_evaluation(blocks),
                *_unknown_columns(blocks),
            )
            yield from (f"{study}.{fault}" for fault in faults)


def _misfits_of_models(blocks: Mapping[str, Any]) -> Iterator[str]:
    """Tell of names that two models have, and of scikit-learn's estimators for another task."""
    from sklearn.base import is_classifier, is_regressor

    fits, kind = is_classifier, "classifier"
    if _task(blocks) == "regression":
        fits, kind = is_regressor, "regressor"
    family_of: dict[str, str] = {}
    for family, models in blocks["models"].items():
        for name, model in models.items():
            if (other := family_of.setdefault(name, family)) != family:
                yield f"models.{other} and models.{family} both name a model {name}"
            path = model.get("estimator", MLP)
            if (path == MLP) == (family in ESTIMATORS):
                where = "another family" if path == MLP else ESTIMATORS[0]
                yield f"models.{family}.{name}.estimator is {path}: it belongs into {where}"
            if path.startswith(SKLEARN) and not fits(new_estimator(path, model.get("params", {}))):
                yield f"models.{family}.{name}.estimator is {path}, which is no {kind}"


def _task(blocks: Mapping[str, Any]) -> Any:
    return dict(blocks.get("table", {})).get("task", "binary")


def _misfits_of_evaluation(blocks: Mapping[str, Any]) -> Iterator[str]:
    evaluation = EvaluationParameters.model_validate(blocks["evaluation"])
    models = [name for family in blocks["models"].values() for name in family]
    for field, names in {"reference": [evaluation.reference], "twins": evaluation.twins}.items():
        if field in evaluation.model_fields_set:
            yield from unknown_names(f"evaluation.{field}", names, models, "model")
    folds = FoldParameters.model_validate(blocks.get("folds", {}))
    fold, n_folds = evaluation.single_fold, folds.n_splits * folds.n_repeats
    if fold is not None and fold >= n_folds:
        yield f"evaluation.single_fold is {fold}, and the folds are 0 to {n_folds - 1}"
    for family, own in blocks["models"].items():
        for name, model in own.items():
            members = int(model.get("members", 1))
            if members > folds.parts > 0 and is_installed(model.get("estimator", MLP)):
                place = f"models.{family}.{name}.members"
                yield f"{place} is {members}, and they leave out one of {folds.parts} parts each"
    metric = evaluation.metric
    known = METRICS_OF[_task(blocks)]
    if metric is not None and metric not in known:
        hint = did_you_mean(metric, known)
        yield f"evaluation.metric is {metric}{hint}: there are {', '.join(known)}"


def _unknown_columns(blocks: Mapping[str, Any]) -> Iterator[str]:
    """Tell of named inputs that are none; no input is known where models read whatever there is."""
    preparation = PreparationParameters.model_validate(blocks.get("preparation", {}))
    of_kinds = {kind: getattr(preparation, kind) for kind in PREFIXES}
    kinds: dict[str, Any] = dict(blocks.get("table", {})).get("columns") or {}
    columns = [*kinds] or [name for names in of_kinds.values() for name in names]
    parts_of_dates = tuple(f"{name}_" for name, kind in kinds.items() if kind == "date")
    subsets = EvaluationParameters.model_validate(blocks["evaluation"]).subsets
    groups = ImportanceParameters.model_validate(blocks.get("importance", {})).groups
    named = {
        **{f"preparation.{kind}": names for kind, names in of_kinds.items()},
        "preparation.optional": preparation.optional,
        **{f"evaluation.subsets.{s}": [flag.removeprefix(NEGATED)] for s, flag in subsets.items()},
        **{f"importance.groups.{name}": names for name, names in groups.items()},
        **{
            f"models.{family}.{name}.inputs": model.get("inputs") or ()
            for family, models in blocks["models"].items()
            for name, model in models.items()
        },
    }
    also = (*parts_of_dates, *PREFIXES.values())
    for place, names in named.items() if columns else ():
        others = [name for name in names if not name.startswith(also)]
        yield from unknown_names(place, others, columns, "input")
