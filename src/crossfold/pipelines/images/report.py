"""What the report of a study of images is written from: names, tables, sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.images.data import COLUMNS, PARTS, SOURCE, STANDARD
from crossfold.pipelines.images.training import STRONG
from crossfold.reports import words as write
from crossfold.reports.tables import Estimate, side_by_side
from crossfold.templates.reporting.parameters import ReportParameters
from crossfold.validation import verdict, wilson_interval
from crossfold.validation.multiclass import class_rates, confusion_counts
from crossfold.validation.tables import POOLED

KEYS = ["model", "protocol"]
SETTINGS = [
    *("regime", "experiment", "layers", "init", "activation", "dropout", "learning_rate", "epochs")
]
TWIN_SHOWN = "twin_torch"
FRAMEWORKS = {"numpy": "NumPy", "torch": "PyTorch"}
# Ways to compare over all that was trained, the preferred one last.
OVERALL = ["bootstrap over images", "t over seeds"]
_ENDS = ["accuracy", "accuracy_low", "accuracy_high"]
_MEANS = {"macro avg": "mean over classes", "weighted avg": "mean over images"}
_WORDS = {"relu": "ReLU", "leaky_relu": "leaky ReLU", "kaiming": "Kaiming", "xavier": "Xavier"}


def word(setting: str) -> str:
    """Name an activation or a start as it stands inside a sentence."""
    return _WORDS.get(setting, setting.replace("_", " "))


def regime_name(report: ReportParameters, regime: str, split: str = SOURCE) -> str:
    """Name a regime, and the split where that is the standard one."""
    name = report.labels.get(regime, regime.replace("_", " "))
    return f"{name}, standard split" if split == STANDARD else name


def model_names(
    experiments: pd.DataFrame, twins: pd.DataFrame, report: ReportParameters
) -> dict[str, str]:
    """Name all models: ``Experiment 7 (full batch)``, ``ReLU 25-25``, ``PyTorch twin``.

    The regime is left out where there is but one.
    """
    trained = experiments.drop_duplicates("model").astype({"experiment": str})
    names: dict[str, str] = {}
    for table, name_of in ((trained, _experiment), (twins, _twin)):
        several = len(set(table["regime"])) > 1
        for row in table.to_dict("records"):
            regime = f" ({regime_name(report, row['regime'])})" if several else ""
            names[row["model"]] = name_of(row) + regime
    return {**names, STRONG: "Strong network"}


def _twin(row: Mapping[Any, Any]) -> str:
    return f"{FRAMEWORKS[row['framework']]} twin"


def _experiment(row: Mapping[Any, Any]) -> str:
    name = str(row["experiment"])
    return f"Experiment {name}" if name.isdigit() else f"{word(row['activation'])} {hidden(row)}"


def hidden(row: Mapping[Any, Any]) -> str:
    """Print the sizes of the hidden layers: ``20-10``."""
    return "-".join(str(row["layers"]).split("-")[1:-1])


def chart_names(names: Mapping[str, str]) -> dict[str, str]:
    """Shorten the names of models to what a chart has room for."""
    return {
        model: name.replace("Experiment ", "").replace(" twin", "") for model, name in names.items()
    }


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
    text = experiments.astype({"experiment": str})
    summary = text.groupby([*KEYS, *SETTINGS], sort=False)["seconds"].agg(
        seeds="size", seconds="max"
    )
    table = summary.reset_index().merge(_last_accuracies(history), on=KEYS)
    pooled = metrics_table[metrics_table["scope"] == POOLED]
    tested = side_by_side(pooled, [*KEYS, "n"], "metric", ("accuracy", "macro_f1"))
    table = table.merge(tested, on=KEYS)
    return table[[*table.columns.drop("n"), "n"]]


def _last_accuracies(history: pd.DataFrame) -> pd.DataFrame:
    """Average the accuracies after the last epoch over seeds."""
    history = history.astype(dict.fromkeys([*KEYS, "measure"], "str"))
    last = history[history["epoch"] == history.groupby(KEYS)["epoch"].transform("max")]
    means = last.pivot_table(index=KEYS, columns="measure", values="value")
    return means[["train_accuracy", "validation_accuracy"]].reset_index()


def of_model(predictions: pd.DataFrame, model: str) -> pd.DataFrame:
    """Take the first member's predictions of the test images, the strong model's standard ones."""
    split = STANDARD if model == STRONG else SOURCE
    is_shown = (predictions["model"] == model) & (predictions["protocol"] == split)
    rows = predictions[is_shown & (predictions["member"] == 0)]
    if rows.empty:
        known = write.listed(list(dict.fromkeys(predictions["model"].astype(str))), 50)
        raise CrossfoldError(
            f"The report shows {model!r}, of which this run has no predictions: set the study's "
            f"report.extra to models among {known}."
        )
    return rows


def classification_report(
    predictions: pd.DataFrame, names: dict[str, str], classes: list[str], report: ReportParameters
) -> pd.DataFrame:
    """Compute scikit-learn's classification report of the models that are shown, with intervals.

    Returns
    -------
    Columns ``model``, ``class`` (its name, ``accuracy``, ``macro avg`` or ``weighted avg``),
    ``precision`` and ``recall``, each with ``_low`` and ``_high`` (95 % Wilson), ``f1``,
    ``average_precision`` and ``support``. Accuracy stands in the column of recall.
    """
    shown: list[str] = [*report.extra["shown"], STRONG]
    shown += [TWIN_SHOWN] if TWIN_SHOWN in names else []
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
    low, high = wilson_interval(np.trace(counts), len(rows))
    right = {"recall": printed.pop("accuracy"), "recall_low": low, "recall_high": high}
    printed["accuracy"] = {**right, "support": len(rows)}
    average = {
        name: average_precision_score(rows["target"] == label, rows[f"p{label}"])
        for label, name in present(rows, classes)
    }
    table = pd.DataFrame(printed).T.rename(columns={"f1-score": "f1"})
    columns = [f"{rate}{end}" for rate in ("precision", "recall") for end in ("", "_low", "_high")]
    table = table.assign(average_precision=pd.Series(average, dtype=float))
    table = table[[*columns, "f1", "average_precision", "support"]]
    return table.rename_axis("class").reset_index().astype({"support": int})


def present(rows: pd.DataFrame, classes: list[str]) -> list[tuple[int, str]]:
    """List the classes, by number and name, of which there are images."""
    labels = set(rows["target"])
    return [(label, name) for label, name in enumerate(classes) if label in labels]


def class_counts(split: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """Count the images of each class in the training, validation and test part of both splits.

    Returns
    -------
    Columns ``class`` (all of them in the last row), and ``train``, ``validation``, ``test`` of the
    drawn and ``standard_train`` and so on of the standard split, of the parts that have images.
    """
    named = split["label"].map(dict(enumerate(classes)))
    counted = {
        f"{prefix}{part}": named[split[column] == part].value_counts()
        for (_, column), prefix in zip(COLUMNS.items(), ("", "standard_"), strict=True)
        for part in PARTS
        if (split[column] == part).any()
    }
    table = pd.DataFrame(counted).reindex(classes).fillna(0).astype(int)
    table.loc["all"] = table.sum()
    return table.rename_axis("class").reset_index()


def overall(comparison: pd.DataFrame) -> pd.DataFrame:
    """Take one difference of each pair: over seeds where there are several, else over images."""
    rank = comparison["test"].map({name: place for place, name in enumerate(OVERALL)})
    best = comparison.assign(rank=rank).dropna(subset="rank").sort_values("rank", kind="stable")
    return best.drop_duplicates(["model_a", "model_b"], keep="last").sort_index()


def name_pairs(comparison: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Name the pairs, in full (``pair``) and for charts (``short``), and put points for shares."""
    short = chart_names(names)
    models = list(zip(comparison["model_a"], comparison["model_b"], strict=True))
    ends = {"difference": "difference", "low": "difference_low", "high": "difference_high"}
    return comparison.assign(
        pair=[f"{names[a]} − {names[b]}" for a, b in models],
        short=[pair_name(short[a], short[b]) for a, b in models],
        **{end: 100 * comparison[name].astype(float) for name, end in ends.items()},
    )


