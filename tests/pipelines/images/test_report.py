"""Both studies from the source to the page: the page tells of the run, and its tables agree."""

import re
from dataclasses import dataclass
from functools import cached_property
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.validation.parameter_validator import ParameterValidator
from sklearn import metrics

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.images import create_pipeline, report
from crossfold.validation.metrics import confusion_counts, wilson_interval

CLASSES = ["cat", "dog"]
REPORT = report.ImageReportParameters(
    extra={"shown": [], "precision_recall": []},
    labels={"mini_batch": "mini-batches", "relu": "ReLU"},
)
SOURCES = {"digits": "mnist", "fashion": "fashion_mnist"}
NO_TWINS = pd.DataFrame({"model": [], "framework": [], "regime": []})


@dataclass(frozen=True)
class Studied:
    """A study that has run: its name, its pipeline and its catalog."""

    name: str
    pipeline: Pipeline
    catalog: DataCatalog
    parameters: dict[str, Any]
    folder: Path

    def load(self, name: str) -> Any:
        """Load a dataset of the study."""
        return self.catalog.load(f"{self.name}.{name}")

    @cached_property
    def page(self) -> str:
        """The report, its entities turned into characters."""
        return unescape(self.load("report"))


@pytest.fixture(scope="module", params=list(SOURCES))
def studied(request: pytest.FixtureRequest, sample_project: Path) -> Studied:
    """Open a study that has run on the sample."""
    name, folder = request.param, sample_project / "data" / "sample"
    loader = OmegaConfigLoader(
        str(sample_project / "conf"), env="sample", base_env="base", default_run_env="base",
        merge_strategy={"globals": "soft", "parameters": "soft"},
    )  # fmt: skip
    loader["globals"] = {**loader["globals"], "data_root": str(folder)}
    pipeline = create_pipeline(name, SOURCES[name])
    parameters = ParameterValidator({name: pipeline}).validate_raw_params(loader["parameters"])
    catalog = DataCatalog.from_config(loader["catalog"], {"patient_key": {"key": "k"}})
    return Studied(name, pipeline, catalog, parameters, folder)


def words(html: str) -> str:
    """Take the page's text without its style."""
    body = re.sub(r"<style>.*?</style>|<title>.*?</title>", "", html, flags=re.DOTALL)
    return " ".join(re.sub("<[^>]+>", " ", body).split()).replace("\u00a0", " ")


@pytest.fixture
def animals() -> pd.DataFrame:
    """Five images of two classes; two cats of three are called cats, one dog of two is."""
    return pd.DataFrame(
        {
            "model": "strong",
            "protocol": "standard",
            "member": 0,
            "row": range(5),
            "target": [0, 0, 0, 1, 1],
            "predicted": [0, 0, 1, 0, 1],
            "p0": [0.9, 0.8, 0.3, 0.6, 0.1],
            "p1": [0.1, 0.2, 0.7, 0.4, 0.9],
        }
    )


def of_animals(predictions: pd.DataFrame) -> pd.DataFrame:
    return report.classification_report(predictions, {}, CLASSES, REPORT).set_index("class")


@pytest.mark.slow
def test_everything_is_written_and_the_page_needs_no_other_file(studied) -> None:
    reporting = studied.folder / "08_reporting" / studied.name
    drawn = {path.parents[1].name for path in reporting.glob("figures/*.png/*/*.png")}
    assert drawn == {f"{name}.png" for name in report.FIGURES}
    made = {path.parents[1].name for path in reporting.glob("tables/*.csv/*/*.csv")}
    assert made == {f"{name}.csv" for name in report.TABLES}
    assert not any(
        isinstance(studied.catalog[n], MemoryDataset) for n in studied.pipeline.outputs()
    )
    assert not re.search(r"<(link|iframe|object)\b|https?://|url\(", studied.page)
    texts = re.findall(r'<img [^>]*alt="([^"]*)"', studied.page)
    assert len(texts) > 10
    assert all(len(text) > 20 for text in texts)


