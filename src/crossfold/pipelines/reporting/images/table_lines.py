"""Arrange the run's tables as the tables of the report."""

from __future__ import annotations

import pandas as pd

from crossfold.pipelines.reporting.document import Table
from crossfold.pipelines.reporting.formatting import (
    MISSING,
    count,
    interval,
    number,
    p_value,
    percent,
    percent_interval,
)
from crossfold.pipelines.reporting.images.image_tables import SPLIT_COLUMNS
from crossfold.pipelines.reporting.images.labels import (
    FRAMEWORKS,
    PARTS,
    dropout_label,
    experiment_label,
    model_label,
    regime_label,
    setting,
)
from crossfold.pipelines.reporting.lines import LEAK_GUARD_HEADER, leak_guard_lines

SCORES = {
    "Training accuracy": ("train", "accuracy"),
    "Validation accuracy": ("validation", "accuracy"),
    "Test accuracy": ("test", "accuracy"),
    "Test macro F1": ("test", "macro_f1"),
}


def experiment_tables(summary: pd.DataFrame) -> tuple[Table, ...]:
    """Give the table of experiments of each regime."""
    header = (
        "Experiment",
        "Layers",
        "Start",
        "Hidden",
        "Dropout",
        "Learning rate",
        *SCORES,
        "Seconds",
    )
    return tuple(
        Table(_experiments_caption(str(regime), part), header, _experiment_lines(part))
        for regime, part in summary.groupby("regime", sort=False)
    )


def _experiments_caption(regime: str, part: pd.DataFrame) -> str:
    seeds = int(part["seeds"].max())
    over = f"means and intervals over {seeds} seeds" if seeds > 1 else "intervals over images"
    n = count(part.loc[part["part"] == "test", "n"].max())
    epochs = count(part["epochs"].max())
    return f"{regime_label(regime)}, {epochs} epochs: 95 % {over}, n = {n} test images"


def _experiment_lines(summary: pd.DataFrame) -> tuple[tuple[str, ...], ...]:
    lines = []
    for name, part in summary.groupby("experiment", sort=False):
        row, scores = part.iloc[0], part.set_index(["part", "metric"])
        cells = [_percent(scores.loc[key]) if key in scores.index else MISSING
                 for key in SCORES.values()]  # fmt: skip
        lines.append((
            experiment_label(str(name)), str(row["layers"]), setting(row["init"]),
            setting(row["activation"]), dropout_label(row["dropout"]),
            f"{row['learning_rate']:g}", *cells, number(row["seconds"], 1),
        ))  # fmt: skip
    return tuple(lines)


def learning_rate_tables(table: pd.DataFrame) -> tuple[Table, ...]:
    """Give, for each regime, the validation accuracy of every experiment at every rate."""
    tables = []
    for regime, part in table.groupby("regime", sort=False):
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
        return (f"Accuracy: {recall}", MISSING, MISSING, MISSING, MISSING, count(row["support"]))
    means = {"macro avg": "Mean over classes", "weighted avg": "Mean over images"}
    return (
        means.get(name, name), precision, recall, number(row["f1"]),
        number(row["average_precision"]), count(row["support"]),
    )  # fmt: skip


def comparison_table(comparison: pd.DataFrame) -> Table:
    """Give every comparison of two models."""
    header = ("Question", "Measure", "Test", "Seed", "Difference", "p", "n", "Verdict")
    lines = tuple(_comparison_line(row) for _, row in comparison.iterrows())
    caption = (
        "Pairs of models on the same test images: differences with 95 % intervals, those of"
        " accuracy in percentage points"
    )
    return Table(caption, header, lines)


def _comparison_line(row: pd.Series) -> tuple[str, ...]:
    return (
        str(row["question"]), str(row["metric"]).replace("_", " "), str(row["test"]),
        "all" if pd.isna(row["seed"]) else f"{row['seed']:g}", _difference(row),
        MISSING if pd.isna(row["p_value"]) else p_value(row["p_value"]),
        MISSING if pd.isna(row["n"]) else count(row["n"]), str(row["verdict"]),
    )  # fmt: skip


def _difference(row: pd.Series) -> str:
    if row["metric"] == "accuracy":
        return interval(*(100 * row[name] for name in ("difference", "low", "high")), 2)
    return f"{row['difference']:.1e}"


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
    return MISSING if pd.isna(value) else f"{value:.1e}"


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
