"""scikit-learn's own checks of an estimator, for both estimators and both engines."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from crossfold.mlp import MLPClassifier, MLPRegressor

ESTIMATORS = [
    estimator(engine=engine, max_iter=100)
    for estimator in (MLPClassifier, MLPRegressor)
    for engine in ("numpy", "torch")
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(ESTIMATORS)
def test_estimator_keeps_the_conventions_of_scikit_learn(estimator, check):
    check(estimator)
