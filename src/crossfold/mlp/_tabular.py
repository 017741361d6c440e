"""Tables of any columns: an encoder, an ensemble of networks, and settings that need no tuning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Integral, Real
from typing import Annotated, Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, TransformerMixin, is_classifier
from sklearn.metrics import accuracy_score, r2_score
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils import check_array, get_tags
from sklearn.utils._param_validation import Interval
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from crossfold.mlp._base import BaseMLP, clone_with
from crossfold.mlp._batches import batch_rows
from crossfold.mlp._fold_stack import FoldStack
from crossfold.mlp._hyperparameters import Count, constraints_of, draw_seed
from crossfold.mlp._spec import Array
from crossfold.mlp.exceptions import DataError

_FEWEST_EPOCHS = 6
Several = Annotated[int, Interval(Integral, 2, None, closed="left")]
_GAPS = ("nan", "None", "<NA>", "NaT")
_SMOOTH_LIMIT = 3.0


def robust_scale(x: Array, center: Array, scale: Array) -> Array:
    """Scale numbers and squeeze them smoothly into (-3, 3) (Holzmüller et al. 2024, RealMLP).

    ``z = (x - center) / scale``, then ``z / sqrt(1 + (z / 3)²)``, which leaves what is near 0. Of
    ``x``, shape ``(n, n_columns)``, with medians and quartile ranges ``(n_columns,)``.
    """
    z = (x - center) / scale
    squeezed: Array = z / np.sqrt(1 + np.square(z / _SMOOTH_LIMIT))
    return squeezed


@dataclass(eq=False, repr=False, kw_only=True)
class TabularEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Encodes numbers by robust scaling and in pieces, categories one-hot, and flags gaps.

    All that it learns comes from the rows that it is fitted on: as the ``preprocessor`` of a
    `FoldStack`, or in a pipeline, from each fold's training rows.

    Parameters
    ----------
    numbers
        ``scaled`` (`robust_scale`), ``piecewise_linear``, or ``both`` side by side. A piece is 0
        below its lower edge, 1 above its upper one and linear between: how far a number has come
        through it (Gorishniy et al. 2022, eq. 1; outer pieces are cut off too).
    n_bins
        Pieces of a number at the most. Their edges are quantiles, half of them of the rows and half
        of the distinct values, so that a skewed column has edges in its tail too; columns with few
        values have an edge at each.
    max_categories
        Columns that one category takes at the most; the rarest levels share one.
    min_frequency
        Rows that a level needs for a column of its own.
    categorical_features
        Columns that are categories: their names or numbers; ``from_dtype`` for those of a table
        that are neither numbers nor flags.

    Attributes
    ----------
    n_features_in_, feature_names_in_
        Number of columns, and their names where they are text.
    n_features_out_
        Number of columns that `transform` gives.

    Examples
    --------
    >>> import numpy as np
    >>> encoder = TabularEncoder(numbers="piecewise_linear", n_bins=2)
    >>> encoder.fit_transform(np.array([[0.0], [1.0], [4.0]]))
    array([[0., 0.],
           [1., 0.],
           [1., 1.]], dtype=float32)
    """

    numbers: Literal["scaled", "piecewise_linear", "both"] = "both"
    n_bins: Several = 24
    max_categories: Several | None = 64
    min_frequency: Count | Annotated[float, Interval(Real, 0, 1, closed="neither")] | None = 5
    categorical_features: Literal["from_dtype"] | Sequence[Any] = "from_dtype"

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn medians, edges, levels and where there are gaps.

        Parameters
        ----------
        X
            A table or array, shape ``(n, n_features)``; gaps are NaN or None.
        y
            Not read.

        Raises
        ------
        DataError
            A column of numbers holds something else, or a column holds dates or durations.
        """
        self._validate_params()
        X = validate_data(self, _as_table(X), skip_check_array=True)
        self._is_category = self._find_categories(X)
        x = self._read_numbers(X)
        self._has_gaps = np.isnan(x).any(axis=0)
        known = [column[~np.isnan(column)] for column in x.T]
        self._center = np.array([np.median(v) if len(v) else 0.0 for v in known])
        self._scale = np.array([spread(v) for v in known])
        self._edges: list[Array] = []
        if self.numbers != "scaled":
            self._edges = [quantile_edges(v, self.n_bins).astype(float) for v in known]
        self._one_hot = None
        if self._is_category.any():
            self._one_hot = OneHotEncoder(
                max_categories=self.max_categories,
                min_frequency=self.min_frequency,
                handle_unknown="infrequent_if_exist",
                sparse_output=False,
                dtype=np.float32,
            ).fit(self._read_categories(X))
        self.n_features_out_ = len(self.get_feature_names_out())
        return self

    def transform(self, X: Any) -> Array:
        """Encode rows; shape ``(n, n_features_out_)``, float32.

        A gap in a number counts as the median, and as 0 in every piece; levels that are not known
        count as a rare one.
        """
        check_is_fitted(self)
        X = validate_data(self, _as_table(X), reset=False, skip_check_array=True)
        x = self._read_numbers(X)
        gaps = np.isnan(x)
        parts = [np.empty((len(x), 0))]
        if self.numbers != "piecewise_linear":
            filled = np.where(gaps, self._center, x)
            parts.append(robust_scale(filled, self._center, self._scale))
        if self.numbers != "scaled":
            for column, edges in zip(np.where(gaps, -np.inf, x).T, self._edges, strict=True):
                parts.append(np.clip((column[:, None] - edges[:-1]) / np.diff(edges), 0, 1))
        parts.append(gaps[:, self._has_gaps])
        if self._one_hot is not None:
            parts.append(self._one_hot.transform(self._read_categories(X)))
        return np.hstack(parts).astype(np.float32)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Name the columns that `transform` gives."""
        given = getattr(self, "feature_names_in_", [f"x{n}" for n in range(self.n_features_in_)])
        named = np.asarray(given, dtype=object)
        numbers, found = named[~self._is_category], []
        if self.numbers != "piecewise_linear":
            found += list(numbers)
        if self.numbers != "scaled":
            for name, edges in zip(numbers, self._edges, strict=True):
                found += [f"{name}_from_{edge:.6g}" for edge in edges[:-1]]
        found += [f"{name}_missing" for name in numbers[self._has_gaps]]
        if self._one_hot is not None:
            found += list(self._one_hot.get_feature_names_out(named[self._is_category]))
        return np.asarray(found, dtype=object)

    def _find_categories(self, X: Any) -> Array:
        """Mark the columns that are categories, shape ``(n_features,)``."""
        if isinstance(self.categorical_features, str):
            columns = _columns(X)
            kinds = [_kind(column) for column in columns]
            times = [str(getattr(columns[n], "name", n)) for n, k in enumerate(kinds) if k in "mM"]
            if times:
                raise DataError(
                    f"{', '.join(times)}: dates and durations are neither numbers nor categories; "
                    "make numbers of them (days since the first), or leave them out."
                )
            return np.array([kind not in "biuf" for kind in kinds], dtype=bool)
        names, given = list(getattr(self, "feature_names_in_", ())), list(self.categorical_features)
        marked = np.zeros(self.n_features_in_, dtype=bool)
        try:
            marked[[names.index(one) if isinstance(one, str) else one for one in given]] = True
        except (ValueError, IndexError) as error:
            raise DataError(
                f"categorical_features is {given}, but {error}: give names or numbers of columns."
            ) from error
        return marked

    def _read_numbers(self, X: Any) -> Array:
        """Give the columns of numbers as float64, NaN in gaps, shape ``(n, n_numbers)``."""
        read = np.empty((len(X), int((~self._is_category).sum())))
        for place, column in enumerate(_columns(X, ~self._is_category)):
            try:
                read[:, place] = np.asarray(column, dtype=float)
            except (TypeError, ValueError) as error:
                raise DataError(
                    f"Column {getattr(column, 'name', place)!r} is read as numbers, but {error}; "
                    "name it in categorical_features, or make it a category."
                ) from error
        if np.isinf(read).any():
            raise DataError("X has infinite values (inf); replace them or leave those rows out.")
        return read

    def _read_categories(self, X: Any) -> Array:
        """Give the columns of categories as text, None in gaps, shape ``(n, n_categories)``."""
        chosen = [np.asarray(column, dtype=object) for column in _columns(X, self._is_category)]
        read = np.stack(chosen, axis=1)
        # Gaps make floats of whole numbers, elsewhere or later.
        for place, value in np.ndenumerate(read):
            if isinstance(value, float | np.floating) and value.is_integer():
                read[place] = int(value)
        text = read.astype(str).astype(object)
        text[np.isin(text.astype(str), _GAPS)] = None
        return text

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def _as_table(X: Any) -> Any:
    """Give a table as it is, anything else as an array of two dimensions."""
    if hasattr(X, "columns") and len(X):
        return X
    return check_array(X, dtype=None, ensure_all_finite=False)


