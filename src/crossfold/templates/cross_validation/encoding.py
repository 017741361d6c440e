"""Encode a table for a model, with everything that is learnt taken from the training rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.exceptions import CrossfoldError
from crossfold.templates.cross_validation.parameters import PREFIXES, PreparationParameters
from crossfold.templates.parameters import TableParameters
from crossfold.user_input import did_you_mean

Encoded = NDArray[np.float32]

MOST_CODES = 255
"""Levels of a column that histogram gradient boosting can tell apart."""

_CELLS_AT_ONCE = 2**20
_MISSING = {"ordinal": np.nan, "filled": -1.0}


@dataclass(frozen=True)
class PiecewiseLinear:
    """Piecewise-linear encoding of one numeric column (Gorishniy et al. 2022, section 3.2).

    Output ``b`` is 0 below edge ``b``, 1 above edge ``b + 1`` and linear between, so that a
    network reads how far a value has come through each bin. A missing value gives zeros and, where
    training rows had any, a 1 in a column of its own.
    """

    column: str
    edges: tuple[float, ...]  # increasing, shape ``(bins + 1,)``, as `quantile_edges` chooses them
    has_missing: bool  # whether the column was missing in any training row

    @property
    def width(self) -> int:
        """Number of output columns."""
        return max(len(self.edges) - 1, 1) + self.has_missing

    def encode(self, table: pd.DataFrame, out: Encoded) -> None:
        """Write the encoding of ``n`` rows into ``out``, shape ``(n, width)``."""
        x = table[self.column].to_numpy(dtype=np.float32, na_value=np.nan)
        edges = np.asarray(self.edges, dtype=np.float32)
        missing = np.isnan(x)
        if self.has_missing:
            out[:, -1] = missing
            out = out[:, :-1]
        if len(edges) < 2:
            out[:] = 0
            return
        # Piece by piece, which takes half the time of row by row: a row has few of them.
        pieces = x - edges[:-1, None]
        pieces /= np.diff(edges)[:, None]
        np.clip(pieces, 0, 1, out=pieces)
        pieces[:, missing] = 0
        out[:] = pieces.T

    @classmethod
    def fit(cls, values: pd.Series, n_bins: int) -> PiecewiseLinear:
        """Learn the edges from training values, shape ``(n,)``."""
        from crossfold.mlp._tabular import quantile_edges

        x = values.to_numpy(dtype=np.float64, na_value=np.nan)
        known = x[~np.isnan(x)]
        edges = quantile_edges(known, n_bins)
        return cls(str(values.name), tuple(edges.tolist()), bool(len(known) < len(x)))


@dataclass(frozen=True)
class OneHot:
    """One column a level; rare and unknown levels share the last one."""

    column: str
    levels: tuple[str, ...]  # those with a column of their own, as text

    @property
    def width(self) -> int:
        """Number of output columns."""
        return len(self.levels) + 1

    def encode(self, table: pd.DataFrame, out: Encoded) -> None:
        """Write the encoding of ``n`` rows into ``out``, shape ``(n, width)``."""
        out[:] = 0
        out[np.arange(len(table)), _level_numbers(table[self.column], self.levels)] = 1

    @classmethod
    def fit(cls, values: pd.Series, min_count: int) -> OneHot:
        """Learn the levels with at least `min_count` training rows."""
        counts = values.astype("category").value_counts()
        frequent = counts.index[counts >= min_count].astype(str)
        return cls(str(values.name), tuple(sorted(frequent)))


def _level_numbers(values: pd.Series, levels: Sequence[str]) -> NDArray[np.intp]:
    """Find each value's place among levels; -1 for one that is missing or unknown."""
    as_category = values.astype("category")
    own = pd.Index(levels).get_indexer(as_category.cat.categories.astype(str))
    return np.append(own, -1)[as_category.cat.codes.to_numpy()]