def test_the_first_figure_is_what_the_strong_network_reaches(studied) -> None:
    found = (
        studied.load("metrics_table").query("model == 'strong' and metric == 'accuracy'").iloc[0]
    )
    share = f"{100 * found['estimate']:.1f} %"
    headline = re.search(r'class="headline"><b>(.*?)</b> <span>(.*?)</span>', studied.page)
    assert headline[1].replace("\u00a0", " ") == share
    assert (
        f"of {found['n']:,} unseen {studied.parameters[studied.name]['report'].rows}" in headline[2]
    )
    assert f"{100 * found['low']:.1f}–{100 * found['high']:.1f}" in headline[2]


def test_the_page_names_the_experiment_that_the_validation_images_choose(studied) -> None:
    summary = studied.load("tables.experiment_summary")
    page = words(studied.page)
    for _, rows in summary.groupby(["protocol", "regime"]):
        best = rows.sort_values("validation_accuracy", kind="stable").iloc[-1]
        assert f"{best['layers']}, " in page.replace("‑", "-")
        assert f"which names {100 * best['accuracy']:.1f} % (" in page


def test_the_first_pair_is_answered(studied) -> None:
    first = report.overall(studied.load("comparison")).iloc[0]
    points = f"{100 * first['difference']:.1f}".lstrip("-")
    sentence = words(studied.page)[:1200]
    told = "cannot be told apart" if first["low"] <= 0 <= first["high"] else "accurate than"
    assert told in sentence
    assert points in sentence


def test_the_summary_is_the_studys_own_figures(studied) -> None:
    summary = studied.load("tables.experiment_summary")
    pooled = studied.load("metrics_table").query("scope == 'pooled' and metric == 'accuracy'")
    joined = summary.merge(pooled, on=["model", "protocol"], suffixes=("", "_of_study"))
    assert len(joined) == len(summary)
    np.testing.assert_allclose(joined["accuracy"], joined["estimate"])
    np.testing.assert_allclose(joined["accuracy_low"], joined["low"])
    n_test = studied.load("split")["part"].eq("test").sum()
    of_source = joined["protocol"] == "source"
    assert (joined.loc[of_source, "n"] == n_test).all(), "an image counts once, whatever the seeds"


def test_the_summary_averages_the_last_epoch_over_seeds() -> None:
    key = {"model": "mini_batch/relu", "protocol": "source"}
    settings = dict.fromkeys(report.SETTINGS, 0) | {"experiment": "relu", "activation": "relu"}
    trained = pd.DataFrame({"seconds": [3.0, 3.0]}).assign(**key, **settings)
    made = [("train_accuracy", 5, 0.7), ("train_accuracy", 5, 0.9), ("train_accuracy", 4, 0.0)]
    made += [("validation_accuracy", 5, 0.5), ("validation_accuracy", 5, 0.7)]
    history = pd.DataFrame(made, columns=["measure", "epoch", "value"]).assign(**key)
    tested = pd.DataFrame({"metric": ["accuracy", "macro_f1"]}).assign(
        **key, scope="pooled", estimate=0.8, low=0.75, high=0.85, n=200
    )
    (row,) = report.experiment_summary(trained, tested, history, REPORT).itertuples()
    assert (row.train_accuracy, row.validation_accuracy) == pytest.approx((0.8, 0.6))
    assert (row.accuracy, row.accuracy_low, row.n, row.seeds) == (0.8, 0.75, 200, 2)


def test_class_tables_are_those_of_scikit_learn(studied) -> None:
    classes = studied.parameters[studied.name]["classes"]
    rows = report.of_model(studied.load("predictions"), "strong")
    expected = metrics.classification_report(
        rows["target"], rows["predicted"], target_names=classes, output_dict=True, zero_division=0
    )
    table = studied.load("tables.classification_report").astype({"class": str})
    table = table[table["model"] == "strong"].set_index("class")
    for name in (*classes, "macro avg", "weighted avg"):
        for column, printed in (
            ("precision", "precision"),
            ("recall", "recall"),
            ("f1", "f1-score"),
        ):
            assert table.loc[name, column] == pytest.approx(expected[name][printed])
    assert table.loc["accuracy", "recall"] == pytest.approx(expected["accuracy"])


