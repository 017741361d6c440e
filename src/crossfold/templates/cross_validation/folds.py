"""Which rows a model learns from, which calibrate it and which score it."""

import datetime
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.templates.cross_validation.encoding import target_numbers
from crossfold.templates.cross_validation.parameters import FoldParameters
from crossfold.templates.parameters import TableParameters, Task
from crossfold.validation import splits
from crossfold.validation.leak_guard import equal_rows, find_leaks, refuse_leaks
from crossfold.validation.tables import NOT_SET, TRAIN, VALIDATION

Rows = NDArray[np.intp]

GROUPED, K_FOLD = "grouped_k_fold", "k_fold"
LEAVE_ONE_OUT, ORIGINAL_SPLIT = "leave_one_out", "original_split"
TIME_SPLIT = "time_split"
PERMUTED = "permuted_labels"
ALL_ROWS = "all_rows"
MAIN = (GROUPED, K_FOLD)
"""Cross-validations, one of which every study has: its figures are the study's result."""
COMPARED = (*MAIN, LEAVE_ONE_OUT, ORIGINAL_SPLIT)
"""Protocols that keep groups apart, under which models are compared."""
SCORED = (*COMPARED, TIME_SPLIT)
"""Protocols under which every model is scored."""

_logger = logging.getLogger(__name__)
_COPIES_AT_MOST = 0.5
_FEWEST_MEASURED = 50
_TEST_SHARE = 0.2
_MOST_DRAWS = 100


@dataclass(frozen=True)
class Fold:
    """One fold of one protocol."""

    protocol: str
    fold: int  # its number, from 0
    train_rows: Rows  # in increasing order; no group is in both kinds of rows
    validation_rows: Rows
    part: NDArray[np.int8]  # of each training row; -1 where there are none

    def inner(self, member: int) -> tuple[Rows, Rows]:
        """Split into rows that a member learns from, and those that follow its training.

        The latter are the part that it leaves out, or the validation rows where there are no parts.
        """
        if not self.has_parts:
            return self.train_rows, self.validation_rows
        left_out = self.part == member
        return self.train_rows[~left_out], self.train_rows[left_out]

    @property
    def has_parts(self) -> bool:
        """Whether members leave out parts, which calibrate them."""
        return bool((self.part != NOT_SET).any())


def assign_rows_to_folds(
    table: pd.DataFrame,
    features: pd.DataFrame,
    folds: FoldParameters,
    table_parameters: TableParameters,
    seed: int,
) -> pd.DataFrame:
    """Assign every row to the folds of every protocol, and to a part for calibration.

    Classes are stratified. Rows of one group stay together; without a group column equal rows do.
    Repeat ``r`` of the cross-validation is shuffled by ``seed + r``. The time split's test rows are
    those from the first test day on: the day that is set, or the one that leaves about the last
    fifth of the rows. A training fold of one class is a `SplitError`.

    The cleaned table has the group and the date of each row, `features` the same rows in the same
    order with the target; a table of the schema `crossfold.validation.schemas.FOLDS` is returned.
    """
    roles = (table_parameters.group, table_parameters.time, folds.split_column)
    missing = [name for name in roles if name is not None and name not in table]
    missing += [table_parameters.target] if table_parameters.target not in features else []
    if missing:
        raise splits.SplitError(
            f"The table has no column {', '.join(missing)}: correct `target`, `group` and"
            " `time` in the study's block `table`, or `folds.split_column`."
        )
    group = group_codes(table, table_parameters)
    target = target_numbers(features[table_parameters.target], table_parameters)
    pairs = [
        (name, number, train, validation)
        for name, assigned in _assignments(table, target, group, folds, table_parameters, seed)
        for number, (train, validation) in enumerate(chain(*map(splits.fold_rows, assigned)))
    ]
    for name, _, train, _ in pairs if table_parameters.task != "regression" else ():
        if not np.ptp(target[train]):
            raise splits.SplitError(
                f"The rows to learn from in a fold of {name} are all of one class, as few groups"
                " hold another: give more groups that hold it, or another protocol."
            )
    part = _parts(group, folds.parts, [train for _, _, train, _ in pairs], seed)
    made = [
        Fold(name, number, train, validation, part[train])
        for name, number, train, validation in pairs
    ]
    nothing = np.empty(0, dtype=np.intp)
    made.append(Fold(ALL_ROWS, 0, np.arange(len(group)), nothing, part))
    tables = [_fold_table(one, group) for one in made]
    joined = pd.concat(tables, ignore_index=True)
    return joined.astype({"protocol": "category", "role": "category"})


