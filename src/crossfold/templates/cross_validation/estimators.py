"""Estimators from their description, and what they say of rows."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossfold.exceptions import CrossfoldError
from crossfold.templates.cross_validation.encoding import Encoded
from crossfold.templates.cross_validation.parameters import Model
from crossfold.templates.parameters import Task

Outputs = NDArray[np.float32]

_TINY = np.float32(1e-6)
_logger = logging.getLogger(__name__)


def installed(models: dict[str, Model]) -> dict[str, Model]:
    """Keep the models whose package is installed; say which are not."""
    kept = {name: model for name, model in models.items() if _is_installed(model)}
    left_out = [name for name in models if name not in kept]
    if left_out:
        _logger.info(
            "Left out, as not installed: %s. pip install 'crossfold[references]' brings them.",
            ", ".join(left_out),
        )
    return kept


def _is_installed(model: Model) -> bool:
    package = model.estimator.partition(".")[0]
    return model.is_network or importlib.util.find_spec(package) is not None


def make_estimator(model: Model, categorical: NDArray[np.bool_], seed: int) -> Any:
    """Make an estimator that is not one of our networks, not yet fitted.

    Parameters
    ----------
    model
        Its description.
    categorical
        Which of its inputs are levels, shape ``(n_features,)``.
    seed
        Its ``random_state``, where it has one.

    Raises
    ------
    CrossfoldError
        There is no such class, or it does not take such arguments.
    """
    module, _, name = model.estimator.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module), name)
        estimator = kind(**model.params)
    except (ImportError, AttributeError, TypeError) as error:
        raise CrossfoldError(
            f"The estimator {model.estimator} cannot be made: {error}; mend its import path or its"
            " params in the configuration."
        ) from error
    known = estimator.get_params()
    given = {"random_state": seed, "categorical_features": categorical}
    if model.preparation != "ordinal" or not categorical.any():
        del given["categorical_features"]
    return estimator.set_params(**{k: v for k, v in given.items() if k in known})


def outputs_of(estimator: Any, inputs: Any, task: Task) -> Outputs:
    """Ask an estimator about rows.

    Returns
    -------
    Probability of class 1 of two, shape ``(n, 1)``, or where there is none the logistic of the
    margin; that of every class, shape ``(n, k)``; or the predicted numbers, shape ``(n, 1)``.
    """
    if task == "regression":
        return np.asarray(estimator.predict(inputs), dtype=np.float32).reshape(-1, 1)
    if task == "binary" and not hasattr(estimator, "predict_proba"):
        from scipy.special import expit

        margin = estimator.decision_function(inputs)
        return np.asarray(expit(margin), dtype=np.float32).reshape(-1, 1)
    p = np.asarray(estimator.predict_proba(inputs), dtype=np.float32)
    return p[:, 1:] if task == "binary" else p


def pool(outputs: Sequence[Outputs], task: Task) -> Outputs:
    """Pool what several members say of the same rows, shape ``(n, k)``.

    Numbers are averaged. Of probabilities the mean is taken of the log odds, where calibrators work
    too; that of the probabilities themselves would pull every prediction towards the middle (Ranjan
    and Gneiting 2010). Of more than two classes it is the mean of the logarithms, normalised.
    """
    from scipy.special import expit, logit, softmax

    if len(outputs) == 1:
        return outputs[0]
    if task == "regression":
        return np.asarray(np.mean(outputs, axis=0, dtype=np.float32))
    inside = [np.clip(p, _TINY, 1 - _TINY) for p in outputs]
    if task == "multiclass":
        return np.asarray(softmax(np.mean(np.log(inside), axis=0), axis=1), dtype=np.float32)
    total = np.zeros_like(inside[0])
    for p in inside:
        total += logit(p)
    return np.asarray(expit(total / np.float32(len(inside))))


def pooled_outputs(estimators: Sequence[Any], inputs: Encoded, task: Task) -> Outputs:
    """Pool what the members of a model say of rows."""
    return pool([outputs_of(one, inputs, task) for one in estimators], task)
