"""Setups differ by their faults only, and what a fault leaves alone comes out the same."""

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.datasets import load_digits

from crossfold.mlp import faults as wrong
from crossfold.pipelines.images.audit import STUDY, DigitsClaims, judge_claims, of_study
from crossfold.pipelines.images.data import TEST
from crossfold.pipelines.images.faults import (
    MINI_BATCH,
    NETWORK_FAULTS,
    OTHER,
    ProtocolParameters,
    epochs_read,
    list_trainings,
    predict_with_dropout,
    train_setups,
    with_faults,
)
from crossfold.pipelines.images.parameters import ExperimentsParameters, StartParameters
from crossfold.templates.audit import Setup
from crossfold.validation.tables import probability_columns

from .conftest import read

N_ROWS, SEED = 500, 7
NETWORK = {"hidden_layer_sizes": (20, 10), "activation": "tanh", "dropout": 0.2, "alpha": 0.1}
NETWORK["batch_size"] = 32
CHANGES = {
    "one_hidden_layer": {"hidden_layer_sizes": (20,)},
    "dropout_backward": {"activation": wrong.without_derivative("tanh")},
    "relu_as_derivative": {"activation": wrong.relu_as_derivative("tanh")},
    "global_max_softmax": {"loss": wrong.GLOBAL_MAX_SOFTMAX},
    "penalty_not_applied": {"alpha": 0.0},
    "drop_last_batch": {"loss": wrong.whole_batches_only(32)},
}


def with_fault(name: str, network: dict) -> dict:
    return with_faults(network, Setup(frozenset({name})))


@pytest.mark.parametrize("name", NETWORK_FAULTS)
def test_a_fault_changes_one_argument(name):
    assert with_fault(name, NETWORK) == {**NETWORK, **CHANGES[name]}


def test_a_full_batch_has_no_last_one_to_drop():
    full = {**NETWORK, "batch_size": "full"}
    assert with_fault("drop_last_batch", full) == full


def test_layers_with_dropout_use_no_derivative_where_both_faults_are_on():
    both = Setup(frozenset({"dropout_backward", "relu_as_derivative"}))
    assert with_faults(NETWORK, both)["activation"] == wrong.without_derivative("tanh")
    plain = with_faults({**NETWORK, "dropout": 0.0}, both)
    assert plain["activation"] == wrong.relu_as_derivative("tanh")


def test_a_dropout_rate_is_tried_only_where_something_is_dropped():
    tried = Setup(setting=("dropout", 0.5))
    assert with_faults(NETWORK, tried) == {**NETWORK, "dropout": 0.5}
    assert with_faults({**NETWORK, "dropout": 0.0}, tried) == {**NETWORK, "dropout": 0.0}


@pytest.fixture(scope="module")
def claims() -> DigitsClaims:
    own, _, _ = read("digits")
    wanted = ("sigmoid_fails", "pytorch_beats_numpy", "middle_test_accuracy")
    chosen = {name: own.claims[name] for name in wanted}
    measured = chosen["sigmoid_fails"]
    accuracy = measured.measure.model_copy(update={"of": ["1"]})
    chosen["sigmoid_fails"] = measured.model_copy(update={"measure": accuracy})
    again = chosen["middle_test_accuracy"].measure.model_copy(update={"of": ["2"]})
    chosen["middle_test_accuracy"] = chosen["middle_test_accuracy"].model_copy(
        update={"measure": again}
    )
    stated = {
        name: one.model_copy(update={"tried": one.tried[-1:]})
        for name, one in own.not_stated.items()
    }
    printed = {"2": {"validation_accuracy": 0.7, "test_accuracy": 0.7}}
    return own.model_copy(update={"claims": chosen, "not_stated": stated, "printed": printed})


