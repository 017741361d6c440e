"""Predictions of the networks as tables, and the networks as they are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.modelling.images.split_images import Rows, SplitImages
from crossfold.validation.tables import concatenate, probability_columns

if TYPE_CHECKING:
    from crossfold.mlp import MLPClassifier

Probabilities = NDArray[np.float32]
Networks = tuple[list[Any], dict[str, Any]]


def class_probabilities(
    network: MLPClassifier, data: SplitImages, rows: Rows, n_classes: int
) -> Probabilities:
    """Predict some images; a class that the network never saw has probability 0.

    Returns
    -------
    Shape ``(rows, n_classes)``, float32. A network that diverged knows nothing: to it all classes
    are equally likely.
    """
    from crossfold.mlp.exceptions import DivergenceError

    probabilities = np.zeros((len(rows), n_classes), dtype=np.float32)
    try:
        probabilities[:, network.classes_] = network.predict_proba(data.pixels[rows])
    except DivergenceError:
        probabilities[:] = 1 / n_classes
    return probabilities


def prediction_table(
    model: str, member: int, data: SplitImages, rows: Rows, probabilities: Probabilities
) -> pd.DataFrame:
    """Arrange what a network says of some images.

    Returns
    -------
    A table of the schema `crossfold.validation.schemas.PREDICTIONS`: the protocol is the split, the
    row is the position among all images, each of which is a group of its own.
    """
    return pd.DataFrame(
        {
            "model": model,
            "protocol": data.split,
            "fold": np.int8(0),
            "member": np.int16(member),
            "row": rows.astype(np.int32),
            "group": rows.astype(np.int32),
            "target": data.labels[rows].astype(np.uint8),
            "predicted": probabilities.argmax(axis=1).astype(np.uint8),
            **probability_columns(probabilities),
        }
    )


def keep_networks(
    networks: Sequence[MLPClassifier], described: Sequence[Mapping[str, Any]]
) -> Networks:
    """Arrange fitted networks as the catalog stores them: a list, and what each of them is.

    A file holds no functions: a start that is one is only named in the description.
    """
    kept = [one.set_params(init="auto") if callable(one.init) else one for one in networks]
    return kept, {"fitted": list(described)}


def experiment_model(regime: str, experiment: str) -> str:
    """Name the model of an experiment in a regime."""
    return f"{regime}/{experiment}"


def collect_predictions(*tables: pd.DataFrame) -> pd.DataFrame:
    """Join the predictions of the experiments, the twins and the strong model."""
    return concatenate(tables)
