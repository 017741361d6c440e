"""Find out what a table holds, what to leave out and what to warn of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import cast

import pandas as pd

from crossfold.datasets.table_dataset import as_text, with_plain_types
from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.table.caveats import FOLDS, GIVES_AWAY, find_caveats, find_giveaways
from crossfold.pipelines.table.kinds import (
    FALSE,
    INPUT_KINDS,
    READERS,
    TRUE,
    Column,
    as_number,
    describe_column,
    missing_words,
)
from crossfold.pipelines.table.nodes import require_columns
from crossfold.templates.parameters import Kind, TableParameters, Task

MOST_CLASSES = 20
# Columns that give the target away are looked for in so many rows.
MOST_ROWS = 50_000


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
    _refuse_wishes(frame, wishes)
    words = sorted({word for name in frame.columns for word in missing_words(frame[name])})
    if words:
        frame = frame.apply(lambda values: values.mask(values.isin(words)))
    if frame.isna().all(axis=None):
        raise CrossfoldError("All values of the table are missing: export it again.")
    columns = tuple(_describe(frame[name], wishes) for name in frame.columns)
    target = _readable_target(frame[wishes.target], wishes)
    parameters = _parameters(frame, columns, target, wishes)
    profile = Profile(columns, parameters, len(frame), tuple(words))
    return replace(profile, warnings=tuple(find_caveats(frame, target, profile)))


def _refuse_wishes(frame: pd.DataFrame, wishes: Wishes) -> None:
    if frame.empty:
        raise CrossfoldError("The table has no rows below its header: export it again.")
    named = [wishes.target, wishes.group, wishes.time, *wishes.drop]
    require_columns(frame, [name for name in named if name is not None])
    if clash := {wishes.target, wishes.group, wishes.time}.intersection(wishes.drop):
        raise CrossfoldError(f"{sorted(map(str, clash))} cannot be dropped: an option names it.")
    if wishes.target in (wishes.group, wishes.time):
        raise CrossfoldError(f"{wishes.target!r} cannot be the target and the group or the time.")
    _refuse_date_format(wishes.date_format)


def _refuse_date_format(date_format: str | None) -> None:
    try:
        pd.to_datetime(pd.Series(["x"]), format=date_format or "ISO8601", errors="coerce")
    except ValueError as error:
        raise CrossfoldError(
            f"--date-format {date_format} is no format of dates ({error}): write it like %d.%m.%Y."
        ) from error


def _parameters(
    frame: pd.DataFrame, columns: tuple[Column, ...], target: pd.Series, wishes: Wishes
) -> TableParameters:
    task = wishes.task or find_task(frame[wishes.target], wishes.target)
    positive = _positive(target, wishes) if task == "binary" else None
    left_out = _left_out(columns, wishes)
    kinds = {c.name: c.kind for c in columns if c.name not in {wishes.target, wishes.group}}
    given_away = _giveaways(frame, _inputs(kinds, left_out), target, task, wishes)
    left_out |= {name: f"{GIVES_AWAY} ({why})" for name, why in given_away.items()}
    return TableParameters(
        target=wishes.target,
        task=task,
        positive=positive,
        fewest_of_class=FOLDS if task == "multiclass" else 1,
        group=wishes.group,
        time=wishes.time,
        columns=_inputs(kinds, left_out),
        left_out=left_out,
        identifiers=tuple(n for n, k in kinds.items() if k == "identifier" and n in left_out),
    )


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
    measured = (numbers.dropna() % 1 != 0).any() or len(distinct) > values.notna().sum() / 10
    if len(distinct) <= MOST_CLASSES and not (are_numbers and measured):
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
    if len(distinct) == 0 and values.notna().any():
        raise CrossfoldError(f"The target {wishes.target!r} holds no numbers: give another --task.")
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
    frame: pd.DataFrame, kinds: dict[str, Kind], target: pd.Series, task: str, wishes: Wishes
) -> dict[str, str]:
    known = target.notna()
    rows = frame[known]
    rows = rows.sample(min(len(rows), MOST_ROWS), random_state=0)
    read = {n: READERS[kind](rows[n]) for n, kind in kinds.items() if n != wishes.time}
    inputs = pd.DataFrame(read, index=rows.index)
    y = as_number(target[rows.index]) if task == "regression" else target[rows.index]
    groups = rows[wishes.group] if wishes.group else None
    return find_giveaways(inputs[y.notna()], y.dropna(), task, groups)


def _inputs(kinds: dict[str, str], left_out: dict[str, str]) -> dict[str, Kind]:
    """List the columns that are left; none is an error."""
    inputs = {name: cast(Kind, kind) for name, kind in kinds.items() if name not in left_out}
    if not inputs:
        reasons = "; ".join(f"{name}: {why}" for name, why in list(left_out.items())[:5])
        raise CrossfoldError(f"No input column is left ({reasons}): name another target.")
    return inputs
