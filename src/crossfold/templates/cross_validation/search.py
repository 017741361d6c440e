"""Choose the arguments of a network inside each training fold: a nested grid search."""

import json
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from crossfold.templates.cross_validation.encoding import Encoded
from crossfold.templates.cross_validation.folds import Fold, assign
from crossfold.templates.cross_validation.parameters import Model, PreparationParameters
from crossfold.templates.cross_validation.training import Training, fit_model_encoder, make_network
from crossfold.validation.splits import fold_rows


class TableTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The encoder of `fit_model_encoder` as a transformer of scikit-learn, for inner folds."""

    def __init__(
        self, kinds: dict[str, list[str]], preparation: PreparationParameters, model: Model
    ) -> None:
        self.kinds = kinds
        self.preparation = preparation
        self.model = model

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Learn from the training rows of a feature table."""
        self.encoder_ = fit_model_encoder(X, y, self.kinds, self.preparation, self.model)
        return self

    def transform(self, X: pd.DataFrame) -> Encoded:
        """Encode rows, shape ``(n, width)``."""
        return self.encoder_.transform(X)


def search(
    model: Model, folds: Sequence[Fold], training: Training, seed: int
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Score every candidate on folds inside each training fold, and choose the best of each.

    Inner folds are made as the outer ones were: groups stay together.

    Returns one row for each fold and candidate: ``protocol``, ``fold``, ``candidate`` (its
    arguments as JSON), ``score`` (mean over inner folds), ``standard_deviation`` and ``chosen``;
    and the arguments chosen in each fold.
    """
    results = _fit_grid(model, folds, training, seed)
    joined = _score_table(results, folds, model.search_folds)
    candidates = [json.loads(text) for text in joined.loc[joined["chosen"], "candidate"]]
    return joined, [{name: _as_argument(v) for name, v in one.items()} for one in candidates]


def _fit_grid(model: Model, folds: Sequence[Fold], training: Training, seed: int) -> dict[str, Any]:
    from crossfold.mlp import GridStack

    kinds, target, group = training.kinds(model), training.target, training.group
    pairs = []
    for outer in [fold.train_rows for fold in folds]:
        own = target[outer], group[outer], training.task
        assigned = assign(*own, n_splits=model.search_folds, seed=seed)
        pairs += [(outer[train], outer[validation]) for train, validation in fold_rows(assigned)]
    grid = GridStack(
        make_network(model.network, training.task).set_params(random_state=seed),
        {name: [_as_argument(v) for v in values] for name, values in model.search.items()},
        preprocessor=TableTransformer(kinds, training.preparation, model),
        scoring=model.search_metric,
        cv=pairs,
        refit=False,
    )
    columns = [name for names in kinds.values() for name in names]
    results: dict[str, Any] = grid.fit(training.features[columns], target, groups=group).cv_results_
    return results


def _score_table(results: dict[str, Any], folds: Sequence[Fold], n_inner: int) -> pd.DataFrame:
    scores = np.array([results[name] for name in results if name.startswith("split")])
    of_folds = scores.reshape(len(folds), n_inner, -1)
    tables = [
        pd.DataFrame(
            {
                "protocol": fold.protocol,
                "fold": fold.fold,
                "candidate": [json.dumps(candidate) for candidate in results["params"]],
                "score": own.mean(axis=0),
                "standard_deviation": own.std(axis=0, ddof=1),
                "chosen": np.arange(own.shape[1]) == own.mean(axis=0).argmax(),
            }
        )
        for fold, own in zip(folds, of_folds, strict=True)
    ]
    return pd.concat(tables, ignore_index=True)


def _as_argument(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
