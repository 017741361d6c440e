"""What the report of a study of images is made of: names, tables, figures, facts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.images.data import COLUMNS, PARTS, SOURCE, STANDARD
from crossfold.pipelines.images.parameters import STRONG, ClassNames
from crossfold.reports import charts, style
from crossfold.reports import words as write
from crossfold.reports.tables import widen
from crossfold.templates.parameters import Parameters
from crossfold.templates.reporting.results import ReportParameters
from crossfold.templates.wiring import by_name
from crossfold.validation.metrics import class_rates, confusion_counts, wilson_interval
from crossfold.validation.tables import POOLED, probabilities

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Names = dict[str, str]
KEYS = ["model", "protocol"]
SETTINGS = [
    *("regime", "experiment", "layers", "init", "activation", "dropout", "learning_rate", "epochs")
]
TWIN_SHOWN = "twin_torch"
# Ways to compare over all that was trained, the preferred one last.
OVERALL = ["bootstrap over images", "t over seeds"]
ENDS = {"accuracy": "estimate", "accuracy_low": "low", "accuracy_high": "high"}
MEANS = {"macro avg": "mean over classes", "weighted avg": "mean over images"}
MEASURES = {
    f"validation_{name.lower()}": name for name in ("Accuracy", "Precision", "Recall", "F1")
}
SAMPLES_OF_EACH, RANDOM_IMAGES, WRONG_IMAGES = 8, 7, 21
# Images in a row: fewer where the names of classes are long.
MANY, FEW, SHORT_NAME = 7, 4, 4
RECALLS = np.linspace(0, 1, 101)


class Extra(Parameters):
    """What the page singles out; models are named as ``REGIME/EXPERIMENT``, ``strong``."""

    shown: tuple[str, ...]
    """Models that are shown class by class and in curves over epochs."""
    precision_recall: tuple[str, ...]
    """Models whose precision-recall curves are drawn."""
    named_by: str = STRONG
    """Model that names the random test images."""
    note: str = ""
    """What is to be said of the shown models."""


class ImageReportParameters(ReportParameters):
    """The words of the report of a study of images."""

    extra: Extra


TYPES = {"report": ImageReportParameters}


def word(report: ImageReportParameters, name: str) -> str:
    """Name a regime, an activation, a start or a library as it stands inside a sentence."""
    return report.labels.get(name, name.replace("_", " "))


def name_experiments(table: pd.DataFrame, report: ImageReportParameters) -> pd.DataFrame:
    """Add columns to a table of experiments: ``hidden`` (20-10), ``name`` and ``described``.

    A number stands for its settings: ``Experiment 7``, else ``ReLU 25-25``; as described, it has
    both.
    """
    hidden = table["layers"].astype(str).str.split("-").str[1:-1].str.join("-")
    kinds = table["activation"].map(partial(word, report)) + " " + hidden
    experiment = table["experiment"].astype(str)
    is_number = experiment.str.isdigit()
    dropped = table["dropout"].gt(0).map({True: ", dropout", False: ""})
    return table.assign(
        experiment=experiment,
        hidden=hidden,
        name=("Experiment " + experiment).where(is_number, kinds),
        described=(experiment + ": " + kinds).where(is_number, kinds) + dropped,
    )


def model_names(
    experiments: pd.DataFrame, twins: pd.DataFrame, report: ImageReportParameters
) -> Names:
    """Name all models: ``Experiment 7 (full batch)``, ``ReLU 25-25``, ``PyTorch twin``.

    The regime is left out where there is but one.
    """
    trained = name_experiments(experiments.drop_duplicates("model"), report)
    libraries = twins.assign(name=[f"{word(report, one)} twin" for one in twins["framework"]])
    names: Names = {}
    for table in (trained, libraries):
        several = len(set(table["regime"])) > 1
        for model, name, regime in table[["model", "name", "regime"]].itertuples(index=False):
            names[model] = f"{name} ({word(report, regime)})" if several else name
    return {**names, STRONG: "Strong network"}


def chart_names(names: Names) -> Names:
    """Shorten the names of models to what a chart has room for."""
    return {model: re.sub("Experiment | twin", "", name) for model, name in names.items()}


def pair_name(a: str, b: str) -> str:
    """Name a pair by what both share and what sets them apart: ``7: mini − full``."""
    (a, _, a_regime), (b, _, b_regime) = (one.partition(" (") for one in (a, b))
    a_regime, b_regime = (re.split(r"\W", one)[0] for one in (a_regime, b_regime))
    if a == b:
        return f"{a}: {a_regime} − {b_regime}"
    if a_regime == b_regime:
        return f"{a} − {b}, {a_regime}".rstrip(", ")
    return f"{a} {a_regime} − {b} {b_regime}"


def experiment_summary(
    experiments: pd.DataFrame,
    metrics_table: pd.DataFrame,
    history: pd.DataFrame,
    report: ImageReportParameters,
) -> pd.DataFrame:
    """Put the figures of every experiment beside its settings, over all seeds.

    Returns columns ``model``, ``protocol``, those of `SETTINGS`, ``seeds``, ``seconds`` (of the
    regime's training of all experiments at once), those of `name_experiments`, ``train_accuracy``
    and ``validation_accuracy`` (means over seeds after the last epoch), and of the test images
    ``n`` (their number), ``accuracy`` and ``macro_f1``, each with ``_low`` and ``_high`` (95 %).
    """
    trainings = experiments.groupby([*KEYS, *SETTINGS], sort=False)["seconds"]
    table = trainings.agg(seeds="size", seconds="max").reset_index()
    history = history.astype(dict.fromkeys([*KEYS, "measure"], "str"))
    last = history[history["epoch"] == history.groupby(KEYS)["epoch"].transform("max")]
    means = last.pivot_table(index=KEYS, columns="measure", values="value")
    pooled = metrics_table[metrics_table["scope"] == POOLED]
    tested = widen(pooled, [*KEYS, "n"], "metric", ("accuracy", "macro_f1"))
    reached = means[["train_accuracy", "validation_accuracy"]].reset_index()
    return name_experiments(table, report).merge(reached, on=KEYS).merge(tested, on=KEYS)


def of_model(predictions: pd.DataFrame, model: str) -> pd.DataFrame:
    """Take the first member's predictions of the test images, the strong model's standard ones.

    The column ``probability`` is that of the predicted class.
    """
    split = STANDARD if model == STRONG else SOURCE
    is_shown = (predictions["model"] == model) & (predictions["protocol"] == split)
    rows = predictions[is_shown & (predictions["member"] == 0)]
    if rows.empty:
        known = write.listed(list(dict.fromkeys(predictions["model"].astype(str))), 50)
        raise CrossfoldError(
            f"The report shows {model!r}, of which this run has no predictions: set the study's "
            f"report.extra to models among {known}."
        )
    return rows.assign(probability=probabilities(rows).max(axis=1))


def _shown(report: ImageReportParameters, names: Names, *also: str) -> list[str]:
    return [*report.extra.shown, *also, *([TWIN_SHOWN] if TWIN_SHOWN in names else [])]


def classification_report(
    predictions: pd.DataFrame, names: Names, classes: ClassNames, report: ImageReportParameters
) -> pd.DataFrame:
    """Compute scikit-learn's classification report of the models that are shown, with intervals.

    Returns columns ``model``, ``class`` (its name, ``accuracy``, ``macro avg`` or
    ``weighted avg``), ``precision`` and ``recall``, each with ``_low`` and ``_high`` (95 % Wilson),
    ``f1``, ``average_precision`` and ``support``. Accuracy stands in the column of recall.
    """
    shown = _shown(report, names, STRONG)
    tables = {model: _one_report(of_model(predictions, model), classes) for model in shown}
    return pd.concat(tables, names=["model"]).reset_index("model").reset_index(drop=True)


def _one_report(rows: pd.DataFrame, classes: ClassNames) -> pd.DataFrame:
    from sklearn.metrics import average_precision_score
    from sklearn.metrics import classification_report as report

    printed: Any = report(
        rows["target"], rows["predicted"], labels=range(len(classes)), target_names=classes,
        output_dict=True, zero_division=0,
    )  # fmt: skip
    counts, accuracy = confusion_counts(rows, len(classes)), printed.pop("accuracy")
    low, high = wilson_interval(np.trace(counts), len(rows))
    table = class_rates(counts).set_axis(classes).drop(columns=["precision", "recall"])
    table = pd.DataFrame(printed).T.rename(columns={"f1-score": "f1"}).join(table)
    right = {"recall": accuracy, "recall_low": low, "recall_high": high, "support": len(rows)}
    table.loc["accuracy"] = pd.Series(right)
    is_class = {name: rows["target"] == label for label, name in enumerate(classes)}
    table["average_precision"] = pd.Series(
        {
            name: average_precision_score(is_it, rows[f"p{label}"])
            for label, (name, is_it) in enumerate(is_class.items())
            if is_it.any()
        }
    )
    columns = [f"{rate}{end}" for rate in ("precision", "recall") for end in ("", "_low", "_high")]
    table = table[[*columns, "f1", "average_precision", "support"]]
    return table.rename_axis("class").reset_index().astype({"support": int})


def class_counts(split: pd.DataFrame, classes: ClassNames) -> pd.DataFrame:
    """Count the images of each class in the training, validation and test part of both splits.

    Returns columns ``class`` (all of them in the last row), and ``train``, ``validation``, ``test``
    of the drawn and ``standard_train`` and so on of the standard split, of the parts that have
    images.
    """
    label = pd.Categorical.from_codes(split["label"], pd.Index(classes))
    counted = [
        pd.crosstab(label, split[column].astype(str), dropna=False).filter(PARTS).add_prefix(prefix)
        for (_, column), prefix in zip(COLUMNS.items(), ("", "standard_"), strict=True)
    ]
    table = pd.concat(counted, axis=1)
    table.loc["all"] = table.sum()
    return table.rename_axis("class").reset_index()


def overall(comparison: pd.DataFrame) -> pd.DataFrame:
    """Take one difference of each pair: over seeds where there are several, else over images."""
    rank = comparison["test"].map({name: place for place, name in enumerate(OVERALL)})
    best = comparison.assign(rank=rank).dropna(subset="rank").sort_values("rank", kind="stable")
    return best.drop_duplicates(["model_a", "model_b"], keep="last").sort_index()


def name_pairs(comparison: pd.DataFrame, names: Names) -> pd.DataFrame:
    """Name the pairs, in full (``pair``) and for charts (``short``), and put points for shares."""
    short = chart_names(names)
    models = list(zip(comparison["model_a"], comparison["model_b"], strict=True))
    ends = {"difference": "difference", "low": "difference_low", "high": "difference_high"}
    return comparison.assign(
        pair=[f"{names[a]} − {names[b]}" for a, b in models],
        short=[pair_name(short[a], short[b]) for a, b in models],
        **{end: 100 * comparison[name].astype(float) for name, end in ends.items()},
    )


def experiment_accuracy(
    table_experiment_summary: pd.DataFrame, report: ImageReportParameters
) -> Figure:
    """Draw the test accuracy of every experiment, regimes and splits beside each other."""
    table, series = _accuracies(table_experiment_summary, report)
    return charts.estimates(
        table, "described", ["accuracy"], series=series, percent=True,
        axis="Test accuracy, 95 % interval",
    )  # fmt: skip


def activations(table_experiment_summary: pd.DataFrame, report: ImageReportParameters) -> Figure:
    """Draw the range of test accuracies of the experiments with each activation."""
    table, series = _accuracies(table_experiment_summary, report)
    by_kind = table.groupby(["activation", "metric", "series"], sort=False)["estimate"]
    shown = by_kind.agg(estimate="median", low="min", high="max").reset_index()
    return charts.estimates(
        shown, "activation", ["accuracy"], series=series, names=report.labels, percent=True,
        axis="Test accuracy: median and range of the experiments",
    )  # fmt: skip


def _accuracies(
    summary: pd.DataFrame, report: ImageReportParameters
) -> tuple[pd.DataFrame, str | None]:
    """Take the accuracies on the source's test images, and the column of regimes, if several."""
    table = summary[summary["protocol"] == SOURCE].rename(columns=ENDS)
    series = [word(report, regime).capitalize() for regime in table["regime"]]
    table = table.assign(metric="accuracy", series=series)
    return table, "series" if len(set(series)) > 1 else None


def _curves(history: pd.DataFrame, measures: Sequence[str], models: Sequence[str]) -> pd.DataFrame:
    return charts.over_epochs(history[history["protocol"] == SOURCE], measures, models)


def curves_of(measure: str) -> Callable[..., Figure]:
    """Make the function that draws a measure of the shown experiments, in every regime."""

    def draw(history: pd.DataFrame, names: Names, report: ImageReportParameters) -> Figure:
        shown = dict.fromkeys(model.partition("/")[2] for model in report.extra.shown)
        models = [one for name in shown for one in names if one.endswith(f"/{name}")]
        parts = {f"train_{measure}": "Training", f"validation_{measure}": "Validation"}
        return charts.lines(
            _curves(history, list(parts), models), "epoch", series="measure", panel="model",
            names={**chart_names(names), **parts}, percent=measure == "accuracy",
            log=measure == "loss", height=2.1, y_axis=measure.capitalize(),
        )  # fmt: skip

    return draw


def scores_over_epochs(
    history: pd.DataFrame, names: Names, report: ImageReportParameters
) -> Figure:
    """Draw accuracy, macro precision, recall and F1 on the validation images over epochs."""
    return charts.lines(
        _curves(history, list(MEASURES), report.extra.shown), "epoch", series="model",
        panel="measure", names={**chart_names(names), **MEASURES}, percent=True,
    )  # fmt: skip


def twin_training(
    history: pd.DataFrame, twins: pd.DataFrame, report: ImageReportParameters
) -> Figure:
    """Draw validation loss of the NumPy and the PyTorch twin over epochs, in every regime."""
    own = twins[["model", "framework", "regime"]].astype(str)
    names = {regime: word(report, regime).capitalize() for regime in own["regime"]}
    table = _curves(history, ["validation_loss"], list(own["model"])).merge(own, on="model")
    return charts.lines(
        table, "epoch", series="framework", panel="regime", names={**report.labels, **names},
        share_y=False, y_axis="Validation loss",
    )  # fmt: skip


def class_scores(
    table_classification_report: pd.DataFrame, names: Names, classes: ClassNames
) -> Figure:
    """Draw precision and recall of each class with Wilson's intervals, by model."""
    table = table_classification_report
    table = table[table["class"].isin(classes) & (table["model"] != TWIN_SHOWN)]
    return charts.class_rates(table, series="model", names=chart_names(names), percent=True)


def precision_recall(
    predictions: pd.DataFrame, names: Names, classes: ClassNames, report: ImageReportParameters
) -> Figure:
    """Draw the precision-recall curve of each class against all others."""
    return charts.lines(
        pr_curves(predictions, report.extra.precision_recall, classes), "recall",
        series="model", panel="class", names=chart_names(names), percent=True, y_axis="Precision",
        height=1.75,
    )  # fmt: skip


def pr_curves(
    predictions: pd.DataFrame, models: Sequence[str], classes: ClassNames
) -> pd.DataFrame:
    """Compute the precision-recall curve of each class against all others, at 101 recalls.

    The columns are ``model``, ``class``, ``recall`` and ``estimate`` (precision of the highest
    threshold which reaches the recall).
    """
    from sklearn.metrics import precision_recall_curve

    tables = []
    for model in models:
        rows = of_model(predictions, model)
        for label, name in enumerate(classes):
            if not (is_it := rows["target"] == label).any():
                continue
            precision, recall, _ = precision_recall_curve(is_it, rows[f"p{label}"])
            # The last point, recall 0 and precision 1, belongs to no threshold.
            at = np.searchsorted(recall[-2::-1], RECALLS)
            columns = {"recall": RECALLS, "estimate": precision[-2::-1][at]}
            tables.append(pd.DataFrame(columns).assign(**{"model": model, "class": name}))
    return pd.concat(tables, ignore_index=True)


def confusion_by_truth(predictions: pd.DataFrame, classes: ClassNames) -> Figure:
    """Draw where the strong model takes the images of each class."""
    return charts.confusion(confusion_counts(of_model(predictions, STRONG), len(classes)), classes)


def confusion_by_prediction(
    predictions: pd.DataFrame, names: Names, classes: ClassNames, report: ImageReportParameters
) -> Figure:
    """Draw where the images called each class come from: each column sums to 100 %."""
    models = _shown(report, names)
    figure, panels = style.new_figure(3.6 * len(models), len(models))
    for axes, model in zip(panels, models, strict=True):
        counts = confusion_counts(of_model(predictions, model), len(classes))
        shares = counts / np.maximum(counts.sum(axis=0), 1)
        texts = [[f"{100 * one:.0f}" if round(100 * one) else "" for one in row] for row in shares]
        charts.heat_map(axes, shares, texts, classes)
        axes.set_title(f"{names[model]}, % of the predicted class")
    return figure


def paired_differences(comparison: pd.DataFrame, names: Names) -> Figure:
    """Draw the difference in test accuracy of each pair of models, with its interval."""
    ends = {"difference": "estimate", "difference_low": "low", "difference_high": "high"}
    table = name_pairs(overall(comparison), names)[["short", "metric", *ends]]
    return charts.estimates(
        table.rename(columns=ends), "short", ["accuracy"], reference=0,
        axis="Difference in percentage points",
    )  # fmt: skip


def sample_images(
    images: NDArray[Any], labels: pd.DataFrame, classes: ClassNames, seed: int
) -> Figure:
    """Draw a row of randomly chosen images for each class."""
    rng = np.random.default_rng(seed)
    figure, panels = style.new_figure(0.5 * len(classes) + 0.3, len(classes))
    for label, (axes, name) in enumerate(zip(panels, classes, strict=True)):
        rows = np.flatnonzero(labels["label"].to_numpy() == label)
        chosen = rng.choice(rows, min(SAMPLES_OF_EACH, len(rows)), replace=False)
        drawn = np.zeros((SAMPLES_OF_EACH, *images.shape[1:]), images.dtype)
        drawn[: len(chosen)] = images[chosen]
        _put(axes, np.hstack([*np.pad(drawn, ((0, 0), (1, 1), (2, 2)))]))
        axes.set_ylabel(name, rotation=0, ha="right", va="center")
    return figure


def random_test_images(
    images: NDArray[Any],
    predictions: pd.DataFrame,
    classes: ClassNames,
    report: ImageReportParameters,
    seed: int,
) -> Figure:
    """Draw test images at random, as the network named by the report names them."""
    rows = of_model(predictions, report.extra.named_by)
    drawn = rows.sample(min(RANDOM_IMAGES, len(rows)), random_state=seed)
    return image_page(images, drawn, classes)


def most_confidently_wrong(
    images: NDArray[Any], predictions: pd.DataFrame, classes: ClassNames
) -> Figure:
    """Draw the test images that the strong model names wrongly with the highest probability."""
    rows = of_model(predictions, STRONG)
    wrong = rows[rows["target"] != rows["predicted"]]
    ordered = wrong.sort_values("probability", ascending=False, kind="stable")
    return image_page(images, ordered.head(WRONG_IMAGES), classes)


def image_page(images: NDArray[Any], shown: pd.DataFrame, classes: Sequence[str]) -> Figure:
    """Draw images (``(n, height, width)``, uint8) in a grid, each with what it is taken for.

    `shown` has columns ``row``, ``target``, ``predicted`` and ``probability``, in the order drawn;
    `classes` are names by label.
    """
    if shown.empty:
        return style.empty_figure("No image to show.")
    n_columns = MANY if max(map(len, classes)) <= SHORT_NAME else FEW
    n_rows = -(-len(shown) // n_columns)
    figure, panels = style.new_figure(
        n_rows * (style.WIDTH_INCHES / n_columns + 0.55), n_rows, n_columns
    )
    line: Any
    for axes, line in zip(panels, shown.itertuples(), strict=False):
        truth, said = (write.shortened(classes[one], 16) for one in (line.target, line.predicted))
        named = f"{said} ✓" if truth == said else f"{said} ✗\nis {truth}"
        _put(axes, images[line.row])
        axes.set_xlabel(f"{named}\n{write.percent(line.probability)}", fontsize=8.5)
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    return figure


def _put(axes: Axes, image: NDArray[Any]) -> None:
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=255, interpolation="none")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def words(
    table_experiment_summary: pd.DataFrame,
    table_classification_report: pd.DataFrame,
    comparison: pd.DataFrame,
    twins: pd.DataFrame,
    names: Names,
    learning_rates: pd.DataFrame,
    split: pd.DataFrame,
    predictions: pd.DataFrame,
    classes: ClassNames,
    report: ImageReportParameters,
) -> dict[str, Any]:
    """Compute what the page says and which tables it prints."""
    by_regime = table_experiment_summary.groupby(["protocol", "regime"], sort=False)
    by_model = {
        names[str(model)]: rows.drop(columns="model").replace({"class": MEANS})
        for model, rows in table_classification_report.groupby("model", sort=False)
    }
    differences = overall(comparison)
    first = differences.head(1).to_dict("records")
    shown = by_model[names[STRONG]].dropna(subset="average_precision")
    return {
        "difference": difference_sentence(first[0], names) if first else "",
        "regimes": [_regime(rows, report) for _, rows in by_regime],
        "n_experiments": table_experiment_summary["experiment"].nunique(),
        "rates": _rates(learning_rates, report),
        "by_model": by_model,
        "by_recall": shown.sort_values("recall", kind="stable").to_dict("records"),
        "most_confused": most_confused(predictions, classes),
        "pairs": name_pairs(comparison, names),
        "overall": name_pairs(differences, names).to_dict("records"),
        "twin_table": _twin_table(twins, report),
        "excluded": int((split["standard"] == "excluded").sum()),
        "named_by": names[report.extra.named_by],
        "curves_of": [names[one] for one in report.extra.precision_recall],
    }


def difference_sentence(row: Mapping[Any, Any], names: Names) -> str:
    """Say how far a pair of models is apart in the share of test images named correctly."""
    a, b = (names[row[key]] for key in ("model_a", "model_b"))
    gap, low, high = (100 * row[one] for one in ("difference", "low", "high"))
    if row["verdict"] != "differ":
        points = write.interval(gap, low, high, 1)
        return f"{a} and {b} cannot be told apart: they differ by {points} points of accuracy."
    low, high = sorted((abs(low), abs(high)))
    points = write.interval(abs(gap), low, high, 1)
    return f"{a}: {points} points {'more' if gap > 0 else 'less'} accurate than {b}."


def _regime(rows: pd.DataFrame, report: ImageReportParameters) -> dict[str, Any]:
    """Find which experiment the validation images choose in a regime, and tabulate all."""
    ranked = rows.sort_values("validation_accuracy", kind="stable").to_dict("records")
    end = ", standard split" if ranked[0]["protocol"] == STANDARD else ""
    table = rows.replace(dict.fromkeys(("init", "activation"), report.labels)).assign(
        experiment=rows["name"].str.removeprefix("Experiment ")
    )
    return {
        "name": write.plain(word(report, ranked[0]["regime"]) + end),
        "best": ranked[-1],
        "last": ranked[0],
        "table": table.rename(columns={"init": "start", **{n: f"test_{n}" for n in ENDS}}),
    }


def _rates(learning_rates: pd.DataFrame, report: ImageReportParameters) -> list[dict[str, Any]]:
    """Tabulate the validation accuracy at every learning rate, for regimes that had a choice."""
    tried = learning_rates.dropna(subset="validation_accuracy").astype({"experiment": str})
    tables = []
    for regime, rows in tried.groupby("regime", sort=False):
        wide = rows.pivot_table("validation_accuracy", "experiment", "learning_rate", sort=False)
        wide = wide[sorted(wide.columns)].rename(columns="{:g}".format)
        chosen = rows[rows["chosen"]].set_index("experiment")["learning_rate"]
        table = wide.assign(chosen=chosen.map("{:g}".format)).reset_index()
        name = write.plain(word(report, str(regime)))
        tables.append({"name": name, "table": table, "epochs": rows["epochs"].max()})
    return tables


def most_confused(predictions: pd.DataFrame, classes: ClassNames) -> str:
    """Say which two classes the strong network takes for each other most often."""
    counts = confusion_counts(of_model(predictions, STRONG), len(classes))
    either = np.triu(counts + counts.T, 1)
    if not either.any():
        return ""
    (a, b), *others = np.argwhere(either == either.max())
    return (
        f"Of its {write.count(either.sum())} errors, {write.count(either.max())} take {classes[a]} "
        f"and {classes[b]} for each other, {'no fewer' if others else 'more'} than any other two "
        "classes."
    )


def _twin_table(twins: pd.DataFrame, report: ImageReportParameters) -> pd.DataFrame:
    return twins.rename(columns={kind: end for end, kind in ENDS.items()}).assign(
        regime=[word(report, regime) for regime in twins["regime"]],
        library=[word(report, one) for one in twins["framework"]],
        weights_differ_by=twins["largest_weight_difference"].map(write.fitting),
        probabilities_differ_by=twins["largest_probability_difference"].map(write.fitting),
    )


TABLES = by_name(experiment_summary, classification_report, class_counts)
FIGURES = {
    "training_curves": curves_of("loss"),
    "accuracy_curves": curves_of("accuracy"),
} | by_name(
    *(experiment_accuracy, activations, scores_over_epochs, twin_training, class_scores),
    *(precision_recall, confusion_by_truth, confusion_by_prediction, paired_differences),
    *(sample_images, random_test_images, most_confidently_wrong),
)
