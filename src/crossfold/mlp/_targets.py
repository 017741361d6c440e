"""From labels or values to the targets that a network learns, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from crossfold.mlp._spec import Array, Head
from crossfold.mlp.exceptions import DataError, ParameterError

ClassWeight = str | Mapping[Any, float] | None


@dataclass(frozen=True)
class Values:
    """Targets of a regressor.

    Attributes
    ----------
    n_outputs
        Number of values per row.
    flat
        Whether they are given and returned with shape ``(n,)``.
    """

    n_outputs: int
    flat: bool
    head: Head = "regression"

    @classmethod
    def of(cls, y: Array) -> Values:
        """Learn the shape of targets."""
        return cls(1 if y.ndim == 1 else y.shape[1], y.ndim == 1)

    def encode(self, y: Array, dtype: str) -> Array:
        """Give targets of shape ``(n, n_outputs)``."""
        targets = y.reshape(len(y), -1)
        if targets.size and max(targets.max(), -targets.min()) > np.finfo(dtype).max:
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

    def class_factors(self, class_weight: ClassWeight, targets: Array, weights: Array) -> None:
        """Give no factors: values have no classes."""


@dataclass(frozen=True)
class Labels:
    """Targets of a classifier.

    Attributes
    ----------
    classes
        Sorted, shape ``(n_classes,)``; the numbers of the labels for multilabel targets.
    head
        ``binary`` for two classes, ``multiclass`` for one or more than two, or ``multilabel``.
    """

    classes: Array
    head: Head

    @classmethod
    def of(cls, y: Array, classes: Array | None = None) -> Labels:
        """Learn the classes from targets, or take them as given."""
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
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
        """Number of network outputs."""
        return 1 if self.head == "binary" else len(self.classes)

    def encode(self, y: Array, dtype: str) -> Array:
        """Give 0/1 targets of shape ``(n, n_outputs)``."""
        if self.head == "multilabel":
            return self._check_labels(y).astype(dtype)
        codes = self._codes(y)
        if self.head == "binary":
            return codes[:, None].astype(dtype)
        targets = np.zeros((len(codes), len(self.classes)), dtype=dtype)
        targets[np.arange(len(codes)), codes] = 1
        return targets

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
        self, class_weight: ClassWeight, targets: Array, weights: Array
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
        return np.array([class_weight.get(label, 1.0) for label in self.classes.tolist()])

    def _check_labels(self, y: Array) -> Array:
        if y.ndim != 2 or y.shape[1] != len(self.classes):
            raise DataError(f"y has shape {y.shape}, but {len(self.classes)} labels were learnt.")
        return y

    def _codes(self, y: Array) -> Array:
        known = np.isin(y, self.classes)
        if not known.all():
            raise DataError(
                f"y has the classes {np.unique(y[~known]).tolist()}, which are not among the "
                f"classes learnt before: {self.classes.tolist()}."
            )
        return np.searchsorted(self.classes, y)


Targets = Values | Labels
