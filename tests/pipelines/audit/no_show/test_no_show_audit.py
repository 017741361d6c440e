"""Each fault of the no-show audit does what it names, alone; figures are those of scikit-learn."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.metrics import f1_score, log_loss, roc_auc_score

from crossfold.datasets import ExportDataset, SampleAppointmentsDataset
from crossfold.datasets.synthetic_appointments import PUBLISHED
from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.audit.claims import CLAIM_COLUMNS, SHARE_COLUMNS
from crossfold.pipelines.audit.no_show.claims_of_source import Case, pytorch_slowness, questions
from crossfold.pipelines.audit.no_show.faults import (
    FIGURE_FAULTS,
    FOLD_FAULTS,
    TRAINING_FAULTS,
    make_folds,
    numpy_arguments,
    numpy_start,
    positive_weights,
    scale,
    torch_start,
)
from crossfold.pipelines.audit.no_show.nodes import AUDIT_SUBJECTS, STUDY_MODELS, judge_claims
from crossfold.pipelines.audit.no_show.outcomes import Answers, run_of_study, runs_of_audit
from crossfold.pipelines.audit.no_show.parameters import FaultsParameters, ProtocolParameters
from crossfold.pipelines.audit.no_show.rows import INPUTS, select_rows
from crossfold.pipelines.audit.no_show.training import (
    REPORTED_SPEED,
    REPORTED_WEIGHTING,
    TIMED_RUNS,
    list_runs,
    train_runs,
)
from crossfold.pipelines.audit.runs import REPORTED, SOUND
from crossfold.templates.cross_validation.parameters import NetworkParameters

FACTS = Path(__file__).parents[2] / "data_engineering/appointments/facts.json"
ALL = FaultsParameters((*TRAINING_FAULTS, *FIGURE_FAULTS))
PROTOCOL = ProtocolParameters(
    network=NetworkParameters(
        hidden_layer_sizes=(4,),
        solver="sgd",
        momentum=0,
        alpha=0,
        learning_rate_init=0.05,
        batch_size=200,
        max_iter=3,
    ),
    source_epochs=5000,
    share_epochs=2,
    weighting_epochs=2,
    n_resamples=50,
)


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    return SampleAppointmentsDataset(n_rows=1500, seed=3, credentials={"key": "k"}).load()


@pytest.fixture(scope="module")
def trained(raw: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return train_runs(raw, PROTOCOL, ALL, seed=1)


@pytest.fixture(scope="module")
def study(trained: tuple[pd.DataFrame, pd.DataFrame]) -> pd.DataFrame:
    """Predictions in the form of the sound study's, made of the audit's sound run."""
    sound = trained[0].query("run == 'sound'")
    subjects = {**{model: "torch" for model in STUDY_MODELS.values()}, "mlp_numpy": "unweighted"}
    parts = [
        sound[sound["subject"] == subject].assign(
            model=model, protocol="grouped_k_fold", raw_p1=lambda t: t["probability"]
        )
        for model, subject in subjects.items()
    ]
    return pd.concat(parts)


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
        folds = make_folds(rows, faults, PROTOCOL, seed=1)
        return sum(len(np.intersect1d(patients[a], patients[b])) for a, b in folds)

    assert crossing([]) == 0
    assert crossing(["patients_across_folds"]) > 0


@pytest.mark.parametrize("fault", ALL.root)
def test_only_faults_of_folds_change_rows_or_folds(raw: pd.DataFrame, fault: str) -> None:
    rows, own = select_rows(raw, []), select_rows(raw, [fault])
    validated = [
        [rows_of_fold.tolist() for _, rows_of_fold in make_folds(table, faults, PROTOCOL, seed=1)]
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
    alike, unlike = numpy_arguments([], PROTOCOL), numpy_arguments(["unlike_twins"], PROTOCOL)
    network = PROTOCOL.network.model_dump()
    assert {**network, **alike}["batch_size"] == 200
    assert unlike["batch_size"] == 100
    assert (alike["init"], unlike["init"]) == (torch_start, numpy_start)


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


def test_the_sound_twins_answer_alike(trained: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    sound = trained[0].query("run == 'sound'")
    numpy, torch = (
        sound.loc[sound["subject"] == name, "probability"].to_numpy() for name in ("numpy", "torch")
    )
    np.testing.assert_allclose(numpy, torch, atol=1e-4)
    reported = trained[0].query("run == 'reported'")
    numpy, torch = (
        reported.loc[reported["subject"] == name, "probability"].to_numpy()
        for name in ("numpy", "torch")
    )
    assert np.abs(numpy - torch).max() > 1e-3


def test_each_training_fault_has_a_run_of_its_own_and_figures_need_none() -> None:
    names = {run.name: run for run in list_runs(ALL, PROTOCOL)}
    assert set(names) == {
        REPORTED,
        REPORTED_WEIGHTING,
        REPORTED_SPEED,
        SOUND,
        *(f"only:{fault}" for fault in TRAINING_FAULTS),
    }
    assert names[REPORTED].epochs == 3
    assert names[SOUND].epochs == 2
    assert names[REPORTED].faults == ALL.root


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ValidationError, match="elapsed"):
        FaultsParameters(("elapsed_dais",))


def test_the_history_has_every_epoch_of_every_network(
    trained: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    counted = trained[1].groupby(["run", "subject"])["epoch"].max()
    assert counted["reported"].to_dict() == {"numpy": 3, "torch": 3}
    assert counted["reported:weighting"].to_dict() == {"torch": 2, "unweighted": 2}
    assert counted["reported:speed"].to_dict() == {"numpy": 2, "torch": 2}
    assert counted["sound"].to_dict() == {"numpy": 2, "torch": 2, "unweighted": 2}


def test_speed_is_measured_on_runs_that_nothing_is_trained_beside() -> None:
    [question] = [q for q in questions(PROTOCOL) if q.statement.claim == "pytorch_is_slower"]
    measured_on = {question.reported_run, SOUND, *(f"only:{f}" for f in question.touched_by)}
    assert measured_on == set(TIMED_RUNS)


def test_other_runs_train_numpy_in_a_process_of_its_own(
    raw: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "crossfold")
    train_runs(raw, PROTOCOL, FaultsParameters(("unlike_twins",)), seed=1)
    heads = [line for line in caplog.messages if "audit run" in line]
    assert sorted(heads) == [
        "NumPy: audit run reported: numpy, 3 epochs",
        "audit run only:unlike_twins: numpy, torch, unweighted, trees, 2 epochs",
        "audit run reported: torch, trees, 3 epochs",
        "audit run reported:speed: numpy, torch, 2 epochs",
        "audit run reported:weighting: torch, unweighted, 2 epochs",
        "audit run sound: numpy, torch, unweighted, trees, 2 epochs",
    ]


# Quantities


@pytest.fixture(scope="module")
def answers() -> Answers:
    rng = np.random.default_rng(0)
    target = (rng.random(400) < 0.3).astype(np.int8)
    probability = np.clip(0.3 * target + rng.random(400) * 0.6, 0, 1).astype(np.float32)
    return Answers(target, probability, np.zeros((3, 400)))


def test_f1_and_thresholds_are_scikit_learns(answers: Answers) -> None:
    thresholds = np.linspace(0.01, 0.99, 101)
    scores = [f1_score(answers.target, answers.probability > t) for t in thresholds]
    assert answers.best_threshold(thresholds) == thresholds[np.argmax(scores)]
    assert answers.highest_false_positive_rate(thresholds) == thresholds[0]


def test_the_cost_is_the_cross_entropy_with_or_without_weights(answers: Answers) -> None:
    plain, weighted = answers.costs(weighted=False), answers.costs(weighted=True)
    assert plain[0].sum() / plain[1].sum() == pytest.approx(
        log_loss(answers.target, answers.probability), rel=1e-5
    )
    ratio = (answers.target == 0).sum() / answers.target.sum()
    assert weighted[0].sum() / weighted[1].sum() == pytest.approx(
        log_loss(
            answers.target,
            answers.probability,
            sample_weight=np.where(answers.target, ratio, 1),
        ),
        rel=1e-5,
    )


def test_training_rows_are_counted_in_every_fold_but_their_own(
    trained: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    torch = trained[0].query("run == 'sound' and subject == 'torch'")
    positives = torch[torch["target"] == 1]
    assert (positives["train_tp"] + positives["train_fn"] == PROTOCOL.n_splits - 1).all()
    assert (positives["train_fp"] == 0).all()


def test_the_area_is_scikit_learns_and_lies_in_its_interval(
    trained: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    run = runs_of_audit(trained[0], 50, seed=1)[SOUND]
    measured, answers = run.roc_auc("trees"), run.of("trees")
    assert measured.estimate == pytest.approx(roc_auc_score(answers.target, answers.probability))
    assert measured.low < measured.estimate < measured.high


def test_figure_faults_change_the_figure_they_name(
    trained: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    run = runs_of_audit(trained[0], 50, seed=1)[SOUND]
    epochs = trained[1].query("run == 'sound'")

    def estimate(claim: str, *faults: str) -> float:
        [question] = [q for q in questions(PROTOCOL) if q.statement.claim == claim]
        case = Case(run, epochs, faults, AUDIT_SUBJECTS, PROTOCOL, 1)
        return question.quantity(case).estimate

    for claim, fault in [
        ("weighting_raises_f1", "one_threshold_for_both"),
        ("sweep_finds_threshold", "fpr_stored_as_f1"),
        ("unweighted_costs_more", "cost_always_weighted"),
        ("pytorch_is_better", "f1_on_training_rows"),
    ]:
        assert estimate(claim, fault) != estimate(claim), fault
    assert estimate("sweep_finds_threshold") == 0
    assert estimate("pytorch_is_better") == pytest.approx(0, abs=1e-3)
    assert (
        estimate("unweighted_costs_more")
        < 0
        < estimate("unweighted_costs_more", "cost_always_weighted")
    )


def test_speed_cannot_be_measured_on_one_epoch(
    trained: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    run = runs_of_audit(trained[0], 50, seed=1)[SOUND]
    epochs = trained[1].query("run == 'sound' and epoch == 1")
    measured = pytorch_slowness(Case(run, epochs, (), AUDIT_SUBJECTS, PROTOCOL, 1))
    assert np.isnan(measured[:3]).all()
    assert measured.n == 0


# Claims


def test_every_claim_is_judged_with_a_share_for_every_fault_that_touches_it(
    trained: tuple[pd.DataFrame, pd.DataFrame], study: pd.DataFrame
) -> None:
    claims, shares, runs = judge_claims(*trained, study, PROTOCOL, ALL, seed=1)
    assert list(claims) == list(CLAIM_COLUMNS)
    assert list(shares) == list(SHARE_COLUMNS)
    assert list(claims["claim"]) == [question.statement.claim for question in questions(PROTOCOL)]
    touched = {q.statement.claim: set(q.touched_by) for q in questions(PROTOCOL)}
    assert {c: set(part["fault"]) for c, part in shares.groupby("claim")} == touched
    assert claims["shortened"].eq("Shortened: 3 of 5,000 epochs.").all()
    assert set(runs["run"]) == {run.name for run in list_runs(ALL, PROTOCOL)}


def test_a_study_without_the_models_is_refused(study: pd.DataFrame) -> None:
    with pytest.raises(CrossfoldError, match=r"mlp_tuned.*kedro run --pipelines=no_show"):
        run_of_study(study[study["model"] != "mlp_tuned"], set(STUDY_MODELS.values()), 50, 1)
