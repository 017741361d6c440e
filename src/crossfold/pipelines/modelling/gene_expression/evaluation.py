"""Nodes that turn out-of-fold predictions into figures with intervals, and compare models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crossfold.pipelines.modelling.gene_expression.parameters import (
    EvaluationParameters,
    FoldParameters,
    VariantsParameters,
)
from crossfold.pipelines.modelling.gene_expression.splits import K_FOLD, PROTOCOLS

BOOTSTRAPPED = ("f1", "mcc", "pr_auc", "roc_auc")
CONTROL_METRICS = ("accuracy", "balanced_accuracy", "roc_auc")
_SIGNIFICANT = 0.05


def evaluate_predictions(
    predictions: pd.DataFrame, evaluation: EvaluationParameters, seed: int
) -> pd.DataFrame:
    """Give the pooled figures of every model under every protocol, with 95 % intervals.

    Over repeats, a patient's predictions are pooled and the patient is drawn as a whole. Accuracy,
    recall and specificity are proportions of patients and have Wilson's interval; the others are
    bootstrapped.

    Returns
    -------
    Columns ``model``, ``protocol``, ``metric``, ``estimate``, ``low``, ``high``, ``interval``
    (wilson or bootstrap), ``errors`` (mean number of patients called wrongly over repeats), ``n``
    and ``positives`` (patients).
    """
    tables = [
        _evaluate(rows, evaluation, seed).assign(model=model, protocol=protocol)
        for (model, protocol), rows in predictions.groupby(["model", "protocol"], observed=True)
    ]
    columns = ["model", "protocol", "metric", "estimate", "low", "high", "interval", "errors", "n"]
    return pd.concat(tables, ignore_index=True)[[*columns, "positives"]]


def _evaluate(rows: pd.DataFrame, evaluation: EvaluationParameters, seed: int) -> pd.DataFrame:
    from crossfold.validation import GroupBootstrap, metric_rows

    bootstrap = GroupBootstrap(rows["row"], evaluation.n_resamples, seed)
    columns = (rows[name].to_numpy() for name in ("target", "score", "flagged"))
    table = metric_rows(*columns, bootstrap).set_index("metric")
    patients = rows.drop_duplicates("row")
    positives = int(patients["target"].sum())
    of_class = {
        "accuracy": len(patients),
        "recall": positives,
        "specificity": len(patients) - positives,
    }
    bootstrapped = table.loc[list(BOOTSTRAPPED)].assign(interval="bootstrap")
    proportions = pd.DataFrame(
        [_proportion(metric, table.loc[metric, "estimate"], n) for metric, n in of_class.items()]
    )
    wrong = (1 - float(table.loc["accuracy", "estimate"])) * len(patients)
    return pd.concat([proportions, bootstrapped.reset_index()], ignore_index=True).assign(
        errors=wrong, n=len(patients), positives=positives
    )


def _proportion(metric: str, estimate: float, n: int) -> dict[str, Any]:
    from crossfold.validation import wilson_interval

    low, high = wilson_interval(estimate * n, n)
    bounds = {"low": float(low), "high": float(high)}
    return {"metric": metric, "estimate": estimate, **bounds, "interval": "wilson"}


def evaluate_controls(control_predictions: pd.DataFrame, leaks: pd.DataFrame) -> pd.DataFrame:
    """Give the figures of the controls: the mean over permutations with its 95 % t-interval.

    Returns
    -------
    Columns ``control``, ``when``, ``metric``, ``estimate``, ``low``, ``high``, ``permutations``
    and ``synthetic_leaks`` (what the leak guard counts).
    """
    keys = ["control", "when"]
    tables = []
    for names, rows in control_predictions.groupby(keys, sort=False, observed=True):
        per_permutation = pd.DataFrame(
            [_control_figures(part) for _, part in rows.groupby("permutation")]
        )
        figures = [_mean_with_interval(per_permutation[metric]) for metric in CONTROL_METRICS]
        table = pd.DataFrame(figures).assign(
            metric=CONTROL_METRICS, control=names[0], when=names[1]
        )
        tables.append(table.assign(permutations=len(per_permutation)))
    columns = [*keys, "metric", "estimate", "low", "high", "permutations"]
    return pd.concat(tables, ignore_index=True)[columns].merge(leaks, on=keys)


def _control_figures(rows: pd.DataFrame) -> dict[str, float]:
    from crossfold.validation import binary_metrics

    metrics = binary_metrics(rows["target"], rows["score"], rows["flagged"])
    figures = {name: float(value[0]) for name, value in metrics.items()}
    balanced = (figures["recall"] + figures["specificity"]) / 2
    return {**figures, "balanced_accuracy": balanced}


def _mean_with_interval(values: pd.Series) -> dict[str, float]:
    from scipy.stats import sem, t

    mean = float(values.mean())
    if len(values) < 2:
        return {"estimate": mean, "low": np.nan, "high": np.nan}
    half = float(t.ppf(0.975, len(values) - 1) * sem(values))
    return {"estimate": mean, "low": mean - half, "high": mean + half}


def summarise_metrics(metrics_table: pd.DataFrame, controls: pd.DataFrame) -> dict[str, Any]:
    """Nest the figures as model, protocol, metric, and those of the controls beside them."""
    summary: dict[str, Any] = {}
    for row in metrics_table.itertuples():
        of_protocol = summary.setdefault(str(row.model), {}).setdefault(str(row.protocol), {})
        of_protocol[str(row.metric)] = {**_numbers(row), "n": int(row.n)}
    for row in controls.itertuples():
        of_when = summary.setdefault(f"control: {row.control}", {}).setdefault(str(row.when), {})
        of_when[str(row.metric)] = {**_numbers(row), "n": int(row.permutations)}
    return summary


def _numbers(row: Any) -> dict[str, float | None]:
    figures = {"estimate": row.estimate, "low": row.low, "high": row.high}
    return {name: float(f) if np.isfinite(f) else None for name, f in figures.items()}


def compare_models(
    predictions: pd.DataFrame, variants: VariantsParameters, folds: FoldParameters
) -> pd.DataFrame:
    """Compare the main network with every other model.

    McNemar's test on the decisions for leave-one-out and the original split, and the corrected
    resampled t-test on the accuracy of the folds of the repeated cross-validation.

    Returns
    -------
    Columns ``model_a``, ``model_b``, ``protocol``, ``test``, ``difference`` (of accuracy), ``low``,
    ``high``, ``statistic``, ``p_value``, ``n``, ``verdict``.
    """
    main = variants.main
    others = [name for name in predictions["model"].unique() if name != main]
    rows = []
    for protocol in PROTOCOLS:
        of_protocol = predictions[predictions["protocol"] == protocol]
        by_model = {
            str(name): part.sort_values(["fold", "row"])
            for name, part in of_protocol.groupby("model", observed=True)
        }
        for other in others:
            pair = by_model[main], by_model[str(other)]
            test, result = _test(protocol, *pair, folds)
            verdict = "differ" if result.p_value < _SIGNIFICANT else "not told apart"
            names = {"model_a": main, "model_b": other, "protocol": protocol, "test": test}
            rows.append({**names, **vars(result), "verdict": verdict})
    return pd.DataFrame(rows)


def _test(
    protocol: str, a: pd.DataFrame, b: pd.DataFrame, folds: FoldParameters
) -> tuple[str, Any]:
    from crossfold.validation import corrected_resampled_t_test, mcnemar_test

    if protocol != K_FOLD:
        return "McNemar", mcnemar_test(a["target"], a["flagged"], b["flagged"])
    scores = [(p["target"] == p["flagged"]).groupby(p["fold"]).mean() for p in (a, b)]
    result = corrected_resampled_t_test(*scores, test_share=1 / folds.n_splits)
    return "corrected resampled t-test over folds", result
