"""The faults of the primer's source, each one a small function that changes one thing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from crossfold.pipelines.primer.first_network import TRAIN, VALIDATION

RAW_ERROR_UPDATE, EQUAL_POINTS = "raw_error_update", "equal_points_across_parts"


def split_points(points: pd.DataFrame, faults: Collection[str], seed: int) -> pd.DataFrame:
    """Keep the study's parts, or under ``equal_points_across_parts`` split row by row."""
    from sklearn.model_selection import train_test_split

    if EQUAL_POINTS not in faults:
        return points
    _, held_out = train_test_split(points.index, test_size=0.3, random_state=seed)
    return points.assign(part=np.where(points.index.isin(held_out), VALIDATION, TRAIN))


def loss_arguments(faults: Collection[str]) -> dict[str, Any]:
    """Give the loss, under ``raw_error_update`` with a gradient without sigmoid's derivative."""
    from crossfold.mlp.faults import RAW_ERROR

    return {"loss": RAW_ERROR} if RAW_ERROR_UPDATE in faults else {}
