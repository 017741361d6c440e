"""The study end to end on few patients: predictions, figures, comparison, final model."""

import numpy as np
import pandas as pd
import pytest

from crossfold.pipelines.modelling.gene_expression import evaluation, nodes
from crossfold.pipelines.modelling.gene_expression.final_model import (
    fit_final_model,
    score,
    write_model_card,
)
from crossfold.pipelines.modelling.gene_expression.networks import count_errors
from crossfold.pipelines.modelling.gene_expression.parameters import (
    BaselineParameters,
    CardParameters,
    EvaluationParameters,
)
from crossfold.pipelines.modelling.gene_expression.splits import K_FOLD, ORIGINAL_SPLIT, PROTOCOLS
from crossfold.validation import wilson_interval

MODELS = {"mlp", "mlp_smote", "prevalence", "shrunken_centroids", "linear_svm"}


@pytest.fixture(scope="module")
def trained(features, calls, folds, variants, network) -> tuple:
    return nodes.cross_validate_networks(features, calls, folds, variants, network, 0)


@pytest.fixture(scope="module")
def predictions(trained, features, folds) -> pd.DataFrame:
    baselines = nodes.cross_validate_baselines(features, folds, BaselineParameters())
    return nodes.collect_predictions(trained[0], baselines)


@pytest.fixture(scope="module")
def metrics_table(predictions) -> pd.DataFrame:
    return evaluation.evaluate_predictions(predictions, EvaluationParameters(n_resamples=50), 0)


def test_every_model_scores_every_patient_of_every_protocol(predictions, features) -> None:
    assert set(predictions["model"]) == {*MODELS, "logistic_regression"}
    sizes = predictions.groupby(["model", "protocol"], observed=True)["row"].agg(
        ["size", "nunique"]
    )
    n = len(features)
    for protocol, size in zip(PROTOCOLS, ([2 * n, n], [n, n], [12, 12]), strict=True):
        assert (sizes.xs(protocol, level="protocol") == size).all(axis=None)


def test_predictions_carry_the_patients_labels(predictions, features) -> None:
    expected = features["aml"].to_numpy()[predictions["row"]]
    np.testing.assert_array_equal(predictions["target"], expected)
    np.testing.assert_array_equal(predictions["flagged"], predictions["score"] >= 0.5)


def test_the_signal_is_found(metrics_table) -> None:
    accuracy = metrics_table[metrics_table["metric"] == "accuracy"]
    by_model = accuracy[accuracy["protocol"] == K_FOLD].set_index("model")["estimate"]
    assert by_model["mlp"] > 0.9
    assert by_model["prevalence"] == pytest.approx(2 / 3)


def test_accuracy_has_wilsons_interval_over_patients(metrics_table) -> None:
    rows = metrics_table[metrics_table["metric"] == "accuracy"]
    low, high = wilson_interval(rows["n"] - rows["errors"], rows["n"])
    np.testing.assert_allclose(rows["low"], low)
    np.testing.assert_allclose(rows["high"], high)
    assert set(metrics_table.loc[metrics_table["metric"] == "f1", "interval"]) == {"bootstrap"}


def test_repeats_do_not_count_patients_twice(metrics_table, features) -> None:
    k_fold = metrics_table[metrics_table["protocol"] == K_FOLD]
    assert k_fold["n"].eq(len(features)).all()
    assert k_fold["positives"].eq(features["aml"].sum()).all()


def test_the_history_counts_errors(trained, predictions) -> None:
    history = trained[1]
    assert set(history["epoch"]) == set(range(1, 31))
    last = history[
        (history["epoch"] == 30)
        & (history["model"] == "mlp_smote")
        & (history["protocol"] == ORIGINAL_SPLIT)
    ].iloc[0]
    rows = predictions[
        (predictions["model"] == "mlp_smote") & (predictions["protocol"] == ORIGINAL_SPLIT)
    ]
    wrong = (rows["flagged"] != rows["target"]).sum()
    assert last["false_positives"] + last["false_negatives"] == wrong


def test_errors_are_counted_by_kind() -> None:
    target, probability = np.array([0, 0, 1, 1]), np.array([0.6, 0.5, 0.4, 0.9])
    assert count_errors(target, probability) == {"false_positives": 2, "false_negatives": 1}


def test_only_the_main_networks_choices_are_kept(trained, variants) -> None:
    selected = trained[2]
    assert set(selected["model"]) == {"mlp"}
    assert selected.groupby(["protocol", "fold"], observed=True).size().eq(5).all()


def test_the_main_network_is_compared_with_all_others(
    predictions, variants, fold_parameters
) -> None:
    table = evaluation.compare_models(predictions, variants, fold_parameters)
    assert len(table) == 5 * len(PROTOCOLS)
    assert set(table["model_a"]) == {"mlp"}
    chance = table[(table["model_b"] == "prevalence") & (table["protocol"] == K_FOLD)].iloc[0]
    assert chance["verdict"] == "differ"
    assert chance["difference"] > 0


def test_the_final_model_scores_as_its_networks_do(features, calls, variants, network) -> None:
    model = fit_final_model(features, calls, variants, network, 0)
    networks, state = model
    assert (len(networks), len(state["probes"])) == (2, 5)
    scored = score(model, features)
    assert ((scored >= 0.5) == features["aml"]).mean() > 0.9
    shuffled = features.iloc[::-1]
    pd.testing.assert_series_equal(score(model, shuffled)[::-1], scored, rtol=1e-5)


def test_the_card_names_no_patient(features, calls, variants, network, metrics_table) -> None:
    model = fit_final_model(features, calls, variants, network, 0)
    controls = pd.DataFrame(
        columns=["control", "when", "metric", "estimate", "low", "high", "permutations"]
    )
    metrics = evaluation.summarise_metrics(metrics_table, controls)
    words = CardParameters(intended_use="use", not_intended_for="misuse", limits=("few",))
    card = write_model_card(model, features, metrics, variants, network, words, 0)
    assert card["model"] == "mlp"
    assert card["metrics"]["leave_one_out"]["accuracy"]["n"] == len(features)
    assert card["data"]["rows"] == len(features)
    assert "patient" not in card
