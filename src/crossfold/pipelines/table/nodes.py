"""Nodes that turn any table into typed rows, and those into features."""

import logging
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

from crossfold.datasets.identifiers import masked
from crossfold.datasets.table_dataset import as_text
from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.table.kinds import KNOWN_MISSING, READERS, as_category, as_number
from crossfold.templates.cross_validation.nodes import Networks
from crossfold.templates.parameters import TableParameters

MOST_NAMED = 5

_logger = logging.getLogger(__name__)


def prepare_table(
    raw: pd.DataFrame, table_parameters: TableParameters
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Read every column by its kind, and set rows aside that cannot be used.

    Identifiers of `raw` are hashed. In the table come group (hashes), time and inputs by kind:
    numbers float64, flags float64 (1, 0, missing), categories of text, dates datetime64[us]. The
    target is last: bool for two classes, categories of text for several, float64 for a number.

    Returns the table; the declared columns of the rejected rows as text, with the ``rule`` that
    each breaks; and counts: ``read``, ``kept``, ``rejected`` by rule, and ``duplicates``, kept rows
    that repeat another. Raises a `CrossfoldError` if columns are missing, the target does not fit
    its task, or no row can be used.
    """
    require_columns(raw, _declared(table_parameters))
    parsed = _parsed(raw, table_parameters)
    broken = _broken_rules(parsed, table_parameters)
    good = (broken == "").to_numpy()
    kept = parsed[good].reset_index(drop=True)
    if kept.empty:
        raise CrossfoldError(
            f"None of the {len(raw)} rows can be used ({_counts(broken)}): check the target"
            f" {table_parameters.target!r} and what counts as missing in catalog.yml."
        )
    kept[table_parameters.target] = _final_target(kept[table_parameters.target], table_parameters)
    rejected = raw.loc[~good, _declared(table_parameters)].apply(as_text).assign(rule=broken[~good])
    counts = {
        "read": len(raw),
        "kept": len(kept),
        "rejected": _counts(broken),
        "duplicates": int(kept.duplicated().sum()),
    }
    return kept, rejected.reset_index(drop=True), counts


def build_features(table: pd.DataFrame, table_parameters: TableParameters) -> pd.DataFrame:
    """Build the features of every typed row from `prepare_table`.

    Returns the same rows in the same order: the target, then the inputs in the order of their
    declaration. Numbers, flags and parts of dates are float32, missing ones NaN; categories are
    categories of text.
    """
    features = _features(table, table, table_parameters)
    features.insert(0, table_parameters.target, table[table_parameters.target])
    return features


def build_coming_features(
    coming_raw: pd.DataFrame, table: pd.DataFrame, table_parameters: TableParameters
) -> pd.DataFrame:
    """Build the features of new rows, whose target is not known.

    Missing values and unknown categories, of which a warning tells, are no error. The typed rows of
    `table`, which the models learn from, tell what is known, what varies, and where dates begin.

    Returns the same rows in the same order: the columns of `build_features` without the target.
    Raises a `CrossfoldError` if columns are missing (all are named), if there is no row, or if
    nothing in a column can be read.
    """
    require_columns(coming_raw, table_parameters.columns)
    if coming_raw.empty:
        raise CrossfoldError("There are no rows to score: the table of new rows is empty.")
    rows = pd.DataFrame(
        {name: _read(coming_raw[name], kind) for name, kind in table_parameters.columns.items()},
        index=coming_raw.index,
    )
    for name, kind in table_parameters.columns.items():
        if kind == "category":
            _warn_of_unknown(rows[name].dropna(), table[name])
    return _features(rows.reset_index(drop=True), table, table_parameters)


def _warn_of_unknown(values: pd.Series, known: pd.Series) -> None:
    n_unknown = int((~values.isin(known.dropna().unique())).sum())
    if n_unknown:
        told = "%s: %s of %s values do not occur in the table that the study was made of."
        _logger.warning(told, values.name, f"{n_unknown:,}", f"{len(values):,}")


def score_rows(model: Networks, coming_features: pd.DataFrame) -> pd.DataFrame:
    """Score new rows with the study's model.

    Returns ``row`` (number of the row as it was read, from 1) and the columns of
    `crossfold.templates.cross_validation.final_model.score`.
    """
    from crossfold.templates.cross_validation.final_model import score

    scored = score(model, coming_features).reset_index(drop=True)
    scored.insert(0, "row", np.arange(1, len(scored) + 1, dtype=np.int32))
    return scored


def require_columns(raw: pd.DataFrame, names: Iterable[str]) -> None:
    """Refuse a table that lacks columns (`CrossfoldError`), and name those that look alike."""
    missing = [name for name in names if name not in raw.columns]
    if not missing:
        return
    told = []
    for name in missing[:MOST_NAMED]:
        alike = get_close_matches(name, raw.columns, n=1)
        told.append(f"{name!r}" + (f" (did you mean {alike[0]!r}?)" if alike else ""))
    more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
    unnamed = sum(str(name).startswith("Unnamed: ") for name in raw.columns)
    advice = " Take out the rows above its header." if unnamed > 1 else ""
    raise CrossfoldError(
        f"The table has no column {', '.join(told)}{more}; it has"
        f" {', '.join(repr(masked(name)) for name in raw.columns[:20])}.{advice}"
    )


def _declared(table: TableParameters) -> list[str]:
    names = [table.group, table.time, *table.columns, table.target]
    return list(dict.fromkeys(name for name in names if name is not None))


def _parsed(raw: pd.DataFrame, table: TableParameters) -> pd.DataFrame:
    columns = {}
    for name in _declared(table):
        if name == table.target:
            read = as_number if table.task == "regression" else as_text
            columns[name] = read(raw[name])
        elif name == table.group:
            columns[name] = as_text(raw[name])
        else:
            columns[name] = _read(raw[name], table.columns.get(name, "date"))
    return pd.DataFrame(columns)


def _read(values: pd.Series, kind: str) -> pd.Series:
    """Read an input, and say how many of its values are no such thing; models read float32."""
    read = READERS[kind](values)
    if kind == "number":
        read = read.where(read.abs() <= np.finfo(np.float32).max)
    written = values[~values.isin(KNOWN_MISSING)].count()
    if written > 1 and read.isna().all():
        raise CrossfoldError(
            f"None of the {written:,} values of {values.name} can be read as a {kind}: write them"
            " as in the table that the study was made of, or change its kind in"
            " parameters_table.yml."
        )
    unreadable = int((read.isna() & as_text(values).notna()).sum()) if read.isna().any() else 0
    if unreadable:
        _logger.warning(
            "%s: %s values cannot be read as a %s; they count as missing.",
            values.name,
            f"{unreadable:,}",
            kind,
        )
    return read


def _broken_rules(parsed: pd.DataFrame, table: TableParameters) -> pd.Series:
    broken = pd.Series("", index=parsed.index, dtype="str")
    for rule, column in (("target", table.target), ("group", table.group), ("time", table.time)):
        if column is not None:
            broken = broken.mask((broken == "") & parsed[column].isna(), f"missing_{rule}")
    if table.task == "multiclass":
        of_class = parsed[table.target].where(broken == "")
        is_rare = of_class.map(of_class.value_counts()) < table.fewest_of_class
        broken = broken.mask(is_rare, "rare_class")
    return broken


def _final_target(target: pd.Series, table: TableParameters) -> pd.Series:
    if table.task == "regression":
        return target
    values = sorted(target.unique())
    if table.task == "multiclass":
        return as_category(target)
    if len(values) > 2 or table.positive not in values:
        shown = ", ".join(repr(masked(value)) for value in values[:10])
        raise CrossfoldError(
            f"The target {table.target!r} has the values {shown}, and a binary task needs two,"
            f" {masked(table.positive)!r} among them: change `task` or `positive` in"
            " parameters_table.yml, or add words for missing values to na_values in catalog.yml."
        )
    return target == table.positive


def _counts(broken: pd.Series) -> dict[str, int]:
    return {str(rule): int(n) for rule, n in broken[broken != ""].value_counts().items()}


def _features(
    rows: pd.DataFrame, reference: pd.DataFrame, parameters: TableParameters
) -> pd.DataFrame:
    columns: dict[str, pd.Series] = {}
    taken = {*parameters.columns, parameters.target}
    for name, kind in parameters.columns.items():
        if kind == "date":
            parts = _date_parts(reference[name], name != parameters.time)
            for part, compute in parts.items():
                columns[_free_name(f"{name}_{part}", taken)] = compute(rows[name]).astype("float32")
        elif kind == "category":
            columns[name] = rows[name]
        elif name != parameters.time:
            columns[name] = rows[name].astype("float32")
    if not columns:
        raise CrossfoldError("No input column varies: declare others in parameters_table.yml.")
    return pd.DataFrame(columns, index=rows.index)


def _date_parts(
    reference: pd.Series, with_trend: bool
) -> dict[str, Callable[[pd.Series], pd.Series]]:
    """List the parts that vary in a column; a column of time gives none that only ever grows."""
    first = reference.min()
    trend: dict[str, Callable[[pd.Series], pd.Series]] = {
        "year": lambda dates: dates.dt.year,
        "days": lambda dates: (dates - first).dt.total_seconds() / 86400,
    }
    season: dict[str, Callable[[pd.Series], pd.Series]] = {
        "month": lambda dates: dates.dt.month,
        "weekday": lambda dates: dates.dt.day_of_week,
        "hour": lambda dates: dates.dt.hour + dates.dt.minute / 60,
    }
    parts = {"year": trend["year"], **season, "days": trend["days"]} if with_trend else season
    return {
        name: part for name, part in parts.items() if part(reference).min() < part(reference).max()
    }


def _free_name(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"{name}_"
    taken.add(name)
    return name
