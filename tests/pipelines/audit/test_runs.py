"""Runs are found by name, the longest first."""

import numpy as np
import pandas as pd
import pytest

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.audit.runs import (
    PRINTED,
    REPORTED,
    RUN_COLUMNS,
    SOUND,
    find_measured,
    longest,
    measured_share,
    only,
    shortened_text,
    shown_runs,
)


@pytest.fixture
def runs() -> pd.DataFrame:
    rows = [
        (PRINTED, "1", "accuracy", 0.5, np.nan, np.nan, np.nan, np.nan),
        (REPORTED, "1", "accuracy", 0.6, 0.5, 0.7, 100, 20),
        (SOUND, "1", "accuracy", 0.7, 0.6, 0.8, 100, 5),
        (SOUND, "1", "accuracy", 0.9, 0.8, 1.0, 100, 20),
        (SOUND, "1", "loss", 0.1, np.nan, np.nan, 100, 20),
        (only("a"), "1", "accuracy", 0.8, 0.7, 0.9, 100, 5),
    ]
    return pd.DataFrame(rows, columns=list(RUN_COLUMNS))


def test_the_longest_run_is_found_unless_another_is_asked_for(runs):
    assert find_measured(runs, SOUND, "1", "accuracy").estimate == 0.9
    assert find_measured(runs, SOUND, "1", "accuracy", epochs=5).estimate == 0.7
    assert find_measured(runs, only("a"), "1", "accuracy").n == 100


def test_a_missing_run_is_named(runs):
    with pytest.raises(CrossfoldError, match="only:b"):
        find_measured(runs, only("b"), "1", "accuracy")


def test_longest_keeps_the_order(runs):
    assert longest(runs)["estimate"].tolist() == [0.5, 0.6, 0.9, 0.1, 0.8]


def test_metrics_that_were_not_printed_are_left_out_if_others_were(runs):
    assert shown_runs(runs)["estimate"].tolist() == [0.5, 0.6, 0.9]
    unprinted = runs[runs["run"] != PRINTED]
    assert shown_runs(unprinted)["metric"].tolist() == ["accuracy", "accuracy", "loss"]


def test_a_share_has_its_wilson_interval():
    measured = measured_share(9, 10)
    assert measured.estimate == 0.9
    assert (measured.low, measured.high) == pytest.approx((0.5958, 0.9821), abs=1e-4)


def test_only_a_shortened_run_says_so():
    assert shortened_text(50, 5000) == "Shortened: 50 of 5,000 epochs."
    assert shortened_text(5000, 5000) == ""
