"""The figures of a report: which chart shows what, for each task."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crossfold.reports import charts, style
from crossfold.reports.tables import metric_name
from crossfold.reports.words import chart_label
from crossfold.templates.cross_validation.folds import PERMUTED, TIME_SPLIT
from crossfold.templates.reporting import summaries
from crossfold.templates.reporting.results import Results
from crossfold.validation.calibration import reliability_curve
from crossfold.validation.estimates import COMPARED
from crossfold.validation.tables import POOLED, probabilities

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_COLUMNS = 8
PROTOCOLS = {PERMUTED: "permuted labels", TIME_SPLIT: "time split"}


def models(results: Results) -> Figure:
    """Draw the compared metrics of every model."""
    panels = COMPARED[results.table_parameters.task]
    table = _best_first(results.pooled, results)
    names = results.report.labels
    return charts.estimates(table, "model", panels, bold=results.reference, names=names)


def _best_first(table: pd.DataFrame, results: Results) -> pd.DataFrame:
    rank = {model: place for place, model in enumerate(results.models)}
    return table.sort_values("model", key=lambda names: names.astype(str).map(rank), kind="stable")


def differences(results: Results) -> Figure:
    """Draw by how much the reference differs from each other model."""
    pairs = [
        {"model": model, "metric": "difference", "estimate": pair.pop("difference"), **pair}
        for model in results.models
        if (pair := results.pair(results.reference, model))
    ]
    table = pd.DataFrame(pairs, columns=["model", "metric", "estimate", "low", "high"])
    name = chart_label(results.label(results.reference))
    axis, names = f"{metric_name(results.main_metric)}: {name} minus model", results.report.labels
    return charts.estimates(table, "model", ["difference"], reference=0, axis=axis, names=names)


def protocols(results: Results) -> Figure:
    """Draw the main metric under cross-validation, over time and on permuted labels."""
    table = results.metrics_table
    other = table["protocol"].isin(list(PROTOCOLS))
    kept = table["model"].isin(table.loc[other, "model"].unique()) & (table["scope"] == POOLED)
    shown = _best_first(table[kept & (table["metric"] == results.main_metric)], results)
    names = {results.protocol: "cross-validation", **PROTOCOLS}
    shown = shown.assign(protocol=shown["protocol"].astype(str).map(names))
    axis = f"{metric_name(results.main_metric)}; the line is chance"
    chance, names = results.chance, results.report.labels
    return charts.estimates(
        shown, "model", [results.main_metric],
        series="protocol", reference=chance, axis=axis, names=names,
    )  # fmt: skip


def training_curves(results: Results) -> Figure:
    """Draw the losses of our networks over epochs."""
    history = results.history
    own = history[history["protocol"] == results.protocol]
    return charts.curves(own, results.networks, results.report.labels)


def outcomes(results: Results) -> Figure:
    """Draw what the task asks: ROC and PR curves, the confusion matrix, or predicted by true."""
    if results.task == "binary":
        others = [model for model in results.models if model != results.reference]
        shown = [results.reference, *others[:2]]
        return charts.roc_and_pr({results.label(name): results.predicted(name) for name in shown})
    if results.task == "multiclass":
        counts = summaries.confusion_counts(results, results.reference)
        return charts.confusion(counts, results.classes)
    rows = results.predicted(results.reference)
    said, true = (rows[name].to_numpy(dtype=float) for name in ("predicted", "target"))
    return charts.predicted_and_true(said, true, results.target)


def calibration(results: Results) -> Figure:
    """Draw observed against predicted shares: of the event, or of right answers."""
    if results.task == "regression":
        return style.empty_figure("Numbers are predicted without probabilities.")
    rows = results.predicted(results.reference)
    if results.task == "binary":
        said = {"Raw": "raw_p1", "Calibrated": "p1"}.items()
        bins = {name: reliability_curve(rows["target"], rows[p]) for name, p in said}
        return charts.reliability(bins, f"Observed share of {chart_label(results.classes[1], 20)}")
    sure = probabilities(rows).max(axis=1)
    right = (rows["predicted"] == rows["target"]).to_numpy()
    curve = {"Most probable class": reliability_curve(right, sure)}
    return charts.reliability(curve, "Share that is right")


def decision(results: Results, table_decision: pd.DataFrame) -> Figure:
    """Draw the table of decisions: by share called, by class, or by size."""
    if results.task == "binary":
        flagged = results.metric(results.reference, "flagged_share").value
        return charts.capacity(table_decision, flagged)
    if results.task == "multiclass":
        return charts.class_rates(table_decision)
    rows = results.predicted(results.reference)
    errors = (rows["predicted"] - rows["target"]).rename("error")
    return charts.histogram(errors, "Predicted − true")


def net_benefit(results: Results) -> Figure:
    """Draw the decision curve of the reference model."""
    if results.task != "binary":
        return style.empty_figure("There is nothing to decide.")
    table = summaries.net_benefit(results)
    shown = table.assign(**table[["estimate", "low"]].clip(lower=-float(table["high"].max()) / 5))
    names = {"all": "Act on all", "none": "Act on none"}
    return charts.lines(
        shown, "threshold", series="policy", names=names, y_axis="Net benefit per row",
        x_axis="Probability from which acting is worth its cost",
    )  # fmt: skip


def by_outcome(results: Results) -> Figure:
    """Draw the predicted probabilities of rows with and without the event."""
    if results.task != "binary":
        return style.empty_figure("There are no two outcomes.")
    rows = results.predicted(results.reference)
    names = [chart_label(results.label(name), 20) for name in results.classes]
    return charts.by_outcome(rows["target"], rows["p1"], names)


def importance(results: Results) -> Figure:
    """Draw what shuffling each column costs."""
    columns = ["column", "estimate", "low", "high"]
    first = summaries.importance(results).head(MOST_COLUMNS)
    table = first.set_axis(columns, axis=1).assign(metric="importance")
    axis = f"{metric_name(results.main_metric)} lost when shuffled"
    names = results.column_labels
    return charts.estimates(table, "column", ["importance"], reference=0, axis=axis, names=names)


def effects(results: Results) -> Figure:
    """Draw what the most important columns do to predictions of unseen rows."""
    table, names = summaries.effects(results), results.column_labels
    if results.task == "regression":
        said = f"Predicted {chart_label(results.target, 18)}"
        return charts.effects(table, "column", said, names=names)
    binary = results.task == "binary"
    said = f"Probability of {chart_label(results.classes[1], 18) if binary else 'class'}"
    series = None if binary else "predicted"
    return charts.effects(table, "column", said, series=series, names=names, percent=True)


def target(results: Results) -> Figure:
    """Draw how the target is distributed."""
    values = results.features[results.target]
    if results.task == "regression":
        return charts.histogram(values, results.target)
    numbers = values.cat.codes if values.dtype == "category" else values.astype(int)
    shares = numbers.value_counts(normalize=True).sort_values(ascending=False)
    names = [results.classes[int(number)] for number in shares.index]
    return charts.bars(shares.set_axis(names), "Share of rows")


def missing(results: Results) -> Figure:
    """Draw the share of missing values of each input that has any."""
    listed = summaries.columns(results).set_index("column")["missing"]
    shares = listed[listed > 0].sort_values(ascending=False)
    if shares.empty:
        return style.empty_figure("No value is missing.")
    return charts.bars(shares, "Share of missing values")
