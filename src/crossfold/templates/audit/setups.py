"""Which protocols an audit compares: with all faults, with none, and with single ones on or off."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from functools import cache
from typing import Any, NamedTuple

import pandas as pd

from crossfold.templates.audit.claims import PRINTED_MEASURE, Claim, Claims
from crossfold.templates.audit.measured import Measured, exact

RUN_COLUMNS = ("run", "subject", "metric", "estimate", "low", "high", "n", "epochs")
PRINTED, REPORTED, SOUND = "printed", "reported", "sound"
SHORT_REPORTED, SHORT_SOUND = "reported:short", "sound:short"


class Setup(NamedTuple):
    """One way to repeat the source.

    Attributes
    ----------
    faults
        Switches that are on.
    short
        Whether it is compared with single faults only, and so may be trained for shorter; all
        that is compared with each other is equally short.
    setting
        Name and value of something that the source does not state, or None for the protocol's own.
    """

    faults: frozenset[str] = frozenset()
    short: bool = False
    setting: tuple[str, float] | None = None

    def keep(self, faults: Collection[str]) -> Setup:
        """Leave out the faults that make no difference to something, training for one."""
        return self._replace(faults=self.faults.intersection(faults))

    @property
    def name(self) -> str:
        """A name for the column ``run`` of a table: what is on, joined by ``+``."""
        parts = ["+".join(sorted(self.faults)) or "no fault"]
        parts += ["short"] if self.short else []
        parts += [f"{self.setting[0]}={self.setting[1]:g}"] if self.setting else []
        return ", ".join(parts)


def setups_of(claims: Claims, claim: Claim) -> dict[str, Setup]:
    """List the setups that a claim is measured in, by what they stand for."""
    if claim.measure is None or claim.measure.name == PRINTED_MEASURE:
        return {}
    on = claims.on
    single = [fault for fault in claim.faults if fault in on]
    compared = {SHORT_REPORTED: Setup(on, True), SHORT_SOUND: Setup(short=True)} if single else {}
    return {
        # What no fault touches is the same with them.
        REPORTED: Setup(on) if claim.faults else Setup(),
        SOUND: Setup(),
        **compared,
        **{f"only:{fault}": Setup(frozenset({fault}), True) for fault in single},
        **{f"without:{fault}": Setup(on - {fault}, True) for fault in single},
        **{
            f"{name}={value:g}": Setup(on, True, (name, value))
            for name in claim.not_stated
            for value in claims.not_stated[name].tried
        },
    }


def list_setups(claims: Claims, faults: Collection[str] | None = None) -> list[Setup]:
    """List every setup that the claims need, once.

    Parameters
    ----------
    claims
        Of the file.
    faults
        Those that make a difference to what is listed, such as training; None for all.
    """
    every = [
        setup if faults is None else setup.keep(faults)
        for claim in claims.claims.values()
        for setup in setups_of(claims, claim).values()
    ]
    return list(dict.fromkeys(every))


def measure_claim(
    claims: Claims, claim: Claim, case_of: Callable[[Setup], Any]
) -> dict[str, Measured]:
    """Measure a claim's quantity in each of its setups."""
    if claim.measure is None:
        return {}
    if claim.measure.name == PRINTED_MEASURE:
        return {PRINTED: exact(claims.take_printed(**claim.measure.arguments))}
    measure, arguments = claims.measures[claim.measure.name], claim.measure.arguments

    @cache
    def measured(setup: Setup) -> Measured:
        return measure(case_of(setup), **arguments)

    return {name: measured(setup) for name, setup in setups_of(claims, claim).items()}


def run_figures(claims: Claims, measured: dict[str, dict[str, Measured]]) -> pd.DataFrame:
    """Tabulate every figure of every claim and setup, columns `RUN_COLUMNS`."""
    rows: list[tuple[Any, ...]] = []
    for name, claim in claims.claims.items():
        metric = claim.measure.name if claim.measure else ""
        if claim.figure is not None and PRINTED not in measured[name]:
            rows.append((PRINTED, name, metric, claim.figure, *[math.nan] * 4))
        rows += [
            (run, name, metric, one.estimate, one.low, one.high, one.n, math.nan)
            for run, one in measured[name].items()
        ]
    return pd.DataFrame(rows, columns=list(RUN_COLUMNS))


def beside_printed(
    claims: Claims,
    case_of: Callable[[Setup], Any],
    measure: Callable[[Any, str, str], Measured | None],
    named: Callable[[str], str],
) -> pd.DataFrame:
    """Tabulate the source's own table beside the same figures with its faults and without.

    Parameters
    ----------
    claims, case_of
        As in `crossfold.templates.audit.judge`.
    measure
        From a case, a subject of the table and a metric to the figure, or None for none.
    named
        From a subject to its name for readers.

    Returns
    -------
    Columns `RUN_COLUMNS`.
    """
    cases = {REPORTED: case_of(Setup(claims.on)), SOUND: case_of(Setup())}
    rows: list[tuple[Any, ...]] = []
    for subject, printed in claims.printed.items():
        for metric, value in printed.items():
            about = named(subject), metric
            rows.append((PRINTED, *about, value, *[math.nan] * 4))
            found = {run: measure(case, subject, metric) for run, case in cases.items()}
            rows += [
                (run, *about, one.estimate, one.low, one.high, one.n, math.nan)
                for run, one in found.items()
                if one is not None
            ]
    return pd.DataFrame(rows, columns=list(RUN_COLUMNS))
