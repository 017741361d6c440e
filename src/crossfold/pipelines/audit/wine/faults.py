"""The faults of the wine study's source: each is a switch of how wines are split.

``single_split``
    One fifth of the wines is tested, once; without it every wine is, in five folds.
``duplicates_across_split``
    Training rows that measure the same as a test row stay; without it they are left out.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


def make_folds(group: Array, faults: Collection[str], *, n_splits: int, seed: int) -> list[Fold]:
    """Split wines into training and test rows, at random as the source did.

    The source's split tests the same wines as the first of the folds.

    Parameters
    ----------
    group
        Number that wines which measure the same share, shape ``(n,)``.
    faults
        Switches that are on.
    n_splits, seed
        Number of parts, and the source's seed.
    """
    from sklearn.model_selection import KFold, train_test_split

    rows = np.arange(len(group))
    if "single_split" in faults:
        folds = [tuple(train_test_split(rows, test_size=1 / n_splits, random_state=seed))]
    else:
        folds = list(KFold(n_splits, shuffle=True, random_state=seed).split(rows))
    if "duplicates_across_split" in faults:
        return folds
    return leave_out_duplicates(folds, group)


def leave_out_duplicates(folds: Collection[Fold], group: Array) -> list[Fold]:
    """Leave out training rows that measure the same as a row tested in their fold."""
    return [(train[~np.isin(group[train], group[test])], test) for train, test in folds]


def has_duplicate(folds: Collection[Fold], group: Array) -> NDArray[np.bool_]:
    """Tell which rows are tested in a fold that trains on a row which measures the same."""
    repeated = np.zeros(len(group), dtype=bool)
    for train, test in folds:
        repeated[test] = np.isin(group[test], group[train])
    return repeated
