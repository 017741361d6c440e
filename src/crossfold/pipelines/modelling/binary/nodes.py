"""Nodes of the modelling template: folds, leak guard, cross-validation of each model family."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from crossfold.pipelines.modelling.binary.baselines import cross_fit_baselines
from crossfold.pipelines.modelling.binary.cross_fitting import (
    EncodedFold,
    Labelled,
    predict_validation,
)
from crossfold.pipelines.modelling.binary.folds import PERMUTED, OuterFold, k_folds, time_folds
from crossfold.pipelines.modelling.binary.networks import cross_fit_networks
from crossfold.pipelines.modelling.binary.parameters import (
    BaselineParameters,
    DecisionParameters,
    FoldParameters,
    NetworkParameters,
    PreparationParameters,
    TunedParameters,
    VariantsParameters,
)

# Of the rows of a time split whose day is not set.
TEST_SHARE = 0.2

_logger = logging.getLogger(__name__)


def assign_rows_to_folds(
    records: pd.DataFrame,
    features: pd.DataFrame,
    folds: FoldParameters,
    preparation: PreparationParameters,
    decision: DecisionParameters,
    seed: int,
) -> pd.DataFrame:
    """Assign every row to a fold, to a side of the time split and to a part for calibration.

    Parameters
    ----------
    records
        The cleaned table, with the group and the date of each row.
    features
        The feature table, same rows in the same order, with the target.

    Returns
    -------
    Columns ``row`` and ``group`` (int64, numbered by first appearance), ``fold``, ``time_fold``
    (-1 for training only) and ``part`` (int8).
    """
    from crossfold.validation import assign_folds, assign_parts

    group = _group_codes(records, folds)
    target = features[preparation.target].to_numpy(dtype="int8")
    return pd.DataFrame(
        {
            "row": range(len(features)),
            "group": group,
            "fold": assign_folds(target, group, n_splits=folds.n_splits, seed=seed),
            "time_fold": -1 if folds.date is None else _time_fold(records[folds.date], folds),
            "part": assign_parts(group, n_parts=decision.holdout_parts, seed=seed),
        }
    ).astype({"fold": "int8", "time_fold": "int8", "part": "int8"})


def _group_codes(records: pd.DataFrame, folds: FoldParameters) -> Any:
    """Give each row its group's number by first appearance: no figure depends on names."""
    if folds.group is None:
        return range(len(records))
    return pd.factorize(records[folds.group])[0]


def _time_fold(dates: pd.Series, folds: FoldParameters) -> Any:
    """Split by time; a day that the data do not reach is none that was chosen for them."""
    from crossfold.validation import last_part, time_split

    first_day = folds.first_test_day
    if first_day is not None and dates.min() < pd.Timestamp(first_day) <= dates.max():
        return time_split(dates, first_day)
    if first_day is not None:
        _logger.warning("The dates do not reach first_test_day, %s; another is chosen.", first_day)
    chosen = last_part(dates, TEST_SHARE)
    if chosen is None:
        _logger.warning("There is no time split: all dates are %s.", dates.min().date())
        return -1
    _logger.info("The time split tests from %s on, the last fifth of the rows.", chosen)
    return time_split(dates, chosen)


def guard_against_leaks(
    records: pd.DataFrame, fold_table: pd.DataFrame, folds: FoldParameters
) -> pd.DataFrame:
    """Check that no group and no exact duplicate row crosses a fold; a leak stops the run."""
    from crossfold.validation import check_leaks

    return check_leaks(
        fold_table["fold"].to_numpy(),
        groups=fold_table["group"].to_numpy(),
        identity=records.drop(columns=list(folds.identifiers)),
    )


