"""The model that is kept: the main network, learnt from all patients."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from crossfold.pipelines.modelling.gene_expression.networks import fit_stack, pooled_score
from crossfold.pipelines.modelling.gene_expression.parameters import (
    CardParameters,
    NetworkParameters,
    VariantsParameters,
)
from crossfold.pipelines.modelling.gene_expression.preparation import (
    inputs_for,
    probe_names,
    selected_probes,
)

Model = tuple[list[Any], dict[str, Any]]

_LIBRARIES = ("crossfold", "imbalanced-learn", "numpy", "pandas", "scikit-learn")


def fit_final_model(
    features: pd.DataFrame,
    calls: pd.DataFrame,
    variants: VariantsParameters,
    network: NetworkParameters,
    seed: int,
) -> Model:
    """Fit the main network on all patients.

    Returns the networks, and what else scoring needs as JSON values: the probes that it reads with
    the means and standard deviations that scale them.
    """
    variant = variants.root[variants.main]
    inputs = inputs_for(features, calls, variant)
    aml = features["aml"].to_numpy()
    everyone = (np.arange(len(aml)), np.empty(0, dtype=np.intp))
    stack = fit_stack(inputs, aml, [everyone], variant, network, seed)
    (preprocessor,) = stack.preprocessors_
    scaler = preprocessor[-1]
    state = {
        "probes": selected_probes(preprocessor, probe_names(features)).tolist(),
        "mean": scaler.mean_.tolist(),
        "scale": scaler.scale_.tolist(),
    }
    return [members[0] for members in stack.estimators_], state


def score(model: Model, features: pd.DataFrame) -> pd.Series:
    """Give the probability of AML for each row of a feature table, float32."""
    networks, state = model
    values = features[state["probes"]].to_numpy(dtype=np.float32)
    scaled = (values - np.asarray(state["mean"])) / np.asarray(state["scale"])
    return pd.Series(pooled_score(networks, scaled.astype(np.float32)), index=features.index)


def write_model_card(
    model: Model,
    features: pd.DataFrame,
    metrics: dict[str, Any],
    variants: VariantsParameters,
    network: NetworkParameters,
    card: CardParameters,
    seed: int,
) -> dict[str, Any]:
    """Describe the final model: data, figures with intervals, probes, use and limits."""
    _, state = model
    main = variants.main
    hashes = pd.util.hash_pandas_object(features, index=False).to_numpy()
    return {
        "model": main,
        "variant": variants.root[main].model_dump(),
        "network": network.model_dump(),
        "probes": state["probes"],
        "data": {
            "rows": len(features),
            "columns": features.shape[1],
            "fingerprint": hashlib.sha256(hashes.tobytes()).hexdigest(),
        },
        "metrics": metrics[main],
        "seed": seed,
        "versions": {library: version(library) for library in _LIBRARIES},
        **card.model_dump(),
    }
