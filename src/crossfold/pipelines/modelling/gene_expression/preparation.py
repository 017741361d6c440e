"""What is fitted inside each training fold: selection of probes, scaling, resampling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.modelling.gene_expression.parameters import Sampler, VariantParameters

Inputs = NDArray[np.float32]
FACTS = ["aml", "origin"]
PRESENT = "P"


def signal_to_noise(X: Any, y: Any) -> NDArray[Any]:
    """Score probes by how far apart the class means are (Golub et al. 1999).

    ``|μ₁ − μ₀| / (σ₁ + σ₀)``, for inputs of shape ``(n, p)`` and classes 0 and 1 of shape ``(n,)``.
    """
    of_class = [X[y == label] for label in (0, 1)]
    distance = np.subtract(*(part.mean(axis=0) for part in of_class))
    spread = np.add(*(part.std(axis=0) for part in of_class))
    return np.abs(distance) / np.maximum(spread, np.finfo(X.dtype).tiny)


def probe_names(features: pd.DataFrame) -> list[str]:
    """Name the columns of a feature table that a model reads."""
    return [name for name in features.columns if name not in FACTS]


def inputs_for(features: pd.DataFrame, calls: pd.DataFrame, variant: VariantParameters) -> Inputs:
    """Give what the preprocessor of a variant reads: expressions, and flags where it asks for them.

    Returns
    -------
    Shape ``(n, p)``, or ``(n, 2 p)`` with a flag for each probe called present.
    """
    probes = probe_names(features)
    values = features[probes].to_numpy(dtype=np.float32)
    if variant.min_present_share == 0:
        return values
    present = (calls[probes] == PRESENT).to_numpy(dtype=np.float32)
    return np.hstack([values, present])


def make_preprocessor(variant: VariantParameters) -> Any:
    """Make the steps before resampling, unfitted: filter, selection, scaling."""
    from sklearn.feature_selection import SelectKBest, VarianceThreshold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from crossfold.pipelines.modelling.gene_expression.present_probes import PresentProbes

    present = variant.min_present_share
    k = variant.n_probes
    return make_pipeline(
        *([PresentProbes(present)] if present else []),
        VarianceThreshold(),
        *([] if k == "all" else [SelectKBest(signal_to_noise, k=k)]),
        StandardScaler(),
    )


def make_sampler(sampler: Sampler, seed: int) -> Any:
    """Make a sampler of imbalanced-learn, or None."""
    from imblearn.over_sampling import SMOTE
    from imblearn.under_sampling import RandomUnderSampler

    samplers = {
        "none": lambda: None,
        "down_sampling": lambda: RandomUnderSampler(random_state=seed),
        "smote": lambda: SMOTE(random_state=seed),
    }
    return samplers[sampler]()


def selected_probes(preprocessor: Any, probes: list[str]) -> NDArray[Any]:
    """Name the probes that a fitted preprocessor gives, in its order."""
    return np.asarray(preprocessor.get_feature_names_out(probes))
