"""Bad parameters are refused, with the allowed values."""

import pytest
from pydantic import ValidationError

from crossfold.templates.cross_validation.parameters import (
    DecisionParameters,
    FamilyParameters,
    Model,
    NetworkParameters,
)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"engine": "jax"}, "'numpy' or 'torch'"),
        ({"learning_rate_init": -1}, "greater than 0"),
        ({"dropout": 1.0}, "less than 1"),
        ({"activation": "swish"}, "'relu'"),
        ({"hidden_layer_sizes": [0]}, "greater than 0"),
        ({"batch_size": "all"}, "'auto' or 'full'"),
        ({"learning_rate_initial": 0.1}, "Extra inputs are not permitted"),
    ],
)
def test_bad_networks_are_refused(values: dict, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        NetworkParameters(**values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"estimator": "os.system"}, "come from one of sklearn"),
        ({"estimator": "sklearn.svm.SVC", "search": {"C": [1, 2]}}, "only mlp can search"),
        ({"params": {"max_iter": 0}}, "greater than 0"),
        ({"search": {"alpha": [-1]}}, "greater than or equal to 0"),
        ({"search": {"alpha": []}}, "at least 1 item"),
        ({"members": 0}, "greater than 0"),
        ({"preparation": "tf_idf"}, "'encoded', 'standard'"),
        ({"select": 0}, "greater than 0"),
        ({"sampler": "copies"}, "'none', 'down_sampling' or 'smote'"),
        ({"sampler": "smote", "search": {"alpha": [0.1]}}, "cannot have a sampler"),
        (
            {"sampler": "smote", "params": {"class_weight": "balanced"}},
            "resampled classes are balanced already",
        ),
    ],
)
def test_bad_models_are_refused(values: dict, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Model(**values)


def test_a_family_is_models_by_name() -> None:
    models = FamilyParameters.model_validate({"mlp": {"params": {"max_iter": 3}}})
    assert [(name, model.network.max_iter) for name, model in models] == [("mlp", 3)]


def test_calibration_is_one_of_four() -> None:
    with pytest.raises(ValidationError, match="'none', 'platt', 'isotonic' or 'beta'"):
        DecisionParameters(calibration="temperature")


def test_a_changed_copy_is_checked_too() -> None:
    with pytest.raises(ValidationError, match="'numpy' or 'torch'"):
        NetworkParameters().changed(engine="jax")
