"""The faults of the leukaemia study's source: how a table is scaled, resampled, split, weighted.

Each is a switch that is applied before a network sees a row. Neither the engines nor the sound
study know of them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crossfold.templates.cross_validation.folds import K_FOLD, LEAVE_ONE_OUT
from crossfold.templates.cross_validation.parameters import Sampler
from crossfold.templates.cross_validation.training import make_sampler

ORIGINAL, DOWN_SAMPLED, SMOTE = "original", "down_sampled", "smote"
TABLES = (ORIGINAL, DOWN_SAMPLED, SMOTE)
_SAMPLERS: dict[str, Sampler] = {ORIGINAL: "none", DOWN_SAMPLED: "down_sampling", SMOTE: "smote"}

SCALE, SMOTE_FIRST = "scale_before_split", "smote_before_split"
RESAMPLE, WEIGHTS = "resample_before_split", "weights_after_resampling"
ONE_MODEL = "one_model_for_all_folds"
SWITCHES = (SCALE, SMOTE_FIRST, RESAMPLE, WEIGHTS, ONE_MODEL)
PERMUTED = "k_fold_permuted"
CROSS_VALIDATIONS = (K_FOLD, LEAVE_ONE_OUT, PERMUTED)
# The faults that can change what a network makes of each table, and of each cross-validation.
TOUCHING = {
    ORIGINAL: (SCALE,),
    DOWN_SAMPLED: (SCALE, RESAMPLE, WEIGHTS),
    SMOTE: (SCALE, SMOTE_FIRST, RESAMPLE, WEIGHTS),
    **dict.fromkeys(CROSS_VALIDATIONS, (SCALE, ONE_MODEL)),
}


class Rows(NamedTuple):
    """Inputs, shape ``(n, p)``, float32, and whether each is AML, 0 or 1, shape ``(n,)``."""

    inputs: NDArray[np.float32]
    aml: NDArray[Any]

    def take(self, numbers: NDArray[np.intp]) -> Rows:
        """Take rows by their numbers."""
        return Rows(self.inputs[numbers], self.aml[numbers])


class TrainingSet(NamedTuple):
    """What a network learns from and is scored on, its class weights and its seed."""

    train: Rows
    validation: Rows
    class_weight: dict[int, float]
    seed: int


def make_training_set(
    patients: Rows, table: str, faults: Collection[str], test_share: float, seed: int
) -> TrainingSet:
    """Scale, resample and split a table, with the source's faults or without.

    Parameters
    ----------
    patients, table
        All patients, neither scaled nor resampled; one of `TABLES`.
    faults
        Those of `TOUCHING` that are on.
    test_share, seed
        Share of the rows that the network is scored on; of split and resampling.
    """
    train, validation = split(patients, test_share, seed)
    weights = class_weights(train.aml)
    scaled_on = patients if SCALE in faults else train
    train, validation, everyone = (scale(r, scaled_on) for r in (train, validation, patients))
    # With SMOTE, resampling all rows is two faults: validation rows are parents, and are made.
    of_whole = {RESAMPLE, SMOTE_FIRST}.intersection(TOUCHING[table])
    if of_whole and of_whole <= set(faults):
        train, validation = split(resample(everyone, table, seed), test_share, seed)
        if SCALE not in faults:
            train, validation = scale(train, train), scale(validation, train)
    else:
        validation = resample(validation, table, seed) if RESAMPLE in faults else validation
        if table == SMOTE:
            train = add_synthetic(train, everyone if SMOTE_FIRST in faults else train, seed)
        else:
            train = resample(train, table, seed)
    own_weights = weights if WEIGHTS in faults else class_weights(train.aml)
    return TrainingSet(train, validation, own_weights, seed)


def split(rows: Rows, test_share: float, seed: int) -> tuple[Rows, Rows]:
    """Put a share of the rows aside."""
    from sklearn.model_selection import train_test_split

    numbers = np.arange(len(rows.aml))
    parts = train_test_split(numbers, test_size=test_share, random_state=seed)
    return rows.take(parts[0]), rows.take(parts[1])


def scale(rows: Rows, by: Rows) -> Rows:
    """Standardise rows by the means and deviations of these or of others."""
    from sklearn.preprocessing import StandardScaler

    return Rows(StandardScaler().fit(by.inputs).transform(rows.inputs), rows.aml)


def resample(rows: Rows, table: str, seed: int) -> Rows:
    """Make both classes as large as the smaller, or by SMOTE as the larger; or change nothing."""
    sampler = make_sampler(_SAMPLERS[table], seed)
    n_smaller = int(np.bincount(rows.aml, minlength=2).min())
    if sampler is None or n_smaller < 2:
        return rows
    if table == SMOTE:
        # Five neighbours, as usual, or as many as a small class has.
        sampler.set_params(k_neighbors=min(sampler.k_neighbors, n_smaller - 1))
    return Rows(*sampler.fit_resample(rows.inputs, rows.aml))


def add_synthetic(train: Rows, made_from: Rows, seed: int) -> Rows:
    """Fill the smaller class up with rows that SMOTE makes from these rows or from others."""
    synthetic = resample(made_from, SMOTE, seed).inputs[len(made_from.aml) :]
    counts = np.bincount(train.aml, minlength=2)
    added = synthetic[: counts.max() - counts.min()]
    smaller = np.full(len(added), counts.argmin(), dtype=train.aml.dtype)
    return Rows(np.vstack([train.inputs, added]), np.concatenate([train.aml, smaller]))


def class_weights(aml: NDArray[Any]) -> dict[int, float]:
    """Weigh each class by the number of rows over its own, as the source does."""
    return {label: len(aml) / max(1, int((aml == label).sum())) for label in (0, 1)}
