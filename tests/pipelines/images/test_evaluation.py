"""The predictions scored and compared."""

import numpy as np
import pandas as pd
import pytest

from crossfold.exceptions import CrossfoldError
from crossfold.mlp import MLPClassifier
from crossfold.pipelines.images.data import SplitImages
from crossfold.pipelines.images.networks import class_probabilities, prediction_table
from crossfold.pipelines.images.nodes import compare_models, evaluate_networks
from crossfold.pipelines.images.parameters import ComparisonsParameters
from crossfold.templates.cross_validation.nodes import join_tables
from crossfold.validation.metrics import wilson_interval
from crossfold.validation.schemas import COMPARISON, METRICS, PREDICTIONS

N = 300


def predictions_of(
    model: str, member: int, share_right: float, split: str = "source"
) -> pd.DataFrame:
    """Make predictions of which a given share is right, drawn by the member."""
    labels = np.arange(N) % 10
    data = SplitImages(split, np.zeros((N, 4), np.uint8), labels, np.full(N, "test"))
    rng = np.random.default_rng(member)
    is_right = rng.permutation(N) < share_right * N
    named = np.where(is_right, labels, (labels + 1) % 10)
    p = (np.eye(10)[named] * 0.9 + 0.01).astype(np.float32)
    return prediction_table(model, member, data, np.arange(N), p)


@pytest.fixture(scope="module")
def predictions() -> pd.DataFrame:
    experiments = [predictions_of("mini_batch/good", 0, 0.1, "standard")] + [
        predictions_of(f"mini_batch/{name}", member, share)
        for name, share in (("good", 0.9), ("bad", 0.6), ("other", 0.6))
        for member in (0, 1, 2)
    ]
    twins = [predictions_of(name, 0, 0.8) for name in ("twin_numpy", "twin_torch")]
    return join_tables(pd.concat(experiments), pd.concat(twins))


def test_a_network_that_diverged_gives_every_image_its_first_class() -> None:
    pixels, labels = np.eye(4, dtype=np.uint8), np.array([1, 2, 1, 2])
    data = SplitImages("source", pixels, labels, np.full(4, "test"))
    network = MLPClassifier((3,), max_iter=1, random_state=0).fit(pixels, labels)
    network.coefs_[0][:] = np.nan
    probabilities = class_probabilities(network, data, np.arange(4), 3)
    np.testing.assert_allclose(probabilities, 1 / 3)
    assert (probabilities.argmax(axis=1) == 0).all()


@pytest.fixture(scope="module")
def comparison(predictions, evaluation) -> pd.DataFrame:
    comparisons = ComparisonsParameters(
        {
            "Good minus bad": [("mini_batch/good", "mini_batch/bad")],
            "Alike": [("mini_batch/bad", "mini_batch/other"), ("twin_torch", "twin_numpy")],
            "Asked again": [("mini_batch/good", "mini_batch/bad")],
        }
    )
    return compare_models(predictions, comparisons, evaluation, 7)


def of_good(comparison: pd.DataFrame) -> pd.DataFrame:
    return comparison[comparison["model_a"] == "mini_batch/good"]


def test_the_tables_have_the_schemas_of_all_studies(predictions, comparison, evaluation) -> None:
    PREDICTIONS.validate(predictions)
    COMPARISON.validate(comparison)
    METRICS.validate(evaluate_networks(predictions, evaluation, 0))


def test_each_seed_has_a_test_and_all_seeds_have_two(comparison) -> None:
    assert of_good(comparison)["test"].tolist() == [
        "McNemar, seed 7",
        "McNemar, seed 8",
        "McNemar, seed 9",
        "t over seeds",
        "bootstrap over images",
    ]


def test_differences_are_those_of_the_accuracies_on_the_source_split(comparison) -> None:
    rows = of_good(comparison)
    assert rows["difference"].to_numpy() == pytest.approx(0.3)
    assert (rows["verdict"] == "differ").all()
    assert (rows["low"] <= 0.3 + 1e-9).all()
    assert rows.loc[rows["test"] == "bootstrap over images", "n"].item() == N


def test_models_that_are_alike_are_not_told_apart(comparison) -> None:
    alike = comparison[comparison["model_a"] == "mini_batch/bad"]
    assert (alike["difference"] == 0).all()
    assert (alike["verdict"] == "not told apart").all()


def test_models_of_one_seed_name_no_seed(comparison) -> None:
    twins = comparison[comparison["model_a"] == "twin_torch"]
    assert twins["test"].tolist() == ["McNemar", "bootstrap over images"]


def found(metrics: pd.DataFrame, scope: str, model: str, protocol: str = "source") -> pd.Series:
    where = {"scope": scope, "model": model, "protocol": protocol, "metric": "accuracy"}
    return metrics[(metrics[list(where)] == pd.Series(where)).all(axis=1)].iloc[0]


def test_every_model_and_member_is_scored(predictions, evaluation) -> None:
    metrics = evaluate_networks(predictions, evaluation, 0)
    assert found(metrics, "pooled", "mini_batch/good")["estimate"] == pytest.approx(0.9)
    assert found(metrics, "pooled", "mini_batch/good", "standard")["estimate"] == pytest.approx(0.1)
    members = [found(metrics, f"member {one}", "mini_batch/bad") for one in range(3)]
    assert [one["estimate"] for one in members] == pytest.approx([0.6] * 3)
    assert [one["n"] for one in members] == [N] * 3


def test_several_members_are_resampled_by_image_and_one_has_wilsons_interval(
    predictions, evaluation
) -> None:
    metrics = evaluate_networks(predictions, evaluation, 0)
    twin = found(metrics, "pooled", "twin_torch")
    assert (twin["low"], twin["high"]) == pytest.approx(wilson_interval(0.8 * N, N))
    alike = predictions_of("alike", 0, 0.6)
    thrice = pd.concat([alike.assign(member=member) for member in range(3)])
    once, three = (
        found(evaluate_networks(table, evaluation, 0), "pooled", "alike")
        for table in (alike, thrice)
    )
    # Three answers that are all the same tell no more than one.
    assert three["high"] - three["low"] > 0.8 * (once["high"] - once["low"])


def test_unknown_models_are_named(predictions, evaluation) -> None:
    comparisons = ComparisonsParameters({"Typing": [("mini_batch/good", "mini_batch/gud")]})
    with pytest.raises(CrossfoldError, match=r"the model 'mini_batch/gud', but there are only"):
        compare_models(predictions, comparisons, evaluation, 0)
