"""What the estimators tell an engine to train, and what they get back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Rows = NDArray[np.intp]
Head = Literal["binary", "multiclass", "multilabel", "regression"]


@dataclass(frozen=True)
class Activation:
    """An activation and its derivative, both functions of NumPy arrays.

    `derivative` takes the activation's output ``a`` and input ``z``, and gives ``da/dz`` of the
    same shape.
    """

    name: str
    function: Callable[[Array], Array]
    derivative: Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Loss:
    """A loss on logits; arrays have shape ``(..., n_out, rows)``.

    Attributes
    ----------
    terms
        ``(logits, targets, gamma)`` to the terms whose sum over the outputs is a row's loss.
    residual
        ``(logits, targets, gamma, out)`` writes ``dL/dz`` with respect to the logits to ``out``.
    name
        What it is called.
    whole_batch
        Whether the residual of a row depends on the other rows, so that a batch must not be cut.
    """

    terms: Callable[[Array, Array, Array], Array]
    residual: Callable[[Array, Array, Array, Array], Any]
    name: str = "custom"
    whole_batch: bool = False


Initializer = Callable[[np.random.Generator, tuple[int, ...]], tuple[list[Array], list[Array]]]
"""``(generator, layer_sizes)`` to weights ``(n_in, n_out)`` and biases ``(n_out,)`` per layer."""

Start = str | float
"""Name of a distribution, or a number ``a`` for ``Uniform(-a, a)``."""

LINKS: dict[Head, str] = {
    "binary": "sigmoid",
    "multilabel": "sigmoid",
    "multiclass": "softmax",
    "regression": "linear",
}
"""What turns logits into outputs, unless a network names another activation for it."""


@dataclass(frozen=True)
class Network:
    """What all members of one stack share: the shape of the network and its functions."""

    # Units per layer, ``(n_in, *hidden, n_out)``. Where members differ in width, the widest;
    # `Member.layer_sizes` masks the rest.
    layer_sizes: tuple[int, ...]
    # Of the hidden layers, one for all or one for each.
    activation: str | Activation | tuple[str | Activation, ...] = "relu"
    # What the outputs are: one logit, exclusive classes, independent labels, or values.
    head: Head = "binary"
    # ``cross_entropy``, ``focal``, ``mse``, ``mae`` or ``poisson``; or a `Loss`, which is on logits
    # or, where `output` is given, on outputs.
    loss: str | Loss = "cross_entropy"
    # Activation of the outputs, or None for the head's own: see `link`.
    output: str | Activation | None = None
    # Factor of the inputs, applied where they are cast to the engine's dtype.
    input_scale: float = 1.0
    label_smoothing: float = 0.0
    # Whether the first two hidden layers are `Hyperparameters.periodic_embedding`.
    is_periodic: bool = False

    @property
    def activations(self) -> tuple[str | Activation, ...]:
        """The activation of each hidden layer."""
        own = self.activation
        return own if isinstance(own, tuple) else (own,) * (len(self.layer_sizes) - 2)

    @property
    def link(self) -> str | Activation:
        """What turns logits into outputs."""
        if self.output is not None:
            return self.output
        return "exp" if self.loss == "poisson" else LINKS[self.head]


@dataclass(frozen=True)
class DataSet:
    """Rows that members train on or are scored on; several members may share one."""

    # Shape ``(n, n_in)``, any numeric dtype, or a CSR matrix of SciPy; made dense and cast to the
    # engine's dtype batch by batch.
    inputs: Array
    # Shape ``(n, n_out)``, float: 0/1 for one logit and for labels, one-hot for classes.
    targets: Array
    # Shape ``(n,)``, non-negative, or None: the sample weights, without class weights.
    weights: Array | None = None
    # Shape ``(n,)``, or None: rows of one group are set aside together for early stopping.
    groups: Array | None = None


def to_dense(inputs: Any) -> Array:
    """Give some rows of inputs as an array, whether they are sparse or not."""
    dense: Array = inputs.toarray() if hasattr(inputs, "toarray") else inputs
    return dense


@dataclass(frozen=True)
class Member:
    """One network of a stack: its rows, its seed and what sets it apart from the others.

    What is not told here is as in `Hyperparameters`, with tuples where layers differ.
    """

    # Index of its `DataSet`; rows are numbers in it.
    data: int
    train_rows: Rows
    # Seeds the member's own ``numpy.random.Generator``: its start, the order of its rows, its
    # dropout masks, whoever else is in the stack.
    seed: int
    # Scored after every epoch; with `Settings.early_stopping` their score stops the member.
    validation_rows: Rows = field(default_factory=lambda: np.empty(0, np.intp))
    # Units of all layers of its own network, which may be fewer than the stack's: its start is
    # drawn for these, and the columns of its inputs beyond them are zeros. None for the stack's.
    layer_sizes: tuple[int, ...] | None = None
    learning_rate_init: float = 0.001
    alpha: float | tuple[float, ...] = 0.0001
    l1: float | tuple[float, ...] = 0.0
    # Rounded to 1/65536.
    dropout: float | tuple[float, ...] = 0.0
    # Shape ``(n_out,)``, or ``(2,)`` for one logit, or None: factor of the rows of each class; for
    # independent labels, factor of each label's loss.
    class_weight: Array | None = None
    # 0 is cross-entropy.
    focal_gamma: float = 0.0
    init: Start | Initializer | tuple[Start, ...] = "auto"
    bias_init: Start | tuple[Start, ...] = "zeros"
    use_bias: bool | tuple[bool, ...] = True
    weight_rate: float | tuple[float, ...] = 1.0
    bias_rate: float | tuple[float, ...] = 1.0
    # `Hyperparameters.scaling_layer`, or 1 with a shared seed.
    scaling: float | None = None
    periodic_embedding: float | None = None
    shared_seed: int | None = None
    # Weights and biases to go on from (``coefs``, ``intercepts``), or None to initialise.
    start: tuple[list[Array], list[Array]] | None = None
    # `Trained.optimizer_state` to go on from, or None to begin anew.
    optimizer_state: Any = None
    # Number of the member and of the fold in a `FoldStack`, for callbacks and `ensemble`.
    place: tuple[int, int] = (0, 0)

    @property
    def ensemble(self) -> tuple[int, int] | None:
        """Fold and seed that networks have in common which share weights, or None."""
        return None if self.shared_seed is None else (self.place[1], self.shared_seed)


@dataclass(frozen=True)
class Settings:
    """How a stack is trained: what all its members share, as in `Hyperparameters`.

    `batch_size` is cut to a member's own rows. As in scikit-learn, the learning rates
    ``invscaling`` and ``adaptive`` act with ``sgd`` only; the others act with every solver.
    Every `score_every` epochs, or after the epochs that it lists, and after the last one, members
    are scored.
    """

    engine: Literal["numpy", "torch"] = "numpy"
    device: str = "auto"
    dtype: str = "float32"
    matmul_precision: str | None = None
    solver: Literal["sgd", "adam", "adamw", "lbfgs"] = "adam"
    batch_size: int | Literal["full", "auto"] = 200
    learning_rate: str = "constant"  # any schedule of the estimators but ``auto``
    power_t: float = 0.5
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    max_iter: int = 200
    max_fun: int = 15000
    shuffle: bool = True
    tol: float = 1e-4
    n_iter_no_change: float = 10
    early_stopping: bool | Literal["loss"] = False
    scale_targets: bool = False
    score_every: int | Sequence[int] = 1
    callbacks: Sequence[Callback] = ()


@dataclass(frozen=True)
class History:
    """What one network's training looked like: lists with one entry for each scored epoch.

    Attributes
    ----------
    epochs
        Numbers of the scored epochs, from 1.
    train_loss
        Mean training loss, penalties included; of an `ExperimentStack` the loss of all training
        rows after the epoch, with nothing dropped and without penalties.
    validation_loss, validation_score
        On the fold's validation rows, or with early stopping on the rows set aside; empty without
        such rows. The score is accuracy for classifiers and R² for regressors.
    train_score, validation_confusion
        Of an `ExperimentStack`: accuracy on all training rows, and validation rows by true (first)
        and predicted class, shape ``(n_classes, n_classes)``. Else empty.
    seconds
        Wall-clock seconds since the start of the whole stack's training, scoring included.
    """

    epochs: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_score: list[float] = field(default_factory=list)
    train_score: list[float] = field(default_factory=list)
    validation_confusion: list[Array] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


@dataclass
class Trained:
    """What training gives for one member."""

    # One array per layer, shapes ``(n_in, n_out)`` and ``(n_out,)``, in `Settings.dtype`, of the
    # member's own widths.
    coefs: list[Array]
    intercepts: list[Array]
    # Epochs, and training rows seen, in this training.
    n_iter: int
    t: int
    history: History = field(default_factory=History)
    # Whether the member stopped before `Settings.max_iter`, with finite weights.
    converged: bool = False
    # What `partial_fit` goes on from: NumPy arrays and plain numbers.
    optimizer_state: Any = None
    # Whether the weights are those of the best epoch, with early stopping, and not of the last.
    is_best_epoch: bool = False

    @property
    def is_finite(self) -> bool:
        """Whether all weights and biases, and the loss where they are the last, are finite."""
        losses = np.array([] if self.is_best_epoch else self.history.train_loss[-1:])
        return all(bool(np.isfinite(w).all()) for w in (*self.coefs, *self.intercepts, losses))


@dataclass(frozen=True)
class EpochEvent:
    """What a callback is told after each epoch; arrays are over the members still in the stack.

    Attributes
    ----------
    epoch
        Number of the epoch just ended, from 1; of an event within an epoch, the part of it that is
        done added to the epochs before: 2.25 after a quarter of the third.
    max_iter
        Epochs at the most.
    members
        Indices of the running members, shape ``(k,)``.
    train_loss
        Shape ``(k,)``.
    validation_loss, validation_score
        Shape ``(k,)``, NaN for members without validation rows.
    validation_outputs
        Gives a list: each running member's network outputs (probabilities or values) on its
        validation rows, shape ``(n_validation, n_out)``, or None where it has none.
    train_outputs
        Gives the same of the rows that each running member learns from, computed when it is
        called; none of an `ExperimentStack`.
    validation_targets, train_targets
        Give the truth of the same rows, in the same shapes.
    weights
        Gives a copy of each running member's weights ``(n_in, n_out)`` and biases ``(n_out,)``, a
        list for each of the two.
    train_score, validation_confusion
        Of an `ExperimentStack`: accuracy on all training rows, shape ``(k,)``, and validation rows
        by true and predicted class, shape ``(k, n_classes, n_classes)``. Else None.
    """

    epoch: float
    max_iter: int
    members: Array
    train_loss: Array
    validation_loss: Array
    validation_score: Array
    validation_outputs: Callable[[], list[Array | None]]
    train_outputs: Callable[[], list[Array]] = list
    validation_targets: Callable[[], list[Array | None]] = list
    train_targets: Callable[[], list[Array | None]] = list
    weights: Callable[[], list[tuple[list[Array], list[Array]]]] = list
    train_score: Array | None = None
    validation_confusion: Array | None = None


class Callback:
    """Something that is told about training; here it does nothing.

    One that has an attribute `every_steps` which is not None is told of an epoch's end after every
    so many steps too, with what was learnt until then.
    """

    def on_train_begin(
        self, members: Sequence[Member], data_sets: Sequence[DataSet], max_iter: int
    ) -> None:
        """Note that training begins."""

    def on_epoch_end(self, event: EpochEvent) -> Iterable[int] | None:
        """Note the end of an epoch, and give the indices of members that stop after it, or None.

        Those of an `ExperimentStack`, with ``lbfgs`` or within an epoch do not stop.
        """
        return None

    def on_train_end(self) -> None:
        """Note that training has ended, with an error or without."""
