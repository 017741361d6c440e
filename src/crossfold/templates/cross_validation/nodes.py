"""Nodes that train and score: one for each family of models, the control, and the final model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from crossfold.templates.cross_validation.encoding import TableEncoder
from crossfold.templates.cross_validation.estimators import installed
from crossfold.templates.cross_validation.fitting import (
    Fitted,
    fit_estimators,
    fit_networks,
    score_table,
)
from crossfold.templates.cross_validation.folds import (
    ALL_ROWS,
    PERMUTED,
    SCORED,
    Fold,
    group_of_row,
    read_folds,
)
from crossfold.templates.cross_validation.parameters import (
    FamilyParameters,
    ImportanceParameters,
    Model,
    PreparationParameters,
)
from crossfold.templates.cross_validation.training import Training
from crossfold.templates.parameters import TableParameters
from crossfold.validation.tables import concatenate

Networks = tuple[list[Any], dict[str, Any]]


def cross_validate_networks(
    features: pd.DataFrame,
    fold_table: pd.DataFrame,
    table_parameters: TableParameters,
    preparation: PreparationParameters,
    family: FamilyParameters,
    seed: int,
) -> tuple[pd.DataFrame, Networks, pd.DataFrame]:
    """Train the networks of a family on the folds of all protocols, as few stacks.

    Returns
    -------
    What they say of rows that they did not learn from (see `score_table`); the networks with what
    belongs to them; and their history.
    """
    scores, networks, history, _ = search_networks(
        features, fold_table, table_parameters, preparation, family, seed
    )
    return scores, networks, history


def search_networks(
    features: pd.DataFrame,
    fold_table: pd.DataFrame,
    table_parameters: TableParameters,
    preparation: PreparationParameters,
    family: FamilyParameters,
    seed: int,
) -> tuple[pd.DataFrame, Networks, pd.DataFrame, pd.DataFrame]:
    """Train the networks of a family, and keep what was searched inside the folds as well.

    Returns
    -------
    What `cross_validate_networks` returns, and every candidate with its score in each fold.
    """
    training = _training(features, fold_table, table_parameters, preparation)
    fitted, history, searched = fit_networks(family.root, _all_folds(fold_table), training, seed)
    return score_table(fitted, training), keep_networks(fitted), history, searched


def cross_validate_estimators(
    features: pd.DataFrame,
    fold_table: pd.DataFrame,
    table_parameters: TableParameters,
    preparation: PreparationParameters,
    family: FamilyParameters,
    seed: int,
) -> pd.DataFrame:
    """Fit the models of a family that are not our networks, as far as they are installed.

    Returns
    -------
    The table of `score_table`.
    """
    training = _training(features, fold_table, table_parameters, preparation)
    fitted = fit_estimators(installed(family.root), _all_folds(fold_table), training, seed)
    return score_table(fitted, training)


def cross_validate_control(
    permuted_features: pd.DataFrame,
    fold_table: pd.DataFrame,
    table_parameters: TableParameters,
    preparation: PreparationParameters,
    family: FamilyParameters,
    seed: int,
) -> pd.DataFrame:
    """Cross-validate the first network of a family on features made from permuted labels."""
    training = _training(permuted_features, fold_table, table_parameters, preparation)
    name, model = next(iter(family))
    model = model.model_copy(update={"protocols": None, "search": {}})
    folds = [
        Fold(PERMUTED, one.fold, one.train_rows, one.validation_rows, one.part)
        for one in read_folds(fold_table)
    ]
    fitted, _, _ = fit_networks({name: model}, folds, training, seed)
    return score_table(fitted, training)


def fit_final_networks(
    features: pd.DataFrame,
    fold_table: pd.DataFrame,
    table_parameters: TableParameters,
    preparation: PreparationParameters,
    family: FamilyParameters,
    seed: int,
) -> tuple[Networks, pd.DataFrame]:
    """Fit the first model of a family on every row.

    Returns
    -------
    The networks, and what each member says of the part that it left out.
    """
    training = _training(features, fold_table, table_parameters, preparation)
    name, model = next(iter(family))
    own: dict[str, Model] = {name: model.model_copy(update={"protocols": None})}
    fitted, _, _ = fit_networks(own, read_folds(fold_table, ALL_ROWS), training, seed)
    has_parts = fitted[0].slots[0].fold.has_parts
    scores = score_table(fitted if has_parts else [], training)
    return keep_networks(fitted), scores


def measure_importance(
    features: pd.DataFrame,
    fold_table: pd.DataFrame,
    networks: Networks,
    table_parameters: TableParameters,
    preparation: PreparationParameters,
    family: FamilyParameters,
    importance: ImportanceParameters,
    seed: int,
) -> pd.DataFrame:
    """Measure what the first network of a family loses when a column of unseen rows is shuffled.

    Returns
    -------
    Columns ``column`` (or a group that is shuffled together, see `group_columns`), ``estimate``
    (mean over folds and repeats), ``low``, ``high`` (95 %, by the variance of folds corrected for
    training rows that they share) and ``folds``.
    """
    from crossfold.templates.cross_validation.importance import kept_models, measure_fold

    kept = kept_models(networks, next(iter(family))[0], table_parameters.task)
    folds = read_folds(fold_table)
    lost = pd.DataFrame(
        [
            measure_fold(
                kept[fold.protocol, fold.fold],
                fold,
                features,
                table_parameters,
                preparation,
                importance,
                seed,
            )
            for fold in folds
        ]
    )
    means = [_mean_of_folds(lost[name]) for name in lost]
    table = pd.DataFrame(means).assign(column=lost.columns, folds=len(folds))
    table = table[["column", "estimate", "low", "high", "folds"]]
    return table.sort_values("estimate", ascending=False).reset_index(drop=True)


def measure_effects(
    features: pd.DataFrame,
    fold_table: pd.DataFrame,
    networks: Networks,
    table_parameters: TableParameters,
    preparation: PreparationParameters,
    family: FamilyParameters,
    importance: ImportanceParameters,
    feature_importance: pd.DataFrame,
    seed: int,
) -> pd.DataFrame:
    """Compute what the most important columns do to the predictions of unseen rows.

    Returns
    -------
    Columns ``column``, ``level`` (of a category or flag) or ``value`` (of a number), ``output``
    (number of the class, 0 of a number), ``estimate`` (mean prediction when all rows have that
    value, before calibration), ``low``, ``high`` (95 %, as in `measure_importance`), ``folds``
    and ``rows`` (unseen rows that were read).
    """
    from crossfold.templates.cross_validation import importance as measured

    kept = measured.kept_models(networks, next(iter(family))[0], table_parameters.task)
    folds, rng = read_folds(fold_table), np.random.default_rng(seed)
    groups = measured.group_columns(features, table_parameters, preparation, importance)
    inputs = features[[column for group in groups.values() for column in group]]
    ranked = [c for name in feature_importance["column"] for c in groups.get(name, [name])]
    parts = [rng.permutation(one.validation_rows)[: importance.max_rows] for one in folds]
    lines = []
    for column in ranked[: importance.n_effects]:
        values = measured.effect_values(features[column], importance.n_values)
        effects = np.array(
            [
                measured.effect_in_fold(
                    kept[fold.protocol, fold.fold], inputs.iloc[part], values, table_parameters.task
                )
                for fold, part in zip(folds, parts, strict=True)
            ]
        )
        outputs = [1] if table_parameters.task == "binary" else range(effects.shape[2])
        for output, (place, value) in product(outputs, enumerate(values)):
            number = measured.is_number(values)
            lines.append(
                {
                    "column": column,
                    "level": None if number else str(value),
                    "value": float(value) if number else np.nan,
                    "output": output,
                    **_mean_of_folds(effects[:, place, output]),
                }
            )
    return pd.DataFrame(lines).assign(folds=len(folds), rows=sum(map(len, parts)))


def _mean_of_folds(values: Any) -> dict[str, float]:
    """Average over folds, with a 95 % interval that allows for the training rows they share."""
    from crossfold.validation import corrected_resampled_t_test

    n = len(values)
    test = corrected_resampled_t_test(values, np.zeros(n), test_share=1 / n)
    return {"estimate": test.difference, "low": test.low, "high": test.high}


def permute_labels(
    features: pd.DataFrame, table_parameters: TableParameters, seed: int
) -> pd.DataFrame:
    """Put the target of a feature table into random order, for the control."""
    order = np.random.default_rng(seed).permutation(len(features))
    target = features[table_parameters.target]
    return features.assign(**{table_parameters.target: target.to_numpy()[order]}).astype(
        {table_parameters.target: target.dtype}
    )


def keep_networks(fitted: Sequence[Fitted]) -> Networks:
    """Arrange fitted networks as the catalog stores them: a list, and a JSON document.

    The document's ``fitted`` has, for each model and fold in the order of the list, ``model``,
    ``protocol``, ``fold``, ``members`` (how many of the list) and ``encoder``.
    """
    return [one for result in fitted for one in result.estimators], {
        "fitted": [
            {
                "model": result.model,
                "protocol": result.slots[0].fold.protocol,
                "fold": result.slots[0].fold.fold,
                "members": len(result.estimators),
                "encoder": result.slots[0].encoder.to_dict(),
            }
            for result in fitted
        ]
    }


def list_selected(networks: Networks, family: FamilyParameters) -> pd.DataFrame:
    """List the columns that the first model of a family selected in each fold.

    Returns
    -------
    Columns ``model``, ``protocol``, ``fold`` and ``column``.
    """
    name, _ = next(iter(family))
    tables = [
        pd.DataFrame({"column": TableEncoder.from_dict(fitted["encoder"]).inputs}).assign(
            **{key: fitted[key] for key in ("model", "protocol", "fold")}
        )
        for fitted in networks[1]["fitted"]
        if fitted["model"] == name
    ]
    return pd.concat(tables, ignore_index=True)[["model", "protocol", "fold", "column"]]


def _training(
    features: pd.DataFrame,
    fold_table: pd.DataFrame,
    table_parameters: TableParameters,
    preparation: PreparationParameters,
) -> Training:
    return Training(features, table_parameters, preparation, group_of_row(fold_table))


def _all_folds(fold_table: pd.DataFrame) -> list[Fold]:
    return read_folds(fold_table, *SCORED)


def join_tables(*tables: pd.DataFrame) -> pd.DataFrame:
    """Join tables of one schema: the training histories of all families, for one."""
    return concatenate(list(tables))
