"""Who is affected: figures for parts of the population."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crossfold.validation.estimates import Predicted, estimate_rows
from crossfold.validation.intervals import GroupBootstrap

SHOWN = ("roc_auc", "recall", "precision", "specificity", "mean_prediction", "flagged_share")
MIN_ROWS = 30


def subgroup_table(
    y: NDArray[Any],
    p: NDArray[Any],
    flagged: NDArray[np.bool_],
    levels: Mapping[str, ArrayLike],
    bootstrap: GroupBootstrap,
) -> pd.DataFrame:
    """Give figures with intervals for every level of every grouping.

    Parameters
    ----------
    y, p, flagged
        0/1, probabilities and decisions, shape ``(n,)``.
    levels
        For each grouping (``sex``, ``age band``) the level of each row, shape ``(n,)``;
        rows where it is missing are in none.
    bootstrap
        Covers the same `n` rows.

    Returns
    -------
    Columns ``group``, ``level``, ``n``, ``positives``, ``observed_rate``, ``metric``,
    ``estimate``, ``low``, ``high``. Levels with fewer than 30 rows, or of one class, have NaN.
    """
    tables = []
    for group, of_row in levels.items():
        series = pd.Series(of_row).reset_index(drop=True)
        for level, rows in series.groupby(series, observed=True).indices.items():
            own = _level_table(y, p, flagged, np.asarray(rows), bootstrap)
            tables.append(own.assign(group=group, level=str(level)))
    figures = ["n", "positives", "observed_rate", "metric", "estimate", "low", "high"]
    return pd.concat(tables, ignore_index=True)[["group", "level", *figures]]


def _level_table(
    y: NDArray[Any],
    p: NDArray[Any],
    flagged: NDArray[np.bool_],
    rows: NDArray[np.intp],
    bootstrap: GroupBootstrap,
) -> pd.DataFrame:
    own = y[rows]
    table = estimate_rows(Predicted("binary", y, p, flagged)[rows], bootstrap[rows])
    table = table[table["metric"].isin(SHOWN)]
    table = table.assign(positives=int(own.sum()), observed_rate=own.mean())
    if len(rows) < MIN_ROWS or own.min() == own.max():
        table[["estimate", "low", "high"]] = np.nan
    return table
