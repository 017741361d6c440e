"""What the classifier and the regressor have in common: validate, train, keep what was learnt."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from crossfold.mlp import _training
from crossfold.mlp._data import Labels, Targets, check_inputs, stack_rows
from crossfold.mlp._hyperparameters import (
    WHOLE_RUN_SCHEDULES,
    Hyperparameters,
    hidden_activation,
    make_member,
    make_network,
    make_settings,
    per_layer,
    schedule_of,
    settings_of_layers,
    stops_early,
)
from crossfold.mlp._numpy_engine import layer_outputs, predict
from crossfold.mlp._spec import Array, DataSet, Member, Network, Trained
from crossfold.mlp._summary import Drawing, Layer, draw, list_layers, output_name, summarise
from crossfold.mlp.callbacks import EpochLines
from crossfold.mlp.exceptions import DivergenceError, ParameterError

_MLP = TypeVar("_MLP", bound="BaseMLP")


class BaseMLP(Hyperparameters, BaseEstimator, ABC):  # type: ignore[misc]
    """Multilayer perceptron; the constructor only stores, `fit` validates."""

    loss_curve_: list[float]
    validation_scores_: list[float] | None
    t_: int
    n_features_in_: int
    _targets: Any

    _parameter_constraints: ClassVar[dict[str, list[Any]]]
    _y_numeric: ClassVar[bool] = False

    @classmethod
    def preset(cls, name: str = "tabular", *, random_state: Any = None, **params: Any) -> Any:
        """Make an estimator whose settings need no tuning, for a table of any columns.

        Parameters
        ----------
        name
            ``tabular``: a pipeline of a `TabularEncoder` and an `MLPEnsemble`.
        random_state
            Seed of the ensemble's first network, an integer or None.
        params
            Parameters of the networks, over those of the preset.

        Raises
        ------
        ParameterError
            There is no such preset.
        """
        from sklearn.pipeline import make_pipeline

        from crossfold.mlp._tabular import N_STEPS, TABULAR, MLPEnsemble, TabularEncoder

        if name != "tabular":
            raise ParameterError(f"There is no preset {name!r}; there is 'tabular'.")
        network = cls(**{**TABULAR, **params})
        ensemble = MLPEnsemble(network, n_steps=N_STEPS, random_state=random_state)
        return make_pipeline(TabularEncoder(), ensemble)

    @staticmethod
    def search_space() -> dict[str, list[Any]]:
        """List the values worth choosing among for a table, as a grid for a `GridStack`."""
        from crossfold.mlp._tabular import SEARCH_SPACE

        return {parameter: list(values) for parameter, values in SEARCH_SPACE.items()}

    @classmethod
    @cache
    def _get_param_names(cls) -> list[str]:
        """List the parameters; kept, as scikit-learn reads the constructor's signature anew."""
        names: list[str] = super()._get_param_names()
        return names

    @abstractmethod
    def _learn_targets(self, y: Array, classes: Array | None = None) -> Targets:
        """Learn how to encode labels or values."""

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        validation_data: tuple[Any, Any] | None = None,
        callbacks: Sequence[Any] = (),
    ) -> Self:
        """Train on inputs and targets.

        Parameters
        ----------
        X
            Inputs, shape ``(n, n_features)``, dense or sparse; sparse ones are made dense batch by
            batch.
        y
            Classes or values, shape ``(n,)``, or ``(n, n_outputs)`` for several labels or values.
        sample_weight
            Weight of each row, shape ``(n,)``, or None for equal weights.
        validation_data
            Inputs and classes or values to score after every epoch, for `history_`; with early
            stopping they decide, and no rows are set aside. None for none.
        callbacks
            Told about this training, beside those of the estimator.

        Raises
        ------
        ParameterError, DivergenceError
            All of them ``ValueError``: what is wrong, and what is allowed.
        """
        trained = self._train(
            X, y, sample_weight, validation_data=validation_data, callbacks=callbacks
        )
        warn_if_unconverged(self, [trained])
        return self

    def _partial_fit(
        self, X: Any, y: Any, sample_weight: Any, classes: Array | None = None
    ) -> Self:
        if self.early_stopping:
            raise ParameterError("partial_fit does not support early_stopping=True")
        if self.learning_rate in WHOLE_RUN_SCHEDULES:
            raise ParameterError(
                f"partial_fit does not support learning_rate={self.learning_rate!r}, which is laid "
                "out over a whole training; use 'constant', 'invscaling' or 'adaptive'."
            )
        self._train(X, y, sample_weight, classes, incremental=True)
        return self

    def _train(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        classes: Array | None = None,
        incremental: bool = False,
        validation_data: tuple[Any, Any] | None = None,
        callbacks: Sequence[Any] = (),
    ) -> Trained:
        self._validate_params()
        continued = (self.warm_start or incremental) and hasattr(self, "coefs_")
        inputs, y = self._check_inputs(X, y, reset=not continued)
        targets = self._learn_targets(y, classes)
        if continued:
            targets = self._targets if incremental else self._targets.confirmed_by(targets)
        weights = self._check_weights(sample_weight, inputs)
        data_set = DataSet(inputs, targets.encode(y, self.dtype), weights)
        if validation_data is not None:
            data_set = self._append(data_set, targets, validation_data)
        rows = np.split(np.arange(len(data_set.targets)), [inputs.shape[0]])
        may_set_aside = validation_data is None
        member = make_member(self, targets, data_set, *rows, may_set_aside=may_set_aside)
        network = make_network(self, inputs.shape[1], targets)
        if continued:
            member = self._go_on(member, network, self._optimizer_state if incremental else None)
        self._check_batch_size(len(member.train_rows))
        settings = make_settings(self, (*self._callbacks(), *callbacks), incremental=incremental)
        [trained] = _training.train(network, [data_set], [member], settings)
        self._keep(trained, targets, continued=continued)
        return trained

    def _append(self, data_set: DataSet, targets: Targets, validation_data: Any) -> DataSet:
        if not isinstance(validation_data, tuple | list) or len(validation_data) != 2:
            raise ParameterError(
                f"validation_data is a {type(validation_data).__name__}: give a pair of inputs and"
                " classes or values."
            )
        inputs, y = self._check_inputs(*validation_data, reset=False)
        weights = data_set.weights
        if weights is not None:
            weights = np.concatenate([weights, np.ones(len(y), dtype=weights.dtype)])
        encoded = targets.encode(y, self.dtype)
        return DataSet(
            stack_rows(data_set.inputs, inputs),
            np.concatenate([data_set.targets, encoded]),
            weights,
        )

    def _go_on(self, member: Member, network: Network, optimizer_state: Any) -> Member:
        """Let a member start from the weights learnt so far, and draw new orders and masks."""
        learnt = (self.n_features_in_, *(len(biases) for biases in self.intercepts_))
        if learnt != network.layer_sizes:
            raise ParameterError(
                f"hidden_layer_sizes asks for layers of {network.layer_sizes}, but {learnt} were "
                "learnt before; set warm_start=False to begin anew."
            )
        return replace(
            member,
            seed=member.seed + self.t_,
            start=(self.coefs_, self.intercepts_),
            optimizer_state=optimizer_state,
        )

    def _validate_params(self) -> None:
        try:
            super()._validate_params()
        except InvalidParameterError as error:
            raise ParameterError(str(error)) from None
        hidden_activation(self)
        per_layer(self, "output_activation")
        settings_of_layers(self)

    def _check_inputs(self, X: Any, y: Any, *, reset: bool) -> tuple[Array, Array]:
        inputs, y = check_inputs(
            self, X, y, dtype=self.dtype, multi_output=True, y_numeric=self._y_numeric, reset=reset
        )
        if issparse(y):
            y = y.toarray()
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return inputs, y

    def _check_weights(self, sample_weight: Any, inputs: Array) -> Array | None:
        if sample_weight is None:
            return None
        weights: Array = _check_sample_weight(
            sample_weight, inputs, dtype=np.dtype(self.dtype), ensure_non_negative=True
        )
        return weights

    def _check_batch_size(self, n_rows: int) -> None:
        if self.solver == "lbfgs" or isinstance(self.batch_size, str):
            return
        if self.batch_size > n_rows:
            warnings.warn(
                f"batch_size={self.batch_size} is larger than the {n_rows} training rows, all of "
                "which are one batch.",
                stacklevel=4,
            )

    def _callbacks(self) -> tuple[Any, ...]:
        return (*self.callbacks, EpochLines()) if self.verbose else tuple(self.callbacks)

    def _keep(
        self,
        trained: Trained,
        targets: Targets,
        *,
        continued: bool = False,
        may_diverge: bool = False,
    ) -> None:
        if not (may_diverge or trained.is_finite):
            raise DivergenceError(
                f"Training diverged in epoch {trained.n_iter}. Solver produced non-finite "
                "parameter weights. The input data may contain large values and need to be "
                "preprocessed, for example with StandardScaler; or lower "
                f"learning_rate_init={self.learning_rate_init}."
            )
        self.history_ = history = trained.history
        self._targets, self.n_outputs_ = targets, targets.n_outputs
        if isinstance(targets, Labels):
            self.classes_ = targets.classes
        self.coefs_, self.intercepts_ = trained.coefs, trained.intercepts
        self.n_layers_ = len(trained.coefs) + 1
        self.loss_curve_ = (self.loss_curve_ if continued else []) + history.train_loss
        self.loss_ = self.loss_curve_[-1]
        earlier = (self.validation_scores_ or []) if continued else []
        scores = earlier + history.validation_score
        self.validation_scores_ = scores if stops_early(self) else None
        self.n_iter_ = trained.n_iter
        self.t_ = (self.t_ if continued else 0) + trained.t
        self._optimizer_state = trained.optimizer_state

    def _outputs(self, X: Any) -> Array:
        """Give the network's outputs, shape ``(n, n_outputs)``."""
        check_is_fitted(self)
        return self._outputs_of(check_inputs(self, X, dtype=self.dtype, reset=False))

    def _network(self, input_shape: tuple[int, ...] | None = None) -> Network:
        check_is_fitted(self)
        return make_network(self, self.n_features_in_, self._targets)

    def _layers(self, input_shape: tuple[int, ...] | None = None) -> list[Layer]:
        return list(list_layers(self._network(input_shape), settings_of_layers(self)))

    def _outputs_of(self, inputs: Array) -> Array:
        outputs = predict(self._network(), self.coefs_, self.intercepts_, inputs)
        n_wrong = np.count_nonzero(~np.isfinite(outputs).all(axis=1))
        if n_wrong:
            raise DivergenceError(
                f"The predictions of {n_wrong} of {len(outputs)} rows are not finite: training "
                "diverged, or these inputs are far larger than those of training. Scale the "
                "inputs, or lower learning_rate_init and fit again."
            )
        return outputs

    def predict(self, X: Any) -> Array:
        """Predict classes, labels or values.

        Parameters
        ----------
        X
            Inputs, shape ``(n, n_features)``.

        Returns
        -------
        Shape ``(n,)``, or ``(n, n_outputs)`` where several labels or values were learnt.
        """
        outputs = self._outputs(X)
        predicted: Array = self._targets.decode(outputs)
        return predicted

    def layer_outputs(self, X: Any) -> list[tuple[Array, Array]]:
        """Compute what every layer makes of each row.

        Parameters
        ----------
        X
            Inputs, shape ``(n, n_features)``.

        Returns
        -------
        For each layer above the inputs ``z``, its weighted inputs with the bias, and ``a``, the
        activation of them; both of shape ``(n, units)``. The last ``a`` is what the network says.
        """
        check_is_fitted(self)
        inputs = check_inputs(self, X, dtype=self.dtype, reset=False)
        return layer_outputs(self._network(), self.coefs_, self.intercepts_, inputs)

    def summary(self, input_shape: tuple[int, ...] | None = None, *, as_frame: bool = False) -> Any:
        """Tabulate the layers: shapes of inputs, outputs, weights and biases, and parameters.

        Parameters
        ----------
        input_shape
            Of a `NeuralNetwork` before training: ``(n_features,)``. Not read after.
        as_frame
            Whether to give a DataFrame instead of text.
        """
        return summarise(self._layers(input_shape), as_frame=as_frame)

    def draw(self) -> Drawing:
        """Draw the layers as SVG: text, which a notebook shows as a picture.

        It has the colour of the text around it, and a title and a description for screen readers.
        Layers of more than 10 units are shortened. Between layers that are drawn whole, the width
        of a line is the weight's size, and dashes are negative weights.
        """
        check_is_fitted(self)
        return draw(self)

    @property
    def best_loss_(self) -> float | None:
        """Lowest training loss, or None with early stopping."""
        return None if stops_early(self) else min(self.loss_curve_)

    @property
    def best_validation_score_(self) -> float | None:
        """Highest validation score, or None without early stopping."""
        return None if self.validation_scores_ is None else max(self.validation_scores_)

    @property
    def out_activation_(self) -> str:
        """``logistic``, ``softmax``, ``identity`` or ``exp``, or what was asked for."""
        return output_name(self._network())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def takes_batches(estimator: BaseMLP) -> bool:
    """Tell whether the solver can go on with other rows, or raise what scikit-learn raises."""
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit needs solver='sgd', 'adam' or 'adamw', not 'lbfgs'.")
    return True


