"""A filter of probes by the scanner's calls."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted


class PresentProbes(TransformerMixin, BaseEstimator):
    """Keeps probes that the scanner called present in enough training patients.

    Parameters
    ----------
    min_share
        Smallest share of training patients with the call P, in [0, 1].
    """

    def __init__(self, min_share: float) -> None:
        self.min_share = min_share

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn which probes to keep from ``(n, 2 p)``: p expressions, then p flags (0 or 1)."""
        present = X[:, X.shape[1] // 2 :]
        self.kept_ = present.mean(axis=0) >= self.min_share
        return self

    def transform(self, X: Any) -> Any:
        """Give the expressions of the probes that are kept, shape ``(n, kept)``."""
        check_is_fitted(self)
        return X[:, : len(self.kept_)][:, self.kept_]

    def get_feature_names_out(self, input_features: Any) -> NDArray[Any]:
        """Name the probes that are kept."""
        return np.asarray(input_features)[: len(self.kept_)][self.kept_]
