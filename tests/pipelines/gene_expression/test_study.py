"""The study end to end on few patients: predictions, figures, comparison, networks, final model."""

import json

import numpy as np
import pandas as pd
import pytest

from crossfold.datasets import MLPDataset
from crossfold.templates.cross_validation import evaluation, nodes
from crossfold.templates.cross_validation.final_model import (
    assemble_model,
    decide,
    score,
    write_model_card,
)
from crossfold.templates.cross_validation.folds import (
    ALL_ROWS,
    K_FOLD,
    LEAVE_ONE_OUT,
    ORIGINAL_SPLIT,
    read_folds,
)
from crossfold.templates.cross_validation.importance import kept_models
from crossfold.templates.cross_validation.parameters import (
    CardParameters,
    DecisionParameters,
    EvaluationParameters,
    FamilyParameters,
    PreparationParameters,
)
from crossfold.validation.intervals import GroupBootstrap, percentile_interval
from crossfold.validation.metrics import binary_metrics, wilson_interval
from crossfold.validation.schemas import COMPARISON, HISTORY, METRICS, PREDICTIONS
from crossfold.validation.tables import POOLED

PROTOCOLS = (K_FOLD, LEAVE_ONE_OUT, ORIGINAL_SPLIT)
UNCALIBRATED = DecisionParameters(calibration="none")
PREPARATION = PreparationParameters()
EVALUATION = EvaluationParameters(n_resamples=50, reference="mlp", metric="accuracy", twins=())
BASELINES = FamilyParameters.model_validate(
    {
        "prevalence": {"estimator": "sklearn.dummy.DummyClassifier", "preparation": "standard"},
        "linear_svm": {
            "estimator": "sklearn.svm.SVC",
            "params": {"kernel": "linear"},
            "preparation": "standard",
        },
    }
)
MODELS = {"mlp", "mlp_smote", *BASELINES.root}


@pytest.fixture(scope="module")
def trained(features, folds, table_parameters, variants) -> tuple:
    return nodes.search_networks(features, folds, table_parameters, PREPARATION, variants, 0)


@pytest.fixture(scope="module")
def predictions(trained, features, folds, table_parameters) -> pd.DataFrame:
    baselines = nodes.cross_validate_estimators(
        features, folds, table_parameters, PREPARATION, BASELINES, 0
    )
    return decide(folds, UNCALIBRATED, table_parameters, baselines, trained[0])


@pytest.fixture(scope="module")
def metrics_table(predictions, features, table_parameters) -> pd.DataFrame:
    return evaluation.evaluate_predictions(predictions, features, table_parameters, EVALUATION, 0)


@pytest.fixture(scope="module")
def accuracy(metrics_table) -> pd.DataFrame:
    is_pooled = metrics_table["scope"] == POOLED
    return metrics_table[is_pooled & (metrics_table["metric"] == "accuracy")]


@pytest.fixture(scope="module")
def comparison(predictions, metrics_table, table_parameters) -> pd.DataFrame:
    return evaluation.compare_models(predictions, metrics_table, table_parameters, EVALUATION, 0)


@pytest.fixture(scope="module")
def model(features, folds, table_parameters, variants) -> tuple:
    networks, scores = nodes.fit_final_networks(
        features, folds, table_parameters, PREPARATION, variants, 0
    )
    return assemble_model(networks, scores, features, UNCALIBRATED, table_parameters)


def test_every_model_scores_every_patient_of_every_protocol(predictions, features) -> None:
    PREDICTIONS.validate(predictions)
    assert set(predictions["model"]) == MODELS
    sizes = predictions.groupby(["model", "protocol"], observed=True)["row"].agg(
        ["size", "nunique"]
    )
    n = len(features)
    for protocol, size in zip(PROTOCOLS, ([2 * n, n], [n, n], [12, 12]), strict=True):
        assert (sizes.xs(protocol, level="protocol") == size).all(axis=None)


