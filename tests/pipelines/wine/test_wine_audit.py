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

from crossfold.datasets import SampleDataset
from crossfold.pipelines.wine.audit import (
    LOGISTIC,
    MLP,
    TUNED,
    Case,
    ProtocolParameters,
    WineClaims,
    features,
    is_red,
    judge_claims,
    lead_of_choice,
    make_folds,
    make_models,
    paired_interval,
    search_grid,
    train_runs,
)
from crossfold.pipelines.wine.nodes import join_wines
from crossfold.templates.audit import Setup
from crossfold.validation.comparison import mcnemar_test
from crossfold.validation.intervals import GroupBootstrap

SEED = 42
CONF = Path(__file__).parents[3] / "conf/base/wine/claims.yml"
STATED = yaml.safe_load(CONF.read_text())
BOTH = frozenset({"duplicates_across_split", "single_split"})
ONE_LAYER = "mlp_one_layer"
PROTOCOL = ProtocolParameters.model_validate(
    {
        "network": {"hidden_layer_sizes": [4], "init": "xavier", "batch_size": 50, "max_iter": 3},
        "networks": {
            MLP: {"hidden_layer_sizes": [4, 2]},
            TUNED: {"hidden_layer_sizes": [3], "learning_rate_init": 0.02},
            ONE_LAYER: {},
        },
        "grid": {
            "n_splits": 2,
            "hidden_layer_sizes": [[3], [4]],
            "learning_rate_init": [0.001, 0.02],
        },
        "source_epochs": 500,
        "n_resamples": 50,
    }
)


@pytest.fixture(scope="module")
def claims() -> WineClaims:
    return WineClaims.model_validate(STATED["wine_claims"])


@pytest.fixture(scope="module")
def wines() -> pd.DataFrame:
    red, white = (
        SampleDataset(of="wines", colour=colour, n_rows=n, seed=1).load()
        for colour, n in (("red", 60), ("white", 180))
    )
    return join_wines(red, white)


@pytest.fixture(scope="module")
def trained(wines: pd.DataFrame, claims: WineClaims) -> pd.DataFrame:
    return train_runs(wines, PROTOCOL, claims, SEED)


@pytest.fixture(scope="module")
def grid(wines: pd.DataFrame, claims: WineClaims) -> pd.DataFrame:
    return search_grid(wines, PROTOCOL, claims, SEED)


@pytest.fixture(scope="module")
def study(trained: pd.DataFrame) -> pd.DataFrame:
    """Predictions in the form of the sound study's, made of the audit's sound run."""
    sound = trained[trained["run"] == Setup().name].drop(columns="run")
    wrong = sound.assign(flagged=~sound["flagged"], protocol="permuted_labels")
    return pd.concat([sound.assign(protocol="grouped_k_fold"), wrong])


# Splits


def test_the_source_s_split_is_scikit_learn_s_and_the_first_of_the_folds(
    wines: pd.DataFrame,
) -> None:
    group = wines["group"].to_numpy()
    [(train, test)] = make_folds(group, BOTH, n_splits=5, seed=SEED)
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
    assert any(np.isin(group[test], group[train]).any() for train, test in faulty)
    assert not any(np.isin(group[test], group[train]).any() for train, test in sound)
    for (train, test), (all_of_train, same_test) in zip(sound, faulty, strict=True):
        np.testing.assert_array_equal(test, same_test)
        left_out = np.setdiff1d(all_of_train, train)
        assert np.isin(group[left_out], group[test]).all()


def test_an_unknown_fault_is_refused() -> None:
    wrong = {**STATED["wine_claims"], "faults": {"single": {"title": "x"}}}
    with pytest.raises(ValidationError, match="single_split"):
        WineClaims.model_validate(wrong)


# Training


def test_every_run_tests_its_wines_with_all_models(
    trained: pd.DataFrame, wines: pd.DataFrame
) -> None:
    tested = trained.groupby(["run", "model"])["row"].agg(["size", "nunique"])
    n_test = -(-len(wines) // 5)
    assert (tested["size"] == tested["nunique"]).all()
    assert set(tested.index.get_level_values("model")) == {LOGISTIC, MLP, TUNED, ONE_LAYER}
    one_split = {"reported", Setup(BOTH).name, "single_split"}
    assert tested.loc[sorted(one_split), "size"].eq(n_test).all()
    assert tested.loc[[Setup().name, "duplicates_across_split"], "size"].eq(len(wines)).all()


def test_only_the_source_s_own_run_is_scikit_learn_s() -> None:
    own, ours = (make_models(PROTOCOL, SEED, as_source=flag) for flag in (True, False))
    assert {type(model).__module__.partition(".")[0] for model in own.values()} == {"sklearn"}
    assert {type(ours[name]).__module__.partition(".")[0] for name in PROTOCOL.networks} == {
        "crossfold"
    }
    tuned = own[TUNED].get_params()
    assert (tuned["hidden_layer_sizes"], tuned["learning_rate_init"]) == ((3,), 0.02)
    assert (tuned["max_iter"], tuned["random_state"]) == (3, SEED)
    assert own[ONE_LAYER].get_params()["hidden_layer_sizes"] == (4,)


def test_logistic_regression_is_the_source_s(trained: pd.DataFrame, wines: pd.DataFrame) -> None:
    X, y = features(wines), is_red(wines)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=SEED)
    scaler = MinMaxScaler().fit(X_train)
    model = LogisticRegression(solver="liblinear", random_state=SEED)
    expected = model.fit(scaler.transform(X_train), y_train).score(scaler.transform(X_test), y_test)
    own = trained.query("run == 'reported' and model == @LOGISTIC")
    assert (own["flagged"] == (own["target"] == 1)).mean() == pytest.approx(expected, abs=1e-12)


