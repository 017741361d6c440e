"""The classifier, the regressor, and the network that is put together layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if

from crossfold.mlp._base import BaseMLP, takes_batches
from crossfold.mlp._data import Labels, Targets, Values
from crossfold.mlp._functions import SHARES
from crossfold.mlp._hyperparameters import constraints_of, document, make_network
from crossfold.mlp._spec import Array, Head, Loss, Network
from crossfold.mlp.exceptions import DataError, ParameterError
from crossfold.mlp.layers import Dense, Layer, parameters_of


@dataclass(eq=False, repr=False)
class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]
    """Multilayer perceptron that tells classes apart; a drop-in for scikit-learn's.

    Two classes, more than two, and several labels per row (multilabel) are read from `y`.

    Parameters
    ----------
    loss
        ``cross_entropy``, ``focal`` (Lin et al. 2017), ``squared_error`` (or ``mse``), ``mae``, or
        a `Loss`, which is on logits, or on outputs with an `output_activation`.

    Attributes
    ----------
    classes_
        Classes, sorted, or numbers of the labels.
    coefs_, intercepts_
        Weights ``(n_in, n_out)`` and biases ``(n_out,)`` of each layer.
    loss_curve_, loss_, best_loss_
        Training loss of each epoch, of the last and of the best.
    validation_scores_, best_validation_score_
        Accuracy on the rows set aside, or None without early stopping.
    history_
        `History` of the last fit: losses, scores and seconds of each epoch.
    n_iter_, t_
        Epochs of the last fit, and rows seen in all.
    n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_
        As in scikit-learn.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> X, y = make_moons(200, noise=0.1, random_state=0)
    >>> model = MLPClassifier(random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.95
    True
    >>> model.predict_proba(X[:3]).shape
    (3, 2)
    """

    loss: Literal["cross_entropy", "focal", "squared_error", "mse", "mae"] | Loss = field(
        default="cross_entropy", kw_only=True
    )
    scale_targets: bool = field(default=False, init=False)

    def _learn_targets(self, y: Array, classes: Array | None = None) -> Labels:
        return Labels.of(y, classes)

    @available_if(takes_batches)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one epoch on some of the rows; call again with the next.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes
            All classes that will be seen; needed in the first call only.
        """
        is_first = not hasattr(self, "coefs_")
        if is_first and classes is None:
            raise DataError("classes must be passed on the first call to partial_fit.")
        given = None if is_first or classes is None else np.unique(classes)
        if given is not None and not np.array_equal(given, self.classes_):
            raise DataError(
                f"classes={classes!r} is not the same as on the last call to partial_fit, which "
                f"was {self.classes_!r}."
            )
        return self._partial_fit(X, y, sample_weight, classes)

    def predict(self, X: Any, threshold: float | None = None) -> Array:
        """Predict classes or labels.

        Parameters
        ----------
        X
            Inputs, shape ``(n, n_features)``.
        threshold
            Of two classes, the second is predicted where its probability is above this, in [0, 1].
            None is the likelier class, or for labels all that are likelier than not.

        Returns
        -------
        Shape ``(n,)``, or ``(n, n_labels)``.
        """
        if threshold is None:
            return super().predict(X)
        probabilities = self.predict_proba(X)
        if self._targets.head == "multilabel" or len(self.classes_) != 2:
            raise ParameterError(
                f"threshold={threshold} needs two classes, but there are {self.classes_.tolist()}; "
                "use predict_proba."
            )
        if not 0 <= threshold <= 1:
            raise ParameterError(f"threshold is {threshold!r}: give a probability from 0 to 1.")
        predicted: Array = self.classes_[(probabilities[:, 1] > threshold).astype(int)]
        return predicted

    def predict_proba(self, X: Any) -> Array:
        """Give the probability of each class, shape ``(n, n_classes)``, or of each label."""
        outputs = self._outputs(X)
        return np.hstack([1 - outputs, outputs]) if self._targets.head == "binary" else outputs

    def predict_log_proba(self, X: Any) -> Array:
        """Give the logarithm of `predict_proba`, minus infinity for a probability of 0."""
        with np.errstate(divide="ignore"):
            logarithm: Array = np.log(self.predict_proba(X))
        return logarithm

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


@dataclass(eq=False, repr=False)
class _LossFirst:
    """Puts the loss before all other parameters, as scikit-learn's regressor does."""

    loss: Any = None


@dataclass(eq=False, repr=False)
class MLPRegressor(RegressorMixin, BaseMLP, _LossFirst):  # type: ignore[misc]
    """Multilayer perceptron that predicts one or several values; a drop-in for scikit-learn's.

    Parameters
    ----------
    loss
        ``squared_error`` (or ``mse``), half the squared error, ``mae``, the absolute error, or
        ``poisson`` for counts, whose outputs are exponentials; of a row's outputs the sum. Or a
        `Loss`.

    Attributes
    ----------
    coefs_, intercepts_, loss_curve_, ...
        As in `MLPClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.linspace(-1, 1, 100)[:, None]
    >>> y = X[:, 0] ** 2
    >>> model = MLPRegressor(random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.95
    True
    """

    loss: Literal["squared_error", "mse", "mae", "poisson"] | Loss = "squared_error"
    focal_gamma: float = field(default=0.0, init=False)
    label_smoothing: float = field(default=0.0, init=False)
    class_weight: None = field(default=None, init=False)

    _y_numeric: ClassVar[bool] = True

    def _learn_targets(self, y: Array, classes: Array | None = None) -> Values:
        if self.loss == "poisson" and (n_wrong := np.count_nonzero(y < 0)):
            raise DataError(
                f"loss='poisson' is for counts, but {n_wrong} values of y are below 0; use "
                "'squared_error'."
            )
        return Values.of(y)

    @available_if(takes_batches)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch on some of the rows; call again with the next.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        """
        return self._partial_fit(X, y, sample_weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


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
        ``focal``, ``squared_error`` (or ``mse``), ``mae``, ``poisson``, or a `Loss` on the outputs.
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
        kind: type[NeuralNetwork] = cls
        if cls is NeuralNetwork:
            output = getattr(layers[-1], "activation", None) if layers else None
            seems_so = loss in {"cross_entropy", "focal"} or output in SHARES
            classifies = seems_so if task == "auto" else task == "classification"
            kind = NetworkClassifier if classifies else NetworkRegressor
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


class NetworkClassifier(NeuralNetwork, MLPClassifier):
    """A `NeuralNetwork` that tells classes apart."""


class NetworkRegressor(NeuralNetwork, MLPRegressor):
    """A `NeuralNetwork` that predicts values."""


for _estimator in (MLPClassifier, MLPRegressor):
    _estimator._parameter_constraints = constraints_of(_estimator)
    document(_estimator)
document(NeuralNetwork)
