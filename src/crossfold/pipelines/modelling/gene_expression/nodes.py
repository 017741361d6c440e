"""Nodes of the gene expression study: folds, leak guard, cross-validation, controls."""

from __future__ import annotations

import pandas as pd

from crossfold.pipelines.modelling.gene_expression import baselines as baseline_models
from crossfold.pipelines.modelling.gene_expression import controls as control_runs
from crossfold.pipelines.modelling.gene_expression import networks, splits
from crossfold.pipelines.modelling.gene_expression.parameters import (
    BaselineParameters,
    ControlParameters,
    FoldParameters,
    NetworkParameters,
    VariantsParameters,
)
from crossfold.pipelines.modelling.gene_expression.preparation import inputs_for, probe_names


def assign_patients_to_folds(
    features: pd.DataFrame, folds: FoldParameters, seed: int
) -> pd.DataFrame:
    """Make the folds of all protocols: repeated k-fold, leave-one-out, the original split.

    Returns
    -------
    The table of `splits.to_table`.
    """
    made = splits.make_splits(
        features["aml"].to_numpy(), features["origin"], **dict(folds), seed=seed
    )
    return splits.to_table(made)


def guard_against_leaks(features: pd.DataFrame, fold_table: pd.DataFrame) -> pd.DataFrame:
    """Check that no patient and no equal pair of patients crosses a fold; a leak stops the run."""
    from crossfold.validation import check_leaks

    identity = features.drop(columns="origin")
    tables = []
    for protocol in splits.PROTOCOLS:
        pairs = [split.pair for split in splits.from_table(fold_table, protocol)]
        found = check_leaks(pairs, groups=range(len(features)), identity=identity)
        tables.append(found.assign(check=f"{protocol}: " + found["check"]))
    return pd.concat(tables, ignore_index=True)


def cross_validate_networks(
    features: pd.DataFrame,
    calls: pd.DataFrame,
    fold_table: pd.DataFrame,
    variants: VariantsParameters,
    network: NetworkParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Train every variant on the folds of all protocols, one stack each.

    Returns
    -------
    Predictions, training history, and the probes that each fold of the main network chose.
    """
    from crossfold.mlp import EpochLog

    all_splits = splits.from_table(fold_table)
    aml, probes = features["aml"].to_numpy(), probe_names(features)
    predictions, histories, selections = [], [], []
    for name, variant in variants.root.items():
        inputs = inputs_for(features, calls, variant)
        log = EpochLog(networks.count_errors)
        pairs = [split.pair for split in all_splits]
        stack = networks.fit_stack(inputs, aml, pairs, variant, network, seed, [log])
        scores = networks.score_folds(stack, inputs, all_splits)
        predictions.append(networks.prediction_table(name, aml, all_splits, scores))
        histories.append(networks.history_table(name, stack, log, all_splits))
        if name == variants.main:
            selections.append(networks.selection_table(name, stack, all_splits, probes))
    return _join(predictions), _join(histories), _join(selections)


def cross_validate_baselines(
    features: pd.DataFrame, fold_table: pd.DataFrame, baselines: BaselineParameters
) -> pd.DataFrame:
    """Fit and score every baseline on the folds of all protocols."""
    return baseline_models.cross_fit_baselines(
        features[probe_names(features)].to_numpy(dtype="float32"),
        features["aml"].to_numpy(),
        splits.from_table(fold_table),
        baselines,
    )


def run_controls(
    features: pd.DataFrame,
    calls: pd.DataFrame,
    variants: VariantsParameters,
    network: NetworkParameters,
    folds: FoldParameters,
    controls: ControlParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cross-validate on permuted labels, soundly and with two leaks.

    Returns
    -------
    Predictions of all controls, and what the leak guard finds in each.
    """
    main = variants.root[variants.main].model_copy(update={"members": 1})
    aml = features["aml"].to_numpy()
    options = {"n_splits": folds.n_splits, "seed": seed}
    results = [
        *control_runs.selection_controls(
            inputs_for(features, calls, main),
            aml,
            main,
            network,
            n_permutations=controls.n_permutations,
            **options,
        ),
        *control_runs.smote_controls(
            inputs_for(features, calls, control_runs.ALL_PROBES),
            aml,
            network,
            n_permutations=controls.smote_permutations,
            **options,
        ),
    ]
    predictions, leaks = zip(*results, strict=True)
    return _join(list(predictions)), pd.DataFrame(leaks)


def collect_predictions(
    networks_predictions: pd.DataFrame, baselines_predictions: pd.DataFrame
) -> pd.DataFrame:
    """Join the predictions of networks and baselines."""
    return _join([networks_predictions, baselines_predictions])


def _join(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Join tables below each other, with text columns as categories."""
    names = [n for n in ("model", "protocol", "probe", "control", "when") if n in tables[0]]
    joined = pd.concat([t.astype(dict.fromkeys(names, "str")) for t in tables], ignore_index=True)
    return joined.astype(dict.fromkeys(names, "category"))
