"""Nodes that turn out-of-fold predictions into figures with intervals, and compare models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.modelling.binary.folds import GROUPED
from crossfold.pipelines.modelling.binary.parameters import EvaluationParameters

if TYPE_CHECKING:
    from crossfold.validation import GroupBootstrap, TestResult

REFERENCE = "mlp_tuned"
TWINS = ("mlp_numpy", "mlp_torch")
COMPARED = ("roc_auc", "pr_auc", "brier")
POOLED = "pooled"
_SIGNIFICANT = 0.05
_NEGATED = "not "


def evaluate_predictions(
    predictions: pd.DataFrame, features: pd.DataFrame, evaluation: EvaluationParameters, seed: int
) -> pd.DataFrame:
    """Give every metric of every model with its interval, pooled, by subset and by fold.

    Intervals are 95 % percentile bootstrap intervals over whole groups, resampled alike for all
    models; folds have none.

    Returns
    -------
    Columns ``model``, ``protocol``, ``scope``, ``metric``, ``estimate``, ``low``, ``high``, ``n``
    and ``positives``.
    """
    tables = [
        _evaluate_model(rows, features, evaluation, seed).assign(model=model, protocol=protocol)
        for (model, protocol), rows in predictions.groupby(["model", "protocol"], observed=True)
    ]
    columns = ["model", "protocol", "scope", "metric", "estimate", "low", "high", "n", "positives"]
    return pd.concat(tables, ignore_index=True)[columns]


def _evaluate_model(
    predictions: pd.DataFrame, features: pd.DataFrame, evaluation: EvaluationParameters, seed: int
) -> pd.DataFrame:
    """Evaluate the predictions of one model under one protocol."""
    from crossfold.validation import GroupBootstrap, metric_rows

    bootstrap = GroupBootstrap(predictions["group"], evaluation.n_resamples, seed)
    tables = [
        metric_rows(*_columns(predictions.iloc[rows]), bootstrap, rows).assign(scope=scope)
        for scope, rows in _scopes(predictions, features, evaluation)
    ]
    return pd.concat([*tables, *_fold_rows(predictions)], ignore_index=True)


def _columns(predictions: pd.DataFrame) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    return (
        predictions["target"].to_numpy(),
        predictions["probability"].to_numpy(),
        predictions["flagged"].to_numpy(),
    )


def _scopes(
    predictions: pd.DataFrame, features: pd.DataFrame, evaluation: EvaluationParameters
) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Give the rows of the whole table and of each subset."""
    yield POOLED, np.arange(len(predictions))
    for scope, column in evaluation.subsets.items():
        is_in = features[column.removeprefix(_NEGATED)].to_numpy(dtype=bool)
        is_in = ~is_in if column.startswith(_NEGATED) else is_in
        yield scope, np.flatnonzero(is_in[predictions["row"].to_numpy()])


