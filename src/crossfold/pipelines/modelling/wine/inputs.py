"""What a model reads of a wine, and what it is to tell."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.data_engineering.wine.columns import MEASUREMENTS, QUALITY, RED

WITH_QUALITY, WITHOUT_QUALITY = "with quality", "without quality"
INPUTS = {WITH_QUALITY: [*MEASUREMENTS, QUALITY], WITHOUT_QUALITY: list(MEASUREMENTS)}

LOGISTIC, MLP, TUNED = "logistic_regression", "mlp", "mlp_tuned"
CONTROL = "permuted labels"
SINGLE_SPLIT = 0


def features(wines: pd.DataFrame, inputs: str) -> NDArray[np.float64]:
    """Give the inputs, shape ``(n, n_features)``."""
    values: NDArray[np.float64] = wines[INPUTS[inputs]].to_numpy(dtype="float64")
    return values


def is_red(wines: pd.DataFrame) -> NDArray[np.int8]:
    """Give the target: 1 for red, 0 for white; shape ``(n,)``."""
    target: NDArray[np.int8] = (wines["colour"] == RED).to_numpy(dtype="int8")
    return target
