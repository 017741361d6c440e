"""What the report of a study of images is made of: names, tables, figures, sentences."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.images.data import COLUMNS, PARTS, SOURCE, STANDARD
from crossfold.pipelines.images.nodes import STRONG
from crossfold.reports import charts, style
from crossfold.reports import words as write
from crossfold.reports.tables import Estimate, side_by_side
from crossfold.templates.reporting.results import ReportParameters
from crossfold.validation.comparison import verdict
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
WORDS = {
    **{"relu": "ReLU", "leaky_relu": "leaky ReLU", "kaiming": "Kaiming", "xavier": "Xavier"},
    **{"numpy": "NumPy", "torch": "PyTorch"},
}
MEASURES = {
    f"validation_{name.lower()}": name for name in ("Accuracy", "Precision", "Recall", "F1")
}
SAMPLES_OF_EACH, RANDOM_IMAGES, WRONG_IMAGES = 8, 7, 21
# Images in a row: fewer where the names of classes are long.
MANY, FEW, SHORT_NAME = 7, 4, 4
RECALLS = np.linspace(0, 1, 101)
_GAP, _CAPTION_ROOM = 0.12, 0.55


def word(report: ReportParameters, name: str) -> str:
    """Name a regime, an activation, a start or a library as it stands inside a sentence."""
    return {**WORDS, **report.labels}.get(name, name.replace("_", " "))


def model_names(experiments: pd.DataFrame, twins: pd.DataFrame, report: ReportParameters) -> Names:
    """Name all models: ``Experiment 7 (full batch)``, ``ReLU 25-25``, ``PyTorch twin``.

    The regime is left out where there is but one.
    """
    trained = experiments.drop_duplicates("model").astype({"experiment": str})
    names: Names = {}
    for table in (trained.assign(framework=""), twins):
        several = len(set(table["regime"])) > 1
        for row in table.to_dict("records"):
            library = word(report, row["framework"])
            name = f"{library} twin" if library else _experiment(row, report)
            names[row["model"]] = f"{name} ({word(report, row['regime'])})" if several else name
    return {**names, STRONG: "Strong network"}


def _experiment(row: Mapping[Any, Any], report: ReportParameters) -> str:
    name, activation = row["experiment"], word(report, row["activation"])
    return f"Experiment {name}" if name.isdigit() else f"{activation} {hidden(row)}"


def hidden(row: Mapping[Any, Any]) -> str:
    """Print the sizes of the hidden layers: ``20-10``."""
    return "-".join(str(row["layers"]).split("-")[1:-1])


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
    experiments: pd.DataFrame, metrics_table: pd.DataFrame, history: pd.DataFrame
) -> pd.DataFrame:
    """Put the figures of every experiment beside its settings, over all seeds.

    Returns
    -------
    Columns ``model``, ``protocol``, those of `SETTINGS`, ``seeds``, ``seconds`` (of the regime's
    training of all experiments at once), ``train_accuracy`` and ``validation_accuracy`` (means over
    seeds after the last epoch), and of the test images ``accuracy`` and ``macro_f1``, each with
    ``_low`` and ``_high`` (95 %), and ``n`` (images).
    """
    trainings = experiments.astype({"experiment": str}).groupby([*KEYS, *SETTINGS], sort=False)
    table = trainings["seconds"].agg(seeds="size", seconds="max").reset_index()
    history = history.astype(dict.fromkeys([*KEYS, "measure"], "str"))
    last = history[history["epoch"] == history.groupby(KEYS)["epoch"].transform("max")]
    means = last.pivot_table(index=KEYS, columns="measure", values="value")
    pooled = metrics_table[metrics_table["scope"] == POOLED]
    tested = side_by_side(pooled, [*KEYS, "n"], "metric", ("accuracy", "macro_f1"))
    reached = means[["train_accuracy", "validation_accuracy"]].reset_index()
    table = table.merge(reached, on=KEYS).merge(tested, on=KEYS)
    return table[[*table.columns.drop("n"), "n"]]


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


def _shown(report: ReportParameters, names: Names, *also: str) -> list[str]:
    """List the models that are shown class by class."""
    return [*report.extra["shown"], *also, *([TWIN_SHOWN] if TWIN_SHOWN in names else [])]


def classification_report(
    predictions: pd.DataFrame, names: Names, classes: list[str], report: ReportParameters
) -> pd.DataFrame:
    """Compute scikit-learn's classification report of the models that are shown, with intervals.

    Returns
    -------
    Columns ``model``, ``class`` (its name, ``accuracy``, ``macro avg`` or ``weighted avg``),
    ``precision`` and ``recall``, each with ``_low`` and ``_high`` (95 % Wilson), ``f1``,
    ``average_precision`` and ``support``. Accuracy stands in the column of recall.
    """
    shown = _shown(report, names, STRONG)
    tables = {model: _one_report(of_model(predictions, model), classes) for model in shown}
    return pd.concat(tables, names=["model"]).reset_index("model").reset_index(drop=True)


def _one_report(rows: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    from sklearn.metrics import average_precision_score
    from sklearn.metrics import classification_report as report

    printed: Any = report(
        rows["target"], rows["predicted"], labels=range(len(classes)), target_names=classes,
        output_dict=True, zero_division=0,
    )  # fmt: skip
    counts = confusion_counts(rows, len(classes))
    ends = class_rates(counts).drop(columns=["precision", "recall"]).set_axis(classes)
    for name, own in ends.to_dict("index").items():
        printed[name] |= own
    for label, name in enumerate(classes):
        if (is_it := rows["target"] == label).any():
            score = average_precision_score(is_it, rows[f"p{label}"])
            printed[name]["average_precision"] = score
    low, high = wilson_interval(np.trace(counts), len(rows))
    right = {"recall": printed.pop("accuracy"), "recall_low": low, "recall_high": high}
    printed["accuracy"] = {**right, "support": len(rows)}
    table = pd.DataFrame(printed).T.rename(columns={"f1-score": "f1"})
    columns = [f"{rate}{end}" for rate in ("precision", "recall") for end in ("", "_low", "_high")]
    table = table.reindex(columns=[*columns, "f1", "average_precision", "support"])
    return table.rename_axis("class").reset_index().astype({"support": int})


def class_counts(split: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """Count the images of each class in the training, validation and test part of both splits.

    Returns
    -------
    Columns ``class`` (all of them in the last row), and ``train``, ``validation``, ``test`` of the
    drawn and ``standard_train`` and so on of the standard split, of the parts that have images.
    """
    counted = [
        pd.crosstab(split["label"], split[column].astype(str)).filter(PARTS).add_prefix(prefix)
        for (_, column), prefix in zip(COLUMNS.items(), ("", "standard_"), strict=True)
    ]
    table = pd.concat(counted, axis=1).reindex(range(len(classes)), fill_value=0)
    table = table.set_axis(classes)
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


def experiment_accuracy(table_experiment_summary: pd.DataFrame, report: ReportParameters) -> Figure:
    """Draw the test accuracy of every experiment, regimes and splits beside each other."""
    table, series = _accuracies(table_experiment_summary, report)
    names = {}
    for row in table.to_dict("records"):
        name, settings = row["experiment"], f"{word(report, row['activation'])} {hidden(row)}"
        text = f"{name}: {settings}" if name.isdigit() else settings
        names[name] = f"{text}, dropout" if row["dropout"] else text
    return charts.estimates(
        table, "experiment", ["accuracy"], series=series, names=names, percent=True,
        axis="Test accuracy, 95 % interval",
    )  # fmt: skip


def activations(table_experiment_summary: pd.DataFrame, report: ReportParameters) -> Figure:
    """Draw the range of test accuracies of the experiments with each activation."""
    table, series = _accuracies(table_experiment_summary, report)
    by_kind = table.groupby(["activation", "series"], sort=False)["estimate"]
    shown = by_kind.agg(estimate="median", low="min", high="max").reset_index()
    names = {name: word(report, name) for name in shown["activation"]}
    return charts.estimates(
        shown.assign(metric="accuracy"), "activation", ["accuracy"], series=series, names=names,
        percent=True, axis="Test accuracy: median and range of the experiments",
    )  # fmt: skip


def _accuracies(summary: pd.DataFrame, report: ReportParameters) -> tuple[pd.DataFrame, str | None]:
    """Take the accuracies on the source's test images, and the column of regimes, if several."""
    table = summary[summary["protocol"] == SOURCE].rename(columns=ENDS)
    series = [word(report, regime).capitalize() for regime in table["regime"]]
    table = table.assign(metric="accuracy", series=series).astype({"experiment": str})
    return table, "series" if len(set(series)) > 1 else None