def test_rates_have_wilson_intervals_and_means_have_none(animals) -> None:
    table = of_animals(animals)
    ends = ["precision_low", "precision_high", "recall_low", "recall_high"]
    cat = table.loc["cat", ends].to_numpy(dtype=float)
    np.testing.assert_allclose(cat, [*wilson_interval(2, 3)] * 2)
    right = table.loc["accuracy", ["recall", "recall_low", "recall_high", "support"]]
    assert right.tolist() == pytest.approx([0.6, *wilson_interval(3, 5), 5])
    assert table.loc["macro avg", ends].isna().all()
    assert table.loc["cat", "average_precision"] == pytest.approx((1 + 1 + 3 / 4) / 3)


def test_a_class_never_called_or_never_seen_has_no_figure(animals) -> None:
    dog = of_animals(animals.assign(predicted=0)).loc["dog"]
    assert dog["precision"] == 0
    assert np.isnan(dog["precision_low"])
    assert np.isnan(of_animals(animals[animals["target"] == 0]).loc["dog", "average_precision"])


def test_curves_give_the_precision_of_each_recall(animals) -> None:
    curve = report.pr_curves(animals, ["strong"], CLASSES)
    cat = curve[curve["class"] == "cat"]["estimate"]
    # By falling probability: cat, cat, dog, cat, dog.
    assert cat.iloc[0] == cat.iloc[33] == cat.iloc[66] == 1
    assert cat.iloc[67] == cat.iloc[100] == pytest.approx(3 / 4)
    dogs_first = animals.assign(p0=1 - animals["p0"])
    first = report.pr_curves(dogs_first, ["strong"], CLASSES).iloc[0]
    assert first["estimate"] == 0, "the curve starts at the highest threshold"


def test_the_curves_of_experiment_17_are_drawn(studied) -> None:
    caption = re.search(r"Each class against all others, of (.*?)\.", words(studied.page))[1]
    assert ("Experiment 17 (full batch)" in caption) == (studied.name == "digits")


def test_confusion_counts_every_pair_and_the_page_names_the_worst(animals) -> None:
    assert confusion_counts(animals, 2).tolist() == [[2, 1], [1, 1]]
    sentence = report.most_confused(animals, CLASSES)
    assert sentence == (
        "Of its 2 errors, 2 take cat and dog for each other, more than any other two classes."
    )
    tied = animals.assign(predicted=[0, 1, 2, 1, 1], p2=0.0)
    assert "1 take cat and dog for each other, no fewer than" in report.most_confused(
        tied, [*CLASSES, "hen"]
    )
    assert report.most_confused(animals.assign(predicted=animals["target"]), CLASSES) == ""


def test_classes_are_counted_in_both_splits(studied) -> None:
    split = studied.load("split")
    counts = studied.load("tables.class_counts").astype({"class": str}).set_index("class")
    assert counts.loc["all", "train"] == (split["part"] == "train").sum()
    assert counts.loc["all", "standard_test"] == (split["standard"] == "test").sum()
    threes = split["label"] == 3
    name = studied.parameters[studied.name]["classes"][3]
    assert counts.loc[name, "test"] == (threes & (split["part"] == "test")).sum()


def test_images_are_drawn_with_the_names_that_the_network_gives_them(animals) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    first, second = report.most_confidently_wrong(images, animals, CLASSES).axes[:2]
    drawn = [axes.images[0].get_array() for axes in (first, second)]
    np.testing.assert_array_equal(drawn, images[[2, 3]])
    assert first.get_xlabel() == "dog ✗\nis cat\n70.0\u00a0%"
    pages = [
        report.random_test_images(images, animals, CLASSES, REPORT, seed).axes for seed in (1, 1, 2)
    ]
    told = [[axes.get_xlabel() for axes in page] for page in pages]
    assert told[0] == told[1] != told[2]
    right = animals.assign(predicted=animals["target"])
    assert not report.most_confidently_wrong(images, right, CLASSES).axes[0].images


