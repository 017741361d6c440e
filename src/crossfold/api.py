"""Study a table from Python, without a project: the same pipelines on data in memory."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from crossfold.datasets.figure_dataset import to_svg
from crossfold.datasets.table_dataset import as_text, read_dates, with_plain_types, without_words
from crossfold.exceptions import CrossfoldError
from crossfold.validation.tables import POOLED

if TYPE_CHECKING:
    from kedro.pipeline import Pipeline
    from matplotlib.figure import Figure

    from crossfold.pipelines.table.profile import Profile
    from crossfold.templates.parameters import Task

NAME = "study"
_TABLES = ("predictions", "metrics_table", "comparison", "history", "feature_importance")
_OTHERS = ("table", "features", "row_counts", "model", "model_card", "report")


@dataclass(frozen=True, repr=False)
class Study:
    """What came of a table."""

    # every metric of every model with its 95 % interval: ``model``, ``protocol``, ``scope``,
    # ``metric``, ``estimate``, ``low``, ``high``, ``n``
    metrics: pd.DataFrame
    # every pair of models: ``model_a``, ``model_b``, ``metric``, ``test``, ``difference``, ``low``,
    # ``high``, ``p_value``, ``n``, ``verdict``
    comparison: pd.DataFrame
    predictions: pd.DataFrame  # what every model says of every row that it did not learn from
    importance: pd.DataFrame  # what the ensemble loses when a column of unseen rows is shuffled
    history: pd.DataFrame  # losses and scores of every network after every epoch
    features: pd.DataFrame  # the table as models read it, the target first
    row_counts: dict[str, Any]  # rows read, kept and rejected by rule
    model: Any  # the networks fitted on all rows, and what scoring needs
    model_card: dict[str, Any]
    figures: dict[str, Figure]  # figures of matplotlib by name
    warnings: tuple[str, ...]  # what should be known of the table, in sentences
    _table: pd.DataFrame = field(repr=False)
    _profile: Profile = field(repr=False)
    _report: str = field(repr=False)

    def score(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Score new rows with the model of all rows.

        The table has the input columns; unknown categories and missing values are no error. Returns
        ``row`` (from 1) and ``probability`` and ``flagged`` of two classes, ``predicted`` and
        ``p_CLASS`` of more, ``predicted`` of numbers. Raises a `CrossfoldError` if columns are
        missing (all are named), if there is no row, or if nothing in a column can be read.
        """
        from crossfold.pipelines.table.nodes import build_coming_features, score_rows

        read = _read(frame, self._profile)
        features = build_coming_features(read, self._table, self._profile.parameters)
        return score_rows(self.model, features)

    def to_html(self, file: str | Path | None = None) -> str:
        """Return the report as one HTML page that needs no other file, and write it to `file`."""
        if file is not None:
            from crossfold.datasets.atomic import AtomicLocalFileSystem

            with AtomicLocalFileSystem().open(file, "w", encoding="utf-8") as stream:
                stream.write(self._report)
        return self._report

    def summary(self) -> pd.DataFrame:
        """Arrange the pooled metrics of the cross-validation, one row a model."""
        from crossfold.templates.cross_validation.folds import MAIN

        of_result = (self.metrics["scope"] == POOLED) & self.metrics["protocol"].isin(MAIN)
        return self.metrics[of_result].pivot_table("estimate", "model", "metric")

    def __repr__(self) -> str:
        n, target = len(self.features), self._profile.parameters.target
        return f"Study of {target!r}, {n:,} rows\n{self.summary().round(3).to_string()}"

    def _repr_html_(self) -> str:
        """Show the report in a frame of its own: its looks and the notebook's stay apart."""
        from html import escape

        return (
            f'<iframe srcdoc="{escape(self._report)}" title="Report of the study"'
            ' style="width: 100%; height: 40em; border: 1px solid #8888"></iframe>'
        )


