"""Each fault of the wine audit does what it names; the source's figures come out again."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler

from crossfold.datasets import SampleWinesDataset
from crossfold.pipelines.audit.claims import CLAIM_COLUMNS, SHARE_COLUMNS
from crossfold.pipelines.audit.runs import PRINTED, REPORTED, SOUND, find_measured
from crossfold.pipelines.audit.wine.claims_of_source import questions
from crossfold.pipelines.audit.wine.faults import has_duplicate, make_folds
from crossfold.pipelines.audit.wine.nodes import SOUND_SOURCE, judge_claims
from crossfold.pipelines.audit.wine.outcomes import paired_interval, runs_of_audit
from crossfold.pipelines.audit.wine.parameters import (
    CandidateParameters,
    FaultsParameters,
    GridParameters,
    NetworkParameters,
    PrintedParameters,
    ProtocolParameters,
)
from crossfold.pipelines.audit.wine.search import claim_of_choice, lead_of_choice, search_grid
from crossfold.pipelines.audit.wine.training import (
    LOGISTIC,
    MLP,
    TUNED,
    features,
    is_red,
    list_runs,
    source_network,
    train_runs,
)
from crossfold.pipelines.wine.nodes import join_wines
from crossfold.validation import mcnemar_test

ALL = FaultsParameters(("duplicates_across_split", "single_split"))
PRINTED_FIGURES = PrintedParameters(logistic_regression=0.9823, mlp=0.9954, mlp_tuned=0.9923)
PROTOCOL = ProtocolParameters(
    network=NetworkParameters(hidden_layer_sizes=(4,), init="xavier", batch_size=50, max_iter=3),
    tuned=CandidateParameters(hidden_layer_sizes=(3,), learning_rate_init=0.02),
    grid=GridParameters(
        n_splits=2, hidden_layer_sizes=[(3,), (4,)], learning_rate_init=[0.001, 0.02]
    ),
    source_epochs=500,
    n_resamples=50,
)
SEED = 42
CONF = Path(__file__).parents[4] / "conf/base/wine_audit/parameters.yml"


@pytest.fixture(scope="module")
def wines() -> pd.DataFrame:
    red, white = (
        SampleWinesDataset(colour=colour, n_rows=n, seed=1).load()
        for colour, n in (("red", 60), ("white", 180))
    )
    return join_wines(red, white)


@pytest.fixture(scope="module")
def trained(wines: pd.DataFrame) -> pd.DataFrame:
    return train_runs(wines, PROTOCOL, ALL, SEED)


@pytest.fixture(scope="module")
def grid(wines: pd.DataFrame) -> pd.DataFrame:
    return search_grid(wines, PROTOCOL, ALL, SEED)


@pytest.fixture(scope="module")
def study(trained: pd.DataFrame) -> pd.DataFrame:
    """Predictions in the form of the sound study's, made of the audit's sound run."""
    sound = trained[trained["run"] == SOUND].drop(columns="run")
    wrong = sound.assign(flagged=~sound["flagged"], protocol="permuted_labels")
    return pd.concat([sound.assign(protocol="grouped_k_fold"), wrong])


# Splits


def test_the_source_s_split_is_scikit_learn_s_and_the_first_of_the_folds(
    wines: pd.DataFrame,
) -> None:
    group = wines["group"].to_numpy()
    [(train, test)] = make_folds(group, ALL.root, n_splits=5, seed=SEED)
    expected = train_test_split(np.arange(len(wines)), test_size=0.2, random_state=SEED)
    np.testing.assert_array_equal(train, expected[0])
    np.testing.assert_array_equal(test, expected[1])
    folds = make_folds(group, ["duplicates_across_split"], n_splits=5, seed=SEED)
    assert set(folds[0][1]) == set(test)


def test_every_wine_is_tested_once_unless_one_split_is_the_fault(wines: pd.DataFrame) -> None:
    folds = make_folds(wines["group"].to_numpy(), [], n_splits=5, seed=SEED)
    np.testing.assert_array_equal(
        np.sort(np.concatenate([test for _, test in folds])), np.arange(len(wines))
    )


@pytest.mark.parametrize("other", [[], ["single_split"]])
def test_duplicates_cross_the_split_only_under_their_fault(
    wines: pd.DataFrame, other: list[str]
) -> None:
    group = wines["group"].to_numpy()
    faulty = make_folds(group, [*other, "duplicates_across_split"], n_splits=5, seed=SEED)
    sound = make_folds(group, other, n_splits=5, seed=SEED)
    assert has_duplicate(faulty, group).any()
    assert not has_duplicate(sound, group).any()
    for (train, test), (all_of_train, same_test) in zip(sound, faulty, strict=True):
        np.testing.assert_array_equal(test, same_test)
        left_out = np.setdiff1d(all_of_train, train)
        assert np.isin(group[left_out], group[test]).all()


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ValidationError, match="single_split"):
        FaultsParameters(("single",))


# Training


def test_each_fault_has_a_run_of_its_own_and_only_the_source_s_are_scikit_learn_s() -> None:
    runs = {run.name: run for run in list_runs(ALL)}
    assert {name for name, run in runs.items() if run.as_source} == {REPORTED}
    assert {name: run.faults for name, run in runs.items() if not run.as_source} == {
        "only:duplicates_across_split": ("duplicates_across_split",),
        "only:single_split": ("single_split",),
        SOUND: (),
    }


def test_a_run_tests_its_wines_with_all_three_models(
    trained: pd.DataFrame, wines: pd.DataFrame
) -> None:
    tested = trained.groupby(["run", "model"], observed=True)["row"].agg(["size", "nunique"])
    n_test = -(-len(wines) // 5)
    assert (tested["size"] == tested["nunique"]).all()
    assert set(tested.index.get_level_values("model")) == {LOGISTIC, MLP, TUNED}
    assert tested.loc[REPORTED, "size"].eq(n_test).all()
    assert tested.loc[SOUND, "size"].eq(len(wines)).all()


def test_the_tuned_network_is_the_source_s_choice() -> None:
    network = source_network(
        PROTOCOL.network.changed(**PROTOCOL.tuned.model_dump()), SEED
    ).get_params()
    assert network["hidden_layer_sizes"] == (3,)
    assert network["learning_rate_init"] == 0.02
    assert (network["max_iter"], network["random_state"]) == (3, SEED)


def test_logistic_regression_is_the_source_s(trained: pd.DataFrame, wines: pd.DataFrame) -> None:
    X, y = features(wines), is_red(wines)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=SEED)
    scaler = MinMaxScaler().fit(X_train)
    model = LogisticRegression(solver="liblinear", random_state=SEED)
    expected = model.fit(scaler.transform(X_train), y_train).score(scaler.transform(X_test), y_test)
    run = runs_of_audit(trained, 50, 1)[REPORTED]
    assert run.accuracy(LOGISTIC).estimate == pytest.approx(expected, abs=1e-12)


@pytest.mark.real_data
def test_the_three_printed_figures_come_out_again(mirror: Path) -> None:
    red, white = (
        pd.read_csv(mirror / f"wine/winequality-{colour}.csv", sep=";")
        for colour in ("red", "white")
    )
    stated = yaml.safe_load(CONF.read_text())["wine_audit"]
    protocol = ProtocolParameters.model_validate(stated["protocol"])
    assert protocol.network.max_iter == 500
    wines = join_wines(red, white)
    X, y = features(wines), is_red(wines)
    [(train, test)] = make_folds(wines["group"].to_numpy(), ALL.root, n_splits=5, seed=SEED)
    scaler = MinMaxScaler().fit(X[train])
    tuned = protocol.network.changed(**protocol.tuned.model_dump())
    fitted = {
        name: model.fit(scaler.transform(X[train]), y[train])
        for name, model in {
            LOGISTIC: LogisticRegression(solver="liblinear", random_state=SEED),
            MLP: source_network(protocol.network, SEED),
            TUNED: source_network(tuned, SEED),
        }.items()
    }
    right = {
        name: int((model.predict(scaler.transform(X[test])) == y[test]).sum())
        for name, model in fitted.items()
    }
    assert (len(test), right) == (1300, {LOGISTIC: 1277, MLP: 1294, TUNED: 1290})
    assert {name: round(n / 1300, 4) for name, n in right.items()} == stated["printed"]
    assert (fitted[MLP].n_iter_, fitted[TUNED].n_iter_) == (217, 251)


# Figures


def test_the_interval_of_a_difference_is_newcombe_s_and_agrees_with_mcnemar_s_test() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(4000) < 0.9, rng.random(4000) < 0.88
    low, high = paired_interval(a, b)
    wald = mcnemar_test(np.ones(4000), a, b)
    assert (low, high) == pytest.approx((wald.low, wald.high), abs=4e-4)
    four_of_1300 = np.ones(1300, dtype=bool)
    better, worse = four_of_1300.copy(), four_of_1300.copy()
    better[:6], worse[:10] = False, False
    low, high = paired_interval(worse, better)
    assert mcnemar_test(four_of_1300, worse, better).p_value == 0.125
    assert low == pytest.approx(-0.0080, abs=1e-4)
    assert high == pytest.approx(0.0008, abs=1e-4)


def test_models_that_agree_everywhere_still_have_an_interval() -> None:
    low, high = paired_interval(np.ones(50, dtype=bool), np.ones(50, dtype=bool))
    assert low < 0 < high


# Search


def test_the_lead_of_the_choice_is_over_the_best_of_the_others() -> None:
    accuracies = {("3", 0.02): [0.9, 0.8], ("4", 0.02): [0.7, 0.8], ("4", 0.001): [0.6, 0.9]}
    scores = pd.DataFrame(
        [
            (fold, layers, rate, accuracy)
            for (layers, rate), of_folds in accuracies.items()
            for fold, accuracy in enumerate(of_folds)
        ],
        columns=["fold", "hidden_layer_sizes", "learning_rate_init", "accuracy"],
    )
    lead = lead_of_choice(scores, PROTOCOL)
    assert lead.estimate == pytest.approx(0.1)
    assert (lead.low < 0.1 < lead.high, lead.n) == (True, 2)


def test_the_search_scores_every_candidate_in_both_runs(grid: pd.DataFrame) -> None:
    counted = grid.groupby(["run", "hidden_layer_sizes", "learning_rate_init"]).size()
    assert len(counted) == 2 * 4
    assert (counted == PROTOCOL.grid.n_splits).all()
    by_run = {run: part["accuracy"].tolist() for run, part in grid.groupby("run")}
    assert by_run[REPORTED] != by_run[SOUND]
    claim = claim_of_choice(grid, PROTOCOL)
    assert claim.reported == lead_of_choice(grid[grid["run"] == REPORTED], PROTOCOL)
    assert claim.sound == lead_of_choice(grid[grid["run"] == SOUND], PROTOCOL)


# Claims


def test_every_claim_is_judged_with_a_share_for_every_fault(
    trained: pd.DataFrame, grid: pd.DataFrame, study: pd.DataFrame
) -> None:
    claims, shares, runs = judge_claims(trained, grid, study, PROTOCOL, ALL, PRINTED_FIGURES, SEED)
    assert list(claims) == list(CLAIM_COLUMNS)
    assert list(shares) == list(SHARE_COLUMNS)
    asked = [question.statement.claim for question in questions(PRINTED_FIGURES)]
    assert list(claims["claim"]) == [*asked, "search_finds_best"]
    assert {c: set(part["fault"]) for c, part in shares.groupby("claim")} == {
        claim: set(ALL.root) for claim in asked
    }
    assert claims["shortened"].eq("Shortened: 3 of 500 epochs.").all()
    assert claims["unstated"].eq("").all()
    # The study's stand-in is the audit's own sound run, of the rows with quality only.
    own, sound = (
        find_measured(runs, name, "MLP", "test_accuracy") for name in (SOUND_SOURCE, SOUND)
    )
    assert own == sound
    assert find_measured(runs, PRINTED, "MLP", "test_accuracy").estimate == 0.9954
