"""The estimators' parameters: which values they may have, and what the engines make of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions, make_constraint

from crossfold.mlp._activations import ACTIVATIONS
from crossfold.mlp._progress import PER_STEP
from crossfold.mlp._spec import Activation, Array, DataSet, Member, Network, Rows, Settings
from crossfold.mlp._start import INITIALIZERS
from crossfold.mlp.exceptions import DataError, ParameterError

if TYPE_CHECKING:
    from crossfold.mlp._base import BaseMLP
    from crossfold.mlp._targets import Targets

NON_NEGATIVE = Interval(Real, 0, None, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")
_COUNT = Interval(Integral, 1, None, closed="left")
FRACTION = Interval(Real, 0, 1, closed="left")
_SYNONYMS = {"logistic": "sigmoid", "identity": "linear", "squared_error": "mse"}
_FUNCTIONS = StrOptions({*ACTIVATIONS, "logistic", "identity"})

_OF_WEIGHTS = ("alpha", "l1", "init", "bias_init", "use_bias")
"""Parameters that may be one for each layer of weights."""

WHOLE_RUN_SCHEDULES = tuple(PER_STEP)
"""Learning-rate schedules that are laid out over all epochs of a training."""

CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", _COUNT],
    "activation": [_FUNCTIONS, Activation, "array-like"],
    "output_activation": [_FUNCTIONS, Activation, None],
    "solver": [StrOptions({"sgd", "adam", "adamw", "lbfgs"})],
    "alpha": [NON_NEGATIVE, "array-like"],
    "l1": [NON_NEGATIVE, "array-like"],
    "dropout": [FRACTION, "array-like"],
    "batch_size": [StrOptions({"auto", "full"}), _COUNT],
    "learning_rate": [
        StrOptions({"auto", "constant", "invscaling", "adaptive", *WHOLE_RUN_SCHEDULES})
    ],
    "learning_rate_init": [_POSITIVE],
    "power_t": [NON_NEGATIVE],
    "max_iter": [_COUNT],
    "max_fun": [_COUNT],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [NON_NEGATIVE],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [FRACTION],
    "beta_1": [FRACTION],
    "beta_2": [FRACTION],
    "epsilon": [_POSITIVE],
    "n_iter_no_change": [_COUNT, Options(Real, {np.inf})],
    "init": [StrOptions({"auto", *INITIALIZERS}), _POSITIVE, callable, "array-like"],
    "bias_init": [StrOptions(set(INITIALIZERS)), _POSITIVE, "array-like"],
    "use_bias": ["boolean", "array-like"],
    "input_scale": [_POSITIVE],
    "engine": [StrOptions({"numpy", "torch"})],
    "device": [StrOptions({"auto", "cpu", "cuda"})],
    "dtype": [StrOptions({"float32", "float64"})],
    "callbacks": [list, tuple],
}

_SETTINGS = tuple(
    field.name
    for field in fields(Settings)
    if field.name
    not in {"callbacks", "learning_rate", "max_iter", "n_iter_no_change", "score_every"}
)
_Shared = TypeVar("_Shared", Network, Settings)


def hidden_sizes(estimator: BaseMLP) -> tuple[int, ...]:
    """Give the units of each hidden layer."""
    sizes = np.atleast_1d(np.asarray(estimator.hidden_layer_sizes))
    if sizes.size and (sizes.ndim != 1 or sizes.dtype.kind not in "iu" or sizes.min() < 1):
        raise ParameterError(
            "hidden_layer_sizes must be > 0 and whole: one number or one per hidden layer. "
            f"Got {estimator.hidden_layer_sizes!r} instead."
        )
    return tuple(int(size) for size in sizes)


def make_network(estimator: BaseMLP, n_features: int, targets: Targets) -> Network:
    """Describe the network that an estimator asks for."""
    return Network(
        layer_sizes=(n_features, *hidden_sizes(estimator), targets.n_outputs),
        activation=hidden_activation(estimator),
        head=targets.head,
        loss=_by_our_name(estimator.loss),
        output=_by_our_name(per_layer(estimator, "output_activation")),
        input_scale=float(estimator.input_scale),
        label_smoothing=float(estimator.label_smoothing),
    )


def hidden_activation(estimator: BaseMLP) -> Any:
    """Give the hidden activation, one for all layers where they have the same."""
    own = per_layer(estimator, "activation", len(hidden_sizes(estimator)))
    if not isinstance(own, tuple):
        return _by_our_name(own)
    named = tuple(_by_our_name(one) for one in own)
    return named[0] if len(set(named)) == 1 else named


def _by_our_name(name: Any) -> Any:
    return _SYNONYMS.get(name, name) if isinstance(name, str) else name


def settings_of_layers(estimator: BaseMLP) -> dict[str, Any]:
    """Give the settings of `Member` that may be one for all layers or, as tuples, one for each."""
    depth = len(hidden_sizes(estimator))
    return {
        "dropout": per_layer(estimator, "dropout", depth, depth + 1),
        **{name: per_layer(estimator, name, depth + 1) for name in _OF_WEIGHTS},
    }


def per_layer(estimator: BaseMLP, name: str, *depths: int) -> Any:
    """Give a parameter that is one for all layers or, as a tuple, one for each.

    Parameters
    ----------
    estimator
        Whose parameter.
    name
        Its name.
    depths
        How many it may be.

    Raises
    ------
    ParameterError
        There are more or fewer, or one of them is not allowed.
    """
    value = getattr(estimator, name)
    is_one = not isinstance(value, (list, tuple, np.ndarray)) or np.ndim(value) == 0
    values = [value] if is_one else value
    own = tuple(one.item() if isinstance(one, np.generic) else one for one in values)
    kinds = [make_constraint(kind) for kind in CONSTRAINTS[name] if kind != "array-like"]
    allowed = all(any(kind.is_satisfied_by(one) for kind in kinds) for one in own)
    if not allowed or not (is_one or (len(own) in depths and not any(map(callable, own)))):
        each = f"one, or one for each of {' or '.join(map(str, depths))} layers, of "
        raise ParameterError(
            f"{name} must be {each if depths else ''}{', '.join(map(str, kinds))}. "
            f"Got {value!r} instead."
        )
    return own[0] if is_one else own


def make_settings(
    estimator: BaseMLP, callbacks: Sequence[Any] = (), *, incremental: bool = False
) -> Settings:
    """Describe how an estimator asks to be trained."""
    shared: dict[str, Any] = {name: getattr(estimator, name) for name in _SETTINGS}
    schedule: Any = schedule_of(estimator, incremental=incremental)
    runs_through = estimator.learning_rate == "auto" and schedule in WHOLE_RUN_SCHEDULES
    whole = {"batch_size": "full", "shuffle": False, "early_stopping": False}
    return Settings(
        **{**shared, **(whole if estimator.solver == "lbfgs" else {})},
        learning_rate=schedule,
        max_iter=1 if incremental else estimator.max_iter,
        n_iter_no_change=np.inf
        if runs_through or estimator.solver == "lbfgs"
        else estimator.n_iter_no_change,
        callbacks=tuple(callbacks),
    )


def stops_early(estimator: BaseMLP) -> bool:
    """Tell whether rows set aside stop the training; as in scikit-learn, not that of L-BFGS."""
    return bool(estimator.early_stopping) and estimator.solver != "lbfgs"


def schedule_of(estimator: BaseMLP, *, incremental: bool = False) -> str:
    """Name the learning rate's schedule, ``auto`` replaced by what it stands for."""
    if estimator.solver == "lbfgs":
        return "constant"
    if estimator.learning_rate != "auto":
        return str(estimator.learning_rate)
    may_end_early = incremental or estimator.early_stopping
    return "constant" if may_end_early or estimator.solver == "sgd" else "one_cycle"


