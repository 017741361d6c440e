"""Quantities of known answers, and the claims made of them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.audit.claims import Statement
from crossfold.pipelines.audit.images.judging import Judge, Question, possible_sample_sizes
from crossfold.pipelines.audit.images.outcomes import (
    Case,
    Outcomes,
    accuracy,
    difference,
    error_of_printed_precision,
    joined_answers,
    pytorch_minus_numpy,
)
from crossfold.pipelines.audit.images.parameters import FaultsParameters, UnstatedParameters
from crossfold.pipelines.audit.measured import above
from crossfold.pipelines.audit.runs import REPORTED, SOUND, only

N = 200
LABEL = np.arange(N) % 2


def rows(n_right: int, **about: object) -> pd.DataFrame:
    predicted = np.where(np.arange(N) < n_right, LABEL, 1 - LABEL)
    table = pd.DataFrame({"row": np.arange(N), "target": LABEL, "predicted": predicted})
    return table.assign(**about)


@pytest.fixture
def outcomes() -> Outcomes:
    answers = [
        rows(100, run=REPORTED, experiment="a", epochs=20),
        rows(150, run=REPORTED, experiment="b", epochs=20),
        rows(120, run=SOUND, experiment="a", epochs=10),
        rows(180, run=SOUND, experiment="a", epochs=20),
        rows(160, run=SOUND, experiment="b", epochs=20),
        rows(110, run=SOUND, experiment="b", epochs=10),
        rows(40, run=only("relu_as_derivative"), experiment="a", epochs=10),
        rows(190, run="unstated:learning_rate=0.1", experiment="a", epochs=10),
    ]
    twins = [
        rows(180, model="twin_torch"),
        rows(180, model="twin_numpy"),
        rows(170, model="twin_numpy_full_batch"),
    ]
    return Outcomes(pd.concat(answers), pd.concat(twins), n_resamples=200, seed=1)


def case(run: str, *faults: str, epochs: int | None = None) -> Case:
    return Case(run, epochs, faults, sample_rows=30)


def test_accuracy_is_that_of_the_longest_run_unless_told_otherwise(outcomes):
    assert accuracy(["a"])(outcomes, case(SOUND)).estimate == 0.9
    assert accuracy(["a"])(outcomes, case(SOUND, epochs=10)).estimate == 0.6
    both = accuracy(["a", "b"])(outcomes, case(SOUND))
    assert both.estimate == pytest.approx(0.85)
    assert both.low < 0.85 < both.high


def test_a_difference_is_paired(outcomes):
    measured = difference([("a", "b")])(outcomes, case(SOUND))
    assert measured.estimate == pytest.approx(0.1)
    assert (measured.low > 0, measured.n) == (True, N)


def test_a_small_sample_has_few_rows_and_a_wide_interval(outcomes):
    all_rows = accuracy(["a"])(outcomes, case(SOUND))
    sample = accuracy(["a"])(outcomes, case(SOUND, "small_test_sample"))
    assert (sample.n, all_rows.n) == (30, N)
    assert sample.high - sample.low > all_rows.high - all_rows.low


def test_the_frameworks_differ_by_what_the_faults_change(outcomes):
    measure = pytorch_minus_numpy("a", "full_batch")
    assert measure(outcomes, case(SOUND)).estimate == 0
    unlike = measure(outcomes, case(SOUND, "unlike_regimes", epochs=10))
    assert unlike.estimate == pytest.approx(0.05)
    wrong = measure(outcomes, case(only("relu_as_derivative"), "relu_as_derivative", epochs=10))
    assert wrong.estimate == pytest.approx(0.4)
    reported = measure(outcomes, case(REPORTED, "unlike_regimes"))
    assert reported.estimate == pytest.approx(0.4)


def test_swapped_arguments_print_recall_as_precision(outcomes):
    skewed = replace(outcomes, predictions=outcomes.predictions.copy())
    is_a = skewed.predictions["experiment"] == "a"
    skewed.predictions.loc[is_a, "predicted"] = 0
    measure = error_of_printed_precision("a")
    assert measure(skewed, case(SOUND)).estimate == 0
    assert measure(skewed, case(SOUND, "swapped_arguments")).estimate == pytest.approx(0.5)
    even = measure(outcomes, case(SOUND, "swapped_arguments"))
    assert even.estimate == pytest.approx(0, abs=1e-12)


def test_a_run_that_was_not_made_is_named(outcomes):
    with pytest.raises(CrossfoldError, match="'c'"):
        outcomes.answers(case(SOUND), "c")


def test_a_claim_holds_each_way_to_measure_it(outcomes, protocol):
    statement = Statement(
        "digits", "a", "A is good", "accuracy", "share", "90 %", above(0.8), "A is good", "A is bad"
    )
    question = Question(statement, accuracy(["a"]), ("relu_as_derivative",), ("learning_rate",))
    short = protocol.model_copy(update={"share_epochs": 10})
    faults = FaultsParameters(("relu_as_derivative", "unlike_regimes"))
    unstated = UnstatedParameters(learning_rate=(0.1,))
    claim = Judge(outcomes, short, faults, unstated).claim(question)
    assert (claim.reported.estimate, claim.sound.estimate) == (0.5, 0.9)
    assert [(one.fault, one.alone.estimate, one.sound) for one in claim.shares] == [
        ("relu_as_derivative", 0.2, 0.6)
    ]
    assert claim.unstated.startswith("The learning rate is not stated")
    assert "95.0" in claim.unstated
    assert claim.shortened == ""


def test_the_study_answers_for_the_sound_run(predictions, protocol):
    study = pd.concat(
        [
            rows(150, model="full_batch/two", protocol="source"),
            rows(150, model="full_batch/three", protocol="source"),
            rows(10, model="mini_batch/two", protocol="source"),
            rows(20, model="full_batch/two", protocol="standard"),
        ]
    )
    named = protocol.model_copy(update={"experiments": {"2": "two"}})
    joined = joined_answers(predictions, study, named, epochs=99)
    sound = joined[joined["epochs"] == 99]
    assert set(sound["experiment"]) == {"2"}
    assert set(sound["run"]) == {SOUND}
    assert (sound["target"] == sound["predicted"]).sum() == 150
    assert len(joined) == len(predictions) + N


def test_sizes_of_samples_follow_from_printed_shares():
    printed = [25 / 30, 27 / 30]
    assert possible_sample_sizes(printed, range(1, 101)) == [30, 60, 90]
    assert possible_sample_sizes(printed, [10_000]) == []
    assert possible_sample_sizes([0.25], range(1, 9)) == [4, 8]
