"""Nodes that sum up the kept predictions and answer the study's questions by comparing models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crossfold.pipelines.modelling.images.parameters import (
    ComparisonsParameters,
    EvaluationParameters,
    look_up,
)
from crossfold.pipelines.modelling.images.predictions import probabilities_of
from crossfold.pipelines.modelling.images.split_images import SOURCE
from crossfold.validation import TestResult, compare_classifiers, paired_bootstrap, paired_t_test

COLUMNS = [
    "question",
    "model_a",
    "model_b",
    "seed",
    "metric",
    "test",
    "difference",
    "low",
    "high",
    "p_value",
    "n",
    "verdict",
]
_SIGNIFICANT = 0.05


def summarise_metrics(
    predictions: pd.DataFrame, evaluation: EvaluationParameters, seed: int
) -> dict[str, Any]:
    """Nest the figures of every kept model as model, split, metric, with their intervals."""
    from crossfold.validation import multiclass_metric_rows

    summary: dict[str, Any] = {}
    for (model, split), rows in predictions.groupby(["model", "split"], observed=True):
        table = multiclass_metric_rows(
            rows["label"], probabilities_of(rows), n_resamples=evaluation.n_resamples, seed=seed
        )
        figures = table.set_index("metric").astype(float).to_dict("index")
        summary.setdefault(str(model), {})[str(split)] = figures
    return summary


def compare_models(
    experiment_predictions: pd.DataFrame,
    twin_predictions: pd.DataFrame,
    comparisons: ComparisonsParameters,
    evaluation: EvaluationParameters,
    seed: int,
) -> pd.DataFrame:
    """Compare pairs of models on the test images of the source's split.

    Each seed that both models were trained from gets McNemar's test. Over all seeds there is a
    bootstrap over images and, with more than one seed, a paired t-test over seeds.

    Returns
    -------
    Columns `COLUMNS`; ``seed`` is empty where a row is over all seeds.
    """
    predictions = pd.concat([experiment_predictions, twin_predictions])
    predictions = predictions[predictions["split"] == SOURCE]
    models = {
        str(name): _by_seed(rows) for name, rows in predictions.groupby("model", observed=True)
    }
    rows = []
    for question, pairs in comparisons.root.items():
        for a, b in pairs:
            about = {"question": question, "model_a": a, "model_b": b, "metric": "accuracy"}
            pair = (look_up(models, name, "model") for name in (a, b))
            rows += [{**about, **result} for result in _compare(*pair, evaluation, seed)]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"seed": "Int64"})


def _by_seed(predictions: pd.DataFrame) -> pd.DataFrame:
    """Give a model's predicted classes by image and its class (rows) and by seed (columns)."""
    return predictions.pivot_table(
        index=["row", "label"], columns="seed", values="predicted", aggfunc="first"
    )


def _compare(
    a: pd.DataFrame, b: pd.DataFrame, evaluation: EvaluationParameters, seed: int
) -> list[dict[str, Any]]:
    """Compare two models, seed by seed and over all seeds."""
    seeds = a.columns.intersection(b.columns)
    y = a.index.get_level_values("label").to_numpy()
    right_a, right_b = (one[seeds].eq(y, axis=0) for one in (a, b))
    rows = [
        _row("McNemar", compare_classifiers(y, a[one], b[one]), one if len(seeds) > 1 else None)
        for one in seeds
    ]
    if len(seeds) > 1:
        rows.append(_row("t over seeds", paired_t_test(right_a.mean(), right_b.mean())))
    gain = right_a.mean(axis=1) - right_b.mean(axis=1)
    over_images = paired_bootstrap(gain, n_resamples=evaluation.n_resamples, seed=seed)
    return [*rows, _row("bootstrap over images", over_images)]


def _row(test: str, result: TestResult, seed: int | None = None) -> dict[str, Any]:
    differ = (
        result.p_value < _SIGNIFICANT
        if np.isfinite(result.p_value)
        else result.low > 0 or result.high < 0
    )
    verdict = "differ" if differ else "not told apart"
    return {"test": test, "seed": seed, **vars(result), "verdict": verdict}