@pytest.fixture(scope="module")
def protocol() -> ProtocolParameters:
    network = {
        "solver": "sgd", "momentum": 0, "alpha": 0, "batch_size": "full",
        "learning_rate_init": 0.3, "max_iter": 40,
    }  # fmt: skip
    return ProtocolParameters.model_validate(
        {
            "regime": "full_batch", "network": network, "source_epochs": 80, "short_epochs": 15,
            "short_rows": 200, "short_seeds": 2, "n_resamples": 50, "n_jobs": 2,
            "further": {
                "pytorch": {"hidden_layer_sizes": [8, 6], "init": "pytorch", "activation": "relu"},
            },
            "mini_batch": {**network, "batch_size": 8, "max_iter": 2},
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(claims, protocol) -> tuple[pd.DataFrame, pd.DataFrame]:
    experiments = ExperimentsParameters.model_validate(
        {
            "1": {"hidden_layer_sizes": [8], "init": "xavier", "activation": "tanh"},
            "2": {
                "hidden_layer_sizes": [8, 6], "init": "kaiming", "activation": "relu",
                "dropout": 0.2,
            },
            "7": {"hidden_layer_sizes": [8], "init": "random", "activation": "relu"},
        }
    )  # fmt: skip
    images = np.minimum(load_digits().images[:N_ROWS] * 16, 255).astype(np.uint8)
    part = np.repeat(["train", "validation", "test"], [330, 70, 100])
    split_table = pd.DataFrame({"label": load_digits().target[:N_ROWS], "part": part})
    starts = StartParameters(uniform_bound=0.5)
    with parallel_config("threading"):
        return train_setups(images, split_table, experiments, starts, protocol, claims, SEED)


def answer(trained, run: str, experiment: str, column: str = "predicted", part: str = TEST):
    table = trained[0]
    chosen = (table["run"] == run) & (table["experiment"] == experiment) & (table["part"] == part)
    return table.loc[chosen & (table["member"] == 0), column].tolist()


@pytest.mark.parametrize(
    ("study", "n_epochs", "every", "expected"),
    [
        ("fashion", 500, 10, (10, 100, 500)),
        ("fashion", 10, 1, (1, 2, 10)),
        ("digits", 250, 10, (20, 250)),  # a tenth is halfway between two scorings
    ],
)
def test_epochs_are_scored_that_claims_read(study, n_epochs, every, expected):
    assert epochs_read(read(study)[0], n_epochs, every) == expected


ALL = "dropout_backward+global_max_softmax+relu_as_derivative"


def test_a_setup_trains_the_networks_that_its_claims_name(claims):
    listed = list_trainings(claims, ["1", "2", "3", "7", "pytorch"])
    assert listed[Setup(frozenset(ALL.split("+")))] == ["1", "2", "3", "7", "pytorch"]
    assert listed[Setup(frozenset({"dropout_backward"}), True)] == ["1", "2", "7", "pytorch"]
    dropout = Setup(frozenset(ALL.split("+")), True, ("dropout", 0.5))
    assert listed[dropout] == ["2"]
    assert Setup() not in listed  # The study's networks.


def test_a_source_without_faults_of_training_is_trained_as_it_is(claims):
    off = {
        name: one.model_copy(update={"on": name == "swapped_arguments"})
        for name, one in claims.faults.items()
    }
    listed = list_trainings(claims.model_copy(update={"faults": off}), ["1", "2"])
    assert listed[Setup()] == ["1", "2"]


def test_every_setup_is_trained_from_every_seed(trained):
    answers, curves = trained
    members = answers.groupby("run", observed=True)["member"].nunique()
    assert members[ALL] == 1
    assert members["no fault, short"] == 2
    assert members[f"{ALL}, short, learning_rate=1"] == 1
    assert set(answers["part"]) == {TEST, OTHER}
    last = curves.groupby("run", observed=True)["epoch"].max()
    assert (last[ALL], last["no fault, short"]) == (40, 15)


def test_a_fault_changes_only_the_networks_that_it_concerns(trained):
    sound, alone = "no fault, short", "dropout_backward, short"
    assert answer(trained, sound, "1") == answer(trained, alone, "1")
    assert answer(trained, sound, "2") != answer(trained, alone, "2")


def test_the_wrong_derivative_ruins_tanh(trained):
    def right(run: str) -> float:
        said, true = (answer(trained, run, "1", column) for column in ("predicted", "target"))
        return float(np.mean(np.array(said) == np.array(true)))

    assert right("no fault, short") > right("relu_as_derivative, short") + 0.3


def test_parts_of_a_long_training_make_the_whole(trained, protocol):
    curves = trained[1]
    own = curves[(curves["run"] == ALL) & (curves["experiment"] == "7")]
    epochs = own.loc[own["measure"] == "train_loss", "epoch"]
    assert epochs.tolist() == list(range(1, 41))


def test_dropout_in_prediction_changes_networks_with_dropout_only(trained):
    run = "no fault, short"
    assert answer(trained, run, "1") == answer(trained, run, "1", "dropped")
    assert answer(trained, run, "2") != answer(trained, run, "2", "dropped")


def test_without_a_rate_prediction_with_dropout_is_prediction():
    from crossfold.mlp import MLPClassifier

    X, y = (load_digits().data * 16).astype(np.uint8)[:300], load_digits().target[:300]
    network = MLPClassifier((9, 7), max_iter=5, input_scale=1 / 255, random_state=0).fit(X, y)
    said = predict_with_dropout(network, X, np.random.default_rng(0))
    assert (said == network.predict(X)).all()


@pytest.mark.parametrize(
    ("study", "expected"),
    [
        ("digits", {"full_batch/7": "7", "mini_batch/7": "mini_batch/7", "twin": "twin"}),
        ("fashion", {"mini_batch/relu_two_layers": "relu"}),
    ],
)
def test_of_the_study_only_the_networks_of_the_protocol_stand_for_those_without_faults(
    study: str, expected: dict[str, str]
):
    models = ["full_batch/7", "mini_batch/7", "twin"]
    models = (
        models if study == "digits" else ["mini_batch/relu", "mini_batch/relu_two_layers", "twin"]
    )
    table = pd.DataFrame({"model": [*models, models[0]]}).assign(protocol="source")
    table.loc[3, "protocol"] = "standard"
    found = of_study(table, read(study)[1])
    assert dict(zip(found["model"], found["experiment"], strict=True)) == expected
    assert len(found) == len(expected)


def test_claims_are_judged_beside_the_study(trained, claims, protocol):
    rows = trained[0].query("run == 'no fault, short' and part == 'test' and member == 0")
    names = ["twin_numpy", "twin_torch", "twin_numpy_full_batch", "full_batch/1", "full_batch/2"]
    target = rows.loc[rows["experiment"] == "1", "target"].to_numpy()
    own = rows.loc[rows["experiment"] == "1", ["row", "target"]].assign(
        predicted=target, protocol="source", member=0, **probability_columns(np.eye(10)[target])
    )
    predictions = pd.concat([own.assign(model=name) for name in names])
    history = pd.DataFrame(
        {"model": "full_batch/2", "protocol": "source", "member": 0, "epoch": [1, 2],
         "measure": "validation_accuracy", "value": [0.5, 0.9]}
    )  # fmt: skip
    table, shares, runs = judge_claims(*trained, predictions, history, protocol, claims, SEED)
    by_claim = table.set_index("claim")
    assert by_claim.loc["sigmoid_fails", "sound"] == 1
    assert by_claim.loc["pytorch_beats_numpy", "sound"] == 0
    assert (table["shortened"] == "Shortened: 40 of 80 epochs.").all()
    assert set(shares["switch"]) == {"on", "off"}
    own = runs[(runs["subject"] == "experiment 2") & (runs["metric"] == "validation_accuracy")]
    assert dict(zip(own["run"], own["estimate"], strict=True))["sound"] == 0.9
    assert {MINI_BATCH, STUDY}.isdisjoint(set(runs["run"]))
