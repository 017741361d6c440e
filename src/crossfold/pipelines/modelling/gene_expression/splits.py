"""Which patients a model learns from and which it is scored on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.validation import assign_folds, fold_rows, leave_one_out

Rows = NDArray[np.intp]

K_FOLD = "k_fold"
LEAVE_ONE_OUT = "leave_one_out"
ORIGINAL_SPLIT = "original_split"
PROTOCOLS = (K_FOLD, LEAVE_ONE_OUT, ORIGINAL_SPLIT)
TRAIN_ORIGIN = "train"


@dataclass(frozen=True)
class Split:
    """One fold of one protocol.

    Attributes
    ----------
    protocol
        Name of the protocol.
    fold
        Number of the fold, from 0 through all repeats.
    train_rows, validation_rows
        Row numbers, in increasing order.
    """

    protocol: str
    fold: int
    train_rows: Rows
    validation_rows: Rows

    @property
    def pair(self) -> tuple[Rows, Rows]:
        """Training and validation rows, as scikit-learn's splitters give them."""
        return self.train_rows, self.validation_rows


def make_splits(
    aml: NDArray[np.int8], origin: pd.Series, *, n_splits: int, n_repeats: int, seed: int
) -> list[Split]:
    """Make the folds of all protocols.

    Parameters
    ----------
    aml
        0 or 1, shape ``(n,)``.
    origin
        Source file of each patient.
    n_splits, n_repeats
        Of the stratified cross-validation.
    seed
        Repeat ``r`` is shuffled by ``seed + r``.
    """
    independent = np.where(origin.to_numpy() == TRAIN_ORIGIN, -1, 0).astype(np.int8)
    pairs = {
        K_FOLD: [
            pair
            for repeat in range(n_repeats)
            for pair in fold_rows(assign_folds(aml, n_splits=n_splits, seed=seed + repeat))
        ],
        LEAVE_ONE_OUT: leave_one_out(len(aml)),
        ORIGINAL_SPLIT: fold_rows(independent),
    }
    return [
        Split(protocol, fold, *pair)
        for protocol, of_protocol in pairs.items()
        for fold, pair in enumerate(of_protocol)
    ]


def to_table(splits: list[Split]) -> pd.DataFrame:
    """Give one line for each fold and each of its rows.

    Returns
    -------
    Columns ``protocol`` (category), ``fold`` (int16), ``row`` (int32) and ``validated`` (bool).
    """
    tables = [
        pd.DataFrame({"protocol": s.protocol, "fold": s.fold, "row": rows, "validated": validated})
        for s in splits
        for validated, rows in enumerate(s.pair)
    ]
    return pd.concat(tables, ignore_index=True).astype(
        {"protocol": "category", "fold": "int16", "row": "int32", "validated": bool}
    )


def from_table(folds: pd.DataFrame, *protocols: str) -> list[Split]:
    """Give the folds of a fold table, of all protocols or of the named ones in their order."""
    return [
        Split(protocol, int(str(fold)), _rows(part, False), _rows(part, True))
        for protocol in protocols or PROTOCOLS
        for fold, part in folds[folds["protocol"] == protocol].groupby("fold")
    ]


def _rows(part: pd.DataFrame, validated: bool) -> Rows:
    return part.loc[part["validated"] == validated, "row"].to_numpy(dtype=np.intp)