@pytest.mark.real_data
def test_the_three_printed_figures_come_out_again(mirror: Path) -> None:
    red, white = (
        pd.read_csv(mirror / f"wine/winequality-{colour}.csv", sep=";")
        for colour in ("red", "white")
    )
    protocol = ProtocolParameters.model_validate(STATED["wine_audit"]["protocol"])
    assert protocol.network.max_iter == 500
    wines = join_wines(red, white)
    X, y = features(wines), is_red(wines)
    [(train, test)] = make_folds(wines["group"].to_numpy(), BOTH, n_splits=5, seed=SEED)
    scaler = MinMaxScaler().fit(X[train])
    models = make_models(protocol, SEED, as_source=True)
    del models[ONE_LAYER]
    fitted = {
        name: model.fit(scaler.transform(X[train]), y[train]) for name, model in models.items()
    }
    right = {
        name: int((model.predict(scaler.transform(X[test])) == y[test]).sum())
        for name, model in fitted.items()
    }
    assert (len(test), right) == (1300, {LOGISTIC: 1277, MLP: 1294, TUNED: 1290})
    claims = STATED["wine_claims"]["claims"]
    printed = {name: claims[f"accuracy_of_{name}"]["printed"] for name in right}
    assert {name: round(n / 1300, 4) for name, n in right.items()} == printed
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
    lead = lead_of_choice(Case({}, GroupBootstrap([0], 1, 1), scores, ("3", 0.02)))
    assert lead.estimate == pytest.approx(0.1)
    assert (lead.low < 0.1 < lead.high, lead.n) == (True, 2)


def test_the_search_scores_every_candidate_in_every_protocol(grid: pd.DataFrame) -> None:
    counted = grid.groupby(["run", "hidden_layer_sizes", "learning_rate_init"]).size()
    assert len(counted) == 4 * 4
    assert (counted == PROTOCOL.grid.n_splits).all()
    by_run = {run: part["accuracy"].tolist() for run, part in grid.groupby("run")}
    assert by_run[Setup(BOTH).name] != by_run[Setup().name]


# Claims


def test_every_claim_is_judged(
    trained: pd.DataFrame, grid: pd.DataFrame, study: pd.DataFrame, claims: WineClaims
) -> None:
    table, shares, runs = judge_claims(trained, grid, study, PROTOCOL, claims, SEED)
    assert list(table["claim"]) == list(claims.claims)
    assert table["shortened"].eq("Shortened: 3 of 500 epochs.").all()
    assert table["unstated"].eq("").all()
    assert {c: set(part["fault"]) for c, part in shares.groupby("claim")} == {
        claim: set(BOTH) for claim in claims.claims
    }
    judged = table.set_index("claim")
    own = trained.query("run == 'reported' and model == @MLP")
    right = (own["flagged"] == (own["target"] == 1)).mean()
    assert judged.loc["accuracy_of_mlp", "reported"] == pytest.approx(right)
    # The study's stand-in is the audit's own sound run, of the rows of its protocol only.
    sound = trained[(trained["run"] == Setup().name) & (trained["model"] == MLP)]
    right = (sound["flagged"] == (sound["target"] == 1)).mean()
    assert judged.loc["accuracy_of_mlp", "sound"] == pytest.approx(right)
    printed = runs.query("run == 'printed' and subject == 'accuracy_of_mlp'")
    assert printed["estimate"].tolist() == [0.9954]


def test_a_second_layer_is_judged_by_the_audit_s_own_networks(
    trained: pd.DataFrame, grid: pd.DataFrame, study: pd.DataFrame, claims: WineClaims
) -> None:
    table, _, _ = judge_claims(trained, grid, study, PROTOCOL, claims, SEED)
    sound = trained[trained["run"] == Setup().name]
    right = (sound["flagged"] == (sound["target"] == 1)).groupby(sound["model"]).mean()
    measured = table.set_index("claim").loc["one_hidden_layer", "sound"]
    assert measured == pytest.approx(right[ONE_LAYER] - right[MLP])