@dataclass(frozen=True)
class Scaled:
    """Numeric columns times `factor` plus `shift`, with `fill` for a missing value.

    A column that is constant in the training rows is 0 everywhere, as nothing is known of it, but
    under robust scaling.
    """

    columns: tuple[str, ...]
    factor: tuple[float, ...]  # of each column, learnt from the training rows
    shift: tuple[float, ...]
    fill: tuple[float, ...]  # mean of the training rows, scaled; 0 under robust scaling
    robust: bool = False  # whether scaled values are squeezed as `robust_scale` does

    @property
    def width(self) -> int:
        """Number of output columns."""
        return len(self.columns)

    def encode(self, table: pd.DataFrame, out: Encoded) -> None:
        """Write the scaled values of ``n`` rows into ``out``, shape ``(n, width)``."""
        from crossfold.mlp._tabular import robust_scale

        factor, shift, fill = (np.array(own) for own in (self.factor, self.shift, self.fill))
        rows = max(1, _CELLS_AT_ONCE // self.width)
        for start in range(0, len(table), rows):
            block = table.iloc[start : start + rows][list(self.columns)]
            x = block.to_numpy(dtype=np.float64, na_value=np.nan)
            scaled = np.where(np.isnan(x), fill, x * factor + shift)
            if self.robust:
                scaled = robust_scale(scaled, np.zeros(1), np.ones(1))
            out[start : start + rows] = scaled

    @classmethod
    def fit(cls, table: pd.DataFrame, columns: list[str], method: str) -> Scaled:
        """Learn to subtract a measure of each column's training rows, and divide by another.

        ``min_max`` puts them between 0 and 1, ``standard`` gives them mean 0 and variance 1, and
        ``tabular`` median 0 and a quartile range of 1.
        """
        measure = _MEASURES[method]
        origin, spread, filled = np.hstack([np.array(measure(x)) for x in _blocks(table, columns)])
        factor = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread != 0)
        learnt = (factor, -origin * factor, (filled - origin) * factor)
        factor, shift, fill = (tuple(own.tolist()) for own in learnt)
        return cls(tuple(columns), factor, shift, fill, method == "tabular")


def _measure_robust(x: NDArray[np.float64]) -> tuple[Any, ...]:
    from crossfold.mlp._tabular import spread

    median = np.nanmedian(x, axis=1)
    return median, [spread(column[~np.isnan(column)]) for column in x], median


_MEASURES: dict[str, Callable[[NDArray[np.float64]], tuple[Any, ...]]] = {
    "min_max": lambda x: (np.nanmin(x, 1), np.nanmax(x, 1) - np.nanmin(x, 1), np.nanmean(x, 1)),
    "standard": lambda x: (np.nanmean(x, 1), np.nanstd(x, 1), np.nanmean(x, 1)),
    "tabular": _measure_robust,
}
"""Of each row of an array: what is subtracted, by what is divided, what a missing value becomes."""


