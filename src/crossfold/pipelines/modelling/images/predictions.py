"""Predictions of the networks as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.modelling.images.parameters import RegimesParameters, look_up
from crossfold.pipelines.modelling.images.split_images import Rows, SplitImages

if TYPE_CHECKING:
    from crossfold.mlp import MLPClassifier

Probabilities = NDArray[np.float32]


def class_probabilities(
    network: MLPClassifier, data: SplitImages, rows: Rows, n_classes: int
) -> Probabilities:
    """Predict some images; a class that the network never saw has probability 0.

    Returns
    -------
    Shape ``(rows, n_classes)``, float32; NaN for the classes of a network that diverged.
    """
    from crossfold.mlp.exceptions import DivergenceError

    probabilities = np.zeros((len(rows), n_classes), dtype=np.float32)
    try:
        probabilities[:, network.classes_] = network.predict_proba(data.pixels[rows])
    except DivergenceError:
        probabilities[:, network.classes_] = np.nan
    return probabilities


def prediction_table(
    model: str, seed: int, data: SplitImages, rows: Rows, probabilities: Probabilities
) -> pd.DataFrame:
    """Give one row for each predicted image.

    Returns
    -------
    Columns ``model``, ``seed``, ``split``, ``row`` (position among all images), ``label``,
    ``predicted`` and a probability for each class, ``p0`` and on (float32).
    """
    known = pd.DataFrame(
        {
            "model": model,
            "seed": seed,
            "split": data.split,
            "row": rows.astype(np.int32),
            "label": data.labels[rows].astype(np.uint8),
            "predicted": probabilities.argmax(axis=1).astype(np.uint8),
        }
    )
    names = [f"p{label}" for label in range(probabilities.shape[1])]
    return known.join(pd.DataFrame(probabilities, columns=names))


def probabilities_of(predictions: pd.DataFrame) -> Probabilities:
    """Give the probabilities of a table of predictions, shape ``(n, classes)``."""
    names = [name for name in predictions if str(name).removeprefix("p").isdigit()]
    return predictions[names].to_numpy()


def experiment_model(regime: str, experiment: str) -> str:
    """Name the model of an experiment in a regime."""
    return f"{regime}/{experiment}"


def stack_tables(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Join tables below each other, their texts as categories."""
    joined = pd.concat([table.astype({"model": "str", "split": "str"}) for table in tables])
    return joined.reset_index(drop=True).astype({"model": "category", "split": "category"})


def collect_predictions(
    experiment_predictions: pd.DataFrame,
    twin_predictions: pd.DataFrame,
    strong_predictions: pd.DataFrame,
    regimes: RegimesParameters,
    highlighted: dict[str, str],
) -> pd.DataFrame:
    """Join the predictions of the twins, the strong model and the highlighted experiments.

    Of an experiment that was trained from several seeds, those of the first are kept. The columns
    are those of `prediction_table` without ``seed``.
    """
    first_seed = experiment_predictions["seed"].min()
    of_first = experiment_predictions[experiment_predictions["seed"] == first_seed]
    models = dict(list(of_first.groupby("model", observed=True)))
    kept = [
        look_up(models, experiment_model(regime, experiment), "highlighted model")
        for regime in regimes.root
        for experiment in dict.fromkeys(highlighted.values())
    ]
    return stack_tables([*kept, twin_predictions, strong_predictions]).drop(columns="seed")