def study(
    frame: pd.DataFrame,
    *,
    target: Hashable,
    group: Hashable | None = None,
    time: Hashable | None = None,
    positive: Any = None,
    task: Task | None = None,
    drop: Hashable | Iterable[Hashable] = (),
    title: str = "",
    seed: int = 42,
    parameters: Mapping[str, Any] | None = None,
) -> Study:
    """Study a table: profile, folds that do not leak, networks beside baselines, report.

    Parameters
    ----------
    frame
        One row for each case. Names of columns that are no text are read as text.
    target
        Column to predict: two classes, several, or numbers.
    group
        Column of who or what must stay together in every split, such as a patient.
    time
        Column of when a row happened, for a split by time as well.
    positive
        Value of the target that counts as the event; found out where None.
    task
        ``binary``, ``multiclass`` or ``regression``; found out where None.
    drop
        Columns to leave out.
    title
        Heading of the report.
    seed
        Of every random choice.
    parameters
        Blocks over the defaults of `crossfold.pipelines.table.study.study_parameters`, such as
        ``{"folds": {"n_splits": 3}}``.

    Raises
    ------
    CrossfoldError
        The table cannot be studied; the message says why and what to do.

    Examples
    --------
    >>> import crossfold
    >>> from sklearn.datasets import load_breast_cancer
    >>> frame = load_breast_cancer(as_frame=True).frame
    >>> found = crossfold.study(frame, target="target")          # doctest: +SKIP
    >>> found.to_html("report.html")                             # doctest: +SKIP
    """
    from crossfold.pipelines.table import create_pipeline
    from crossfold.pipelines.table.profile import Wishes, profile_table
    from crossfold.pipelines.table.study import study_parameters
    from crossfold.templates.parameters import Task
    from crossfold.templates.reporting.nodes import FIGURES
    from crossfold.user_input import LARGEST_SEED, did_you_mean

    if task not in (None, *get_args(Task)):
        raise CrossfoldError(f"task is {task!r}: give one of {', '.join(get_args(Task))}.")
    is_whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if not is_whole or not 0 <= seed <= LARGEST_SEED:
        raise CrossfoldError(f"seed is {seed!r}: give a whole number from 0 to {LARGEST_SEED:,}.")
    _require_frame(frame)
    pipeline = create_pipeline(NAME)
    blocks = {
        name.split(".")[1] for name in pipeline.inputs() if name.startswith(f"params:{NAME}.")
    } - {"table"}  # which is the profile's
    if not isinstance(parameters, Mapping | None):
        raise CrossfoldError(f"parameters is {parameters!r}: give blocks by their names.")
    if unknown := sorted({*map(str, parameters or {})} - blocks):
        raise CrossfoldError(
            f"parameters has no block {', '.join(unknown)}{did_you_mean(unknown[0], blocks)}: the"
            f" blocks are {', '.join(sorted(blocks))}."
        )
    dropped = drop if isinstance(drop, list | tuple | set | pd.Index) else [drop]
    # As `as_text` writes the target: the event 1.0 of a column of numbers is "1".
    event = None if positive is None else as_text(pd.Series([positive])).iloc[0]
    wishes = Wishes(
        target=str(target),
        group=None if group is None else str(group),
        time=None if time is None else str(time),
        positive=event,
        task=task,
        drop=tuple(map(str, dropped)),
    )
    try:
        profile = profile_table(frame, wishes)
    except CrossfoldError as error:
        raise CrossfoldError(_as_arguments(str(error))) from None
    told = tuple(map(_as_arguments, profile.warnings))
    with _quiet():
        for warning in told:
            warnings.warn(warning, UserWarning, stacklevel=2)
    own = study_parameters(profile.parameters, profile.n_rows, profile.n_groups)
    own = _merged(own, {"report": {"title": title, "command": ""}, **(parameters or {})})
    figures = {f"{NAME}.figures.{name}": name for name in FIGURES}
    with _quiet():
        made = run_in_memory(
            pipeline,
            {f"{NAME}.raw": _read(frame, profile)},
            {NAME: {**own, "table": profile.parameters}, "seed": int(seed), "data_notice": ""},
            [*(f"{NAME}.{name}" for name in (*_TABLES, *_OTHERS)), *figures],
        )
    found = {name.removeprefix(f"{NAME}."): value for name, value in made.items()}
    return Study(
        metrics=found["metrics_table"],
        importance=found["feature_importance"],
        **{name: found[name] for name in found.keys() & Study.__dataclass_fields__.keys()},
        figures={name: made[key] for key, name in figures.items()},
        warnings=told,
        _table=found["table"],
        _profile=profile,
        _report=found["report"],
    )


