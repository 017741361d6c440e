"""The figures of a study of images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.images.data import SOURCE
from crossfold.pipelines.images.report import (
    FRAMEWORKS,
    TWIN_SHOWN,
    chart_names,
    hidden,
    name_pairs,
    of_model,
    overall,
    present,
    regime_name,
    word,
)
from crossfold.pipelines.images.training import STRONG
from crossfold.reports import charts, style
from crossfold.reports.words import percent, shortened
from crossfold.templates.reporting.parameters import ReportParameters
from crossfold.validation.multiclass import confusion_counts
from crossfold.validation.tables import probabilities

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SAMPLES_OF_EACH, RANDOM_IMAGES, WRONG_IMAGES = 8, 7, 21
# Images in a row: fewer where the names of classes are long.
MANY, FEW, SHORT_NAME = 7, 4, 4
RECALLS = np.linspace(0, 1, 101)
MEASURES = {
    "validation_accuracy": "Accuracy",
    "validation_precision": "Precision",
    "validation_recall": "Recall",
    "validation_f1": "F1",
}
PARTS = {"train": "Training", "validation": "Validation"}
_GAP, _CAPTION_ROOM = 0.12, 0.55


def experiment_accuracy(table_experiment_summary: pd.DataFrame, report: ReportParameters) -> Figure:
    """Draw the test accuracy of every experiment, regimes and splits beside each other."""
    table, series = _accuracies(table_experiment_summary, report)
    names = {row["experiment"]: _row_name(row) for row in table.to_dict("records")}
    return charts.estimates(
        table, "experiment", ["accuracy"], series=series, names=names, percent=True,
        axis="Test accuracy, 95 % interval",
    )  # fmt: skip


def activations(table_experiment_summary: pd.DataFrame, report: ReportParameters) -> Figure:
    """Draw the range of test accuracies of the experiments with each activation."""
    table, series = _accuracies(table_experiment_summary, report)
    by_kind = table.groupby(["activation", "series"], sort=False)["estimate"]
    shown = by_kind.agg(estimate="median", low="min", high="max").reset_index()
    names = {name: word(name) for name in shown["activation"]}
    return charts.estimates(
        shown.assign(metric="accuracy"), "activation", ["accuracy"], series=series, names=names,
        percent=True, axis="Test accuracy: median and range of the experiments",
    )  # fmt: skip


def _accuracies(summary: pd.DataFrame, report: ReportParameters) -> tuple[pd.DataFrame, str | None]:
    """Take the accuracies on the source's test images, and the column of regimes, if several."""
    ends = {"accuracy": "estimate", "accuracy_low": "low", "accuracy_high": "high"}
    table = summary[summary["protocol"] == SOURCE].rename(columns=ends)
    series = [regime_name(report, regime).capitalize() for regime in table["regime"]]
    table = table.assign(metric="accuracy", series=series).astype({"experiment": str})
    return table, "series" if len(set(series)) > 1 else None


def _row_name(row: Any) -> str:
    settings = f"{word(row['activation'])} {hidden(row)}"
    text = f"{row['experiment']}: {settings}" if row["experiment"].isdigit() else settings
    return f"{text}, dropout" if row["dropout"] else text


def curves_of(measure: str) -> Callable[..., Figure]:
    """Make the function that draws a measure of the shown experiments, in every regime."""

    def draw(history: pd.DataFrame, names: dict[str, str], report: ReportParameters) -> Figure:
        shown = dict.fromkeys(model.partition("/")[2] for model in report.extra["shown"])
        models = [one for name in shown for one in names if one.endswith(f"/{name}")]
        parts = {f"{part}_{measure}": name for part, name in PARTS.items()}
        table = charts.over_epochs(_on_source(history), list(parts), models)
        return charts.lines(
            table, "epoch", series="measure", panel="model",
            names={**chart_names(names), **parts}, percent=measure == "accuracy",
            log=measure == "loss", height=2.1, y_axis=measure.capitalize(),
        )  # fmt: skip

    return draw


def _on_source(history: pd.DataFrame) -> pd.DataFrame:
    return history[history["protocol"] == SOURCE]


