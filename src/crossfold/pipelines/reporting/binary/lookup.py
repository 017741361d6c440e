"""Find one figure in the metrics table."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.reporting.binary.labels import in_order
from crossfold.reports.words import interval

GROUPED, TIME_SPLIT, PERMUTED = "grouped_k_fold", "time_split", "permuted_labels"


class ReportError(CrossfoldError):
    """The report's parameters do not fit the run."""


@dataclass(frozen=True)
class Estimate:
    """An estimate with its 95 % interval, its rows and its positives."""

    estimate: float
    low: float
    high: float
    n: int
    positives: int

    def __str__(self) -> str:
        """Print as ``0.748 (0.744–0.752)``."""
        return interval(self.estimate, self.low, self.high)


def find(
    metrics_table: pd.DataFrame,
    model: str,
    metric: str,
    *,
    protocol: str = GROUPED,
    scope: str = "pooled",
) -> Estimate | None:
    """Find a figure by model, metric, protocol and scope; None where the run has none."""
    wanted = {"model": model, "metric": metric, "protocol": protocol, "scope": scope}
    chosen = metrics_table[(metrics_table[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    if chosen.empty:
        return None
    row = chosen.iloc[0]
    rate = metrics_table[
        (metrics_table[list(wanted)] == pd.Series({**wanted, "metric": "observed_rate"})).all(
            axis=1
        )
    ]["estimate"]
    positives = round(rate.iloc[0] * row["n"])
    return Estimate(row["estimate"], row["low"], row["high"], int(row["n"]), positives)


def require(metrics_table: pd.DataFrame, model: str, metric: str) -> Estimate:
    """Find a pooled figure of the grouped folds that the report cannot do without.

    Raises
    ------
    ReportError
        The run has no such model.
    """
    found = find(metrics_table, model, metric)
    if found is None:
        known = ", ".join(in_order(metrics_table["model"].unique()))
        raise ReportError(
            f"The report is about {model!r}, which this run did not evaluate: set the study's"
            f" report.model to one of {known}."
        )
    return found


def select(metrics_table: pd.DataFrame, protocol: str, scope: str = "pooled") -> pd.DataFrame:
    """Give the rows of one protocol and scope."""
    chosen = (metrics_table["protocol"] == protocol) & (metrics_table["scope"] == scope)
    return metrics_table[chosen]