def _as_arguments(sentence: str) -> str:
    """Name arguments where a sentence names options of the command, which are called alike."""
    return re.sub(r"--(?=[a-z])", "", sentence)


def _require_frame(frame: Any) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise CrossfoldError(f"A study reads a pandas DataFrame, not a {type(frame).__name__}.")


def _read(frame: pd.DataFrame, profile: Profile) -> pd.DataFrame:
    """Read a table as its profile says: words for missing values, and how dates are written."""
    _require_frame(frame)
    read = without_words(with_plain_types(frame), profile.missing_words)
    for name in profile.date_formats.keys() & {*read.columns}:
        read[name] = read_dates(read[name], profile.date_formats[name], "the table")
    return read


def _merged(default: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Put values over others, block by block."""
    merged = dict(default)
    for name, value in own.items():
        old = merged.get(name)
        nested = isinstance(old, dict) and isinstance(value, Mapping)
        merged[name] = _merged(dict(old or {}), value) if nested else value
    return merged


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Kedro's lines about every dataset out of a notebook; bars and warnings stay as they are.

    Square brackets are those of columns and extras, which rich would take for markup.
    """
    logger = logging.getLogger("kedro")
    level = logger.level
    rich = [handler for handler in logging.root.handlers if getattr(handler, "markup", False)]
    logger.setLevel(logging.ERROR)
    for handler in rich:
        handler.markup = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        logger.setLevel(level)
        for handler in rich:
            handler.markup = True  # type: ignore[attr-defined]


class KeptDataset(MemoryDataset):
    """Stays in memory after the last node has read it; nodes read a figure as SVG, as from a file.

    `data` is what was saved.
    """

    data: Any = None

    def save(self, data: Any) -> None:
        """Keep the data itself."""
        self.data = data
        super().save(to_svg(data) if hasattr(data, "savefig") else data)

    def release(self) -> None:
        """Keep the data: whoever runs the pipeline asks for it afterwards."""


def run_in_memory(
    pipeline: Pipeline,
    data: Mapping[str, Any],
    parameters: Mapping[str, Any],
    wanted: Iterable[str],
) -> dict[str, Any]:
    """Run a pipeline and return some of what it makes.

    What is not needed for `wanted` is not run. `data` are inputs by name; parameters are nested, as
    configuration files hold them, and checked by the types that the nodes ask for, as in a run of a
    project. Raises a `CrossfoldError` where parameters are not what the nodes ask for.
    """
    from kedro.validation.parameter_validator import ParameterValidator

    from crossfold.templates.cross_validation.parameters import misfits
    from crossfold.user_input import joined, parameter_types, unknown_parameters, wrong_values

    wanted = list(wanted)
    needed = pipeline.to_outputs(*wanted)
    known, types = (parameter_types({"study": one}) for one in (pipeline, needed))
    faults = [*unknown_parameters(parameters, {*known}), *wrong_values(parameters, types)]
    if faults := faults or [*misfits(parameters)]:
        raise CrossfoldError(f"{joined(faults)}.")
    checked = ParameterValidator({"study": needed}).validate_raw_params(dict(parameters))
    kept = {name: KeptDataset() for name in wanted}
    catalog = DataCatalog(dict(kept))
    for name, value in data.items():
        catalog[name] = MemoryDataset(value, copy_mode="assign")
    for name in needed.inputs():
        if name.startswith("params:"):
            path = name.removeprefix("params:").split(".")
            catalog[name] = MemoryDataset(reduce(getitem, path, checked))
    SequentialRunner().run(needed, catalog)
    return {name: dataset.data for name, dataset in kept.items()}
