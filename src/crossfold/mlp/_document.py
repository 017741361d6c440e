"""A fitted estimator without its weights, as a document that JSON can hold, and back."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np

from crossfold.mlp._base import BaseMLP
from crossfold.mlp._classifier import MLPClassifier
from crossfold.mlp._regressor import MLPRegressor
from crossfold.mlp._spec import Array, Trained
from crossfold.mlp._targets import Labels, Targets, Values
from crossfold.mlp.exceptions import ModelFileError

_TYPES: dict[str, type[BaseMLP]] = {
    "MLPClassifier": MLPClassifier,
    "MLPRegressor": MLPRegressor,
}
_NOT_SAVED = {"callbacks"}
_NAMED = ("activation", "loss", "init")
_SEQUENCES = {"hidden_layer_sizes", "dropout"}


def to_document(estimator: BaseMLP) -> dict[str, Any]:
    """Describe a fitted estimator."""
    names = getattr(estimator, "feature_names_in_", None)
    return {
        "type": type(estimator).__name__,
        "params": _params(estimator),
        "targets": _targets_document(estimator._targets),
        "n_features_in": estimator.n_features_in_,
        "feature_names_in": None if names is None else names.tolist(),
        "n_iter": estimator.n_iter_,
        "t": estimator.t_,
        "loss_curve": estimator.loss_curve_,
        "validation_scores": estimator.validation_scores_,
    }


def from_document(
    document: Mapping[str, Any], coefs: list[Array], intercepts: list[Array]
) -> BaseMLP:
    """Make the estimator that a document and its weights describe."""
    estimator = _TYPES[document["type"]](**_restored_params(document["params"]))
    estimator.n_features_in_ = document["n_features_in"]
    if document["feature_names_in"] is not None:
        estimator.feature_names_in_ = np.array(document["feature_names_in"], dtype=object)
    trained = Trained(
        coefs,
        intercepts,
        document["n_iter"],
        document["t"],
        loss_curve=document["loss_curve"],
        validation_scores=document["validation_scores"] or [],
    )
    estimator._keep(trained, _targets(document["targets"]))
    return estimator


def _params(estimator: BaseMLP) -> dict[str, Any]:
    params = {k: v for k, v in estimator.get_params().items() if k not in _NOT_SAVED}
    own = [
        f"{name} {getattr(params[name], 'name', params[name])!r}"
        for name in _NAMED
        if not isinstance(params[name], str)
    ]
    if own:
        raise ModelFileError(
            f"{', '.join(own)}: a function of your own, which a model file cannot hold; save "
            "coefs_ and intercepts_ instead."
        )
    if not isinstance(params["random_state"], Integral):
        params["random_state"] = None
    if isinstance(params.get("class_weight"), Mapping):
        params["class_weight"] = {"pairs": list(params["class_weight"].items())}
    return params


def _restored_params(params: Mapping[str, Any]) -> dict[str, Any]:
    restored = {
        name: tuple(value) if name in _SEQUENCES and isinstance(value, list) else value
        for name, value in params.items()
    }
    class_weight: Any = restored.get("class_weight")
    if isinstance(class_weight, dict):
        restored["class_weight"] = dict(class_weight["pairs"])
    return restored


def _targets_document(targets: Targets) -> dict[str, Any]:
    if isinstance(targets, Values):
        return {"head": "regression", "n_outputs": targets.n_outputs, "flat": targets.flat}
    classes = targets.classes.tolist()
    if not all(isinstance(label, (str, int, float, bool)) for label in classes):
        raise ModelFileError(
            f"The classes {classes} are neither numbers nor text, which a model file cannot hold."
        )
    return {"head": targets.head, "classes": classes, "dtype": targets.classes.dtype.str}


def _targets(document: Mapping[str, Any]) -> Targets:
    if document["head"] == "regression":
        return Values(document["n_outputs"], document["flat"])
    return Labels(np.array(document["classes"], dtype=document["dtype"]), document["head"])