def make_member(
    estimator: BaseMLP,
    targets: Targets,
    data_set: DataSet,
    rows: Rows,
    validation_rows: Rows | None = None,
    *,
    sets_aside: bool | None = None,
) -> Member:
    """Describe one network of a stack.

    Parameters
    ----------
    estimator
        Its parameters.
    targets
        How labels or values became the targets of `data_set`.
    data_set
        Where the rows are; its index in the stack is set by the caller.
    rows
        Row numbers to train on.
    validation_rows
        Row numbers to score after each epoch; not read where rows are set aside.
    sets_aside
        Whether `validation_fraction` of the rows are set aside; None is with early stopping.
    """
    seed = draw_seed(estimator.random_state)
    if sets_aside is None:
        sets_aside = stops_early(estimator)
    if sets_aside:
        rows, validation_rows = _set_aside(estimator, targets, data_set.targets, rows, seed)
    weights = np.ones(len(rows)) if data_set.weights is None else data_set.weights[rows]
    return Member(
        data=0,
        train_rows=rows,
        validation_rows=validation_rows,
        seed=seed,
        learning_rate_init=float(estimator.learning_rate_init),
        **settings_of_layers(estimator),
        class_weight=targets.class_factors(estimator.class_weight, data_set.targets[rows], weights),
        focal_gamma=float(estimator.focal_gamma) if estimator.loss == "focal" else 0.0,
    )


