"""What inputs must look like; says which columns are at fault."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import issparse, vstack
from sklearn.utils.validation import validate_data

from crossfold.mlp._spec import Array
from crossfold.mlp.exceptions import DataError

_NAMED_COLUMNS = 10
_REMEDIES = {
    "missing values (NaN)": "Fill them in, for example with scikit-learn's SimpleImputer, or leave "
    "those rows or columns out.",
    "infinite values (inf)": "Replace them or leave those rows or columns out.",
    "text": "Turn it into numbers, for example with scikit-learn's OneHotEncoder.",
}


def check_inputs(
    estimator: Any, X: Any, y: Any = "no_validation", *, dtype: str, source: Any = None, **how: Any
) -> Any:
    """Check inputs, and targets where they are given, as scikit-learn does; name columns at fault.

    Parameters
    ----------
    estimator
        Remembers number and names of the columns, or is asked for them with ``reset=False``.
    X
        Inputs, shape ``(n, n_features)``; sparse ones are given back as CSR.
    y
        Targets, or nothing.
    dtype
        Of the arithmetic, whose range the inputs must not leave.
    source
        Fitted preprocessor that made the inputs and can name their columns, or None.
    how
        Further arguments of scikit-learn's ``validate_data``.
    """
    try:
        checked = validate_data(estimator, X, y, accept_sparse="csr", **how)
    except ValueError as error:
        fault = _unusable_values(str(error), X, source)
        if fault is None:
            raise
        raise fault from None
    inputs = checked[0] if isinstance(checked, tuple) else checked
    _check_range(inputs, dtype, X, source)
    return checked


def stack_rows(first: Any, second: Any) -> Any:
    """Append rows to others; sparse if either is."""
    if issparse(first) or issparse(second):
        return vstack([first, second], format="csr")
    return np.concatenate([first, second])


def copy_features(source: Any, estimator: Any) -> None:
    """Make an estimator know the features that another has seen."""
    for name in ("n_features_in_", "feature_names_in_"):
        if hasattr(source, name):
            setattr(estimator, name, getattr(source, name))


def _unusable_values(message: str, X: Any, source: Any) -> DataError | None:
    """Say which columns hold what scikit-learn's message is about, or None."""
    X = X.tocsr() if issparse(X) else X
    values = X.data if issparse(X) else X
    if message.startswith("could not convert string to float"):
        kind, where = "text", np.vectorize(lambda v: isinstance(v, str))(np.asarray(values, object))
    elif message.startswith("Input X contains NaN"):
        missing = values.isna() if hasattr(values, "isna") else np.isnan(np.asarray(values, float))
        kind, where = "missing values (NaN)", np.asarray(missing)
    elif message.startswith("Input X contains infinity"):
        kind, where = "infinite values (inf)", np.isinf(np.asarray(values, float))
    else:
        return None
    if issparse(X):
        where = _in_places_of(X, where)
    return DataError(f"X has {kind} in {_list_columns(where, X, source)}. {_REMEDIES[kind]}")


def _in_places_of(X: Any, of_values: Array) -> Any:
    """Put what is said of the values of a sparse matrix where they are in it."""
    marked = X.copy()
    marked.data = of_values.astype(int)
    return marked


def _check_range(inputs: Any, dtype: str, X: Any, source: Any) -> None:
    """Refuse what would be infinite once it is cast."""
    if inputs.dtype.kind != "f" or inputs.dtype.itemsize <= np.dtype(dtype).itemsize:
        return
    most = np.finfo(dtype).max
    if inputs.size and max(inputs.max(), -inputs.min()) > most:
        raise DataError(
            f"X has values beyond the range of {dtype} in "
            f"{_list_columns(abs(inputs) > most, X, source)}. Scale the inputs, or use "
            "dtype='float64'."
        )


def _list_columns(where: Any, X: Any, source: Any) -> str:
    """List columns with the number of their rows that are marked, shape ``(n, n_columns)``."""
    counts = np.asarray(where.sum(axis=0)).ravel()
    names, columns = _column_names(X, source, len(counts)), np.flatnonzero(counts)
    listed = [f"{names[c]!r} ({counts[c]} rows)" for c in columns[:_NAMED_COLUMNS]]
    more = len(columns) - len(listed)
    rest = f" and {more} more" if more else ""
    return f"{len(columns)} of {len(counts)} columns: {', '.join(listed)}{rest}"


def _column_names(X: Any, source: Any, n_columns: int) -> Sequence[Any]:
    """Look up the names of the columns, their numbers where they have none."""
    if hasattr(X, "columns"):
        return list(X.columns)
    try:
        return list(source.get_feature_names_out())
    except (AttributeError, ValueError):
        return range(n_columns)