def test_fashions_random_images_are_named_by_its_own_relu_network(studied) -> None:
    named = {"digits": "Strong network", "fashion": "ReLU 25"}[studied.name]
    assert f"what the network “{named}” takes them for" in words(studied.page)


def test_an_experiment_without_predictions_is_named(animals) -> None:
    with pytest.raises(CrossfoldError, match=r"shows 'full_batch/99', of which.*strong"):
        report.of_model(animals, "full_batch/99")


def test_differences_are_said_by_their_sign_and_doubt() -> None:
    names = {"a": "A", "b": "B"}
    row = {"model_a": "a", "model_b": "b", "difference": -0.02, "low": -0.03, "high": -0.01}
    row |= {"verdict": "differ"}
    assert report.difference_sentence(row, names) == "A: 2.0 (1.0–3.0) points less accurate than B."
    doubtful = row | {"high": 0.01, "verdict": "not told apart"}
    assert "cannot be told apart" in report.difference_sentence(doubtful, names)


def test_seeds_count_before_images_where_there_are_several() -> None:
    table = pd.DataFrame(
        {
            "model_a": ["a", "a", "a", "c"],
            "model_b": ["b", "b", "b", "d"],
            "test": [
                "McNemar, seed 1",
                "t over seeds",
                "bootstrap over images",
                "bootstrap over images",
            ],
        }
    )
    assert report.overall(table)["test"].tolist() == ["t over seeds", "bootstrap over images"]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("7 (mini-batches)", "7 (full batch)", "7: mini − full"),
        ("14 (full batch)", "6 (full batch)", "14 − 6, full"),
        ("ReLU 25-25", "sigmoid 25-25", "ReLU 25-25 − sigmoid 25-25"),
    ],
)
def test_pairs_are_named_by_what_sets_them_apart(a: str, b: str, expected: str) -> None:
    assert report.pair_name(a, b) == expected


def test_models_have_names() -> None:
    rows = [("full_batch", "7"), ("mini_batch", "7")]
    experiments = pd.DataFrame(rows, columns=["regime", "experiment"]).assign(
        model=lambda t: t["regime"] + "/" + t["experiment"], layers="784-20-10",
        activation="relu", dropout=0.0,
    )  # fmt: skip
    names = report.model_names(experiments, NO_TWINS, REPORT)
    assert names["mini_batch/7"] == "Experiment 7 (mini-batches)"
    assert report.chart_names(names)["full_batch/7"] == "7 (full batch)"
    alone = experiments.head(1).assign(experiment="relu")
    assert report.model_names(alone, NO_TWINS, REPORT)["full_batch/7"] == "ReLU 20"


def test_every_kept_network_loads_from_the_catalog_and_predicts(studied) -> None:
    """All experiments, the twins and the strong model say again what the run has stored of them."""
    images = studied.catalog.load(f"{SOURCES[studied.name]}_images")
    predictions = studied.load("predictions")
    experiments = studied.parameters[studied.name]["experiments"].root
    seen = set()
    for kept in ("experiment_networks", "twin_networks"):
        networks, about = studied.load(kept)
        for network, described in zip(networks, about["fitted"], strict=True):
            same = (
                predictions[["model", "protocol", "member"]]
                == [described["model"], described["protocol"], described["member"]]
            ).all(axis=1)
            stored = predictions[same]
            pixels = images[stored["row"]].reshape(len(stored), -1)
            columns = [f"p{label}" for label in network.classes_]
            np.testing.assert_allclose(network.predict_proba(pixels), stored[columns], atol=1e-5)
            seen.add(str(described.get("experiment", described["model"])))
    assert seen >= set(experiments)
    assert len(experiments) == {"digits": 20, "fashion": 4}[studied.name]


def test_the_pages_facts_can_be_changed_with_the_data(studied) -> None:
    """The sample's digits are no pictures of a shop, and no census workers wrote them."""
    page = words(studied.page)
    assert "These are enlarged sample images of digits." in page
    assert "census" not in page
    assert "shop around" not in page
