"""Multilayer perceptrons in NumPy and PyTorch, many trained at once, with scikit-learn's API.

Names are loaded when they are first asked for, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crossfold.mlp._estimators import MLPClassifier, MLPRegressor, NeuralNetwork
    from crossfold.mlp._experiment_stack import ExperimentStack
    from crossfold.mlp._fold_stack import FoldStack
    from crossfold.mlp._grid_stack import GridStack, Stacked
    from crossfold.mlp._spec import Activation, History, Loss
    from crossfold.mlp._tabular import MLPEnsemble, TabularEncoder
    from crossfold.mlp.callbacks import EpochLog, EpochRecord, ProgressBar
    from crossfold.mlp.persistence import load, save

_NAMES = {
    "_estimators": ("MLPClassifier", "MLPRegressor", "NeuralNetwork"),
    "_experiment_stack": ("ExperimentStack",),
    "_fold_stack": ("FoldStack",),
    "_grid_stack": ("GridStack", "Stacked"),
    "_spec": ("Activation", "History", "Loss"),
    "_tabular": ("MLPEnsemble", "TabularEncoder"),
    "callbacks": ("EpochLog", "EpochRecord", "ProgressBar"),
    "persistence": ("load", "save"),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "Activation",
    "EpochLog",
    "EpochRecord",
    "ExperimentStack",
    "FoldStack",
    "GridStack",
    "History",
    "Loss",
    "MLPClassifier",
    "MLPEnsemble",
    "MLPRegressor",
    "NeuralNetwork",
    "ProgressBar",
    "Stacked",
    "TabularEncoder",
    "load",
    "save",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
