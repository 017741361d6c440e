"""Which rows a model learns from, which calibrate it and which score it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.validation import SplitError, fold_rows

Rows = NDArray[np.intp]

GROUPED = "grouped_k_fold"
TIME_SPLIT = "time_split"
PERMUTED = "permuted_labels"
ALL_ROWS = "all_rows"


@dataclass(frozen=True)
class OuterFold:
    """One fold of one protocol.

    Attributes
    ----------
    protocol
        Name of the protocol: `GROUPED`, `TIME_SPLIT`, `PERMUTED` or `ALL_ROWS`.
    fold
        Number of the fold, from 0.
    train_rows, validation_rows
        Row numbers, in increasing order; no group is in both.
    """

    protocol: str
    fold: int
    train_rows: Rows
    validation_rows: Rows

    def inner(self, part: NDArray[np.int8], left_out: int) -> tuple[Rows, Rows]:
        """Split the training rows into those of all parts but one, and those of that part.

        Raises
        ------
        SplitError
            There is none of either.
        """
        is_left_out = part[self.train_rows] == left_out
        if is_left_out.all() or not is_left_out.any():
            raise SplitError(
                "A training fold has too few groups to leave some out for calibration: give more"
                " groups, or ask for fewer parts (decision.holdout_parts)."
            )
        return self.train_rows[~is_left_out], self.train_rows[is_left_out]


def k_folds(folds: pd.DataFrame, protocol: str = GROUPED) -> list[OuterFold]:
    """Give the cross-validation folds of a fold table."""
    return _folds_of(folds["fold"].to_numpy(), protocol)


def time_folds(folds: pd.DataFrame) -> list[OuterFold]:
    """Give the time split of a fold table as a list of one fold, or of none without dates."""
    return _folds_of(folds["time_fold"].to_numpy(), TIME_SPLIT)


def all_rows(folds: pd.DataFrame) -> OuterFold:
    """Give one fold that trains on every row and scores none."""
    return OuterFold(ALL_ROWS, 0, np.arange(len(folds)), np.empty(0, dtype=np.intp))


def _folds_of(assigned: NDArray[np.int8], protocol: str) -> list[OuterFold]:
    return [
        OuterFold(protocol, fold, train, validation)
        for fold, (train, validation) in enumerate(fold_rows(assigned))
    ]
