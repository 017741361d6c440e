"""Each fault of the no-show audit does what it names, alone; figures are those of scikit-learn."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    confusion_matrix,
    f1_score,
    log_loss,
    roc_auc_score,
)

from crossfold.datasets import ExportDataset, SampleDataset
from crossfold.datasets.samples import PUBLISHED
from crossfold.exceptions import CrossfoldError
from crossfold.mlp import FoldStack, MLPClassifier
from crossfold.pipelines.no_show.audit import (
    AUDIT_SUBJECTS,
    STUDY_MODELS,
    judge_claims,
    measures,
    study_answers,
    training,
)
from crossfold.pipelines.no_show.audit.measures import Case, NoShowClaims, costs
from crossfold.pipelines.no_show.audit.training import (
    FIGURE_FAULTS,
    FOLD_FAULTS,
    INPUTS,
    SWITCHES,
    TRAINING_FAULTS,
    ProtocolParameters,
    make_folds,
    network_arguments,
    numpy_start,
    outcome_counts,
    positive_weights,
    scale,
    select_rows,
    time_twins,
    torch_start,
    train_runs,
)
from crossfold.templates.audit import Setup

FACTS = Path(__file__).parents[1] / "appointments/facts.json"
CONF = Path(__file__).parents[3] / "conf/base/no_show/claims.yml"
STATED = yaml.safe_load(CONF.read_text())
SOUND = Setup(short=True).name
_SMALL = {
    "network": {
        **STATED["no_show_audit"]["protocol"]["network"],
        "hidden_layer_sizes": [4],
        "learning_rate_init": 0.05,
        "batch_size": 200,
        "max_iter": 3,
    },
    "trees": {
        "hist_gradient_boosting": {
            "estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
            "params": {"max_iter": 5},
        },
        "random_forest": {
            "estimator": "sklearn.ensemble.RandomForestClassifier",
            "params": {"n_estimators": 5},
        },
        "xgboost": {"estimator": "xgboost.XGBClassifier"},
    },
    "short_epochs": 2,
    "short_folds": 2,
    "timed_epochs": 3,
    "source_epochs": 5000,
    "n_resamples": 50,
}
PROTOCOL = ProtocolParameters.model_validate(_SMALL)


@pytest.fixture(scope="module")
def claims() -> NoShowClaims:
    return NoShowClaims.model_validate(STATED["no_show_claims"])


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    return SampleDataset(of="appointments", n_rows=800, seed=3, credentials={"key": "k"}).load()


@pytest.fixture(scope="module")
def trained(raw: pd.DataFrame, claims: NoShowClaims) -> pd.DataFrame:
    return train_runs(raw, PROTOCOL, claims, seed=1)


@pytest.fixture(scope="module")
def speed(raw: pd.DataFrame) -> pd.DataFrame:
    """Time in threads: the run on the sample does so in processes, which load libraries first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "ProcessPoolExecutor", lambda n, **_: ThreadPoolExecutor(n))
        return time_twins(raw, pd.DataFrame(), PROTOCOL, seed=1)


@pytest.fixture(scope="module")
def study(trained: pd.DataFrame) -> pd.DataFrame:
    return as_study(trained.query("run == @SOUND"))


def as_study(sound: pd.DataFrame) -> pd.DataFrame:
    """Make predictions in the form of the sound study's of the audit's sound run."""
    subjects = {model: AUDIT_SUBJECTS.get(name, name) for name, model in STUDY_MODELS.items()}
    subjects |= {"mlp_numpy": "unweighted", "mlp_focal": "torch", "random_forest": "random_forest"}
    subjects["hist_gradient_boosting"] = "hist_gradient_boosting"
    parts = [
        sound[sound["subject"] == subject].assign(model=model, protocol="grouped_k_fold")
        for model, subject in subjects.items()
    ]
    return pd.concat(parts).rename(columns={"probability": "raw_p1"})


# Rows


@pytest.mark.real_data
def test_the_rows_of_the_source_and_the_sound_ones_are_counted_as_known(mirror: Path) -> None:
    facts = json.loads(FACTS.read_text())
    raw = ExportDataset(
        filepath=str(mirror / "appointments/KaggleV2-May-2016.csv"),
        columns=PUBLISHED,
        hashed_columns=["patient"],
        credentials={"key": "k"},
    ).load()
    reported = select_rows(raw, ["elapsed_days", "drop_infants"])
    assert len(reported) == facts["reported_protocol"]["kept"]
    assert reported["no_show"].sum() == facts["reported_protocol"]["no_show"]
    sound = select_rows(raw, [])
    assert len(sound) == facts["kept"]
    assert sound["no_show"].sum() == facts["no_show_kept"]
    assert sound["patient"].nunique() == facts["patients_kept"]


