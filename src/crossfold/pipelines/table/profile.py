"""Find out what a table holds, what to leave out and what to warn of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.datasets.identifiers import SHARE_OF_A_COPY, Sought, findable, masked, rows_with_own
from crossfold.datasets.table_dataset import (
    as_text,
    group_codes,
    in_one_way,
    with_plain_types,
    without_words,
)
from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.table.kinds import (
    DATES_NOTE,
    FALSE,
    INPUT_KINDS,
    KNOWN_MISSING,
    READERS,
    SIGNS_NOTE,
    TRUE,
    TWO_NUMBERS_NOTE,
    UNIT_NOTE,
    Column,
    as_number,
    case_note,
    describe_column,
    missing_words,
)
from crossfold.pipelines.table.nodes import require_columns
from crossfold.templates.parameters import Kind, TableParameters, Task

MOST_CLASSES = 20
# Columns that give the target away are looked for in so many rows.
MOST_ROWS = 50_000
GIVES_AWAY = "gives the target away by itself"
MOST_BINS = 200
LIMIT = 0.99
# So sure that no lucky column of a small table is suspected: k errors in n rows leave up to about
# (k + 3) / n (the rule of three, Hanley and Lippman-Hand 1983).
MOST_ERRORS, FEWEST_OF_A_CLASS = 0.05, 20

Integers = NDArray[np.intp]
FEWEST_ROWS, FEWEST_GROUPS, FOLDS = 50, 4, 5
RARE_SHARE = 0.01
MOSTLY = 0.8  # two patients may have one name
LEAST_VARIANCE = 1e-11  # trees of scikit-learn take 2.2e-16, in their leaves, for none
MOST_SPREADS = 1000  # interquartile ranges from the median
MISSING_CODE = re.compile("-?9{2,}")
LEAST_SPREAD = 1e-6  # standard deviation beside size: single precision has seven digits


@dataclass(frozen=True)
class Wishes:
    """What the user says of a table, named as in `TableParameters`; the rest is found out."""

    target: str
    group: str | None = None
    time: str | None = None
    positive: str | None = None
    task: Task | None = None
    drop: tuple[str, ...] = ()  # columns that shall be left out
    date_format: str | None = None  # how dates are written


@dataclass(frozen=True)
class Profile:
    """What was found out about a table."""

    columns: tuple[Column, ...]  # all of them, in the table's order
    parameters: TableParameters  # what they mean
    n_rows: int
    missing_words: tuple[str, ...] = ()  # that stand for a missing value
    warnings: tuple[str, ...] = ()  # what should be known before anything is trained, in sentences
    units: dict[str, str] = field(default_factory=dict)  # taken out of cells to leave a number

    @property
    def n_groups(self) -> int | None:
        """Distinct groups, None where rows stand for themselves."""
        group = self.parameters.group
        return next((column.distinct for column in self.columns if column.name == group), None)

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


def profile_table(
    frame: pd.DataFrame, wishes: Wishes, units: dict[str, str] | None = None
) -> Profile:
    """Find out what a table holds, by its target and what else the user says.

    `units` were taken out of cells to leave a number, by column. A table that cannot be studied is
    a `CrossfoldError`; its sentence says why.
    """
    frame = with_plain_types(frame).reset_index(drop=True)
    _refuse_wishes(frame, wishes)
    words = _missing_words(frame)
    frame = without_words(frame, words)
    if frame.isna().all(axis=None):
        raise CrossfoldError("All values of the table are missing: export it again.")
    columns = tuple(_describe(frame[name], wishes) for name in frame.columns)
    columns = _with_names_of_groups(columns, frame, wishes)
    target = _readable_target(frame[wishes.target], wishes)
    parameters = _parameters(frame, columns, target, wishes)
    used = {*parameters.columns, parameters.target, parameters.time}
    units = {name: unit for name, unit in (units or {}).items() if name in used}
    profile = Profile(columns, parameters, len(frame), tuple(words), units=units)
    return replace(profile, warnings=tuple(find_caveats(frame, target, profile)))


def _missing_words(frame: pd.DataFrame) -> list[str]:
    """List words for missing values; none that another column has as a value of its own."""
    found = {name: set(missing_words(frame[name])) for name in frame.columns}
    words = set[str]().union(*found.values())
    for name, own in found.items():
        if others := words - own - {*KNOWN_MISSING}:
            words -= set(frame[name][frame[name].isin(others)])
    return sorted(words)


def _refuse_wishes(frame: pd.DataFrame, wishes: Wishes) -> None:
    if frame.empty:
        raise CrossfoldError(
            "The table has no rows below its header: export it again. Of a workbook, the first"
            " sheet is read."
        )
    named = [wishes.target, wishes.group, wishes.time, *wishes.drop]
    require_columns(frame, [name for name in named if name is not None])
    if clash := {wishes.target, wishes.group, wishes.time}.intersection(wishes.drop):
        raise CrossfoldError(f"{sorted(map(str, clash))} cannot be dropped: an option names it.")
    if wishes.group is not None and frame[wishes.group].isna().all():
        raise CrossfoldError(f"The group {wishes.group!r} is missing in all rows: name another.")
    if wishes.target in (wishes.group, wishes.time):
        raise CrossfoldError(f"{wishes.target!r} cannot be the target and the group or the time.")
    try:
        pd.to_datetime(pd.Series(["x"]), format=wishes.date_format or "ISO8601", errors="coerce")
    except ValueError as error:
        raise CrossfoldError(
            f"--date-format {wishes.date_format} is no format of dates ({error}): write it like"
            " %d.%m.%Y."
        ) from error


def _parameters(
    frame: pd.DataFrame, columns: tuple[Column, ...], target: pd.Series, wishes: Wishes
) -> TableParameters:
    task = wishes.task or find_task(frame[wishes.target], wishes.target)
    if wishes.positive is not None and task != "binary":
        raise CrossfoldError(
            f"--positive {wishes.positive} is for two classes, but the target {wishes.target!r} is"
            f" {task}: leave it out."
        )
    positive = _positive(target, wishes) if task == "binary" else None
    left_out = _left_out(columns, wishes)
    kinds = {c.name: c.kind for c in columns if c.name not in {wishes.target, wishes.group}}
    given_away = _giveaways(frame, _inputs(kinds, left_out), target, task, wishes)
    left_out |= {name: f"{GIVES_AWAY} ({why})" for name, why in given_away.items()}
    return TableParameters(
        target=wishes.target,
        task=task,
        positive=positive,
        negative=None if positive is None else str(target[target != positive].dropna().iloc[0]),
        fewest_of_class=FOLDS if task == "multiclass" else 1,
        group=wishes.group,
        time=wishes.time,
        columns=_inputs(kinds, left_out),
        left_out=left_out,
        identifiers=tuple(n for n, k in kinds.items() if k == "identifier" and n in left_out),
    )


def find_task(values: pd.Series, name: str) -> Task:
    """Tell two classes, several classes and numbers apart.

    Raises a `CrossfoldError` if the target is text with too many values for classes.
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
    if values.name == wishes.target and column.kind == "flag":
        return replace(column, note=case_note(as_text(values.dropna())))
    return column