def _curves(history: pd.DataFrame, measures: Sequence[str], models: Sequence[str]) -> pd.DataFrame:
    return charts.over_epochs(history[history["protocol"] == SOURCE], measures, models)


def curves_of(measure: str) -> Callable[..., Figure]:
    """Make the function that draws a measure of the shown experiments, in every regime."""

    def draw(history: pd.DataFrame, names: Names, report: ReportParameters) -> Figure:
        shown = dict.fromkeys(model.partition("/")[2] for model in report.extra["shown"])
        models = [one for name in shown for one in names if one.endswith(f"/{name}")]
        parts = {f"train_{measure}": "Training", f"validation_{measure}": "Validation"}
        return charts.lines(
            _curves(history, list(parts), models), "epoch", series="measure", panel="model",
            names={**chart_names(names), **parts}, percent=measure == "accuracy",
            log=measure == "loss", height=2.1, y_axis=measure.capitalize(),
        )  # fmt: skip

    return draw


def scores_over_epochs(history: pd.DataFrame, names: Names, report: ReportParameters) -> Figure:
    """Draw accuracy, macro precision, recall and F1 on the validation images over epochs."""
    return charts.lines(
        _curves(history, list(MEASURES), report.extra["shown"]), "epoch", series="model",
        panel="measure", names={**chart_names(names), **MEASURES}, percent=True,
    )  # fmt: skip


