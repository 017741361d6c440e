"""Who is affected: figures for parts of the population."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from crossfold.validation.estimates import Predicted, estimate_rows
from crossfold.validation.intervals import GroupBootstrap

SHOWN = ("roc_auc", "recall", "precision", "specificity", "mean_prediction", "flagged_share")
MIN_ROWS = 30


def subgroup_table(
    predicted: Predicted, levels: ArrayLike, bootstrap: GroupBootstrap
) -> pd.DataFrame:
    """Give figures with intervals for every level of a grouping.

    Parameters
    ----------
    predicted
        What a model says of `n` rows of two classes.
    levels
        The level of each row (``F`` or ``M``), shape ``(n,)``; rows where it is missing are in
        none.
    bootstrap
        Covers the same `n` rows.

    Returns
    -------
    Columns ``level``, ``n``, ``positives``, ``observed_rate``, ``metric``, ``estimate``, ``low``,
    ``high``. Levels with fewer than 30 rows, or of one class, have NaN.
    """
    tables = []
    of_row = pd.Series(levels).reset_index(drop=True)
    for level, found in of_row.groupby(of_row, observed=True).indices.items():
        rows = np.asarray(found)
        y = predicted.y[rows]
        table = estimate_rows(predicted[rows], bootstrap[rows])
        table = table[table["metric"].isin(SHOWN)]
        table = table.assign(level=str(level), positives=int(y.sum()), observed_rate=y.mean())
        if len(rows) < MIN_ROWS or y.min() == y.max():
            table[["estimate", "low", "high"]] = np.nan
        tables.append(table)
    columns = ["level", "n", "positives", "observed_rate", "metric", "estimate", "low", "high"]
    return pd.concat(tables, ignore_index=True)[columns]
