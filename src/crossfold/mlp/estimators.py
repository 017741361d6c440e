"""The estimators: `MLPClassifier`, `MLPRegressor` and, for many trainings at once, `FoldStack`."""

from crossfold.mlp._classifier import MLPClassifier
from crossfold.mlp._fold_stack import FoldStack
from crossfold.mlp._history import History
from crossfold.mlp._regressor import MLPRegressor

__all__ = ["FoldStack", "History", "MLPClassifier", "MLPRegressor"]
