"""Errors that a user can cause, each told in one sentence: what, where, what to do."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from crossfold.exceptions import CrossfoldError
from kedro_refresh import RefreshError

if TYPE_CHECKING:
    from kedro.validation import CheckFailure, DataValidationError

CONF_SOURCE = "conf"
MOST_FAILURES = 3
DISK_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}  # Windows knows no quota
FILE = re.compile(r"filepath=[^/]*(?P<file>/[^',)]+)")
KEDRO_SENTENCES = ("Pipeline contains no nodes",)
FAILURES = {
    "column_in_dataframe": "the column {example} is missing",
    "column_in_schema": "the column {example} is not expected",
    "not_nullable": "the column {column} is empty in {n} rows",
    "field_uniqueness": "the column {column} repeats values in {n} rows",
}
NO_VERSION = re.compile(r"Did not find any versions for .*?filepath=[^/]*(?P<file>/[^',)]+)")
UNREADABLE = re.compile(
    r"Failed while loading data from dataset .*?filepath=[^/]*(?P<file>/[^',)]+).*?\.\n(?P<why>.+)",
    re.DOTALL,
)


def explain(error: BaseException) -> str | None:
    """Tell an error in one sentence, or give None where it is not one that a user can cause."""
    from kedro.config import BadConfigException, MissingConfigException
    from kedro.io.core import DatasetError
    from kedro.validation import DataValidationError
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    if any(isinstance(cause, OSError) and cause.errno in DISK_FULL for cause in _chain(error)):
        return _explain_full_disk(error)
    told = CrossfoldError | RefreshError
    own = next((cause for cause in _chain(error) if isinstance(cause, told)), None)
    if own is not None or str(error).startswith(KEDRO_SENTENCES):
        return _one_line(own or error)
    if isinstance(error, DataValidationError) and error.mode == "load":
        return _explain_data(error)
    if isinstance(error, DatasetError) and not isinstance(error, DataValidationError):
        return _explain_dataset(str(error))
    if (told_elsewhere := _explain_library(error)) is not None:
        return told_elsewhere
    of_conf = MissingConfigException | BadConfigException | YAMLError | OmegaConfBaseException
    is_of_conf = isinstance(error, of_conf)
    return f"The configuration cannot be read: {_one_line(error)}" if is_of_conf else None


def _explain_library(error: BaseException) -> str | None:
    """Tell what Kedro or scikit-learn refuses in words of its own."""
    if str(error).startswith("The following nodes cannot be serialised"):
        return (
            "ParallelRunner cannot run the nodes of a report: leave them out with"
            " --tags=data_engineering,modelling, or use another runner."
        )
    if isinstance(error, FileNotFoundError) and Path(error.filename or "").name == CONF_SOURCE:
        return (
            f"There is no folder {error.filename} with settings: run the command in the project's"
            " folder, or name one with --conf-source."
        )
    if str(error).startswith("Duplicate keys found in"):
        return f"The configuration cannot be read: {_one_line(error)}: keep one of each."
    if type(error).__name__ == "InvalidParameterError":  # scikit-learn need not be loaded
        return f"{_one_line(error)} Mend the model's params in the configuration."
    return None


def _explain_full_disk(error: BaseException) -> str:
    named = [str(found["file"]) for cause in _chain(error) if (found := FILE.search(str(cause)))]
    named += [str(name) for cause in _chain(error) if (name := getattr(cause, "filename", None))]
    file = next(iter(named), "a file")
    return (
        f"The disk is full: {file} cannot be written. Free some space, then run again; what was"
        " there stays as it was."
    )


def _explain_dataset(message: str) -> str | None:
    """Tell why a file cannot be read; a file that cannot be written is left to its traceback."""
    if found := NO_VERSION.search(message):
        return f"There is no version of {found['file']} yet: run the pipeline that makes it first."
    if found := UNREADABLE.search(message):
        why = " ".join(found["why"].split()).rstrip(".")
        why = "there is no such file" if why.startswith(found["file"]) else why
        return f"{found['file']} cannot be read ({why}): run the pipeline that makes it again."
    return None if "Failed while" in message else " ".join(message.split())


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _explain_data(error: DataValidationError) -> str:
    where = next(iter(getattr(error, "__notes__", [])), f"The dataset {error.dataset_name}")
    failures = [_explain_failure(failure) for failure in error.failures[:MOST_FAILURES]]
    more = len(error.failures) - len(failures)
    detail = "; ".join(failures) or _one_line(Exception(error.message))
    rest = f"; and {more} more" if more > 0 else ""
    return (
        f"{where} does not fit its schema: {detail}{rest}. Mend it or put a good one in its place."
    )


def _explain_failure(failure: CheckFailure) -> str:
    from crossfold.datasets.identifiers import masked

    example = failure.failure_examples[0] if failure.failure_examples else ""
    rule = failure.check or failure.message
    told = FAILURES.get(rule)
    if told is None and rule.startswith("dtype("):
        told = "the column {column} holds {example!r} where {kind} was expected"
    if told is None:
        told = "the column {column} breaks {rule} in {n} rows, for instance {example}"
        told = told if failure.column else "it should have {rule}"
    return told.format(
        column=failure.column,
        example=example if rule in FAILURES else masked(example),  # else the name of a column
        rule=rule,
        kind=rule.removeprefix("dtype(").strip("()'"),
        n=failure.failure_count,
    )
