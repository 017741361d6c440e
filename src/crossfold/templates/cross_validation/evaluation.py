"""Nodes that turn predictions into figures with intervals, and compare models."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.templates.cross_validation.folds import COMPARED
from crossfold.templates.cross_validation.parameters import EvaluationParameters
from crossfold.templates.parameters import TableParameters, Task
from crossfold.validation.comparison import (
    TestResult,
    corrected_resampled_t_test,
    equivalence_test,
    mcnemar_test,
    verdict,
)
from crossfold.validation.estimates import COMPARED as COMPARED_METRICS
from crossfold.validation.estimates import (
    MAIN_METRIC,
    Predicted,
    estimate_rows,
    point_estimates,
    resampled_estimates,
)
from crossfold.validation.intervals import GroupBootstrap, percentile_interval
from crossfold.validation.tables import POOLED, probabilities

COMPARISON_COLUMNS = (
    *("model_a", "model_b", "protocol", "metric", "test"),
    *("difference", "low", "high", "p_value", "n", "verdict"),
)
_NEGATED = "not "
_SIGNIFICANT = 0.05


def evaluate_predictions(
    predictions: pd.DataFrame,
    features: pd.DataFrame,
    table_parameters: TableParameters,
    evaluation: EvaluationParameters,
    seed: int,
) -> pd.DataFrame:
    """Compute every metric of every model with its interval, pooled, by subset and by fold.

    All models are resampled alike; folds have no intervals, and a fold of one row has no figures. A
    row that is predicted in several repeats is drawn as a whole, and counts once.

    Returns
    -------
    A table of the schema `crossfold.validation.schemas.METRICS`.
    """
    tables = [
        _evaluate_model(rows, features, table_parameters.task, evaluation, seed).assign(
            model=str(model), protocol=str(protocol)
        )
        for (model, protocol), rows in predictions.groupby(["model", "protocol"], observed=True)
    ]
    columns = ["model", "protocol", "scope", "metric", "estimate", "low", "high", "n"]
    return pd.concat(tables, ignore_index=True)[columns]


def _evaluate_model(
    predictions: pd.DataFrame,
    features: pd.DataFrame,
    task: Task,
    evaluation: EvaluationParameters,
    seed: int,
) -> pd.DataFrame:
    """Evaluate the predictions of one model under one protocol."""
    bootstrap = GroupBootstrap(predictions["group"], evaluation.n_resamples, seed)
    predicted = Predicted.of(predictions, task)
    repeats = len(predictions) / predictions["row"].nunique()
    tables = [
        estimate_rows(predicted[rows], bootstrap, rows, repeats).assign(scope=scope)
        for scope, rows in _scopes(predictions, features, evaluation)
    ]
    return pd.concat([*tables, *_fold_rows(predictions, task)], ignore_index=True)


def _scopes(
    predictions: pd.DataFrame, features: pd.DataFrame, evaluation: EvaluationParameters
) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """List the rows of the whole table and of each subset."""
    yield POOLED, np.arange(len(predictions))
    for scope, column in evaluation.subsets.items():
        is_in = features[column.removeprefix(_NEGATED)].to_numpy(dtype=bool)
        is_in = ~is_in if column.startswith(_NEGATED) else is_in
        yield scope, np.flatnonzero(is_in[predictions["row"].to_numpy()])


def _fold_rows(predictions: pd.DataFrame, task: Task) -> Iterator[pd.DataFrame]:
    """Compute the point estimates of each fold."""
    for fold, rows in predictions.groupby("fold"):
        if len(rows) == 1:
            continue
        estimates = point_estimates(Predicted.of(rows, task))
        yield pd.DataFrame({"metric": estimates.keys(), "estimate": estimates.values()}).assign(
            scope=f"fold {fold}", low=np.nan, high=np.nan, n=len(rows)
        )


def summarise_metrics(metrics_table: pd.DataFrame) -> dict[str, Any]:
    """Nest the pooled figures as model, protocol, metric; NaN becomes null."""
    pooled = metrics_table[metrics_table["scope"] == POOLED]
    summary: dict[str, Any] = {}
    for row in pooled.to_dict("records"):
        figures = {
            name: float(row[name]) if np.isfinite(row[name]) else None
            for name in ("estimate", "low", "high")
        }
        model = summary.setdefault(row["model"], {}).setdefault(row["protocol"], {})
        model[row["metric"]] = {**figures, "n": int(row["n"])}
    return summary


def compare_models(
    predictions: pd.DataFrame,
    metrics_table: pd.DataFrame,
    table_parameters: TableParameters,
    evaluation: EvaluationParameters,
    seed: int,
) -> pd.DataFrame:
    """Compare every pair of models under each protocol of `COMPARED`, the reference model first.

    Up to three tests for each pair: a paired bootstrap of the pooled figures; the corrected
    resampled t-test on the folds' main metric, where there are at least three folds; and McNemar's
    test on the decisions of classes, where each row is predicted once. The twins also get an
    equivalence test, and the largest difference between what they say of any row.

    Returns
    -------
    A table of the schema `crossfold.validation.schemas.COMPARISON`.
    """
    tables = [
        _compare_under(
            predictions[predictions["protocol"] == protocol],
            metrics_table[metrics_table["protocol"] == protocol],
            table_parameters.task,
            evaluation,
            seed,
        ).assign(protocol=protocol)
        for protocol in COMPARED
        if (predictions["protocol"] == protocol).any()
    ]
    return pd.concat(tables, ignore_index=True).astype({"n": "int64"})


def _compare_under(
    predictions: pd.DataFrame,
    metrics_table: pd.DataFrame,
    task: Task,
    evaluation: EvaluationParameters,
    seed: int,
) -> pd.DataFrame:
    """Compare every pair of models under one protocol."""
    rows_of = predictions.sort_values(["model", "row", "fold"])
    models = {str(name): rows for name, rows in rows_of.groupby("model", observed=True)}
    first = next(iter(models.values()))
    bootstrap = GroupBootstrap(first["group"], evaluation.n_resamples, seed)
    metric = evaluation.metric or MAIN_METRIC[task]
    metrics = list(dict.fromkeys([*COMPARED_METRICS[task], metric]))
    resampled = {name: _resampled(rows, task, bootstrap)[metrics] for name, rows in models.items()}
    scores = _fold_scores(metrics_table, metric, first["row"].nunique())
    is_repeated = bool(first["row"].duplicated().any())
    records: list[dict[str, Any]] = []
    for pair in _pairs(list(models), evaluation.reference):
        records += _paired_bootstrap(pair, resampled)
        if len(scores.table) > 2:
            records.append(_t_test(pair, scores))
        if task != "regression" and not is_repeated:
            records += _mcnemar(pair, models, task, evaluation)
    records += _twin_rows(models, scores, task, evaluation)
    return pd.DataFrame(records, columns=list(COMPARISON_COLUMNS))


def _pairs(models: list[str], reference: str) -> list[tuple[str, str]]:
    """List all pairs, those of the reference model first."""
    ordered = sorted(models, key=lambda name: (name != reference, name))
    return list(combinations(ordered, 2))


def _resampled(rows: pd.DataFrame, task: Task, bootstrap: GroupBootstrap) -> pd.DataFrame:
    """Arrange metrics as columns: first row the estimate, then the resamples."""
    predicted = Predicted.of(rows, task)
    point, resamples = point_estimates(predicted), resampled_estimates(predicted, bootstrap)
    return pd.DataFrame({m: np.append(point[m], resamples[m]) for m in point})


@dataclass(frozen=True)
class _FoldScores:
    """A metric by fold (rows) and model (columns), and the share of rows that a fold validates."""

    metric: str
    table: pd.DataFrame
    test_share: float


def _fold_scores(metrics_table: pd.DataFrame, metric: str, n_rows: int) -> _FoldScores:
    folds = metrics_table[
        metrics_table["scope"].str.startswith("fold ") & (metrics_table["metric"] == metric)
    ]
    table = folds.pivot_table(index="scope", columns="model", values="estimate", observed=True)
    sizes = folds.drop_duplicates("scope")["n"]
    return _FoldScores(metric, table, float(sizes.mean() / n_rows) if len(sizes) else 0.0)


def _row(pair: tuple[str, str], metric: str, test: str, **figures: Any) -> dict[str, Any]:
    return {"model_a": pair[0], "model_b": pair[1], "metric": metric, "test": test, **figures}


def result_row(
    pair: tuple[str, str], metric: str, test: str, result: TestResult, told: str | None = None
) -> dict[str, Any]:
    """Arrange a test as a row of the schema `COMPARISON`, without ``protocol``.

    Parameters
    ----------
    pair, metric, test
        Two models, what was compared, and the name of the test.
    result
        Of the first model minus the second.
    told
        The verdict, or None for the one rule of all studies.
    """
    figures = {k: v for k, v in vars(result).items() if k != "statistic"}
    told = told or verdict(result.low, result.high)
    return _row(pair, metric, test, **figures, verdict=told)


def _paired_bootstrap(
    pair: tuple[str, str], resampled: dict[str, pd.DataFrame]
) -> list[dict[str, Any]]:
    """Compare pooled figures on the same resamples."""
    differences = resampled[pair[0]] - resampled[pair[1]]
    rows = []
    for metric in map(str, differences):
        estimate, *resamples = differences[metric]
        low, high = percentile_interval(np.asarray(resamples))
        figures = {"difference": estimate, "low": low, "high": high, "n": len(resamples)}
        rows.append(_row(pair, metric, "paired bootstrap", **figures, verdict=verdict(low, high)))
    return rows


def _t_test(pair: tuple[str, str], scores: _FoldScores) -> dict[str, Any]:
    a, b = (scores.table[model] for model in pair)
    result = corrected_resampled_t_test(a, b, test_share=scores.test_share)
    return result_row(pair, scores.metric, "corrected resampled t-test over folds", result)


def _mcnemar(
    pair: tuple[str, str],
    models: dict[str, pd.DataFrame],
    task: Task,
    evaluation: EvaluationParameters,
) -> list[dict[str, Any]]:
    """Compare decisions: on all rows, and on those of one fold, where one is named."""
    a, b = (models[model] for model in pair)
    decided = "flagged" if task == "binary" else "predicted"
    right_a, right_b = ((rows[decided] == rows["target"]).to_numpy() for rows in (a, b))
    scopes = {"McNemar": np.ones(len(a), dtype=bool)}
    if evaluation.single_fold is not None:
        fold = evaluation.single_fold
        scopes[f"McNemar, fold {fold} alone"] = (a["fold"] == fold).to_numpy()
    return [
        result_row(
            pair, "accuracy", test, mcnemar_test(np.ones(rows.sum()), right_a[rows], right_b[rows])
        )
        for test, rows in scopes.items()
    ]


def _twin_rows(
    models: dict[str, pd.DataFrame],
    scores: _FoldScores,
    task: Task,
    evaluation: EvaluationParameters,
) -> list[dict[str, Any]]:
    """Test whether the twins are the same: in every row, and in the main metric over folds."""
    twins = evaluation.twins
    if not twins or not set(twins) <= set(models):
        return []
    rows = [compare_by_row(twins, models, task)]
    if len(scores.table) > 2:
        rows.append(_equivalence(twins, scores, evaluation.equivalence_margin))
    return rows


def compare_by_row(
    pair: tuple[str, str], models: Mapping[str, pd.DataFrame], task: Task
) -> dict[str, Any]:
    """Find the largest difference between what two models say of a row.

    Parameters
    ----------
    pair, models
        Two names, and the predictions of each, the same rows in the same order.
    task
        Kind of the target.

    Returns
    -------
    A row of the schema `crossfold.validation.schemas.COMPARISON` without ``protocol``.
    """
    said = [_said(models[name], task) for name in pair]
    gap = float(np.abs(said[0] - said[1]).max())
    scale = float(said[0].std()) if task == "regression" else 1.0
    return _row(
        pair,
        "predicted" if task == "regression" else "raw_probability",
        "largest difference of any row",
        difference=gap,
        n=len(said[0]),
        verdict="equal to rounding" if gap < 1e-3 * scale else "differ",
    )


def _said(predictions: pd.DataFrame, task: Task) -> NDArray[Any]:
    if task == "regression":
        return predictions["predicted"].to_numpy(dtype=np.float64)
    return probabilities(predictions, "raw_p")


def _equivalence(twins: tuple[str, str], scores: _FoldScores, margin: float) -> dict[str, Any]:
    a, b = (scores.table[name] for name in twins)
    result = equivalence_test(a, b, margin=margin, test_share=scores.test_share)
    shown = f"equivalent within {margin}" if result.p_value < _SIGNIFICANT else "not shown"
    return result_row(twins, scores.metric, "equivalence over folds", result, shown)
