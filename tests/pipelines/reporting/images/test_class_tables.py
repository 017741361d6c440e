"""Tables by class, against scikit-learn and against numbers worked out by hand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from crossfold.pipelines.reporting.images import class_tables
from crossfold.pipelines.reporting.images.lookup import kept_for_report
from crossfold.validation import wilson_interval

CLASSES = ["cat", "dog"]


@pytest.fixture
def predictions() -> pd.DataFrame:
    """Five images of two classes; two cats of three are called cats, one dog of two is."""
    return pd.DataFrame(
        {
            "model": "strong",
            "protocol": "standard",
            "row": range(5),
            "target": [0, 0, 0, 1, 1],
            "predicted": [0, 0, 1, 0, 1],
            "p0": [0.9, 0.8, 0.3, 0.6, 0.1],
            "p1": [0.1, 0.2, 0.7, 0.4, 0.9],
        }
    )


def of_model(table: pd.DataFrame, model: str) -> pd.DataFrame:
    return table[table["model"] == model]


def test_the_report_is_that_of_scikit_learn(inputs: SimpleNamespace, tables: dict) -> None:
    strong = of_model(inputs.predictions, "strong")
    expected = metrics.classification_report(
        strong["target"], strong["predicted"], target_names=inputs.classes, output_dict=True
    )
    report = of_model(tables["classification_report"], "strong").set_index("class")
    for name in (*inputs.classes, "macro avg", "weighted avg"):
        row = report.loc[name]
        assert row["precision"] == pytest.approx(expected[name]["precision"])
        assert row["recall"] == pytest.approx(expected[name]["recall"])
        assert row["f1"] == pytest.approx(expected[name]["f1-score"])
        assert row["support"] == expected[name]["support"]
    assert report.loc["accuracy", "recall"] == pytest.approx(expected["accuracy"])


def test_rates_have_wilson_intervals_and_means_have_none(predictions: pd.DataFrame) -> None:
    report = class_tables.classification_report(predictions, CLASSES).set_index("class")
    ends = ["precision_low", "precision_high", "recall_low", "recall_high"]
    cat = report.loc["cat", ends].to_numpy(dtype=float)
    np.testing.assert_allclose(cat[:2], wilson_interval(2, 3))
    np.testing.assert_allclose(cat[2:], wilson_interval(2, 3))
    np.testing.assert_allclose(
        report.loc["accuracy", ["recall_low", "recall_high"]].to_numpy(float), wilson_interval(3, 5)
    )
    assert report.loc["macro avg", ends].isna().all()


def test_a_class_never_called_has_no_interval_of_precision(predictions: pd.DataFrame) -> None:
    report = class_tables.classification_report(predictions.assign(predicted=0), CLASSES)
    dog = report.set_index("class").loc["dog"]
    assert dog["precision"] == 0
    assert np.isnan(dog["precision_low"])


def test_confusion_counts_every_pair_and_shares_sum_to_one(
    predictions: pd.DataFrame, inputs: SimpleNamespace, tables: dict
) -> None:
    counted = class_tables.confusion(predictions, CLASSES)
    assert counted["n"].tolist() == [2, 1, 1, 1]
    np.testing.assert_allclose(counted["share_of_truth"], [2 / 3, 1 / 3, 1 / 2, 1 / 2])
    np.testing.assert_allclose(counted["share_of_prediction"], [2 / 3, 1 / 2, 1 / 3, 1 / 2])
    sums = tables["confusion"].groupby(["model", "target"], observed=True)["share_of_truth"].sum()
    np.testing.assert_allclose(sums, 1)
    assert tables["confusion"]["n"].sum() == len(inputs.predictions)


def test_a_class_never_called_has_no_share(predictions: pd.DataFrame) -> None:
    counted = class_tables.confusion(predictions.assign(predicted=0), CLASSES)
    assert counted.loc[counted["predicted"] == 1, "share_of_prediction"].tolist() == [0, 0]


def test_the_curve_gives_the_precision_of_each_recall(predictions: pd.DataFrame) -> None:
    curve = class_tables.precision_recall(predictions, CLASSES)
    cat = curve[curve["class"] == "cat"].set_index("recall")["precision"]
    # By falling probability: cat, cat, dog, cat, dog.
    assert cat.iloc[0] == cat.iloc[33] == cat.iloc[66] == 1
    assert cat.iloc[67] == cat.iloc[100] == pytest.approx(3 / 4)


def test_the_curve_starts_at_the_highest_threshold(predictions: pd.DataFrame) -> None:
    dogs_first = predictions.assign(p0=1 - predictions["p0"])
    curve = class_tables.precision_recall(dogs_first, CLASSES)
    assert curve.loc[curve["class"] == "cat", "precision"].iloc[0] == 0


def test_average_precision_is_that_of_scikit_learn(predictions: pd.DataFrame) -> None:
    report = class_tables.classification_report(predictions, CLASSES).set_index("class")
    assert report.loc["cat", "average_precision"] == pytest.approx((1 + 1 + 3 / 4) / 3)


def test_a_class_without_images_has_no_curve(predictions: pd.DataFrame) -> None:
    cats = predictions[predictions["target"] == 0]
    assert set(class_tables.precision_recall(cats, CLASSES)["class"]) == {"cat"}
    report = class_tables.classification_report(cats, CLASSES).set_index("class")
    assert np.isnan(report.loc["dog", "average_precision"])


def test_the_first_member_of_highlighted_experiments_is_kept_with_twins_and_strong() -> None:
    models = ["mini_batch/7", "mini_batch/7", "mini_batch/8", "twin_numpy", "strong"]
    made = pd.DataFrame({"model": pd.Categorical(models), "member": [0, 1, 0, 0, 0]})
    trained = pd.DataFrame({"model": ["mini_batch/7", "mini_batch/8"], "experiment": [7, 8]})
    kept = kept_for_report(made, trained, ["7"])
    assert kept["model"].tolist() == ["mini_batch/7", "twin_numpy", "strong"]
    assert (kept["member"] == 0).all()
