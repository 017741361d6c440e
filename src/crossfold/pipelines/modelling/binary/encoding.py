"""Encode a table for a network, with everything that is learnt taken from the training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.modelling.binary.parameters import PreparationParameters

Encoded = NDArray[np.float32]


@dataclass(frozen=True)
class PiecewiseLinear:
    """Piecewise-linear encoding of one numeric column (Gorishniy et al. 2022, section 3.2).

    Output ``b`` is 0 below edge ``b``, 1 above edge ``b + 1`` and linear between, so that a
    network reads how far a value has come through each bin. A missing value gives zeros and, where
    training rows had any, a 1 in a column of its own.

    Attributes
    ----------
    column
        Name of the column.
    edges
        Increasing, shape ``(bins + 1,)``: distinct training values where there are no more of
        them than edges, else quantiles, half of them of the rows and half of the distinct values.
        A skewed count would otherwise have all its edges at its few small values.
    has_missing
        Whether the column was missing in any training row.
    """

    column: str
    edges: tuple[float, ...]
    has_missing: bool

    @property
    def width(self) -> int:
        """Number of output columns."""
        return max(len(self.edges) - 1, 1) + self.has_missing

    def encode(self, values: pd.Series, out: Encoded) -> None:
        """Write the encoding of ``(n,)`` values into ``out``, shape ``(n, width)``."""
        x = values.to_numpy(dtype=np.float32, na_value=np.nan)
        edges = np.asarray(self.edges, dtype=np.float32)
        missing = np.isnan(x)
        if self.has_missing:
            out[:, -1] = missing
            out = out[:, :-1]
        if len(edges) < 2:
            out[:] = 0
            return
        np.subtract(x[:, None], edges[:-1], out=out)
        out /= np.diff(edges)
        np.clip(out, 0, 1, out=out)
        out[missing] = 0

    @classmethod
    def fit(cls, values: pd.Series, n_bins: int) -> PiecewiseLinear:
        """Learn the edges from training values, shape ``(n,)``."""
        x = values.to_numpy(dtype=np.float64, na_value=np.nan)
        known = x[~np.isnan(x)]
        distinct = np.unique(known)
        if len(distinct) > n_bins + 1:
            shares = np.linspace(0, 1, n_bins // 2 + 1)
            of_rows, of_values = np.quantile(known, shares), np.quantile(distinct, shares)
            distinct = np.concatenate([of_rows, of_values])
        # Values are encoded in single precision, in which close edges may fall together.
        edges = np.unique(distinct.astype(np.float32))
        return cls(str(values.name), tuple(edges.tolist()), bool(len(known) < len(x)))


@dataclass(frozen=True)
class Unchanged:
    """A 0/1 column, read as it is; a missing value counts as 0.

    Attributes
    ----------
    column
        Name of the column.
    """

    column: str
    width = 1

    def encode(self, values: pd.Series, out: Encoded) -> None:
        """Write ``(n,)`` values into ``out``, shape ``(n, 1)``."""
        out[:, 0] = values.to_numpy(dtype=np.float32, na_value=0)


@dataclass(frozen=True)
class OneHot:
    """One column a level; rare and unknown levels share the last one.

    Attributes
    ----------
    column
        Name of the column.
    levels
        Levels with a column of their own, as text.
    """

    column: str
    levels: tuple[str, ...]

    @property
    def width(self) -> int:
        """Number of output columns."""
        return len(self.levels) + 1

    def encode(self, values: pd.Series, out: Encoded) -> None:
        """Write the encoding of ``(n,)`` values into ``out``, shape ``(n, width)``."""
        as_category = values.astype("category")
        names = as_category.cat.categories.astype(str)
        own = pd.Index(self.levels).get_indexer(names)
        column_of_code = np.append(np.where(own < 0, len(self.levels), own), len(self.levels))
        out[:] = 0
        out[np.arange(len(values)), column_of_code[as_category.cat.codes.to_numpy()]] = 1

    @classmethod
    def fit(cls, values: pd.Series, min_count: int) -> OneHot:
        """Learn the levels with at least `min_count` training rows."""
        counts = values.astype("category").value_counts()
        frequent = counts.index[counts >= min_count].astype(str)
        return cls(str(values.name), tuple(sorted(frequent)))


ColumnEncoder = PiecewiseLinear | Unchanged | OneHot
_KINDS: dict[str, type[ColumnEncoder]] = {
    kind.__name__: kind for kind in (PiecewiseLinear, Unchanged, OneHot)
}


@dataclass(frozen=True)
class TableEncoder:
    """Encodes the input columns of a table side by side.

    Attributes
    ----------
    columns
        One fitted encoder for each column.
    """

    columns: tuple[ColumnEncoder, ...]

    @property
    def width(self) -> int:
        """Number of output columns."""
        return sum(column.width for column in self.columns)

    def transform(self, table: pd.DataFrame) -> Encoded:
        """Encode a table with the input columns; shape ``(n, width)``, float32."""
        encoded = np.empty((len(table), self.width), dtype=np.float32)
        start = 0
        for column in self.columns:
            stop = start + column.width
            column.encode(table[column.column], encoded[:, start:stop])
            start = stop
        return encoded

    def to_dict(self) -> list[dict[str, Any]]:
        """Give the fitted state as JSON values."""
        return [{"kind": type(column).__name__, **vars(column)} for column in self.columns]

    @classmethod
    def from_dict(cls, state: list[dict[str, Any]]) -> TableEncoder:
        """Rebuild an encoder from what `to_dict` gave, also after a round trip through JSON."""
        return cls(tuple(_column_from_dict(dict(column)) for column in state))


def _column_from_dict(state: dict[str, Any]) -> ColumnEncoder:
    kind = _KINDS[state.pop("kind")]
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in state.items()})


def fit_encoder(table: pd.DataFrame, preparation: PreparationParameters) -> TableEncoder:
    """Learn an encoder from the training rows of a table.

    Parameters
    ----------
    table
        Training rows only, with the input columns of `preparation`.
    preparation
        The columns by kind, and the number of bins.
    """
    preparation = preparation.of(table)
    numeric = (PiecewiseLinear.fit(table[name], preparation.n_bins) for name in preparation.numeric)
    binary = (Unchanged(name) for name in preparation.binary)
    one_hot = (OneHot.fit(table[name], preparation.min_count) for name in preparation.categorical)
    return TableEncoder((*numeric, *binary, *one_hot))
