"""Names as readers see them."""

import pytest

from crossfold.pipelines.reporting.images import labels


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("full_batch/7", "Experiment 7, full batch"),
        ("mini_batch/relu_two_layers", "ReLU two layers, mini-batches"),
        ("twin_numpy", "NumPy twin"),
        ("twin_torch_full_batch", "PyTorch twin, full batch"),
        ("strong", "Strong MLP"),
    ],
)
def test_models_have_names(model: str, expected: str) -> None:
    assert labels.model_label(model) == expected


@pytest.mark.parametrize(
    ("model_a", "model_b", "expected"),
    [
        ("mini_batch/7", "full_batch/7", "Experiment 7"),
        ("mini_batch/relu", "mini_batch/sigmoid", "ReLU and Sigmoid, mini-batches"),
        ("twin_numpy", "twin_numpy_full_batch", "NumPy twin"),
        ("twin_torch", "twin_numpy", "PyTorch twin and NumPy twin"),
        ("strong", "full_batch/7", "Strong MLP and Experiment 7, full batch"),
    ],
)
def test_pairs_are_named_by_what_sets_them_apart(model_a: str, model_b: str, expected: str) -> None:
    assert labels.pair_label(model_a, model_b) == expected


def test_the_standard_split_is_named() -> None:
    assert labels.regime_label("full_batch") == "Full batch"
    assert labels.regime_label("full_batch", labels.STANDARD) == "Full batch, standard split"
    assert labels.regime_label("small_steps") == "Small steps"


def test_settings_name_dropout_only_where_there_is_some() -> None:
    experiment = {"init": "kaiming", "activation": "relu", "dropout": 0.0}
    assert labels.settings(experiment) == "Kaiming, ReLU"
    assert labels.settings(experiment | {"dropout": 0.25}) == "Kaiming, ReLU, dropout 0.25"
