"""Nodes that train and score: one for each family of models, the control, and the final model."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from crossfold.templates.cross_validation import parameters as given
from crossfold.templates.cross_validation.encoding import TableEncoder, target_numbers
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
    group_of_row,
    read_folds,
)
from crossfold.templates.cross_validation.training import Training, installed
from crossfold.templates.parallel import side_by_side
from crossfold.templates.parameters import TableParameters
from crossfold.validation.comparison import corrected_resampled_t_test
from crossfold.validation.tables import concatenate

Networks = tuple[list[Any], dict[str, Any]]


def search_networks(
    features: pd.DataFrame,
    fold_table: pd.DataFrame,
    table_parameters: TableParameters,
    preparation: given.PreparationParameters,
    family: given.FamilyParameters,
    seed: int,
) -> tuple[pd.DataFrame, Networks, pd.DataFrame, pd.DataFrame]:
    """Train the networks of a family on the folds of all protocols, as few stacks.

    Returns what they say of rows that they did not learn from (see `score_table`); the networks
    with what belongs to them; their history; and every candidate of a search inside the folds, with
    its score in each fold.
    """
    training = Training(features, table_parameters, preparation, group_of_row(fold_table))
    folds = read_folds(fold_table, *SCORED)
    fitted, history, searched = fit_networks(family.root, folds, training, seed)
    return score_table(fitted, training), keep_networks(fitted), history, searched


def cross_validate_networks(
    features: pd.DataFrame,
    fold_table: pd.DataFrame,
    table_parameters: TableParameters,
    preparation: given.PreparationParameters,
    family: given.FamilyParameters,
    seed: int,
) -> tuple[pd.DataFrame, Networks, pd.DataFrame]:
    """Do what `search_networks` does, and leave out what was searched."""
    read = features, fold_table, table_parameters, preparation
    return search_networks(*read, family, seed)[:3]


def cross_validate_estimators(
    features: pd.DataFrame,
    fold_table: pd.DataFrame,
    table_parameters: TableParameters,
    preparation: given.PreparationParameters,
    family: given.FamilyParameters,
    seed: int,
) -> pd.DataFrame:
    """Fit the models of a family that are not our networks, as far as they are installed.

    Folds are fitted side by side: by the workers that ``joblib.parallel_config`` names, or in
    threads on all processors of this machine. Returns the table of `score_table`.
    """
    from joblib import effective_n_jobs, parallel_config

    training = Training(features, table_parameters, preparation, group_of_row(fold_table))
    folds = read_folds(fold_table, *SCORED)
    are_named = effective_n_jobs(None) > 1
    with nullcontext() if are_named else parallel_config("threading", n_jobs=-1):
        return score_table(fit_estimators(installed(family.root), folds, training, seed), training)


def cross_validate_control(
    permuted_features: pd.DataFrame,
    fold_table: pd.DataFrame,
    table_parameters: TableParameters,
    preparation: given.PreparationParameters,
    family: given.FamilyParameters,
    seed: int,
) -> pd.DataFrame:
    """Cross-validate the first network of a family on features made from permuted labels."""
    training = Training(permuted_features, table_parameters, preparation, group_of_row(fold_table))
    name, model = next(iter(family))
    model = model.model_copy(update={"protocols": None, "search": {}})
    folds = [replace(one, protocol=PERMUTED) for one in read_folds(fold_table)]
    fitted, _, _ = fit_networks({name: model}, folds, training, seed)
    return score_table(fitted, training)


def fit_final_networks(
    features: pd.DataFrame,
    fold_table: pd.DataFrame,
    table_parameters: TableParameters,
    preparation: given.PreparationParameters,
    family: given.FamilyParameters,
    seed: int,
) -> tuple[Networks, pd.DataFrame]:
    """Fit the first model of a family on every row.

    Returns the networks, and what each member says of the part that it left out.
    """
    training = Training(features, table_parameters, preparation, group_of_row(fold_table))
    name, model = next(iter(family))
    own = {name: model.model_copy(update={"protocols": None})}
    fitted, _, _ = fit_networks(own, read_folds(fold_table, ALL_ROWS), training, seed)
    return keep_networks(fitted), score_table(fitted, training)


def measure_importance(
    features: pd.DataFrame,
    fold_table: pd.DataFrame,
    networks: Networks,
    table_parameters: TableParameters,
    preparation: given.PreparationParameters,
    family: given.FamilyParameters,
    importance: given.ImportanceParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure on unseen rows what drives the first network of a family.

    Returns what it loses when a column is shuffled, most important first: ``column`` (or a group
    that is shuffled together, see `group_columns`), ``estimate`` (mean over folds and repeats),
    ``low``, ``high`` (95 %, by the variance of folds corrected for training rows that they share)
    and ``folds``: those that hold both of two classes, without figures if there are fewer than two.
    And what the first columns of these do to its predictions: ``column``, ``level`` (of a category
    or flag) or ``value`` (of a number), ``output`` (number of the class, 0 of a number),
    ``estimate`` (mean prediction when all rows have that value, before calibration), ``low``,
    ``high``, ``folds`` and ``rows`` (unseen rows that were read).
    """
    from crossfold.templates.cross_validation import importance as measured

    task, folds = table_parameters.task, read_folds(fold_table)
    kept = measured.kept_models(networks, next(iter(family))[0], task)
    models = [kept[fold.protocol, fold.fold] for fold in folds]
    groups = measured.group_columns(features, table_parameters, preparation, importance)
    target = target_numbers(features[table_parameters.target], table_parameters)
    inputs = features[[column for group in groups.values() for column in group]]
    rng = np.random.default_rng(seed)
    unseen = [rng.permutation(fold.validation_rows)[: importance.max_rows] for fold in folds]
    parts = [inputs.iloc[rows] for rows in unseen]
    jobs = [
        (model, part, target[rows], groups, importance, seed)
        for model, part, rows in zip(models, parts, unseen, strict=True)
        if task != "binary" or np.ptp(target[rows])  # rows of one class have no ROC-AUC
    ]
    lost = side_by_side(measured.measure_fold, jobs if len(jobs) > 1 else [])
    # In repeats there are more folds, each of which still validates as many rows.
    share = float(np.mean([len(fold.validation_rows) for fold in folds])) / len(features)
    by_group = pd.DataFrame(lost, columns=list(groups)).items()
    table = pd.DataFrame([{"column": name, **_mean_of_folds(own, share)} for name, own in by_group])
    table = table.assign(folds=len(lost)).sort_values("estimate", ascending=False)
    lines = []
    ranked = [column for name in table["column"] for column in groups[name]]
    chosen = [
        measured.effect_values(features[column], importance.n_values)
        for column in ranked[: importance.n_effects]
    ]
    asked = [(*own, values) for values in chosen for own in zip(models, parts, strict=True)]
    in_folds = iter(side_by_side(measured.effect_in_fold, asked))
    for column, values in zip(ranked, chosen, strict=False):
        effects = np.array([next(in_folds) for _ in models])
        is_number = measured.is_number(values)
        outputs = [1] if task == "binary" else range(effects.shape[2])
        for output, (place, value) in product(outputs, enumerate(values)):
            at = {"value": float(value)} if is_number else {"level": str(value), "value": np.nan}
            found = _mean_of_folds(effects[:, place, output], share)
            lines.append({"column": column, "level": None, **at, "output": output, **found})
    effects_table = pd.DataFrame(lines).assign(folds=len(folds), rows=sum(map(len, parts)))
    return table.reset_index(drop=True), effects_table


