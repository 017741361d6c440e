"""Find out what a table holds, what to leave out and what to warn of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pandas as pd

from crossfold.datasets.table_dataset import as_text, with_plain_types
from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.table.columns import FALSE, READERS, TRUE, as_number
from crossfold.pipelines.table.giveaway import find_giveaways
from crossfold.pipelines.table.kinds import INPUT_KINDS, Column, describe_column, missing_words
from crossfold.pipelines.table.nodes import require_columns
from crossfold.templates.parameters import TableParameters, Task

MOST_CLASSES = 20
FEWEST_ROWS, FOLDS = 50, 5
# Columns that give the target away are looked for in so many rows.
MOST_ROWS = 50_000
GIVES_AWAY = "gives the target away by itself"
RARE_SHARE = 0.01


@dataclass(frozen=True)
class Wishes:
    """What the user says about a table; the rest is found out.

    Attributes
    ----------
    target, group, time, positive, task
        As in `TableParameters`.
    drop
        Columns that shall be left out.
    date_format
        How dates are written.
    """

    target: str
    group: str | None = None
    time: str | None = None
    positive: str | None = None
    task: Task | None = None
    drop: tuple[str, ...] = ()
    date_format: str | None = None


@dataclass(frozen=True)
class Profile:
    """What was found out about a table.

    Attributes
    ----------
    columns
        Every column, in the table's order.
    parameters
        What the columns mean.
    n_rows
        Rows that were read.
    missing_words
        Words that stand for a missing value.
    warnings
        What should be known before anything is trained, in sentences.
    """

    columns: tuple[Column, ...]
    parameters: TableParameters
    n_rows: int
    missing_words: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    @property
    def date_formats(self) -> dict[str, str]:
        """How dates are written that are not ISO 8601, by column."""
        used = {*self.parameters.columns, self.parameters.time}
        return {c.name: c.date_format for c in self.columns if c.date_format and c.name in used}

    @property
    def hashed_columns(self) -> list[str]:
        """Columns that become keyed hashes when the table is read."""
        group = [self.parameters.group] if self.parameters.group else []
        return list(dict.fromkeys([*group, *self.parameters.identifiers]))


def profile_table(frame: pd.DataFrame, wishes: Wishes) -> Profile:
    """Find out what a table holds.

    Parameters
    ----------
    frame
        The table as it was read.
    wishes
        Its target, and what else the user says.

    Raises
    ------
    CrossfoldError
        If the table cannot be studied; the sentence says why.
    """
    frame = with_plain_types(frame)
    named = [wishes.target, wishes.group, wishes.time, *wishes.drop]
    require_columns(frame, [name for name in named if name is not None])
    if clash := {wishes.target, wishes.group, wishes.time}.intersection(wishes.drop):
        raise CrossfoldError(f"{sorted(clash)} cannot be dropped: other options name them.")
    if frame.empty:
        raise CrossfoldError("The table has no rows below its header: export it again.")
    words = {name: missing_words(frame[name]) for name in frame.columns}
    found = sorted({word for words_of_one in words.values() for word in words_of_one})
    if found:
        frame = frame.apply(lambda values: values.mask(values.isin(found)))
    if frame.isna().all(axis=None):
        raise CrossfoldError("All values of the table are missing: export it again.")
    columns = tuple(_describe(frame[name], wishes) for name in frame.columns)
    target = _readable_target(frame[wishes.target], wishes)
    task = wishes.task or find_task(frame[wishes.target], wishes.target)
    positive = _positive(target, wishes) if task == "binary" else None
    left_out = _left_out(columns, wishes)
    kinds = {c.name: c.kind for c in columns if c.name not in {wishes.target, wishes.group}}
    inputs = {name: kind for name, kind in kinds.items() if name not in left_out}
    _refuse_no_inputs(inputs, left_out)
    given_away = _giveaways(frame, inputs, target, task, wishes)
    left_out |= {name: f"{GIVES_AWAY} ({why})" for name, why in given_away.items()}
    inputs = {name: kind for name, kind in inputs.items() if name not in left_out}
    _refuse_no_inputs(inputs, left_out)
    parameters = TableParameters(
        target=wishes.target,
        task=task,
        positive=positive,
        group=wishes.group,
        time=wishes.time,
        columns=inputs,
        left_out=left_out,
        identifiers=tuple(n for n, k in kinds.items() if k == "identifier" and n in left_out),
    )
    profile = Profile(columns, parameters, len(frame), tuple(found))
    return replace(profile, warnings=tuple(_warnings(frame, target, profile)))


def find_task(values: pd.Series, name: str) -> Task:
    """Tell two classes, several classes and numbers apart.

    Raises
    ------
    CrossfoldError
        If the target is text with too many values for classes.
    """
    distinct = values.dropna().drop_duplicates()
    numbers = as_number(distinct)
    if len(distinct) == 2:
        return "binary"
    are_numbers = numbers.notna().mean() >= 0.95
    if len(distinct) <= MOST_CLASSES and not (are_numbers and (numbers.dropna() % 1 != 0).any()):
        return "multiclass"
    if not are_numbers:
        raise CrossfoldError(
            f"The target {name!r} has {len(distinct)} different texts: name another target, or"
            " give --task multiclass if they are classes."
        )
    return "regression"


def _describe(values: pd.Series, wishes: Wishes) -> Column:
    column = describe_column(values, wishes.date_format)
    if values.name == wishes.group:
        return replace(column, kind="identifier", example="", note="", date_format=None)
    if values.name == wishes.time and column.kind != "date":
        if column.distinct < 2 or as_number(values).notna().sum() < values.notna().sum():
            raise CrossfoldError(
                f"The time {wishes.time!r} holds neither dates nor numbers that vary: name another"
                " column, or give --date-format."
            )
        return replace(column, kind="number")
    return column


def _readable_target(values: pd.Series, wishes: Wishes) -> pd.Series:
    """Read the target, NaN where it is missing."""
    target = as_number(values) if wishes.task == "regression" else as_text(values)
    distinct = target.dropna().unique()
    if len(distinct) == 0:
        raise CrossfoldError(f"The target {wishes.target!r} is missing in all rows: name another.")
    if len(distinct) == 1:
        raise CrossfoldError(
            f"The target {wishes.target!r} has one value only ({distinct[0]}): there is nothing"
            " to predict."
        )
    return target


def _positive(target: pd.Series, wishes: Wishes) -> str:
    """Take the value that the user names, that means yes, or that is rarer."""
    counts = target.value_counts()
    values = sorted(counts.index)
    if len(values) != 2:
        raise CrossfoldError(
            f"The target {wishes.target!r} has {len(values)} values ({', '.join(values[:5])}), and"
            " a binary task needs two: give --task multiclass."
        )
    if wishes.positive is not None:
        if wishes.positive not in values:
            raise CrossfoldError(
                f"The target {wishes.target!r} has no value {wishes.positive!r}: give --positive"
                f" {values[0]} or {values[1]}."
            )
        return wishes.positive
    yes = [value for value in values if value.lower() in TRUE]
    no = [value for value in values if value.lower() in FALSE]
    return str(yes[0] if len(yes) == 1 and no else counts.idxmin())


def _left_out(columns: tuple[Column, ...], wishes: Wishes) -> dict[str, str]:
    no_input = {wishes.target, wishes.group}
    reasons = {}
    for column in columns:
        if column.name in wishes.drop:
            reasons[column.name] = "by --drop"
        elif column.kind not in INPUT_KINDS and column.name not in no_input:
            empty = column.kind == "constant" and column.distinct == 0
            reasons[column.name] = "empty" if empty else column.kind
    return {name: why for name, why in reasons.items() if name not in no_input}


def _giveaways(
    frame: pd.DataFrame, kinds: dict[str, str], target: pd.Series, task: str, wishes: Wishes
) -> dict[str, str]:
    known = target.notna()
    rows = frame[known]
    rows = rows.sample(min(len(rows), MOST_ROWS), random_state=0)
    inputs = pd.DataFrame({name: READERS[kind](rows[name]) for name, kind in kinds.items()})
    y = as_number(target[rows.index]) if task == "regression" else target[rows.index]
    groups = rows[wishes.group] if wishes.group else None
    return find_giveaways(inputs[y.notna()], y.dropna(), task, groups)


def _refuse_no_inputs(inputs: dict[str, str], left_out: dict[str, str]) -> None:
    if not inputs:
        reasons = "; ".join(f"{name}: {why}" for name, why in list(left_out.items())[:5])
        raise CrossfoldError(f"No input column is left ({reasons}): name another target.")


def _warnings(frame: pd.DataFrame, target: pd.Series, profile: Profile) -> list[str]:
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
        told.append(f"{duplicates:,} rows repeat another one in every column that is used.")
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