def test_elapsed_days_drop_same_day_rows_and_infants_are_dropped_apart(raw: pd.DataFrame) -> None:
    sound = select_rows(raw, [])
    elapsed, older = select_rows(raw, ["elapsed_days"]), select_rows(raw, ["drop_infants"])
    assert len(elapsed) == (sound["lead_time_days"] > 0).sum()
    assert len(older) == (sound["age"] > 0).sum()
    assert (sound["lead_time_days"] == 0).any()


def test_rows_hold_nothing_that_names_a_patient(raw: pd.DataFrame) -> None:
    rows = select_rows(raw, [])
    assert list(rows) == [*INPUTS, "no_show", "patient"]
    assert set(rows["patient"]) == set(range(rows["patient"].max() + 1))


def test_rows_of_one_outcome_stop_the_audit(raw: pd.DataFrame) -> None:
    with pytest.raises(CrossfoldError, match="not of both outcomes"):
        select_rows(raw[raw["no_show"] == "No"], [])


# Training


def test_patients_cross_folds_only_under_their_fault(raw: pd.DataFrame) -> None:
    rows = select_rows(raw, [])
    patients = rows["patient"].to_numpy()

    def crossing(faults: list[str]) -> int:
        folds = make_folds(rows, faults, 5, seed=1)
        return sum(len(np.intersect1d(patients[a], patients[b])) for a, b in folds)

    assert crossing([]) == 0
    assert crossing(["patients_across_folds"]) > 0


@pytest.mark.parametrize("fault", SWITCHES)
def test_only_faults_of_folds_change_rows_or_folds(raw: pd.DataFrame, fault: str) -> None:
    rows, own = select_rows(raw, []), select_rows(raw, [fault])
    validated = [
        [rows_of_fold.tolist() for _, rows_of_fold in make_folds(table, faults, 5, seed=1)]
        for table, faults in ((rows, []), (own, [fault]))
    ]
    same = rows.equals(own) and validated[0] == validated[1]
    assert same == (fault not in FOLD_FAULTS)


def test_scaling_before_the_split_uses_all_rows(raw: pd.DataFrame) -> None:
    rows = select_rows(raw, [])
    before, nothing = scale(rows, ["scale_before_split"])
    np.testing.assert_allclose(before.mean(axis=0), 0, atol=1e-4)
    assert nothing is None
    untouched, scaler = scale(rows, [])
    np.testing.assert_array_equal(untouched, rows[INPUTS])
    assert scaler is not None


def test_unlike_twins_differ_in_batches_and_in_numpy_s_start() -> None:
    alike, unlike = (network_arguments("numpy", f, PROTOCOL) for f in ([], ["unlike_twins"]))
    assert (alike["batch_size"], unlike["batch_size"]) == (200, 100)
    assert (alike["init"], unlike["init"]) == (torch_start, numpy_start)
    assert network_arguments("torch", ["unlike_twins"], PROTOCOL) == alike


def test_pytorch_s_network_is_trained_once_whatever_numpy_s_is_like() -> None:
    unlike = training.Setup(frozenset({"unlike_twins", "drop_infants"}))
    alike = training.Setup(frozenset({"drop_infants"}))
    pytorch, numpy = training.list_networks(unlike)
    assert training.list_networks(alike) == [pytorch] == [(alike, ("torch", "unweighted"))]
    assert numpy == (unlike, ("numpy",))


def test_the_starts_are_those_of_the_source() -> None:
    sizes = (900, 400, 100)  # wide, so that spreads are near what they are drawn from
    coefs, biases = numpy_start(np.random.default_rng(0), sizes)
    assert coefs[0].std() == pytest.approx(np.sqrt(2 / 900), rel=0.02)
    assert coefs[1].std() == pytest.approx(1 / np.sqrt(400), rel=0.02)
    assert np.concatenate(biases).std() == pytest.approx(1, rel=0.1)
    assert np.abs(biases[0]).max() > 2
    coefs, biases = torch_start(np.random.default_rng(0), sizes)
    assert coefs[0].std() == pytest.approx(np.sqrt(2 / 900), rel=0.02)
    assert coefs[1].std() == pytest.approx(np.sqrt(2 / 500), rel=0.02)
    assert np.abs(coefs[1]).max() > np.sqrt(6 / 500)  # normal, not uniform
    for drawn, n_in in zip(biases, sizes, strict=False):
        assert 0.9 / np.sqrt(n_in) < np.abs(drawn).max() <= 1 / np.sqrt(n_in)