def _mean_of_folds(values: Any, share: float) -> dict[str, float]:
    """Average over folds, with a 95 % interval that allows for the training rows they share.

    `share` is that of the rows which each of them validates. Of no fold all is NaN.
    """
    if not len(values):
        return dict.fromkeys(("estimate", "low", "high"), np.nan)
    test = corrected_resampled_t_test(values, np.zeros(len(values)), test_share=share)
    return {"estimate": test.difference, "low": test.low, "high": test.high}


def permute_labels(
    features: pd.DataFrame, table_parameters: TableParameters, seed: int
) -> pd.DataFrame:
    """Put the target of a feature table into random order, for the control."""
    target = features[table_parameters.target]
    permuted = target.iloc[np.random.default_rng(seed).permutation(len(features))]
    return features.assign(**{str(target.name): permuted.array})


def keep_networks(fitted: Sequence[Fitted]) -> Networks:
    """Arrange fitted networks as the catalog stores them: a list, and a JSON document.

    The document's ``fitted`` has, for each model and fold in the order of the list, ``model``,
    ``protocol``, ``fold``, ``members`` (how many of the list) and ``encoder``.
    """
    documents = [
        {
            "model": one.model,
            "protocol": one.fold.protocol,
            "fold": one.fold.fold,
            "members": len(one.estimators),
            "encoder": one.encoder.to_dict(),
        }
        for one in fitted
    ]
    return [network for one in fitted for network in one.estimators], {"fitted": documents}


def list_selected(networks: Networks, family: given.FamilyParameters) -> pd.DataFrame:
    """List the columns that the first model of a family selected in each fold.

    Returns columns ``model``, ``protocol``, ``fold`` and ``column``.
    """
    name, _ = next(iter(family))
    keys = ["model", "protocol", "fold"]
    rows = [
        (*(fitted[key] for key in keys), column)
        for fitted in networks[1]["fitted"]
        if fitted["model"] == name
        for column in TableEncoder.from_dict(fitted["encoder"]).inputs
    ]
    return pd.DataFrame(rows, columns=[*keys, "column"])


def join_tables(*tables: pd.DataFrame) -> pd.DataFrame:
    """Join tables of one schema: the training histories of all families, for one."""
    return concatenate(list(tables))
