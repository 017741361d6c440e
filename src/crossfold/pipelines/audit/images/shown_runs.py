"""What the source printed and what the study found, as rows of the table of runs."""

from __future__ import annotations

from math import nan
from typing import Any

import pandas as pd

from crossfold.pipelines.audit.images.faults import SMALL_TEST_SAMPLE
from crossfold.pipelines.audit.images.outcomes import Case, Outcomes, accuracy
from crossfold.pipelines.audit.images.parameters import (
    FaultsParameters,
    PrintedParameters,
    ProtocolParameters,
)
from crossfold.pipelines.audit.images.training import subject
from crossfold.pipelines.audit.measured import Measured
from crossfold.pipelines.audit.runs import PRINTED, REPORTED, RUN_COLUMNS, SOUND, measured_share
from crossfold.pipelines.images.data import SOURCE


def tested_on_sample(
    trained_runs: pd.DataFrame,
    outcomes: Outcomes,
    protocol: ProtocolParameters,
    faults: FaultsParameters,
) -> pd.DataFrame:
    """Give the reported runs the test accuracy of a small sample, if that is one of the faults."""
    if SMALL_TEST_SAMPLE not in faults.root:
        return trained_runs
    case = Case(REPORTED, None, faults.root, protocol.sample_rows)
    runs = trained_runs.copy()
    is_tested = (runs["run"] == REPORTED) & (runs["metric"] == "test_accuracy")
    for name in outcomes.predictions["experiment"].unique():
        chosen = is_tested & (runs["subject"] == subject(name))
        columns = ["estimate", "low", "high", "n"]
        runs.loc[chosen, columns] = list(accuracy([name])(outcomes, case))
    return runs


def printed_rows(printed: PrintedParameters) -> pd.DataFrame:
    """Give what the source printed as rows of the table of runs."""
    rows = [
        {"run": PRINTED, "subject": subject(name), "metric": metric, "estimate": value}
        for name, figures in printed.root.items()
        for metric, value in figures.items()
    ]
    return pd.DataFrame(rows, columns=list(RUN_COLUMNS))


def sound_rows(
    experiments: pd.DataFrame,
    history: pd.DataFrame,
    predictions: pd.DataFrame,
    n: pd.Series,
    protocol: ProtocolParameters,
    printed: PrintedParameters,
) -> pd.DataFrame:
    """Give the study's figures of the printed kind; of several seeds those of the first.

    Parameters
    ----------
    experiments, history, predictions
        What the study trained, how, and what it says of the test images.
    n
        Number of images in each part.
    protocol, printed
        As in `crossfold.pipelines.audit.images.nodes.judge_claims`.
    """
    named = _first_on_source(experiments).astype({"experiment": str, "model": str})
    names = protocol.audit_names(named["experiment"].unique())
    shown = named[(named["regime"] == protocol.regime) & named["experiment"].isin(names)]
    measured = pd.concat([_last_measures(history), _test_accuracies(predictions)])
    printed_metrics = {metric for figures in printed.root.values() for metric in figures}
    rows = shown.merge(measured[measured["measure"].isin(printed_metrics)], on="model")
    return pd.DataFrame(
        [
            (
                SOUND,
                subject(names[row.experiment]),
                row.measure,
                *_figure(row, n),
                row.epochs,
            )
            for row in rows.itertuples()
        ],
        columns=list(RUN_COLUMNS),
    )


def _first_on_source(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the first member of every model on the source's split."""
    return table[(table["protocol"] == SOURCE) & (table["member"] == 0)]


def _last_measures(history: pd.DataFrame) -> pd.DataFrame:
    """Read what was measured after each model's last epoch: ``model``, ``measure``, ``value``."""
    first = _first_on_source(history)
    last = first.groupby("model", observed=True)["epoch"].transform("max")
    return first.loc[first["epoch"] == last, ["model", "measure", "value"]].astype(
        {"model": "str", "measure": "str"}
    )


def _test_accuracies(predictions: pd.DataFrame) -> pd.DataFrame:
    first = _first_on_source(predictions)
    right = (first["target"] == first["predicted"]).groupby(first["model"].astype("str")).mean()
    return right.rename("value").reset_index().assign(measure="test_accuracy")


def _figure(row: Any, n_of_part: pd.Series) -> Measured:
    """Put a measure beside the number of its images; a share has its interval."""
    part, _, kind = row.measure.partition("_")
    n = int(n_of_part[part])
    if kind == "accuracy":
        return measured_share(row.value * n, n)
    return Measured(row.value, nan, nan, n)
