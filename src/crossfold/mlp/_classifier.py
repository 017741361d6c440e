"""The classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if

from crossfold.mlp._base import BaseMLP, takes_batches
from crossfold.mlp._network import CONSTRAINTS, FRACTION, NON_NEGATIVE
from crossfold.mlp._spec import Activation, Array, Initializer, Loss, Start
from crossfold.mlp._targets import ClassWeight, Labels
from crossfold.mlp.exceptions import DataError, ParameterError


class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]
    """Multilayer perceptron that tells classes apart; a drop-in for scikit-learn's.

    Two classes, more than two, and several labels per row (multilabel) are read from `y`.

    Parameters
    ----------
    hidden_layer_sizes
        Units of each hidden layer; empty for logistic regression.
    activation
        Of the hidden layers: ``relu``, ``leaky_relu``, ``sigmoid`` (or ``logistic``), ``tanh``,
        ``selu``, ``silu``, ``mish``, ``hard_sigmoid``, ``linear`` (or ``identity``), ``exp``,
        ``softmax``, or an `Activation`; or a sequence with one for each hidden layer.
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
        Whether to set rows aside to stop on. The weights of the best epoch are kept.
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
        ``cross_entropy``, ``focal`` (Lin et al. 2017), ``squared_error`` (or ``mse``), ``mae``, or
        a `Loss` (NumPy only), which is on logits, or on outputs with an `output_activation`.
    focal_gamma
        Focusing exponent of the focal loss, at least 0.
    label_smoothing
        Share of each label that is spread evenly over the classes, in [0, 1) (Szegedy et al. 2016);
        losses are against the smoothed labels, as in PyTorch.
    class_weight
        None, ``balanced`` for weights inverse to the classes' frequencies, or a mapping from
        classes to weights.
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
    output_activation
        Of the outputs, by name, or an `Activation`; None for sigmoid or softmax.
    input_scale
        Factor of the inputs, applied where they are cast: 1/255 for pixels kept as ``uint8``.
    device
        Of PyTorch: ``auto`` takes a GPU when there is one, else ``cpu`` or ``cuda``.
    dtype
        Of weights and arithmetic: ``float32`` or ``float64``.
    callbacks
        Told about training as it goes; see `crossfold.mlp.callbacks`.

    Attributes
    ----------
    classes_
        Classes, or numbers of the labels.
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

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **CONSTRAINTS,
        "loss": [StrOptions({"cross_entropy", "focal", "squared_error", "mse", "mae"}), Loss],
        "focal_gamma": [NON_NEGATIVE],
        "label_smoothing": [FRACTION],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }
    _targets: Labels

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | Activation | Sequence[str | Activation] = "relu",
        *,
        solver: str = "adam",
        alpha: float | Sequence[float] = 0.1,
        batch_size: int | str = "auto",
        learning_rate: str = "auto",
        learning_rate_init: float = 0.01,
        power_t: float = 0.5,
        max_iter: int = 100,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        engine: str = "numpy",
        loss: str | Loss = "cross_entropy",
        focal_gamma: float = 2.0,
        label_smoothing: float = 0.0,
        class_weight: ClassWeight = None,
        dropout: float | Sequence[float] = 0.0,
        l1: float | Sequence[float] = 0.0,
        init: Start | Initializer | Sequence[Start] = "auto",
        bias_init: Start | Sequence[Start] = "zeros",
        use_bias: bool | Sequence[bool] = True,
        output_activation: str | Activation | None = None,
        input_scale: float = 1.0,
        device: str = "auto",
        dtype: str = "float32",
        callbacks: Sequence[Any] = (),
    ) -> None:
        self._store(locals())

    @property
    def classes_(self) -> Array:
        """Classes, sorted; for multilabel targets the numbers of the labels."""
        return self._targets.classes

    def _learn_targets(self, y: Array, classes: Array | None = None) -> Labels:
        return Labels.of(y, classes)

    @available_if(takes_batches)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one epoch on some of the rows; call again with the next.

        Parameters
        ----------
        X, y
            As in `fit`.
        sample_weight
            As in `fit`.
        classes
            All classes that will be seen; needed in the first call only.
        """
        if hasattr(self, "coefs_"):
            self._check_classes(classes)
        elif classes is None:
            raise DataError("classes must be passed on the first call to partial_fit.")
        return self._partial_fit(X, y, sample_weight, classes)

    def _check_classes(self, classes: Any) -> None:
        if classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise DataError(
                f"classes={classes!r} is not the same as on the last call to partial_fit, which "
                f"was {self.classes_!r}."
            )

    def predict(self, X: Any, threshold: float | None = None) -> Array:
        """Predict classes or labels.

        Parameters
        ----------
        X
            Inputs, shape ``(n, n_features)``.
        threshold
            Of two classes, the second is predicted where its probability is above this. None is
            the likelier class, or for labels all that are likelier than not.

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
