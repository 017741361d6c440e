"""The tables of a report, computed from the five tables; stored as CSV and printed alike."""

import json

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.reports.tables import Estimate, widen
from crossfold.reports.words import count, fitting, shortened
from crossfold.templates.cross_validation.encoding import inputs_by_kind
from crossfold.templates.cross_validation.parameters import PreparationParameters
from crossfold.templates.parameters import Kind
from crossfold.templates.reporting.results import Results
from crossfold.validation import metrics
from crossfold.validation.calibration import calibration_measures
from crossfold.validation.thresholds import capacity_table, decision_curve

COLUMNS = {
    "binary": (
        *("roc_auc", "brier", "precision", "recall", "pr_auc", "f1", "accuracy"),
        "expected_calibration_error",
    ),
    "multiclass": ("accuracy", "macro_f1", "macro_precision", "macro_recall", "mcc", "log_loss"),
    "regression": ("r2", "rmse", "mae", "mean_error"),
}
SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
FEWEST_CALLED = 10
UNBOUNDED = ("log_loss", "r2", "rmse", "mae", "mean_error", "predicted")
_KINDS: dict[str, Kind] = {"numeric": "number", "binary": "flag", "categorical": "category"}
_TESTS_OF_ALL = ("paired bootstrap", "corrected resampled t-test over folds", "McNemar")
_MOST_BINS, _MOST_SERIES = 10, 4
_FLOATS = dict.fromkeys(("estimate", "low", "high"), float)


def models(results: Results) -> pd.DataFrame:
    """Arrange every model's metrics side by side, best first, with the range over folds."""
    wide: dict[str, list[float]] = {}
    for metric in COLUMNS[results.task]:
        found = [_known(results, model, metric) for model in results.models]
        for end, name in {"": "value", "_low": "low", "_high": "high"}.items():
            wide[f"{metric}{end}"] = [getattr(one, name) for one in found]
    folds = _fold_scores(results).reindex(results.models)
    ends = {"worst_fold": folds.min(axis=1).array, "best_fold": folds.max(axis=1).array}
    return pd.DataFrame({"model": results.models, **wide, **ends})


def _known(results: Results, model: str, metric: str) -> Estimate:
    """Look up a figure; of nothing flagged there is no precision."""
    if metric == "precision" and results.metric(model, "flagged_share").value == 0:
        return Estimate(metric)
    return results.metric(model, metric)


def _fold_scores(results: Results) -> pd.DataFrame:
    table = results.metrics_table
    folds = table[
        (table["protocol"] == results.protocol)
        & (table["metric"] == results.main_metric)
        & table["scope"].str.startswith("fold ")
    ]
    return folds.pivot_table(index="model", columns="scope", values="estimate", observed=True)


def comparisons(results: Results) -> pd.DataFrame:
    """Take the tests of the reference model and of the twins, the main metric first."""
    table = results.comparison
    shown = (table["model_a"] == results.reference) | ~table["test"].isin(_TESTS_OF_ALL)
    pairs = table[shown & np.isfinite(table["difference"].astype(float))]
    second = pairs["metric"] != results.main_metric
    ordered = pairs.assign(second=second).sort_values(["second", "model_b"], kind="stable")
    bound = np.where(ordered["metric"].isin(UNBOUNDED), np.inf, 1.0)
    names = ("model_a", "model_b", "metric", "test", "verdict")
    text = {name: ordered[name].astype(str) for name in names}
    figures = {
        "difference": ordered["difference"].astype(float),
        "difference_low": np.maximum(ordered["low"].astype(float), -bound),
        "difference_high": np.minimum(ordered["high"].astype(float), bound),
        "p_value": ordered["p_value"].astype(float),
    }
    return pd.DataFrame({**text, **figures}).reset_index(drop=True)


def importance(results: Results) -> pd.DataFrame:
    """Take what shuffling each column costs, with ends that can be."""
    table = results.feature_importance.astype({"column": str, **_FLOATS})
    bound = np.inf if results.main_metric in UNBOUNDED else 1.0
    ends = {"low": table["low"].clip(lower=-bound), "high": table["high"].clip(upper=bound)}
    shown = table.assign(**ends)[["column", *_FLOATS]]
    return shown.set_axis(["column", "loss", "loss_low", "loss_high"], axis=1)


def effects(results: Results) -> pd.DataFrame:
    """Take the mean prediction by the value of each of the most important columns.

    Returns columns ``column``, ``value``, ``level`` (the value as a reader sees it), ``predicted``
    (the class, or the target), ``estimate``, ``low``, ``high``; of many classes the four most
    frequent.
    """
    table = results.feature_effects
    lowest, highest = (-np.inf, np.inf) if results.task == "regression" else (0.0, 1.0)
    names = results.classes or [results.target]
    shown = table["output"].isin(_most_frequent(results))
    told = {
        "column": table["column"].astype(str),
        "value": table["value"].astype(float),
        "level": [_level(*one) for one in zip(table["value"], table["level"], strict=True)],
        "predicted": [names[int(number)] for number in table["output"]],
    }
    figures = table[[*_FLOATS]].astype(float).clip(lowest, highest)
    return pd.DataFrame(told).join(figures)[shown].reset_index(drop=True)


def _level(value: float, level: object) -> str:
    if np.isfinite(value):
        return count(value) if float(value).is_integer() else fitting(value)
    return {"True": "yes", "False": "no"}.get(str(level), str(level))


def _most_frequent(results: Results) -> list[int]:
    if results.task != "multiclass":
        return [0, 1]
    sizes = results.features[results.target].cat.codes.value_counts()
    return [int(number) for number in sizes.index[:_MOST_SERIES]]