def _blocks(table: pd.DataFrame, columns: list[str]) -> Iterator[NDArray[np.float64]]:
    """Read columns as rows, a few at a time where they are long: memory does not grow with them."""
    width = max(1, _CELLS_AT_ONCE // max(1, len(table)))
    for start in range(0, len(columns), width):
        block = table[columns[start : start + width]]
        x = np.ascontiguousarray(block.to_numpy(dtype=np.float64, na_value=np.nan).T)
        # Nothing is learnt from a column without a value.
        yield np.where(np.isnan(x).all(axis=1, keepdims=True), 0, x)


@dataclass(frozen=True)
class Codes:
    """A column as one number: a level by its code; a missing or unknown value by `missing`."""

    column: str
    levels: tuple[str, ...]  # of the training rows, in order of their codes; empty for numbers
    missing: float  # NaN for models that read it
    width = 1

    def encode(self, table: pd.DataFrame, out: Encoded) -> None:
        """Write the codes of ``n`` rows into ``out``, shape ``(n, 1)``."""
        values = table[self.column]
        if self.levels:
            x = _level_numbers(values, self.levels).astype(np.float32)
            x[x < 0] = self.missing
        else:
            x = values.to_numpy(dtype=np.float32, na_value=np.nan)
            x = np.where(np.isnan(x), np.float32(self.missing), x)
        out[:, 0] = x


ColumnEncoder = PiecewiseLinear | OneHot | Scaled | Codes
_KINDS: dict[str, type[ColumnEncoder]] = {kind.__name__: kind for kind in get_args(ColumnEncoder)}


@dataclass(frozen=True)
class TableEncoder:
    """Encodes the input columns of a table side by side."""

    columns: tuple[ColumnEncoder, ...]  # fitted, in the order of what they write

    @property
    def inputs(self) -> list[str]:
        """Names of the columns that are read."""
        return [*self.places]

    @property
    def width(self) -> int:
        """Number of output columns."""
        return sum(column.width for column in self.columns)

    @property
    def places(self) -> dict[str, list[int]]:
        """Numbers of the output columns that each input column makes."""
        found: dict[str, list[int]] = {}
        start = 0
        for column in self.columns:
            names = (column.column,) if hasattr(column, "column") else column.columns
            each = column.width // len(names)
            for name in names:
                found.setdefault(name, []).extend(range(start, start + each))
                start += each
        return found

    def transform(self, table: pd.DataFrame) -> Encoded:
        """Encode a table with the input columns; shape ``(n, width)``, float32."""
        encoded = np.empty((len(table), self.width), dtype=np.float32)
        start = 0
        for column in self.columns:
            stop = start + column.width
            column.encode(table, encoded[:, start:stop])
            start = stop
        return encoded

    def to_dict(self) -> list[dict[str, Any]]:
        """List the fitted state as JSON values."""
        return [{"kind": type(column).__name__, **vars(column)} for column in self.columns]

    @classmethod
    def from_dict(cls, state: list[dict[str, Any]]) -> TableEncoder:
        """Rebuild an encoder from what `to_dict` gave, also after a round trip through JSON.

        Raises a `CrossfoldError` for a kind of column that this version does not have.
        """
        columns: list[ColumnEncoder] = []
        for column in state:
            fitted: dict[str, Any] = {
                n: tuple(v) if isinstance(v, list) else v for n, v in column.items()
            }
            if (kind := fitted.pop("kind")) not in _KINDS:
                raise CrossfoldError(
                    f"The model reads a column as {kind}, as another version of crossfold did:"
                    " train it again."
                )
            columns.append(_KINDS[kind](**fitted))
        return cls(tuple(columns))


def inputs_by_kind(
    features: pd.DataFrame, target: str, preparation: PreparationParameters
) -> dict[str, list[str]]:
    """List the input columns as numeric, binary and categorical.

    They are those that the parameters name, as far as the table has to have them, and those that
    are named by their kind; where the parameters name none, every column but the target, by its
    type: bool is binary, category or text is categorical.
    """
    absent = set(preparation.optional) - set(features)
    named = {
        kind: [name for name in getattr(preparation, kind) if name not in absent]
        for kind in PREFIXES
    }
    if any(named.values()):
        every = [name for names in named.values() for name in names]
        if missing := [name for name in every if name not in features]:
            hint = did_you_mean(missing[0], map(str, features))
            raise CrossfoldError(
                f"preparation names {', '.join(missing)}{hint}, but the features have no such"
                " column: mend it."
            )
        for kind, prefix in PREFIXES.items():
            named[kind] += [str(name) for name in features if str(name).startswith(prefix)]
        return named
    for name, dtype in features.dtypes.drop(target).items():
        is_number = pd.api.types.is_numeric_dtype(dtype)
        kind = "binary" if dtype == "bool" else "numeric" if is_number else "categorical"
        named[kind].append(str(name))
    return named


def fit_encoder(
    table: pd.DataFrame,
    kinds: dict[str, list[str]],
    preparation: PreparationParameters,
    method: str = "encoded",
) -> TableEncoder:
    """Learn an encoder of the inputs that `inputs_by_kind` lists from training rows.

    Methods are ``encoded``: numbers piecewise-linear, levels one-hot; ``tabular``: the same with
    numbers scaled robustly beside their pieces and gaps in flags flagged, as `TabularEncoder` does;
    ``standard`` and ``min_max``: numbers scaled, levels one-hot; ``ordinal``: numbers as they are,
    levels by their code, NaN where missing; ``filled``: the same with -1 where missing.
    """
    numeric, binary, categorical = (kinds[kind] for kind in PREFIXES)
    columns: list[ColumnEncoder] = []
    if method in _MISSING:
        missing = _MISSING[method]
        for name in [*numeric, *binary]:
            # Gradient boosting finds no thresholds in a column without a value.
            columns.append(Codes(name, (), 0.0 if table[name].isna().all() else missing))
        for name in categorical:
            columns.append(Codes(name, _levels(table[name].astype("category")), missing))
        return TableEncoder(tuple(columns))
    if method in _MEASURES and numeric:
        columns.append(Scaled.fit(table, numeric, method))
    in_pieces = {"encoded": numeric, "tabular": [*numeric, *binary]}.get(method, [])
    columns += [PiecewiseLinear.fit(table[name], preparation.n_bins) for name in in_pieces]
    columns += [Codes(name, (), 0.0) for name in binary if name not in in_pieces]
    columns += [OneHot.fit(table[name], preparation.min_count) for name in categorical]
    return TableEncoder(tuple(columns))


def _levels(values: pd.Series) -> tuple[str, ...]:
    """List the levels that get a code of their own: all, or the most frequent ones."""
    levels = values.cat.categories
    if len(levels) > MOST_CODES:
        levels = values.value_counts().index[:MOST_CODES].sort_values()
    return tuple(levels.astype(str))


def target_numbers(target: pd.Series, table: TableParameters) -> NDArray[Any]:
    """Read a target as numbers of the classes (int8, int16 of many) or values (float64)."""
    if table.task == "regression":
        return target.to_numpy(dtype=np.float64)
    if table.task == "binary" and table.positive is not None and target.dtype != "bool":
        return (target.astype("str") == table.positive).to_numpy(dtype=np.int8)
    if target.dtype == "category":
        return target.cat.codes.to_numpy()
    return target.to_numpy(dtype=np.int8)