def _parts(
    group: NDArray[np.int64], n_parts: int, trains: Sequence[Rows], seed: int
) -> NDArray[np.int8]:
    """Assign groups to parts, drawn again where all of a few groups' part would be validated.

    A training fold of too few groups for parts is a `SplitError`.
    """
    if not n_parts:
        return np.full(len(group), NOT_SET, dtype=np.int8)
    for draw in range(_MOST_DRAWS):
        part = splits.assign_parts(group, n_parts=n_parts, seed=seed + 1000 * draw)
        if all(np.bincount(part[train], minlength=n_parts).all() for train in trains):
            return part
    raise splits.SplitError(
        f"A training fold has too few groups to leave out each of {n_parts} parts for calibration:"
        " give more groups, or ask for fewer parts (folds.parts)."
    )


def _assignments(
    table: pd.DataFrame,
    target: NDArray[Any],
    group: NDArray[np.int64],
    folds: FoldParameters,
    table_parameters: TableParameters,
    seed: int,
) -> Iterator[tuple[str, list[NDArray[np.integer]]]]:
    """Assign rows to the folds of each protocol, once for each repeat; -1 is in none."""
    task = table_parameters.task
    # Numbers get another seed than the parts: the same would put a whole part into each fold.
    first = seed + 1 if task == "regression" else seed
    seeds = range(first, first + folds.n_repeats)
    assigned = [assign(target, group, task, folds.n_splits, one) for one in seeds]
    yield K_FOLD if _stands_alone(group) else GROUPED, assigned
    if folds.leave_one_out:
        yield LEAVE_ONE_OUT, [group]
    if folds.split_column is not None:
        learnt_from = (table[folds.split_column] == TRAIN).to_numpy()
        yield ORIGINAL_SPLIT, [np.where(learnt_from, -1, 0)]
    if table_parameters.time is not None:
        by_time = _by_time(table[table_parameters.time], folds.first_test_day)
        yield TIME_SPLIT, [] if by_time is None else [by_time]


def group_codes(table: pd.DataFrame, table_parameters: TableParameters) -> NDArray[np.int64]:
    """Assign a number to each group, by first appearance: no figure depends on their names.

    Without a group column equal rows are a group, as copies have to stay together; where most rows
    have an equal one, they are taken for coincidences of a coarse table, not for copies, unless
    they agree in a number with decimals that tells most of the others apart.
    """
    if table_parameters.group is not None:
        return np.asarray(pd.factorize(table[table_parameters.group])[0], dtype=np.int64)
    rows = _without_identifiers(table, table_parameters)
    codes = equal_rows(rows)
    n_different = codes.max(initial=-1) + 1
    if n_different < _COPIES_AT_MOST * len(table) and not _is_measured(rows, n_different):
        return np.arange(len(table))
    return codes


def _is_measured(rows: pd.DataFrame, n_different: int) -> bool:
    """Say whether a number with decimals tells most of the different rows apart."""
    numbers = rows.select_dtypes("float")
    fractions = numbers.loc[:, ((numbers % 1).fillna(0) != 0).mean() > _COPIES_AT_MOST]
    least = max(_FEWEST_MEASURED, _COPIES_AT_MOST * n_different)
    return bool((fractions.nunique() > least).any())


def _without_identifiers(table: pd.DataFrame, table_parameters: TableParameters) -> pd.DataFrame:
    """Leave out what tells rows apart by name; a user's own table has come without it."""
    return table.drop(columns=list(table_parameters.identifiers), errors="ignore")