def test_weights_are_inverted_only_under_their_fault() -> None:
    y, folds = np.array([0, 0, 0, 1]), [(np.arange(4), np.arange(0))]
    [right] = positive_weights(y, folds, [])
    [inverted] = positive_weights(y, folds, ["inverted_weight"])
    assert right["class_weight"] == {0: 1.0, 1: 3.0}
    assert inverted["class_weight"] == {0: 1.0, 1: pytest.approx(1 / 3)}


def test_what_stands_for_pytorch_answers_as_pytorch_does(
    raw: pd.DataFrame, trained: pd.DataFrame
) -> None:
    rows = select_rows(raw, [])
    folds = make_folds(rows, [], 5, seed=1)[:2]
    inputs, scaler = scale(rows, [])
    y = rows["no_show"].to_numpy()
    arguments = {**PROTOCOL.network.model_dump(), **network_arguments("torch", [], PROTOCOL)}
    arguments |= {"engine": "torch", "max_iter": 2, "n_iter_no_change": np.inf, "random_state": 1}
    stack = FoldStack(MLPClassifier(**arguments), preprocessor=scaler).fit(
        inputs, y, folds, fold_params=list(positive_weights(y, folds, []))
    )
    own = trained.query("run == @SOUND and subject == 'torch'")
    np.testing.assert_allclose(
        own["probability"], stack.out_of_fold_[0][own["row"]], rtol=0, atol=1e-4
    )


def test_twins_answer_alike_unless_they_are_unlike(
    trained: pd.DataFrame,
) -> None:
    def gap(setup: Setup) -> float:
        run = trained[trained["run"] == setup.keep(TRAINING_FAULTS).name]
        numpy, torch = (
            run.loc[run["subject"] == name, "probability"].to_numpy() for name in ("numpy", "torch")
        )
        return float(np.abs(numpy - torch).max())

    assert gap(Setup(short=True)) == 0
    assert gap(Setup(frozenset({"unlike_twins"}), short=True)) > 1e-3


def test_every_protocol_is_trained_as_long_as_it_should_be(
    raw: pd.DataFrame, claims: NoShowClaims, monkeypatch: pytest.MonkeyPatch
) -> None:
    epochs: dict[bool, set[int]] = {True: set(), False: set()}

    def note(setup: Setup, table: Any, subjects: Any, network: Any, *_: Any) -> Any:
        epochs[setup.short].add(network.max_iter)
        return {name: pd.DataFrame({"row": [0]}) for name in subjects}

    monkeypatch.setattr(training, "_train_networks", note)
    train_runs(raw, PROTOCOL.model_copy(update={"trees": {}}), claims, seed=1)
    assert epochs == {True: {2}, False: {3}}


def test_every_row_is_answered_once_by_every_subject(
    trained: pd.DataFrame, claims: NoShowClaims
) -> None:
    reported = Setup(claims.on).keep(TRAINING_FAULTS).name
    assert {reported, SOUND} <= set(trained["run"])
    rows = trained.groupby(["run", "subject"], observed=True)["row"].agg(["size", "nunique"])
    assert (rows["size"] == rows["nunique"]).all()
    subjects = {"numpy", "torch", "unweighted", "hist_gradient_boosting", "random_forest"}
    assert subjects <= set(trained["subject"])


def test_the_source_s_networks_are_trained_where_only_faults_of_its_figures_are_on(
    raw: pd.DataFrame,
) -> None:
    kept = {"sweep_finds_threshold": STATED["no_show_claims"]["claims"]["sweep_finds_threshold"]}
    faults = {
        name: {**fault, "on": name in FIGURE_FAULTS}
        for name, fault in STATED["no_show_claims"]["faults"].items()
    }
    own = NoShowClaims.model_validate({"faults": faults, "claims": kept})
    answers = train_runs(raw, PROTOCOL, own, seed=1)
    assert set(answers["run"]) == {Setup().name, SOUND}
    study = as_study(answers[answers["run"] == SOUND])
    table, _, _ = judge_claims(answers, pd.DataFrame(), study, PROTOCOL, own, seed=1)
    assert table["reported_n"][0] == len(select_rows(raw, []))
    assert table["sound_n"][0] == len(study) / study["model"].nunique() < table["reported_n"][0]


