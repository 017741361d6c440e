"""What drives a model, on unseen rows: what it loses without a column, and what a column does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from crossfold.exceptions import CrossfoldError
from crossfold.templates.cross_validation import parameters as given
from crossfold.templates.cross_validation.encoding import Encoded, TableEncoder, inputs_by_kind
from crossfold.templates.cross_validation.nodes import Networks
from crossfold.templates.cross_validation.training import pooled_outputs
from crossfold.templates.parameters import TableParameters, Task
from crossfold.validation.estimates import MAIN_METRIC


class KeptModel(BaseEstimator):  # type: ignore[misc]
    """A kept model of one fold with scikit-learn's interface.

    It reads feature tables, and arrays that are encoded already. `networks` are its members,
    `state` has their encoder and task.
    """

    def __init__(self, networks: Sequence[Any], state: dict[str, Any]) -> None:
        self.networks = networks
        self.state = state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "regressor" if self.state["task"] == "regression" else "classifier"
        return tags

    def fit(self, X: Any, y: Any) -> KeptModel:
        """Do nothing: it is fitted."""
        return self

    @property
    def classes_(self) -> NDArray[np.intp]:
        """Numbers of the classes."""
        return np.arange(2 if self.state["task"] == "binary" else self.networks[0].n_outputs_)

    def predict_proba(self, X: pd.DataFrame | Encoded) -> NDArray[np.float32]:
        """Predict the probability of every class, shape ``(n, k)``."""
        p = self._outputs(X)
        return np.hstack([1 - p, p]) if self.state["task"] == "binary" else p

    def predict(self, X: pd.DataFrame | Encoded) -> NDArray[Any]:
        """Predict the number of the class, or the value, of every row; shape ``(n,)``."""
        if self.state["task"] == "regression":
            return self._outputs(X)[:, 0]
        return np.asarray(self.predict_proba(X).argmax(axis=1))

    @property
    def encoder(self) -> TableEncoder:
        """What makes its inputs of a feature table."""
        return TableEncoder.from_dict(self.state["encoder"])

    def _outputs(self, X: pd.DataFrame | Encoded) -> NDArray[np.float32]:
        encoded = self.encoder.transform(X) if isinstance(X, pd.DataFrame) else X
        return pooled_outputs(self.networks, encoded, self.state["task"])


def group_columns(
    features: pd.DataFrame,
    table_parameters: TableParameters,
    preparation: given.PreparationParameters,
    importance: given.ImportanceParameters,
) -> dict[str, list[str]]:
    """List the input columns that are shuffled together, by the name of their group.

    They are those that the parameters name, and the parts of one date; all others stand alone,
    under their own name. A group that has the name of a column, or names one that there is not, is
    a `CrossfoldError`.
    """
    by_kind = inputs_by_kind(features, table_parameters.target, preparation)
    columns, kinds = [one for own in by_kind.values() for one in own], table_parameters.columns
    named: dict[str, Sequence[str]] = {
        date: [
            one
            for one in columns
            if one.rstrip("_").rpartition("_")[0] == date and one not in kinds
        ]
        for date, kind in kinds.items()
        if kind == "date"
    }
    named |= importance.groups
    members = {one for group in importance.groups.values() for one in group}
    wrong = sorted({*importance.groups} & {*columns} | members - {*features, *preparation.optional})
    if wrong:
        raise CrossfoldError(
            f"importance: groups: {', '.join(wrong)}: give every group a name that no column has, "
            f"and name input columns in it, which are {', '.join(columns)}."
        )
    present = {name: {*group} & {*columns} for name, group in named.items()}
    name_of = {one: name for name, group in present.items() if len(group) > 1 for one in group}
    groups: dict[str, list[str]] = {}
    for column in columns:
        groups.setdefault(name_of.get(column, column), []).append(column)
    return groups


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
    rows: pd.DataFrame,
    target: NDArray[Any],
    groups: Mapping[str, Sequence[str]],
    importance: given.ImportanceParameters,
    seed: int,
) -> pd.Series:
    """Shuffle each group of columns among unseen rows of a fold; by group, what the score loses.

    Figures are those of scikit-learn's ``permutation_importance``, to the last digit; rows are
    encoded once.
    """
    from sklearn.metrics import get_scorer

    score = get_scorer(importance.metric or MAIN_METRIC[model.state["task"]])
    encoded, places = model.encoder.transform(rows), model.encoder.places
    whole, lost = score(model, encoded, target), {}
    start = np.random.RandomState(seed).randint(np.iinfo(np.int32).max + 1)
    for name, columns in groups.items():
        own = [place for column in columns for place in places.get(column, ())]
        shuffled, order, scores = encoded.copy(), np.arange(len(rows)), []
        rng = np.random.RandomState(start)  # the same for each group
        for _ in range(importance.n_repeats):
            rng.shuffle(order)
            shuffled[:, own] = shuffled[order[:, None], own]
            scores.append(score(model, shuffled, target))
        lost[name] = np.mean(whole - np.array(scores))
    return pd.Series(lost)


def effect_values(values: pd.Series, n_values: int) -> pd.Series:
    """Choose the values at which the effect of a column is computed, with the type of the column.

    They are the most frequent levels of a category or flag, and of a number the values that occur,
    or, where these are more than `n_values`, quantiles from the 5th to the 95th percentile of the
    rows; missing values are left out.
    """
    known = values.dropna()
    chosen: Any = known.value_counts().index[:n_values]
    if is_number(known):
        chosen = np.unique(known.to_numpy())
        if len(chosen) > n_values:
            shares = np.linspace(0.05, 0.95, n_values)
            chosen = np.unique(np.quantile(known.to_numpy(), shares, method="nearest"))
    return pd.Series(list(chosen), name=values.name).astype(values.dtype)


def is_number(values: pd.Series) -> bool:
    """Say whether a column has an axis of numbers: a flag has none."""
    dtype = values.dtype
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)


def effect_in_fold(model: KeptModel, rows: pd.DataFrame, values: pd.Series) -> NDArray[np.float64]:
    """Set a column of unseen rows to each value in turn, and average what the model then predicts.

    This is partial dependence (Friedman 2001, section 8.2) on inputs of validation rows, shape
    ``(n, columns)``; `values`, shape ``(v,)``, have the name of the column.

    Returns shape ``(v, k)``: mean probability of each of ``k`` classes, before calibration; the
    mean predicted value where the task is regression, ``k`` = 1.
    """
    encoder, n = model.encoder, len(values)
    places = encoder.places.get(str(values.name), [])
    encoded = encoder.transform(rows).repeat(n, axis=0)
    at_values = encoder.transform(rows.iloc[[0] * n].assign(**{str(values.name): values.array}))
    encoded[:, places] = np.tile(at_values[:, places], (len(rows), 1))
    outputs = pooled_outputs(model.networks, encoded, model.state["task"])
    if model.state["task"] == "binary":
        outputs = np.hstack([1 - outputs, outputs])
    mean: NDArray[np.float64] = outputs.reshape(len(rows), n, -1).mean(axis=0, dtype=float)
    return mean