def _stands_alone(group: NDArray[np.integer]) -> bool:
    return bool(pd.Index(group).is_unique)


def assign(
    target: NDArray[Any], group: NDArray[np.integer], task: Task, n_splits: int, seed: int
) -> NDArray[np.integer]:
    """Assign rows to folds, shape ``(n,)``: whole groups, with classes stratified."""
    if task == "regression":
        return splits.assign_parts(group, n_parts=n_splits, seed=seed)
    groups = None if _stands_alone(group) else group
    return splits.assign_folds(target, groups, n_splits=n_splits, seed=seed)


def _by_time(dates: pd.Series, first_test_day: datetime.date | None) -> NDArray[np.int8] | None:
    """Split by time; a day that the data do not reach is none that was chosen for them."""
    if first_test_day is not None and pd.api.types.is_numeric_dtype(dates):
        first_test_day = None
        _logger.warning("Time is a number: first_test_day is chosen from the data.")
    if first_test_day is not None and dates.min() < pd.Timestamp(first_test_day) <= dates.max():
        return splits.time_split(dates, first_test_day)
    if first_test_day is not None:
        _logger.warning("No date reaches first_test_day, %s: another is chosen.", first_test_day)
    chosen = splits.last_part(dates, _TEST_SHARE)
    if chosen is None:
        _logger.warning("There is no time split: all dates are %s.", str(dates.min())[:10])
        return None
    _logger.info("The time split tests from %s on, the last fifth of the rows.", chosen)
    return splits.time_split(dates, chosen)


def _fold_table(fold: Fold, group: NDArray[np.int64]) -> pd.DataFrame:
    rows = np.concatenate([fold.train_rows, fold.validation_rows])
    n_train, n_validation = len(fold.train_rows), len(fold.validation_rows)
    role = pd.Categorical([TRAIN, VALIDATION], [TRAIN, VALIDATION])
    return pd.DataFrame(
        {
            "protocol": pd.Categorical([fold.protocol] * len(rows)),
            "fold": np.int16(fold.fold),
            "row": rows.astype(np.int32),
            "role": role.repeat([n_train, n_validation]),
            "part": np.append(fold.part, np.full(n_validation, NOT_SET)).astype(np.int8),
            "group": group[rows].astype(np.int32),
        }
    )


def read_folds(folds: pd.DataFrame, *protocols: str) -> list[Fold]:
    """Read the folds of the named protocols, or of the study's cross-validation."""
    found = []
    for protocol in protocols or MAIN:
        of_protocol = folds[folds["protocol"] == protocol]
        for number, rows in of_protocol.groupby("fold"):
            trains = (rows["role"] == TRAIN).to_numpy()
            row = rows["row"].to_numpy(dtype=np.intp)
            part = rows["part"].to_numpy()[trains]
            found.append(Fold(protocol, int(str(number)), row[trains], row[~trains], part))
    return found


def group_of_row(folds: pd.DataFrame) -> NDArray[np.int32]:
    """Read each row's group, shape ``(n,)``."""
    rows = folds[folds["protocol"] == ALL_ROWS].sort_values("row")
    return rows["group"].to_numpy(dtype=np.int32)


def guard_against_leaks(
    table: pd.DataFrame, fold_table: pd.DataFrame, table_parameters: TableParameters
) -> pd.DataFrame:
    """Check that no group and no copy of a row crosses a fold of any of `COMPARED`.

    A leak stops the run.

    Returns the table of `crossfold.validation.leak_guard.find_leaks`.
    """
    group = group_of_row(fold_table)
    coarse = table_parameters.group is None and _stands_alone(group)
    identity = None if coarse else _without_identifiers(table, table_parameters)
    found = {}
    for name, folds in groupby(read_folds(fold_table, *COMPARED), lambda one: one.protocol):
        pairs = [(one.train_rows, one.validation_rows) for one in folds]
        found[name] = refuse_leaks(find_leaks(pairs, groups=group, identity=identity))
    if len(found) > 1:
        found = {name: own.assign(check=f"{name}: " + own["check"]) for name, own in found.items()}
    return pd.concat(found.values(), ignore_index=True)