@pytest.mark.slow
def test_both_libraries_are_timed_alike_and_unlike(speed: pd.DataFrame) -> None:
    on_cpu = speed[(speed["device"] == "cpu") & (speed["copies"] == 1)]
    counted = on_cpu.groupby(["unlike", "library", "batch_size"])["epoch"].apply(list)
    assert counted.to_dict() == {
        (False, "numpy", 200): [2, 3],
        (False, "torch", 200): [2, 3],
        (True, "numpy", 100): [2, 3],
        (True, "torch", 200): [2, 3],
    }
    assert (speed[["seconds", "memory_mb"]] > 0).all(axis=None)


# Figures


def make_case(*faults: str, n: int = 400) -> Case:
    rng = np.random.default_rng(0)
    target = (rng.random(n) < 0.3).astype(np.int8)
    answers = {
        name: pd.DataFrame(
            {
                "target": target,
                "group": np.arange(n),
                "probability": np.clip(shift * target + rng.random(n) * 0.6, 0, 1),
                "train_tp": 1,
                "train_fp": 0,
                "train_fn": 0,
            }
        )
        for name, shift in (("torch", 0.3), ("numpy", 0.2), ("unweighted", -0.1))
    }
    return Case(answers, AUDIT_SUBJECTS, pd.DataFrame(), frozenset(faults), PROTOCOL, 1)


def test_figures_are_scikit_learn_s_and_lie_in_their_intervals() -> None:
    case = make_case()
    y, p, q = case.target, case.probability("torch"), case.probability("numpy")
    flagged = p > 0.4
    tn, fp, _, _ = confusion_matrix(y, flagged).ravel()
    expected = {
        "f1": f1_score(y, flagged),
        "accuracy": accuracy_score(y, flagged),
        "specificity": tn / (tn + fp),
        "false_positive_rate": fp / (tn + fp),
        "excess": flagged.mean() - y.mean(),
        "roc_auc": roc_auc_score(y, p),
        "pr_auc": average_precision_score(y, p),
    }
    for metric, value in expected.items():
        one = measures.figure(case, metric, ["torch"])
        assert one.estimate == pytest.approx(value), metric
        assert one.low < one.estimate < one.high, metric
    lead = measures.gain(case, "roc_auc", "torch", "numpy")
    assert lead.estimate == pytest.approx(expected["roc_auc"] - roc_auc_score(y, q))
    smaller = measures.figure(case, "roc_auc", ["torch", "numpy"])
    assert smaller.estimate == pytest.approx(min(expected["roc_auc"], roc_auc_score(y, q)))


def test_each_network_is_cut_where_its_own_f1_is_best_unless_one_cut_is_the_fault() -> None:
    case = make_case()
    scores = [f1_score(case.target, case.probability("torch") > t) for t in case.thresholds]
    assert case.threshold("weighted", "own") == case.thresholds[np.argmax(scores)]
    assert case.threshold("weighted", "source") == PROTOCOL.threshold
    assert make_case("one_threshold_for_both").threshold("weighted", "own") == PROTOCOL.threshold


def test_the_cost_is_the_cross_entropy_with_or_without_weights() -> None:
    case = make_case()
    y, p = case.target, case.probability("torch")
    plain, weighted = costs(y, p, weighted=False), costs(y, p, weighted=True)
    assert plain[0].sum() / plain[1].sum() == pytest.approx(log_loss(y, p), rel=1e-5)
    sample_weight = np.where(y, (~y).sum() / y.sum(), 1)
    assert weighted[0].sum() / weighted[1].sum() == pytest.approx(
        log_loss(y, p, sample_weight=sample_weight), rel=1e-5
    )


def test_training_rows_are_counted_in_every_fold_but_their_own(
    trained: pd.DataFrame, claims: NoShowClaims
) -> None:
    is_reported = trained["run"] == Setup(claims.on).keep(TRAINING_FAULTS).name
    torch = trained[is_reported & (trained["subject"] == "torch")]
    positives = torch[torch["target"] == 1]
    assert (positives["train_tp"] + positives["train_fn"] == PROTOCOL.n_splits - 1).all()
    assert (positives["train_fp"] == 0).all()


