"""The models that stand beside the networks; each reads all probes, scaled in the fold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.modelling.gene_expression.networks import Target, prediction_table
from crossfold.pipelines.modelling.gene_expression.parameters import BaselineParameters
from crossfold.pipelines.modelling.gene_expression.preparation import Inputs
from crossfold.pipelines.modelling.gene_expression.splits import Split


def cross_fit_baselines(
    inputs: Inputs, aml: Target, splits: Sequence[Split], parameters: BaselineParameters
) -> pd.DataFrame:
    """Fit and score every baseline on every fold; see `prediction_table`."""
    tables = [
        prediction_table(name, aml, splits, [_score(pipeline, inputs, aml, s) for s in splits])
        for name, pipeline in _baselines(parameters)
    ]
    return pd.concat([t.astype({"model": "str"}) for t in tables], ignore_index=True)


def _baselines(parameters: BaselineParameters) -> Iterator[tuple[str, Any]]:
    from sklearn.dummy import DummyClassifier
    from sklearn.feature_selection import VarianceThreshold
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import NearestCentroid
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    estimators = {
        "prevalence": DummyClassifier(strategy="prior"),
        "shrunken_centroids": NearestCentroid(shrink_threshold=parameters.shrink_threshold),
        "linear_svm": SVC(kernel="linear", C=parameters.svm_C),
        "logistic_regression": LogisticRegression(C=parameters.logistic_C, max_iter=1000),
    }
    for name, estimator in estimators.items():
        yield name, make_pipeline(VarianceThreshold(), StandardScaler(), estimator)


def _score(pipeline: Any, inputs: Inputs, aml: Target, split: Split) -> NDArray[np.float32]:
    """Give the probability of AML, or the logistic of the margin where there is none."""
    from scipy.special import expit

    pipeline.fit(inputs[split.train_rows], aml[split.train_rows])
    validated = inputs[split.validation_rows]
    if hasattr(pipeline, "predict_proba"):
        return np.asarray(pipeline.predict_proba(validated)[:, 1], dtype=np.float32)
    return np.asarray(expit(pipeline.decision_function(validated)), dtype=np.float32)
