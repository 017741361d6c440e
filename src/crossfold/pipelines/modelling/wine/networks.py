"""Networks trained on all folds at once, and what they say of the wines they did not see."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.mlp import FoldStack, MLPClassifier
from crossfold.pipelines.modelling.wine.parameters import NetworkParameters

Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


def make_network(network: NetworkParameters, seed: int) -> MLPClassifier:
    """Make the network, not yet fitted."""
    return MLPClassifier(random_state=seed, **network.model_dump())


def fit_folds(
    network: MLPClassifier,
    X: NDArray[np.float64],
    y: NDArray[np.int8],
    folds: Sequence[Fold],
    fold_params: Sequence[dict[str, Any]] | None = None,
) -> FoldStack:
    """Train the network on every fold as one stack; scaling is fitted on its training rows."""
    from sklearn.preprocessing import MinMaxScaler

    stack = FoldStack(network, preprocessor=MinMaxScaler())
    return stack.fit(X, y, folds, fold_params=fold_params)


def tabulate(
    fold_table: pd.DataFrame, y: NDArray[np.int8], score: NDArray[Any], model: str, inputs: str
) -> pd.DataFrame:
    """Arrange out-of-fold probabilities of red, one row a wine."""
    score = np.asarray(score, dtype="float32")
    return fold_table[["row", "group", "fold"]].assign(
        model=model, inputs=inputs, target=y, score=score, flagged=score >= 0.5
    )


def history_table(stack: FoldStack, inputs: str) -> pd.DataFrame:
    """Arrange the loss of each fold's network, one row an epoch."""
    tables = [
        pd.DataFrame(
            {
                "inputs": inputs,
                "fold": fold,
                "epoch": range(1, len(history.train_loss) + 1),
                "train_loss": history.train_loss,
                "validation_loss": history.validation_loss,
            }
        )
        for fold, history in enumerate(stack.histories_[0])
    ]
    return pd.concat(tables, ignore_index=True)
