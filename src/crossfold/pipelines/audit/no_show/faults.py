"""The faults of the no-show study's source, by what each of them changes.

Each is a switch. Those of the rows are in `rows.select_rows`; those of the training change folds,
scaling or the arguments of a network here; those of the figures change how `quantities` computes
them. Neither the engines nor the sound study know of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.audit.no_show.parameters import ProtocolParameters
from crossfold.pipelines.audit.no_show.rows import INPUTS, PATIENT, TARGET

Array = NDArray[Any]
Fold = tuple[NDArray[np.intp], NDArray[np.intp]]

# They choose the rows or the folds.
FOLD_FAULTS = ("elapsed_days", "drop_infants", "patients_across_folds")
TRAINING_FAULTS = (
    *FOLD_FAULTS,
    "scale_before_split",
    "unlike_twins",
    "inverted_weight",
)
FIGURE_FAULTS = (
    "f1_on_training_rows",
    "one_threshold_for_both",
    "fpr_stored_as_f1",
    "cost_always_weighted",
)


def make_folds(
    rows: pd.DataFrame, faults: Collection[str], protocol: ProtocolParameters, seed: int
) -> list[Fold]:
    """Split rows into stratified folds: by patient, or under ``patients_across_folds`` by row."""
    from crossfold.validation import assign_folds, fold_rows

    groups = None if "patients_across_folds" in faults else rows[PATIENT]
    fold = assign_folds(rows[TARGET], groups, n_splits=protocol.n_splits, seed=seed)
    return list(fold_rows(fold))


def scale(rows: pd.DataFrame, faults: Collection[str]) -> tuple[Array, Any]:
    """Give the inputs and what scales them in each fold: nothing if they are scaled already."""
    from sklearn.preprocessing import StandardScaler

    inputs = rows[INPUTS].to_numpy(np.float32)
    if "scale_before_split" in faults:
        return StandardScaler().fit_transform(inputs), None
    return inputs, StandardScaler()


def numpy_arguments(faults: Collection[str], protocol: ProtocolParameters) -> dict[str, Any]:
    """Give what sets NumPy's network apart: under ``unlike_twins`` its batches and its biases."""
    unlike = "unlike_twins" in faults
    size = protocol.numpy_batch_size if unlike else protocol.network.batch_size
    return {"engine": "numpy", "batch_size": size, "init": source_start(normal_biases=unlike)}


def positive_weights(
    y: Array, folds: list[Fold], faults: Collection[str]
) -> Iterator[dict[str, dict[int, float]]]:
    """Give the class weights of each fold: N₀/N₁ for a no-show, or upside down as in the text."""
    for train, _ in folds:
        n_positive = int(y[train].sum())
        ratio = (len(train) - n_positive) / n_positive
        weight = 1 / ratio if "inverted_weight" in faults else ratio
        yield {"class_weight": {0: 1.0, 1: weight}}


def source_start(*, normal_biases: bool) -> Any:
    """Give the source's start: He normal, Xavier for the output, biases N(0, 1) or zero."""
    return partial(_draw_start, normal_biases=normal_biases)


def _draw_start(
    generator: np.random.Generator, sizes: tuple[int, ...], *, normal_biases: bool
) -> tuple[list[Array], list[Array]]:
    *hidden, (n_last, n_out) = list(pairwise(sizes))
    coefs = [generator.normal(0, np.sqrt(2 / n_in), size=(n_in, n)) for n_in, n in hidden]
    bound = np.sqrt(6 / (n_last + n_out))
    coefs.append(generator.uniform(-bound, bound, size=(n_last, n_out)))
    if normal_biases:
        return coefs, [generator.normal(size=n) for n in sizes[1:]]
    return coefs, [np.zeros(n) for n in sizes[1:]]
