"""A small run of the wine study on the sample: what it hands to its report."""

from types import SimpleNamespace

import pandas as pd
import pytest

from crossfold.datasets import SampleWinesDataset
from crossfold.pipelines.data_engineering.wine.nodes import count_wines, join_wines
from crossfold.pipelines.modelling.wine import evaluation, grid, nodes
from crossfold.pipelines.modelling.wine.parameters import (
    EvaluationParameters,
    FoldParameters,
    GridParameters,
    ImportanceParameters,
    LogisticRegressionParameters,
    NetworkParameters,
)
from crossfold.pipelines.reporting.wine.nodes import draw_wine_figures

SEED = 3
NETWORK = NetworkParameters(
    hidden_layer_sizes=(6,), learning_rate="cosine", learning_rate_init=0.02, batch_size=50,
    max_iter=8,
)  # fmt: skip
GRID = GridParameters(n_splits=2, hidden_layer_sizes=((6,),), learning_rate_init=(0.00001, 0.02))
LOGISTIC = LogisticRegressionParameters()


@pytest.fixture(scope="session")
def run() -> SimpleNamespace:
    red, white = (
        SampleWinesDataset(colour=colour, n_rows=n, seed=SEED).load()
        for colour, n in (("red", 100), ("white", 200))
    )
    wines = join_wines(red, white)
    folds = nodes.assign_wines_to_folds(wines, FoldParameters(n_splits=3), SEED)
    predictions, history = nodes.cross_validate_network(wines, folds, NETWORK, SEED)
    scores, stacks = grid.search_grid(wines, folds, NETWORK, GRID, SEED)
    joined = evaluation.collect_predictions(
        nodes.cross_validate_logistic(wines, folds, LOGISTIC),
        predictions,
        grid.cross_validate_tuned(wines, folds, scores, NETWORK, SEED),
        nodes.cross_validate_control(wines, folds, NETWORK, LOGISTIC, SEED),
    )
    return SimpleNamespace(
        wines=wines,
        row_counts=count_wines(wines),
        predictions=joined,
        metrics_table=evaluation.evaluate_predictions(
            joined, EvaluationParameters(n_resamples=50), SEED
        ),
        comparison=evaluation.compare_models(joined),
        grid=scores,
        stacks=stacks,
        importance=nodes.measure_importance(
            wines, folds, NETWORK, ImportanceParameters(n_repeats=2), SEED
        ),
        network_history=history,
        leak_guard=nodes.guard_against_leaks(wines, folds),
    )


@pytest.fixture(scope="session")
def figures(run: SimpleNamespace) -> dict:
    names = ("wines", "metrics_table", "grid", "importance", "network_history")
    return draw_wine_figures(**{name: getattr(run, name) for name in names})


@pytest.fixture(scope="session")
def accuracies(run: SimpleNamespace) -> pd.DataFrame:
    """Share of wines called correctly, and wines called wrongly, by model and inputs."""
    right = run.predictions["flagged"] == (run.predictions["target"] == 1)
    of_model = right.groupby([run.predictions["model"], run.predictions["inputs"]], observed=True)
    return of_model.agg(accuracy="mean", right="sum", n="size").assign(
        wrong=lambda table: table["n"] - table["right"]
    )
