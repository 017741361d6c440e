"""What decides each claim of the primer's sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import pandas as pd

from crossfold.pipelines.primer.audit.first_network import EQUAL_POINTS, RAW_ERROR_UPDATE
from crossfold.pipelines.primer.audit.toy_table import N_ROWS
from crossfold.templates.audit import Claims, Measured, mean_of, over_draws, share_of


class Case(NamedTuple):
    """What the first network did in one setup, epoch by epoch, and all trained toy tables."""

    epochs: pd.DataFrame
    toys: pd.DataFrame


def last_epoch(case: Case, metric: str) -> Measured:
    """Measure a metric after the last epoch, over seeds."""
    is_last = case.epochs["epoch"] == case.epochs["epoch"].max()
    return over_draws(case.epochs.loc[is_last, metric])


def steadily(case: Case, metrics: Sequence[str]) -> Measured:
    """Measure the share of seeds whose errors fall in every epoch and whose accuracies never do."""
    by_epoch = case.epochs.set_index(["seed", "epoch"])[list(metrics)]
    steps = by_epoch.groupby("seed").diff().dropna()
    is_error = steps.columns.str.endswith("error")
    good = (steps.loc[:, is_error] < 0).join(steps.loc[:, ~is_error] >= 0)
    steady = good.all(axis=1).groupby("seed").all()
    return share_of(int(steady.sum()), len(steady))


def in_all_rows(case: Case, columns: Sequence[str]) -> Measured:
    """Measure the share of toy tables in which something is so in all six rows."""
    fits = (case.toys[list(columns)] == N_ROWS).all(axis=1)
    return share_of(int(fits.sum()), len(fits))


def mean_change(case: Case, column: str, minus: str) -> Measured:
    """Measure the mean difference of two columns over toy tables."""
    return mean_of(case.toys[column] - case.toys[minus])


class PrimerClaims(Claims):
    """The claims of both notebooks."""

    study: ClassVar[str] = "primer"
    switches: ClassVar[tuple[str, ...]] = (RAW_ERROR_UPDATE, EQUAL_POINTS)
    measures: ClassVar = {
        one.__name__: one for one in (last_epoch, steadily, in_all_rows, mean_change)
    }
