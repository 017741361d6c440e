"""The models that stand beside the networks in every table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.modelling.binary.cross_fitting import (
    Decision,
    EncodedFold,
    Labelled,
    positive_probability,
    prediction_table,
)
from crossfold.pipelines.modelling.binary.folds import OuterFold, Rows
from crossfold.pipelines.modelling.binary.parameters import (
    BaselineParameters,
    DecisionParameters,
    PreparationParameters,
)

Inputs = NDArray[np.floating]

# Histogram gradient boosting takes no more levels of a category.
MOST_LEVELS = 255


def cross_fit_baselines(
    features: pd.DataFrame,
    encoded: EncodedFold,
    labelled: Labelled,
    preparation: PreparationParameters,
    decision: DecisionParameters,
    baselines: BaselineParameters,
    seed: int,
) -> pd.DataFrame:
    """Fit, calibrate and score every baseline in one outer fold.

    Each learns from all parts of the training fold but the first, which calibrates it. Returns
    the table of `prediction_table`, model after model.
    """
    tables = []
    for name, estimator, inputs in _baselines(features, encoded, preparation, baselines, seed):
        tables.append(_cross_fit(name, estimator, inputs, encoded.outer, labelled, decision))
    return pd.concat(tables, ignore_index=True)


def _cross_fit(
    name: str,
    estimator: Any,
    inputs: Inputs,
    outer: OuterFold,
    labelled: Labelled,
    decision: DecisionParameters,
) -> pd.DataFrame:
    train, left_out = outer.inner(labelled.part, 0)
    # Gradient boosting finds no thresholds in a column without a value.
    inputs = np.where(np.isnan(inputs[train]).all(axis=0), 0, inputs)
    estimator.fit(inputs[train], labelled.target[train])
    raw = positive_probability(estimator, inputs[left_out])
    fitted = Decision.fit(raw, labelled.target[left_out], decision)
    scored = positive_probability(estimator, inputs[outer.validation_rows])
    return prediction_table(name, outer, labelled, scored, fitted)


def _baselines(
    features: pd.DataFrame,
    encoded: EncodedFold,
    preparation: PreparationParameters,
    baselines: BaselineParameters,
    seed: int,
) -> Iterator[tuple[str, Any, Inputs]]:
    """Give each baseline's name, its estimator and the inputs that it reads."""
    from sklearn.dummy import DummyClassifier
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    preparation = preparation.of(features)
    ordinal = ordinal_inputs(features, preparation, encoded.outer.train_rows)
    yield "prevalence", DummyClassifier(strategy="prior"), ordinal
    if baselines.single_column is not None:
        flag = features[[baselines.single_column]].to_numpy(dtype=np.float32)
        yield f"{baselines.single_column}_flag", LogisticRegression(), flag
    # Many more rows than columns: Newton's steps are few, and each is one matrix product. It is
    # solved in double precision, since one-hot columns add up to a constant.
    logistic = LogisticRegression(
        **baselines.logistic_regression.model_dump(), solver="newton-cholesky"
    )
    yield "logistic_regression", logistic, encoded.inputs.astype(np.float64)
    forest = RandomForestClassifier(
        **baselines.random_forest.model_dump(), n_jobs=-1, random_state=seed
    )
    yield "random_forest", forest, np.nan_to_num(ordinal, nan=-1)
    boosting = HistGradientBoostingClassifier(
        **baselines.hist_gradient_boosting.model_dump(),
        early_stopping=False,
        categorical_features=_categorical_positions(features, preparation),
        random_state=seed,
    )
    yield "hist_gradient_boosting", boosting, ordinal


def ordinal_inputs(
    features: pd.DataFrame, preparation: PreparationParameters, train_rows: Rows
) -> Inputs:
    """Give the input columns as numbers, levels by their code; shape ``(n, columns)``, float32.

    Of more than `MOST_LEVELS` levels, the rarest in the training rows share one.
    """
    columns = [
        _codes(features[name], train_rows) if features[name].dtype == "category" else features[name]
        for name in preparation.inputs
    ]
    return np.column_stack([c.to_numpy(dtype=np.float32, na_value=np.nan) for c in columns])


def _codes(values: pd.Series, train_rows: Rows) -> pd.Series:
    codes = values.cat.codes
    if len(values.cat.categories) <= MOST_LEVELS:
        return codes
    frequent = codes.iloc[train_rows].value_counts(sort=True).index[: MOST_LEVELS - 1]
    return pd.Series(pd.Index(frequent).get_indexer(codes), codes.index).replace(-1, len(frequent))


def _categorical_positions(
    features: pd.DataFrame, preparation: PreparationParameters
) -> NDArray[np.bool_]:
    return np.array([features[name].dtype == "category" for name in preparation.inputs])
