"""Bad parameters are refused, with the allowed values."""

import pytest
from pydantic import ValidationError

from crossfold.pipelines.modelling.binary.parameters import (
    DecisionParameters,
    NetworkParameters,
    TunedParameters,
    VariantsParameters,
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


def test_an_ensemble_needs_two_members() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        TunedParameters(members=1)


def test_a_variant_changes_the_loss_alone() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        VariantsParameters({"wide": {"hidden_layer_sizes": [512]}})


def test_calibration_is_one_of_four() -> None:
    with pytest.raises(ValidationError, match="'none', 'platt', 'isotonic' or 'beta'"):
        DecisionParameters(calibration="temperature")


def test_a_changed_copy_is_checked_too() -> None:
    with pytest.raises(ValidationError, match="'numpy' or 'torch'"):
        NetworkParameters().changed(engine="jax")
