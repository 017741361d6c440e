"""What a study made, and how its report looks it up."""

from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from crossfold.reports.tables import Estimate
from crossfold.reports.words import day
from crossfold.templates.cross_validation.folds import MAIN, TIME_SPLIT
from crossfold.templates.cross_validation.parameters import EvaluationParameters, IntervalParameters
from crossfold.templates.parameters import Parameters, TableParameters
from crossfold.validation.estimates import MAIN_METRIC
from crossfold.validation.intervals import GroupBootstrap
from crossfold.validation.tables import POOLED, VALIDATION


class ReportParameters(Parameters):
    """The words of a report that are not computed."""

    title: str = ""
    """Heading of the page; empty for one made of the target's name."""
    command: str = ""
    """What repeats the run; empty to leave it out."""
    page: str | None = None
    """Path of a page of the study's own, from the project's folder; None for the page of every
    table."""
    rows: str = "rows"
    """What a row is, in the plural."""
    groups: str = "groups"
    """What a group is, in the plural."""
    event: str = ""
    """What a model of two classes tells; found out where empty."""
    no_event: str = ""
    """What else there is; found out where empty."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Names of models, columns and protocols as a reader knows them."""

    @field_validator("page")
    @classmethod
    def _is_a_file(cls, value: str | None) -> str | None:
        if value is not None and not Path(value).is_file():
            raise ValueError("there is no such file; correct it, or null is the page of any table")
        return value


class OwnReportParameters(ReportParameters):
    """The words of the report of a user's own table, whose page may be the user's too."""

    extra: dict[str, Any] = Field(default_factory=dict)
    """What else that page needs."""


