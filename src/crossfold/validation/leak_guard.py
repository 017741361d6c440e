"""Leak guard: what must not cross from training into validation rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crossfold.exceptions import CrossfoldError
from crossfold.validation.splits import Folds, Rows, fold_rows

Fold = tuple[Rows, Rows]

NOT_SYNTHETIC = -1


class LeakError(CrossfoldError):
    """A group, a duplicate or a synthetic row is on both sides of a fold."""


def refuse_leaks(table: pd.DataFrame) -> pd.DataFrame:
    """Stop the run if something crosses a fold; else give back the table of `find_leaks`.

    Raises
    ------
    LeakError
        Something crosses a fold; the message says what and how many.
    """
    counts = zip(table["crossing"], table["check"], strict=True)
    if found := [f"{count:,} {check}" for count, check in counts if count]:
        raise LeakError(
            f"The folds leak: {', '.join(found)}; keep such rows in one fold "
            "(a group column in the study's parameters) before any figure can be believed."
        )
    return table


def find_leaks(
    folds: Folds | Sequence[Fold],
    *,
    groups: ArrayLike | None = None,
    identity: pd.DataFrame | None = None,
    synthetic: NDArray[np.intp] | None = None,
) -> pd.DataFrame:
    """Count what crosses from training into validation rows.

    Parameters
    ----------
    folds
        Fold in which each row is validated, shape ``(n,)``, -1 for rows that only train; or pairs
        of training and validation rows, as many as there are: repeats and leave-one-out alike.
    groups
        Group of each row, shape ``(n,)``: no group may be on both sides of a fold.
    identity
        Table of `n` rows: rows equal in all its columns are the same and must not be on both sides.
    synthetic
        For rows made by resampling, the row that they were made from, else `NOT_SYNTHETIC`; shape
        ``(n,)``, or ``(n, parents)`` for rows made from several. Synthetic rows may only train, and
        not beside a validation row that they were made from.

    Returns
    -------
    One row for each check: ``check``, ``rows_checked``, ``crossing`` and ``verdict``.
    """
    pairs = fold_rows(folds) if isinstance(folds, np.ndarray) else folds
    n_rows = len(np.unique(np.concatenate([rows for pair in pairs for rows in pair])))
    crossings: dict[str, int] = {}
    if groups is not None:
        codes, _ = pd.factorize(np.asarray(groups), use_na_sentinel=False)
        crossings["groups in two folds"] = _crossing(pairs, codes)
    if identity is not None:
        crossings["exact duplicate rows in two folds"] = _crossing(pairs, equal_rows(identity))
    if synthetic is not None:
        crossings["synthetic rows in or from validation rows"] = _synthetic_leaks(pairs, synthetic)
    return pd.DataFrame(
        [
            (check, n_rows, count, "leaks" if count else "none found")
            for check, count in crossings.items()
        ],
        columns=["check", "rows_checked", "crossing", "verdict"],
    )


def equal_rows(table: pd.DataFrame) -> NDArray[np.intp]:
    """Give equal rows one number, by first appearance; missing values are equal.

    Only rows with equal hashes are compared: of many rows, that is five times as fast.
    """
    # Minus zero is zero, but has other bits.
    plain = table.apply(lambda values: values + 0.0 if values.dtype.kind == "f" else values)
    alike = pd.util.hash_pandas_object(plain, index=False).duplicated(keep=False).to_numpy()
    same = np.arange(len(table))
    if alike.any():
        groups = table[alike].groupby(list(table.columns), dropna=False, observed=True)
        same[alike] = len(table) + groups.ngroup().to_numpy()
    return np.asarray(pd.factorize(same)[0], dtype=np.intp)


def _crossing(pairs: Sequence[Fold], codes: NDArray[Any]) -> int:
    """Count the codes whose rows are on both sides of a fold."""
    crosses = np.zeros(codes.max() + 1, dtype=bool)
    for train, validation in pairs:
        crosses |= _marked(codes[train], len(crosses)) & _marked(codes[validation], len(crosses))
    return int(crosses.sum())


def _synthetic_leaks(pairs: Sequence[Fold], synthetic: NDArray[np.intp]) -> int:
    """Count the synthetic rows that are validated, or train beside a row they were made from."""
    parents = synthetic.reshape(len(synthetic), -1)
    leaks = np.zeros(len(parents), dtype=bool)
    for train, validation in pairs:
        validated = _marked(validation, len(parents))
        made_from_validated = ((parents != NOT_SYNTHETIC) & validated[parents]).any(axis=1)
        leaks |= (made_from_validated & _marked(train, len(parents))) | validated
    return int((leaks & (parents != NOT_SYNTHETIC).any(axis=1)).sum())


def _marked(numbers: NDArray[Any], size: int) -> NDArray[np.bool_]:
    """Give `size` flags, True at the given numbers."""
    flags = np.zeros(size, dtype=bool)
    flags[numbers] = True
    return flags
