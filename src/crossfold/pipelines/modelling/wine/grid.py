"""The grid, searched inside every outer fold: all inner folds of all outer folds at once."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.modelling.wine.inputs import TUNED, WITH_QUALITY, features, is_red
from crossfold.pipelines.modelling.wine.parameters import GridParameters, NetworkParameters

SEARCHED = ("hidden_layer_sizes", "learning_rate_init")


def search_grid(
    wines: pd.DataFrame,
    fold_table: pd.DataFrame,
    network: NetworkParameters,
    grid: GridParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every candidate on the inner folds of each outer fold.

    Returns
    -------
    The scores: ``outer_fold``, ``hidden_layer_sizes`` (as text), ``learning_rate_init``,
    ``accuracy`` (mean over inner folds), ``standard_deviation`` and ``chosen``; and what was
    stacked: ``hidden_layer_sizes``, ``candidates``, ``folds``, ``networks``.
    """
    from sklearn.preprocessing import MinMaxScaler

    from crossfold.mlp import GridStack
    from crossfold.pipelines.modelling.wine.networks import make_network

    X, y = features(wines, WITH_QUALITY), is_red(wines)
    searched: dict[str, list[Any]] = {name: list(getattr(grid, name)) for name in SEARCHED}
    search = GridStack(
        make_network(network, seed),
        searched,
        preprocessor=MinMaxScaler(),
        cv=inner_folds(fold_table, y, grid.n_splits, seed),
        refit=False,
    ).fit(X, y)
    stacks = [
        (layers_text(one.hidden_layer_sizes), len(one.candidates), one.n_folds, one.n_networks)
        for one in search.stacks_
    ]
    columns = ["hidden_layer_sizes", "candidates", "folds", "networks"]
    return _score_table(search.cv_results_, grid.n_splits), pd.DataFrame(stacks, columns=columns)


def inner_folds(
    fold_table: pd.DataFrame, y: NDArray[np.int8], n_splits: int, seed: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Split the training rows of each outer fold again, as the outer folds were."""
    from crossfold.validation import assign_folds, fold_rows

    group = fold_table["group"].to_numpy()
    return [
        (outer[train], outer[validation])
        for outer, _ in fold_rows(fold_table["fold"].to_numpy())
        for train, validation in fold_rows(
            assign_folds(y[outer], group[outer], n_splits=n_splits, seed=seed)
        )
    ]


def _score_table(results: dict[str, Any], n_inner: int) -> pd.DataFrame:
    n_folds = sum(name.startswith("split") for name in results)
    scores = np.array([results[f"split{fold}_test_score"] for fold in range(n_folds)])
    tables = []
    for outer, own in enumerate(scores.reshape(-1, n_inner, scores.shape[1])):
        accuracy = own.mean(axis=0)
        table = pd.DataFrame(results["params"]).assign(
            outer_fold=outer,
            accuracy=accuracy,
            standard_deviation=own.std(axis=0, ddof=1),
            chosen=np.arange(len(accuracy)) == accuracy.argmax(),
        )
        tables.append(table)
    joined = pd.concat(tables, ignore_index=True)
    joined["hidden_layer_sizes"] = joined["hidden_layer_sizes"].map(layers_text)
    first = ["outer_fold", *SEARCHED]
    return joined[[*first, "accuracy", "standard_deviation", "chosen"]]


def cross_validate_tuned(
    wines: pd.DataFrame,
    fold_table: pd.DataFrame,
    grid_scores: pd.DataFrame,
    network: NetworkParameters,
    seed: int,
) -> pd.DataFrame:
    """Train what each outer fold's own search chose, and predict the wines it never saw."""
    from crossfold.pipelines.modelling.wine.networks import fit_folds, make_network, tabulate
    from crossfold.validation import fold_rows

    y, folds = is_red(wines), fold_rows(fold_table["fold"].to_numpy())
    chosen = grid_scores[grid_scores["chosen"]].sort_values("outer_fold")
    of_folds = [
        {
            "hidden_layer_sizes": _as_layers(row.hidden_layer_sizes),
            "learning_rate_init": row.learning_rate_init,
        }
        for row in chosen.itertuples()
    ]
    X = features(wines, WITH_QUALITY)
    stack = fit_folds(make_network(network, seed), X, y, folds, of_folds)
    return tabulate(fold_table, y, stack.out_of_fold_[0], TUNED, WITH_QUALITY)


def layers_text(layers: tuple[int, ...]) -> str:
    """Name a network's hidden layers: ``50-25``."""
    return "-".join(map(str, layers))


def _as_layers(text: Any) -> tuple[int, ...]:
    return tuple(int(width) for width in str(text).split("-"))