def test_figure_faults_change_the_figure_they_name(claims: NoShowClaims) -> None:
    def estimate(claim: str, *faults: str) -> float:
        measure = claims.claims[claim].measure
        assert measure is not None
        return claims.measures[measure.name](make_case(*faults), **measure.arguments).estimate

    for claim, fault in [
        ("weighting_raises_f1", "one_threshold_for_both"),
        ("unweighted_predicts_majority", "one_threshold_for_both"),
        ("sweep_finds_threshold", "fpr_stored_as_f1"),
        ("unweighted_costs_more", "cost_always_weighted"),
        ("pytorch_is_better", "f1_on_training_rows"),
    ]:
        assert fault in claims.claims[claim].faults
        assert estimate(claim, fault) != estimate(claim), fault
    assert estimate("sweep_finds_threshold") == 0
    assert {fault for claim in claims.claims.values() for fault in claim.faults} >= {*FIGURE_FAULTS}


def test_speed_is_a_ratio_of_means_and_a_gpu_is_asked_for_where_there_is_none() -> None:
    row = {"unlike": False, "device": "cpu", "copies": 1, "batch_size": 200, "memory_mb": 100.0}
    table = pd.DataFrame(
        [
            {**row, "library": "numpy", "epoch": 2, "seconds": 1.0},
            {**row, "library": "numpy", "epoch": 3, "seconds": 3.0},
            {**row, "library": "torch", "epoch": 2, "seconds": 3.0, "memory_mb": 250.0},
            {**row, "library": "torch", "epoch": 3, "seconds": 5.0, "memory_mb": 250.0},
        ]
    )
    case = make_case()
    case.speed = table
    seconds = measures.ratio(case, "seconds")
    assert (seconds.estimate, seconds.n) == (2.0, 2)
    assert 1 <= seconds.low < 2 < seconds.high <= 5
    assert measures.ratio(case, "memory_mb").estimate == 2.5
    assert np.isnan(measures.ratio(case, "seconds", device="cuda").estimate)
    large = {"device": "cuda", "copies": 10, "batch_size": 10_000, "seconds": 0.5}
    on_gpu = {**row, **large, "library": "torch", "epoch": 2}
    beside = {**on_gpu, "device": "cpu", "library": "numpy", "seconds": 2.0}
    case.speed = pd.concat([table, pd.DataFrame([on_gpu, beside])])
    assert measures.ratio(case, "seconds", device="cuda").estimate == 0.25
    assert measures.ratio(case, "seconds").estimate == 2.0


# Claims


def test_every_claim_is_judged(
    trained: pd.DataFrame,
    speed: pd.DataFrame,
    study: pd.DataFrame,
    claims: NoShowClaims,
) -> None:
    table, shares, runs = judge_claims(trained, speed, study, PROTOCOL, claims, seed=1)
    assert list(table["claim"]) == list(claims.claims)
    assert table["shortened"].eq("Shortened: 3 of 5,000 epochs.").all()
    touched = {name: set(claim.faults) for name, claim in claims.claims.items() if claim.faults}
    assert {c: set(part["fault"]) for c, part in shares.groupby("claim")} == touched
    judged = table.set_index("claim")
    assert judged.loc["pytorch_overtakes_on_gpu", "judgement"] == "Not judged here"
    assert judged["sound"].notna().sum() >= len(table) - 2
    # Future work of the source: the sound study alone shows it.
    assert np.isnan(judged.loc["focal_loss_helps", "reported"])
    assert {"reported", "sound", "only:elapsed_days", "without:elapsed_days"} <= set(runs["run"])


def test_a_study_without_the_models_is_refused(study: pd.DataFrame) -> None:
    assert study_answers(study.assign(protocol="k_fold")).keys() == study_answers(study).keys()
    with pytest.raises(CrossfoldError, match=r"mlp_tuned.*kedro run --pipelines=no_show"):
        study_answers(study[study["model"] != "mlp_tuned"])


def test_an_unknown_fault_is_refused() -> None:
    claims = STATED["no_show_claims"]
    with pytest.raises(ValidationError, match="elapsed_dais"):
        NoShowClaims.model_validate({**claims, "faults": {"elapsed_dais": {"title": "x"}}})


def test_outcomes_are_counted_once() -> None:
    counts = outcome_counts(
        np.array([True, False, True, False]), np.array([True, True, False, False])
    )
    np.testing.assert_array_equal(counts, np.eye(4))