def _columns(X: Any, marked: Any = True) -> list[Any]:
    """Give all columns, or those that are marked."""
    columns = [X[name] for name in X.columns] if hasattr(X, "columns") else list(X.T)
    return [columns[place] for place in np.flatnonzero(np.broadcast_to(marked, len(columns)))]


def _kind(column: Any) -> str:
    """Give the kind of a column's type as NumPy has it, ``O`` for what is no number."""
    kind = str(getattr(column.dtype, "kind", "O"))
    if kind != "O" or hasattr(column, "cat"):
        return kind
    try:
        np.asarray(column, dtype=float)
    except (TypeError, ValueError):
        return "O"
    return "f"


def spread(known: Array) -> float:
    """Measure a column for `robust_scale`: its quartile range, else half its range, else 1."""
    if not len(known):
        return 1.0
    low, high = np.quantile(known, [0.25, 0.75])
    return float(high - low) or float(np.ptp(known)) / 2 or 1.0


def quantile_edges(known: Array, n_bins: int) -> Array:
    """Choose the edges of at most `n_bins` pieces, float32 and increasing.

    They are the distinct values where there are no more of them than edges, else quantiles, half of
    them of the rows and half of the distinct values: a skewed count would otherwise have all its
    edges at its few small values.
    """
    edges: Array = np.unique(known)
    if len(edges) > n_bins + 1:
        shares = np.linspace(0, 1, n_bins // 2 + 1)
        edges = np.concatenate([np.quantile(known, shares), np.quantile(edges, shares)])
    # Values are encoded in single precision, in which close edges may fall together.
    return np.unique(edges.astype(np.float32))


def _classifies(ensemble: MLPEnsemble) -> bool:
    return bool(is_classifier(ensemble.estimator))


@dataclass(eq=False, repr=False)
class MLPEnsemble(MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """The mean of networks that start from other seeds (Lakshminarayanan et al. 2017).

    They train as one stack. With early stopping of the estimator each sets other rows aside.

    Parameters
    ----------
    estimator
        `MLPClassifier` or `MLPRegressor`; never fitted itself.
    n_members
        How many networks.
    n_steps
        Steps that each network takes at the most: its epochs follow from the number of rows, at
        least 6 and at the most the estimator's `max_iter`. None is `max_iter` epochs.
    shares_weights
        Whether the networks share the weights of their hidden layers, as `shared_seed` says.
    random_state
        Seed of the first network, an integer or None; each of the others has the next one.

    Attributes
    ----------
    estimators_
        The fitted networks.
    classes_
        Classes, sorted, of a classifier.
    n_features_in_
        Number of inputs.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from crossfold.mlp import MLPClassifier
    >>> X, y = make_moons(200, noise=0.1, random_state=0)
    >>> model = MLPEnsemble(MLPClassifier(), n_members=3, random_state=0).fit(X, y)
    >>> len(model.estimators_), model.score(X, y) > 0.95
    (3, True)
    """

    estimator: BaseMLP
    _: KW_ONLY
    n_members: Count = 5
    n_steps: Count | None = None
    shares_weights: bool = False
    random_state: Annotated[Any, "random_state"] = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None) -> Self:
        """Train on inputs and targets, as `MLPClassifier.fit` or `MLPRegressor.fit` do.

        Rows of one group are set aside for early stopping together, where `groups`, shape ``(n,)``,
        are given.
        """
        self._validate_params()
        n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
        seed = draw_seed(self.random_state)
        own: dict[str, Any] = {"max_iter": self._epochs(n_rows)}
        if self.shares_weights:
            own["shared_seed"] = seed
        stack = FoldStack(
            clone_with(self.estimator, own),
            member_params=[{"random_state": seed + number} for number in range(self.n_members)],
        )
        everyone = np.arange(n_rows), np.empty(0, dtype=np.intp)
        stack.fit(X, y, [everyone], groups=groups, sample_weight=sample_weight)
        self.estimators_ = [member for [member] in stack.estimators_]
        self.n_features_in_ = self.estimators_[0].n_features_in_
        if _classifies(self):
            self.classes_ = self.estimators_[0].classes_
        return self

    def _epochs(self, n_rows: int) -> int:
        most = int(self.estimator.max_iter)
        if self.n_steps is None:
            return most
        steps = -(-n_rows // batch_rows(self.estimator.batch_size, n_rows))
        return min(most, max(_FEWEST_EPOCHS, round(self.n_steps / steps)))

    def predict(self, X: Any) -> Array:
        """Predict the class of the highest mean probability, or the mean of the values."""
        if not _classifies(self):
            return self._mean(lambda member: member.predict(X))
        p = self.predict_proba(X)
        predicted: Array = self.classes_[p.argmax(axis=1)]
        return predicted

    @available_if(_classifies)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:
        """Give the mean probability of each class, shape ``(n, n_classes)``."""
        return self._mean(lambda member: member.predict_proba(X))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Give accuracy or R²."""
        measure = accuracy_score if _classifies(self) else r2_score
        return float(measure(y, self.predict(X), sample_weight=sample_weight))

    def _mean(self, ask: Callable[[Any], Array]) -> Array:
        check_is_fitted(self)
        mean: Array = np.mean([ask(member) for member in self.estimators_], axis=0)
        return mean

    def __sklearn_tags__(self) -> Any:
        tags, own = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.estimator_type, tags.classifier_tags = own.estimator_type, own.classifier_tags
        tags.regressor_tags, tags.target_tags = own.regressor_tags, own.target_tags
        return tags


for _kind_of_step in (TabularEncoder, MLPEnsemble):
    _kind_of_step._parameter_constraints = constraints_of(_kind_of_step)

TABULAR: dict[str, Any] = {
    "hidden_layer_sizes": (96, 48),
    "activation": "silu",
    "solver": "adamw",
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.004,
    "alpha": 0.03,
    "dropout": 0.15,
    "max_iter": 60,
    "early_stopping": "loss",
    "validation_fraction": 0.15,
    "n_iter_no_change": float("inf"),
}
"""Chosen on half of the tables of ``benchmarks/tables.py``; of all epochs the best is kept."""

N_STEPS = 600
"""Steps of each network, whatever the number of rows."""

SEARCH_SPACE: dict[str, list[Any]] = {
    "dropout": [0.05, 0.15, 0.3],
    "learning_rate_init": [0.002, 0.008],
    "alpha": [0.03, 0.3],
}
"""Parameters of the networks in which candidates of a `GridStack` may share a stack."""
