"""The networks among scikit-learn's tools and pandas' tables."""

import io

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from crossfold.mlp import ExperimentStack, FoldStack, MLPClassifier, MLPRegressor
from crossfold.mlp.exceptions import DataError, ParameterError

QUICK = {"hidden_layer_sizes": (16,), "max_iter": 40, "random_state": 0}
X, CODES = load_iris(return_X_y=True, as_frame=True)
X = (X - X.mean()) / X.std()
NAMES = np.array(["setosa", "versicolor", "virginica"])[CODES]


def network(**changes):
    return MLPClassifier(**QUICK, **changes)


@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_joblib_keeps_a_fitted_estimator(engine, kind):
    y = NAMES if kind is MLPClassifier else X.iloc[:, :2]
    model = kind(**QUICK, engine=engine, verbose=True).fit(X, y)
    copy = through_joblib(model)
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    assert copy.feature_names_in_.tolist() == list(X.columns)


def test_joblib_keeps_a_fitted_stack():
    stack = FoldStack(network()).fit(X, NAMES, 3)
    assert through_joblib(stack).summary() == stack.summary()


def through_joblib(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


def test_searches_and_calibration():
    assert cross_val_score(network(), X, NAMES, cv=3).min() > 0.75
    search = GridSearchCV(network(), {"alpha": [0.1, 1e6]}, cv=3)
    search.fit(X, NAMES, sample_weight=np.ones(150))
    assert search.best_params_ == {"alpha": 0.1}
    calibrated = CalibratedClassifierCV(network(), cv=3).fit(X, NAMES)
    assert calibrated.score(X, NAMES) > 0.8


def test_weights_are_routed():
    with sklearn.config_context(enable_metadata_routing=True):
        model = network().set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        weights = np.where(CODES == 0, 0.0, 1.0)
        routed = cross_validate(model, X, NAMES, cv=3, params={"sample_weight": weights})
    assert routed["test_score"].max() < 0.75


@pytest.mark.parametrize("dtype", [object, "category", "string"])
def test_labels_of_pandas(dtype):
    labels = pd.Series(NAMES, dtype=dtype)
    assert set(network().fit(X, labels).predict(X)) == set(NAMES)
    assert FoldStack(network()).fit(X, labels, 3).score() > 0.8


def test_tables_of_pandas_go_in_and_between():
    table = X.assign(kind=NAMES)
    prepared = make_column_transformer(
        (StandardScaler(), list(X.columns)), (OneHotEncoder(sparse_output=False), ["kind"])
    ).set_output(transform="pandas")
    piped = make_pipeline(prepared, network()).fit(table, CODES)
    assert piped.score(table, CODES) > 0.95
    assert piped[-1].feature_names_in_[-1] == "onehotencoder__kind_virginica"
    assert FoldStack(network(), preprocessor=prepared).fit(table, CODES, 3).score() > 0.95


def test_experiments_on_a_table_of_pandas():
    stack = ExperimentStack(network(), member_params=[{}]).fit(X, NAMES, validation_data=(X, NAMES))
    [history], [model] = stack.histories_, stack.estimators_
    assert history.validation_score[-1] == model.score(X, NAMES)
    with pytest.raises(DataError, match=r"missing values \(NaN\) in 4 of 4 columns"):
        stack.fit(X, NAMES, validation_data=(X * np.nan, NAMES))


def test_text_in_a_column_is_named_and_not_shown():
    table = X.assign(kind=np.where(CODES == 2, "secret", "1"))
    with pytest.raises(DataError, match=r"text in 1 of 5 columns: 'kind'.*OneHotEncoder") as raised:
        network().fit(table, CODES)
    assert "secret" not in str(raised.value)


def test_threshold_of_two_classes():
    rows = np.flatnonzero(CODES > 0)
    model = network().fit(X.iloc[rows], NAMES[rows])
    probability = model.predict_proba(X)[:, 1]
    predicted = model.predict(X, threshold=0.2)
    np.testing.assert_array_equal(predicted == "virginica", probability > 0.2)
    assert (predicted != model.predict(X)).any()
    for percent in (20, -0.2):
        with pytest.raises(ParameterError, match="give a probability from 0 to 1"):
            model.predict(X, threshold=percent)
    with pytest.raises(ParameterError, match="needs two classes"):
        network().fit(X, NAMES).predict(X, threshold=0.2)