def require_network(estimator: Any) -> None:
    """Refuse an estimator that no stack can train, before anything is asked of it."""
    if not isinstance(estimator, BaseMLP):
        raise ParameterError(
            f"estimator is a {type(estimator).__name__}, and a stack trains MLPClassifier, "
            "MLPRegressor and NeuralNetwork alone: what is to come before goes to preprocessor."
        )


def clone_with(estimator: _MLP, parameters: Mapping[str, Any]) -> _MLP:
    """Clone an estimator with other parameters, if it has them; callbacks are not copied."""
    bare = type(estimator)(**{**estimator.get_params(), "callbacks": ()})
    copy: _MLP = clone(bare)
    unknown = sorted(set(parameters) - set(copy.get_params()))
    if unknown:
        raise ParameterError(
            f"{', '.join(unknown)} in member_params or fold_params: "
            f"{type(copy).__name__} has no such parameter."
        )
    copy.set_params(**{**parameters, "callbacks": estimator.callbacks})
    copy._validate_params()
    return copy


def warn_if_unconverged(estimator: BaseMLP, trained: Sequence[Trained]) -> None:
    """Warn once if networks reached ``max_iter`` while still improving.

    A training whose length is laid down beforehand, by its schedule or by
    ``n_iter_no_change=inf``, has nothing to converge to.
    """
    if schedule_of(estimator) in WHOLE_RUN_SCHEDULES or np.isinf(estimator.n_iter_no_change):
        return
    unconverged = sum(not one.converged for one in trained)
    if unconverged:
        warnings.warn(
            f"{unconverged} of {len(trained)} networks reached max_iter={estimator.max_iter}"
            f"{' or max_fun=' + str(estimator.max_fun) if estimator.solver == 'lbfgs' else ''}"
            " before they converged.",
            ConvergenceWarning,
            stacklevel=3,
        )
