"""The regressor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if

from crossfold.mlp._base import BaseMLP, takes_batches
from crossfold.mlp._network import CONSTRAINTS
from crossfold.mlp._spec import Activation, Array, Initializer, Loss, Start
from crossfold.mlp._targets import Values
from crossfold.mlp.exceptions import DataError


class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]
    """Multilayer perceptron that predicts one or several values; a drop-in for scikit-learn's.

    `MLPClassifier` says more of the parameters that both have.

    Parameters
    ----------
    loss
        ``squared_error`` (or ``mse``), half the squared error, ``mae``, the absolute error, or
        ``poisson`` for counts, whose outputs are exponentials; of a row's outputs the sum. Or a
        `Loss`.
    hidden_layer_sizes
        Units of each hidden layer; empty for linear regression.
    activation
        Of the hidden layers, by name, or an `Activation`; one, or one for each.
    solver
        ``sgd``, ``adam``, ``adamw`` or ``lbfgs``.
    alpha
        Factor of the L2 penalty, at least 0; one, or one for each layer of weights.
    batch_size
        Rows per step, ``full`` or ``auto``.
    learning_rate
        ``auto``, ``constant``, ``invscaling``, ``adaptive``, ``one_cycle``, ``cosine`` or
        ``coslog4``.
    learning_rate_init
        The learning rate, its peak for ``one_cycle``; above 0.
    power_t
        Exponent of ``invscaling``.
    max_iter
        Epochs at the most; of ``lbfgs``, iterations.
    shuffle
        Whether rows are put into a new order for each epoch.
    random_state
        Seed of the start, the order of rows and the dropout masks.
    tol
        Least improvement of the loss, or with early stopping of R² on the rows set aside.
    verbose
        Whether to print a line for each epoch.
    warm_start
        Whether `fit` goes on from the weights of the fit before.
    momentum
        Of ``sgd``, in [0, 1].
    nesterovs_momentum
        Whether the momentum of ``sgd`` is Nesterov's.
    early_stopping
        Whether to set rows aside to stop on.
    validation_fraction
        Share of the rows that are set aside, in (0, 1).
    beta_1
        Decay of the first moment of ``adam`` and ``adamw``, in [0, 1).
    beta_2
        Decay of the second moment, in [0, 1).
    epsilon
        What ``adam`` and ``adamw`` add to the root of the second moment; above 0.
    n_iter_no_change
        Epochs without improvement by `tol` after which training stops; ``inf`` for never.
    max_fun
        Looks at the loss at the most, with ``lbfgs``.
    engine
        ``numpy``, or ``torch`` for training with PyTorch.
    scale_targets
        Whether values are trained in units of their standard deviation from their mean, over the
        training rows, so that money and millimetres are learnt alike. Losses are in these units;
        predictions and weights are in those of `y`. Not read where outputs are not linear.
    dropout
        Share of units left out in each step, in [0, 1): of all hidden layers, of each, or of the
        inputs and each.
    l1
        Factor of the L1 penalty, at least 0; one, or one for each layer of weights.
    init
        Start of the weights, by name, a number or a function; one, or one for each layer.
    bias_init
        Start of the biases, by name or a number; one, or one for each layer.
    use_bias
        Whether units have biases; one, or one for each layer.
    output_activation
        Of the outputs, by name, or an `Activation`; None for linear, or exp with ``poisson``.
    input_scale
        Factor of the inputs, applied where they are cast.
    device
        Of PyTorch: ``auto``, ``cpu`` or ``cuda``.
    dtype
        Of weights and arithmetic: ``float32`` or ``float64``.
    callbacks
        Told about training as it goes.

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

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **CONSTRAINTS,
        "loss": [StrOptions({"squared_error", "mse", "mae", "poisson"}), Loss],
        "scale_targets": ["boolean"],
    }
    _y_numeric: ClassVar[bool] = True
    _targets: Values

    def __init__(
        self,
        loss: str | Loss = "squared_error",
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
        scale_targets: bool = True,
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
        X, y
            As in `fit`.
        sample_weight
            As in `fit`.
        """
        return self._partial_fit(X, y, sample_weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
