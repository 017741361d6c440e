"""A feature table as models see it: encoded inside each fold, with its target as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
)
from crossfold.templates.parameters import TableParameters, Task

if TYPE_CHECKING:
    from crossfold.mlp import MLPClassifier, MLPRegressor


@dataclass
class Training:
    """A feature table and what is learnt from it.

    Attributes
    ----------
    features
        The feature table.
    table
        What its columns are.
    preparation
        How they are encoded.
    group
        Group of each row, shape ``(n,)``.
    """

    features: pd.DataFrame
    table: TableParameters
    preparation: PreparationParameters
    group: NDArray[np.int32]
    _encoded: dict[Any, tuple[TableEncoder, Encoded]] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        """Kind of the target."""
        return self.table.task

    @property
    def target(self) -> NDArray[Any]:
        """Target as numbers, shape ``(n,)``; see `target_numbers`."""
        return target_numbers(self.features[self.table.target], self.table)

    def kinds(self, model: Model) -> dict[str, list[str]]:
        """List the inputs that a model reads, by kind."""
        kinds = inputs_by_kind(self.features, self.table.target, self.preparation)
        if model.inputs is None:
            return kinds
        return {kind: [n for n in names if n in model.inputs] for kind, names in kinds.items()}

    def encode(self, model: Model, fold: Fold) -> tuple[TableEncoder, Encoded]:
        """Fit the encoder of a model on a fold's training rows, and encode all rows with it."""
        key = (model.preparation, model.inputs, fold.protocol, fold.fold)
        if key not in self._encoded:
            kinds = self.kinds(model)
            encoder = fit_encoder(
                self.features.iloc[fold.train_rows], kinds, self.preparation, model.preparation
            )
            self._encoded[key] = encoder, encoder.transform(self.features)
        return self._encoded[key]


def make_network(
    network: NetworkParameters, task: Task, callbacks: Sequence[Any] = ()
) -> MLPClassifier | MLPRegressor:
    """Make an untrained network from its parameters."""
    from crossfold.mlp import MLPClassifier, MLPRegressor

    kind = MLPRegressor if task == "regression" else MLPClassifier
    given = network.model_dump()
    if task == "regression" and given["loss"] in ("cross_entropy", "focal"):
        del given["loss"]
    known = kind().get_params()
    return kind(**{k: v for k, v in given.items() if k in known}, callbacks=tuple(callbacks))
