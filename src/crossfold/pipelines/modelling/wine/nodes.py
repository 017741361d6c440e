"""Nodes of the wine study: folds, leak guard, cross-validation, importance."""

import numpy as np
import pandas as pd

from crossfold.pipelines.data_engineering.wine.columns import MEASUREMENTS
from crossfold.pipelines.modelling.wine.inputs import (
    CONTROL,
    INPUTS,
    LOGISTIC,
    MLP,
    WITH_QUALITY,
    features,
    is_red,
)
from crossfold.pipelines.modelling.wine.parameters import (
    FoldParameters,
    ImportanceParameters,
    LogisticRegressionParameters,
    NetworkParameters,
)


def assign_wines_to_folds(wines: pd.DataFrame, folds: FoldParameters, seed: int) -> pd.DataFrame:
    """Assign every wine to a fold, stratified by colour; wines that measure the same stay together.

    Returns
    -------
    Columns ``row``, ``group`` and ``fold``.
    """
    from crossfold.validation import assign_folds

    group = wines["group"].to_numpy()
    fold = assign_folds(is_red(wines), group, n_splits=folds.n_splits, seed=seed)
    return pd.DataFrame({"row": range(len(wines)), "group": group, "fold": fold})


def guard_against_leaks(wines: pd.DataFrame, fold_table: pd.DataFrame) -> pd.DataFrame:
    """Check that no two wines of equal measurements are in two folds; a leak stops the run."""
    from crossfold.validation import check_leaks

    return check_leaks(
        fold_table["fold"].to_numpy(),
        groups=fold_table["group"].to_numpy(),
        identity=wines[list(MEASUREMENTS)],
    )


def cross_validate_logistic(
    wines: pd.DataFrame, fold_table: pd.DataFrame, logistic_regression: LogisticRegressionParameters
) -> pd.DataFrame:
    """Cross-validate logistic regression with and without quality."""
    y = is_red(wines)
    tables = [
        _logistic(wines, fold_table, y, logistic_regression, inputs).assign(inputs=inputs)
        for inputs in INPUTS
    ]
    return pd.concat(tables, ignore_index=True)


def _logistic(
    wines: pd.DataFrame,
    fold_table: pd.DataFrame,
    y: np.ndarray,
    parameters: LogisticRegressionParameters,
    inputs: str,
) -> pd.DataFrame:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import PredefinedSplit, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    from crossfold.pipelines.modelling.wine.networks import tabulate

    model = make_pipeline(MinMaxScaler(), LogisticRegression(**parameters.model_dump()))
    probability = cross_val_predict(
        model,
        features(wines, inputs),
        y,
        cv=PredefinedSplit(fold_table["fold"]),
        method="predict_proba",
    )[:, 1]
    return tabulate(fold_table, y, probability, LOGISTIC, inputs)


def cross_validate_network(
    wines: pd.DataFrame, fold_table: pd.DataFrame, network: NetworkParameters, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cross-validate the network with and without quality; give predictions and history."""
    from crossfold.pipelines.modelling.wine.networks import (
        fit_folds,
        history_table,
        make_network,
        tabulate,
    )
    from crossfold.validation import fold_rows

    y, folds = is_red(wines), fold_rows(fold_table["fold"].to_numpy())
    predictions, histories = [], []
    for inputs in INPUTS:
        stack = fit_folds(make_network(network, seed), features(wines, inputs), y, folds)
        predictions.append(tabulate(fold_table, y, stack.out_of_fold_[0], MLP, inputs))
        histories.append(history_table(stack, inputs))
    return pd.concat(predictions, ignore_index=True), pd.concat(histories, ignore_index=True)


def cross_validate_control(
    wines: pd.DataFrame,
    fold_table: pd.DataFrame,
    network: NetworkParameters,
    logistic_regression: LogisticRegressionParameters,
    seed: int,
) -> pd.DataFrame:
    """Cross-validate both models on permuted labels: there is nothing to learn."""
    from crossfold.pipelines.modelling.wine.networks import fit_folds, make_network, tabulate
    from crossfold.validation import fold_rows, permute_labels

    y = permute_labels(is_red(wines), np.random.default_rng(seed))
    X, folds = features(wines, WITH_QUALITY), fold_rows(fold_table["fold"].to_numpy())
    stack = fit_folds(make_network(network, seed), X, y, folds)
    tables = [
        tabulate(fold_table, y, stack.out_of_fold_[0], MLP, CONTROL),
        _logistic(wines, fold_table, y, logistic_regression, WITH_QUALITY),
    ]
    return pd.concat(tables, ignore_index=True).assign(inputs=CONTROL)


def measure_importance(
    wines: pd.DataFrame,
    fold_table: pd.DataFrame,
    network: NetworkParameters,
    importance: ImportanceParameters,
    seed: int,
) -> pd.DataFrame:
    """Measure the accuracy that the network loses when a column of unseen wines is shuffled.

    Returns
    -------
    Columns ``column``, ``estimate`` (mean over folds and repeats), ``low``, ``high`` (95 %, by the
    variance of folds corrected for training rows that they share) and ``folds``.
    """
    from sklearn.inspection import permutation_importance
    from sklearn.pipeline import make_pipeline

    from crossfold.pipelines.modelling.wine.networks import fit_folds, make_network
    from crossfold.validation import corrected_resampled_t_test, fold_rows

    X, y = features(wines, WITH_QUALITY), is_red(wines)
    folds = fold_rows(fold_table["fold"].to_numpy())
    stack = fit_folds(make_network(network, seed), X, y, folds)
    fitted = zip(stack.preprocessors_, stack.estimators_[0], folds, strict=True)
    lost = np.array(
        [
            permutation_importance(
                make_pipeline(scaler, estimator),
                X[rows],
                y[rows],
                n_repeats=importance.n_repeats,
                random_state=seed,
            ).importances_mean
            for scaler, estimator, (_, rows) in fitted
        ]
    )
    results = [
        corrected_resampled_t_test(of_column, np.zeros(len(lost)), test_share=1 / len(lost))
        for of_column in lost.T
    ]
    rows = [(result.difference, result.low, result.high) for result in results]
    table = pd.DataFrame(rows, columns=["estimate", "low", "high"])
    table.insert(0, "column", INPUTS[WITH_QUALITY])
    table = table.assign(folds=len(lost)).sort_values("estimate", ascending=False)
    return table.reset_index(drop=True)