def test_predictions_carry_the_patients_labels(predictions, features) -> None:
    expected = features["aml"].to_numpy()[predictions["row"]]
    np.testing.assert_array_equal(predictions["target"], expected)
    np.testing.assert_array_equal(predictions["flagged"], predictions["p1"] >= 0.5)
    np.testing.assert_array_equal(predictions["group"], predictions["row"])


def test_the_signal_is_found(accuracy) -> None:
    by_model = accuracy[accuracy["protocol"] == K_FOLD].set_index("model")["estimate"]
    assert by_model["mlp"] > 0.9
    assert by_model["linear_svm"] > 0.8
    assert by_model["prevalence"] == pytest.approx(2 / 3)


def test_accuracy_has_wilsons_interval_over_patients(accuracy, features) -> None:
    low, high = wilson_interval(accuracy["n"] * accuracy["estimate"], accuracy["n"])
    np.testing.assert_allclose(accuracy["low"], low)
    np.testing.assert_allclose(accuracy["high"], high)
    n = accuracy.groupby("protocol")["n"].unique().map(list).to_dict()
    assert n == {K_FOLD: [len(features)], LEAVE_ONE_OUT: [len(features)], ORIGINAL_SPLIT: [12]}


def test_other_figures_draw_a_patient_with_all_its_predictions(metrics_table, predictions) -> None:
    f1 = (
        metrics_table[
            (metrics_table["model"] == "mlp_smote")
            & (metrics_table["protocol"] == K_FOLD)
            & (metrics_table["scope"] == POOLED)
        ]
        .set_index("metric")
        .loc["f1"]
    )
    rows = predictions[(predictions["model"] == "mlp_smote") & (predictions["protocol"] == K_FOLD)]
    columns = (rows[name].to_numpy() for name in ("target", "p1", "flagged"))
    resampled = binary_metrics(*columns, GroupBootstrap(rows["row"], 50, 0))["f1"]
    assert tuple(f1[["low", "high"]]) == pytest.approx(percentile_interval(resampled))


def test_single_patients_have_no_figures_of_their_own(metrics_table) -> None:
    METRICS.validate(metrics_table)
    scopes = metrics_table.groupby("protocol")["scope"].unique()
    assert scopes[LEAVE_ONE_OUT].tolist() == [POOLED]
    assert len(scopes[K_FOLD]) == 1 + 8


def test_the_history_counts_errors(trained, predictions) -> None:
    history = trained[2]
    HISTORY.validate(history)
    assert set(history["epoch"]) == set(range(1, 31))
    last = history[
        (history["epoch"] == 30)
        & (history["model"] == "mlp_smote")
        & (history["protocol"] == ORIGINAL_SPLIT)
    ].set_index("measure")["value"]
    rows = predictions[
        (predictions["model"] == "mlp_smote") & (predictions["protocol"] == ORIGINAL_SPLIT)
    ]
    wrong = (rows["flagged"] != rows["target"]).sum()
    assert last["false_positives"] + last["false_negatives"] == wrong


def test_only_the_main_network_s_probes_are_listed(trained, variants) -> None:
    selected = nodes.list_selected(trained[1], variants)
    assert set(selected["model"]) == {"mlp"}
    assert selected.groupby(["protocol", "fold"]).size().eq(5).all()
    assert selected["column"].isin([f"p{number}" for number in range(6)]).mean() > 0.8


def test_decisions_are_compared_where_a_patient_is_decided_once(comparison) -> None:
    COMPARISON.validate(comparison)
    own = comparison[(comparison["model_a"] == "mlp") & (comparison["metric"] == "accuracy")]
    tests = own.groupby("protocol")["test"].unique().map(set)
    assert tests[K_FOLD] == {"paired bootstrap", "corrected resampled t-test over folds"}
    assert tests[LEAVE_ONE_OUT] == tests[ORIGINAL_SPLIT] == {"paired bootstrap", "McNemar"}
    chance = own[(own["model_b"] == "prevalence") & (own["protocol"] == K_FOLD)]
    assert chance["verdict"].eq("differ").all()
    assert chance["difference"].gt(0).all()


