"""The estimators, `FoldStack`, `GridStack` and `ExperimentStack`."""

from crossfold.mlp._classifier import MLPClassifier
from crossfold.mlp._experiment_stack import ExperimentHistory, ExperimentStack
from crossfold.mlp._fold_stack import FoldStack
from crossfold.mlp._grid_stack import GridStack, Stacked
from crossfold.mlp._history import History
from crossfold.mlp._regressor import MLPRegressor

__all__ = [
    "ExperimentHistory",
    "ExperimentStack",
    "FoldStack",
    "GridStack",
    "History",
    "MLPClassifier",
    "MLPRegressor",
    "Stacked",
]
