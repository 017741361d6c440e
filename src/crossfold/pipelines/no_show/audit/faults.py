"""How the no-show study's source trained, and its faults, by what each of them changes.

Those of the rows are in `rows.select_rows`; those of the training change folds, scaling or the
arguments of a network here; those of the figures change how `measures` computes them. Neither the
engines nor the sound study know of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, PositiveInt

from crossfold.pipelines.no_show.audit.rows import INPUTS, PATIENT, TARGET
from crossfold.templates.cross_validation.parameters import Fraction, Model, NetworkParameters
from crossfold.templates.parameters import Parameters

Array = NDArray[Any]
Fold = tuple[NDArray[np.intp], NDArray[np.intp]]

# They choose the rows or the folds.
FOLD_FAULTS = ("elapsed_days", "drop_infants", "patients_across_folds")
TRAINING_FAULTS = (*FOLD_FAULTS, "scale_before_split", "unlike_twins", "inverted_weight")
FIGURE_FAULTS = (
    "f1_on_training_rows",
    "one_threshold_for_both",
    "fpr_stored_as_f1",
    "cost_always_weighted",
)
SWITCHES = (*TRAINING_FAULTS, *FIGURE_FAULTS)


class ProtocolParameters(Parameters):
    """How the source trained and tested.

    Attributes
    ----------
    network
        The network that both libraries train; its batch size is PyTorch's.
    numpy_batch_size
        Batch size of NumPy under ``unlike_twins``.
    source_epochs
        Epochs in the source; a run of fewer says that it was shortened.
    trees
        The tree ensembles that are compared with the network, by name.
    short_epochs, short_folds
        Epochs, and the first folds, of the protocols that single faults are compared by.
    timed_epochs
        Epochs in which the libraries are timed; the first waits for what is made once.
    gpu_copies, gpu_batch_sizes
        On a GPU, how often the table is repeated, and in which batches it is learned from.
    n_splits
        Number of folds.
    threshold
        Probability from which the source predicts a no-show.
    n_thresholds
        Thresholds of the sweep, evenly from 0.01 to 0.99.
    n_resamples
        Bootstrap resamples, by patient.
    """

    network: NetworkParameters
    numpy_batch_size: PositiveInt = 100
    source_epochs: PositiveInt
    trees: dict[str, Model]
    short_epochs: PositiveInt
    short_folds: PositiveInt
    timed_epochs: Annotated[int, Field(ge=2)]
    gpu_copies: tuple[PositiveInt, ...] = (1, 10)
    gpu_batch_sizes: tuple[PositiveInt, ...] = (1000, 10_000)
    n_splits: Annotated[int, Field(ge=2)] = 5
    threshold: Fraction = 0.4
    n_thresholds: Annotated[int, Field(ge=3)] = 101
    n_resamples: Annotated[int, Field(ge=50)] = 200


def make_folds(rows: pd.DataFrame, faults: Collection[str], n_splits: int, seed: int) -> list[Fold]:
    """Split rows into stratified folds: by patient, or under ``patients_across_folds`` by row."""
    from crossfold.validation import assign_folds, fold_rows

    groups = None if "patients_across_folds" in faults else rows[PATIENT]
    return list(fold_rows(assign_folds(rows[TARGET], groups, n_splits=n_splits, seed=seed)))


def scale(rows: pd.DataFrame, faults: Collection[str]) -> tuple[Array, Any]:
    """Give the inputs and what scales them in each fold: nothing if they are scaled already."""
    from sklearn.preprocessing import StandardScaler

    inputs = rows[INPUTS].to_numpy(np.float32)
    if "scale_before_split" in faults:
        return StandardScaler().fit_transform(inputs), None
    return inputs, StandardScaler()


def positive_weights(
    y: Array, folds: list[Fold], faults: Collection[str]
) -> Iterator[dict[str, dict[int, float]]]:
    """Give the class weights of each fold: N₀/N₁ for a no-show, or upside down as in the text."""
    for train, _ in folds:
        n_positive = int(y[train].sum())
        ratio = (len(train) - n_positive) / n_positive
        weight = 1 / ratio if "inverted_weight" in faults else ratio
        yield {"class_weight": {0: 1.0, 1: weight}}


def numpy_start(
    generator: np.random.Generator, sizes: tuple[int, ...]
) -> tuple[list[Array], list[Array]]:
    """Draw NumPy's start: hidden layers He normal, the output N(0, 1)/√n, biases N(0, 1)."""
    n_last, n_out = sizes[-2:]
    coefs = [*_he_normal(generator, sizes[:-1]), generator.normal(size=(n_last, n_out))]
    coefs[-1] /= np.sqrt(n_last)
    return coefs, [generator.normal(size=n) for n in sizes[1:]]


def torch_start(
    generator: np.random.Generator, sizes: tuple[int, ...]
) -> tuple[list[Array], list[Array]]:
    """Draw PyTorch's: hidden layers Kaiming normal, the output Xavier normal, biases U(±1/√n)."""
    n_last, n_out = sizes[-2:]
    output = generator.normal(0, np.sqrt(2 / (n_last + n_out)), size=(n_last, n_out))
    bounds = [(1 / np.sqrt(n_in), n) for n_in, n in pairwise(sizes)]
    coefs = [*_he_normal(generator, sizes[:-1]), output]
    return coefs, [generator.uniform(-bound, bound, size=n) for bound, n in bounds]


def _he_normal(generator: np.random.Generator, sizes: tuple[int, ...]) -> list[Array]:
    """Draw N(0, 2/n) of n inputs, which PyTorch calls Kaiming normal."""
    return [generator.normal(0, np.sqrt(2 / n_in), size=(n_in, n)) for n_in, n in pairwise(sizes)]
