"""What drives a model: how much worse it is on unseen rows when a column is shuffled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from crossfold.templates.cross_validation.encoding import inputs_by_kind, target_numbers
from crossfold.templates.cross_validation.final_model import predict_outputs
from crossfold.templates.cross_validation.folds import Fold
from crossfold.templates.cross_validation.nodes import Networks
from crossfold.templates.cross_validation.parameters import (
    ImportanceParameters,
    PreparationParameters,
)
from crossfold.templates.parameters import TableParameters, Task


class KeptModel(BaseEstimator):  # type: ignore[misc]
    """A kept model of one fold with scikit-learn's interface; it reads feature tables.

    Parameters
    ----------
    networks, state
        Its members, and their encoder and task.
    """

    def __init__(self, networks: Sequence[Any], state: dict[str, Any]) -> None:
        self.networks = networks
        self.state = state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "regressor" if self.state["task"] == "regression" else "classifier"
        return tags

    def fit(self, X: pd.DataFrame, y: Any) -> KeptModel:
        """Do nothing: it is fitted."""
        return self

    @property
    def classes_(self) -> NDArray[np.intp]:
        """Numbers of the classes."""
        return np.arange(2 if self.state["task"] == "binary" else self.networks[0].n_outputs_)

    def predict_proba(self, X: pd.DataFrame) -> NDArray[np.float32]:
        """Predict the probability of every class, shape ``(n, k)``."""
        p = predict_outputs((list(self.networks), self.state), X)
        return np.hstack([1 - p, p]) if self.state["task"] == "binary" else p

    def predict(self, X: pd.DataFrame) -> NDArray[Any]:
        """Predict the number of the class, or the value, of every row; shape ``(n,)``."""
        if self.state["task"] == "regression":
            return predict_outputs((list(self.networks), self.state), X)[:, 0]
        return np.asarray(self.predict_proba(X).argmax(axis=1))


def kept_models(networks: Networks, name: str, task: Task) -> dict[tuple[str, int], KeptModel]:
    """Find the models of one name among kept networks, by protocol and fold."""
    estimators, document = networks
    found, start = {}, 0
    for fitted in document["fitted"]:
        members = estimators[start : start + fitted["members"]]
        start += fitted["members"]
        if fitted["model"] == name:
            found[fitted["protocol"], fitted["fold"]] = KeptModel(members, {**fitted, "task": task})
    return found


def measure_fold(
    model: KeptModel,
    fold: Fold,
    features: pd.DataFrame,
    table_parameters: TableParameters,
    preparation: PreparationParameters,
    importance: ImportanceParameters,
    seed: int,
) -> pd.Series:
    """Shuffle each input among the validation rows of a fold; what the score loses, by column."""
    from sklearn.inspection import permutation_importance

    kinds = inputs_by_kind(features, table_parameters.target, preparation)
    columns = [name for names in kinds.values() for name in names]
    y = target_numbers(features[table_parameters.target], table_parameters)
    lost = permutation_importance(
        model,
        features.iloc[fold.validation_rows][columns],
        y[fold.validation_rows],
        scoring=importance.metric or DEFAULT_METRIC[table_parameters.task],
        n_repeats=importance.n_repeats,
        random_state=seed,
        max_samples=min(importance.max_rows, len(fold.validation_rows)),
    )
    return pd.Series(lost.importances_mean, index=columns)


DEFAULT_METRIC: dict[Task, str] = {
    "binary": "roc_auc",
    "multiclass": "accuracy",
    "regression": "r2",
}
