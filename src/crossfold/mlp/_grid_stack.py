"""A grid search that trains folds × candidates as few stacks."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Self

import numpy as np
from scipy.stats import rankdata
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import GridSearchCV, ParameterGrid, check_cv
from sklearn.pipeline import make_pipeline
from sklearn.utils import _safe_indexing

from crossfold.mlp._base import BaseMLP, clone_with, require_network
from crossfold.mlp._data import Values
from crossfold.mlp._fold_stack import FoldStack
from crossfold.mlp._hyperparameters import hidden_sizes, make_network, make_settings
from crossfold.mlp._spec import Callback, DataSet, EpochEvent, Member
from crossfold.mlp.exceptions import ParameterError

Grid = Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Sequence[Any]]]

_logger = logging.getLogger("crossfold.mlp")


@dataclass(frozen=True)
class Stacked:
    """What one stack of a grid search held.

    Attributes
    ----------
    candidates
        Numbers of the candidates in ``cv_results_["params"]``.
    hidden_layer_sizes
        Units of each hidden layer; of the widest candidate, where widths were masked.
    n_folds
        Folds that every candidate was trained on.
    seconds
        Wall-clock seconds of training.
    """

    candidates: tuple[int, ...]
    hidden_layer_sizes: tuple[int, ...]
    n_folds: int
    seconds: float

    @property
    def n_networks(self) -> int:
        """Networks that were trained at once."""
        return len(self.candidates) * self.n_folds


class GridStack(GridSearchCV):  # type: ignore[misc]
    """Searches a grid as scikit-learn's `GridSearchCV` does, folds × candidates as few stacks.

    Candidates share a stack where their networks have the same shape, activation, loss and settings
    of training; they may differ in what members of a `FoldStack` may differ in. With an integer
    ``random_state`` the scores are those of `GridSearchCV` on the same estimator, to rounding.
    Prediction, ``cv_results_``, ``best_params_``, ``best_estimator_`` and so on are those of
    `GridSearchCV` for one score; times are a stack's, divided by its networks.

    Parameters
    ----------
    estimator
        `MLPClassifier` or `MLPRegressor`.
    param_grid
        Lists of values by name of parameter, or several such grids.
    preprocessor
        Transformer of scikit-learn, cloned and fitted on each fold's training rows, or None. With
        one, ``best_estimator_`` is a pipeline of it and the network.
    scoring
        Name of a score, or a function ``(model, X, y)``; None for the estimator's own.
    cv
        Splitter, number of folds, or pairs of training and validation rows, as in scikit-learn.
    refit
        Whether to train the best candidate on all rows in the end.
    mask_widths
        Whether candidates whose hidden layers differ in width only share a stack, the narrower ones
        masked: fewer stacks, but each costs what its widest candidate does.
    n_jobs
        Groups of networks that are trained at the same time, as in `FoldStack`; 1 with `factor`.
    factor
        More than 1 for successive halving (Jamieson and Talwalkar 2016) inside each stack: after
        `min_resources` epochs, and again whenever `factor` times as many are over, one candidate
        in `factor` trains on, and the others end in all their folds. None trains all to the end.
        Compared are mean squared errors of values or of probabilities (Brier scores), means over
        the folds, on the validation rows, or those that early stopping sets aside. Learning rates
        are laid out over all epochs, so that under ``one_cycle`` an early error is a noisy guide.
    min_resources
        Epochs after which the first leave; None for `max_iter` / `factor`, when they leave once.

    Attributes
    ----------
    cv_results_
        As of `GridSearchCV`. With `factor`, ``n_resources`` has the epochs after which a candidate
        left, or its `max_iter`; who left has the scores of then, and ranks behind all who did not.
    stacks_
        `Stacked` for each stack; they are logged as one line.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from crossfold.mlp import MLPClassifier
    >>> X, y = make_moons(200, noise=0.1, random_state=0)
    >>> network = MLPClassifier((16,), learning_rate="one_cycle", max_iter=30, random_state=0)
    >>> grid = {"learning_rate_init": [0.001, 0.01, 0.1], "alpha": [0.0, 1.0]}
    >>> search = GridStack(network, grid, cv=5).fit(X, y)
    >>> search.best_params_["learning_rate_init"], [one.n_networks for one in search.stacks_]
    (0.1, [30])
    """

    def __init__(
        self,
        estimator: BaseMLP,
        param_grid: Grid,
        *,
        preprocessor: Any = None,
        scoring: Any = None,
        cv: Any = None,
        refit: bool = True,
        mask_widths: bool = False,
        n_jobs: int | None = None,
        factor: float | None = None,
        min_resources: int | None = None,
    ) -> None:
        super().__init__(estimator, param_grid, scoring=scoring, cv=cv, refit=refit, n_jobs=n_jobs)
        self.preprocessor = preprocessor
        self.mask_widths = mask_widths
        self.factor = factor
        self.min_resources = min_resources

    def fit(self, X: Any, y: Any, *, groups: Any = None) -> Self:
        """Train and score every candidate on every fold, then refit the best.

        Parameters
        ----------
        X, y
            Inputs, shape ``(n, n_features)``, and classes or values of the rows.
        groups
            Group of each row, as in `FoldStack.fit`.

        Raises
        ------
        ParameterError, DataError, DivergenceError
            As `FoldStack.fit`.
        """
        require_network(self.estimator)
        if not (self.scoring is None or isinstance(self.scoring, str) or callable(self.scoring)):
            raise ParameterError(f"scoring is {self.scoring!r}: a GridStack ranks by one score.")
        splitter = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        folds = list(splitter.split(X, y, groups))
        self.scorer_ = check_scoring(self.estimator, scoring=self.scoring)
        self.multimetric_ = False
        self.n_splits_ = len(folds)
        candidates = list(ParameterGrid(self.param_grid))
        if not candidates:
            raise ParameterError("param_grid has no candidates: give at least one grid.")
        self.cv_results_ = self._search(X, y, groups, folds, candidates)
        texts = [
            f"{len(one.candidates)} candidates × {one.n_folds} folds of hidden layers "
            f"{one.hidden_layer_sizes} ({one.n_networks} networks, {one.seconds:.1f} s)"
            for one in self.stacks_
        ]
        _logger.info(f"GridStack trained {len(texts)} stacks: {'; '.join(texts)}.")
        self.best_index_ = int(self.cv_results_["rank_test_score"].argmin())
        self.best_params_ = candidates[self.best_index_]
        self.best_score_ = self.cv_results_["mean_test_score"][self.best_index_]
        if self.refit:
            started = perf_counter()
            network = clone_with(self.estimator, self.best_params_)
            preprocessor = None if self.preprocessor is None else clone(self.preprocessor)
            self.best_estimator_ = _piped(preprocessor, network).fit(X, y)
            self.refit_time_ = perf_counter() - started
            if hasattr(self.best_estimator_, "feature_names_in_"):
                self.feature_names_in_ = self.best_estimator_.feature_names_in_
        return self

    def _search(
        self, X: Any, y: Any, groups: Any, folds: Sequence[Any], candidates: list[dict[str, Any]]
    ) -> dict[str, Any]:
        networks = [clone_with(self.estimator, candidate) for candidate in candidates]
        if any(network.shared_seed is not None for network in networks):
            raise ParameterError("Candidates of a GridStack share no weights: shared_seed is None.")
        if self.factor is not None and any(network.solver == "lbfgs" for network in networks):
            raise ParameterError("solver='lbfgs' has no epochs to halve after: factor is None.")
        n_resources = np.array([network.max_iter for network in networks])
        found: dict[tuple[int, int], dict[str, float]] = {}
        self.stacks_: list[Stacked] = []
        # Scores after each epoch are read by callbacks alone.
        looks = bool(self.estimator._callbacks()) or self.factor is not None
        trained_on = [(train, rows if looks else rows[:0]) for train, rows in folds]
        for group in group_candidates(networks, mask_widths=self.mask_widths):
            members = [candidates[number] for number in group]
            halving = [] if self.factor is None else [Halving(self.factor, self.min_resources)]
            started = perf_counter()
            stack = FoldStack(
                networks[group[0]].set_params(callbacks=[*self.estimator.callbacks, *halving]),
                preprocessor=self.preprocessor,
                member_params=members,
                n_jobs=self.n_jobs if self.factor is None else 1,
            ).fit(X, y, trained_on, groups=groups)
            seconds = perf_counter() - started
            for one in halving:
                n_resources[group] = one.n_resources
            for number, fitted in zip(group, stack.estimators_, strict=True):
                for fold, (_, rows) in enumerate(folds):
                    started = perf_counter()
                    model = _piped(stack.preprocessors_[fold], fitted[fold])
                    found[number, fold] = {
                        "test_scores": self.scorer_(
                            model, _safe_indexing(X, rows), _safe_indexing(y, rows)
                        ),
                        "fit_time": seconds / (len(group) * len(folds)),
                        "score_time": perf_counter() - started,
                    }
            sizes = tuple(np.max([hidden_sizes(networks[number]) for number in group], axis=0))
            self.stacks_.append(Stacked(tuple(group), tuple(map(int, sizes)), len(folds), seconds))
        results: dict[str, Any] = self._format_results(
            candidates, len(folds), [found[place] for place in sorted(found)]
        )
        if self.factor is not None:
            has_left = n_resources < [network.max_iter for network in networks]
            ranks = rankdata(results["rank_test_score"] + has_left * len(networks), method="min")
            results |= {"n_resources": n_resources, "rank_test_score": ranks.astype(np.int32)}
        return results


class Halving(Callback):
    """Ends the training of a stack's worst candidates, as `GridStack` describes.

    `n_resources` has the epochs of each candidate in the stack, shape ``(n_candidates,)``.
    """

    def __init__(self, factor: float, min_resources: int | None) -> None:
        if not factor > 1 or (min_resources is not None and min_resources < 1):
            raise ParameterError(
                f"factor is {factor!r} and min_resources {min_resources!r}: give a factor above "
                "1, and at least 1 epoch; None for either."
            )
        self.factor = factor
        self.min_resources = min_resources

    def on_train_begin(
        self, members: Sequence[Member], data_sets: Sequence[DataSet], max_iter: int
    ) -> None:
        """Let all candidates run until the first are due to leave."""
        n_candidates = members[-1].place[0] + 1
        self.n_resources = np.full(n_candidates, max_iter)
        self._errors = np.full((n_candidates, len(members) // n_candidates), np.nan)
        self._due: float = self.min_resources or math.ceil(max_iter / self.factor)

    def on_epoch_end(self, event: EpochEvent) -> list[int]:
        """Note the errors of who is running, and give who stops here."""
        pairs: Any = zip(event.validation_outputs(), event.validation_targets(), strict=True)
        self._errors.flat[event.members] = [np.mean((own - true) ** 2) for own, true in pairs]
        if not self._due <= event.epoch < event.max_iter:
            return []
        self._due *= self.factor
        running = np.flatnonzero(self.n_resources == event.max_iter)
        best_first = running[np.argsort(self._errors[running].mean(axis=1), kind="stable")]
        leaving = best_first[math.ceil(len(running) / self.factor) :]
        self.n_resources[leaving] = event.epoch
        indices = np.arange(self._errors.size).reshape(self._errors.shape)
        return indices[leaving].ravel().tolist()


def group_candidates(networks: Sequence[BaseMLP], *, mask_widths: bool) -> list[list[int]]:
    """Group the numbers of networks that can be trained as one stack, in their order."""
    traits: list[Any] = []
    groups: list[list[int]] = []
    for number, network in enumerate(networks):
        shared = make_network(network, 1, Values(1, flat=True))
        sizes = shared.layer_sizes[1:-1]
        loss = "cross_entropy" if shared.loss == "focal" else shared.loss
        shape = len(sizes) if mask_widths else sizes
        own = shape, replace(shared, layer_sizes=(), loss=loss), make_settings(network)
        if own not in traits:
            traits.append(own)
            groups.append([])
        groups[traits.index(own)].append(number)
    return groups


def _piped(preprocessor: Any, network: BaseMLP) -> Any:
    return network if preprocessor is None else make_pipeline(preprocessor, network)
