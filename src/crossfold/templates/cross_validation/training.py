"""A feature table as models see it, models from their description, and what they say of rows."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.exceptions import CrossfoldError
from crossfold.templates.cross_validation.encoding import (
    Encoded,
    TableEncoder,
    fit_encoder,
    inputs_by_kind,
    target_numbers,
)
from crossfold.templates.cross_validation.folds import Fold
from crossfold.templates.cross_validation.parameters import (
    Model,
    NetworkParameters,
    PreparationParameters,
    Sampler,
    is_installed,
    new_estimator,
)
from crossfold.templates.parameters import TableParameters, Task
from crossfold.user_input import did_you_mean

if TYPE_CHECKING:
    from crossfold.mlp import MLPClassifier, MLPRegressor

Outputs = NDArray[np.float32]

_TINY = np.float32(1e-6)
_logger = logging.getLogger(__name__)


@dataclass
class Training:
    """A feature table and what is learnt from it."""

    features: pd.DataFrame
    table: TableParameters  # what its columns are
    preparation: PreparationParameters  # how they are encoded
    group: NDArray[np.int32]  # of each row, shape ``(n,)``
    _encoders: dict[Any, TableEncoder] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        """Kind of the target."""
        return self.table.task

    @cached_property
    def target(self) -> NDArray[Any]:
        """Target as numbers, shape ``(n,)``; see `target_numbers`."""
        return target_numbers(self.features[self.table.target], self.table)

    def kinds(self, model: Model) -> dict[str, list[str]]:
        """List the inputs that a model reads, by kind."""
        if model.inputs is None:
            return self._kinds
        read = model.inputs
        known = {*self.preparation.optional, *chain.from_iterable(self._kinds.values())}
        if unknown := [name for name in read if name not in known]:
            raise CrossfoldError(
                f"A model's inputs name {', '.join(unknown)}{did_you_mean(unknown[0], known)}, but"
                " there is no such input: mend `inputs` in the study's models."
            )
        return {kind: [n for n in names if n in read] for kind, names in self._kinds.items()}

    @cached_property
    def _kinds(self) -> dict[str, list[str]]:
        return inputs_by_kind(self.features, self.table.target, self.preparation)

    def learn_encoder(self, model: Model, fold: Fold) -> TableEncoder:
        """Fit the encoder of a model on a fold's training rows."""
        key = (model.preparation, model.inputs, model.select, fold.protocol, fold.fold)
        if key not in self._encoders:
            rows = fold.train_rows
            training = self.features.iloc[rows], self.target[rows]
            kinds = self.kinds(model)
            self._encoders[key] = fit_model_encoder(*training, kinds, self.preparation, model)
        return self._encoders[key]

    def encode(self, model: Model, encoder: TableEncoder) -> Encoded:
        """Encode all rows, in the precision that a model reads; shape ``(n, width)``."""
        return encoder.transform(self.features).astype(model.dtype, copy=False)


def fit_model_encoder(
    table: pd.DataFrame,
    target: NDArray[Any],
    kinds: dict[str, list[str]],
    preparation: PreparationParameters,
    model: Model,
) -> TableEncoder:
    """Select the inputs of a model on training rows, and learn to encode them.

    The target is numbers, shape ``(n,)``; `kinds` and `preparation` are as in `fit_encoder`.
    """
    if model.select is not None:
        from sklearn.feature_selection import SelectKBest

        inputs = table[kinds["numeric"]].astype(np.float32)
        selected = SelectKBest(class_separation, k=model.select).fit(inputs.to_numpy(), target)
        kinds = {**kinds, "numeric": list(inputs.columns[selected.get_support()])}
    return fit_encoder(table, kinds, preparation, model.preparation)