def words(
    table_experiment_summary: pd.DataFrame,
    table_classification_report: pd.DataFrame,
    comparison: pd.DataFrame,
    twins: pd.DataFrame,
    names: dict[str, str],
    learning_rates: pd.DataFrame,
    split: pd.DataFrame,
    predictions: pd.DataFrame,
    classes: list[str],
    report: ReportParameters,
) -> dict[str, Any]:
    """Compute what the page says and which tables it prints."""
    summary = table_experiment_summary.astype({"experiment": str})
    by_model = {
        names[str(model)]: rows.drop(columns="model").replace({"class": _MEANS})
        for model, rows in table_classification_report.groupby("model", sort=False)
    }
    differences = overall(comparison)
    first = differences.head(1).to_dict("records")
    shown = by_model[names[STRONG]].dropna(subset="average_precision")
    return {
        "strong": accuracy(by_model[names[STRONG]]),
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
        "twins": _twin_gaps(twins),
        "twin_table": _twin_table(twins, report),
        "n_twin": twins["n"].max() if len(twins) else 0,
        "full_batch": "full_batch" in set(summary["regime"]),
        "excluded": int((split["standard"] == "excluded").sum()),
        "named_by": names[report.extra.get("named_by", STRONG)],
        "curves_of": [names[one] for one in report.extra["precision_recall"]],
    }


