"""What the source printed and what the study found, as rows of the table of runs."""

from __future__ import annotations

import pandas as pd

from crossfold.pipelines.audit.images.faults import SMALL_TEST_SAMPLE
from crossfold.pipelines.audit.images.outcomes import Case, Outcomes, accuracy
from crossfold.pipelines.audit.images.parameters import (
    FaultsParameters,
    PrintedParameters,
    ProtocolParameters,
)
from crossfold.pipelines.audit.images.training import subject
from crossfold.pipelines.audit.runs import PRINTED, REPORTED, RUN_COLUMNS, SOUND


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
    experiments: pd.DataFrame, protocol: ProtocolParameters, printed: PrintedParameters
) -> pd.DataFrame:
    """Give the study's figures of the printed kind; of several seeds those of the first."""
    named = experiments.astype({"experiment": str})
    names = protocol.audit_names(named["experiment"].unique())
    is_shown = (named["regime"] == protocol.regime) & named["experiment"].isin(names)
    shown = named[is_shown & (named["seed"] == named["seed"].min())]
    rows = shown.assign(
        run=SOUND,
        subject=shown["experiment"].map(names).map(subject),
        metric=shown["part"] + "_" + shown["metric"],
    )
    metrics = {metric for figures in printed.root.values() for metric in figures}
    return rows.loc[rows["metric"].isin(metrics), list(RUN_COLUMNS)]