def columns(results: Results) -> pd.DataFrame:
    """List the inputs with their kind, their share of missing values and their levels."""
    parameters = results.table_parameters
    if parameters.columns:
        kinds, table = {**parameters.columns}, results.table
    else:
        by_kind = inputs_by_kind(results.features, results.target, PreparationParameters())
        kinds = {name: _KINDS[kind] for kind, names in by_kind.items() for name in names}
        table = results.features
    rows = [
        (name, str(kind), float(table[name].isna().mean()), int(table[name].nunique()))
        for name, kind in kinds.items()
        if name in table
    ]
    return pd.DataFrame(rows, columns=["column", "kind", "missing", "distinct_values"])


def left_out(results: Results) -> pd.DataFrame:
    """List the columns that are not read, with the reason."""
    reasons = results.table_parameters.left_out
    return pd.DataFrame({"column": reasons.keys(), "reason": reasons.values()})


def decision(results: Results) -> pd.DataFrame:
    """Arrange what the reference model's predictions are worth, as the task asks.

    That is of two classes precision and recall by the share called, of several precision and recall
    of each, and of numbers the error by predicted value.
    """
    if results.task == "binary":
        rows = results.predicted(results.reference)
        shares = [share for share in SHARES if share * len(rows) >= FEWEST_CALLED]
        return capacity_table(rows["target"], rows["p1"], shares, results.bootstrap)
    if results.task == "multiclass":
        return _by_class(results)
    return _by_size(results)


def calibration(results: Results) -> pd.DataFrame:
    """Say of two classes' probabilities, raw and calibrated, whether they are what they say.

    Columns are ``probabilities``, and slope, intercept and ratio of `calibration_measures` with
    their intervals; there are no rows for other tasks.
    """
    if results.task != "binary":
        return pd.DataFrame({"probabilities": []})
    rows = results.predicted(results.reference)
    found = {
        name: calibration_measures(rows["target"], rows[column], results.bootstrap)
        for name, column in (("raw", "raw_p1"), ("calibrated", "p1"))
    }
    long = pd.concat(found, names=["probabilities"]).reset_index("probabilities")
    return widen(long, "probabilities", "metric", list(long["metric"].unique()))


def net_benefit(results: Results) -> pd.DataFrame:
    """Compute the decision curve of two classes, by policy and threshold; empty for other tasks."""
    if results.task != "binary":
        return pd.DataFrame(columns=["policy", "threshold", "estimate", "low", "high"])
    rows = results.predicted(results.reference)
    table = decision_curve(rows["target"], rows["p1"], results.bootstrap)
    return table.replace({"policy": {"model": results.label(results.reference)}})


def confusion_counts(results: Results, model: str) -> NDArray[np.intp]:
    """Count rows by true and by predicted class, shape ``(k, k)``."""
    return metrics.confusion_counts(results.predicted(model), len(results.classes))


def _by_class(results: Results) -> pd.DataFrame:
    counts = confusion_counts(results, results.reference)
    sizes = {"rows": counts.sum(axis=1), "predicted_rows": counts.sum(axis=0)}
    table = pd.DataFrame({"class": results.classes, **sizes})
    drawn = None
    if results.bootstrap.is_grouped():
        rows = results.predicted(results.reference)
        y, said = (rows[name].to_numpy(np.intp) for name in ("target", "predicted"))
        drawn = metrics.drawn_confusions(y, said, len(counts), results.bootstrap)
    return table.join(metrics.class_rates(counts, drawn))


def _by_size(results: Results) -> pd.DataFrame:
    rows = results.predicted(results.reference)
    said = rows["predicted"].astype(float)
    n_bins = min(_MOST_BINS, max(1, len(rows) // 30))
    bins = pd.qcut(said.rank(method="first"), n_bins, labels=False)
    errors = (said - rows["target"]).groupby(bins)
    ends = {"from": said.groupby(bins).min(), "to": said.groupby(bins).max()}
    mae = errors.apply(lambda values: values.abs().mean())
    found = {**ends, "rows": errors.size(), "mean_error": errors.mean(), "mae": mae}
    return pd.DataFrame(found).reset_index(drop=True)


def settings(results: Results) -> pd.DataFrame:
    """Summarise the search inside the folds: mean score of each candidate, how often chosen."""
    table = results.tuned_search
    if len(table):
        table = table[table["protocol"] == results.protocol]
    columns = ["settings", "mean_score", "chosen_in_folds"]
    if table.empty:
        return pd.DataFrame(columns=columns)
    chosen = table["chosen"].astype(bool)
    by_candidate = table.assign(chosen=chosen).groupby(["model", "candidate"], sort=False)
    scores = by_candidate.agg(mean_score=("score", "mean"), chosen_in_folds=("chosen", "sum"))
    found = scores.reset_index().sort_values("mean_score", ascending=False, kind="stable")
    values = map(json.loads, found["candidate"])
    told = [", ".join(f"{name} {shortened(v)}" for name, v in one.items()) for one in values]
    return found.assign(settings=told)[["model", *columns]].reset_index(drop=True)


def data(results: Results) -> pd.DataFrame:
    """Count rows read, replaced, kept, rejected by rule, and repeated."""
    counts = results.row_counts
    rejected = counts.get("rejected") or {}
    lines = {
        "read": counts.get("read"),
        "replaced by a later file": counts.get("superseded") or None,
        **{f"rejected: {str(rule).replace('_', ' ')}": n for rule, n in rejected.items()},
        "kept": counts.get("kept", len(results.features)),
        "kept that repeat another": counts.get("duplicates"),
    }
    known = {name: n for name, n in lines.items() if isinstance(n, int)}
    return pd.DataFrame({"rows": known.keys(), "number": pd.Series(known.values(), dtype="int64")})
