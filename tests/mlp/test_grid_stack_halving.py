"""Successive halving leaves the trainings of those who stay as they are, and ends the others."""

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_moons
from sklearn.model_selection import StratifiedKFold

from crossfold.mlp import GridStack, MLPClassifier, MLPRegressor
from crossfold.mlp.callbacks import Callback, EpochEvent
from crossfold.mlp.exceptions import ParameterError

X, Y = make_moons(150, noise=0.3, random_state=0)
CV = StratifiedKFold(4, shuffle=True, random_state=1)
GRID = {"learning_rate_init": [0.0001, 0.1, 0.01], "alpha": [0.0, 0.01, 3.0]}
ENGINES = pytest.mark.parametrize("engine", ["numpy", "torch"])


class Counter(Callback):
    """Counts the epochs of all networks."""

    n_epochs = 0

    def on_epoch_end(self, event: EpochEvent) -> None:
        self.n_epochs += len(event.members)


def network(**changes: Any) -> MLPClassifier:
    settings = {"max_iter": 9, "learning_rate": "constant", "n_iter_no_change": np.inf}
    return MLPClassifier((8, 4), batch_size=16, random_state=3, **{**settings, **changes})


def search(of: Any, grid: Any = GRID, **options: Any) -> tuple[GridStack, dict[Any, Any]]:
    """Search without refit, and give the weights of every candidate and fold beside it."""
    learnt: dict[Any, list[np.ndarray]] = {}

    def score(model: Any, inputs: np.ndarray, targets: np.ndarray) -> float:
        names = ("learning_rate_init", "alpha", "hidden_layer_sizes", "max_iter")
        own = tuple(getattr(model, name) for name in names)
        learnt.setdefault(own, []).extend(model.coefs_)
        return model.score(inputs, targets)

    return GridStack(of, grid, cv=CV, scoring=score, refit=False, **options).fit(X, Y), learnt


def scores(found: GridStack, candidates: Any) -> np.ndarray:
    names = [f"split{fold}_test_score" for fold in range(4)]
    return np.array([found.cv_results_[name] for name in names])[:, candidates]


@ENGINES
@pytest.mark.parametrize(
    "changes",
    [{}, {"learning_rate": "one_cycle", "dropout": 0.2}, {"early_stopping": "loss"}],
    ids=["constant", "one_cycle", "early_stopping"],
)
def test_who_stays_is_trained_as_without_halving(engine: str, changes: dict[str, Any]) -> None:
    (whole, expected), (halved, learnt) = (
        search(network(engine=engine, **changes), factor=factor, min_resources=1)
        for factor in (None, 3)
    )
    n_epochs = halved.cv_results_["n_resources"]
    assert sorted(n_epochs) == [1] * 6 + [3] * 2 + [9]
    [stayed] = np.flatnonzero(n_epochs == 9)
    np.testing.assert_array_equal(scores(halved, stayed), scores(whole, stayed))
    own = (*halved.cv_results_["params"][stayed].values(), (8, 4), 9)
    own = (own[1], own[0], *own[2:])  # a grid's parameters are in alphabetical order
    for weights, others in zip(learnt[own], expected[own], strict=True):
        np.testing.assert_array_equal(weights, others)


@ENGINES
def test_the_worst_leave_in_all_folds_and_keep_what_they_had_learnt(engine: str) -> None:
    halved, _ = search(network(engine=engine), factor=3, min_resources=1)
    running = np.arange(9)
    for epoch, n_kept in ((1, 3), (3, 1)):
        then = GridStack(
            network(engine=engine, max_iter=epoch), GRID, cv=CV, scoring="neg_brier_score"
        ).fit(X, Y)
        best_first = running[np.argsort(-then.cv_results_["mean_test_score"][running])]
        running, left = best_first[:n_kept], best_first[n_kept:]
        np.testing.assert_array_equal(halved.cv_results_["n_resources"][left], epoch)
        alone, _ = search(network(engine=engine, max_iter=epoch))
        np.testing.assert_array_equal(scores(halved, left), scores(alone, left))


@pytest.mark.parametrize(
    ("options", "n_epochs"),
    [
        ({}, 9 * 9),
        ({"factor": 3}, 9 * 3 + 3 * 6),
        ({"factor": 2}, 9 * 5 + 5 * 4),
        ({"factor": 2, "min_resources": 1}, 9 * 1 + 5 * 1 + 3 * 2 + 2 * 4 + 1 * 1),
        ({"factor": 3, "min_resources": 4}, 9 * 4 + 3 * 5),
        ({"factor": 3, "min_resources": 9}, 9 * 9),
        ({"factor": 10}, 9 * 1 + 1 * 8),
        ({"factor": 3, "n_jobs": 2}, 9 * 3 + 3 * 6),
    ],
)
def test_networks_that_left_take_no_more_steps(options: dict[str, Any], n_epochs: int) -> None:
    counter = Counter()
    halved, _ = search(network(callbacks=[counter]), **options)
    assert counter.n_epochs == 4 * n_epochs
    if "factor" in options:
        assert halved.cv_results_["n_resources"].sum() == n_epochs


def test_who_left_ranks_behind_even_with_a_better_score() -> None:
    X_test = np.zeros((len(Y), 1))  # nothing to learn: the scores are those of this function
    found = GridStack(
        network(),
        {"alpha": [0.0, 0.1, 1.0, 10.0]},
        cv=CV,
        scoring=lambda model, *_: model.alpha - (model.n_iter_ == 9),
        factor=2,
        refit=False,
    ).fit(X_test, Y)
    has_left = found.cv_results_["n_resources"] < 9
    ranks = found.cv_results_["rank_test_score"]
    assert sorted(ranks) == [1, 2, 3, 4]
    assert ranks[~has_left].max() < ranks[has_left].min()
    assert not has_left[found.best_index_]


def test_candidates_are_compared_within_their_stack() -> None:
    grid = [{"max_iter": [4, 8], "alpha": [0.0, 3.0]}, {"hidden_layer_sizes": [(5,)]}]
    halved, _ = search(network(), grid, factor=2)
    assert [one.candidates for one in halved.stacks_] == [(0, 2), (1, 3), (4,)]
    n_epochs = halved.cv_results_["n_resources"]
    assert sorted(n_epochs[[0, 2]]) == [2, 4]
    assert sorted(n_epochs[[1, 3]]) == [4, 8]
    assert n_epochs[4] == 9


def test_the_best_of_regressors_is_refitted_on_all_epochs() -> None:
    regressor = MLPRegressor(hidden_layer_sizes=(6,), max_iter=8, random_state=0)
    found = GridStack(regressor, {"learning_rate_init": [1e-6, 0.01]}, cv=3, factor=2)
    found.fit(X[:, :1], X[:, 1])
    assert found.best_params_ == {"learning_rate_init": 0.01}
    assert list(found.cv_results_["n_resources"]) == [4, 8]
    assert found.best_estimator_.n_iter_ == 8
    assert found.best_estimator_.callbacks == regressor.callbacks


@pytest.mark.parametrize(
    ("options", "changes", "words"),
    [
        ({"factor": 1}, {}, "factor is 1 "),
        ({"factor": 0.5}, {}, "factor is 0.5"),
        ({"factor": 3, "min_resources": 0}, {}, "min_resources 0"),
        ({"factor": 3}, {"solver": "lbfgs"}, "lbfgs"),
    ],
)
def test_what_cannot_be_halved_is_named(
    options: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ParameterError, match=words):
        GridStack(network(**changes), GRID, cv=CV, **options).fit(X, Y)
