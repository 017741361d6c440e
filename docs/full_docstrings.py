"""Griffe extension: what estimators inherit from the list of hyperparameters is on their pages."""

from importlib import import_module
from inspect import signature
from typing import Any

import griffe


class FullDocstrings(griffe.Extension):
    """Takes the docstring of an estimator, and which parameters it has, from the class itself."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Visit the estimators, once their constructors are known."""
        griffe.DataclassesExtension().on_package(pkg=pkg)
        library = pkg if pkg.path == "crossfold.mlp" else pkg["mlp"]
        for name in ("MLPClassifier", "MLPRegressor", "NeuralNetwork"):
            shown = library[name].final_target
            estimator = getattr(import_module(library.path), name)
            shown.docstring = griffe.Docstring(estimator.__doc__, parent=shown, parser="numpy")
            for parameter in [*shown.parameters]:
                if parameter.name not in signature(estimator.__init__).parameters:
                    del shown["__init__"].parameters[parameter.name]