def twin_training(history: pd.DataFrame, twins: pd.DataFrame, report: ReportParameters) -> Figure:
    """Draw validation loss of the NumPy and the PyTorch twin over epochs, in every regime."""
    own = twins[["model", "framework", "regime"]].astype(str)
    names = {regime: word(report, regime).capitalize() for regime in own["regime"]}
    table = _curves(history, ["validation_loss"], list(own["model"])).merge(own, on="model")
    return charts.lines(
        table, "epoch", series="framework", panel="regime", names={**WORDS, **names},
        share_y=False, y_axis="Validation loss",
    )  # fmt: skip


def class_scores(
    table_classification_report: pd.DataFrame, names: Names, classes: list[str]
) -> Figure:
    """Draw precision and recall of each class with Wilson's intervals, by model."""
    table = table_classification_report
    table = table[table["class"].isin(classes) & (table["model"] != TWIN_SHOWN)]
    return charts.class_rates(table, series="model", names=chart_names(names), percent=True)


def precision_recall(
    predictions: pd.DataFrame, names: Names, classes: list[str], report: ReportParameters
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
        for label, name in enumerate(classes):
            if not (is_it := rows["target"] == label).any():
                continue
            precision, recall, _ = precision_recall_curve(is_it, rows[f"p{label}"])
            # The last point, recall 0 and precision 1, belongs to no threshold.
            at = np.searchsorted(recall[-2::-1], RECALLS)
            columns = {"recall": RECALLS, "estimate": precision[-2::-1][at]}
            tables.append(pd.DataFrame(columns).assign(**{"model": model, "class": name}))
    return pd.concat(tables, ignore_index=True)


def confusion_by_truth(predictions: pd.DataFrame, classes: list[str]) -> Figure:
    """Draw where the strong model takes the images of each class."""
    return charts.confusion(confusion_counts(of_model(predictions, STRONG), len(classes)), classes)


def confusion_by_prediction(
    predictions: pd.DataFrame, names: Names, classes: list[str], report: ReportParameters
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
    rows = of_model(predictions, report.extra.get("named_by", STRONG))
    drawn = rows.sample(min(RANDOM_IMAGES, len(rows)), random_state=seed)
    return image_page(images, drawn, classes)


def most_confidently_wrong(
    images: NDArray[Any], predictions: pd.DataFrame, classes: list[str]
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
    n_rows, height = math.ceil(len(shown) / n_columns), 1 + _CAPTION_ROOM * n_columns / MANY
    figure, [axes] = style.new_figure(style.WIDTH_INCHES / n_columns * height * n_rows)
    line: Any
    for place, line in enumerate(shown.itertuples(index=False)):
        row, column = divmod(place, n_columns)
        _put(axes, images[line.row], column, row * height)
        truth, said = (write.shortened(classes[one], 16) for one in (line.target, line.predicted))
        named = f"{said} ✓" if truth == said else f"{said} ✗\nis {truth}"
        axes.text(
            column + 0.5, row * height + 1, f"{named}\n{write.percent(line.probability)}",
            ha="center", va="top", fontsize=8.5, linespacing=1.15,
        )  # fmt: skip
    _frame(axes, n_columns, n_rows * height)
    return figure


def _put(axes: Axes, image: NDArray[Any], left: float, top: float) -> None:
    gap = _GAP / 2
    extent = (left + gap, left + 1 - gap, top + 1 - gap, top + gap)
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=255, extent=extent, interpolation="none")


def _frame(axes: Axes, width: float, height: float) -> None:
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    axes.grid(visible=False)
    axes.set_axis_off()


def words(
    table_experiment_summary: pd.DataFrame,
    table_classification_report: pd.DataFrame,
    comparison: pd.DataFrame,
    twins: pd.DataFrame,
    names: Names,
    learning_rates: pd.DataFrame,
    split: pd.DataFrame,
    predictions: pd.DataFrame,
    classes: list[str],
    report: ReportParameters,
) -> dict[str, Any]:
    """Compute what the page says and which tables it prints."""
    summary = table_experiment_summary.astype({"experiment": str})
    by_model = {
        names[str(model)]: rows.drop(columns="model").replace({"class": MEANS})
        for model, rows in table_classification_report.groupby("model", sort=False)
    }
    differences = overall(comparison)
    first = differences.head(1).to_dict("records")
    shown = by_model[names[STRONG]].dropna(subset="average_precision")
    return {
        "difference": difference_sentence(first[0], names) if first else "",
        "regimes": [
            _regime(rows, report) for _, rows in summary.groupby(["protocol", "regime"], sort=False)
        ],
        "n_experiments": summary["experiment"].nunique(),
        "rates": _rates(learning_rates, report),
        "by_model": by_model,
        "by_recall": shown.sort_values("recall", kind="stable").to_dict("records"),
        "most_confused": most_confused(predictions, classes),
        "pairs": name_pairs(comparison, names),
        "overall": name_pairs(differences, names).to_dict("records"),
        "twin_table": _twin_table(twins, report),
        "excluded": int((split["standard"] == "excluded").sum()),
        "named_by": names[report.extra.get("named_by", STRONG)],
        "curves_of": [names[one] for one in report.extra["precision_recall"]],
    }


def difference_sentence(row: Mapping[Any, Any], names: Names) -> str:
    """Say how far a pair of models is apart in the share of test images named correctly."""
    a, b = (names[row[key]] for key in ("model_a", "model_b"))
    gap, low, high = (100 * row[one] for one in ("difference", "low", "high"))
    if verdict(row["low"], row["high"]) != "differ":
        points = write.interval(gap, low, high, 1)
        return f"{a} and {b} cannot be told apart: they differ by {points} points of accuracy."
    smaller, larger = sorted((abs(low), abs(high)))
    points = write.interval(abs(gap), smaller, larger, 1)
    return f"{a}: {points} points {'more' if gap > 0 else 'less'} accurate than {b}."


def _regime(rows: pd.DataFrame, report: ReportParameters) -> dict[str, Any]:
    """Find which experiment the validation images choose in a regime, and tabulate all."""
    records = rows.to_dict("records")
    named = rows.assign(
        name=[_experiment(row, report) for row in records],
        hidden=[hidden(row) for row in records],
        start=[word(report, row["init"]) for row in records],
        activation=[word(report, row["activation"]) for row in records],
        **rows[[*ENDS]].add_prefix("test_"),
    )
    ranked = [
        {**row, "share": Estimate("accuracy", *(row[end] for end in ENDS))}
        for row in named.sort_values("validation_accuracy", kind="stable").to_dict("records")
    ]
    is_standard = records[0]["protocol"] == STANDARD
    name = word(report, records[0]["regime"]) + (", standard split" if is_standard else "")
    return {
        "name": write.plain(name),
        "best": ranked[-1],
        "last": ranked[0],
        "table": named.assign(experiment=named["name"].str.removeprefix("Experiment ")),
    }


def _rates(learning_rates: pd.DataFrame, report: ReportParameters) -> list[dict[str, Any]]:
    """Tabulate the validation accuracy at every learning rate, for regimes that had a choice."""
    tried = learning_rates.dropna(subset="validation_accuracy").astype({"experiment": str})
    tables = []
    for regime, rows in tried.groupby("regime", sort=False):
        wide = rows.pivot_table("validation_accuracy", "experiment", "learning_rate", sort=False)
        wide = wide[sorted(wide.columns)].rename(columns="{:g}".format).reset_index()
        chosen = rows[rows["chosen"]].set_index("experiment")["learning_rate"]
        wide["chosen"] = [f"{chosen[name]:g}" for name in wide["experiment"]]
        name = write.plain(word(report, str(regime)))
        tables.append({"name": name, "table": wide, "epochs": rows["epochs"].max()})
    return tables


def most_confused(predictions: pd.DataFrame, classes: list[str]) -> str:
    """Say which two classes the strong network takes for each other most often."""
    rows = of_model(predictions, STRONG)
    wrong = rows.loc[rows["target"] != rows["predicted"], ["target", "predicted"]]
    if wrong.empty:
        return ""
    pairs = pd.Series([tuple(sorted(pair)) for pair in wrong.to_numpy().tolist()]).value_counts()
    (a, b), n = pairs.index[0], int(pairs.iloc[0])
    return (
        f"Of its {write.count(len(wrong))} errors, {write.count(n)} take {classes[a]} and "
        f"{classes[b]} for each other, more than any other two classes."
    )


def _twin_table(twins: pd.DataFrame, report: ReportParameters) -> pd.DataFrame:
    return twins.rename(columns={kind: end for end, kind in ENDS.items()}).assign(
        regime=[word(report, regime) for regime in twins["regime"]],
        library=[word(report, one) for one in twins["framework"]],
        weights_differ_by=twins["largest_weight_difference"].map(write.fitting),
        probabilities_differ_by=twins["largest_probability_difference"].map(write.fitting),
    )


TABLES: dict[str, Callable[..., pd.DataFrame]] = {
    one.__name__: one for one in (experiment_summary, classification_report, class_counts)
}
FIGURES: dict[str, Callable[..., Figure]] = {
    "training_curves": curves_of("loss"),
    "accuracy_curves": curves_of("accuracy"),
} | {
    one.__name__: one
    for one in (
        experiment_accuracy, activations, scores_over_epochs,
        twin_training, class_scores, precision_recall, confusion_by_truth,
        confusion_by_prediction, paired_differences, sample_images, random_test_images,
        most_confidently_wrong,
    )
}  # fmt: skip
