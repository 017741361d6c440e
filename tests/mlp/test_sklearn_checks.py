"""scikit-learn's own checks of an estimator, for both estimators and both engines."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from crossfold.mlp import MLPClassifier, MLPRegressor

ESTIMATORS = [
    estimator(engine=engine, max_iter=10)
    for estimator in (MLPClassifier, MLPRegressor)
    for engine in ("numpy", "torch")
]
OF_TABLES = {"bias_rate": 0.1, "scaling_layer": 6.0, "periodic_embedding": 0.1, "shared_seed": 0}
ESTIMATORS.append(MLPClassifier(max_iter=10, **OF_TABLES))
IN_FLOAT64 = {
    "check_sample_weight_equivalence_on_dense_data",  # compares to 1e-7, finer than float32
    "check_sample_weight_equivalence_on_sparse_data",  # the same
    "check_regressor_multioutput",  # asks for float64 predictions
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(ESTIMATORS)
def test_estimator_keeps_the_conventions_of_scikit_learn(estimator, check):
    if check.func.__name__ in IN_FLOAT64:
        estimator.set_params(dtype="float64")
    check(estimator)
