"""The source's grid search, and whether it tells its choice from the other candidates."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from crossfold.pipelines.audit.claims import Claim, Statement
from crossfold.pipelines.audit.measured import Measured, above
from crossfold.pipelines.audit.runs import REPORTED, SOUND, shortened_text
from crossfold.pipelines.audit.wine.faults import Array, Fold, leave_out_duplicates, make_folds
from crossfold.pipelines.audit.wine.parameters import FaultsParameters, ProtocolParameters
from crossfold.pipelines.audit.wine.training import (
    features,
    is_red,
    without_convergence_warnings,
)

SEARCHED = ("hidden_layer_sizes", "learning_rate_init")


def search_grid(
    wines: pd.DataFrame, protocol: ProtocolParameters, faults: FaultsParameters, seed: int
) -> pd.DataFrame:
    """Score every candidate of the source's grid, with all faults and without.

    Returns
    -------
    Columns ``run``, ``fold``, ``hidden_layer_sizes`` (as text), ``learning_rate_init`` and
    ``accuracy``; one row a candidate and fold.
    """
    of_run = {REPORTED: faults.root, SOUND: ()}
    tables = [
        _search(wines, protocol, faults_of_run, seed).assign(run=run)
        for run, faults_of_run in of_run.items()
    ]
    return pd.concat(tables, ignore_index=True)[["run", "fold", *SEARCHED, "accuracy"]]


def _search(
    wines: pd.DataFrame, protocol: ProtocolParameters, faults: Collection[str], seed: int
) -> pd.DataFrame:
    """Search on the training rows of the source's split, or without that fault on all rows."""
    from sklearn.preprocessing import MinMaxScaler

    from crossfold.mlp import GridStack
    from crossfold.templates.cross_validation.training import make_network

    group = wines["group"].to_numpy()
    rows = np.arange(len(wines))
    if "single_split" in faults:
        [(rows, _)] = make_folds(group, faults, n_splits=protocol.n_splits, seed=seed)
    X, y = features(wines)[rows], is_red(wines)[rows]
    folds = inner_folds(y, group[rows], faults, protocol, seed)
    searched: dict[str, list[Any]] = {name: list(getattr(protocol.grid, name)) for name in SEARCHED}
    network = make_network(protocol.network, "binary").set_params(random_state=seed)
    search = GridStack(network, searched, preprocessor=MinMaxScaler(), cv=folds, refit=False)
    with without_convergence_warnings():
        return _score_table(search.fit(X, y).cv_results_, len(folds))


def inner_folds(
    y: Array, group: Array, faults: Collection[str], protocol: ProtocolParameters, seed: int
) -> list[Fold]:
    """Split the rows of a search, stratified by colour."""
    from sklearn.model_selection import StratifiedKFold

    splitter = StratifiedKFold(protocol.grid.n_splits, shuffle=True, random_state=seed)
    folds = list(splitter.split(group, y))
    return folds if "duplicates_across_split" in faults else leave_out_duplicates(folds, group)


def _score_table(results: dict[str, Any], n_folds: int) -> pd.DataFrame:
    candidates = pd.DataFrame(results["params"])[list(SEARCHED)]
    candidates["hidden_layer_sizes"] = candidates["hidden_layer_sizes"].map(layers_text)
    tables = [
        candidates.assign(fold=fold, accuracy=results[f"split{fold}_test_score"])
        for fold in range(n_folds)
    ]
    return pd.concat(tables, ignore_index=True)


def layers_text(layers: tuple[int, ...]) -> str:
    """Name a network's hidden layers: ``50-25``."""
    return "-".join(map(str, layers))


def lead_of_choice(scores: pd.DataFrame, protocol: ProtocolParameters) -> Measured:
    """Give the inner accuracy of the source's choice minus that of the best other candidate.

    Parameters
    ----------
    scores
        Rows of `search_grid` of one run.
    protocol
        The source's choice.
    """
    from crossfold.validation import corrected_resampled_t_test

    by_fold = scores.pivot_table(index="fold", columns=list(SEARCHED), values="accuracy")
    choice = layers_text(protocol.tuned.hidden_layer_sizes), protocol.tuned.learning_rate_init
    others = by_fold.drop(columns=[choice])
    best = others[others.mean().idxmax()]
    result = corrected_resampled_t_test(by_fold[choice], best, test_share=1 / len(by_fold))
    return Measured(result.difference, result.low, result.high, len(by_fold))


def claim_of_choice(audit_grid: pd.DataFrame, protocol: ProtocolParameters) -> Claim:
    """Judge whether the search tells the source's choice from the others."""
    choice = f"{protocol.tuned.hidden_layer_sizes} at {protocol.tuned.learning_rate_init:g}"
    statement = Statement(
        study="wine",
        claim="search_finds_best",
        statement=f"The grid search finds {choice} to be best",
        quantity=(
            f"accuracy of {choice} minus that of the best other candidate, on folds of the source's"
            " training rows, without the faults on folds of all wines; n counts folds"
        ),
        unit="fine_points",
        printed=f"best: {choice}",
        holds=above(0),
        so=f"{choice} is best",
        not_so="another candidate is as good",
    )
    reported, sound = (
        lead_of_choice(audit_grid[audit_grid["run"] == run], protocol) for run in (REPORTED, SOUND)
    )
    return Claim(
        statement,
        reported=reported,
        sound=sound,
        shortened=shortened_text(protocol.network.max_iter, protocol.source_epochs),
    )
