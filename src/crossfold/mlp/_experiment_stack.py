"""A table of experiments, networks of all shapes, trained at once on the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator

from crossfold.mlp import _training
from crossfold.mlp._base import clone_with, require_network
from crossfold.mlp._data import copy_features
from crossfold.mlp._estimators import MLPClassifier
from crossfold.mlp._hyperparameters import (
    WHOLE_RUN_SCHEDULES,
    draw_seed,
    make_member,
    make_network,
    make_settings,
    share_settings,
)
from crossfold.mlp._spec import DataSet, to_dense
from crossfold.mlp.exceptions import DataError, ParameterError

Parameters = Mapping[str, Any]
Rows = tuple[Any, Any]


@dataclass(eq=False, repr=False)
class ExperimentStack(BaseEstimator):  # type: ignore[misc]
    """Trains networks of different shapes on the same rows in the same batches, all at once.

    The first layers of all networks are one matrix product; what lies above is stacked by shape
    and activation. The result is that of stacks of one experiment each, to rounding. Training runs
    for all `max_iter` epochs: `tol`, `n_iter_no_change` and early stopping are not read, and an
    experiment that diverges does not stop the others.

    Parameters
    ----------
    estimator
        `MLPClassifier`; never fitted itself. Its `random_state` draws the order of the rows, the
        same for all experiments. Its `learning_rate` is ``auto``, ``constant``, ``one_cycle`` or
        ``cosine``.
    member_params
        Parameters of each experiment, over those of the estimator. Experiments may differ in
        ``hidden_layer_sizes`` (at least one hidden layer), ``activation``, ``init``, ``dropout``,
        ``random_state`` (start and dropout masks), ``learning_rate_init``, ``alpha``, ``l1``,
        ``use_bias``, ``weight_rate``, ``bias_rate``, ``loss`` and ``focal_gamma``.
    score_every
        Epochs between two scorings of training and validation rows; or the numbers, from 1, of the
        epochs that are scored. The last one is scored anyway.

    Attributes
    ----------
    estimators_
        Fitted classifiers, one per experiment; ``loss_curve_`` holds the scored epochs.
    histories_
        `History` of each.
    diverged_
        Shape ``(experiments,)``, bool: which have weights or a last loss that are not finite. Their
        estimators refuse to predict.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from crossfold.mlp import ExperimentStack, MLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> network = MLPClassifier(input_scale=1 / 16, max_iter=20, learning_rate_init=0.01)
    >>> stack = ExperimentStack(
    ...     network,
    ...     member_params=[
    ...         {"hidden_layer_sizes": (32,), "activation": "relu"},
    ...         {"hidden_layer_sizes": (32, 16), "activation": "tanh", "dropout": 0.1},
    ...     ],
    ... ).fit(X[:1500], y[:1500], validation_data=(X[1500:], y[1500:]))
    >>> [len(history.epochs) for history in stack.histories_]
    [20, 20]
    """

    estimator: MLPClassifier
    _: KW_ONLY
    member_params: Sequence[Parameters]
    score_every: int | Sequence[int] = 1

    def fit(self, X: Any, y: Any, *, validation_data: Rows | None = None) -> Self:
        """Train all experiments.

        Parameters
        ----------
        X
            Inputs, shape ``(n, n_features)``; ``uint8`` stays ``uint8`` until a batch is cast.
        y
            Classes, shape ``(n,)``.
        validation_data
            Inputs and classes to score, or None.

        Raises
        ------
        ParameterError, DataError
            Both of them ``ValueError``: what is wrong, and what is allowed.
        """
        require_network(self.estimator)
        estimators = [clone_with(self.estimator, params) for params in self.member_params]
        self._check(estimators)
        inputs, y = self.estimator._check_inputs(X, y, reset=True)
        targets = self.estimator._learn_targets(y)
        if targets.head == "multilabel":
            raise DataError(
                "y has several labels per row; ExperimentStack takes one class per row."
            )
        data = DataSet(inputs, targets.encode(y, self.estimator.dtype))
        if validation_data is not None:
            data = self.estimator._append(data, targets, validation_data)
        data = replace(data, inputs=to_dense(data.inputs))
        rows = np.split(np.arange(len(data.targets)), [inputs.shape[0]])
        settings = share_settings(
            [make_settings(o, self.estimator._callbacks()) for o in estimators]
        )
        trained = _training.train(
            [make_network(one, inputs.shape[1], targets) for one in estimators],
            [data],
            [make_member(one, targets, data, *rows) for one in estimators],
            replace(settings, score_every=self.score_every, n_iter_no_change=np.inf),
            np.random.default_rng(draw_seed(self.estimator.random_state)),
        )
        for one, result in zip(estimators, trained, strict=True):
            copy_features(self.estimator, one)
            one._keep(result, targets, may_diverge=True)
        self.estimators_ = estimators
        self.histories_ = [one.history_ for one in estimators]
        self.diverged_ = np.array([not result.is_finite for result in trained])
        return self

    def _check(self, estimators: Sequence[MLPClassifier]) -> None:
        if not estimators:
            raise ParameterError("member_params is empty: name at least one experiment.")
        if np.min(self.score_every) < 1:
            raise ParameterError(f"score_every must be at least 1. Got {self.score_every} instead.")
        schedules = ("auto", "constant", *WHOLE_RUN_SCHEDULES)
        for number, one in enumerate(estimators):
            has_dropout_of_inputs = np.size(one.dropout) > np.size(one.hidden_layer_sizes)
            wrong = {
                "hidden_layer_sizes without a hidden layer": np.size(one.hidden_layer_sizes) == 0,
                f"learning_rate other than {', '.join(schedules)}": one.learning_rate
                not in schedules,
                "early_stopping": one.early_stopping,
                "solver='lbfgs'": one.solver == "lbfgs",
                "class_weight": one.class_weight is not None,
                "scaling_layer": one.scaling_layer is not None,
                "shared_seed": one.shared_seed is not None,
                "dropout of inputs": has_dropout_of_inputs and np.ravel(one.dropout)[0],
            }
            found = [name for name, is_so in wrong.items() if is_so]
            if found:
                raise ParameterError(
                    f"Experiment {number}: ExperimentStack does not support {', '.join(found)}; "
                    "train it as an estimator of its own or in a FoldStack."
                )
