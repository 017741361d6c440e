"""A claim of a source: what it printed, what was measured here, and what follows from both."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crossfold.pipelines.audit.measured import (
    FaultShare,
    Holds,
    Measured,
    Unit,
    print_value,
    shares_text,
)

CONFIRMED = "confirmed"
NOT_CONFIRMED = "not confirmed"
EXPLAINED = "explained by a fault"
CANNOT_BE_JUDGED = "cannot be judged"
JUDGEMENTS = (CONFIRMED, EXPLAINED, NOT_CONFIRMED, CANNOT_BE_JUDGED)

CLAIM_COLUMNS = (
    "study",
    "claim",
    "statement",
    "quantity",
    "printed",
    "reported",
    "reported_low",
    "reported_high",
    "reported_n",
    "sound",
    "sound_low",
    "sound_high",
    "sound_n",
    "fault_shares",
    "unstated",
    "shortened",
    "judgement",
    "verdict",
    "unit",
    "printed_value",
)
SHARE_COLUMNS = ("claim", "fault", "estimate", "low", "high", "share", "n")


@dataclass(frozen=True)
class Statement:
    """What a source says, and when a measured quantity bears it out.

    Attributes
    ----------
    study, claim
        Names of the study and of the claim.
    statement
        What the source says, as a sentence without a full stop.
    quantity
        What is measured, and on which rows.
    unit
        ``share`` is printed as per cent, ``points`` (a difference of shares) as percentage
        points, ``number`` as it is; ``fine_share`` and ``fine_points`` have two decimals.
    printed
        What the source printed or concluded.
    holds
        From a measured quantity to whether the statement holds for it: `above`, `below`,
        `includes`.
    so, not_so
        The statement and its contrary as clauses: ``sigmoid stays at chance``.
    printed_value
        The printed figure in the quantity's unit; NaN where none was printed.
    """

    study: str
    claim: str
    statement: str
    quantity: str
    unit: Unit
    printed: str
    holds: Callable[[Measured], Holds]
    so: str
    not_so: str
    printed_value: float = math.nan


@dataclass(frozen=True)
class Claim:
    """A statement with what was measured and what follows.

    Attributes
    ----------
    statement
        What the source says.
    reported, sound
        The quantity with all faults of the run, and with none.
    shares
        What each fault does by itself.
    unstated
        What the source does not state, with the range that plausible values give, or nothing.
    shortened
        That the run was shortened, or nothing.
    """

    statement: Statement
    reported: Measured
    sound: Measured
    shares: tuple[FaultShare, ...] = ()
    unstated: str = ""
    shortened: str = ""


def judge(claim: Claim) -> str:
    """Give one of `JUDGEMENTS`.

    A statement that holds without the faults is confirmed; one that holds only with them is
    explained by a fault; one that fails without them is not confirmed.
    """
    holds = claim.statement.holds
    sound, reported = holds(claim.sound), holds(claim.reported)
    if sound == "yes":
        return CONFIRMED
    if reported == "yes":
        return EXPLAINED
    return NOT_CONFIRMED if sound == "no" else CANNOT_BE_JUDGED


def leading_fault(claim: Claim) -> FaultShare | None:
    """Give the fault that alone makes the statement hold, of several the one that changes most."""
    holds = claim.statement.holds
    alone = [
        one for one in claim.shares if holds(one.alone) == "yes" and holds(one.without) != "yes"
    ]
    return max(alone, key=lambda one: abs(one.share), default=None)


def verdict(claim: Claim) -> str:
    """Say in one sentence what follows from the measured figures."""
    statement = claim.statement
    reported, sound = (
        print_value(one.estimate, statement.unit) for one in (claim.reported, claim.sound)
    )
    sentences = {
        CONFIRMED: (
            f"Confirmed: {statement.so} without the faults ({sound}); the source's protocol gives"
            f" {reported}."
        ),
        NOT_CONFIRMED: (
            f"Not confirmed: {statement.not_so} without the faults ({sound}); the source's protocol"
            f" gives {reported}."
        ),
        CANNOT_BE_JUDGED: (
            f"Cannot be judged: the interval without the faults ({sound}) allows that"
            f" {statement.so} and that {statement.not_so}."
        ),
        EXPLAINED: (
            f"Explained by a fault: {statement.so} with the faults ({reported}), but not without"
            f" ({sound}), and {_cause(claim)}."
        ),
    }
    return sentences[judge(claim)]


def _cause(claim: Claim) -> str:
    leading, statement = leading_fault(claim), claim.statement
    if leading is not None:
        value = print_value(leading.alone.estimate, statement.unit)
        return f"{leading.fault} alone is enough ({value})"
    if any(statement.holds(one.alone) == "yes" for one in claim.shares):
        return "none can be named, since the run that single faults are compared with shows it too"
    return "no fault is enough by itself"


def claims_table(claims: Sequence[Claim]) -> pd.DataFrame:
    """Give one row a claim, columns `CLAIM_COLUMNS`."""
    return pd.DataFrame([_claim_row(claim) for claim in claims], columns=list(CLAIM_COLUMNS))


def _claim_row(claim: Claim) -> dict[str, Any]:
    statement = claim.statement
    names = ("study", "claim", "statement", "quantity", "printed", "unit", "printed_value")
    return {
        **{name: getattr(statement, name) for name in names},
        **_columns("reported", claim.reported),
        **_columns("sound", claim.sound),
        "fault_shares": shares_text(claim.shares, statement.unit),
        "unstated": claim.unstated,
        "shortened": claim.shortened,
        "judgement": judge(claim),
        "verdict": verdict(claim),
    }


def _columns(name: str, measured: Measured) -> dict[str, float]:
    names = (name, f"{name}_low", f"{name}_high", f"{name}_n")
    return dict(zip(names, measured, strict=True))


def shares_table(claims: Sequence[Claim]) -> pd.DataFrame:
    """Give one row for each claim and fault, columns `SHARE_COLUMNS`."""
    rows = [
        (claim.statement.claim, one.fault, *one.alone[:3], one.share, one.alone.n)
        for claim in claims
        for one in claim.shares
    ]
    return pd.DataFrame(rows, columns=list(SHARE_COLUMNS))
