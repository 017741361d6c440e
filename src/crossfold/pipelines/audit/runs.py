"""The table of an audit's runs, one figure a row, and how to find one in it."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.audit.measured import Measured
from crossfold.validation import wilson_interval

RUN_COLUMNS = ("run", "subject", "metric", "estimate", "low", "high", "n", "epochs")

PRINTED = "printed"
REPORTED = "reported"
SOUND = "sound"
SHOWN_RUNS = (PRINTED, REPORTED, SOUND)


def only(fault: str) -> str:
    """Name the run in which one fault alone is on."""
    return f"only:{fault}"


def printed_row(subject: str, metric: str, value: float) -> tuple[str | float, ...]:
    """Give the row of a printed figure, columns `RUN_COLUMNS`: nothing is known but its value."""
    return PRINTED, subject, metric, value, math.nan, math.nan, math.nan, math.nan


def measured_share(successes: float, n: int) -> Measured:
    """Give a share of independent rows with its Wilson interval."""
    low, high = wilson_interval(successes, n)
    return Measured(successes / n, float(low), float(high), n)


def find_measured(
    runs: pd.DataFrame, run: str, subject: str, metric: str, epochs: int | None = None
) -> Measured:
    """Find a figure of a run.

    Parameters
    ----------
    runs
        Columns `RUN_COLUMNS`.
    run, subject, metric
        Of the row.
    epochs
        Of the row; None for the longest run.

    Raises
    ------
    CrossfoldError
        There is no such row.
    """
    wanted: dict[str, Any] = {"run": run, "subject": subject, "metric": metric}
    if epochs is not None:
        wanted["epochs"] = epochs
    chosen = runs[(runs[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    if chosen.empty:
        raise CrossfoldError(f"The audit's runs hold no figure for {wanted}.")
    row = longest(chosen).iloc[0]
    return Measured(row["estimate"], row["low"], row["high"], int(row["n"]))


def longest(runs: pd.DataFrame) -> pd.DataFrame:
    """Keep of runs of the same name those with the most epochs, in the table's order."""
    key = ["run", "subject", "metric"]
    by_epochs = runs.sort_values("epochs", kind="stable", na_position="first")
    return by_epochs.drop_duplicates(key, keep="last").sort_index()


def shown_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Keep what was printed, reported and sound, of the metrics that the source printed if any."""
    printed = runs.loc[runs["run"] == PRINTED, "metric"].unique()
    is_shown = runs["run"].isin(SHOWN_RUNS)
    if len(printed):
        is_shown &= runs["metric"].isin(printed)
    return longest(runs[is_shown]).astype({"subject": str})


def shortened_text(epochs: int, source_epochs: int, what: str = "epochs") -> str:
    """Say that a run was shortened: ``Shortened: 50 of 5,000 epochs.``; nothing if it was not."""
    return f"Shortened: {epochs:,} of {source_epochs:,} {what}." if epochs < source_epochs else ""
