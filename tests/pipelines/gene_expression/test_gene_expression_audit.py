"""The audit of the leukaemia study's source: each fault leaks what its name says, no other does."""

from __future__ import annotations

from pathlib import Path
from time import sleep
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

from crossfold.pipelines.gene_expression.audit import draw_source_figures, judge_claims, measures
from crossfold.pipelines.gene_expression.audit import training as faults
from crossfold.pipelines.gene_expression.audit.measures import GeneExpressionClaims
from crossfold.pipelines.gene_expression.audit.training import (
    ProtocolParameters,
    Rows,
    make_training_set,
    measure,
    repeat_source,
    run_of,
)
from crossfold.templates.audit import Setup

ROOT = Path(__file__).parents[3]
CONF = yaml.safe_load((ROOT / "conf/base/gene_expression/claims.yml").read_text(encoding="utf-8"))
CLAIMS = GeneExpressionClaims.model_validate(CONF["gene_expression_claims"])
SEED, TEST_SHARE = 42, 0.2
ALL_FAULTS = faults.SWITCHES
PROTOCOL = ProtocolParameters.model_validate(
    {
        "network": {
            "hidden_layer_sizes": [32, 16],
            "dropout": 0.1,
            "learning_rate_init": 0.01,
            "batch_size": 16,
            "init": "xavier",
            "max_iter": 25,
        },
        "short_epochs": {"split": 5, "k_fold": 25, "leave_one_out": 2},
        "names": CONF["gene_expression_audit"]["protocol"]["names"],
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
def epochs(expression) -> pd.DataFrame:
    return repeat_source(expression, CLAIMS, PROTOCOL, SEED)


@pytest.fixture(scope="module")
def predictions() -> pd.DataFrame:
    """Stand in for the sound study: one patient of 46 is called wrongly."""
    aml = make_patients().aml
    score = np.where(aml, 0.9, 0.1)
    score[0] = 1 - score[0]
    tables = [
        pd.DataFrame({"model": model, "protocol": protocol, "fold": 0, "row": range(len(aml))})
        for model in ("mlp", "mlp_smote", "mlp_down_sampled", "mlp_all_probes")
        for protocol in ("k_fold", "leave_one_out", "original_split")
    ]
    own = {"target": aml, "p1": score, "flagged": score >= 0.5}
    return pd.concat([table.assign(**own) for table in tables], ignore_index=True)


@pytest.fixture(scope="module")
def judged(epochs, predictions):
    return judge_claims(epochs, predictions, CLAIMS, PROTOCOL, SEED)


def rows_of(epochs: pd.DataFrame, subject: str, *on: str) -> pd.DataFrame:
    run = run_of(Setup(frozenset(on), True), subject, PROTOCOL)
    return epochs[(epochs["subject"] == subject) & (epochs["run"] == run.name)]


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
        train, validation, *_ = training_set(patients, table, *ALL_FAULTS)
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


def test_what_the_source_printed_is_taken_over() -> None:
    assert CLAIMS.printed["down_sampled"] == {"f1": 0.9333, "loss": 0.2269}
    assert CLAIMS.printed["smote"] == {"f1": 1.0, "loss": 0.0008}
    assert CLAIMS.printed["original"] == {"f1": 0.9091, "loss": 0.3595}
    figures = {name: CLAIMS.claims[f"{name}_f1"].figure for name in faults.TABLES}
    assert figures == {name: CLAIMS.printed[name]["f1"] for name in faults.TABLES}


def test_the_network_starts_and_moves_as_in_the_sources_library() -> None:
    protocol = ProtocolParameters.model_validate(CONF["gene_expression_audit"]["protocol"])
    arguments = protocol.make_network("smote", Setup()).get_params()
    assert (arguments["init"], arguments["epsilon"]) == ("xavier", 1e-7)
    assert arguments["max_iter"] == protocol.source_epochs


def test_the_first_draw_is_the_split_whose_class_weights_the_source_printed(mirror) -> None:
    labels = pd.read_csv(mirror / "gene_expression/actual.csv")
    assert labels["patient"].tolist() == list(range(1, 73))
    aml = (labels["cancer"] == "AML").to_numpy(dtype=int)
    train, held = faults.split(Rows(np.arange(72), aml), TEST_SHARE, SEED)
    assert np.bincount(train.aml).tolist() == [37, 20]
    assert np.bincount(held.aml).tolist() == [10, 5]
    weights = faults.class_weights(train.aml)
    assert weights == pytest.approx({0: 57 / 37, 1: 57 / 20})
    # 14/15 is 0.9333: seven AML are among the ten rows put aside of the down-sampled table.
    small = faults.resample(Rows(np.arange(72)[:, None], aml), "down_sampled", SEED)
    held = faults.split(small, TEST_SHARE, SEED)[1]
    assert np.bincount(held.aml).tolist() == [3, 7]


@pytest.mark.slow
def test_every_subject_has_a_run_with_each_fault_alone_and_without_each(epochs) -> None:
    runs = epochs.groupby("subject")["run"].unique().map(set)
    for subject, touching in faults.TOUCHING.items():
        on = frozenset(touching)
        wanted = [on, frozenset(), *({one} for one in on), *(on - {one} for one in on)]
        named = {run_of(Setup(frozenset(w), True), subject, PROTOCOL).name for w in wanted}
        assert named <= runs[subject]
    assert set(epochs.loc[epochs["subject"] == "smote", "fold"]) == {0, 1}
    short = epochs[epochs["run"].str.endswith("short")]
    longest = short.groupby("subject")["epoch"].max().to_dict()
    assert longest == {**dict.fromkeys(faults.TABLES, 5), "leave_one_out": 2}


def test_one_network_for_all_folds_learns_permuted_labels_and_fresh_ones_do_not(judged) -> None:
    permuted = judged[0].set_index("claim").loc["k_fold_permuted"]
    assert permuted["reported"] > 0.8
    assert permuted["sound"] < 0.7
    assert permuted["judgement"] == "An artefact"
    assert permuted["artefact_of"] == "One network for all folds"


def test_the_first_fold_is_the_same_with_one_network_and_with_fresh_ones(epochs) -> None:
    one, fresh = (
        rows_of(epochs, "k_fold", *on).query("fold == 0")["loss"].to_numpy()
        for on in ([faults.ONE_MODEL], [])
    )
    np.testing.assert_allclose(one[0], fresh[0], rtol=0.2)


def test_what_a_run_costs_is_its_own_work_not_its_waiting(monkeypatch) -> None:
    def wait(*_: Any) -> pd.DataFrame:
        sleep(0.2)
        return pd.DataFrame({"epoch": [1]})

    monkeypatch.setattr(faults, "make_sets", lambda *_: None)
    monkeypatch.setattr(faults, "_train_fresh", wait)
    protocol = SimpleNamespace(make_network=lambda *_: None)
    history = faults._repeat(make_patients(), "leave_one_out", Setup(), protocol, SEED)
    assert 0 <= history["seconds"][0] < 0.15


def test_every_claim_is_judged(judged) -> None:
    claims, shares, runs = judged
    assert claims["claim"].tolist() == list(CLAIMS.claims)
    assert set(shares["fault"]) == set(ALL_FAULTS)
    assert (claims["shortened"] == "Shortened: 25 of 100 epochs.").all()
    f1 = claims.set_index("claim").loc["smote_f1"]
    assert f1["printed_value"] == 1
    assert f1["sound"] < 1
    assert f1["judgement"] != "Holds"
    own = runs[runs["subject"] == "smote table, the source's own split"]
    assert set(own["run"]) == {"printed", "reported", "sound"}
    assert not runs.duplicated(["run", "subject", "metric"]).any()


def test_equal_models_gain_nothing(judged) -> None:
    gain = judged[0].set_index("claim").loc["smote_gain"]
    assert (gain["sound"], gain["sound_low"], gain["sound_high"]) == (0, 0, 0)
    assert gain["judgement"] == "Does not hold"


def case_of(table: pd.DataFrame, predictions: pd.DataFrame) -> measures.Case:
    return measures.Case(True, lambda subject: table, predictions, 50, SEED)


def test_a_loss_has_settled_after_nine_tenths_of_its_fall() -> None:
    table = pd.DataFrame({"fold": 0, "epoch": [1, 2, 3, 4], "loss": [1.0, 0.2, 0.09, 0.0]})
    assert measures._settled(table).tolist() == [3]


def test_accuracy_moves_with_the_balance_only_where_the_classes_are_told_unlike_well() -> None:
    def rows(found: int, alarms: int) -> pd.DataFrame:
        flagged = np.repeat([True, False, True, False], [found, 50 - found, alarms, 50 - alarms])
        target = np.repeat([1, 0], 50)
        own: dict[str, Any] = {"target": target, "p1": flagged * 1.0, "flagged": flagged}
        return pd.DataFrame(
            {"model": "mlp", "protocol": "k_fold", "fold": 0, "row": range(100), **own}
        )

    equally, no_alarm = (
        measures.sway(case_of(pd.DataFrame(), rows(*counts)), 0.1).estimate
        for counts in ((45, 5), (45, 0))
    )
    f1_half, f1_tenth = 0.9, 2 * 0.09 / (0.09 + 0.09 + 0.1)
    assert equally == pytest.approx(f1_half - f1_tenth)
    assert no_alarm == pytest.approx(-0.04)


def test_the_figures_of_the_source_show_every_table_and_cross_validation(
    expression, epochs
) -> None:
    classes, splits, folds = draw_source_figures(expression, epochs, CLAIMS, PROTOCOL, SEED)
    titles = [axes.get_title(loc="left") for axes in classes.axes]
    assert titles == ["As published\nn = 46", "Down-sampled\nn = 32", "SMOTE\nn = 60"]
    titles = [axes.get_title(loc="left") for axes in splits.axes]
    assert titles[::2] == ["As published: loss", "Down-sampled: loss", "SMOTE: loss"]
    assert [len(axes.lines) for axes in splits.axes] == [3, 3] * 3
    drawn = {line.get_label(): line.get_ydata() for line in splits.axes[1].lines}
    trained = drawn["Its own split, training"]
    assert np.isfinite(trained).all()
    assert list(trained) != list(drawn["Its own split"])
    assert [len(axes.lines) for axes in folds.axes] == [2] * 6


def test_an_unknown_fault_is_refused() -> None:
    changed = {**CONF["gene_expression_claims"], "faults": {"smote": {"title": "SMOTE"}}}
    with pytest.raises(ValidationError, match="the switches of this audit"):
        GeneExpressionClaims.model_validate(changed)