def _with_names_of_groups(
    columns: tuple[Column, ...], frame: pd.DataFrame, wishes: Wishes
) -> tuple[Column, ...]:
    """Take for an identifier what tells the group of a row, as a patient's name tells the patient.

    No other group has its values, so that nothing can be learned from it. So is what holds
    identifiers of any group, for which a run would refuse the table.
    """
    if wishes.group is None:
        return columns
    group, others = frame[wishes.group], {wishes.group, wishes.target, wishes.time}
    own = group_codes(group.head(MOST_ROWS))
    sought = Sought(findable(own).drop_duplicates(), only_codes=True)

    def with_note(column: Column) -> Column:
        values, note = frame[column.name], ""
        if column.name not in others:
            if column.kind in INPUT_KINDS and _tells_group(values, group, column.kind):
                note = f"it tells the {wishes.group} of a row, and is left out"
            elif sought.rows(in_one_way(values.head(MOST_ROWS)), own)[0].any():
                note = f"it holds identifiers of {wishes.group}, and is left out"
        if not note:
            return column
        return replace(column, kind="identifier", example="", note=note, date_format=None)

    return tuple(map(with_note, columns))


def _tells_group(values: pd.Series, group: pd.Series, kind: str) -> bool:
    """Say whether values hold the name of their row's group, or as categories belong to one."""
    some = (in_one_way(each.head(MOST_ROWS)) for each in (values, group))
    if rows_with_own(*some).mean() > SHARE_OF_A_COPY:
        return True
    if kind != "category":
        return False
    pairs = pd.DataFrame({"value": values, "group": group}).value_counts()
    n, largest = pairs.sum(), pairs.groupby("group").sum().max()  # to guess the largest is no help
    return bool(pairs.groupby("value").max().sum() - largest > MOSTLY * (n - largest))


