"""The model that is kept: a strong plain network on the standard split."""

from __future__ import annotations

import hashlib
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.modelling.images.experiments import image_network, layers_text
from crossfold.pipelines.modelling.images.predictions import (
    Networks,
    class_probabilities,
    prediction_table,
)
from crossfold.pipelines.modelling.images.split_images import (
    STANDARD,
    TEST,
    TRAIN,
    VALIDATION,
    SplitImages,
)
from crossfold.pipelines.modelling.versions import library_versions
from crossfold.templates.cross_validation.parameters import CardParameters, NetworkParameters

STRONG = "strong"


def fit_strong_model(
    images: NDArray[np.uint8],
    split_table: pd.DataFrame,
    strong: NetworkParameters,
    classes: list[str],
    seed: int,
) -> tuple[Networks, pd.DataFrame]:
    """Fit the strong model on all images of the standard split that are no test images.

    Its settings are given, so it needs no validation images and learns from them too.

    Returns
    -------
    The network, with its classes' names, the seconds of its training and a fingerprint of what it
    learnt from; its predictions on the published test images.
    """
    data = SplitImages.of(images, split_table, STANDARD)
    rows = data.rows(TRAIN, VALIDATION)
    pixels, labels = data.take(rows)
    began = perf_counter()
    network = image_network(strong, seed).fit(pixels, labels)
    about = {
        "seconds": perf_counter() - began,
        "classes": classes,
        "data": {"rows": len(rows), "fingerprint": _fingerprint(pixels, labels)},
    }
    test = data.rows(TEST)
    probabilities = class_probabilities(network, data, test, len(classes))
    return ([network], about), prediction_table(STRONG, 0, data, test, probabilities)


def _fingerprint(pixels: NDArray[np.uint8], labels: NDArray[Any]) -> str:
    """Give the SHA-256 of pixels and labels: equal images, equal fingerprints."""
    digest = hashlib.sha256(np.ascontiguousarray(pixels))
    digest.update(labels.astype(np.uint8).tobytes())
    return digest.hexdigest()


def write_model_card(
    model: Networks,
    metrics: dict[str, Any],
    strong: NetworkParameters,
    card: CardParameters,
    seed: int,
) -> dict[str, Any]:
    """Describe the strong model: data, settings, figures with intervals, use and limits."""
    [network], about = model
    return {
        "model": STRONG,
        "layers": layers_text(network),
        "network": strong.model_dump(),
        **about,
        "metrics": metrics[STRONG],
        "seed": seed,
        "versions": library_versions(),
        **card.model_dump(),
    }