def _fold_rows(predictions: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Give the point estimates of each fold."""
    from crossfold.validation import binary_metrics

    for fold, rows in predictions.groupby("fold"):
        y, p, flagged = _columns(rows)
        estimates = {name: value[0] for name, value in binary_metrics(y, p, flagged).items()}
        yield pd.DataFrame({"metric": estimates.keys(), "estimate": estimates.values()}).assign(
            scope=f"fold {fold}", n=len(y), positives=int(y.sum())
        )


def summarise_metrics(metrics_table: pd.DataFrame) -> dict[str, Any]:
    """Nest the pooled figures as model, protocol, metric; NaN becomes null."""
    pooled = metrics_table[metrics_table["scope"] == POOLED]
    summary: dict[str, Any] = {}
    for row in pooled.itertuples():
        figures = {
            name: float(value) if np.isfinite(value) else None
            for name, value in (("estimate", row.estimate), ("low", row.low), ("high", row.high))
        }
        model = summary.setdefault(str(row.model), {}).setdefault(str(row.protocol), {})
        model[str(row.metric)] = {**figures, "n": int(row.n)}
    return summary


def compare_models(
    predictions: pd.DataFrame,
    metrics_table: pd.DataFrame,
    evaluation: EvaluationParameters,
    seed: int,
) -> pd.DataFrame:
    """Compare the tuned model with every other, and the twins with each other.

    Three tests for each pair: a paired bootstrap of the pooled figures, the corrected resampled
    t-test on the folds' ROC-AUC, and McNemar's test on the decisions. The twins also get an
    equivalence test, and the largest difference between their raw probabilities.

    Returns
    -------
    Columns ``model_a``, ``model_b``, ``metric``, ``test``, ``difference``, ``low``, ``high``,
    ``statistic``, ``p_value``, ``n``, ``verdict``.
    """
    from crossfold.validation import GroupBootstrap

    grouped = predictions[predictions["protocol"] == GROUPED].sort_values(["model", "row"])
    models = {str(name): rows for name, rows in grouped.groupby("model", observed=True)}
    bootstrap = GroupBootstrap(models[REFERENCE]["group"], evaluation.n_resamples, seed)
    resampled = {name: _resampled(rows, bootstrap) for name, rows in models.items()}
    fold_scores = _fold_scores(metrics_table)
    rows: list[dict[str, Any]] = []
    for other in (name for name in models if name != REFERENCE):
        pair = (REFERENCE, other)
        rows += _paired_bootstrap(pair, resampled)
        rows.append(_t_test(pair, fold_scores))
        rows.append(_mcnemar(pair, models))
    return pd.DataFrame(rows + _twin_rows(models, fold_scores, evaluation))


def _resampled(rows: pd.DataFrame, bootstrap: GroupBootstrap) -> pd.DataFrame:
    """Give the compared metrics as columns: first row the estimate, then the resamples."""
    from crossfold.validation import binary_metrics, bootstrap_metrics

    y, p, _ = _columns(rows)
    point = binary_metrics(y, p)
    resamples = bootstrap_metrics(y, p, None, bootstrap)
    return pd.DataFrame({m: np.append(point[m], resamples[m]) for m in COMPARED})


def _fold_scores(metrics_table: pd.DataFrame) -> pd.DataFrame:
    """Give ROC-AUC by fold (rows) and model (columns)."""
    folds = metrics_table[
        (metrics_table["protocol"] == GROUPED)
        & metrics_table["scope"].str.startswith("fold ")
        & (metrics_table["metric"] == "roc_auc")
    ]
    return folds.pivot_table(index="scope", columns="model", values="estimate", observed=True)


def _row(pair: tuple[str, str], metric: str, test: str, **figures: Any) -> dict[str, Any]:
    return {"model_a": pair[0], "model_b": pair[1], "metric": metric, "test": test, **figures}


def _from_result(
    pair: tuple[str, str], metric: str, test: str, result: TestResult, verdict: str
) -> dict[str, Any]:
    return _row(pair, metric, test, **vars(result), verdict=verdict)


def _paired_bootstrap(
    pair: tuple[str, str], resampled: dict[str, pd.DataFrame]
) -> list[dict[str, Any]]:
    """Compare pooled figures on the same resamples."""
    from crossfold.validation import percentile_interval

    differences = resampled[pair[0]] - resampled[pair[1]]
    rows = []
    for metric in COMPARED:
        estimate, *resamples = differences[metric]
        low, high = percentile_interval(np.asarray(resamples))
        figures = {"difference": estimate, "low": low, "high": high, "n": len(resamples)}
        verdict = "differ" if low > 0 or high < 0 else "not told apart"
        rows.append(_row(pair, metric, "paired bootstrap", **figures, verdict=verdict))
    return rows


def _t_test(pair: tuple[str, str], fold_scores: pd.DataFrame) -> dict[str, Any]:
    from crossfold.validation import corrected_resampled_t_test

    a, b = (fold_scores[model] for model in pair)
    result = corrected_resampled_t_test(a, b, test_share=1 / len(fold_scores))
    test = "corrected resampled t-test over folds"
    return _from_result(pair, "roc_auc", test, result, _verdict(result))


def _mcnemar(pair: tuple[str, str], models: dict[str, pd.DataFrame]) -> dict[str, Any]:
    from crossfold.validation import mcnemar_test

    a, b = (models[model] for model in pair)
    result = mcnemar_test(a["target"], a["flagged"], b["flagged"])
    return _from_result(pair, "accuracy", "McNemar", result, _verdict(result))


def _verdict(result: TestResult) -> str:
    return "differ" if result.p_value < _SIGNIFICANT else "not told apart"


def _twin_rows(
    models: dict[str, pd.DataFrame], fold_scores: pd.DataFrame, evaluation: EvaluationParameters
) -> list[dict[str, Any]]:
    """Test whether the twins are the same: in every probability, and in ROC-AUC over folds."""
    from crossfold.validation import equivalence_test

    a, b = (models[model] for model in TWINS)
    gap = np.abs(a["raw_probability"].to_numpy() - b["raw_probability"].to_numpy()).max()
    margin = evaluation.equivalence_margin
    result = equivalence_test(
        fold_scores[TWINS[0]],
        fold_scores[TWINS[1]],
        margin=margin,
        test_share=1 / len(fold_scores),
    )
    equivalent = f"equivalent within {margin}" if result.p_value < _SIGNIFICANT else "not shown"
    return [
        _row(
            TWINS,
            "raw_probability",
            "largest difference of any row",
            difference=float(gap),
            n=len(a),
            verdict="equal to rounding" if gap < 1e-3 else "differ",
        ),
        _from_result(TWINS, "roc_auc", "equivalence over folds", result, equivalent),
    ]
