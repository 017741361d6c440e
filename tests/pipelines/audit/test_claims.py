"""A claim is judged by what was measured, and says something else where the figures do."""

import math
from dataclasses import replace

import pandas as pd
import pytest

from crossfold.pipelines.audit.claims import (
    CANNOT_BE_JUDGED,
    CLAIM_COLUMNS,
    CONFIRMED,
    EXPLAINED,
    NOT_CONFIRMED,
    SHARE_COLUMNS,
    Claim,
    Statement,
    claims_table,
    judge,
    leading_fault,
    shares_table,
    verdict,
)
from crossfold.pipelines.audit.measured import (
    FaultShare,
    Measured,
    above,
    below,
    includes,
    print_measured,
    print_share,
    print_value,
)

LOW, UNCLEAR, HIGH = (
    Measured(-0.1, -0.2, -0.05, 100),
    Measured(0.01, -0.05, 0.07, 100),
    Measured(0.1, 0.05, 0.2, 100),
)


def make_claim(reported: Measured, sound: Measured, *shares: FaultShare) -> Claim:
    statement = Statement(
        "study", "a_claim", "A is better", "A minus B", "points", "A", above(0), "A leads", "A lags"
    )
    return Claim(statement, reported, sound, shares)


@pytest.mark.parametrize(
    ("reported", "sound", "expected"),
    [
        (HIGH, HIGH, CONFIRMED),
        (LOW, HIGH, CONFIRMED),
        (HIGH, LOW, EXPLAINED),
        (HIGH, UNCLEAR, EXPLAINED),
        (LOW, LOW, NOT_CONFIRMED),
        (UNCLEAR, LOW, NOT_CONFIRMED),
        (LOW, UNCLEAR, CANNOT_BE_JUDGED),
    ],
)
def test_a_judgement_follows_from_the_intervals(reported, sound, expected):
    claim = make_claim(reported, sound)
    assert judge(claim) == expected
    assert verdict(claim).lower().startswith(expected)


@pytest.mark.parametrize(
    ("test", "answers"),
    [
        (above(0), ("no", "unclear", "yes")),
        (below(0), ("yes", "unclear", "no")),
        (includes(0), ("no", "yes", "no")),
    ],
)
def test_an_interval_lies_on_one_side_or_on_both(test, answers):
    assert tuple(test(one) for one in (LOW, UNCLEAR, HIGH)) == answers


def test_the_fault_that_is_enough_alone_is_named():
    weak = FaultShare("weak", Measured(0.02, 0.01, 0.03, 100), -0.1)
    strong = FaultShare("strong", HIGH, -0.1)
    idle = FaultShare("idle", LOW, -0.1)
    claim = make_claim(HIGH, LOW, idle, weak, strong)
    assert leading_fault(claim) == strong
    assert "strong alone is enough (10.0\u00a0pp)" in verdict(claim)


def test_no_fault_is_named_that_is_not_enough():
    claim = make_claim(HIGH, LOW, FaultShare("idle", LOW, -0.1))
    assert leading_fault(claim) is None
    assert verdict(claim).endswith("no fault is enough by itself.")


def test_no_fault_is_named_where_its_run_shows_the_same_without_it():
    claim = make_claim(HIGH, LOW, FaultShare("idle", HIGH, 0.09), FaultShare("other", LOW, 0.09))
    assert leading_fault(claim) is None
    assert verdict(claim).endswith(
        "none can be named, since the run that single faults are compared with shows it too."
    )


def test_the_tables_hold_every_claim_and_share():
    claim = make_claim(HIGH, LOW, FaultShare("a", LOW, -0.15), FaultShare("b", HIGH, -0.1))
    claims, shares = claims_table([claim]), shares_table([claim])
    assert tuple(claims.columns) == CLAIM_COLUMNS
    assert tuple(shares.columns) == SHARE_COLUMNS
    row = claims.iloc[0]
    assert (row["reported"], row["reported_high"], row["reported_n"]) == (0.1, 0.2, 100)
    assert (row["sound"], row["sound_low"]) == (-0.1, -0.2)
    assert row["fault_shares"] == "a +5.0\u00a0pp; b +20.0\u00a0pp"
    assert shares["share"].tolist() == pytest.approx([0.05, 0.2])


def test_tables_of_nothing_keep_their_columns():
    assert tuple(claims_table([]).columns) == CLAIM_COLUMNS
    assert shares_table([make_claim(HIGH, LOW)]).empty


def test_quantities_are_printed_in_their_unit():
    one = Measured(0.101, 0.095, 0.107, 100)
    assert print_measured(one, "share") == "10.1\u00a0% (9.5–10.7\u00a0%)"
    assert print_measured(one, "points") == "10.1\u00a0pp (9.5–10.7)"
    assert print_measured(one, "number") == "0.101 (0.095–0.107)"
    assert print_measured(one, "fine_share") == "10.10\u00a0% (9.50–10.70\u00a0%)"
    assert print_measured(one, "fine_points") == "10.10\u00a0pp (9.50–10.70)"
    assert print_share(-0.0031, "fine_points") == "−0.31\u00a0pp"
    assert print_value(-0.1, "points") == "−10.0\u00a0pp"
    assert print_share(-0.791, "share") == "−79.1\u00a0pp"
    assert print_share(0.05, "number") == "+0.050"


def test_a_printed_value_may_be_missing():
    row = claims_table([make_claim(HIGH, LOW)]).iloc[0]
    assert math.isnan(row["printed_value"])
    assert pd.notna(row["printed"])


def test_a_fault_that_changes_nothing_explains_nothing():
    near_zero = Measured(0.1, -0.02, 0.2, 100)
    statement = make_claim(HIGH, LOW).statement
    found = Statement(**{**vars(statement), "holds": includes(0)})
    idle = FaultShare("idle", near_zero, 0.1)
    busy = FaultShare("busy", near_zero, 0.3)
    assert leading_fault(Claim(found, near_zero, LOW, (idle,))) is None
    assert leading_fault(Claim(found, near_zero, LOW, (idle, busy))) == busy


def test_a_fault_that_only_widens_the_interval_is_named_if_the_sound_one_is_given():
    narrow, wide = Measured(0.1, 0.09, 0.11, 1000), Measured(0.1, 0.0, 0.2, 50)
    printed = replace(make_claim(wide, narrow).statement, holds=includes(0.15))
    blind = FaultShare("few_rows", wide, 0.1)
    seen = FaultShare("few_rows", wide, 0.1, narrow)
    assert leading_fault(Claim(printed, wide, narrow, (blind,))) is None
    assert leading_fault(Claim(printed, wide, narrow, (seen,))) == seen
