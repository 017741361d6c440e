"""The variants of the network: with quadratic features or without, with L2 or without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, model_validator

from crossfold.templates.cross_validation.parameters import IntervalParameters, NetworkParameters
from crossfold.templates.parameters import Parameters
from crossfold.user_input import unknown_names

if TYPE_CHECKING:
    from crossfold.mlp import FoldStack

QUADRATIC, COORDINATES = "quadratic", "coordinates"
FEATURES = (QUADRATIC, COORDINATES)
TORCH = "_torch"
Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


class VariantParameters(Parameters):
    """What the variants differ in, beside reading quadratic features or not."""

    alphas: Annotated[tuple[NonNegativeFloat, ...], Field(min_length=1, max_length=4)]
    """L2 factors, halved and divided by the batch's rows."""

    @model_validator(mode="after")
    def _are_told_apart(self) -> Self:
        names = list_variants(self)
        if len({*names}) < len(names):
            raise ValueError("each factor should come once, told apart by six digits")
        return self


def variant_name(features: str, alpha: float, engine: str = "numpy") -> str:
    """Name the model of a variant: ``quadratic_0.1``, and ``quadratic_0.1_torch`` for its twin."""
    return f"{features}_{alpha:g}{TORCH if engine == 'torch' else ''}"


def variant_label(model: str) -> str:
    """Print the name of a model: ``Quadratic, α = 0.1``."""
    features, alpha = model.removesuffix(TORCH).split("_")
    kind = "Quadratic" if features == QUADRATIC else "Coordinates only"
    return f"{kind}, α = {alpha}"


def list_variants(variants: VariantParameters, engine: str = "numpy") -> list[str]:
    """List the names of all variants on one engine."""
    return [variant_name(kind, alpha, engine) for kind in FEATURES for alpha in variants.alphas]


def misfits(blocks: Mapping[str, Any]) -> Iterator[str]:
    """Tell of a reference in a study's blocks that is none of its variants."""
    reference = IntervalParameters(**blocks["evaluation"]).reference
    known = list_variants(VariantParameters(**blocks["variants"]))
    yield from unknown_names("evaluation.reference", [reference], known, "variant")


def make_features(points: pd.DataFrame, features: str) -> NDArray[np.float64]:
    """Give x₁ and x₂, and for ``quadratic`` also x₁², x₂² and x₁x₂; shape ``(n, 2 or 5)``."""
    x1, x2 = (points[name].to_numpy(dtype="float64") for name in ("x1", "x2"))
    columns = [x1, x2, x1**2, x2**2, x1 * x2] if features == QUADRATIC else [x1, x2]
    return np.column_stack(columns)


def predict_points(model: str, network: Any, points: pd.DataFrame) -> NDArray[np.float64]:
    """Predict the probability of the lower moon, shape ``(n,)``."""
    inputs = make_features(points, model.partition("_")[0])
    return np.asarray(network.predict_proba(inputs)[:, 1])


def fit_variants(
    points: pd.DataFrame,
    folds: Sequence[Fold],
    network: NetworkParameters,
    variants: VariantParameters,
    seed: int,
) -> list[tuple[list[str], FoldStack]]:
    """Train every variant on every fold, one stack for each of `FEATURES`.

    Returns for each stack the names of its members, one for each L2 factor, and the stack.
    """
    from crossfold.mlp import FoldStack, MLPClassifier

    estimator = MLPClassifier(
        random_state=seed, **{**network.model_dump(), "n_iter_no_change": np.inf}
    )
    stacks = []
    for kind in FEATURES:
        stack = FoldStack(estimator, member_params=[{"alpha": a} for a in variants.alphas])
        stack.fit(make_features(points, kind), points["label"].to_numpy(), folds)
        names = [variant_name(kind, alpha, network.engine) for alpha in variants.alphas]
        stacks.append((names, stack))
    return stacks
