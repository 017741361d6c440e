"""Leak guard: what must not cross from training into validation rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crossfold.exceptions import CrossfoldError
from crossfold.validation.splits import Folds

NOT_SYNTHETIC = -1


class LeakError(CrossfoldError):
    """A group, a duplicate or a synthetic row is on both sides of a fold."""


def check_leaks(
    fold: Folds,
    *,
    groups: ArrayLike | None = None,
    identity: pd.DataFrame | None = None,
    synthetic: NDArray[np.intp] | None = None,
) -> pd.DataFrame:
    """Check that nothing crosses a fold, and stop the run if something does.

    Parameters
    ----------
    fold
        Fold in which each row is validated, shape ``(n,)``; -1 for rows that only train.
    groups
        Group of each row, shape ``(n,)``: no group may be in two folds.
    identity
        Table of `n` rows: rows equal in all its columns are the same and must share a fold.
    synthetic
        For rows made by resampling, the row that they were made from, else `NOT_SYNTHETIC`; shape
        ``(n,)``. Synthetic rows may only train, and not be made from validation rows.

    Returns
    -------
    One row for each check: ``check``, ``rows_checked``, ``crossing`` (0) and ``verdict``.

    Raises
    ------
    LeakError
        Something crosses a fold; the message says what and how many.
    """
    crossings: dict[str, int] = {}
    if groups is not None:
        crossings["groups in two folds"] = _crossing(fold, pd.factorize(np.asarray(groups))[0])
    if identity is not None:
        codes = identity.groupby(list(identity.columns), dropna=False, observed=True).ngroup()
        crossings["exact duplicate rows in two folds"] = _crossing(fold, codes.to_numpy())
    if synthetic is not None:
        crossings["synthetic rows in or from validation rows"] = _synthetic_leaks(fold, synthetic)
    _stop_on(crossings)
    return pd.DataFrame(
        [(check, len(fold), count, "none found") for check, count in crossings.items()],
        columns=["check", "rows_checked", "crossing", "verdict"],
    )


def _crossing(fold: Folds, codes: NDArray[Any]) -> int:
    """Count the codes whose rows are in more than one fold."""
    order = np.argsort(codes, kind="stable")
    same_code = np.diff(codes[order]) == 0
    changes = same_code & (np.diff(fold[order]) != 0)
    return len(np.unique(codes[order][1:][changes]))


def _synthetic_leaks(fold: Folds, synthetic: NDArray[np.intp]) -> int:
    made = synthetic != NOT_SYNTHETIC
    validated = fold[made] != -1
    from_validation = fold[synthetic[made]] != -1
    return int((validated | from_validation).sum())


def _stop_on(crossings: dict[str, int]) -> None:
    found = [f"{count:,} {check}" for check, count in crossings.items() if count]
    if found:
        raise LeakError(
            f"The folds leak: {', '.join(found)}; keep such rows in one fold "
            "(a group column in the study's parameters) before any figure can be believed."
        )
