"""The audit of the leukaemia study's source: each fault leaks what its name says, no other does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from crossfold.pipelines.audit.gene_expression import faults
from crossfold.pipelines.audit.gene_expression.faults import Rows, make_training_set
from crossfold.pipelines.audit.gene_expression.figures import draw_figures
from crossfold.pipelines.audit.gene_expression.folds import cross_validate_runs
from crossfold.pipelines.audit.gene_expression.measures import measure
from crossfold.pipelines.audit.gene_expression.nodes import judge_claims
from crossfold.pipelines.audit.gene_expression.parameters import (
    FaultsParameters,
    PrintedParameters,
    ProtocolParameters,
)
from crossfold.pipelines.audit.gene_expression.splits import train_splits
from crossfold.pipelines.audit.runs import REPORTED, SOUND, only

SEED, TEST_SHARE = 42, 0.2
ALL_FAULTS = (*faults.TOUCHING[faults.SMOTE], faults.ONE_MODEL)
PRINTED = PrintedParameters.model_validate(
    {
        "original": {"f1": 0.9, "loss": 0.4},
        "down_sampled": {"f1": 1.0, "loss": 0.2},
        "smote": {"f1": 1.0, "loss": 0.1},
    }
)
PROTOCOL = ProtocolParameters.model_validate(
    {
        "network": {
            "hidden_layer_sizes": [32, 16],
            "dropout": 0.1,
            "learning_rate_init": 0.01,
            "batch_size": 16,
            "max_iter": 10,
        },
        "epochs": {"k_fold": 40, "leave_one_out": 2},
        "share_epochs": {"k_fold": 40, "leave_one_out": 1},
        "source_epochs": 100,
        "n_draws": 2,
        "n_splits": 10,
        "n_resamples": 50,
    }
)


def make_patients(n_all: int = 30, n_aml: int = 16, width: int = 60) -> Rows:
    """Draw patients whose first probes tell the classes apart."""
    rng = np.random.default_rng(1)
    aml = rng.permutation(np.repeat([0, 1], [n_all, n_aml]))
    inputs = rng.normal(5, 2, (len(aml), width)).astype(np.float32)
    inputs[:, :5] += 2 * aml[:, None]
    return Rows(inputs, aml)


def training_set(patients: Rows, table: str, *switched_on: str):
    return make_training_set(patients, table, switched_on, TEST_SHARE, SEED)


def with_other_validation_rows(patients: Rows) -> Rows:
    """Change what is put aside, and nothing else."""
    numbers = Rows(np.arange(len(patients.aml)), patients.aml)
    put_aside = faults.split(numbers, TEST_SHARE, SEED)[1].inputs
    inputs = patients.inputs.copy()
    inputs[put_aside] = 9 - 2 * inputs[put_aside]
    return Rows(inputs, patients.aml)


@pytest.fixture(scope="module")
def expression() -> pd.DataFrame:
    rows = make_patients()
    probes = {f"p{number}": column for number, column in enumerate(rows.inputs.T)}
    facts = {"patient": range(len(rows.aml)), "origin": "train"}
    return pd.DataFrame({**facts, "label": np.where(rows.aml, "AML", "ALL"), **probes})


@pytest.fixture(scope="module")
def split_epochs(expression):
    return train_splits(expression, PROTOCOL, FaultsParameters(ALL_FAULTS), SEED)


@pytest.fixture(scope="module")
def fold_epochs(expression):
    return cross_validate_runs(expression, PROTOCOL, FaultsParameters(ALL_FAULTS), SEED)


@pytest.fixture(scope="module")
def predictions() -> pd.DataFrame:
    """Stand in for the sound study: one patient of 46 is called wrongly."""
    aml = make_patients().aml
    score = np.where(aml, 0.9, 0.1)
    score[0] = 1 - score[0]
    tables = [
        pd.DataFrame({"model": model, "protocol": protocol, "fold": 0, "row": range(len(aml))})
        for model in ("mlp", "mlp_smote", "mlp_down_sampled", "mlp_all_probes")
        for protocol in ("k_fold", "leave_one_out")
    ]
    own = {"target": aml, "p1": score, "flagged": score >= 0.5}
    return pd.concat([table.assign(**own) for table in tables], ignore_index=True)


@pytest.fixture(scope="module")
def judged(split_epochs, fold_epochs, predictions):
    return judge_claims(split_epochs, fold_epochs, predictions, PROTOCOL, PRINTED, SEED)


@pytest.mark.parametrize("table", faults.TABLES)
def test_without_faults_nothing_learnt_from_depends_on_the_rows_put_aside(table):
    patients = make_patients()
    one = training_set(patients, table)
    other = training_set(with_other_validation_rows(patients), table)
    np.testing.assert_array_equal(one.train.inputs, other.train.inputs)
    assert one.class_weight == other.class_weight
    assert not np.array_equal(one.validation.inputs, other.validation.inputs)


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ("original", "scale_before_split"),
        ("smote", "smote_before_split"),
        ("down_sampled", "resample_before_split"),
    ],
)
def test_a_leaking_fault_lets_rows_put_aside_into_training(table, fault):
    patients = make_patients()
    one = training_set(patients, table, fault)
    other = training_set(with_other_validation_rows(patients), table, fault)
    assert not np.array_equal(one.train.inputs, other.train.inputs)


def test_resampling_leaves_the_rows_put_aside_alone_unless_the_fault_is_on():
    patients = make_patients()
    untouched = training_set(patients, "original").validation.aml
    for table in ("down_sampled", "smote"):
        sound = training_set(patients, table)
        np.testing.assert_array_equal(sound.validation.aml, untouched)
        assert np.ptp(np.bincount(sound.train.aml)) == 0
    resampled = training_set(patients, "smote", "resample_before_split").validation
    assert np.ptp(np.bincount(resampled.aml)) == 0
    np.testing.assert_array_equal(
        training_set(patients, "smote", "smote_before_split").validation.aml, untouched
    )


def test_all_faults_resample_the_whole_table_and_then_split_it():
    patients = make_patients()
    for table, n in (("down_sampled", 2 * 16), ("smote", 2 * 30)):
        train, validation, _ = training_set(patients, table, *ALL_FAULTS)
        assert len(train.aml) + len(validation.aml) == n
        assert len(validation.aml) == np.ceil(TEST_SHARE * n)


def test_the_weights_of_the_source_are_those_of_37_and_20_patients():
    weights = faults.class_weights(np.repeat([0, 1], [37, 20]))
    assert weights == pytest.approx({0: 1.5405, 1: 2.85}, abs=5e-5)


def test_weights_stay_those_of_the_original_table_only_with_the_fault():
    patients = make_patients()
    assert training_set(patients, "smote").class_weight == {0: 2, 1: 2}
    original = training_set(patients, "original").class_weight
    for table in ("down_sampled", "smote"):
        assert training_set(patients, table, "weights_after_resampling").class_weight == original
        assert training_set(patients, table, *ALL_FAULTS).class_weight == original


def test_a_class_of_one_row_is_not_resampled():
    rows = Rows(np.eye(4, dtype=np.float32), np.array([0, 0, 0, 1]))
    assert faults.resample(rows, "smote", SEED) is rows


def test_f1_is_nothing_where_no_row_is_found():
    assert measure(np.array([0, 1]), np.array([0.1, 0.2]))["f1"] == 0
    figures = measure(np.array([0, 1, 1]), np.array([0.1, 0.8, 0.2]))
    assert figures["right"] == 2
    assert figures["f1"] == pytest.approx(2 / 3)
    assert figures["loss"] == pytest.approx(-np.log([0.9, 0.8, 0.2]).mean())


def test_every_table_has_a_run_for_each_fault_that_touches_it(split_epochs):
    runs = split_epochs.groupby("table")["run"].unique().map(set)
    for table, touching in faults.TOUCHING.items():
        assert runs[table] == {REPORTED, SOUND, *map(only, touching)}
    assert set(split_epochs["draw"]) == {0, 1}


def test_one_network_for_all_folds_learns_permuted_labels_and_fresh_ones_do_not(judged):
    permuted = judged[0].set_index("claim").loc["k_fold_permuted"]
    assert permuted["reported"] > 0.8
    assert permuted["sound"] < 0.7
    assert permuted["judgement"] == "explained by a fault"
    assert "one_model_for_all_folds alone is enough" in permuted["verdict"]


def test_the_first_fold_is_the_same_with_one_network_and_with_fresh_ones(fold_epochs):
    chosen = fold_epochs.query("cross_validation == 'k_fold' and fold == 0")
    one, fresh = (
        chosen.loc[chosen["run"] == run, "loss"].to_numpy()
        for run in (only(faults.ONE_MODEL), SOUND)
    )
    np.testing.assert_allclose(one[0], fresh[0], rtol=0.2)


def test_every_claim_is_judged_with_what_was_printed(judged):
    claims, shares, runs = judged
    assert len(claims) == 7
    assert set(shares["fault"]) == set(ALL_FAULTS)
    assert (claims["shortened"] == "Shortened: 2 of 100 epochs.").all()
    f1 = claims.set_index("claim").loc["smote_f1"]
    assert f1["printed_value"] == 1
    assert f1["sound"] < 1
    assert f1["judgement"] != "confirmed"
    assert "exactly 1 in" in f1["unstated"]
    assert not runs.duplicated(["run", "subject", "metric"]).any()


def test_equal_models_gain_nothing(judged):
    gain = judged[0].set_index("claim").loc["smote_gain"]
    assert (gain["sound"], gain["sound_low"], gain["sound_high"]) == (0, 0, 0)
    assert gain["judgement"] != "confirmed"


def test_the_figures_of_the_source_show_every_table_and_cross_validation(
    expression, split_epochs, fold_epochs
):
    figures = draw_figures(expression, split_epochs, fold_epochs, SEED)
    titles = [axes.get_title(loc="left") for axes in figures["classes"].axes]
    assert titles == ["As published\nn = 46", "Down-sampled\nn = 32", "SMOTE\nn = 60"]
    assert [len(axes.lines) for axes in figures["splits"].axes] == [PROTOCOL.n_draws + 1] * 6
    assert [len(axes.lines) for axes in figures["folds"].axes] == [2] * 6


def test_an_unknown_fault_is_refused():
    with pytest.raises(ValidationError):
        FaultsParameters(("smote",))
