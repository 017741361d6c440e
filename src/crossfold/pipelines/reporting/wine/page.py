"""The wine report as a page: what it says, in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crossfold.pipelines.reporting.document import Document, Figure, Section, Table
from crossfold.pipelines.reporting.lines import LEAK_GUARD_HEADER, leak_guard_lines
from crossfold.pipelines.reporting.parameters import PageParameters
from crossfold.pipelines.reporting.wine.captions import CAPTIONS
from crossfold.pipelines.reporting.wine.figures import candidate_label, with_fold_intervals
from crossfold.pipelines.reporting.wine.labels import (
    LOGISTIC,
    MLP,
    SINGLE_SPLIT,
    TUNED,
    WITHOUT_QUALITY,
    column_label,
    model_label,
)
from crossfold.reports.words import (
    count,
    interval,
    p_value,
    percent,
    percent_interval,
)
from crossfold.templates.cross_validation.final_model import library_versions
from crossfold.templates.cross_validation.folds import GROUPED
from crossfold.validation.tables import POOLED


@dataclass(frozen=True)
class Run:
    """What a run of the study made, and the words of its report."""

    row_counts: Mapping[str, Any]
    metrics_table: pd.DataFrame
    comparison: pd.DataFrame
    grid: pd.DataFrame
    importance: pd.DataFrame
    leak_guard: pd.DataFrame
    report: PageParameters
    data_notice: str
    seed: int
    figures: Mapping[str, bytes]

    def figure(self, name: str) -> Figure:
        """Give a figure with its caption."""
        return Figure(name, self.figures[name], CAPTIONS[name])

    def accuracy(self, model: str, scope: str = POOLED) -> Any:
        """Find one line of the table of accuracies."""
        table = with_fold_intervals(self.metrics_table)
        return next(table[(table["model"] == model) & (table["scope"] == scope)].itertuples())


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
    mlp, logistic, tuned, bare = map(
        run.accuracy, (MLP, LOGISTIC, TUNED, f"{MLP}{WITHOUT_QUALITY}")
    )
    single = run.accuracy(MLP, f"fold {SINGLE_SPLIT}")
    return (
        f"Of {count(mlp.n)} wines, an MLP tells {_accuracy(mlp)} apart correctly by eleven "
        f"measurements and quality, {count(_wrong(mlp))} wrongly; logistic regression "
        f"{_accuracy(logistic)}. Tuned inside each fold, the MLP reaches {_accuracy(tuned)}: "
        f"{_verdict(run)}. Without quality it reaches {_accuracy(bare)}.",
        f"On a single split of {count(single.n)} wines the MLP's interval alone is "
        f"{percent(single.low)} to {percent(single.high)}: differences of a few tenths of a per "
        "cent cannot be read from one split.",
    )


def _verdict(run: Run) -> str:
    of_pair = run.comparison[
        (run.comparison["model_a"] == MLP)
        & (run.comparison["model_b"] == TUNED)
        & (run.comparison["test"] == "McNemar")
    ]
    row = next(of_pair.itertuples())
    words = "the two are not told apart" if row.verdict != "differ" else "the two differ"
    return f"{words} (McNemar's test, {row.n} wines called rightly by one only)"


def _wrong(row: Any) -> int:
    return round((1 - row.estimate) * row.n)


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
    pooled = run.metrics_table[
        (run.metrics_table["scope"] == POOLED) & (run.metrics_table["protocol"] == GROUPED)
    ]
    shown = {"accuracy": "Accuracy", "roc_auc": "ROC-AUC", "f1": "F1", "brier": "Brier score"}
    lines = []
    for model, rows in pooled.groupby("model", observed=True):
        by_metric = rows.set_index("metric")
        texts = (
            interval(*by_metric.loc[metric, ["estimate", "low", "high"]], 4) for metric in shown
        )
        lines.append((model_label(str(model)), count(_wrong(run.accuracy(str(model)))), *texts))
    comparison = [
        (
            model_label(row.model_a),
            model_label(row.model_b),
            "all folds" if row.test == "McNemar" else "single split",
            interval(100 * row.difference, 100 * row.low, 100 * row.high, 2),
            p_value(row.p_value),
            count(row.n),
            row.verdict,
        )
        for row in run.comparison.itertuples()
        if row.test.startswith("McNemar")
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
                ("Model", "Wrong", *shown.values()),
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
    for row in run.grid[run.grid["chosen"]].sort_values("fold").itertuples():
        outer = run.accuracy(TUNED, f"fold {row.fold}")
        settings = candidate_label(row.candidate)
        name = f"{row.fold}{' (single split)' if row.fold == SINGLE_SPLIT else ''}"
        held_out = percent_interval(outer.estimate, outer.low, outer.high, 2)
        lines.append((name, settings, percent(row.score, 2), held_out, count(outer.n)))
    return Section(
        "search",
        "The grid search",
        (
            "A search that reports the score it chose by flatters itself. Here every outer fold "
            "searches the grid on inner folds of its own training rows, and is then judged on "
            "wines that took no part in the choice. All inner folds of all outer folds are trained "
            "together, one stack per shape.",
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
