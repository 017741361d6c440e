"""A feature table as models see it: encoded inside each fold, with its target as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.templates.cross_validation.encoding import (
    Encoded,
    TableEncoder,
    fit_encoder,
    inputs_by_kind,
    target_numbers,
)
from crossfold.templates.cross_validation.folds import Fold
from crossfold.templates.cross_validation.parameters import (
    Model,
    NetworkParameters,
    PreparationParameters,
    Sampler,
)
from crossfold.templates.parameters import TableParameters, Task

if TYPE_CHECKING:
    from crossfold.mlp import MLPClassifier, MLPRegressor


@dataclass
class Training:
    """A feature table and what is learnt from it.

    Attributes
    ----------
    features
        The feature table.
    table
        What its columns are.
    preparation
        How they are encoded.
    group
        Group of each row, shape ``(n,)``.
    """

    features: pd.DataFrame
    table: TableParameters
    preparation: PreparationParameters
    group: NDArray[np.int32]
    _encoders: dict[Any, TableEncoder] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        """Kind of the target."""
        return self.table.task

    @cached_property
    def target(self) -> NDArray[Any]:
        """Target as numbers, shape ``(n,)``; see `target_numbers`."""
        return target_numbers(self.features[self.table.target], self.table)

    def kinds(self, model: Model) -> dict[str, list[str]]:
        """List the inputs that a model reads, by kind."""
        if model.inputs is None:
            return self._kinds
        read = model.inputs
        return {kind: [n for n in names if n in read] for kind, names in self._kinds.items()}

    @cached_property
    def _kinds(self) -> dict[str, list[str]]:
        return inputs_by_kind(self.features, self.table.target, self.preparation)

    def learn_encoder(self, model: Model, fold: Fold) -> TableEncoder:
        """Fit the encoder of a model on a fold's training rows."""
        key = (model.preparation, model.inputs, model.select, fold.protocol, fold.fold)
        if key not in self._encoders:
            rows = fold.train_rows
            training = self.features.iloc[rows], self.target[rows]
            kinds = self.kinds(model)
            self._encoders[key] = fit_model_encoder(*training, kinds, self.preparation, model)
        return self._encoders[key]

    def encode(self, model: Model, encoder: TableEncoder) -> Encoded:
        """Encode all rows, in the precision that a model reads; shape ``(n, width)``."""
        return encoder.transform(self.features).astype(model.dtype, copy=False)


def fit_model_encoder(
    table: pd.DataFrame,
    target: NDArray[Any],
    kinds: dict[str, list[str]],
    preparation: PreparationParameters,
    model: Model,
) -> TableEncoder:
    """Select the inputs of a model on training rows, and learn to encode them.

    Parameters
    ----------
    table, target
        Training rows only; the target as numbers, shape ``(n,)``.
    kinds, preparation
        As in `fit_encoder`.
    model
        Says how many inputs are selected, and how they are encoded.
    """
    if model.select is not None:
        from sklearn.feature_selection import SelectKBest

        numeric = kinds["numeric"]
        selected = SelectKBest(class_separation, k=model.select).fit(
            table[numeric].to_numpy(dtype=np.float32), target
        )
        kinds = {**kinds, "numeric": [numeric[i] for i in selected.get_support(indices=True)]}
    return fit_encoder(table, kinds, preparation, model.preparation)


def class_separation(X: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Score inputs by how far apart the class means are: the signal-to-noise ratio.

    ``|μ₁ − μ₀| / (σ₁ + σ₀)`` of each class against all others, the largest of them (Golub et al.
    1999), for inputs of shape ``(n, p)`` and numbers of the classes of shape ``(n,)``.
    """
    classes = np.unique(y)
    return np.asarray(np.max([_separation(X[y == own], X[y != own]) for own in classes], axis=0))


def _separation(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    spread = a.std(axis=0) + b.std(axis=0)
    gap = np.abs(a.mean(axis=0) - b.mean(axis=0))
    return np.asarray(gap / np.maximum(spread, np.finfo(a.dtype).tiny))


def make_sampler(sampler: Sampler, seed: int) -> Any:
    """Make a sampler of imbalanced-learn, or None."""
    if sampler == "none":
        return None
    from imblearn.over_sampling import SMOTE
    from imblearn.under_sampling import RandomUnderSampler

    kind = SMOTE if sampler == "smote" else RandomUnderSampler
    return kind(random_state=seed)


def make_network(
    network: NetworkParameters, task: Task, callbacks: Sequence[Any] = ()
) -> MLPClassifier | MLPRegressor:
    """Make an untrained network from its parameters."""
    from crossfold.mlp import MLPClassifier, MLPRegressor

    kind = MLPRegressor if task == "regression" else MLPClassifier
    given = network.model_dump()
    if given["n_iter_no_change"] is None:
        given["n_iter_no_change"] = float("inf")
    if task == "regression" and given["loss"] in ("cross_entropy", "focal"):
        del given["loss"]
    known = kind().get_params()
    return kind(**{k: v for k, v in given.items() if k in known}, callbacks=tuple(callbacks))