@dataclass(frozen=True)
class Results:
    """What a study made, what its columns are, and the words and tables of its report.

    Datasets that a study does not have are empty.
    """

    # the cleaned table and the features made of it, same rows in the same order
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    features: pd.DataFrame = field(default_factory=pd.DataFrame)
    # ``read``, ``kept``, ``rejected`` by rule, ``duplicates``; any may be missing
    row_counts: dict[str, Any] = field(default_factory=dict)
    folds: pd.DataFrame = field(default_factory=pd.DataFrame)  # the first of the five tables
    leak_guard: pd.DataFrame = field(default_factory=pd.DataFrame)
    predictions: pd.DataFrame = field(default_factory=pd.DataFrame)  # the others of the five tables
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    metrics_table: pd.DataFrame = field(default_factory=pd.DataFrame)
    comparison: pd.DataFrame = field(default_factory=pd.DataFrame)
    feature_importance: pd.DataFrame = field(default_factory=pd.DataFrame)
    feature_effects: pd.DataFrame = field(default_factory=pd.DataFrame)
    tuned_search: pd.DataFrame = field(default_factory=pd.DataFrame)
    model_card: dict[str, Any] = field(default_factory=dict)
    model: tuple[list[Any], dict[str, Any]] = field(default_factory=lambda: ([], {}))

    table_parameters: TableParameters = field(default_factory=partial(TableParameters, target=""))
    evaluation: IntervalParameters = field(default_factory=EvaluationParameters)
    report: ReportParameters = field(default_factory=ReportParameters)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)  # where its page is written

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Stay one: nobody changes it, and Kedro copies what passes from node to node."""
        return self

    @property
    def task(self) -> str:
        """Kind of the target."""
        return self.table_parameters.task

    @property
    def target(self) -> str:
        """Name of the target."""
        return self.table_parameters.target

    def label(self, name: object) -> str:
        """Name a model or a protocol as a reader knows it."""
        return self.report.labels.get(str(name), str(name))

    @cached_property
    def column_labels(self) -> dict[str, str]:
        """Names of columns as a reader knows them; a column called like a model keeps its own."""
        table = self.table_parameters
        columns = {*self.features, *table.columns, *table.left_out}
        taken = columns & {*self.metrics_table.get("model", ())}
        return {name: own for name, own in self.report.labels.items() if name not in taken}

    @property
    def main_metric(self) -> str:
        """Metric by which models are ordered; larger is better."""
        return MAIN_METRIC[self.table_parameters.task]

    @cached_property
    def protocol(self) -> str:
        """The cross-validation whose figures are the study's result."""
        return next(name for name in MAIN if (self.metrics_table["protocol"] == name).any())

    @cached_property
    def classes(self) -> list[str]:
        """Names of the classes in the order of their numbers; none of numbers."""
        if self.task == "regression":
            return []
        target = self.features[self.target]
        if target.dtype == "category":
            return [str(name) for name in target.cat.categories]
        words, table = self.report, self.table_parameters
        if words.event:
            return [words.no_event or "other", words.event]
        return [table.negative or "other", table.positive] if table.positive else ["no", "yes"]

    @cached_property
    def pooled(self) -> pd.DataFrame:
        """Metrics of the study's cross-validation on all rows."""
        table = self.metrics_table
        return table[(table["protocol"] == self.protocol) & (table["scope"] == POOLED)]

    @cached_property
    def models(self) -> list[str]:
        """Models, best first; of equals the reference; those without a figure last."""
        main = self.pooled[self.pooled["metric"] == self.main_metric]
        named = main["model"] == self.evaluation.reference
        ordered = main.assign(named=named).sort_values(
            ["estimate", "named", "model"], ascending=[False, False, True]
        )
        return [str(name) for name in ordered["model"]]

    @cached_property
    def networks(self) -> list[str]:
        """Our networks among them, in the same order."""
        trained = set(map(str, self.history["model"].unique()))
        return [name for name in self.models if name in trained]

    @cached_property
    def reference(self) -> str:
        """The model that the report is about: the one named so, else the best network."""
        named = self.evaluation.reference
        return named if named in self.models else (self.networks or self.models)[0]

    def metric(
        self, model: str, metric: str, protocol: str | None = None, scope: str = POOLED
    ) -> Estimate:
        """Look up a figure; it is false where there is none."""
        table = self.metrics_table
        found = table[
            (table["model"] == model)
            & (table["metric"] == metric)
            & (table["protocol"] == (protocol or self.protocol))
            & (table["scope"] == scope)
        ]
        if found.empty:
            return Estimate(metric)
        row = found.iloc[0]
        ends = float(row["low"]), float(row["high"])
        return Estimate(metric, float(row["estimate"]), *ends, int(row["n"]))

    def predicted(self, model: str) -> pd.DataFrame:
        """Look up what a model says in the cross-validation, each row once.

        In repeats that is what it says in the first: counts and intervals are of the table's rows.
        """
        table = self.predictions
        of_model = (table["model"] == model) & (table["protocol"] == self.protocol)
        return table[of_model].sort_values(["row", "fold"]).drop_duplicates("row")

    @cached_property
    def bootstrap(self) -> GroupBootstrap:
        """Draw whole groups of the cross-validation's rows, in the order of the rows."""
        groups = self.predicted(self.reference)["group"]
        return GroupBootstrap(groups, self.evaluation.n_resamples, 0)

    @cached_property
    def chance(self) -> float:
        """Main metric of a model that knows nothing of a row."""
        if self.task == "multiclass":
            return float(self.features[self.target].value_counts(normalize=True).max())
        return 0.5 if self.task == "binary" else 0.0

    def under(self, protocol: str) -> tuple[str, Estimate]:
        """Model that another protocol trains, and its main metric; false where there is none."""
        table = self.metrics_table
        names = list(map(str, table.loc[table["protocol"] == protocol, "model"].unique()))
        if not names:
            return "", Estimate(self.main_metric)
        model = self.reference if self.reference in names else names[0]
        return model, self.metric(model, self.main_metric, protocol)

    @cached_property
    def n_folds(self) -> int:
        """Number of folds of the cross-validation."""
        return int(self.folds.loc[self.folds["protocol"] == self.protocol, "fold"].nunique())

    @cached_property
    def n_repeats(self) -> int:
        """How often the cross-validation predicts each row."""
        is_main = self.folds["protocol"].eq(self.protocol) & self.folds["role"].eq(VALIDATION)
        return int(self.folds.loc[is_main, "row"].value_counts().max())

    @cached_property
    def n_groups(self) -> int:
        """Number of groups that are kept together; that of rows where each stands for itself."""
        return int(self.folds["group"].nunique())

    @cached_property
    def later_rows(self) -> pd.Series:
        """Numbers of the time split's test rows."""
        rows = self.folds["protocol"].eq(TIME_SPLIT) & self.folds["role"].eq(VALIDATION)
        return self.folds.loc[rows, "row"]

    @cached_property
    def first_test_day(self) -> str:
        """First day of the time split's test rows, or nothing."""
        time = self.table_parameters.time
        if time is None or time not in self.table or self.later_rows.empty:
            return ""
        return _moment(self.table[time].iloc[self.later_rows.to_numpy()].min())

    @cached_property
    def period(self) -> str:
        """From which day to which the rows are, or nothing where no time is named."""
        time = self.table_parameters.time
        if time is None or time not in self.table or not len(self.table):
            return ""
        days = self.table[time].agg(["min", "max"]).map(_moment)
        return days["min"] if days["min"] == days["max"] else f"{days['min']} to {days['max']}"

    def pair(self, model_a: str, model_b: str) -> dict[str, Any]:
        """Look up the paired bootstrap of two models' main metric, a minus b; empty for none."""
        table = self.comparison
        of_metric = (table["test"] == "paired bootstrap") & (table["metric"] == self.main_metric)
        for a, b, sign in ((model_a, model_b, 1), (model_b, model_a, -1)):
            found = table[of_metric & (table["model_a"] == a) & (table["model_b"] == b)]
            if len(found) and np.isfinite(found["difference"].iloc[0]):
                row = found.iloc[0]
                ends = sorted((sign * row["low"], sign * row["high"]))
                return {"difference": sign * row["difference"], "low": ends[0], "high": ends[1]}
        return {}


DATASETS = tuple(Results.__dataclass_fields__)[:-4]
"""Datasets that a report may read; what comes after them are parameters, and its own tables."""


def _moment(time: Any) -> str:
    """Print a date as a day, and a number that stands for time as it is."""
    return day(time) if isinstance(time, pd.Timestamp) else f"{time:.15g}"
