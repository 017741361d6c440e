"""Tables of images: how many there are of each class, and the ones that the report shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from crossfold.pipelines.reporting.images.labels import PARTS, SOURCE, STANDARD, STRONG
from crossfold.validation.tables import probabilities

# The column of the split table that holds each split's parts.
SPLIT_COLUMNS = {SOURCE: "part", STANDARD: "standard"}
SHOWN = ["row", "target", "predicted", "probability"]


def class_counts(split: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Count the images of each class in the training, validation and test part of both splits.

    Returns
    -------
    Columns ``split``, ``part``, ``label``, ``class``, ``n`` and ``share`` (of the part).
    """
    tables = [
        _counts(split[column], split["label"], classes).assign(split=name)
        for name, column in SPLIT_COLUMNS.items()
    ]
    columns = ["split", "part", "label", "class", "n", "share"]
    return pd.concat(tables, ignore_index=True)[columns]


def _counts(part: pd.Series, label: pd.Series, classes: Sequence[str]) -> pd.DataFrame:
    held = [name for name in PARTS if (part == name).any()]
    keys = pd.MultiIndex.from_product([held, range(len(classes))], names=["part", "label"])
    counts = label.groupby([part.astype(str), label.astype(int)]).size().reindex(keys, fill_value=0)
    shares = counts / counts.groupby(level="part").transform("sum")
    table = pd.DataFrame({"n": counts, "share": shares}).reset_index()
    return table.assign(**{"class": np.asarray(classes)[table["label"]]})


def most_confidently_wrong(predictions: pd.DataFrame, n_images: int) -> pd.DataFrame:
    """Give the test images that the strong model names wrongly with the highest probability.

    Returns
    -------
    Columns ``row`` (of the images), ``target``, ``predicted`` and ``probability`` (of the
    prediction), the most confident first.
    """
    strong = _with_probability(predictions)
    wrong = strong[strong["target"] != strong["predicted"]]
    return wrong.sort_values("probability", ascending=False, kind="stable").head(n_images)[SHOWN]


def random_test_images(predictions: pd.DataFrame, n_images: int, seed: int) -> pd.DataFrame:
    """Draw test images at random; columns as in `most_confidently_wrong`."""
    strong = _with_probability(predictions)
    return strong.sample(min(n_images, len(strong)), random_state=seed)[SHOWN]


def _with_probability(predictions: pd.DataFrame) -> pd.DataFrame:
    """Give the strong model's predictions on the standard test images, with their probability."""
    of_strong = (predictions["model"] == STRONG) & (predictions["protocol"] == STANDARD)
    strong = predictions[of_strong]
    return strong.assign(probability=probabilities(strong).max(axis=1))
