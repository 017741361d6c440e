"""Runs differ by their faults only, and what a fault leaves alone comes out the same."""

import pytest

from crossfold.pipelines.audit.images.parameters import UnstatedParameters
from crossfold.pipelines.audit.images.protocol import list_runs
from crossfold.pipelines.audit.images.training import subject
from crossfold.pipelines.audit.runs import REPORTED, RUN_COLUMNS, SOUND, only

RATE, DROPOUT = "unstated:learning_rate=0.1", "unstated:dropout=0.5"


def answers(predictions, run: str, experiment: str, epochs: int) -> list[int]:
    chosen = predictions[
        (predictions["run"] == run)
        & (predictions["experiment"] == experiment)
        & (predictions["epochs"] == epochs)
    ]
    return chosen["predicted"].tolist()


def test_every_run_is_listed(protocol, faults, unstated):
    runs = {run.name: run for run in list_runs(faults, protocol, unstated)}
    single = {only(fault) for fault in faults.root}
    assert set(runs) == {REPORTED, SOUND, RATE, DROPOUT} | single
    assert runs[REPORTED].epochs == 20
    assert {run.epochs for name, run in runs.items() if name != REPORTED} == {15}
    assert runs[SOUND].faults == ()


def test_a_shorter_run_shortens_the_runs_of_single_faults(protocol, faults):
    short = protocol.model_copy(update={"network": protocol.network.changed(max_iter=4)})
    assert {run.epochs for run in list_runs(faults, short, UnstatedParameters())} == {4}


def test_the_table_of_runs_is_complete(trained_runs):
    assert tuple(trained_runs.columns) == RUN_COLUMNS
    assert len(trained_runs) == 7 * 2 * 4
    accuracies = trained_runs[trained_runs["metric"].str.endswith("accuracy")]
    assert (accuracies["low"] <= accuracies["estimate"]).all()
    assert set(accuracies["n"]) == {330, 70, 100}


def test_a_fault_changes_only_the_networks_that_it_concerns(predictions):
    sound, alone = (
        [answers(predictions, run, name, 15) for name in ("1", "2")]
        for run in (SOUND, only("dropout_backward"))
    )
    assert sound[0] == alone[0]
    assert sound[1] != alone[1]


def test_another_dropout_rate_concerns_the_networks_with_dropout(predictions, trained_runs):
    rates = trained_runs[trained_runs["run"].isin([REPORTED, DROPOUT])]
    assert set(rates["epochs"]) == {15, 20}
    assert answers(predictions, DROPOUT, "2", 15) != answers(predictions, RATE, "2", 15)


def test_the_wrong_derivative_ruins_tanh(trained_runs):
    test = trained_runs[
        (trained_runs["metric"] == "test_accuracy") & (trained_runs["epochs"] == 15)
    ]
    by_run = test[test["subject"] == "experiment 1"].set_index("run")["estimate"]
    assert by_run[SOUND] > by_run[only("relu_as_derivative")] + 0.3


@pytest.mark.parametrize(
    ("experiment", "expected"), [("7", "experiment 7"), ("two_layers", "two layers")]
)
def test_subjects_are_readable(experiment, expected):
    assert subject(experiment) == expected
