"""Networks that differ in their seeds, trained as one stack and averaged; settings for tables."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, is_classifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import get_tags
from sklearn.utils._param_validation import Interval
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from crossfold.mlp._base import BaseMLP, clone_with
from crossfold.mlp._batches import batch_rows
from crossfold.mlp._fold_stack import FoldStack
from crossfold.mlp._hyperparameters import draw_seed
from crossfold.mlp._spec import Array
from crossfold.mlp._tabular_encoder import TabularEncoder
from crossfold.mlp.exceptions import ParameterError

_FEWEST_EPOCHS = 6


def _classifies(ensemble: MLPEnsemble) -> bool:
    return bool(is_classifier(ensemble.estimator))


class MLPEnsemble(MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """The mean of networks that start from other seeds (Lakshminarayanan et al. 2017).

    They train as one stack. With early stopping of the estimator each sets other rows aside.

    Parameters
    ----------
    estimator
        `MLPClassifier` or `MLPRegressor`; never fitted itself.
    n_members
        How many networks.
    n_steps
        Steps that each network takes at the most: its epochs follow from the number of rows, at
        least 6 and at the most the estimator's `max_iter`. None is `max_iter` epochs.
    random_state
        Seed of the first network, an integer or None; each of the others has the next one.

    Attributes
    ----------
    estimators_
        The fitted networks.
    classes_
        Classes, sorted, of a classifier.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from crossfold.mlp import MLPClassifier
    >>> X, y = make_moons(200, noise=0.1, random_state=0)
    >>> model = MLPEnsemble(MLPClassifier(), n_members=3, random_state=0).fit(X, y)
    >>> len(model.estimators_), model.score(X, y) > 0.95
    (3, True)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": [BaseMLP],
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "n_steps": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: BaseMLP,
        *,
        n_members: int = 5,
        n_steps: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.n_members = n_members
        self.n_steps = n_steps
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None) -> Self:
        """Train on inputs and targets, as `MLPClassifier.fit` or `MLPRegressor.fit` do.

        Rows of one group are set aside for early stopping together, where `groups`, shape ``(n,)``,
        are given.
        """
        self._validate_params()
        n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
        seed = draw_seed(self.random_state)
        stack = FoldStack(
            clone_with(self.estimator, {"max_iter": self._epochs(n_rows)}),
            member_params=[{"random_state": seed + number} for number in range(self.n_members)],
        )
        everyone = np.arange(n_rows), np.empty(0, dtype=np.intp)
        stack.fit(X, y, [everyone], groups=groups, sample_weight=sample_weight)
        self.estimators_ = [member for [member] in stack.estimators_]
        return self

    def _epochs(self, n_rows: int) -> int:
        most = int(self.estimator.max_iter)
        if self.n_steps is None:
            return most
        steps = -(-n_rows // batch_rows(self.estimator.batch_size, n_rows))
        return min(most, max(_FEWEST_EPOCHS, round(self.n_steps / steps)))

    def predict(self, X: Any) -> Array:
        """Predict the class of the highest mean probability, or the mean of the values."""
        if not _classifies(self):
            return self._mean(lambda member: member.predict(X))
        p = self.predict_proba(X)
        predicted: Array = self.classes_[p.argmax(axis=1)]
        return predicted

    @available_if(_classifies)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:
        """Give the mean probability of each class, shape ``(n, n_classes)``."""
        return self._mean(lambda member: member.predict_proba(X))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Give accuracy or R²."""
        from sklearn.metrics import accuracy_score, r2_score

        measure = accuracy_score if _classifies(self) else r2_score
        return float(measure(y, self.predict(X), sample_weight=sample_weight))

    def _mean(self, ask: Callable[[Any], Array]) -> Array:
        check_is_fitted(self)
        mean: Array = np.mean([ask(member) for member in self.estimators_], axis=0)
        return mean

    @property
    def classes_(self) -> Array:
        """Classes, sorted."""
        classes: Array = self.estimators_[0].classes_
        return classes

    @property
    def n_features_in_(self) -> int:
        """Number of inputs."""
        return self.estimators_[0].n_features_in_

    def __sklearn_tags__(self) -> Any:
        tags, own = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.estimator_type, tags.classifier_tags = own.estimator_type, own.classifier_tags
        tags.regressor_tags, tags.target_tags = own.regressor_tags, own.target_tags
        return tags


TABULAR: dict[str, Any] = {
    "hidden_layer_sizes": (96, 48),
    "activation": "silu",
    "solver": "adamw",
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.004,
    "alpha": 0.03,
    "dropout": 0.15,
    "max_iter": 60,
    "early_stopping": "loss",
    "validation_fraction": 0.15,
    "n_iter_no_change": float("inf"),
}
"""Chosen on half of the tables of ``benchmarks/tables.py``; of all epochs the best is kept."""

N_STEPS = 600
"""Steps of each network, whatever the number of rows."""

SEARCH_SPACE: dict[str, list[Any]] = {
    "dropout": [0.05, 0.15, 0.3],
    "learning_rate_init": [0.002, 0.008],
    "alpha": [0.03, 0.3],
}
"""Parameters of the networks in which candidates of a `GridStack` may share a stack."""


def make_preset(name: str, kind: type[BaseMLP], random_state: Any, params: Any) -> Pipeline:
    """Make what `BaseMLP.preset` describes."""
    if name != "tabular":
        raise ParameterError(f"There is no preset {name!r}; there is 'tabular'.")
    network = kind(**{**TABULAR, **params})
    return make_pipeline(
        TabularEncoder(), MLPEnsemble(network, n_steps=N_STEPS, random_state=random_state)
    )
