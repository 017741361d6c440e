"""The source's grid search, and whether it tells its choice from the other candidates."""

from typing import Any

import pandas as pd

from crossfold.pipelines.audit.claims import Claim, Statement
from crossfold.pipelines.audit.measured import Measured, above
from crossfold.pipelines.audit.runs import shortened_text
from crossfold.pipelines.audit.wine.faults import leave_out_duplicates, make_folds
from crossfold.pipelines.audit.wine.parameters import FaultsParameters, ProtocolParameters
from crossfold.pipelines.audit.wine.training import without_convergence_warnings
from crossfold.pipelines.modelling.wine.grid import SEARCHED, layers_text
from crossfold.pipelines.modelling.wine.inputs import WITH_QUALITY, features, is_red


def search_grid(
    wines: pd.DataFrame, protocol: ProtocolParameters, faults: FaultsParameters, seed: int
) -> pd.DataFrame:
    """Score every candidate of the source's grid on inner folds of its training rows.

    Returns
    -------
    Columns ``fold``, ``hidden_layer_sizes`` (as text), ``learning_rate_init`` and ``accuracy``.
    """
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import MinMaxScaler

    from crossfold.mlp import GridStack
    from crossfold.pipelines.modelling.wine.networks import make_network

    group = wines["group"].to_numpy()
    train, _ = make_folds(group, faults.root, n_splits=protocol.n_splits, seed=seed)[0]
    X, y, group = features(wines, WITH_QUALITY)[train], is_red(wines)[train], group[train]
    inner = list(StratifiedKFold(protocol.grid.n_splits).split(X, y))
    if "duplicates_across_split" not in faults.root:
        inner = leave_out_duplicates(inner, group)
    network = make_network(protocol.network, seed)
    searched = {name: list(getattr(protocol.grid, name)) for name in SEARCHED}
    with without_convergence_warnings():
        search = GridStack(network, searched, preprocessor=MinMaxScaler(), cv=inner, refit=False)
        return _score_table(search.fit(X, y).cv_results_, len(inner))


def _score_table(results: dict[str, Any], n_folds: int) -> pd.DataFrame:
    candidates = pd.DataFrame(results["params"])[list(SEARCHED)]
    candidates["hidden_layer_sizes"] = candidates["hidden_layer_sizes"].map(layers_text)
    tables = [
        candidates.assign(fold=fold, accuracy=results[f"split{fold}_test_score"])
        for fold in range(n_folds)
    ]
    return pd.concat(tables, ignore_index=True)[["fold", *SEARCHED, "accuracy"]]


def lead_of_choice(scores: pd.DataFrame, protocol: ProtocolParameters) -> Measured:
    """Give the inner accuracy of the source's choice minus that of the best other candidate.

    Parameters
    ----------
    scores
        Columns ``fold``, ``hidden_layer_sizes``, ``learning_rate_init`` and ``accuracy``.
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


def claim_of_choice(
    audit_grid: pd.DataFrame, study_grid: pd.DataFrame, protocol: ProtocolParameters
) -> Claim:
    """Judge whether the search tells the source's choice from the others."""
    choice = f"{protocol.tuned.hidden_layer_sizes} at {protocol.tuned.learning_rate_init:g}"
    statement = Statement(
        study="wine",
        claim="search_finds_best",
        statement=f"The grid search finds {choice} to be best",
        quantity=(
            f"accuracy of {choice} minus that of the best other candidate, on inner folds of the"
            " source's training rows; n counts folds. Without the faults the study's search, mean"
            " over the inner folds of each outer fold"
        ),
        unit="fine_points",
        printed=f"best: {choice}",
        holds=above(0),
        so=f"{choice} is best",
        not_so="another candidate is as good",
    )
    return Claim(
        statement,
        reported=lead_of_choice(audit_grid, protocol),
        sound=lead_of_choice(study_grid.rename(columns={"outer_fold": "fold"}), protocol),
        shortened=shortened_text(protocol.network.max_iter, protocol.source_epochs),
    )