def draw_seed(random_state: Any) -> int:
    """Give an integer seed: the state itself where it is one, else drawn from it."""
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def fit_into(member: Member, own: Network, shared: Network) -> Member:
    """Mask a member whose own network is narrower than the stack's."""
    n_features, *hidden, _ = own.layer_sizes
    return replace(
        member,
        n_features=None if n_features == shared.layer_sizes[0] else n_features,
        hidden_layer_sizes=None if own.layer_sizes == shared.layer_sizes else tuple(hidden),
    )


def share_network(networks: Sequence[Network]) -> Network:
    """Give the network that all members of a stack can be fitted into: the widest of each layer.

    Cross-entropy is the focal loss with gamma 0, so that the two may stand in one stack.
    """
    depths = {len(network.layer_sizes) for network in networks}
    if len(depths) > 1:
        raise ParameterError(
            "hidden_layer_sizes has different numbers of layers in one stack; train them in one "
            "FoldStack per depth."
        )
    sizes = tuple(max(layer) for layer in zip(*(n.layer_sizes for n in networks), strict=True))
    if {network.loss for network in networks} == {"focal", "cross_entropy"}:
        networks = [replace(network, loss="focal") for network in networks]
    return _same(replace(network, layer_sizes=sizes) for network in networks)


def share_settings(settings: Iterable[Settings]) -> Settings:
    """Give the settings that all members of a stack have in common."""
    return _same(settings)


def _same(items: Iterable[_Shared]) -> _Shared:
    first, *others = items
    names = [
        field.name
        for field in fields(first)
        if any(getattr(other, field.name) != getattr(first, field.name) for other in others)
    ]
    if names:
        raise ParameterError(
            f"{', '.join(names)} must be the same in all members of a FoldStack; train members "
            "that differ in them in separate stacks."
        )
    return first


def _set_aside(
    estimator: BaseMLP, targets: Targets, encoded: Array, rows: Rows, seed: int
) -> tuple[Rows, Rows]:
    """Split off the rows that stop training, stratified where classes exclude each other."""
    exclusive = targets.head in {"binary", "multiclass"}
    strata = targets.decode(encoded[rows]) if exclusive else None
    try:
        train_rows, validation_rows = train_test_split(
            rows, test_size=estimator.validation_fraction, random_state=seed, stratify=strata
        )
    except ValueError as error:
        raise DataError(f"No rows can be set aside for early stopping: {error}") from error
    if len(validation_rows) < 2:
        raise DataError(
            "The validation set is too small. Increase 'validation_fraction' or the number of rows."
        )
    return train_rows, validation_rows
