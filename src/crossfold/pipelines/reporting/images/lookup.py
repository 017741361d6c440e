"""Find what the report singles out in the run's tables."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.images.networks import experiment_model
from crossfold.pipelines.images.parameters import ComparisonsParameters
from crossfold.pipelines.reporting.images.labels import (
    SOURCE,
    STANDARD,
    STRONG,
    TWIN_SHOWN,
)

# Ways to compare over all that was trained, the preferred one first.
OVERALL = {"t over seeds": 0, "bootstrap over images": 1}


class ReportError(CrossfoldError):
    """The report's parameters do not fit the run."""


def shown_by_class(table: pd.DataFrame, highlighted: Iterable[str], regime: str) -> pd.DataFrame:
    """Give the rows of the highlighted experiments of one regime, then the strong model's.

    An experiment is shown on the test images of the drawn split where it was scored on them, else
    on the standard ones; the strong model on the standard ones.

    Raises
    ------
    ReportError
        The run kept no predictions of a highlighted experiment in that regime.
    """
    models = [experiment_model(regime, name) for name in dict.fromkeys(highlighted)]
    return pd.concat(
        [*(_one_model(table, model, SOURCE) for model in models), of_strong(table)],
        ignore_index=True,
    )


def of_strong(table: pd.DataFrame) -> pd.DataFrame:
    """Give the rows of the strong model on the standard test images."""
    return _one_model(table, STRONG, STANDARD)


def of_twin(table: pd.DataFrame) -> pd.DataFrame:
    """Give the rows of the PyTorch twin; none where the run trained no twins."""
    return table[table["model"] == TWIN_SHOWN]


def _one_model(table: pd.DataFrame, model: str, protocol: str) -> pd.DataFrame:
    of_model = table[table["model"] == model]
    if of_model.empty:
        known = ", ".join(dict.fromkeys(table["model"].astype(str)))
        raise ReportError(
            f"The report shows {model!r}, of which this run kept no predictions: set the study's"
            f" report.regime and highlighted to models among {known}."
        )
    on_split = of_model[of_model["protocol"] == protocol]
    return of_model[of_model["protocol"] == STANDARD] if on_split.empty else on_split


def kept_for_report(
    predictions: pd.DataFrame, experiments: pd.DataFrame, highlighted: Iterable[str]
) -> pd.DataFrame:
    """Keep the first member of the highlighted experiments, the twins and the strong model."""
    named = experiments["experiment"].astype(str)
    others = experiments.loc[~named.isin(list(highlighted)), "model"]
    is_shown = (predictions["member"] == 0) & ~predictions["model"].isin(others)
    return predictions[is_shown]


def with_questions(comparison: pd.DataFrame, comparisons: ComparisonsParameters) -> pd.DataFrame:
    """Put the question that each pair of models answers before what was found."""
    asked = [
        {"question": question, "model_a": a, "model_b": b}
        for question, pairs in comparisons.root.items()
        for a, b in pairs
    ]
    columns = ["question", "model_a", "model_b"]
    return pd.DataFrame(asked, columns=columns).merge(comparison, on=columns[1:])


def accuracy_of(report: pd.DataFrame) -> pd.Series:
    """Find the accuracy of a model in its classification report."""
    return report[report["class"] == "accuracy"].iloc[0]


def first_difference(comparison: pd.DataFrame) -> pd.Series | None:
    """Give the difference in accuracy of the first pair; None where no pair was compared.

    It is that over seeds where there are several, else that over images.
    """
    ranked = comparison.assign(rank=comparison["test"].map(OVERALL)).dropna(subset="rank")
    if ranked.empty:
        return None
    pair = ["question", "model_a", "model_b"]
    of_first = ranked[(ranked[pair] == ranked[pair].iloc[0]).all(axis=1)]
    return of_first.loc[of_first["rank"].idxmin()]
