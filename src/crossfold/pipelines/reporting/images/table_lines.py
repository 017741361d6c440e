"""Arrange the run's tables as the tables of the report."""

from __future__ import annotations

import pandas as pd

from crossfold.pipelines.reporting.document import Table
from crossfold.pipelines.reporting.images.experiment_tables import tried_rates
from crossfold.pipelines.reporting.images.image_tables import SPLIT_COLUMNS
from crossfold.pipelines.reporting.images.labels import (
    FRAMEWORKS,
    PARTS,
    experiment_label,
    model_label,
    pair_label,
    regime_label,
    settings,
)
from crossfold.pipelines.reporting.lines import LEAK_GUARD_HEADER, leak_guard_lines
from crossfold.reports.words import (
    MISSING,
    count,
    interval,
    number,
    p_value,
    percent,
    percent_interval,
)

SCORES = {
    "Test accuracy": ("test", "accuracy", percent_interval),
    "Validation accuracy": ("validation", "accuracy", lambda share, *_: percent(share)),
    "Training accuracy": ("train", "accuracy", lambda share, *_: percent(share)),
    "Test macro F1": ("test", "macro_f1", lambda share, *_: percent(share)),
}
# A hyphen at which no line breaks.
HYPHEN = "\u2011"


def experiment_tables(summary: pd.DataFrame) -> tuple[Table, ...]:
    """Give the table of experiments of each split and regime."""
    header = ("Experiment", "Start, hidden units", "Learning rate", *SCORES)
    return tuple(
        Table(_experiments_caption(part), header, _experiment_lines(part))
        for _, part in summary.groupby(["protocol", "regime"], sort=False)
    )


def _experiments_caption(part: pd.DataFrame) -> str:
    first, seeds = part.iloc[0], int(part["seeds"].max())
    over = f"means of {seeds} seeds, 95 % intervals" if seeds > 1 else "95 % intervals"
    n = count(part.loc[part["part"] == "test", "n"].max())
    return (
        f"{regime_label(first['regime'], first['protocol'])}, {count(first['epochs'])} epochs, all"
        f" trained at once in {number(first['seconds'], 0)} s: {over}, n = {n} test images"
    )


def _experiment_lines(summary: pd.DataFrame) -> tuple[tuple[str, ...], ...]:
    lines = []
    for name, part in summary.groupby("experiment", sort=False):
        row, scores = part.iloc[0], part.set_index(["part", "metric"])
        cells = [
            write(*scores.loc[(of_part, metric), ["estimate", "low", "high"]])
            for of_part, metric, write in SCORES.values()
        ]
        layers = str(row["layers"]).replace("-", HYPHEN)
        label = f"{experiment_label(str(name)).removeprefix('Experiment ')}: {layers}"
        lines.append((label, settings(row), f"{row['learning_rate']:g}", *cells))
    return tuple(lines)


def learning_rate_tables(table: pd.DataFrame) -> tuple[Table, ...]:
    """Give, for each regime, the validation accuracy of every experiment at every rate."""
    tables = []
    for regime, part in tried_rates(table).groupby("regime", sort=False):
        rates = sorted(part["learning_rate"].unique())
        lines = [
            (experiment_label(str(name)), *_rate_cells(tried.set_index("learning_rate"), rates))
            for name, tried in part.groupby("experiment", sort=False)
        ]
        caption = (
            f"{regime_label(str(regime))}: validation accuracy after"
            f" {count(part['epochs'].max())} epochs at each learning rate"
        )
        tables.append(
            Table(caption, ("Experiment", *(f"{rate:g}" for rate in rates)), tuple(lines))
        )
    return tuple(tables)


def _rate_cells(tried: pd.DataFrame, rates: list[float]) -> list[str]:
    return [
        percent(tried.loc[rate, "validation_accuracy"])
        + (" (chosen)" if tried.loc[rate, "chosen"] else "")
        if rate in tried.index
        else MISSING
        for rate in rates
    ]