def _readable_target(values: pd.Series, wishes: Wishes) -> pd.Series:
    target = as_number(values) if wishes.task == "regression" else as_text(values)
    distinct = target.dropna().unique()
    if len(distinct) == 0 and values.notna().any():
        raise CrossfoldError(f"The target {wishes.target!r} holds no numbers: give another --task.")
    if len(distinct) == 0:
        raise CrossfoldError(f"The target {wishes.target!r} is missing in all rows: name another.")
    if len(distinct) == 1:
        raise CrossfoldError(
            f"The target {wishes.target!r} has one value only ({masked(distinct[0])}): there is"
            " nothing to predict."
        )
    return target


def _positive(target: pd.Series, wishes: Wishes) -> str:
    """Take the value that the user names, that means yes, or that is rarer."""
    counts = target.value_counts()
    values = sorted(counts.index)
    shown = [masked(value) for value in values[:5]]
    if len(values) != 2:
        raise CrossfoldError(
            f"The target {wishes.target!r} has {len(values)} values ({', '.join(shown)}), and"
            " a binary task needs two: give --task multiclass."
        )
    if wishes.positive is not None:
        if wishes.positive not in values:
            raise CrossfoldError(
                f"The target {wishes.target!r} has no value {wishes.positive!r}: give --positive"
                f" {shown[0]} or {shown[1]}."
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


def find_giveaways(
    inputs: pd.DataFrame, target: pd.Series, task: str, groups: pd.Series | None
) -> dict[str, str]:
    """Predict the target from each column alone, on rows held out.

    A column is cut into bins or levels; the rows of one half say what each means, those of the
    other half are scored. Inputs are by kind, as the readers give them; the target, not missing, is
    numbers for a regression, else text; rows of one of the groups stay in one half.

    Returns columns that give the target away, with the evidence in words.
    """
    random = np.random.default_rng(0)
    unit = np.arange(len(target)) if groups is None else pd.factorize(groups)[0]
    train = (random.permutation(unit.max() + 1) % 2 == 0)[unit]
    if train.all():  # there is one group
        return {}
    bins = ((str(name), _bins(inputs[name], train)) for name in inputs.columns)
    if task == "regression":
        numbers = target.to_numpy(dtype="float64")
        told = ((name, _of_number(places, numbers, train)) for name, places in bins)
    else:
        classes = pd.factorize(target)[0]
        told = ((name, _of_class(places, classes, train)) for name, places in bins)
    return {name: evidence for name, evidence in told if evidence}


def _bins(values: pd.Series, train: NDArray[np.bool_]) -> Integers:
    """Tell the bin or level of each value, from 1; 0 is missing."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy().astype(np.intp) + 1
    if values.dtype.kind == "M":
        values = (values - values.min()).dt.total_seconds()
    numbers = values.to_numpy(dtype="float64")
    learnt = numbers[train & ~np.isnan(numbers)]
    known = np.unique(learnt)
    between = (known[1:] + known[:-1]) / 2  # a new value counts as the nearest known one
    if len(known) > MOST_BINS:
        between = np.unique(np.quantile(learnt, np.linspace(0, 1, MOST_BINS + 1)[1:-1]))
    return np.where(np.isnan(numbers), 0, np.searchsorted(between, numbers) + 1)


def _of_number(bins: Integers, y: NDArray[np.float64], train: NDArray[np.bool_]) -> str:
    n, total = _sums(bins, train, np.ones_like(y)), _sums(bins, train, y)
    mean = y[train].mean()
    predicted = np.where(n > 0, total / np.maximum(n, 1), mean)[bins[~train]]
    held_out = y[~train]
    spread = ((held_out - mean) ** 2).sum()
    r2 = 1 - ((held_out - predicted) ** 2).sum() / spread if spread else 0
    sure = r2 > LIMIT and len(held_out) >= 2 * FEWEST_OF_A_CLASS
    return f"R² {r2:.3f} on rows held out" if sure else ""


def _sums(bins: Integers, train: NDArray[np.bool_], y: NDArray[np.float64]) -> NDArray[np.float64]:
    sums = np.bincount(bins[train], weights=y[train], minlength=bins.max() + 1)
    return sums.astype(np.float64)


def _of_class(bins: Integers, y: Integers, train: NDArray[np.bool_]) -> str:
    n_classes = int(y.max()) + 1
    size = (bins.max() + 1) * n_classes
    counts = np.bincount(bins[train] * n_classes + y[train], minlength=size)
    base = np.bincount(y[train], minlength=n_classes) / train.sum()
    shares = counts.reshape(-1, n_classes) + base
    shares = shares / shares.sum(axis=1, keepdims=True)
    held_out, predicted = y[~train], shares[bins[~train]]
    right = predicted.argmax(axis=1) == held_out
    majority = float((held_out == base.argmax()).mean())
    errors, n_others = int((~right).sum()), int((held_out != base.argmax()).sum())
    is_sure = n_others >= FOLDS and errors + 3 <= MOST_ERRORS * len(right)
    if is_sure and errors <= n_others / 10:
        return f"accuracy {right.mean():.3f} on rows held out, {majority:.3f} by the largest class"
    if n_classes == 2 and np.bincount(held_out, minlength=2).min() >= FEWEST_OF_A_CLASS:
        from sklearn.metrics import roc_auc_score

        auc = roc_auc_score(held_out, predicted[:, 1])
        return f"ROC-AUC {auc:.3f} on rows held out" if auc > LIMIT else ""
    return ""


def find_caveats(frame: pd.DataFrame, target: pd.Series, profile: Profile) -> list[str]:
    """Say in sentences what makes results worse than they look, or better.

    In the table missing values are found; the target is as it is read, NaN where it is missing; the
    profile is what was found out so far.
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
    told += _number_warnings(frame, parameters)
    if duplicates:
        told.append(f"Rows that repeat another one in every column that is used: {duplicates:,}.")
    if missing := int(target.isna().sum()):
        told.append(f"{missing:,} rows have no {parameters.target}: they go to the rejected rows.")
    if profile.n_rows < FEWEST_ROWS:
        told.append(f"{profile.n_rows} rows are too few to learn from: expect wide intervals.")
    unread = (UNIT_NOTE, TWO_NUMBERS_NOTE, SIGNS_NOTE, DATES_NOTE)
    kinds = (*INPUT_KINDS, "identifier")
    noted = [c for c in profile.columns if c.note.startswith(unread) or c.kind in kinds]
    return told + [f"{column.name}: {column.note}." for column in noted if column.note]


def _group_warnings(frame: pd.DataFrame, profile: Profile) -> list[str]:
    """Warn of groups that keep nothing together, and of identifiers that repeat without a group."""
    group = profile.parameters.group
    if group is not None:
        n_groups = frame[group].nunique()
        if n_groups == frame[group].notna().sum():
            return [f"{group} has another value in every row: it keeps nothing together."]
        if n_groups < FEWEST_GROUPS:
            return [
                f"{group} has {n_groups} values, and {FEWEST_GROUPS} are needed to learn from some,"
                " to calibrate with others and to validate with the rest."
            ]
        few = f"{group} has {n_groups} values only: whether a figure holds for others is uncertain."
        return [few] if n_groups < 2 * FOLDS else []
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
        numbers = as_number(target).dropna()
        top = numbers.value_counts(normalize=True)
        if top.iloc[0] > 1 - RARE_SHARE:
            return [f"{parameters.target} is nearly always {masked(f'{top.index[0]:g}')}."]
        if numbers.var() < LEAST_VARIANCE:
            return [
                f"{parameters.target} has so small values (standard deviation {numbers.std():.1e})"
                " that forests cannot tell them apart: give it in another unit."
            ]
        low, middle, high = numbers.quantile([0.25, 0.5, 0.75])
        far = numbers[(numbers - middle).abs() > MOST_SPREADS * (high - low)]
        return [_far_values(parameters.target, far, middle)] if high > low and len(far) else []
    counts = target.value_counts()
    told = []
    if counts.iloc[0] / counts.sum() > 1 - RARE_SHARE:
        share = counts.iloc[0] / counts.sum()
        most = masked(counts.index[0])
        told.append(f"{parameters.target} is nearly constant: {share:.1%} are {most}.")
    if parameters.task == "binary" and counts.min() < FOLDS:
        few_events = f"{counts.min()} rows of the rarest class, fewer than {FOLDS} folds need"
        told.append(f"{parameters.target} has {few_events}.")
    rare = counts[counts < parameters.fewest_of_class]
    few = counts[(counts >= FOLDS) & (counts < 2 * FOLDS)]
    if len(rare):
        told.append(
            f"Classes with too few rows for {FOLDS} folds: {_listed(rare)}. They go to the"
            " rejected rows."
        )
    if len(few):
        told.append(f"Classes with hardly more rows than {FOLDS} folds need: {_listed(few)}.")
    return told


def _number_warnings(frame: pd.DataFrame, parameters: TableParameters) -> Iterator[str]:
    inputs, time = parameters.columns.items(), parameters.time
    names = [name for name, kind in inputs if kind == "number" and name != time]
    for name in [*names, parameters.target] if parameters.task == "regression" else names:
        numbers = as_number(frame[name].head(MOST_ROWS))
        if 0 < numbers.std() < LEAST_SPREAD * abs(numbers.mean()):
            yield (
                f"{name} has values near {numbers.mean():.2g} that differ by less than a millionth"
                " of it, and networks compute with seven digits: subtract a number from all."
            )
        for value in (numbers.min(), numbers.max()):
            others = numbers[numbers != value].dropna()
            n = int((numbers == value).sum())
            is_far = (others - value).abs().min() > others.max() - others.min()
            if n > 1 and is_far and MISSING_CODE.fullmatch(f"{value:g}"):
                yield (
                    f"{name} is {value:g} in {n:,} rows, far from all else: if that stands for"
                    " a missing value, leave those cells empty."
                )


def _far_values(name: str, far: pd.Series, middle: float) -> str:
    first = ", ".join(masked(f"{one:g}") for one in far[:3])
    return (
        f"{name} has values so far from its median of {middle:g} that they alone decide how good a"
        f" model looks: {first}{', …' * (len(far) > 3)} (rows: {len(far):,}). Check them."
    )


def _listed(counts: pd.Series) -> str:
    return ", ".join(f"{masked(name)} ({n})" for name, n in counts.items())
