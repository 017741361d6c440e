"""What is kept of the predictions, summed up and compared."""

import numpy as np
import pandas as pd
import pytest

from crossfold.exceptions import CrossfoldError
from crossfold.mlp import MLPClassifier
from crossfold.pipelines.modelling.images.evaluation import (
    COLUMNS,
    compare_models,
    summarise_metrics,
)
from crossfold.pipelines.modelling.images.parameters import (
    ComparisonsParameters,
    RegimesParameters,
)
from crossfold.pipelines.modelling.images.predictions import (
    class_probabilities,
    collect_predictions,
    prediction_table,
    probabilities_of,
)
from crossfold.pipelines.modelling.images.split_images import SplitImages

N = 300


def predictions_of(
    model: str, seed: int, share_right: float, split: str = "source"
) -> pd.DataFrame:
    """Make predictions of which a given share is right, drawn by the seed."""
    labels = np.arange(N) % 10
    data = SplitImages(split, np.zeros((N, 4), np.uint8), labels, np.full(N, "test"))
    rng = np.random.default_rng(seed)
    is_right = rng.permutation(N) < share_right * N
    named = np.where(is_right, labels, (labels + 1) % 10)
    p = (np.eye(10)[named] * 0.9 + 0.01).astype(np.float32)
    return prediction_table(model, seed, data, np.arange(N), p)


@pytest.fixture(scope="module")
def experiment_predictions() -> pd.DataFrame:
    return pd.concat(
        [predictions_of("mini_batch/good", 1, 0.1, "standard")]
        + [
            predictions_of(f"mini_batch/{name}", seed, share)
            for name, share in (("good", 0.9), ("bad", 0.6), ("other", 0.6))
            for seed in (1, 2, 3)
        ]
    )


def test_a_network_that_diverged_gives_every_image_its_first_class() -> None:
    pixels, labels = np.eye(4, dtype=np.uint8), np.array([1, 2, 1, 2])
    data = SplitImages("source", pixels, labels, np.full(4, "test"))
    network = MLPClassifier((3,), max_iter=1, random_state=0).fit(pixels, labels)
    network.coefs_[0][:] = np.nan
    probabilities = class_probabilities(network, data, np.arange(4), 3)
    assert np.isnan(probabilities[:, 1:]).all()
    assert (probabilities.argmax(axis=1) == 1).all()


@pytest.fixture(scope="module")
def twin_predictions() -> pd.DataFrame:
    return pd.concat([predictions_of(name, 1, 0.8) for name in ("twin_numpy", "twin_torch")])


@pytest.fixture(scope="module")
def comparison(experiment_predictions, twin_predictions, evaluation) -> pd.DataFrame:
    comparisons = ComparisonsParameters(
        {
            "Good minus bad": [("mini_batch/good", "mini_batch/bad")],
            "Alike": [("mini_batch/bad", "mini_batch/other"), ("twin_torch", "twin_numpy")],
        }
    )
    return compare_models(experiment_predictions, twin_predictions, comparisons, evaluation, 0)


def test_each_seed_has_a_test_and_all_seeds_have_two(comparison) -> None:
    assert list(comparison.columns) == COLUMNS
    rows = comparison[comparison["question"] == "Good minus bad"]
    seeds = [None if pd.isna(seed) else int(seed) for seed in rows["seed"]]
    assert list(zip(rows["test"], seeds, strict=True)) == [
        ("McNemar", 1),
        ("McNemar", 2),
        ("McNemar", 3),
        ("t over seeds", None),
        ("bootstrap over images", None),
    ]


def test_differences_are_those_of_the_accuracies_on_the_source_split(comparison) -> None:
    rows = comparison[comparison["question"] == "Good minus bad"]
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
    assert twins["seed"].isna().all()


def test_the_first_seed_of_highlighted_experiments_is_kept(
    experiment_predictions, twin_predictions, regimes
) -> None:
    strong = predictions_of("strong", 1, 0.9, "standard")
    regimes = RegimesParameters({"mini_batch": regimes.root["mini_batch"]})
    kept = collect_predictions(
        experiment_predictions, twin_predictions, strong, regimes, {"best": "good", "again": "good"}
    )
    assert "seed" not in kept
    sizes = kept.groupby(["model", "split"], observed=True).size().to_dict()
    assert sizes == {
        ("mini_batch/good", "source"): N,
        ("mini_batch/good", "standard"): N,
        ("strong", "standard"): N,
        ("twin_numpy", "source"): N,
        ("twin_torch", "source"): N,
    }
    first = predictions_of("mini_batch/good", 1, 0.9)
    rows = kept[(kept["model"] == "mini_batch/good") & (kept["split"] == "source")]
    assert (probabilities_of(rows) == probabilities_of(first)).all()


def test_metrics_are_nested_by_model_and_split(experiment_predictions, evaluation) -> None:
    metrics = summarise_metrics(experiment_predictions.query("seed == 1"), evaluation, 0)
    assert metrics["mini_batch/good"]["source"]["accuracy"]["estimate"] == pytest.approx(0.9)
    assert metrics["mini_batch/good"]["standard"]["accuracy"]["estimate"] == pytest.approx(0.1)
    figures = metrics["mini_batch/bad"]["source"]["macro_f1"]
    assert figures["low"] < figures["estimate"] < figures["high"]


def test_unknown_models_are_named(experiment_predictions, twin_predictions, evaluation) -> None:
    comparisons = ComparisonsParameters({"Typing": [("mini_batch/good", "mini_batch/gud")]})
    with pytest.raises(CrossfoldError, match=r"the model 'mini_batch/gud', but there are only"):
        compare_models(experiment_predictions, twin_predictions, comparisons, evaluation, 0)


def test_unknown_highlighted_experiments_are_named(
    experiment_predictions, twin_predictions, regimes
) -> None:
    with pytest.raises(CrossfoldError, match=r"the highlighted model 'full_batch/good'"):
        collect_predictions(
            experiment_predictions, twin_predictions, twin_predictions, regimes, {"best": "good"}
        )