def test_folds_share_training_rows_however_often_they_are_repeated(
    predictions, metrics_table, comparison
) -> None:
    rows = comparison[
        (comparison["protocol"] == K_FOLD)
        & (comparison["test"] == "corrected resampled t-test over folds")
        & (comparison["model_b"] == "linear_svm")
        & (comparison["model_a"] == "mlp")
    ].iloc[0]
    by_fold = metrics_table[
        (metrics_table["protocol"] == K_FOLD)
        & (metrics_table["scope"] != POOLED)
        & (metrics_table["metric"] == "accuracy")
    ].pivot_table(index="scope", columns="model", values="estimate")
    differences = by_fold["mlp"] - by_fold["linear_svm"]
    assert differences.std() > 0
    # Each fold validates a quarter, of 8 folds in two repeats (Nadeau and Bengio 2003).
    error = np.sqrt((1 / 8 + 1 / 3) * differences.var(ddof=1))
    assert (rows["high"] - rows["low"]) / 2 == pytest.approx(2.364624 * error, rel=1e-5)


def test_every_fold_s_networks_can_be_loaded_and_predict(
    trained, predictions, features, tmp_path
) -> None:
    dataset = MLPDataset(filepath=str(tmp_path / "networks.safetensors"))
    dataset.save(trained[1])
    kept = kept_models(dataset.load(), "mlp", "binary")
    of_model = predictions[predictions["model"] == "mlp"]
    expected = dict(list(of_model.groupby(["protocol", "fold"], observed=True)))
    assert set(kept) == set(expected)
    for place, rows in expected.items():
        said = kept[place].predict_proba(features.iloc[rows["row"]])[:, 1]
        np.testing.assert_allclose(said, rows["raw_p1"], atol=1e-5)


def test_the_final_model_scores_as_its_networks_do(model, features) -> None:
    assert len(model[0]) == 2
    scored = score(model, features)
    assert (scored["flagged"] == features["aml"]).mean() > 0.9
    shuffled = score(model, features.iloc[::-1])[::-1]
    pd.testing.assert_frame_equal(shuffled, scored, rtol=1e-5)


def test_the_card_lists_the_probes_and_no_patient(model, features, metrics_table, variants) -> None:
    metrics = evaluation.summarise_metrics(metrics_table)
    words = CardParameters(intended_use="use", not_intended_for="misuse", limits=("few",))
    card = write_model_card(model, features, metrics, variants, words, 0)
    assert len(card["inputs"]) == 5
    assert set(card["inputs"]) <= {f"p{number}" for number in range(6)}
    assert card["metrics"]["leave_one_out"]["accuracy"]["n"] == len(features)
    assert "patient" not in json.dumps(card)


@pytest.mark.parametrize("sampler", ["none", "down_sampling", "smote"])
def test_validation_patients_leave_no_trace_in_what_is_fitted(
    features, folds, table_parameters, variants, sampler
) -> None:
    # One fold, and all rows, which say each row's group.
    folds = folds[folds["protocol"].isin([K_FOLD, ALL_ROWS]) & (folds["fold"] == 0)]
    [fold] = read_folds(folds, K_FOLD)
    altered = features.copy()
    altered.iloc[fold.validation_rows, 1:] *= -100
    altered.iloc[fold.validation_rows, 0] = 1 - features["aml"].iloc[fold.validation_rows]
    models = FamilyParameters({"mlp": variants.root["mlp"].model_copy(update={"sampler": sampler})})
    first, second = (
        nodes.search_networks(x, folds, table_parameters, PREPARATION, models, 0)[1]
        for x in (features, altered)
    )
    for a, b in zip(first[0][0].coefs_, second[0][0].coefs_, strict=True):
        np.testing.assert_array_equal(a, b)
    assert first[1]["fitted"][0] == second[1]["fitted"][0]
