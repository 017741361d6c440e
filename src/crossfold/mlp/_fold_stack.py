"""All folds of a cross-validation, and all its members, trained as one stacked network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import check_is_fitted

from crossfold.mlp._base import BaseMLP, clone_with, warn_if_unconverged
from crossfold.mlp._fold_data import (
    Fold,
    FoldData,
    Preparation,
    check_folds,
    is_several_tables,
    one_table_per_fold,
    pad_folds,
    score_out_of_fold,
    share_inputs,
    write_scores,
)
from crossfold.mlp._hyperparameters import (
    fit_into,
    make_member,
    make_network,
    make_settings,
    share_network,
    share_settings,
)
from crossfold.mlp._inputs import copy_features
from crossfold.mlp._spec import Array, Member, Network, Trained
from crossfold.mlp._summary import Text
from crossfold.mlp._targets import Targets
from crossfold.mlp.exceptions import DataError, DivergenceError, ParameterError
from crossfold.mlp.parallel import train_in_groups

Parameters = Mapping[str, Any]


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

    def __init__(
        self,
        estimator: BaseMLP,
        *,
        preprocessor: Any = None,
        sampler: Any = None,
        member_params: Sequence[Parameters] | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.preprocessor = preprocessor
        self.sampler = sampler
        self.member_params = member_params
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Any,
        y: Any,
        cv: Any = None,
        *,
        groups: Any = None,
        sample_weight: Any = None,
        fold_params: Sequence[Parameters] | None = None,
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
            Group of each row, for splitters that keep groups together.
        sample_weight
            Weight of each row, shape ``(n,)``, or None. Not together with a sampler.
        fold_params
            Parameters of each fold, over those of the estimator and under those of the member.

        Raises
        ------
        ParameterError, DataError, DivergenceError
            All of them ``ValueError``: what is wrong, and what is allowed.
        """
        if self.sampler is not None and sample_weight is not None:
            raise DataError("sample_weight cannot be used with a sampler, which makes new rows.")
        y = _check_targets(y)
        rows = self._split(X, y, cv, groups)
        estimators = self._clones(rows, fold_params)
        targets = estimators[0][0]._learn_targets(y)
        prepared = self._prepare(X, y, rows, sample_weight, targets)
        jobs = _list_jobs(estimators, prepared)
        trained = _train(jobs, targets, self.estimator._callbacks(), self.n_jobs)
        for job, result in zip(jobs, trained, strict=True):
            job.keep(result, targets)
        warn_if_unconverged(self.estimator, trained)
        self.estimators_ = estimators
        self.histories_ = [[one.history_ for one in member] for member in estimators]
        self.preprocessors_ = [fold.preprocessor for fold in prepared]
        scored = [
            score_out_of_fold(member, of_folds, prepared, y)
            for member, of_folds in enumerate(estimators)
        ]
        self.out_of_fold_ = [one.outputs[:, 0] if targets.flat else one.outputs for one in scored]
        self.folds_ = rows
        self.fold_scores_ = np.array([one.fold_scores for one in scored])
        self._scores = [one.score for one in scored]
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
        return write_scores(self.estimators_, self.folds_, self.fold_scores_, self._scores)

    def _split(self, X: Any, y: Array, cv: Any, groups: Any) -> list[Fold]:
        splitter = check_cv(cv, y, classifier=is_classifier(self.estimator))
        table = X[0] if is_several_tables(X) else X
        return check_folds(splitter.split(table, y, groups), len(y))

    def _clones(
        self, folds: Sequence[Fold], fold_params: Sequence[Parameters] | None
    ) -> list[list[BaseMLP]]:
        of_folds = [{}] * len(folds) if fold_params is None else fold_params
        if len(of_folds) != len(folds):
            raise ParameterError(f"fold_params has {len(of_folds)} entries for {len(folds)} folds.")
        return [
            [clone_with(self.estimator, {**of_fold, **of_member}) for of_fold in of_folds]
            for of_member in self.member_params or [{}]
        ]

    def _prepare(
        self, X: Any, y: Array, folds: Sequence[Fold], sample_weight: Any, targets: Targets
    ) -> list[FoldData]:
        tables = one_table_per_fold(X, len(folds))
        for table in tables:
            check_consistent_length(table, y)
        template = self.estimator
        weights = template._check_weights(sample_weight, y)
        if self.preprocessor is None and self.sampler is None:
            encoded = targets.encode(y, template.dtype)
            prepared = share_inputs(tables, folds, encoded, weights, template.dtype)
        else:
            preparation = Preparation(self.preprocessor, self.sampler, targets, template.dtype)
            prepared = [
                preparation.prepare(table, y, weights, fold)
                for table, fold in zip(tables, folds, strict=True)
            ]
        return pad_folds(prepared)


@dataclass(frozen=True)
class _Job:
    """One network of the stack: its estimator, its rows, and its place (member, fold)."""

    estimator: BaseMLP
    fold: FoldData
    place: tuple[int, int]

    def network(self, targets: Targets) -> Network:
        return make_network(self.estimator, self.fold.features.n_features_in_, targets)

    def member(self, targets: Targets) -> Member:
        fold = self.fold
        validation_rows = fold.validation_rows if len(fold.validation_rows) else None
        member = make_member(
            self.estimator, targets, fold.data_set, fold.train_rows, validation_rows
        )
        return replace(member, place=self.place)

    def keep(self, trained: Trained, targets: Targets) -> None:
        copy_features(self.fold.features, self.estimator)
        try:
            self.estimator._keep(trained, targets)
        except DivergenceError as error:
            member, fold = self.place
            raise DivergenceError(f"Member {member}, fold {fold}: {error}") from error


def _list_jobs(estimators: Sequence[Sequence[BaseMLP]], folds: Sequence[FoldData]) -> list[_Job]:
    """List all networks, member by member."""
    return [
        _Job(estimator, fold, (member, number))
        for member, of_folds in enumerate(estimators)
        for number, (estimator, fold) in enumerate(zip(of_folds, folds, strict=True))
    ]


def _train(
    jobs: Sequence[_Job], targets: Targets, callbacks: Sequence[Any], n_jobs: int | None
) -> list[Trained]:
    """Train all networks as one stack."""
    networks = [job.network(targets) for job in jobs]
    network = share_network(networks)
    settings = share_settings([make_settings(job.estimator, callbacks) for job in jobs])
    data_sets = {id(job.fold.data_set): job.fold.data_set for job in jobs}
    numbers = {key: number for number, key in enumerate(data_sets)}
    members = [
        replace(fit_into(job.member(targets), own, network), data=numbers[id(job.fold.data_set)])
        for job, own in zip(jobs, networks, strict=True)
    ]
    return train_in_groups(network, list(data_sets.values()), members, settings, n_jobs)


def _check_targets(y: Any) -> Array:
    checked: Array = check_array(y, ensure_2d=False, dtype=None)
    return checked[:, 0] if checked.ndim == 2 and checked.shape[1] == 1 else checked
