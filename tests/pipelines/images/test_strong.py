"""The model that is kept, and its card."""

import json

import numpy as np
import pytest

from crossfold.datasets import MLPDataset
from crossfold.pipelines.images.nodes import (
    evaluate_networks,
    fit_strong_model,
    write_model_card,
)
from crossfold.pipelines.images.parameters import AugmentationParameters
from crossfold.templates.cross_validation.evaluation import summarise_metrics
from crossfold.templates.cross_validation.parameters import CardParameters
from crossfold.validation.schemas import PREDICTIONS
from crossfold.validation.tables import probabilities

CARD = CardParameters(intended_use="a test", not_intended_for="anything else", limits=("small",))


@pytest.fixture(scope="module")
def strong(network):
    return network.changed(
        hidden_layer_sizes=(32, 16),
        solver="adam",
        learning_rate="one_cycle",
        learning_rate_init=0.01,
        dropout=(0.1, 0.2),
    )


@pytest.fixture(scope="module")
def augmentation():
    return AugmentationParameters(n_copies=1, max_shift_pixels=1)


@pytest.fixture(scope="module")
def fitted(images, split_table, strong, augmentation, classes):
    return fit_strong_model(images, split_table, strong, augmentation, classes, 7)


def test_it_is_scored_on_the_published_test_images(fitted, split_table) -> None:
    _, predictions = fitted
    assert set(predictions["protocol"]) == {"standard"}
    assert predictions["row"].tolist() == np.flatnonzero(split_table["origin"] == "test").tolist()
    assert (predictions["target"] == predictions["predicted"]).mean() > 0.6


def test_it_learns_from_every_other_image(
    fitted, images, split_table, strong, augmentation, classes
) -> None:
    (_, about), _ = fitted
    assert about["data"]["rows"] == 600
    changed = images.copy()
    changed[np.flatnonzero(split_table["standard"] == "validation")[0]] = 0
    (_, other), _ = fit_strong_model(changed, split_table, strong, augmentation, classes, 7)
    assert other["data"]["fingerprint"] != about["data"]["fingerprint"]
    changed = images.copy()
    changed[-1] = 0
    (_, same), _ = fit_strong_model(changed, split_table, strong, augmentation, classes, 7)
    assert same["data"] == about["data"]


def test_it_learns_from_the_copies_too(fitted, strong) -> None:
    ([network], _), _ = fitted
    assert network.t_ == strong.max_iter * 2 * 600


def test_the_kept_network_is_loaded_and_gives_the_kept_predictions(
    fitted, images, tmp_path
) -> None:
    model, predictions = fitted
    PREDICTIONS.validate(predictions)
    dataset = MLPDataset(filepath=str(tmp_path / "model.safetensors"))
    dataset.save(model)
    [network], _ = dataset.load()
    pixels = images.reshape(len(images), -1)[predictions["row"]]
    assert network.predict_proba(pixels) == pytest.approx(probabilities(predictions), abs=1e-6)


def test_the_card_describes_it(fitted, strong, augmentation, evaluation) -> None:
    model, predictions = fitted
    metrics = summarise_metrics(evaluate_networks(predictions, evaluation, 7))
    card = write_model_card(model, metrics, strong, augmentation, CARD, 7)
    assert card["layers"] == "64-32-16-10"
    assert card["network"]["dropout"] == (0.1, 0.2)
    assert card["augmentation"] == {"n_copies": 1, "max_shift_pixels": 1, "flips": False}
    assert card["metrics"]["standard"]["accuracy"]["n"] == 200
    assert (card["seed"], card["intended_use"], card["limits"]) == (7, "a test", ("small",))
    assert {"crossfold", "torch"} <= set(card["versions"])
    assert card["seconds"] > 0
    assert json.loads(json.dumps(card))["data"]["rows"] == 600
