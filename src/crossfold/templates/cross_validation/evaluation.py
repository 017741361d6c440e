"""Nodes that turn predictions into figures with intervals, and compare models."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.exceptions import CrossfoldError
from crossfold.templates.cross_validation.folds import COMPARED
from crossfold.templates.cross_validation.parameters import NEGATED, EvaluationParameters
from crossfold.templates.parallel import side_by_side
from crossfold.templates.parameters import TableParameters, Task
from crossfold.validation import comparison
from crossfold.validation.estimates import COMPARED as COMPARED_METRICS
from crossfold.validation.estimates import (
    MAIN_METRIC,
    Predicted,
    estimate_rows,
    point_estimates,
    resampled_estimates,
)
from crossfold.validation.intervals import GroupBootstrap
from crossfold.validation.tables import POOLED

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

    Returns a table of the schema `crossfold.validation.schemas.METRICS`.
    """

    def evaluate(model: str, protocol: str, own: pd.DataFrame) -> pd.DataFrame:
        bootstrap = GroupBootstrap(own["group"], evaluation.n_resamples, seed)
        predicted, repeats = Predicted.of(own, task), len(own) / own["row"].nunique()
        scopes = [
            estimate_rows(predicted[rows], bootstrap[rows], repeats).assign(scope=scope)
            for scope, rows in _scopes(own, features, evaluation)
        ]
        found = pd.concat([*scopes, *_fold_rows(own, task)])
        return found.assign(model=model, protocol=protocol)

    task, columns = table_parameters.task, ["model", "protocol"]
    jobs = [(*map(str, name), own) for name, own in predictions.groupby(columns, observed=True)]
    columns += ["scope", "metric", "estimate", "low", "high", "n"]
    tables: list[pd.DataFrame] = side_by_side(evaluate, jobs)
    return pd.concat(tables, ignore_index=True)[columns]


def _scopes(
    predictions: pd.DataFrame, features: pd.DataFrame, evaluation: EvaluationParameters
) -> Iterator[tuple[str, NDArray[np.intp]]]:
    yield POOLED, np.arange(len(predictions))
    for scope, column in evaluation.subsets.items():
        flag = features.get(column.removeprefix(NEGATED))
        if flag is None or not flag.dropna().isin((0, 1)).all():
            raise CrossfoldError(
                f"evaluation.subsets.{scope} is {column!r}: name a flag of the features, or `not`"
                " and a flag."
            )
        is_in = (flag == (not column.startswith(NEGATED))).to_numpy()
        yield scope, np.flatnonzero(is_in[predictions["row"].to_numpy()])


def _fold_rows(predictions: pd.DataFrame, task: Task) -> Iterator[pd.DataFrame]:
    for fold, rows in predictions.groupby("fold"):
        if len(rows) > 1:
            estimates = pd.Series(point_estimates(Predicted.of(rows, task)), name="estimate")
            found = estimates.rename_axis("metric").reset_index()
            yield found.assign(scope=f"fold {fold}", low=np.nan, high=np.nan, n=len(rows))


def summarise_metrics(metrics_table: pd.DataFrame) -> dict[str, Any]:
    """Nest the pooled figures as model, protocol, metric; what is not finite becomes null."""
    summary: dict[str, Any] = {}
    for row in metrics_table[metrics_table["scope"] == POOLED].to_dict("records"):
        ends = ("estimate", "low", "high")
        figures = {name: float(row[name]) if np.isfinite(row[name]) else None for name in ends}
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

    Returns a table of the schema `crossfold.validation.schemas.COMPARISON`.
    """
    tables, settings = [], (table_parameters.task, evaluation, seed)
    for protocol in COMPARED:
        own, metrics = (t[t["protocol"] == protocol] for t in (predictions, metrics_table))
        if len(own):
            tables.append(_compare_under(own, metrics, *settings).assign(protocol=protocol))
    return pd.concat(tables, ignore_index=True).astype({"n": "int64"})


def _compare_under(
    predictions: pd.DataFrame,
    metrics_table: pd.DataFrame,
    task: Task,
    evaluation: EvaluationParameters,
    seed: int,
) -> pd.DataFrame:
    rows_of = predictions.sort_values(["model", "row", "fold"])
    models = {str(name): rows for name, rows in rows_of.groupby("model", observed=True)}
    first = next(iter(models.values()))
    bootstrap = GroupBootstrap(first["group"], evaluation.n_resamples, seed)
    metric = evaluation.metric or MAIN_METRIC[task]
    metrics = list(dict.fromkeys([*COMPARED_METRICS[task], metric]))
    jobs = [(rows, task, bootstrap) for rows in models.values()]
    drawn = (table[metrics] for table in side_by_side(_resampled, jobs))
    resampled = dict(zip(models, drawn, strict=True))
    scores, test_share = _fold_scores(metrics_table, metric, first["row"].nunique())
    is_repeated = bool(first["row"].duplicated().any())
    records: list[dict[str, Any]] = []
    ordered = sorted(models, key=lambda name: (name != evaluation.reference, name))
    for pair in combinations(ordered, 2):
        records += comparison.compare_resampled(pair, resampled)
        if len(scores) > 2:
            test = "corrected resampled t-test over folds"
            of_folds = [scores[name] for name in pair]
            result = comparison.corrected_resampled_t_test(*of_folds, test_share=test_share)
            records.append(comparison.result_row(pair, metric, test, result))
        if task != "regression" and not is_repeated:
            records += _mcnemar(pair, models, task, evaluation)
    twins = evaluation.twins
    if twins and set(twins) <= set(models):
        records.append(comparison.compare_by_row(twins, models, task))
        if len(scores) > 2:
            of_folds, margin = [scores[name] for name in twins], evaluation.equivalence_margin
            result = comparison.equivalence_test(*of_folds, margin=margin, test_share=test_share)
            shown = f"equivalent within {margin}" if result.p_value < _SIGNIFICANT else "not shown"
            records.append(
                comparison.result_row(twins, metric, "equivalence over folds", result, shown)
            )
    return pd.DataFrame(records, columns=list(comparison.COMPARISON_COLUMNS))


def _resampled(rows: pd.DataFrame, task: Task, bootstrap: GroupBootstrap) -> pd.DataFrame:
    """Arrange metrics as columns: first row the estimate, then the resamples."""
    predicted = Predicted.of(rows, task)
    point, resamples = point_estimates(predicted), resampled_estimates(predicted, bootstrap)
    return pd.DataFrame({m: np.append(point[m], resamples[m]) for m in point})


def _fold_scores(
    metrics_table: pd.DataFrame, metric: str, n_rows: int
) -> tuple[pd.DataFrame, float]:
    """Arrange a metric by fold (rows) and model (columns); find the share that a fold validates."""
    of_metric = metrics_table[metrics_table["metric"] == metric]
    folds = of_metric[of_metric["scope"].str.startswith("fold ")]
    table = folds.pivot_table(index="scope", columns="model", values="estimate", observed=True)
    sizes = folds.drop_duplicates("scope")["n"]
    return table, float(sizes.mean() / n_rows) if len(sizes) else 0.0


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
    found = {
        test: comparison.mcnemar_test(np.ones(rows.sum()), right_a[rows], right_b[rows])
        for test, rows in scopes.items()
    }
    return [comparison.result_row(pair, "accuracy", test, result) for test, result in found.items()]
