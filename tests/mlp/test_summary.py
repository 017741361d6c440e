import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from crossfold.mlp import MLPClassifier

DIGITS = """\
layer       input      output     weights       biases    activation    parameters
input                  (n, 784)                                                  0
hidden 1    (n, 784)   (n, 25)    (784, 25)     (25,)     sigmoid           19,625
output      (n, 25)    (n, 10)    (25, 10)      (10,)     softmax              260
total                                                                       19,885
"""


def test_table_of_a_digit_network():
    X = np.random.default_rng(0).random((10, 784))
    network = MLPClassifier(25, "sigmoid", max_iter=1, n_iter_no_change=float("inf"))
    summary = network.fit(X, np.arange(10)).summary()
    assert summary == repr(summary) == DIGITS


def test_needs_a_fitted_network():
    with pytest.raises(NotFittedError):
        MLPClassifier().summary()
