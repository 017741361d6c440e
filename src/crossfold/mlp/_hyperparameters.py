"""The estimators' parameters: the list of them, and what the engines make of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, fields, replace
from functools import cache
from inspect import cleandoc, signature
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import numpy as np
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions, make_constraint

from crossfold.mlp._batches import dropout_rates
from crossfold.mlp._functions import ACTIVATIONS
from crossfold.mlp._spec import (
    Activation,
    DataSet,
    Initializer,
    Loss,
    Member,
    Network,
    Rows,
    Settings,
    Start,
)
from crossfold.mlp._start import INITIALIZERS, N_EMBEDDED, N_WAVES, spread
from crossfold.mlp._update import PER_STEP
from crossfold.mlp.exceptions import DataError, ParameterError

if TYPE_CHECKING:
    from crossfold.mlp._base import BaseMLP
    from crossfold.mlp._data import Targets

NonNegative = Annotated[float, Interval(Real, 0, None, closed="left")]
Positive = Annotated[float, Interval(Real, 0, None, closed="neither")]
Fraction = Annotated[float, Interval(Real, 0, 1, closed="left")]
Count = Annotated[int, Interval(Integral, 1, None, closed="left")]
Function = Annotated[str, StrOptions({*ACTIVATIONS, "logistic", "identity"})] | Activation
BiasStart = Annotated[str, StrOptions(set(INITIALIZERS))] | Positive
WeightStart = Annotated[str, StrOptions({"auto", *INITIALIZERS})] | Positive

WHOLE_RUN_SCHEDULES = tuple(PER_STEP)
"""Learning-rate schedules that are laid out over all epochs of a training."""

Schedule = Annotated[
    str, StrOptions({"auto", "constant", "invscaling", "adaptive", *WHOLE_RUN_SCHEDULES})
]

_SYNONYMS = {"logistic": "sigmoid", "identity": "linear", "squared_error": "mse"}


@dataclass(eq=False, repr=False)
class Hyperparameters:
    """All that can be set of a network and its training: the one list of it.

    The annotation of a field says which values it may have, the section below what they mean. An
    estimator has all of these parameters but those that it declares with ``init=False``. Members
    of a stack share those that are fields of `Settings` or of `Network`, and may differ in all
    others.

    Parameters
    ----------
    hidden_layer_sizes
        Units of each hidden layer; empty for logistic or linear regression.
    activation
        Of the hidden layers: ``relu``, ``leaky_relu``, ``sigmoid`` (or ``logistic``), ``tanh``,
        ``selu``, ``silu``, ``mish``, ``hard_sigmoid``, ``sin``, ``linear`` (or ``identity``),
        ``exp``, ``softmax``, or an `Activation`; or a sequence with one for each hidden layer.
    solver
        ``sgd``, ``adam`` (Kingma and Ba 2015), ``adamw`` (Loshchilov and Hutter 2019), or ``lbfgs``
        (SciPy's L-BFGS-B on all rows at once), which suits tables of up to a few thousand rows and
        wants ``dtype="float64"``. What is said of batches, learning rates and early stopping does
        not apply to ``lbfgs``.
    alpha
        Factor of the L2 penalty, at least 0; halved and divided by the batch's rows, or by their
        weights' sum. With ``adamw`` it is the decoupled weight decay. Like `l1`, `init`,
        `bias_init` and `use_bias`, one for all layers of weights, or a sequence with one for each,
        that of the outputs last.
    batch_size
        Rows per step, ``full`` for all, or ``auto`` for a 32nd of the rows, as a power of two from
        32 to 256, or all if there are fewer.
    learning_rate
        ``constant``, ``invscaling`` and ``adaptive`` as in scikit-learn, or ``one_cycle`` (Smith
        and Topin 2019), ``cosine`` (Loshchilov and Hutter 2017) and ``coslog4`` (Holzmüller et al.
        2024) over all `max_iter` epochs.
        ``auto`` is ``one_cycle`` that `tol` does not cut short; with ``sgd``, early stopping and
        `partial_fit` it is ``constant``.
    learning_rate_init
        The learning rate, its peak for ``one_cycle``; above 0.
    power_t
        Exponent of ``invscaling``.
    max_iter
        Epochs at the most; of ``lbfgs``, iterations.
    shuffle
        Whether rows are put into a new order for each epoch.
    random_state
        Seed of the start, the order of rows and the dropout masks: an integer, a
        ``numpy.random.RandomState`` or None.
    tol
        Least improvement of the loss, or with early stopping of the validation score, that counts
        for `n_iter_no_change`; of ``lbfgs``, the largest slope at the end.
    verbose
        Whether to print a line for each epoch; a `ProgressBar` is one of the `callbacks`.
    warm_start
        Whether `fit` goes on from the weights of the fit before.
    momentum
        Of ``sgd``, in [0, 1].
    nesterovs_momentum
        Whether the momentum of ``sgd`` is Nesterov's.
    early_stopping
        Whether to set rows aside to stop on: their accuracy or R² is the validation score, with
        ``loss`` minus their loss. The weights of the best epoch are kept.
    validation_fraction
        Share of the rows that are set aside, in (0, 1).
    beta_1
        Decay of the first moment of ``adam`` and ``adamw``, in [0, 1).
    beta_2
        Decay of the second moment, in [0, 1).
    epsilon
        What ``adam`` and ``adamw`` add to the root of the second moment; above 0.
    n_iter_no_change
        Training stops after more than so many epochs without improvement by `tol`; ``inf`` for
        never. A training that reaches `max_iter` before warns, unless this is ``inf`` or the
        learning rate is laid out over all epochs.
    max_fun
        Looks at the loss at the most, with ``lbfgs``.
    engine
        ``numpy``, or ``torch`` for training with PyTorch. Prediction is always NumPy's.
    loss
        What is minimised, by name, or a `Loss`.
    focal_gamma
        Focusing exponent of the focal loss, at least 0.
    label_smoothing
        Share of each label that is spread evenly over the classes, in [0, 1) (Szegedy et al. 2016);
        losses are against the smoothed labels, as in PyTorch.
    class_weight
        None, ``balanced`` for weights inverse to the classes' frequencies, or a mapping from
        classes to weights.
    scale_targets
        Whether values are trained in units of their standard deviation from their mean, over the
        training rows, so that money and millimetres are learnt alike. Losses are in these units;
        predictions and weights are in those of `y`. Not read where outputs are not linear.
    dropout
        Share of units left out in each step (Srivastava et al. 2014), in [0, 1): one for all
        hidden layers, one for each, or one for each with that of the inputs first.
    l1
        Factor of the L1 penalty, at least 0; divided by the batch's rows.
    init
        ``auto`` (``he`` beside the ReLU kinds, else ``xavier``), ``he``, ``lecun``
        (standard deviation one over the root of a layer's inputs), ``xavier`` (or
        ``glorot_uniform``), ``uniform`` (-0.05 to 0.05), ``normal`` (standard deviation 0.05),
        ``zeros``, ``ones``, ``pytorch`` (uniform within one over the root of a layer's inputs), or
        a number ``a`` for uniform from ``-a`` to ``a``; or a function of a generator and all
        layers' sizes that gives weights ``(n_in, n_out)`` and biases ``(n_out,)`` of each layer.
    bias_init
        The same for biases, without ``auto``.
    use_bias
        Whether units have biases.
    weight_rate
        Factor of the learning rate of weights, at least 0: one for all layers, or one for each; 0
        leaves weights as they begin. Not read by ``lbfgs``.
    bias_rate
        The same of biases; RealMLP (Holzmüller et al. 2024) has 0.1.
    scaling_layer
        Where it is not None, each input has a factor, 1 at first, that is learnt beside the first
        weights, and this is the factor of its learning rate, at least 0; RealMLP has 6. After
        training it is multiplied into the first weights. Not read by ``lbfgs``.
    periodic_embedding
        Where it is not None, two layers come before the hidden ones, in which no two inputs meet:
        sine and cosine of each input at 8 frequencies, and of these 4 units with ReLU (Gorishniy et
        al. 2022, PLR). This is the standard deviation of the frequencies at first, above 0; they
        are learnt, that of a sine apart from that of its cosine. Dropout and penalties leave the
        two layers out. They are weights with zeros between inputs: costly where inputs are many.
    shared_seed
        Where it is not None, members of a stack with the same number share the weights and biases
        of all hidden layers in each fold, drawn with this seed. Each has outputs of its own, and a
        `scaling_layer`, of rate 1 if none is asked for, that begins with random signs (TabM-mini,
        Gorishniy et al. 2025). They set the same rows aside, and stop when the last of them does.
    output_activation
        Of the outputs, by name, or an `Activation`; None for sigmoid or softmax, and of a regressor
        for linear, or exp with ``poisson``.
    input_scale
        Factor of the inputs, applied where they are cast: 1/255 for pixels kept as ``uint8``.
    device
        Of PyTorch: ``auto`` takes a GPU when there is one, else ``cpu`` or ``cuda``.
    dtype
        Of weights and arithmetic: ``float32`` or ``float64``.
    matmul_precision
        Of PyTorch: how precise products of ``float32`` matrices are. With ``medium`` factors may be
        rounded to bfloat16, and with ``high`` to TensorFloat32 or two bfloat16s, where the
        processor is faster at that; sums, weights and updates are not. ``highest`` rounds nothing;
        None leaves ``torch.set_float32_matmul_precision`` as it is.
    callbacks
        Told about training as it goes; see `crossfold.mlp.callbacks`.
    """

    hidden_layer_sizes: Count | Sequence[int] = (100,)
    activation: Function | Sequence[str | Activation] = "relu"
    _: KW_ONLY
    solver: Literal["sgd", "adam", "adamw", "lbfgs"] = "adam"
    alpha: NonNegative | Sequence[float] = 0.1
    batch_size: Literal["auto", "full"] | Count = "auto"
    learning_rate: Schedule = "auto"
    learning_rate_init: Positive = 0.01
    power_t: NonNegative = 0.5
    max_iter: Count = 100
    shuffle: bool = True
    random_state: Annotated[Any, "random_state"] = None
    tol: NonNegative = 1e-4
    verbose: Annotated[bool | int, "verbose"] = False
    warm_start: bool = False
    momentum: Annotated[float, Interval(Real, 0, 1, closed="both")] = 0.9
    nesterovs_momentum: bool = True
    early_stopping: bool | Literal["loss"] = False
    validation_fraction: Fraction = 0.1
    beta_1: Fraction = 0.9
    beta_2: Fraction = 0.999
    epsilon: Positive = 1e-8
    n_iter_no_change: Count | Annotated[float, Options(Real, {np.inf})] = 10
    max_fun: Count = 15000
    engine: Literal["numpy", "torch"] = "numpy"
    loss: str | Loss = "cross_entropy"
    focal_gamma: NonNegative = 2.0
    label_smoothing: Fraction = 0.0
    class_weight: Literal["balanced"] | dict[Any, float] | None = None
    scale_targets: bool = True
    dropout: Fraction | Sequence[float] = 0.0
    l1: NonNegative | Sequence[float] = 0.0
    init: WeightStart | Initializer | Sequence[Start] = "auto"
    bias_init: BiasStart | Sequence[Start] = "zeros"
    use_bias: bool | Sequence[bool] = True
    weight_rate: NonNegative | Sequence[float] = 1.0
    bias_rate: NonNegative | Sequence[float] = 1.0
    scaling_layer: NonNegative | None = None
    periodic_embedding: Positive | None = None
    shared_seed: Annotated[int, Interval(Integral, 0, None, closed="left")] | None = None
    output_activation: Function | None = None
    input_scale: Positive = 1.0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["float32", "float64"] = "float32"
    matmul_precision: Literal["highest", "high", "medium"] | None = None
    callbacks: list[Any] | tuple[Any, ...] = ()


_OF_WEIGHTS: dict[str, tuple[Any, Any]] = {
    "alpha": (0.0, 0.0),
    "l1": (0.0, 0.0),
    "init": ("zeros", "zeros"),
    "bias_init": ("zeros", "zeros"),
    "use_bias": (False, True),
    "weight_rate": (1.0, 1.0),
    "bias_rate": (1.0, 1.0),
}
"""Parameters that may be one for each layer of weights, and what they are of the two layers of a
periodic embedding, whose start is drawn apart."""


@cache
def constraints_of(kind: type[Any]) -> dict[str, list[Any]]:
    """Read which values each parameter may have, as scikit-learn writes it, from its annotation."""
    hints = get_type_hints(kind, include_extras=True)
    return {one.name: _constraints(hints[one.name]) for one in fields(kind)}


def _constraints(hint: Any) -> list[Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return [one for argument in arguments for one in _constraints(argument)]
    if origin is Annotated:
        return list(hint.__metadata__)
    if origin is Literal:
        return [StrOptions(set(arguments))]
    written = {bool: "boolean", NoneType: None, Sequence: "array-like", Callable: callable}
    kind = origin or hint
    return [written.get(kind, kind)]


def document(estimator: type[Hyperparameters]) -> None:
    """Let an estimator's docstring list all its parameters, in the order of its constructor."""
    if not estimator.__doc__:  # python -OO
        return
    own = cleandoc(estimator.__doc__)
    head, _, rest = own.partition(_HEADING)
    known = _parameter_entries(Hyperparameters.__doc__ or "") | _parameter_entries(own)
    listed = "\n".join(known[name] for name in list(signature(estimator.__init__).parameters)[1:])
    estimator.__doc__ = f"{head}{_HEADING}{listed}\n\n{rest.partition(chr(10) * 2)[2]}"


_HEADING = "Parameters\n----------\n"


def _parameter_entries(docstring: str) -> dict[str, str]:
    section = cleandoc(docstring).partition(_HEADING)[2].partition("\n\n")[0]
    return {entry.split("\n")[0]: entry for entry in re.split(r"\n(?=\S)", section)}


_Shared = TypeVar("_Shared", Network, Settings)


def hidden_sizes(estimator: BaseMLP) -> tuple[int, ...]:
    sizes = np.atleast_1d(np.asarray(estimator.hidden_layer_sizes))
    if sizes.size and (sizes.ndim != 1 or sizes.dtype.kind not in "iu" or sizes.min() < 1):
        raise ParameterError(
            "hidden_layer_sizes must be > 0 and whole: one number or one per hidden layer. "
            f"Got {estimator.hidden_layer_sizes!r} instead."
        )
    return tuple(int(size) for size in sizes)


def make_network(estimator: BaseMLP, n_features: int, targets: Targets) -> Network:
    activation, hidden = hidden_activation(estimator), hidden_sizes(estimator)
    is_periodic = estimator.periodic_embedding is not None
    if is_periodic:
        activation = ("sin", "relu", *spread(activation, len(hidden)))
        hidden = (n_features * N_WAVES, n_features * N_EMBEDDED, *hidden)
    return Network(
        layer_sizes=(n_features, *hidden, targets.n_outputs),
        activation=activation,
        head=targets.head,
        loss=_by_our_name(estimator.loss),
        output=_by_our_name(per_layer(estimator, "output_activation")),
        input_scale=float(estimator.input_scale),
        label_smoothing=float(estimator.label_smoothing),
        is_periodic=is_periodic,
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
    dropout = per_layer(estimator, "dropout", depth, depth + 1)
    own = {name: per_layer(estimator, name, depth + 1) for name in _OF_WEIGHTS}
    if estimator.periodic_embedding is not None:
        if callable(estimator.init):
            raise ParameterError(
                "periodic_embedding has a start of its own: init must be no function."
            )
        of_inputs, *of_hidden = dropout_rates(dropout, depth + 1)
        dropout = (of_inputs, 0.0, 0.0, *of_hidden)
        own = {n: (*_OF_WEIGHTS[n], *spread(one, depth + 1)) for n, one in own.items()}
    return {"dropout": dropout, **own}


def per_layer(estimator: BaseMLP, name: str, *depths: int) -> Any:
    """Give a parameter that is one for all layers or, as a tuple, for each of `depths` layers."""
    value = getattr(estimator, name)
    is_one = not isinstance(value, (list, tuple, np.ndarray)) or np.ndim(value) == 0
    values = [value] if is_one else value
    own = tuple(one.item() if isinstance(one, np.generic) else one for one in values)
    kinds = _kinds_of(name)
    allowed = all(any(kind.is_satisfied_by(one) for kind in kinds) for one in own)
    if not allowed or not (is_one or (len(own) in depths and not any(map(callable, own)))):
        each = f"one, or one for each of {' or '.join(map(str, depths))} layers, of "
        raise ParameterError(
            f"{name} must be {each if depths else ''}{', '.join(map(str, kinds))}. "
            f"Got {value!r} instead."
        )
    return own[0] if is_one else own


@cache
def _kinds_of(name: str) -> list[Any]:
    """List what one value of a parameter may be."""
    kinds = constraints_of(Hyperparameters)[name]
    return [make_constraint(kind) for kind in kinds if kind != "array-like"]


def make_settings(
    estimator: BaseMLP, callbacks: Sequence[Any] = (), *, incremental: bool = False
) -> Settings:
    shared = {one.name for one in fields(Settings)} & {one.name for one in fields(estimator)}
    values = {name: getattr(estimator, name) for name in shared}
    values["learning_rate"] = schedule = schedule_of(estimator, incremental=incremental)
    values["callbacks"] = tuple(callbacks)
    if estimator.learning_rate == "auto" and schedule in WHOLE_RUN_SCHEDULES:
        values["n_iter_no_change"] = np.inf
    if estimator.solver == "lbfgs":
        values |= {"batch_size": "full", "shuffle": False, "early_stopping": False}
        values["n_iter_no_change"] = np.inf
    if incremental:
        values["max_iter"] = 1
    return Settings(**values)


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
    validation_rows: Rows,
    *,
    may_set_aside: bool = True,
) -> Member:
    """Describe one network of a stack, which trains on `rows` of a data set, at first the only one.

    With early stopping, `validation_fraction` of them take the place of validation rows if it may.
    """
    seed = draw_seed(estimator.random_state)
    if may_set_aside and stops_early(estimator):
        common = seed if estimator.shared_seed is None else int(estimator.shared_seed)
        rows, validation_rows = _set_aside(estimator, targets, data_set, rows, common)
    shares = estimator.shared_seed is not None
    return Member(
        data=0,
        train_rows=rows,
        validation_rows=validation_rows,
        seed=seed,
        learning_rate_init=float(estimator.learning_rate_init),
        **settings_of_layers(estimator),
        scaling=1.0 if shares and estimator.scaling_layer is None else estimator.scaling_layer,
        shared_seed=estimator.shared_seed,
        periodic_embedding=estimator.periodic_embedding,
        class_weight=targets.class_factors(estimator.class_weight, data_set, rows),
        focal_gamma=float(estimator.focal_gamma) if estimator.loss == "focal" else 0.0,
    )


def draw_seed(random_state: Any) -> int:
    """Give an integer seed: the state itself where it is one, else drawn from it."""
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


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
    return share_settings(replace(network, layer_sizes=sizes) for network in networks)


def share_settings(items: Iterable[_Shared]) -> _Shared:
    """Give what all members of a stack have in common: settings, or the network."""
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
    estimator: BaseMLP, targets: Targets, data_set: DataSet, rows: Rows, seed: int
) -> tuple[Rows, Rows]:
    """Split off the rows that stop training: whole groups, else stratified by exclusive classes."""
    how: dict[str, Any] = {"test_size": estimator.validation_fraction, "random_state": seed}
    groups = None if data_set.groups is None else data_set.groups[rows]
    try:
        if groups is not None and len(np.unique(groups)) < len(groups):
            train, validation = next(GroupShuffleSplit(1, **how).split(rows, groups=groups))
            train_rows, validation_rows = rows[train], rows[validation]
        else:
            exclusive = targets.head in {"binary", "multiclass"}
            strata = targets.decode(data_set.targets[rows]) if exclusive else None
            train_rows, validation_rows = train_test_split(rows, stratify=strata, **how)
    except ValueError as error:
        raise DataError(f"No rows can be set aside for early stopping: {error}") from error
    if len(validation_rows) < 2:
        raise DataError(
            "The validation set is too small. Increase 'validation_fraction' or the number of rows."
        )
    return train_rows, validation_rows
