"""The front of layers: a network that is put together layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any

from crossfold.mlp._base import BaseMLP
from crossfold.mlp._estimators import MLPClassifier, MLPRegressor
from crossfold.mlp._hyperparameters import document, make_network
from crossfold.mlp._spec import Array, Head, Loss, Network
from crossfold.mlp._targets import Targets, Values
from crossfold.mlp.exceptions import ParameterError
from crossfold.mlp.layers import Dense, Layer, parameters_of


class _ReadFromLayers:
    """A parameter of `MLPClassifier` that is what the layers make of it."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, network: NeuralNetwork | None, owner: type) -> Any:
        return self if network is None else parameters_of(network.layers)[self._name]


@dataclass(eq=False, repr=False)
class NeuralNetwork(BaseMLP):
    """A network put together layer by layer.

    It is trained, stacked, saved and drawn as `MLPClassifier` and `MLPRegressor` are: what is made
    is one of these, a `NetworkClassifier` or a `NetworkRegressor`, whose parameters of layers are
    read from `layers`.

    Parameters
    ----------
    layers
        `Dense`, `Dropout` and `Activation` of `crossfold.mlp.layers`, from the inputs up.
    loss
        ``cross_entropy`` (categorical for softmax outputs, else binary, each output for itself),
        ``focal``, ``squared_error`` (or ``mse``), ``mae``, ``poisson``, or a `Loss` on the outputs
        (NumPy only).
    task
        ``classification``, ``regression``, or ``auto``: classification with ``cross_entropy``,
        ``focal``, or outputs that are sigmoid, hard sigmoid or softmax; else regression.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from crossfold.mlp import NeuralNetwork, layers
    >>> X, y = load_digits(return_X_y=True)
    >>> network = NeuralNetwork(
    ...     [
    ...         layers.Dropout(0.1),
    ...         layers.Dense(25, activation="relu", l2=0.1),
    ...         layers.Dense(10, use_bias=False),
    ...         layers.Activation("softmax"),
    ...     ],
    ...     input_scale=1 / 16,
    ...     random_state=0,
    ... ).fit(X, y)
    >>> network.score(X, y) > 0.95
    True
    """

    def __new__(
        cls,
        layers: Sequence[Layer] = (),
        *,
        loss: Any = "cross_entropy",
        task: str = "auto",
        **_: Any,
    ) -> NeuralNetwork:
        """Make the kind of estimator that the task needs."""
        kind: type[NeuralNetwork] = cls
        if cls is NeuralNetwork:
            kind = NetworkClassifier if classifies(layers, loss, task) else NetworkRegressor
        made: NeuralNetwork = super().__new__(kind)
        return made

    layers: Sequence[Layer]
    _: KW_ONLY
    task: str = "auto"
    hidden_layer_sizes: Any = field(default=_ReadFromLayers(), init=False)
    activation: Any = field(default=_ReadFromLayers(), init=False)
    output_activation: Any = field(default=_ReadFromLayers(), init=False)
    dropout: Any = field(default=_ReadFromLayers(), init=False)
    alpha: Any = field(default=_ReadFromLayers(), init=False)
    l1: Any = field(default=_ReadFromLayers(), init=False)
    init: Any = field(default=_ReadFromLayers(), init=False)
    bias_init: Any = field(default=_ReadFromLayers(), init=False)
    use_bias: Any = field(default=_ReadFromLayers(), init=False)

    @property
    def _units(self) -> int:
        """Units of the last layer."""
        return int([layer.units for layer in self.layers if isinstance(layer, Dense)][-1])

    def _learn_targets(self, y: Array, classes: Array | None = None) -> Any:
        """Learn how to encode labels or values, and whether the last layer goes with them."""
        targets: Targets = super()._learn_targets(y, classes)  # type: ignore[safe-super]
        if targets.head == "binary" and self._units == 2:
            targets = replace(targets, head="multiclass")
        if targets.n_outputs != self._units:
            raise ParameterError(
                f"The last layer has {self._units} units, but y needs {targets.n_outputs}: one for "
                "each class (or 1 for two classes), label or value."
            )
        return targets

    def _network(self, input_shape: tuple[int, ...] | None = None) -> Network:
        """Give the network that was trained, or that would be on inputs of this shape."""
        if input_shape is None or hasattr(self, "coefs_"):
            return super()._network()
        kind: Head = "binary" if self._units == 1 else "multiclass"
        head = kind if isinstance(self, MLPClassifier) else "regression"
        return make_network(self, input_shape[-1], Values(self._units, flat=False, head=head))


def classifies(layers: Sequence[Layer], loss: str | Loss, task: str) -> bool:
    """Tell whether the task is, or seems to be, classification."""
    if task != "auto":
        return task == "classification"
    output = getattr(layers[-1], "activation", None) if layers else None
    return loss in {"cross_entropy", "focal"} or output in {"sigmoid", "hard_sigmoid", "softmax"}


class NetworkClassifier(NeuralNetwork, MLPClassifier):
    """A `NeuralNetwork` that tells classes apart."""


class NetworkRegressor(NeuralNetwork, MLPRegressor):
    """A `NeuralNetwork` that predicts values."""


document(NeuralNetwork)
