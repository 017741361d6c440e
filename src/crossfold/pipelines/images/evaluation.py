"""Nodes that score the predictions and answer the study's questions by comparing models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crossfold.pipelines.images.data import SOURCE
from crossfold.pipelines.images.parameters import ComparisonsParameters, look_up
from crossfold.templates.cross_validation.evaluation import (
    COMPARISON_COLUMNS,
    evaluate_predictions,
    result_row,
)
from crossfold.templates.cross_validation.parameters import EvaluationParameters
from crossfold.templates.parameters import TableParameters

if TYPE_CHECKING:
    from crossfold.validation import TestResult

IMAGES = TableParameters(target="label", task="multiclass")
MEMBER = "member"


def evaluate_networks(
    predictions: pd.DataFrame, evaluation: EvaluationParameters, seed: int
) -> pd.DataFrame:
    """Compute every metric of every model on its test images, over all members and of each.

    Members of one model predict the same images, so that an image is a group where there are
    several. The table has the schema `crossfold.validation.schemas.METRICS`, with the scopes
    ``pooled`` and ``member 0`` and on, which have no intervals.
    """
    by_member = predictions.assign(fold=predictions["member"])
    metrics = evaluate_predictions(by_member, predictions, IMAGES, evaluation, seed)
    return metrics.assign(scope=metrics["scope"].str.replace("fold", MEMBER))


def compare_models(
    predictions: pd.DataFrame,
    comparisons: ComparisonsParameters,
    evaluation: EvaluationParameters,
    seed: int,
) -> pd.DataFrame:
    """Compare pairs of models on the test images of the source's split.

    Each seed that both models were trained from gets McNemar's test. Over all seeds there is a
    bootstrap over images and, with more than one seed, a paired t-test over seeds. The table has
    the schema `crossfold.validation.schemas.COMPARISON`.
    """
    predictions = predictions[predictions["protocol"] == SOURCE]
    models = {
        str(name): rows.pivot_table("predicted", ["row", "target"], "member", aggfunc="first")
        for name, rows in predictions.groupby("model", observed=True)
    }
    pairs = dict.fromkeys(pair for pairs in comparisons.root.values() for pair in pairs)
    rows = [
        result_row(pair, "accuracy", test, result)
        for pair in pairs
        for test, result in _compare(
            look_up(models, pair[0], "model"), look_up(models, pair[1], "model"), evaluation, seed
        ).items()
    ]
    table = pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))
    return table.assign(protocol=SOURCE).astype({"n": "int64"})


def _compare(
    a: pd.DataFrame, b: pd.DataFrame, evaluation: EvaluationParameters, seed: int
) -> dict[str, TestResult]:
    """Compare the classes named by two models, by image (rows) and member, and over all members."""
    from crossfold.validation import mcnemar_test, paired_bootstrap, paired_t_test

    members = a.columns.intersection(b.columns)
    y = a.index.get_level_values("target").to_numpy()
    right_a, right_b = (one[members].eq(y, axis=0) for one in (a, b))
    several = len(members) > 1
    tests = {
        f"McNemar, seed {seed + int(one)}" if several else "McNemar": mcnemar_test(
            np.ones(len(y)), right_a[one], right_b[one]
        )
        for one in members
    }
    if several:
        tests["t over seeds"] = paired_t_test(right_a.mean(), right_b.mean())
    gain = right_a.mean(axis=1) - right_b.mean(axis=1)
    over_images = paired_bootstrap(gain, n_resamples=evaluation.n_resamples, seed=seed)
    return {**tests, "bootstrap over images": over_images}