def cross_validate_network(
    features: pd.DataFrame,
    fold_table: pd.DataFrame,
    preparation: PreparationParameters,
    decision: DecisionParameters,
    twins: NetworkParameters,
    seed: int,
    *,
    name: str,
    engine: str,
    protocol: str = "grouped_k_fold",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cross-validate one network on one engine; give its predictions and its history."""
    networks = {name: twins.changed(engine=engine)}
    outer = k_folds(fold_table, protocol)
    return _cross_validate(features, fold_table, outer, preparation, decision, networks, 1, seed)


def cross_validate_numpy(
    features: pd.DataFrame,
    fold_table: pd.DataFrame,
    preparation: PreparationParameters,
    decision: DecisionParameters,
    twins: NetworkParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cross-validate the NumPy twin; give its predictions and its history."""
    return cross_validate_network(
        features, fold_table, preparation, decision, twins, seed, name="mlp_numpy", engine="numpy"
    )


def cross_validate_torch(
    features: pd.DataFrame,
    fold_table: pd.DataFrame,
    preparation: PreparationParameters,
    decision: DecisionParameters,
    twins: NetworkParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cross-validate the PyTorch twin; give its predictions and its history."""
    return cross_validate_network(
        features, fold_table, preparation, decision, twins, seed, name="mlp_torch", engine="torch"
    )


def cross_validate_control(
    permuted_features: pd.DataFrame,
    fold_table: pd.DataFrame,
    preparation: PreparationParameters,
    decision: DecisionParameters,
    twins: NetworkParameters,
    seed: int,
) -> pd.DataFrame:
    """Cross-validate the NumPy twin on features made from permuted labels.

    It is not calibrated: the slope of a calibrator of noise has either sign, and folds whose
    rankings are turned over would be pooled with others.
    """
    predictions, _ = cross_validate_network(
        permuted_features,
        fold_table,
        preparation,
        decision.model_copy(update={"calibration": "none"}),
        twins,
        seed,
        name="mlp_numpy",
        engine="numpy",
        protocol=PERMUTED,
    )
    return predictions


def cross_validate_variants(
    features: pd.DataFrame,
    fold_table: pd.DataFrame,
    preparation: PreparationParameters,
    decision: DecisionParameters,
    twins: NetworkParameters,
    variants: VariantsParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cross-validate the twins' network with other losses and class weights, as one stack."""
    networks = {name: twins.changed(**dict(variant)) for name, variant in variants.root.items()}
    outer = k_folds(fold_table)
    return _cross_validate(features, fold_table, outer, preparation, decision, networks, 1, seed)


def cross_validate_tuned(
    features: pd.DataFrame,
    fold_table: pd.DataFrame,
    preparation: PreparationParameters,
    decision: DecisionParameters,
    tuned: TunedParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cross-validate the tuned ensemble, on the time split too, as one stack."""
    return _cross_validate(
        features,
        fold_table,
        k_folds(fold_table) + time_folds(fold_table),
        preparation,
        decision,
        {"mlp_tuned": tuned.network},
        tuned.members,
        seed,
    )


def cross_validate_baselines(
    features: pd.DataFrame,
    fold_table: pd.DataFrame,
    preparation: PreparationParameters,
    decision: DecisionParameters,
    baselines: BaselineParameters,
    seed: int,
) -> pd.DataFrame:
    """Cross-validate every baseline, on the time split too."""
    labelled = Labelled.of(features, fold_table, preparation.target)
    outer_folds = k_folds(fold_table) + time_folds(fold_table)
    tables = [
        cross_fit_baselines(
            features,
            EncodedFold.of(features, outer, preparation),
            labelled,
            preparation,
            decision,
            baselines,
            seed,
        )
        for outer in outer_folds
    ]
    return concatenate(tables)


def _cross_validate(
    features: pd.DataFrame,
    fold_table: pd.DataFrame,
    outer_folds: list[OuterFold],
    preparation: PreparationParameters,
    decision: DecisionParameters,
    networks: dict[str, NetworkParameters],
    n_members: int,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train networks on outer folds as one stack; give predictions and history."""
    encoded = [EncodedFold.of(features, outer, preparation) for outer in outer_folds]
    labelled = Labelled.of(features, fold_table, preparation.target)
    fitted, history = cross_fit_networks(
        encoded, labelled, networks, decision, n_members=n_members, seed=seed
    )
    tables = [
        predict_validation(result, fold, labelled)
        for result, fold in zip(fitted, encoded * len(networks), strict=True)
    ]
    return concatenate(tables), history


def concatenate(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Join tables below each other, with text columns as categories."""
    joined = pd.concat(
        [t.astype({"model": "str", "protocol": "str"}) for t in tables], ignore_index=True
    )
    return joined.astype({"model": "category", "protocol": "category"})


def collect_predictions(fold_table: pd.DataFrame, *tables: pd.DataFrame) -> pd.DataFrame:
    """Join the predictions of all families, with each row's group."""
    joined = concatenate(list(tables))
    group = fold_table["group"].to_numpy(dtype="int32")
    return joined.assign(group=group[joined["row"].to_numpy()])


def collect_history(*tables: pd.DataFrame) -> pd.DataFrame:
    """Join the training histories of all families."""
    return concatenate(list(tables))
