"""The same network from NumPy and from PyTorch."""

import pytest

from crossfold.datasets import MLPDataset
from crossfold.pipelines.images.nodes import train_twins
from crossfold.pipelines.images.parameters import TwinParameters
from crossfold.validation.schemas import HISTORY, PREDICTIONS
from crossfold.validation.tables import probabilities


@pytest.fixture(scope="module")
def twin(network) -> TwinParameters:
    small = network.changed(dtype="float64", batch_size=16, max_iter=3)
    full = small.changed(batch_size="full", max_iter=6)
    return TwinParameters(
        experiment="7",
        regimes={
            "mini_batch": {"network": small, "learning_rate": 0.05},
            "full_batch": {"network": full, "score_every": 3},
        },
    )


@pytest.fixture(scope="module")
def trained(images, split_table, learning_rates, experiments, starts, twin, classes):
    return train_twins(images, split_table, learning_rates, experiments, starts, twin, classes, 7)


def test_frameworks_agree_to_rounding_in_every_regime(trained) -> None:
    table = trained[0]
    assert table["framework"].tolist() == ["numpy", "torch"] * 2
    assert table["regime"].tolist() == ["mini_batch"] * 2 + ["full_batch"] * 2
    assert (table["largest_weight_difference"] < 1e-12).all()
    assert (table["largest_probability_difference"] < 1e-6).all()
    assert table.groupby("regime")["estimate"].nunique().eq(1).all()


def test_regimes_differ(trained) -> None:
    accuracies = trained[0].groupby("regime")["estimate"].first()
    assert accuracies["mini_batch"] != accuracies["full_batch"]


def test_the_learning_rate_is_given_or_the_chosen_one(trained) -> None:
    rates = trained[0].groupby("regime")["learning_rate"].unique().apply(list).to_dict()
    assert rates == {"mini_batch": [0.05], "full_batch": [0.5]}


def test_figures_say_what_was_run(trained) -> None:
    table = trained[0]
    assert table["epochs"].tolist() == [3, 3, 6, 6]
    assert (table["n"] == 70).all()
    assert (table["low"] < table["estimate"]).all()
    assert (table["seconds"] > 0).all()
    assert set(table["dtype"]) == {"float64"}


def test_histories_predictions_and_networks_are_kept(trained, images, tmp_path) -> None:
    table, networks, history, scores = trained
    HISTORY.validate(history)
    PREDICTIONS.validate(scores)
    epochs = history.groupby("model", observed=True)["epoch"].unique().apply(list)
    assert epochs["twin_torch_full_batch"] == [3, 6]
    assert epochs["twin_numpy"] == [1, 2, 3]
    names = ["twin_numpy", "twin_torch", "twin_numpy_full_batch", "twin_torch_full_batch"]
    assert table["model"].tolist() == names
    assert scores["model"].value_counts().reindex(names).eq(70).all()
    dataset = MLPDataset(filepath=str(tmp_path / "networks.safetensors"))
    dataset.save(networks)
    loaded, about = dataset.load()
    pixels = images.reshape(len(images), -1)
    for network, one in zip(loaded, about["fitted"], strict=True):
        own = scores[scores["model"] == one["model"]]
        p = network.predict_proba(pixels[own["row"]])
        assert p == pytest.approx(probabilities(own), abs=1e-6), one


def test_a_twin_needs_a_regime() -> None:
    with pytest.raises(ValueError, match="regimes"):
        TwinParameters(experiment="7", regimes={})
