"""Inputs and targets: what they must look like, and what a network learns of targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse, vstack
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import validate_data

from crossfold.mlp._spec import Array, DataSet, Head, Rows
from crossfold.mlp.exceptions import DataError, ParameterError

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

    The estimator remembers the columns, or is asked for them with ``reset=False``; `source` is a
    fitted preprocessor that made the inputs and can name theirs. Inputs must not leave the range of
    `dtype`; they are given back in this machine's byte order, sparse ones as CSR.
    """
    try:
        checked = validate_data(estimator, X, y, accept_sparse="csr", **how)
    except ValueError as error:
        fault = _unusable_values(str(error), X, source)
        if fault is None:
            raise
        raise fault from None
    inputs, *targets = checked if isinstance(checked, tuple) else (checked,)
    _check_range(inputs, dtype, X, source)
    inputs = inputs.astype(inputs.dtype.newbyteorder("="), copy=False)
    return (inputs, *targets) if targets else inputs


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
        where = type(X)((where.astype(int), X.indices, X.indptr), X.shape)
    return DataError(f"X has {kind} in {_list_columns(where, X, source)}. {_REMEDIES[kind]}")


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
    """List columns, by name where it is known, with how many of their rows are marked."""
    counts = np.asarray(where.sum(axis=0)).ravel()
    columns, names = np.flatnonzero(counts), list(getattr(X, "columns", ()))
    if not names:
        try:
            names = list(source.get_feature_names_out())
        except (AttributeError, ValueError):
            names = list(range(len(counts)))
    listed = [f"{names[c]!r} ({counts[c]} rows)" for c in columns[:_NAMED_COLUMNS]]
    more = len(columns) - len(listed)
    rest = f" and {more} more" if more else ""
    return f"{len(columns)} of {len(counts)} columns: {', '.join(listed)}{rest}"


ClassWeight = str | Mapping[Any, float] | None


@dataclass(frozen=True)
class Values:
    """Targets of a regressor, `n_outputs` a row; if `flat`, given and returned as ``(n,)``."""

    n_outputs: int
    flat: bool
    head: Head = "regression"

    @classmethod
    def of(cls, y: Array) -> Values:
        if y.dtype.kind not in "biuf":
            raise DataError(f"y holds no numbers but {y.dtype}: a regressor predicts numbers.")
        return cls(1 if y.ndim == 1 else y.shape[1], y.ndim == 1)

    def encode(self, y: Array, dtype: str) -> Array:
        """Give targets of shape ``(n, n_outputs)``."""
        targets = y.reshape(len(y), -1)
        if targets.size and max(abs(targets.max()), abs(targets.min())) > np.finfo(dtype).max:
            raise DataError(
                f"y has values beyond the range of {dtype}. Divide y, or use 'float64'."
            )
        targets = targets.astype(dtype, copy=False)
        if targets.shape[1] != self.n_outputs:
            raise DataError(
                f"y has {targets.shape[1]} outputs, but {self.n_outputs} were learnt before."
            )
        return targets

    def decode(self, outputs: Array) -> Array:
        """Give predictions in the shape of the targets."""
        return outputs[:, 0] if self.flat else outputs

    def confirmed_by(self, other: Targets) -> Values:
        """Give these targets if others are of the same shape, else raise `DataError`."""
        if other != self:
            raise DataError("warm_start needs a y of the same shape as in the fit before.")
        return self

    def class_factors(self, class_weight: ClassWeight, data_set: DataSet, rows: Rows) -> None:
        """Give no factors: values have no classes."""


@dataclass(frozen=True)
class Labels:
    """Targets of a classifier.

    Classes are sorted, shape ``(n_classes,)``: the numbers of the labels where there are several at
    once. `head` is ``binary`` for two, ``multiclass`` for one or more than two, or ``multilabel``.
    """

    classes: Array
    head: Head

    @classmethod
    def of(cls, y: Array, classes: Array | None = None) -> Labels:
        """Learn the classes from targets, or take them as given."""
        kind = type_of_target(y, input_name="y")
        if kind not in {"binary", "multiclass"}:
            check_classification_targets(y)
        if kind == "multilabel-indicator":
            return cls(np.arange(y.shape[1]), "multilabel")
        if y.ndim != 1:
            raise DataError(f"y is {kind}, which is not supported: fit one classifier per column.")
        known = np.unique(y if classes is None else np.asarray(classes))
        return cls(known, "binary" if len(known) == 2 else "multiclass")

    @property
    def flat(self) -> bool:
        """Whether predictions have shape ``(n,)`` for the one output."""
        return self.head == "binary"

    @property
    def n_outputs(self) -> int:
        return 1 if self.head == "binary" else len(self.classes)

    def encode(self, y: Array, dtype: str) -> Array:
        """Give 0/1 targets of shape ``(n, n_outputs)``."""
        if self.head == "multilabel":
            if y.ndim != 2 or y.shape[1] != len(self.classes):
                n_labels = len(self.classes)
                raise DataError(f"y has shape {y.shape}, but {n_labels} labels were learnt.")
            return y.astype(dtype)
        known = np.isin(y, self.classes)
        if not known.all():
            raise DataError(
                f"y has the classes {np.unique(y[~known]).tolist()}, which are not among the "
                f"classes learnt before: {self.classes.tolist()}."
            )
        codes = np.searchsorted(self.classes, y)
        if self.head == "binary":
            return codes[:, None].astype(dtype)
        return np.equal.outer(codes, np.arange(len(self.classes))).astype(dtype)

    def decode(self, outputs: Array) -> Array:
        """Give the predicted class of each row, or the 0/1 labels."""
        if self.head == "multilabel":
            return (outputs > 0.5).astype(int)
        if self.head == "binary":
            outputs = np.hstack([1 - outputs, outputs])
        predicted: Array = self.classes[outputs.argmax(axis=1)]
        return predicted

    def confirmed_by(self, other: Targets) -> Labels:
        """Give these targets if others have the same classes, else raise `DataError`."""
        if not isinstance(other, Labels) or not np.array_equal(self.classes, other.classes):
            now = other.classes if isinstance(other, Labels) else "values"
            raise DataError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes}, `y` has {now}"
            )
        return self

    def class_factors(
        self, class_weight: ClassWeight, data_set: DataSet, rows: Rows
    ) -> Array | None:
        """Give the factor of each class's rows, shape ``(n_classes,)``, or None.

        ``balanced`` is ``n / (classes present * n of the class)``, n counted by weight.
        """
        if class_weight is None:
            return None
        if isinstance(class_weight, Mapping):
            return self._mapped(class_weight)
        if self.head == "multilabel":
            raise ParameterError(
                "class_weight='balanced' needs exclusive classes; give multilabel targets a "
                "mapping from label number to weight."
            )
        targets = data_set.targets[rows]
        weights = np.ones(len(rows)) if data_set.weights is None else data_set.weights[rows]
        mass = weights @ (np.hstack([1 - targets, targets]) if self.head == "binary" else targets)
        present = mass > 0
        factors: Array = np.divide(
            mass.sum(), present.sum() * mass, out=np.ones(len(mass)), where=present
        )
        return factors

    def _mapped(self, class_weight: Mapping[Any, float]) -> Array:
        unknown = [label for label in class_weight if label not in self.classes.tolist()]
        if unknown:
            raise ParameterError(
                f"class_weight names {unknown}, but the classes are {self.classes.tolist()}."
            )
        weights = np.array([class_weight.get(label, 1.0) for label in self.classes.tolist()])
        if (weights < 0).any():
            raise ParameterError(f"class_weight is {class_weight}: a weight must not be negative.")
        return weights


Targets = Values | Labels