def scores_over_epochs(
    history: pd.DataFrame, names: dict[str, str], report: ReportParameters
) -> Figure:
    """Draw accuracy, macro precision, recall and F1 on the validation images over epochs."""
    models = report.extra["shown"]
    table = charts.over_epochs(_on_source(history), list(MEASURES), models)
    return charts.lines(
        table, "epoch", series="model", panel="measure",
        names={**chart_names(names), **MEASURES}, percent=True,
    )  # fmt: skip


def twin_training(history: pd.DataFrame, twins: pd.DataFrame, report: ReportParameters) -> Figure:
    """Draw validation loss of the NumPy and the PyTorch twin over epochs, in every regime."""
    table = charts.over_epochs(_on_source(history), ["validation_loss"], list(twins["model"]))
    regimes = dict(zip(twins["model"], twins["regime"], strict=True))
    names = {one: regime_name(report, one).capitalize() for one in regimes.values()}
    made_by = dict(zip(twins["model"], twins["framework"], strict=True))
    table = table.assign(regime=table["model"].map(regimes), made_by=table["model"].map(made_by))
    return charts.lines(
        table, "epoch", series="made_by", panel="regime", names={**names, **FRAMEWORKS},
        share_y=False, y_axis="Validation loss",
    )  # fmt: skip


def class_scores(
    table_classification_report: pd.DataFrame, names: dict[str, str], classes: list[str]
) -> Figure:
    """Draw precision and recall of each class with Wilson's intervals, by model."""
    table = table_classification_report
    table = table[table["class"].isin(classes) & (table["model"] != TWIN_SHOWN)]
    return charts.class_rates(table, series="model", names=chart_names(names), percent=True)


def precision_recall(
    predictions: pd.DataFrame, names: dict[str, str], classes: list[str], report: ReportParameters
) -> Figure:
    """Draw the precision-recall curve of each class against all others."""
    return charts.lines(
        pr_curves(predictions, report.extra["precision_recall"], classes), "recall",
        series="model", panel="class", names=chart_names(names), percent=True, y_axis="Precision",
        height=1.75,
    )  # fmt: skip


def pr_curves(predictions: pd.DataFrame, models: Sequence[str], classes: list[str]) -> pd.DataFrame:
    """Compute the precision-recall curve of each class against all others, at 101 recalls.

    The columns are ``model``, ``class``, ``recall`` and ``estimate`` (precision of the highest
    threshold which reaches the recall).
    """
    from sklearn.metrics import precision_recall_curve

    tables = []
    for model in models:
        rows = of_model(predictions, model)
        for label, name in present(rows, classes):
            precision, recall, _ = precision_recall_curve(
                rows["target"] == label, rows[f"p{label}"]
            )
            # The last point, recall 0 and precision 1, belongs to no threshold.
            at = np.searchsorted(recall[-2::-1], RECALLS)
            columns = {"recall": RECALLS, "estimate": precision[-2::-1][at]}
            tables.append(pd.DataFrame(columns).assign(**{"model": model, "class": name}))
    return pd.concat(tables, ignore_index=True)


def confusion_by_truth(predictions: pd.DataFrame, classes: list[str]) -> Figure:
    """Draw where the strong model takes the images of each class."""
    counts = confusion_counts(of_model(predictions, STRONG), len(classes))
    return charts.confusion(counts, classes)


def confusion_by_prediction(
    predictions: pd.DataFrame, names: dict[str, str], classes: list[str], report: ReportParameters
) -> Figure:
    """Draw where the images called each class come from: each column sums to 100 %."""
    models = [*report.extra["shown"], *([TWIN_SHOWN] if TWIN_SHOWN in names else [])]
    figure, panels = style.new_figure(3.6 * len(models), len(models))
    for axes, model in zip(panels, models, strict=True):
        counts = confusion_counts(of_model(predictions, model), len(classes))
        shares = counts / np.maximum(counts.sum(axis=0), 1)
        texts = [[f"{100 * one:.0f}" if round(100 * one) else "" for one in row] for row in shares]
        charts.heat_map(axes, shares, texts, classes)
        axes.set_title(f"{names[model]}, % of the predicted class")
    return figure


def paired_differences(comparison: pd.DataFrame, names: dict[str, str]) -> Figure:
    """Draw the difference in test accuracy of each pair of models, with its interval."""
    ends = {"difference": "estimate", "difference_low": "low", "difference_high": "high"}
    table = name_pairs(overall(comparison), names)[["short", "metric", *ends]]
    return charts.estimates(
        table.rename(columns=ends), "short", ["accuracy"], reference=0,
        axis="Difference in percentage points",
    )  # fmt: skip


