"""What should be known about a table before anything is trained on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from crossfold.pipelines.table.columns import as_number
from crossfold.pipelines.table.giveaway import GIVES_AWAY
from crossfold.pipelines.table.kinds import INPUT_KINDS

if TYPE_CHECKING:
    from crossfold.pipelines.table.profile import Profile

FEWEST_ROWS, FOLDS = 50, 5
RARE_SHARE = 0.01


def find_caveats(frame: pd.DataFrame, target: pd.Series, profile: Profile) -> list[str]:
    """Warn of what makes results worse than they look, or better.

    Parameters
    ----------
    frame
        The table, missing values found.
    target
        Its target as it is read, NaN where it is missing.
    profile
        What was found out so far.

    Returns
    -------
    Sentences.
    """
    parameters = profile.parameters
    declared = [*parameters.columns, parameters.target]
    declared += [name for name in (parameters.group, parameters.time) if name]
    duplicates = int(frame.duplicated(list(dict.fromkeys(declared))).sum())
    told = [
        f"{name} {why}: it is left out. If it is known before the target, move it to `columns`."
        for name, why in parameters.left_out.items()
        if why.startswith(GIVES_AWAY)
    ]
    told += _group_warnings(frame, profile)
    told += _class_warnings(target, profile)
    if duplicates:
        told.append(f"Rows that repeat another one in every column that is used: {duplicates:,}.")
    if missing := int(target.isna().sum()):
        told.append(f"{missing:,} rows have no {parameters.target}: they go to the rejected rows.")
    if profile.n_rows < FEWEST_ROWS:
        told.append(f"{profile.n_rows} rows are too few to learn from: expect wide intervals.")
    told += [f"{c.name}: {c.note}." for c in profile.columns if c.note and c.kind in INPUT_KINDS]
    return told


def _group_warnings(frame: pd.DataFrame, profile: Profile) -> list[str]:
    """Warn of groups that keep nothing together, and of identifiers that repeat without a group."""
    group = profile.parameters.group
    if group is not None:
        n_groups = frame[group].nunique()
        if n_groups == frame[group].notna().sum():
            return [f"{group} has another value in every row: it keeps nothing together."]
        few = f"{group} has {n_groups} values, fewer than {FOLDS} folds need."
        return [few] if n_groups < FOLDS else []
    repeated = []
    for column in profile.columns:
        n = profile.n_rows - column.missing
        if column.kind == "identifier" and column.distinct <= n - max(2, n // 100):
            repeated.append(column.name)
    if not repeated:
        return []
    return [
        f"{' and '.join(repeated)} may say who or what a row belongs to, and repeats: give --group"
        f" {repeated[0]!r}, so that its rows stay together, or results will look too good."
    ]


def _class_warnings(target: pd.Series, profile: Profile) -> list[str]:
    parameters = profile.parameters
    if parameters.task == "regression":
        top = as_number(target).value_counts(normalize=True)
        nearly = top.iloc[0] > 1 - RARE_SHARE
        return [f"{parameters.target} is nearly always {top.index[0]:g}."] if nearly else []
    counts = target.value_counts()
    told = []
    if counts.iloc[0] / counts.sum() > 1 - RARE_SHARE:
        share = counts.iloc[0] / counts.sum()
        told.append(f"{parameters.target} is nearly constant: {share:.1%} are {counts.index[0]}.")
    rare = counts[counts < FOLDS]
    few = counts[(counts >= FOLDS) & (counts < 2 * FOLDS)]
    told += [f"Class {name} has {n} rows, too few for {FOLDS} folds." for name, n in rare.items()]
    told += [f"Class {name} has only {n} rows for {FOLDS} folds." for name, n in few.items()]
    return told
