"""The wine study leaks nothing, searches inside its folds, and finds nothing where nothing is."""

import numpy as np
import pandas as pd
import pytest

from crossfold.datasets import SampleWinesDataset
from crossfold.pipelines.data_engineering.wine.nodes import join_wines
from crossfold.pipelines.modelling.wine import evaluation, grid, nodes
from crossfold.pipelines.modelling.wine.inputs import CONTROL, LOGISTIC, MLP, TUNED, is_red
from crossfold.pipelines.modelling.wine.parameters import (
    EvaluationParameters,
    FoldParameters,
    GridParameters,
    ImportanceParameters,
    LogisticRegressionParameters,
    NetworkParameters,
)
from crossfold.validation import LeakError

NETWORK = NetworkParameters(
    hidden_layer_sizes=(8,), learning_rate="cosine", learning_rate_init=0.02, batch_size=50,
    max_iter=12,
)  # fmt: skip
GRID = GridParameters(
    n_splits=2, hidden_layer_sizes=((6,), (8,)), learning_rate_init=(0.00001, 0.02)
)
SEED = 3


@pytest.fixture(scope="module")
def wines() -> pd.DataFrame:
    red, white = (
        SampleWinesDataset(colour=colour, n_rows=n, seed=SEED).load()
        for colour, n in (("red", 120), ("white", 240))
    )
    return join_wines(red, white)


@pytest.fixture(scope="module")
def folds(wines: pd.DataFrame) -> pd.DataFrame:
    return nodes.assign_wines_to_folds(wines, FoldParameters(n_splits=3), SEED)


@pytest.fixture(scope="module")
def searched(wines: pd.DataFrame, folds: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return grid.search_grid(wines, folds, NETWORK, GRID, SEED)


def test_nothing_crosses_a_fold(wines: pd.DataFrame, folds: pd.DataFrame) -> None:
    assert (nodes.guard_against_leaks(wines, folds)["crossing"] == 0).all()
    leaking = folds.assign(fold=np.arange(len(folds)) % 3, group=np.arange(len(folds)))
    with pytest.raises(LeakError, match="duplicate"):
        nodes.guard_against_leaks(wines, leaking.astype({"fold": "int8"}))


def test_inner_folds_stay_inside_the_outer_training_rows(
    wines: pd.DataFrame, folds: pd.DataFrame
) -> None:
    inner = grid.inner_folds(folds, is_red(wines), 2, SEED)
    group = folds["group"].to_numpy()
    assert len(inner) == 6
    for number, (train, validation) in enumerate(inner):
        both = np.concatenate([train, validation])
        assert set(both) == set(np.flatnonzero(folds["fold"] != number // 2))
        assert not set(group[train]) & set(group[validation])


def test_each_outer_fold_chooses_its_best_candidate(
    searched: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    scores, stacks = searched
    assert list(stacks["networks"]) == [12, 12]
    assert list(scores.groupby("outer_fold")["chosen"].sum()) == [1, 1, 1]
    best = scores.groupby("outer_fold")["accuracy"].max()
    chosen = scores[scores["chosen"]].set_index("outer_fold")["accuracy"]
    pd.testing.assert_series_equal(best, chosen)
    assert (scores.loc[scores["chosen"], "learning_rate_init"] == 0.02).all()


def test_the_study_tells_the_colours_apart_and_the_control_does_not(
    wines: pd.DataFrame, folds: pd.DataFrame, searched: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    logistic = LogisticRegressionParameters()
    network_predictions, history = nodes.cross_validate_network(wines, folds, NETWORK, SEED)
    predictions = evaluation.collect_predictions(
        nodes.cross_validate_logistic(wines, folds, logistic),
        network_predictions,
        grid.cross_validate_tuned(wines, folds, searched[0], NETWORK, SEED),
        nodes.cross_validate_control(wines, folds, NETWORK, logistic, SEED),
    )
    assert history["epoch"].max() == NETWORK.max_iter
    metrics = evaluation.evaluate_predictions(
        predictions, EvaluationParameters(n_resamples=100), SEED
    )
    pooled = metrics.query("scope == 'all folds' and metric == 'roc_auc'")
    control = pooled[pooled["inputs"] == CONTROL].set_index("model")
    assert (pooled.loc[pooled["inputs"] != CONTROL, "estimate"] > 0.95).all()
    assert control.loc[[LOGISTIC, MLP], "estimate"].between(0.4, 0.6).all()
    assert set(pooled["model"]) == {LOGISTIC, MLP, TUNED}
    by_fold = metrics[metrics["scope"].str.startswith("fold")]
    assert (by_fold["low"] <= by_fold["estimate"]).all()
    assert by_fold.groupby(["model", "inputs"], observed=True)["n"].sum().eq(len(wines)).all()
    comparison = evaluation.compare_models(predictions)
    assert set(comparison["scope"]) == {"all folds", "fold 0"}
    # Three pairs of models with quality, and two models with and without.
    assert len(comparison) == 2 * 5


def test_a_column_that_says_nothing_has_no_importance(
    wines: pd.DataFrame, folds: pd.DataFrame
) -> None:
    table = nodes.measure_importance(
        wines.assign(quality=5), folds, NETWORK, ImportanceParameters(n_repeats=2), SEED
    ).set_index("column")
    assert table.loc["quality", "estimate"] == 0
    assert table["estimate"].max() > 0.02
