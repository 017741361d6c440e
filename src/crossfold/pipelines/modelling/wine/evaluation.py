"""Nodes that turn predictions into figures with intervals, and compare models."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from crossfold.pipelines.modelling.wine.inputs import (
    CONTROL,
    SINGLE_SPLIT,
    WITH_QUALITY,
    WITHOUT_QUALITY,
)
from crossfold.pipelines.modelling.wine.parameters import EvaluationParameters

POOLED = "all folds"
_SIGNIFICANT = 0.05
_SHOWN = ("accuracy", "roc_auc", "f1", "brier", "log_loss")


def collect_predictions(*tables: pd.DataFrame) -> pd.DataFrame:
    """Join the predictions of all models."""
    joined = pd.concat(tables, ignore_index=True)
    return joined.astype({"model": "category", "inputs": "category"})


def evaluate_predictions(
    predictions: pd.DataFrame, evaluation: EvaluationParameters, seed: int
) -> pd.DataFrame:
    """Give the figures of every model, pooled over folds and in each fold, with 95 % intervals.

    Pooled figures are bootstrapped by group; a fold has accuracy only, with Wilson's interval.

    Returns
    -------
    Columns ``model``, ``inputs``, ``scope`` (``all folds`` or ``fold k``), ``metric``,
    ``estimate``, ``low``, ``high``, ``wrong`` (wines called wrongly) and ``n``.
    """
    tables = []
    for (model, inputs), rows in predictions.groupby(["model", "inputs"], observed=True):
        own = pd.concat([_pooled(rows, evaluation, seed), _by_fold(rows)], ignore_index=True)
        tables.append(own.assign(model=model, inputs=inputs))
    columns = ["model", "inputs", "scope", "metric", "estimate", "low", "high", "wrong", "n"]
    return pd.concat(tables, ignore_index=True)[columns]


def _pooled(rows: pd.DataFrame, evaluation: EvaluationParameters, seed: int) -> pd.DataFrame:
    from crossfold.validation import GroupBootstrap, metric_rows

    bootstrap = GroupBootstrap(rows["group"], evaluation.n_resamples, seed)
    table = metric_rows(*(rows[c].to_numpy() for c in ("target", "score", "flagged")), bootstrap)
    shown = table[table["metric"].isin(_SHOWN)]
    return shown.assign(scope=POOLED, wrong=_wrong(rows))


def _by_fold(rows: pd.DataFrame) -> pd.DataFrame:
    from crossfold.validation import wilson_interval

    figures = []
    for fold, part in rows.groupby("fold"):
        wrong, n = _wrong(part), len(part)
        low, high = wilson_interval(n - wrong, n)
        figures.append((f"fold {fold}", "accuracy", 1 - wrong / n, float(low), float(high), wrong))
    columns = ["scope", "metric", "estimate", "low", "high", "wrong"]
    return pd.DataFrame(figures, columns=columns).assign(n=rows.groupby("fold").size().to_numpy())


def _wrong(rows: pd.DataFrame) -> int:
    return int((rows["flagged"] != (rows["target"] == 1)).sum())


def summarise_metrics(metrics_table: pd.DataFrame) -> dict[str, Any]:
    """Nest the pooled figures as model, inputs, metric."""
    summary: dict[str, Any] = {}
    for row in metrics_table[metrics_table["scope"] == POOLED].itertuples():
        of_model = summary.setdefault(str(row.model), {}).setdefault(str(row.inputs), {})
        figures = {"estimate": row.estimate, "low": row.low, "high": row.high}
        numbers = {name: float(f) if np.isfinite(f) else None for name, f in figures.items()}
        of_model[str(row.metric)] = {**numbers, "n": int(row.n)}
    return summary


def compare_models(predictions: pd.DataFrame) -> pd.DataFrame:
    """Compare all models with quality, and each with itself without, by McNemar's test.

    Returns
    -------
    Columns ``model_a``, ``model_b``, ``scope``, ``difference`` (of accuracy, a minus b), ``low``,
    ``high``, ``p_value``, ``n`` (wines that only one calls correctly) and ``verdict``.
    """
    by_model = {
        (str(inputs), str(model)): rows.sort_values("row")
        for (inputs, model), rows in predictions.groupby(["inputs", "model"], observed=True)
        if inputs != CONTROL
    }
    pairs = [
        (a, b)
        for a, b in combinations(sorted(by_model), 2)
        if a[0] == b[0] == WITH_QUALITY or (a[1] == b[1] and b[0] == WITHOUT_QUALITY)
    ]
    rows = [
        {"model_a": _name(a), "model_b": _name(b), **_test(by_model[a], by_model[b], scope)}
        for a, b in pairs
        for scope in (POOLED, f"fold {SINGLE_SPLIT}")
    ]
    return pd.DataFrame(rows)


def _name(key: tuple[str, str]) -> str:
    return f"{key[1]}, {key[0]}"


def _test(a: pd.DataFrame, b: pd.DataFrame, scope: str) -> dict[str, Any]:
    from crossfold.validation import mcnemar_test

    kept = slice(None) if scope == POOLED else (a["fold"] == SINGLE_SPLIT).to_numpy()
    result = mcnemar_test(*(v.to_numpy()[kept] for v in (a["target"], a["flagged"], b["flagged"])))
    verdict = "differ" if result.p_value < _SIGNIFICANT else "not told apart"
    figures = {name: getattr(result, name) for name in ("difference", "low", "high", "p_value")}
    return {"scope": scope, **figures, "n": result.n, "verdict": verdict}