def accuracy(report: pd.DataFrame) -> Estimate:
    """Find the accuracy of a model in its classification report."""
    row = report[report["class"] == "accuracy"].iloc[0]
    return Estimate(
        "accuracy", row["recall"], row["recall_low"], row["recall_high"], row["support"]
    )


def difference_sentence(row: Mapping[Any, Any], names: Mapping[str, str]) -> str:
    """Say how far a pair of models is apart in the share of test images named correctly."""
    a, b = (names[row[key]] for key in ("model_a", "model_b"))
    gap, low, high = (100 * row[one] for one in ("difference", "low", "high"))
    if verdict(row["low"], row["high"]) != "differ":
        points = write.interval(gap, low, high, 1)
        return f"{a} and {b} cannot be told apart: they differ by {points} points of accuracy."
    smaller, larger = sorted((abs(low), abs(high)))
    points = write.interval(abs(gap), smaller, larger, 1)
    told = "more" if row["difference"] > 0 else "less"
    return f"{a}: {points} points {told} accurate than {b}."


def _regime(rows: pd.DataFrame, report: ReportParameters) -> dict[str, Any]:
    """Find which experiment the validation images choose in a regime, and tabulate all."""
    records = rows.to_dict("records")
    named = rows.assign(
        name=[_experiment(row) for row in records],
        hidden=[hidden(row) for row in records],
        start=rows["init"].map(word),
        activation=rows["activation"].map(word),
        **rows[_ENDS].add_prefix("test_"),
    )
    ranked = [
        {**row, "share": Estimate("accuracy", *(row[end] for end in _ENDS))}
        for row in named.sort_values("validation_accuracy", kind="stable").to_dict("records")
    ]
    return {
        "name": write.plain(regime_name(report, ranked[0]["regime"], ranked[0]["protocol"])),
        "best": ranked[-1],
        "last": ranked[0],
        "table": named.assign(experiment=named["name"].str.removeprefix("Experiment ")),
    }


def _rates(learning_rates: pd.DataFrame, report: ReportParameters) -> list[dict[str, Any]]:
    """Tabulate the validation accuracy at every learning rate, for regimes that had a choice."""
    tried = learning_rates.dropna(subset="validation_accuracy").astype({"experiment": str})
    tables = []
    for regime, rows in tried.groupby("regime", sort=False):
        wide = rows.pivot_table(
            index="experiment", columns="learning_rate", values="validation_accuracy", sort=False
        )
        wide = wide[sorted(wide.columns)].rename(columns="{:g}".format).reset_index()
        chosen = rows[rows["chosen"]].set_index("experiment")["learning_rate"]
        wide["chosen"] = [f"{chosen[name]:g}" for name in wide["experiment"]]
        name = write.plain(regime_name(report, str(regime)))
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


def _twin_gaps(twins: pd.DataFrame) -> dict[str, float]:
    """Find by how many points frameworks differ within a regime, and regimes from each other."""
    if twins.empty:
        return {}
    by_regime = 100 * twins.groupby("regime", sort=False)["estimate"].agg(["min", "mean", "max"])
    gaps = {"within": (by_regime["max"] - by_regime["min"]).max()}
    return gaps | ({"between": np.ptp(by_regime["mean"])} if len(by_regime) > 1 else {})


def _twin_table(twins: pd.DataFrame, report: ReportParameters) -> pd.DataFrame:
    regimes = [regime_name(report, regime) for regime in twins["regime"]]
    return twins.rename(columns={"estimate": "accuracy"}).assign(
        regime=regimes,
        library=twins["framework"].map(FRAMEWORKS),
        accuracy_low=twins["low"],
        accuracy_high=twins["high"],
        weights_differ_by=twins["largest_weight_difference"].map(write.fitting),
        probabilities_differ_by=twins["largest_probability_difference"].map(write.fitting),
    )


TABLES: dict[str, Callable[..., pd.DataFrame]] = {
    one.__name__: one for one in (experiment_summary, classification_report, class_counts)
}