def sample_images(
    images: NDArray[Any], labels: pd.DataFrame, classes: list[str], seed: int
) -> Figure:
    """Draw a row of randomly chosen images for each class."""
    rng = np.random.default_rng(seed)
    figure, [axes] = style.new_figure(0.5 * len(classes) + 0.3)
    for place in range(len(classes)):
        rows = np.flatnonzero(labels["label"].to_numpy() == place)
        chosen = rng.choice(rows, min(SAMPLES_OF_EACH, len(rows)), replace=False)
        for column, row in enumerate(chosen):
            _put(axes, images[row], column, place)
    _frame(axes, SAMPLES_OF_EACH, len(classes))
    axes.set_axis_on()
    axes.spines[:].set_visible(False)
    axes.set_yticks(np.arange(len(classes)) + 0.5, classes)
    axes.set_xticks([])
    axes.tick_params(length=0)
    return figure


def random_test_images(
    images: NDArray[Any],
    predictions: pd.DataFrame,
    classes: list[str],
    report: ReportParameters,
    seed: int,
) -> Figure:
    """Draw test images at random, as the network named by the report names them."""
    rows = _with_probability(predictions, report.extra.get("named_by", STRONG))
    return image_page(
        images, rows.sample(min(RANDOM_IMAGES, len(rows)), random_state=seed), classes
    )


def most_confidently_wrong(
    images: NDArray[Any], predictions: pd.DataFrame, classes: list[str]
) -> Figure:
    """Draw the test images that the strong model names wrongly with the highest probability."""
    rows = _with_probability(predictions, STRONG)
    wrong = rows[rows["target"] != rows["predicted"]]
    ordered = wrong.sort_values("probability", ascending=False, kind="stable")
    return image_page(images, ordered.head(WRONG_IMAGES), classes)


def _with_probability(predictions: pd.DataFrame, model: str) -> pd.DataFrame:
    rows = of_model(predictions, model)
    return rows.assign(probability=probabilities(rows).max(axis=1))


def image_page(images: NDArray[Any], shown: pd.DataFrame, classes: Sequence[str]) -> Figure:
    """Draw images (``(n, height, width)``, uint8) in a grid, each with what it is taken for.

    `shown` has columns ``row``, ``target``, ``predicted`` and ``probability``, in the order drawn;
    `classes` are names by label.
    """
    if shown.empty:
        return style.empty_figure("No image to show.")
    n_columns = MANY if max(map(len, classes)) <= SHORT_NAME else FEW
    n_rows, height = math.ceil(len(shown) / n_columns), 1 + _CAPTION_ROOM * n_columns / MANY
    figure, [axes] = style.new_figure(style.WIDTH_INCHES / n_columns * height * n_rows)
    line: Any
    for place, line in enumerate(shown.itertuples(index=False)):
        row, column = divmod(place, n_columns)
        _put(axes, images[line.row], column, row * height)
        axes.text(
            column + 0.5, row * height + 1, _caption(line, classes), ha="center", va="top",
            fontsize=8.5, linespacing=1.15,
        )  # fmt: skip
    _frame(axes, n_columns, n_rows * height)
    return figure


def _caption(line: Any, classes: Sequence[str]) -> str:
    truth, said = (shortened(classes[one], 16) for one in (line.target, line.predicted))
    named = f"{said} ✓" if truth == said else f"{said} ✗\nis {truth}"
    return f"{named}\n{percent(line.probability)}"


def _put(axes: Axes, image: NDArray[Any], left: float, top: float) -> None:
    gap = _GAP / 2
    extent = (left + gap, left + 1 - gap, top + 1 - gap, top + gap)
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=255, extent=extent, interpolation="none")


def _frame(axes: Axes, width: float, height: float) -> None:
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    axes.grid(visible=False)
    axes.set_axis_off()


FIGURES: dict[str, Callable[..., Figure]] = {
    "training_curves": curves_of("loss"),
    "accuracy_curves": curves_of("accuracy"),
} | {
    one.__name__: one
    for one in (
        experiment_accuracy, activations, scores_over_epochs, twin_training, class_scores,
        precision_recall, confusion_by_truth, confusion_by_prediction, paired_differences,
        sample_images, random_test_images, most_confidently_wrong,
    )
}  # fmt: skip
