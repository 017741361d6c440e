"""All folds of a cross-validation, and all its members, trained as one stacked network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy, deepcopy
from dataclasses import KW_ONLY, dataclass, replace
from itertools import repeat
from typing import Any, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing, check_array, check_consistent_length
from sklearn.utils.validation import check_is_fitted

from crossfold.mlp._base import BaseMLP, clone_with, require_network, warn_if_unconverged
from crossfold.mlp._data import Targets, check_inputs, copy_features, stack_rows
from crossfold.mlp._hyperparameters import (
    make_member,
    make_network,
    make_settings,
    share_network,
    share_settings,
)
from crossfold.mlp._spec import Array, DataSet, Rows, Trained
from crossfold.mlp._summary import Text
from crossfold.mlp.exceptions import DataError, DivergenceError, ParameterError
from crossfold.mlp.parallel import train_in_groups

Parameters = Mapping[str, Any]


@dataclass(eq=False, repr=False)
class FoldStack(BaseEstimator):  # type: ignore[misc]
    """Trains an estimator on every fold, for every member, all at once.

    The result is that of training clones one by one, to rounding; only the time differs. Folds may
    be of unequal size. Classes are learnt from all of `y`, so that every network has an output for
    each of them.

    Parameters
    ----------
    estimator
        `MLPClassifier` or `MLPRegressor`; never fitted itself.
    preprocessor
        Transformer of scikit-learn, cloned and fitted on each fold's training rows, or None.
    sampler
        Sampler of imbalanced-learn, applied to each fold's preprocessed training rows, or None.
    member_params
        Parameters of each member, over those of the estimator; every fold is trained once for
        each. Members may differ in ``random_state``, ``learning_rate_init``, ``dropout``,
        ``alpha``, ``l1``, ``init``, ``class_weight``, ``focal_gamma``, in the loss
        ``cross_entropy`` or ``focal``, and in the widths of their hidden layers. None is one
        member.
    n_jobs
        Groups of networks that are trained at the same time, by processes of this machine or by
        what ``joblib.parallel_config`` names: ``loky``, ``dask``, ``ray``. None is one group, or
        what it says there; -1 is one for each processor. Callbacks are copied for each group, and
        those with a method ``join``, as an `EpochLog`, are handed their copies in the end.

    Attributes
    ----------
    estimators_
        Fitted estimators, ``estimators_[member][fold]``.
    histories_
        `History` of each, ``histories_[member][fold]``.
    out_of_fold_
        For each member, predictions for rows by the networks that were not trained on them: the
        probability of class 1 of two, shape ``(n,)``; of each class or label, shape
        ``(n, n_classes)``; or values in the shape of `y`. The mean where folds overlap, NaN where
        a row is in no fold's validation rows.
    preprocessors_
        Fitted preprocessor of each fold, or None.
    folds_
        Row numbers ``(training, validation)`` of each fold.
    fold_scores_
        Accuracy or R² on each fold's validation rows, shape ``(members, folds)``; NaN where there
        are none.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklearn.model_selection import StratifiedKFold
    >>> from sklearn.preprocessing import StandardScaler
    >>> from crossfold.mlp import MLPClassifier
    >>> X, y = make_moons(200, noise=0.1, random_state=0)
    >>> stack = FoldStack(
    ...     MLPClassifier(),
    ...     preprocessor=StandardScaler(),
    ...     member_params=[{"random_state": 0}, {"random_state": 1}],
    ... ).fit(X, y, cv=StratifiedKFold(5, shuffle=True, random_state=0))
    >>> len(stack.estimators_), len(stack.estimators_[0]), stack.out_of_fold_[0].shape
    (2, 5, (200,))
    >>> stack.score() > 0.9
    True
    """

    estimator: BaseMLP
    _: KW_ONLY
    preprocessor: Any = None
    sampler: Any = None
    member_params: Sequence[Parameters] | None = None
    n_jobs: int | None = None

    def fit(
        self,
        X: Any,
        y: Any,
        cv: Any = None,
        *,
        groups: Any = None,
        sample_weight: Any = None,
        fold_params: Sequence[Parameters] | None = None,
        stop_on_validation: bool = False,
    ) -> Self:
        """Train every member on every fold.

        Parameters
        ----------
        X
            Inputs, shape ``(n, n_features)``, or a sequence of one such table for each fold; the
            same object repeated is kept once.
        y
            Classes, labels or values of the ``n`` rows.
        cv
            Number of folds, a splitter of scikit-learn, or pairs of training and validation rows:
            row numbers, or a mask of all rows. Validation rows may be empty. None is five folds;
            a number of folds is stratified by class and not shuffled, as in scikit-learn.
        groups
            Group of each row, for splitters that keep groups together; rows that are set aside for
            early stopping are whole groups too, but not together with a sampler.
        sample_weight
            Weight of each row, shape ``(n,)``, or None. Not together with a sampler.
        fold_params
            Parameters of each fold, over those of the estimator and under those of the member.
        stop_on_validation
            Whether early stopping looks at each fold's validation rows, and none are set aside: for
            validation rows that are not to judge the network.

        Raises
        ------
        ParameterError, DataError, DivergenceError
            All of them ``ValueError``: what is wrong, and what is allowed.
        """
        require_network(self.estimator)
        if self.sampler is not None and sample_weight is not None:
            raise DataError("sample_weight cannot be used with a sampler, which makes new rows.")
        kind = "numeric" if self.estimator._y_numeric else None
        y = check_array(y, ensure_2d=False, dtype=kind, input_name="y")
        y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
        check_consistent_length(y, groups)
        rows = self._split(X, y, cv, groups)
        estimators = self._clones(rows, fold_params)
        targets = estimators[0][0]._learn_targets(y)
        weights = self.estimator._check_weights(sample_weight, y)
        for number, (train_rows, _) in enumerate(rows):
            if weights is not None and not weights[train_rows].any():
                raise DataError(f"fold {number} has no training row with a weight above 0.")
        given = DataSet(X, y, weights, None if groups is None else np.asarray(groups))
        prepared = self._prepare(given, rows, targets)
        trained = self._train(estimators, prepared, targets, not stop_on_validation)
        warn_if_unconverged(self.estimator, trained)
        self.estimators_ = estimators
        self.histories_ = [[one.history_ for one in member] for member in estimators]
        self.preprocessors_ = [fold.preprocessor for fold in prepared]
        scored = [
            score_out_of_fold(member, of_folds, prepared, y)
            for member, of_folds in enumerate(estimators)
        ]
        outputs, of_folds, scores = zip(*scored, strict=True)
        self.out_of_fold_ = [one[:, 0] if targets.flat else one for one in outputs]
        self.folds_, self.fold_scores_ = rows, np.array(of_folds)
        self._scores: list[float] = list(scores)
        return self

    def score(self, member: int = 0) -> float:
        """Return a member's out-of-fold accuracy or, of a regressor, R²; all folds in one figure.

        Each row counts once, by the mean prediction of the networks that were not trained on it.
        """
        check_is_fitted(self)
        return self._scores[member]

    def summary(self) -> Text:
        """Tabulate rows, epochs and score of every member and fold, as text."""
        check_is_fitted(self)
        is_regression = self.estimators_[0][0]._targets.head == "regression"
        header = ("member", "fold", "training rows", "validation rows", "epochs")
        lines = [_ROW.format(*header, "R²" if is_regression else "accuracy")]
        for member, networks in enumerate(self.estimators_):
            rows = zip(networks, self.folds_, self.fold_scores_[member], strict=True)
            for number, (network, fold, score) in enumerate(rows):
                counts = (f"{len(own):,}" for own in fold)
                lines += [_ROW.format(member, number, *counts, network.n_iter_, _number(score))]
            lines += [_ROW.format(member, "all", "", "", "", _number(self._scores[member]))]
        return Text("".join(lines))

    def _split(self, X: Any, y: Array, cv: Any, groups: Any) -> list[Fold]:
        splitter = check_cv(cv, y, classifier=is_classifier(self.estimator))
        split = splitter.split(X[0] if is_several_tables(X) else X, y, groups)
        folds = [as_rows(fold, len(y), number) for number, fold in enumerate(split)]
        if not folds:
            raise DataError(
                "cv has no folds: give at least one pair of training and validation rows."
            )
        return folds

    def _clones(
        self, folds: Sequence[Fold], fold_params: Sequence[Parameters] | None
    ) -> list[list[BaseMLP]]:
        members = self.member_params or [{}]
        if fold_params is None:
            firsts = [clone_with(self.estimator, own) for own in members]
            # Callbacks are shared. To copy takes a tenth of the time of to clone and to check.
            return [
                [deepcopy(one, {id(one.callbacks): one.callbacks}) for _ in folds] for one in firsts
            ]
        if len(fold_params) != len(folds):
            n_entries = len(fold_params)
            raise ParameterError(f"fold_params has {n_entries} entries for {len(folds)} folds.")
        return [
            [clone_with(self.estimator, {**of_fold, **of_member}) for of_fold in fold_params]
            for of_member in members
        ]

    def _prepare(self, given: DataSet, folds: Sequence[Fold], targets: Targets) -> list[FoldData]:
        """Make what each fold reads of the rows as they were given: one table, or one a fold."""
        X, dtype = given.inputs, self.estimator.dtype
        tables = list(X) if is_several_tables(X) else [X] * len(folds)
        if len(tables) != len(folds):
            raise DataError(f"X is a sequence of {len(X)} tables for {len(folds)} folds.")
        for table in tables:
            check_consistent_length(table, given.targets)
        pairs = zip(tables, folds, strict=True)
        if self.preprocessor is not None or self.sampler is not None:
            return [
                self._prepare_fold(replace(given, inputs=x), fold, targets) for x, fold in pairs
            ]
        encoded = replace(given, targets=targets.encode(given.targets, dtype))
        shared: dict[int, tuple[DataSet, BaseMLP]] = {}
        prepared = []
        for table, fold in pairs:
            if id(table) not in shared:
                inputs, features = self._check_features(table)
                shared[id(table)] = replace(encoded, inputs=inputs), features
            data_set, features = shared[id(table)]
            prepared.append(FoldData(data_set, *fold, fold[1], features))
        return prepared

    def _check_features(self, X: Any, preprocessor: Any = None) -> tuple[Array, BaseMLP]:
        """Check inputs as the preprocessor made them; what is given beside them knows them."""
        features = copy(self.estimator)
        checked = check_inputs(features, X, dtype=features.dtype, source=preprocessor)
        return checked, features

    def _train(
        self,
        estimators: Sequence[Sequence[BaseMLP]],
        folds: Sequence[FoldData],
        targets: Targets,
        may_set_aside: bool,
    ) -> list[Trained]:
        """Train all networks as one stack, and let each estimator keep what it has learnt."""
        jobs = [
            (estimator, fold, (member, number))
            for member, of_folds in enumerate(estimators)
            for number, (estimator, fold) in enumerate(zip(of_folds, folds, strict=True))
        ]
        callbacks = self.estimator._callbacks()
        settings = share_settings([make_settings(one, callbacks) for one, _, _ in jobs])
        networks = [
            make_network(one, fold.features.n_features_in_, targets) for one, fold, _ in jobs
        ]
        network = share_network(networks)
        given = {id(fold.data_set): fold.data_set for fold in folds}
        with ThreadPoolExecutor() as pool:
            data_sets = [*pool.map(pad, given.values(), repeat(network.layer_sizes[0]))]
        numbers = {key: number for number, key in enumerate(given)}
        members = []
        for (estimator, fold, place), own in zip(jobs, networks, strict=True):
            rows = fold.train_rows, fold.validation_rows
            member = make_member(
                estimator, targets, fold.data_set, *rows, may_set_aside=may_set_aside
            )
            number = numbers[id(fold.data_set)]
            members.append(replace(member, data=number, layer_sizes=own.layer_sizes, place=place))
        trained = train_in_groups(network, data_sets, members, settings, self.n_jobs)
        for (estimator, fold, place), result in zip(jobs, trained, strict=True):
            copy_features(fold.features, estimator)
            try:
                estimator._keep(result, targets)
            except DivergenceError as error:
                where = "Member {}, fold {}".format(*place)
                raise DivergenceError(f"{where}: {error}") from error
        return trained

    def _prepare_fold(self, given: DataSet, fold: Fold, targets: Targets) -> FoldData:
        """Fit preprocessor and sampler on the training rows; validation rows are not resampled."""
        (train_rows, validation_rows), y = fold, given.targets
        inputs, validated, fitted = (*(_safe_indexing(given.inputs, rows) for rows in fold), None)
        if self.preprocessor is not None:
            fitted = clone(self.preprocessor)
            inputs = fitted.fit_transform(inputs, y[train_rows])
            validated = fitted.transform(validated) if len(validation_rows) else validated
        train_y = y[train_rows]
        if self.sampler is not None:
            inputs, train_y = clone(self.sampler).fit_resample(inputs, train_y)
        inputs, features = self._check_features(inputs, fitted)
        if len(validation_rows):
            inputs = stack_rows(inputs, self._check_features(validated, fitted)[0])
        data_set = DataSet(
            inputs,
            targets.encode(np.concatenate([train_y, y[validation_rows]]), features.dtype),
            None if given.weights is None else given.weights[np.concatenate(fold)],
            # Nobody knows the groups of rows that a sampler made.
            None if given.groups is None or self.sampler else given.groups[np.concatenate(fold)],
        )
        learnt, scored = np.split(np.arange(inputs.shape[0]), [len(train_y)])
        return FoldData(data_set, learnt, scored, validation_rows, features, fitted)


Fold = tuple[Rows, Rows]
_ROW = "{:>6}  {:>4}  {:>13}  {:>15}  {:>6}  {:>8}\n"


@dataclass(frozen=True)
class FoldData:
    """What one fold trains and is scored on; folds that read the same inputs share the data set.

    Rows are numbers in the data set, `scored_rows` the validation rows' numbers in the caller's
    inputs. `features` knows the fold's own; the preprocessor is fitted on the training rows, or
    None.
    """

    data_set: DataSet
    train_rows: Rows
    validation_rows: Rows
    scored_rows: Rows
    features: BaseMLP
    preprocessor: Any = None


def _row_numbers(rows: Any, n_rows: int, number: int) -> Rows:
    """Read row numbers from row numbers or a mask; nothing is cut to whole numbers."""
    given = np.asarray(rows)
    if given.dtype == bool and given.shape == (n_rows,):
        return np.flatnonzero(given)
    if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
        raise DataError(
            f"fold {number} has rows of shape {given.shape} and type {given.dtype}: give whole row "
            f"numbers, or a mask of True and False for each of the {n_rows} rows."
        )
    return given.astype(np.intp)


def as_rows(fold: Any, n_rows: int, number: int) -> Fold:
    """Read a fold as two arrays of row numbers; a row must not be on both sides of it."""
    train_rows, validation_rows = (_row_numbers(rows, n_rows, number) for rows in fold)
    both = np.concatenate([train_rows, validation_rows])
    if not len(train_rows) or both.min() < 0 or both.max() >= n_rows:
        raise DataError(
            f"fold {number} has no training rows, or row numbers outside 0 to {n_rows - 1}."
        )
    on_both = np.zeros((2, n_rows), dtype=bool)
    on_both[0, train_rows] = on_both[1, validation_rows] = True
    if shared := np.count_nonzero(on_both.all(axis=0)):
        raise DataError(f"fold {number} has {shared} rows in both training and validation.")
    return train_rows, validation_rows


def is_several_tables(X: Any) -> bool:
    """Tell whether inputs are a sequence of tables, one for each fold."""
    return isinstance(X, (list, tuple)) and len(X) > 0 and getattr(X[0], "ndim", 0) == 2


def pad(data_set: DataSet, width: int) -> DataSet:
    """Append columns of zeros to inputs, so that all folds have the same width."""
    missing = width - data_set.inputs.shape[1]
    if not missing:
        return data_set
    if issparse(data_set.inputs):
        wider = data_set.inputs.copy()
        wider.resize(wider.shape[0], width)
        return replace(data_set, inputs=wider)
    return replace(data_set, inputs=np.pad(data_set.inputs, ((0, 0), (0, missing))))


def score_out_of_fold(
    member: int, estimators: Sequence[BaseMLP], folds: Sequence[FoldData], y: Array
) -> tuple[Array, Array, float]:
    """Predict and score each fold's validation rows with its network.

    Gives the mean of the outputs, shape ``(n, n_outputs)``, NaN for rows in no fold; accuracy or R²
    of each fold's validation rows ``(n_folds,)``; and of those outputs.
    """
    targets, dtype = estimators[0]._targets, estimators[0].dtype
    total = np.zeros((len(y), targets.n_outputs), dtype=dtype)
    times = np.zeros((len(y), 1), dtype=dtype)
    scores = np.full(len(folds), np.nan)
    for number, (estimator, fold) in enumerate(zip(estimators, folds, strict=True)):
        if not len(fold.validation_rows):
            continue
        try:
            outputs = estimator._outputs_of(fold.data_set.inputs[fold.validation_rows])
        except DivergenceError as error:
            raise DivergenceError(f"Member {member}, fold {number}: {error}") from error
        total[fold.scored_rows] += outputs
        times[fold.scored_rows] += 1
        scores[number] = _score(targets, y[fold.scored_rows], outputs)
    mean = np.divide(total, times, out=np.full_like(total, np.nan), where=times > 0)
    known = times[:, 0] > 0
    return mean, scores, _score(targets, y[known], mean[known])


def _score(targets: Targets, y: Array, outputs: Array) -> float:
    """Compute accuracy or R²; NaN where there are too few rows for it."""
    if targets.head != "regression":
        return float(accuracy_score(y, targets.decode(outputs))) if len(y) else np.nan
    return float(r2_score(y, outputs)) if len(y) > 1 else np.nan


def _number(score: float) -> str:
    return "" if np.isnan(score) else f"{score:.4f}"
