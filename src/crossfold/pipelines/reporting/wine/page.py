"""The wine report as a page: what it says, in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crossfold.pipelines.modelling.versions import library_versions
from crossfold.pipelines.modelling.wine.evaluation import POOLED
from crossfold.pipelines.modelling.wine.inputs import (
    CONTROL,
    LOGISTIC,
    MLP,
    SINGLE_SPLIT,
    TUNED,
    WITH_QUALITY,
    WITHOUT_QUALITY,
)
from crossfold.pipelines.reporting.document import Document, Figure, Section, Table
from crossfold.pipelines.reporting.lines import LEAK_GUARD_HEADER, leak_guard_lines
from crossfold.pipelines.reporting.parameters import PageParameters
from crossfold.pipelines.reporting.wine.captions import CAPTIONS
from crossfold.pipelines.reporting.wine.labels import MODELS, column_label, pair_label
from crossfold.reports.words import (
    count,
    interval,
    p_value,
    percent,
    percent_interval,
)


@dataclass(frozen=True)
class Run:
    """What a run of the study made, and the words of its report."""

    row_counts: Mapping[str, Any]
    metrics_table: pd.DataFrame
    comparison: pd.DataFrame
    grid: pd.DataFrame
    stacks: pd.DataFrame
    importance: pd.DataFrame
    leak_guard: pd.DataFrame
    report: PageParameters
    data_notice: str
    seed: int
    figures: Mapping[str, bytes]

    def figure(self, name: str) -> Figure:
        """Give a figure with its caption."""
        return Figure(name, self.figures[name], CAPTIONS[name])

    def row(self, model: str, inputs: str, scope: str, metric: str = "accuracy") -> Any:
        """Give one line of the table of metrics."""
        keys = {"model": model, "inputs": inputs, "scope": scope, "metric": metric}
        table = self.metrics_table
        for column, value in keys.items():
            table = table[table[column] == value]
        return next(table.itertuples())


def make_document(run: Run) -> Document:
    """Arrange a run as a page."""
    versions = ", ".join(f"{name} {version}" for name, version in library_versions().items())
    return Document(
        title=run.report.title,
        opening=opening(run),
        lead=(run.figure("accuracy"),),
        sections=(_data(run), _models(run), _search(run), _columns(run), _checks(run)),
        data_notice=run.data_notice,
        command=run.report.command,
        facts={"Seed": str(run.seed), "Versions": versions},
    )


def opening(run: Run) -> tuple[str, ...]:
    """Give the answer in sentences."""
    mlp, logistic = (run.row(model, WITH_QUALITY, POOLED) for model in (MLP, LOGISTIC))
    tuned = run.row(TUNED, WITH_QUALITY, POOLED)
    bare = run.row(MLP, WITHOUT_QUALITY, POOLED)
    single = run.row(MLP, WITH_QUALITY, f"fold {SINGLE_SPLIT}")
    return (
        f"Of {count(mlp.n)} wines, an MLP tells {_accuracy(mlp)} apart correctly by eleven "
        f"measurements and quality, {count(mlp.wrong)} wrongly; logistic regression "
        f"{_accuracy(logistic)}. Tuned inside each fold, the MLP reaches {_accuracy(tuned)}: "
        f"{_verdict(run)}. Without quality it reaches {_accuracy(bare)}.",
        f"On a single split of {count(single.n)} wines the MLP's interval alone is "
        f"{percent(single.low)} to {percent(single.high)}: differences of a few tenths of a per "
        "cent cannot be read from one split.",
    )


def _verdict(run: Run) -> str:
    pair = {f"{model}, {WITH_QUALITY}" for model in (MLP, TUNED)}
    of_pair = run.comparison[
        run.comparison["model_a"].isin(pair)
        & run.comparison["model_b"].isin(pair)
        & (run.comparison["scope"] == POOLED)
    ]
    row = next(of_pair.itertuples())
    words = "the two are not told apart" if row.verdict != "differ" else "the two differ"
    return f"{words} (McNemar's test, {row.n} wines called rightly by one only)"


def _accuracy(row: Any) -> str:
    return percent_interval(row.estimate, row.low, row.high)


def _data(run: Run) -> Section:
    counts = run.row_counts
    total = sum(counts["read"].values())
    return Section(
        "data",
        "The wines",
        (
            f"{count(counts['read']['red'])} red and {count(counts['read']['white'])} white wines "
            f"(UCI wine quality, Cortez et al. 2009). {count(counts['exact_duplicates'])} of the "
            f"{count(total)} rows repeat another of the same colour in every column. Wines alike "
            f"in all eleven measurements, whatever their quality and colour, are one group, "
            f"{count(counts['groups'])} in all, and a group is never on both sides of a split. "
            f"{count(counts['groups_in_both_colours'])} groups hold both colours: nothing in the "
            "table tells them apart.",
        ),
        (run.figure("measurements"),),
    )


def _models(run: Run) -> Section:
    pooled = run.metrics_table[run.metrics_table["scope"] == POOLED]
    shown = {"accuracy": "Accuracy", "roc_auc": "ROC-AUC", "f1": "F1", "brier": "Brier score"}
    lines = []
    for (model, inputs), rows in pooled.groupby(["model", "inputs"], observed=True):
        if inputs == CONTROL:
            continue
        by_metric = rows.set_index("metric")
        texts = (
            interval(*by_metric.loc[metric, ["estimate", "low", "high"]], 4) for metric in shown
        )
        wrong = count(rows["wrong"].max())
        lines.append((MODELS[str(model)], str(inputs), wrong, *texts))
    comparison = [
        (
            pair_label(row.model_a),
            pair_label(row.model_b),
            row.scope if row.scope == POOLED else "single split",
            interval(100 * row.difference, 100 * row.low, 100 * row.high, 2),
            p_value(row.p_value),
            count(row.n),
            row.verdict,
        )
        for row in run.comparison.itertuples()
    ]
    header = ("A", "B", "Wines", "A minus B, points", "p", "Called by one only", "Verdict")
    return Section(
        "models",
        "Models compared",
        (
            "Min-max scaling is learnt from the training rows of each fold. Pooled figures are "
            "bootstrapped by group; red is the positive class.",
        ),
        (
            Table(
                "Every wine predicted once, by a model that saw none of its group",
                ("Model", "Inputs", "Wrong", *shown.values()),
                tuple(lines),
            ),
            Table(
                "Differences of accuracy in percentage points, 95 % intervals, McNemar's test",
                header,
                tuple(comparison),
            ),
            run.figure("training_curves"),
        ),
    )


def _search(run: Run) -> Section:
    lines = []
    for row in run.grid[run.grid["chosen"]].sort_values("outer_fold").itertuples():
        outer = run.row(TUNED, WITH_QUALITY, f"fold {row.outer_fold}")
        settings = f"{row.hidden_layer_sizes}, {row.learning_rate_init:g}"
        name = f"{row.outer_fold}{' (single split)' if row.outer_fold == SINGLE_SPLIT else ''}"
        held_out = percent_interval(outer.estimate, outer.low, outer.high, 2)
        lines.append((name, settings, percent(row.accuracy, 2), held_out, count(outer.n)))
    stacked = "; ".join(
        f"{row.networks} networks {row.hidden_layer_sizes} ({row.candidates} candidates × "
        f"{row.folds} folds)"
        for row in run.stacks.itertuples()
    )
    return Section(
        "search",
        "The grid search",
        (
            "A search that reports the score it chose by flatters itself. Here every outer fold "
            "searches the grid on inner folds of its own training rows, and is then judged on "
            "wines that took no part in the choice. All inner folds of all outer folds are trained "
            f"together, one stack per shape: {stacked}.",
        ),
        (
            run.figure("nested_search"),
            Table(
                "What each outer fold chose, and what came of it",
                ("Outer fold", "Chosen", "Inner accuracy", "Accuracy held out", "Wines"),
                tuple(lines),
            ),
            run.figure("grid"),
        ),
    )


def _columns(run: Run) -> Section:
    lines = [
        (column_label(row.column), interval(100 * row.estimate, 100 * row.low, 100 * row.high, 2))
        for row in run.importance.itertuples()
    ]
    return Section(
        "columns",
        "What the network reads",
        parts=(
            run.figure("importance"),
            Table(
                "Accuracy lost when a column of unseen wines is shuffled, in percentage points",
                ("Column", "Points lost"),
                tuple(lines),
            ),
        ),
    )


def _checks(run: Run) -> Section:
    return Section(
        "checks",
        "Can the figures be believed?",
        parts=(
            run.figure("permuted_control"),
            Table("Leak guard", LEAK_GUARD_HEADER, tuple(leak_guard_lines(run.leak_guard))),
        ),
    )