def class_table(report: pd.DataFrame) -> Table:
    """Give the classification report of one model."""
    header = ("Class", "Precision", "Recall", "F1", "Average precision", "Images")
    lines = tuple(_class_line(row) for _, row in report.iterrows())
    model, n = report["model"].iloc[0], count(report["support"].max())
    caption = f"{model_label(model)}: classification report, 95 % intervals, n = {n} test images"
    return Table(caption, header, lines)


def _class_line(row: pd.Series) -> tuple[str, ...]:
    name = str(row["class"])
    precision, recall = (
        interval(*row[[rate, f"{rate}_low", f"{rate}_high"]]) for rate in ("precision", "recall")
    )
    if name == "accuracy":
        return ("Accuracy", MISSING, recall, MISSING, MISSING, count(row["support"]))
    means = {"macro avg": "Mean over classes", "weighted avg": "Mean over images"}
    return (
        means.get(name, name), precision, recall, number(row["f1"]),
        number(row["average_precision"]), count(row["support"]),
    )  # fmt: skip


def comparison_table(comparison: pd.DataFrame) -> Table:
    """Give every comparison of two models."""
    header = ("Question", "Pair", "Test", "Difference", "p", "n", "Verdict")
    lines = tuple(_comparison_line(row) for _, row in comparison.iterrows())
    caption = (
        "Pairs of models on the same test images, the first minus the second: differences in"
        " accuracy in percentage points, with 95 % intervals; n counts images, seeds or images on"
        " which the two disagree"
    )
    return Table(caption, header, lines)


def _comparison_line(row: pd.Series) -> tuple[str, ...]:
    return (
        str(row["question"]),
        pair_label(row["model_a"], row["model_b"]),
        str(row["test"]),
        interval(*(100 * row[name] for name in ("difference", "low", "high")), 2),
        MISSING if pd.isna(row["p_value"]) else p_value(row["p_value"]),
        count(row["n"]),
        str(row["verdict"]),
    )


def twin_table(twins: pd.DataFrame) -> Table:
    """Give accuracy, time and distance of the frameworks in each regime."""
    header = (
        "Framework", "Regime", "Test accuracy", "Epochs", "Seconds",
        "Largest difference of a weight", "Largest difference of a probability",
    )  # fmt: skip
    lines = tuple(
        (
            FRAMEWORKS.get(row["framework"], row["framework"]), regime_label(row["regime"]),
            _percent(row), count(row["epochs"]), number(row["seconds"], 1),
            *(_tiny(row[f"largest_{kind}_difference"]) for kind in ("weight", "probability")),
        )
        for _, row in twins.iterrows()
    )  # fmt: skip
    n = count(twins["n"].max())
    return Table(f"Each framework in each regime, 95 % intervals, n = {n}", header, lines)


def _tiny(value: float) -> str:
    return f"{value:.1e}" if value else "0"


def split_table(split: pd.DataFrame) -> Table:
    """Give the number of images in each part of both splits."""
    counts = {name: split[column].value_counts() for name, column in SPLIT_COLUMNS.items()}
    lines = [
        (label, *(count(numbers.get(part, 0)) for numbers in counts.values()))
        for part, label in PARTS.items()
    ]
    left = [len(split) - sum(n.get(part, 0) for part in PARTS) for n in counts.values()]
    lines.append(("Not used", *map(count, left)))
    caption = f"Images in each part of the two splits, of {count(len(split))}"
    return Table(caption, ("Part", "Drawn split", "Standard split"), tuple(lines))


def leak_guard_table(table: pd.DataFrame) -> Table:
    """Give the leak guard's checks."""
    lines = tuple(leak_guard_lines(table))
    return Table("What must not cross from one part into another", LEAK_GUARD_HEADER, lines)


def _percent(row: pd.Series) -> str:
    return percent_interval(row["estimate"], row["low"], row["high"])
