"""What the page of a study with several protocols shows.

A study names these functions among the tables and figures of its reporting pipeline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd

from crossfold.reports import charts, style
from crossfold.reports.tables import metric_name, widen
from crossfold.templates.cross_validation.encoding import target_numbers
from crossfold.templates.cross_validation.folds import MAIN, read_folds
from crossfold.templates.cross_validation.parameters import EvaluationParameters, Sampler
from crossfold.templates.cross_validation.training import make_sampler
from crossfold.templates.parameters import TableParameters
from crossfold.templates.reporting.results import ReportParameters
from crossfold.validation.tables import POOLED

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def metrics_of(protocol: str, shown: Sequence[str]) -> Callable[..., pd.DataFrame]:
    """Make the function that arranges metrics of one protocol, a line a model, the wrong counted.

    Models that the report names come first, in its order; `shown` has the accuracy among them.
    """

    def arrange(metrics_table: pd.DataFrame, report: ReportParameters) -> pd.DataFrame:
        table = metrics_table[metrics_table["scope"] == POOLED]
        own = table[table["protocol"] == protocol]
        wide = widen(own, "model", "metric", shown).set_index("model")
        wide = wide.loc[sorted(wide.index, key=_places(report))]
        wrong = ((1 - wide["accuracy"]) * own["n"].max()).round(1)
        wide.insert(0, "wrong", wrong.astype(int) if (wrong % 1 == 0).all() else wrong)
        return wide.rename(index=report.labels).reset_index()

    return arrange


def tests(
    comparison: pd.DataFrame, evaluation: EvaluationParameters, report: ReportParameters
) -> pd.DataFrame:
    """Arrange the tests of the reference model's accuracy against every other, one a protocol.

    Over folds of the cross-validation, and over rows where each of them is decided once.
    """
    over_folds = comparison["test"].str.endswith("over folds")
    own = comparison[
        (comparison["model_a"] == evaluation.reference)
        & (comparison["metric"] == "accuracy")
        & ((comparison["test"] == "McNemar") | over_folds)
        & (over_folds == comparison["protocol"].isin(MAIN))
    ]
    named = {
        name: [report.labels.get(one, one) for one in own[name].astype(str)]
        for name in ("model_b", "protocol")
    }
    ends = {f"difference_{end}": own[end] for end in ("low", "high")}
    table = own.assign(**named, **ends).rename(columns={"model_b": "against"})
    return table[["against", "protocol", "difference", *ends, "p_value", "verdict"]]


def class_counts(
    features: pd.DataFrame,
    folds: pd.DataFrame,
    table_parameters: TableParameters,
    report: ReportParameters,
    seed: int,
) -> pd.DataFrame:
    """Count two classes in the training folds of the cross-validation, before and after resampling.

    Returns columns ``sampler``, ``label``, ``all_ROWS`` and ``before`` and ``after`` (means over
    folds).
    """
    target = target_numbers(features[table_parameters.target], table_parameters)
    before = [target[fold.train_rows] for fold in read_folds(folds)]
    tables = []
    for kind in get_args(Sampler):
        sampler = make_sampler(kind, seed)
        after = [sampler.fit_resample(y[:, None], y)[1] if sampler else y for y in before]
        counts: dict[str, Any] = {
            "sampler": report.labels[kind],
            "label": [report.no_event, report.event],
            f"all_{report.rows}": np.bincount(target, minlength=2),
        }
        for stage, labels in (("before", before), ("after", after)):
            counts[stage] = np.mean([np.bincount(y, minlength=2) for y in labels], axis=0)
        tables.append(pd.DataFrame(counts))
    return pd.concat(tables, ignore_index=True)


def models(metrics_table: pd.DataFrame, report: ReportParameters) -> Figure:
    """Draw the accuracy of every model under each protocol, both in the order of the labels."""
    pooled = metrics_table["scope"] == POOLED
    own = metrics_table[pooled & (metrics_table["metric"] == "accuracy")]
    sizes = own.groupby("protocol")["n"].max().items()
    names = {str(name): f"{report.labels.get(str(name), name)}, n = {n:.0f}" for name, n in sizes}
    place = _places(report)
    table = own.sort_values(["model", "protocol"], key=lambda column: column.astype(str).map(place))
    return charts.estimates(
        table, "model", ["accuracy"], series="protocol", names=report.labels | names, percent=True,
        axis=f"{report.rows.capitalize()} called correctly (95 % interval)",
    )  # fmt: skip


def _places(report: ReportParameters) -> Callable[[str], int]:
    """Order names as the report does, those that it does not name last."""
    order = {name: place for place, name in enumerate(report.labels)}
    return lambda name: order.get(name, len(order))


def pooled_curves(
    protocol: str, *names: str, of: Callable[[Any], Mapping[str, str]] | None = None
) -> Callable[..., Figure]:
    """Make the function that draws pooled epochs of a protocol, a panel for each model and figure.

    Its table ``epochs`` is that of `pool_epochs`; bands are the range of the starts. `names` are of
    figures: loss, f1 or accuracy, of training and validation; `of` takes models and
    their names out of the report's parameters; None for the reference alone.
    """

    def draw(
        table_epochs: pd.DataFrame, evaluation: EvaluationParameters, report: ReportParameters
    ) -> Figure:
        table = table_epochs[table_epochs["protocol"] == protocol]
        if table.empty:
            return style.empty_figure("Nothing was trained under this protocol.")
        part, _, figure = table["measure"].str.partition("_").to_numpy().T
        table = table.assign(part=part, figure=figure).sort_values(["part", "epoch"])
        drawn = [
            table[(table["model"] == model) & (table["figure"] == name)].assign(
                panel=f"{metric_name(name)}: {told}".removesuffix(": ")
            )
            for model, told in (of(report) if of else {evaluation.reference: ""}).items()
            for name in names
        ]
        return charts.lines(
            pd.concat(drawn), "epoch", series="part", panel="panel", names=report.labels,
            share_y=False, height=2.2,
        )  # fmt: skip

    return draw
