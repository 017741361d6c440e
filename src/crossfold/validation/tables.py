"""The five tables that pass between the stages of every study: names, reading, joining.

Their schemas are in `crossfold.validation.schemas`.

Classes are numbered from 0 in the order of their names. Two classes have the probability of class
1 only, ``p1``; ``k`` classes have ``p0`` to ``p{k-1}``; numbers have none. ``raw_p…`` are what the
model said before it was calibrated.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

TRAIN, CALIBRATION, VALIDATION = "train", "calibration", "validation"
POOLED = "pooled"
NOT_SET = -1


_TEXT = ("model", "protocol", "role", "measure")


def concatenate(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Join tables of one schema below each other, with names as categories."""
    numbers = [[place for place, name in enumerate(t) if name not in _TEXT] for t in tables]
    joined = pd.concat(
        [t.iloc[:, own] for t, own in zip(tables, numbers, strict=True)], ignore_index=True
    )
    for place, name in enumerate(tables[0]):
        if name in _TEXT:
            joined.insert(place, name, pd.Series(_join_names([table[name] for table in tables])))
    return joined


def _join_names(columns: Sequence[pd.Series]) -> pd.Categorical:
    """Join names as categories; hundreds of tables have a few rows each, where pandas is slow."""
    own = [_as_category(column).array for column in columns]
    names = [one.categories.tolist() for one in own]
    place = {name: number for number, name in enumerate(sorted(set().union(*names)))}
    places = [np.array([*map(place.__getitem__, known), NOT_SET]) for known in names]
    codes = np.concatenate([to[one.codes] for to, one in zip(places, own, strict=True)])
    joined = pd.Categorical.from_codes(codes, pd.Index([*place], dtype="str"))
    return joined.remove_unused_categories()


def _as_category(values: pd.Series) -> pd.Series:
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values
    return values.astype("str").astype("category")


def constant(name: str, n: int) -> pd.Series:
    """Give a name `n` times, a byte each."""
    return pd.Series(name, range(n), dtype=pd.CategoricalDtype([name]))


def two_class_rows(
    model: str, protocol: Any, target: pd.Series, p: NDArray[np.float64]
) -> pd.DataFrame:
    """Arrange as predictions what one model says of two classes, decided at 0.5, without folds.

    The protocol is one name, or that of each row. The target is 0/1, `p` the probability of class
    1, shape ``(n,)``; each row is a group of its own.
    """
    rows, flagged = np.arange(len(p)), p >= 0.5
    keys = {"model": model, "protocol": protocol, "fold": 0, "member": NOT_SET}
    said = {"predicted": flagged.astype(np.int8), "raw_p1": p, "p1": p, "threshold": 0.5}
    own = {**keys, "row": rows, "group": rows, "target": target, **said, "flagged": flagged}
    return pd.DataFrame(own)


def probabilities(predictions: pd.DataFrame, prefix: str = "p") -> NDArray[np.floating]:
    """Read the probability of every class, shape ``(n, k)``, in the precision of the table.

    The prefix is ``p`` for calibrated ones, ``raw_p`` for those before.
    """
    columns = sorted(
        (c for c in map(str, predictions) if c.startswith(prefix) and c[len(prefix) :].isdigit()),
        key=lambda name: int(name[len(prefix) :]),
    )
    p = predictions[columns].to_numpy()
    return np.hstack([1 - p, p]) if columns == [f"{prefix}1"] else p


def probability_columns(
    p: NDArray[np.floating], prefix: str = "p"
) -> dict[str, NDArray[np.float32]]:
    """Arrange probabilities of shape ``(n, k)`` as columns; of two classes the second only."""
    p = p.astype(np.float32, copy=False)
    if p.shape[1] == 2:
        return {f"{prefix}1": p[:, 1]}
    return {f"{prefix}{number}": p[:, number] for number in range(p.shape[1])}