def class_separation(X: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Score inputs by how far apart the class means are: the signal-to-noise ratio.

    ``|μ₁ − μ₀| / (σ₁ + σ₀)`` of each class against all others, the largest of them (Golub et al.
    1999), for inputs of shape ``(n, p)`` and numbers of the classes of shape ``(n,)``.
    """
    classes = np.unique(y)
    return np.asarray(np.max([_separation(X[y == own], X[y != own]) for own in classes], axis=0))


def _separation(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    spread = a.std(axis=0) + b.std(axis=0)
    gap = np.abs(a.mean(axis=0) - b.mean(axis=0))
    return np.asarray(gap / np.maximum(spread, np.finfo(a.dtype).tiny))


def make_sampler(sampler: Sampler, seed: int) -> Any:
    """Make a sampler of imbalanced-learn, or None."""
    if sampler == "none":
        return None
    from imblearn.over_sampling import SMOTE
    from imblearn.under_sampling import RandomUnderSampler

    kind = SMOTE if sampler == "smote" else RandomUnderSampler
    return kind(random_state=seed)


def make_network(
    network: NetworkParameters, task: Task, callbacks: Sequence[Any] = ()
) -> MLPClassifier | MLPRegressor:
    """Make an untrained network from its parameters."""
    from crossfold.mlp import MLPClassifier, MLPRegressor

    kind = MLPRegressor if task == "regression" else MLPClassifier
    given = network.model_dump()
    if given["n_iter_no_change"] is None:
        given["n_iter_no_change"] = float("inf")
    if task == "regression" and given["loss"] in ("cross_entropy", "focal"):
        del given["loss"]
    known = kind().get_params()
    return kind(**{k: v for k, v in given.items() if k in known}, callbacks=tuple(callbacks))


def installed(models: dict[str, Model]) -> dict[str, Model]:
    """Keep the models whose package is installed; say which are not."""
    left_out = [name for name, model in models.items() if not is_installed(model.estimator)]
    if left_out:
        _logger.info(
            "Left out, as not installed: %s. pip install 'crossfold[references]' brings them.",
            ", ".join(left_out),
        )
    return {name: model for name, model in models.items() if name not in left_out}


def make_estimator(model: Model, categorical: NDArray[np.bool_], seed: int) -> Any:
    """Make an estimator that is not one of our networks, not yet fitted.

    `categorical` marks the inputs that are levels, shape ``(n_features,)``; `seed` is its
    ``random_state``, where it has one. A class that there is not, or that does not take such
    arguments, is a `CrossfoldError`.
    """
    try:
        estimator = new_estimator(model.estimator, model.params)
    except ValueError as error:
        raise CrossfoldError(
            f"The estimator {model.estimator} cannot be made: {error}; mend its import path or its"
            " params in the configuration."
        ) from error
    known = estimator.get_params()
    given = {"random_state": seed, "categorical_features": categorical}
    if model.preparation != "ordinal" or not categorical.any():
        del given["categorical_features"]
    return estimator.set_params(**{k: v for k, v in given.items() if k in known})


def outputs_of(estimator: Any, inputs: Any, task: Task, n_classes: int | None = None) -> Outputs:
    """Ask an estimator about rows.

    Of `n_classes`, if given, those that it has not seen in training have a probability of 0.

    Returns probability of class 1 of two, shape ``(n, 1)``, or where there is none the logistic of
    the margin; that of every class, shape ``(n, k)``; or the predicted numbers, shape ``(n, 1)``.
    """
    from scipy.special import expit

    if task == "regression":
        said = estimator.predict(inputs)
    elif task == "binary" and not hasattr(estimator, "predict_proba"):
        said = expit(estimator.decision_function(inputs))
    else:
        said = estimator.predict_proba(inputs)[:, 1 if task == "binary" else 0 :]
        if n_classes is not None and said.shape[1] < n_classes:
            seen, said = said, np.zeros((len(said), n_classes))
            said[:, estimator.classes_] = seen
    return np.asarray(said, dtype=np.float32).reshape(len(said), -1)


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


def pooled_outputs(
    estimators: Sequence[Any], inputs: Encoded, task: Task, n_classes: int | None = None
) -> Outputs:
    """Pool what the members of a model say of rows, as in `outputs_of`."""
    return pool([outputs_of(one, inputs, task, n_classes) for one in estimators], task)
