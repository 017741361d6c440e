"""Encode a table for a model, with everything that is learnt taken from the training rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.templates.cross_validation.parameters import PreparationParameters
from crossfold.templates.parameters import TableParameters

Encoded = NDArray[np.float32]

PREFIXES = {"numeric": "number_", "binary": "flag_", "categorical": "category_"}
"""How columns begin that a table of the user's own adds to a study's, by kind."""

MOST_CODES = 255
"""Levels of a column that histogram gradient boosting can tell apart."""

_CELLS_AT_ONCE = 2**20


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
        np.subtract(x[:, None], edges[:-1], out=out)
        out /= np.diff(edges)
        np.clip(out, 0, 1, out=out)
        out[missing] = 0

    @classmethod
    def fit(cls, values: pd.Series, n_bins: int) -> PiecewiseLinear:
        """Learn the edges from training values, shape ``(n,)``."""
        from crossfold.mlp._tabular import quantile_edges

        x = values.to_numpy(dtype=np.float64, na_value=np.nan)
        known = x[~np.isnan(x)]
        edges = quantile_edges(known, n_bins)
        return cls(str(values.name), tuple(edges.tolist()), bool(len(known) < len(x)))


@dataclass(frozen=True)
class Unchanged:
    """A 0/1 column, read as it is; a missing value counts as 0."""

    column: str
    width = 1

    def encode(self, table: pd.DataFrame, out: Encoded) -> None:
        """Write the values of ``n`` rows into ``out``, shape ``(n, 1)``."""
        out[:, 0] = table[self.column].to_numpy(dtype=np.float32, na_value=0)


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
        as_category = table[self.column].astype("category")
        names = as_category.cat.categories.astype(str)
        own = pd.Index(self.levels).get_indexer(names)
        column_of_code = np.append(np.where(own < 0, len(self.levels), own), len(self.levels))
        out[:] = 0
        out[np.arange(len(table)), column_of_code[as_category.cat.codes.to_numpy()]] = 1

    @classmethod
    def fit(cls, values: pd.Series, min_count: int) -> OneHot:
        """Learn the levels with at least `min_count` training rows."""
        counts = values.astype("category").value_counts()
        frequent = counts.index[counts >= min_count].astype(str)
        return cls(str(values.name), tuple(sorted(frequent)))


@dataclass(frozen=True)
class Scaled:
    """Numeric columns times `factor` plus `shift`; a missing value counts as the training mean.

    A column that is constant in the training rows is 0 everywhere, as nothing is known of it.
    """

    columns: tuple[str, ...]
    factor: tuple[float, ...]  # of each column, learnt from the training rows
    shift: tuple[float, ...]
    fill: tuple[float, ...]  # mean of the training rows, scaled: what a missing value becomes

    @property
    def width(self) -> int:
        """Number of output columns."""
        return len(self.columns)

    def encode(self, table: pd.DataFrame, out: Encoded) -> None:
        """Write the scaled values of ``n`` rows into ``out``, shape ``(n, width)``."""
        factor, shift, fill = (np.array(own) for own in (self.factor, self.shift, self.fill))
        rows = max(1, _CELLS_AT_ONCE // self.width)
        for start in range(0, len(table), rows):
            block = table.iloc[start : start + rows][list(self.columns)]
            x = block.to_numpy(dtype=np.float64, na_value=np.nan)
            out[start : start + rows] = np.where(np.isnan(x), fill, x * factor + shift)

    @classmethod
    def min_max(cls, table: pd.DataFrame, columns: list[str]) -> Scaled:
        """Learn to put the training rows of each column between 0 and 1."""
        return cls._fit(table, columns, lambda x: (np.nanmin(x, axis=1), _range(x)))

    @classmethod
    def standard(cls, table: pd.DataFrame, columns: list[str]) -> Scaled:
        """Learn to give the training rows of each column mean 0 and variance 1."""
        return cls._fit(table, columns, lambda x: (np.nanmean(x, axis=1), np.nanstd(x, axis=1)))

    @classmethod
    def _fit(
        cls, table: pd.DataFrame, columns: list[str], measure: Callable[[Any], tuple[Any, Any]]
    ) -> Scaled:
        """Learn to subtract the first of two measures of each column, and divide by the second."""
        parts = [np.array([*measure(x), np.nanmean(x, axis=1)]) for x in _blocks(table, columns)]
        origin, spread, mean = np.hstack(parts)
        factor = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread != 0)
        learnt = (factor, -origin * factor, (mean - origin) * factor)
        return cls(tuple(columns), *(tuple(own.tolist()) for own in learnt))


@dataclass(frozen=True)
class Robust:
    """Numeric columns by `robust_scale`; a missing value counts as the median."""

    columns: tuple[str, ...]
    center: tuple[float, ...]  # of each column, learnt from the training rows
    scale: tuple[float, ...]

    @property
    def width(self) -> int:
        """Number of output columns."""
        return len(self.columns)

    def encode(self, table: pd.DataFrame, out: Encoded) -> None:
        """Write the scaled values of ``n`` rows into ``out``, shape ``(n, width)``."""
        from crossfold.mlp._tabular import robust_scale

        learnt = zip(self.columns, np.array(self.center), np.array(self.scale), strict=True)
        for place, (name, center, scale) in enumerate(learnt):
            x = table[name].to_numpy(dtype=np.float64, na_value=np.nan)
            out[:, place] = robust_scale(np.where(np.isnan(x), center, x), center, scale)

    @classmethod
    def fit(cls, table: pd.DataFrame, columns: list[str]) -> Robust:
        """Learn medians and quartile ranges from training rows."""
        from crossfold.mlp._tabular import spread

        known = [table[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in columns]
        known = [x[~np.isnan(x)] for x in known]
        center = tuple(float(np.median(x)) if len(x) else 0.0 for x in known)
        return cls(tuple(columns), center, tuple(spread(x) for x in known))


def _blocks(table: pd.DataFrame, columns: list[str]) -> Iterator[NDArray[np.float64]]:
    """Read columns as rows, a few at a time where they are long: memory does not grow with them."""
    width = max(1, _CELLS_AT_ONCE // max(1, len(table)))
    for start in range(0, len(columns), width):
        block = table[columns[start : start + width]]
        x = np.ascontiguousarray(block.to_numpy(dtype=np.float64, na_value=np.nan).T)
        # Nothing is learnt from a column without a value.
        yield np.where(np.isnan(x).all(axis=1, keepdims=True), 0, x)


def _range(x: NDArray[np.float64]) -> Any:
    return np.nanmax(x, axis=1) - np.nanmin(x, axis=1)


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
            names = values.astype("category")
            known = pd.Index(self.levels).get_indexer(names.cat.categories.astype(str))
            x = np.append(known, -1)[names.cat.codes.to_numpy()].astype(np.float32)
            x[x < 0] = self.missing
        else:
            x = values.to_numpy(dtype=np.float32, na_value=np.nan)
            x = np.where(np.isnan(x), np.float32(self.missing), x)
        out[:, 0] = x


ColumnEncoder = PiecewiseLinear | Unchanged | OneHot | Scaled | Robust | Codes
_KINDS: dict[str, type[ColumnEncoder]] = {
    kind.__name__: kind for kind in (PiecewiseLinear, Unchanged, OneHot, Scaled, Robust, Codes)
}


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
        """Rebuild an encoder from what `to_dict` gave, also after a round trip through JSON."""
        return cls(tuple(_column_from_dict(dict(column)) for column in state))


def _column_from_dict(state: dict[str, Any]) -> ColumnEncoder:
    kind: Any = _KINDS[state.pop("kind")]
    column: ColumnEncoder = kind(
        **{k: tuple(v) if isinstance(v, list) else v for k, v in state.items()}
    )
    return column


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
    """Learn an encoder from the training rows of a table.

    Parameters
    ----------
    table
        Training rows only, with the input columns.
    kinds
        Input columns as `inputs_by_kind` lists them.
    preparation
        Bins of a numeric column, rows of a level.
    method
        ``encoded``: numbers piecewise-linear, levels one-hot; ``tabular``: the same with numbers
        scaled robustly beside their pieces and gaps in flags flagged, as `TabularEncoder` does;
        ``standard`` and ``min_max``: numbers scaled, levels one-hot; ``ordinal``: numbers as they
        are, levels by their code, NaN where missing; ``filled``: the same with -1 where missing.
    """
    make = _METHODS[method]
    return TableEncoder(tuple(make(table, kinds, preparation)))


def _one_hot(
    numeric: Callable[..., Iterable[ColumnEncoder]],
) -> Callable[..., Iterator[ColumnEncoder]]:
    def make(
        table: pd.DataFrame, kinds: dict[str, list[str]], preparation: PreparationParameters
    ) -> Iterator[ColumnEncoder]:
        if kinds["numeric"]:
            yield from numeric(table, kinds["numeric"], preparation)
        yield from (Unchanged(name) for name in kinds["binary"])
        for name in kinds["categorical"]:
            yield OneHot.fit(table[name], preparation.min_count)

    return make


def _tabular(
    table: pd.DataFrame, kinds: dict[str, list[str]], preparation: PreparationParameters
) -> Iterator[ColumnEncoder]:
    if kinds["numeric"]:
        yield Robust.fit(table, kinds["numeric"])
    for name in [*kinds["numeric"], *kinds["binary"]]:
        yield PiecewiseLinear.fit(table[name], preparation.n_bins)
    for name in kinds["categorical"]:
        yield OneHot.fit(table[name], preparation.min_count)


def _codes(
    table: pd.DataFrame,
    kinds: dict[str, list[str]],
    preparation: PreparationParameters,
    *,
    missing: float,
) -> Iterator[ColumnEncoder]:
    for name in [*kinds["numeric"], *kinds["binary"]]:
        # Gradient boosting finds no thresholds in a column without a value.
        yield Codes(name, (), 0.0 if table[name].isna().all() else missing)
    for name in kinds["categorical"]:
        yield Codes(name, _levels(table[name].astype("category")), missing)


def _levels(values: pd.Series) -> tuple[str, ...]:
    """List the levels that get a code of their own: all, or the most frequent ones."""
    levels = values.cat.categories
    if len(levels) > MOST_CODES:
        levels = values.value_counts().index[:MOST_CODES].sort_values()
    return tuple(levels.astype(str))


_METHODS: dict[str, Callable[..., Iterator[ColumnEncoder]]] = {
    "encoded": _one_hot(
        lambda table, names, own: [PiecewiseLinear.fit(table[name], own.n_bins) for name in names]
    ),
    "tabular": _tabular,
    "min_max": _one_hot(lambda table, names, own: [Scaled.min_max(table, names)]),
    "standard": _one_hot(lambda table, names, own: [Scaled.standard(table, names)]),
    "ordinal": partial(_codes, missing=np.nan),
    "filled": partial(_codes, missing=-1.0),
}


def target_numbers(target: pd.Series, table: TableParameters) -> NDArray[Any]:
    """Read a target as numbers of the classes (int8, int16 of many) or values (float64)."""
    if table.task == "regression":
        return target.to_numpy(dtype=np.float64)
    if table.task == "binary" and table.positive is not None and target.dtype != "bool":
        return (target.astype("str") == table.positive).to_numpy(dtype=np.int8)
    if target.dtype == "category":
        return target.cat.codes.to_numpy()
    return target.to_numpy(dtype=np.int8)
