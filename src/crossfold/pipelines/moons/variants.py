"""The variants of the network: with quadratic features or without, with L2 or without."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.mlp import FoldStack, MLPClassifier
from crossfold.pipelines.moons.parameters import NetworkParameters, VariantParameters

QUADRATIC, LINEAR = "quadratic", "coordinates only"
FEATURES = (QUADRATIC, LINEAR)
Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


def make_features(points: pd.DataFrame, features: str) -> NDArray[np.float64]:
    """Give x₁ and x₂, and for ``quadratic`` also x₁², x₂² and x₁x₂; shape ``(n, 2 or 5)``."""
    x1, x2 = (points[name].to_numpy(dtype="float64") for name in ("x1", "x2"))
    columns = [x1, x2, x1**2, x2**2, x1 * x2] if features == QUADRATIC else [x1, x2]
    return np.column_stack(columns)


def fit_variants(
    points: pd.DataFrame,
    folds: Sequence[Fold],
    network: NetworkParameters,
    variants: VariantParameters,
    seed: int,
) -> FoldStack:
    """Train every variant on every fold as one stack.

    Members are the L2 factors; the folds come once for each of `FEATURES`.
    """
    X = [make_features(points, features) for features in FEATURES for _ in folds]
    members: list[dict[str, Any]] = [{"alpha": alpha} for alpha in variants.alphas]
    estimator = MLPClassifier(
        random_state=seed, **{**network.model_dump(), "n_iter_no_change": np.inf}
    )
    stack = FoldStack(estimator, member_params=members)
    return stack.fit(X, points["label"].to_numpy(), [*folds, *folds])


def name_members(
    variants: VariantParameters, n_folds: int
) -> list[tuple[int, int, str, float, int]]:
    """List ``(member, place, features, alpha, fold)`` of each network of `fit_variants`."""
    return [
        (member, number * n_folds + fold, features, alpha, fold)
        for member, alpha in enumerate(variants.alphas)
        for number, features in enumerate(FEATURES)
        for fold in range(n_folds)
    ]
