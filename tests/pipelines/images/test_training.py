"""The table of experiments: what is trained, predicted and kept."""

import numpy as np
import pandas as pd
import pytest

from crossfold.datasets import MLPDataset
from crossfold.pipelines.images.data import SplitImages
from crossfold.pipelines.images.nodes import train_experiments
from crossfold.pipelines.images.parameters import RegimesParameters
from crossfold.validation.metrics import multiclass_metrics
from crossfold.validation.schemas import HISTORY, PREDICTIONS
from crossfold.validation.tables import probabilities


def of_network(table: pd.DataFrame, model: str, protocol: str, member: int) -> pd.DataFrame:
    chosen = (table["model"] == model) & (table["protocol"] == protocol)
    return table[chosen & (table["member"] == member)]


def accuracy(scores: pd.DataFrame) -> float:
    return float((scores["target"] == scores["predicted"]).mean())


def test_the_tables_have_the_schemas_of_all_studies(trained) -> None:
    _, _, history, scores = trained
    HISTORY.validate(history)
    PREDICTIONS.validate(scores)


def test_every_training_is_a_row_with_its_settings(trained) -> None:
    described = trained[0]
    assert len(described) == 2 * 2 * 2 + 2 * 2
    deep = described.query("model == 'mini_batch/deep' and protocol == 'source'")
    assert deep["member"].tolist() == [0, 1]
    first = deep.iloc[0]
    assert (first["layers"], first["regime"], first["experiment"]) == (
        "64-12-8-10",
        "mini_batch",
        "deep",
    )
    assert (first["init"], first["activation"], first["dropout"]) == ("random", "tanh", 0.1)
    assert (first["learning_rate"], first["epochs"], first["seed"]) == (0.3, 6, 7)


def test_experiments_learn(trained) -> None:
    scores = trained[3].query("protocol == 'source'").astype({"model": str})
    for model in ("mini_batch/7", "mini_batch/deep"):
        assert accuracy(scores[scores["model"] == model]) > 0.5


def test_only_the_regimes_that_ask_are_trained_on_the_standard_split(trained) -> None:
    standard = trained[3].query("protocol == 'standard'")
    assert set(standard["model"]) == {"mini_batch/7", "mini_batch/deep"}
    assert standard["row"].nunique() == 200


def test_without_such_a_regime_there_is_no_standard_split(
    images, split_table, learning_rates, experiments, starts, regimes, classes
) -> None:
    only = RegimesParameters({"full_batch": regimes.root["full_batch"]})
    tables = train_experiments(
        images, split_table, learning_rates, experiments, starts, only, classes, 7
    )
    assert all(set(tables[number]["protocol"]) == {"source"} for number in (0, 2, 3))


def test_the_history_has_the_epochs_that_were_scored(trained) -> None:
    history = trained[2].query("protocol == 'source'")
    epochs = history.groupby("model", observed=True)["epoch"].unique().apply(list)
    assert epochs["full_batch/7"] == [4, 8, 10]
    assert epochs["mini_batch/7"] == [1, 2, 3, 4, 5, 6]
    assert history["value"].notna().all()
    assert len(history) == 4 * (3 + 6) * history["measure"].nunique()


def test_the_history_ends_at_what_the_kept_network_says(trained, images, split_table) -> None:
    described, (networks, _), history, _ = trained
    data = SplitImages.of(images, split_table, "source")
    number = described.query("model == 'mini_batch/7' and member == 1").index[0]
    own = of_network(history, "mini_batch/7", "source", 1)
    last = own[own["epoch"] == 6].set_index("measure")["value"]
    for part in ("train", "validation"):
        pixels, labels = data.take(data.rows(part))
        predicted = networks[number].predict(pixels)
        assert last[f"{part}_accuracy"] == pytest.approx((predicted == labels).mean())
    counts = pd.crosstab(labels, predicted).reindex(index=range(10), columns=range(10))
    macro = multiclass_metrics(counts.fillna(0).to_numpy())
    for name in ("precision", "recall", "f1"):
        assert last[f"validation_{name}"] == pytest.approx(float(macro[f"macro_{name}"])), name


def test_predictions_are_those_of_the_test_images(trained, images, split_table) -> None:
    data = SplitImages.of(images, split_table, "source")
    one = of_network(trained[3], "full_batch/deep", "source", 0)
    assert one["row"].tolist() == one["group"].tolist() == data.rows("test").tolist()
    assert (one["target"].to_numpy() == data.labels[data.rows("test")]).all()
    p = probabilities(one)
    assert p.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (p.argmax(axis=1) == one["predicted"]).all()


def test_every_kept_network_is_loaded_and_gives_its_predictions(trained, images, tmp_path) -> None:
    dataset = MLPDataset(filepath=str(tmp_path / "networks.safetensors"))
    dataset.save(trained[1])
    networks, about = dataset.load()
    pixels = images.reshape(len(images), -1)
    assert len(networks) == len(about["fitted"]) == 12
    assert {"random", "kaiming"} == {one["init"] for one in about["fitted"]}
    for network, one in zip(networks, about["fitted"], strict=True):
        scores = of_network(trained[3], one["model"], one["protocol"], one["member"])
        assert network.predict_proba(pixels[scores["row"]]) == pytest.approx(
            probabilities(scores), abs=1e-6
        )


def test_training_again_gives_the_same(
    trained, images, split_table, learning_rates, experiments, starts, regimes, classes
) -> None:
    again = train_experiments(
        images, split_table, learning_rates, experiments, starts, regimes, classes, 7
    )
    pd.testing.assert_frame_equal(again[3], trained[3])
    described = [tables[0].drop(columns="seconds") for tables in (again, trained)]
    pd.testing.assert_frame_equal(*described)


def test_test_images_are_not_learnt_from(
    images, split_table, learning_rates, experiments, starts, regimes, classes, trained
) -> None:
    """Blank test images change no figure of the training and validation images."""
    blank = images.copy()
    in_test = (split_table["part"] == "test") | (split_table["standard"] == "test")
    used = split_table["part"].isin(["train", "validation"])
    blank[(in_test & ~used).to_numpy()] = 0
    again = train_experiments(
        blank, split_table, learning_rates, experiments, starts, regimes, classes, 7
    )
    tables = [one[2][one[2]["measure"] != "seconds"] for one in (again, trained)]
    on_source = [table.query("protocol == 'source'")["value"].to_numpy() for table in tables]
    np.testing.assert_array_equal(*on_source)
