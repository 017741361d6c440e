"""The audit's figures after the last epoch, one a row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from crossfold.pipelines.audit.gene_expression.faults import ORIGINAL, TABLES
from crossfold.pipelines.audit.gene_expression.measures import mean_over_draws, over_draws
from crossfold.pipelines.audit.gene_expression.parameters import (
    PrintedParameters,
    ProtocolParameters,
)
from crossfold.pipelines.audit.runs import PRINTED, REPORTED, RUN_COLUMNS, SOUND, measured_share
from crossfold.reports.words import number

Row = tuple[Any, ...]


def subject(name: str) -> str:
    """Name a table or a cross-validation in the table of runs."""
    return name.replace("_", " ")


def runs_table(
    split_epochs: pd.DataFrame,
    fold_epochs: pd.DataFrame,
    protocol: ProtocolParameters,
    printed: PrintedParameters,
    seed: int,
) -> pd.DataFrame:
    """Give what was printed and the figures of every run, columns `RUN_COLUMNS`.

    ``f1`` and ``loss`` of a table are means over draws with the range of single draws, ``f1_gain``
    (over the original table) a mean with its interval, ``accuracy`` a share of patients.
    """
    rows = [
        *_printed_rows(printed, protocol.source_epochs),
        *_split_rows(last_epoch(split_epochs), protocol, seed),
        *_fold_rows(last_epoch(fold_epochs)),
    ]
    return pd.DataFrame(rows, columns=list(RUN_COLUMNS))


def last_epoch(history: pd.DataFrame) -> pd.DataFrame:
    """Keep the last epoch of every run."""
    kinds = [name for name in ("run", "table", "cross_validation") if name in history]
    return history[history["epoch"] == history.groupby(kinds)["epoch"].transform("max")]


def draw_range(split_epochs: pd.DataFrame, table: str) -> str:
    """Say how far F1 of a single split depends on split and start, which the source leaves open."""
    texts = [
        f"{name} from {number(values.min())} to {number(values.max())},"
        f" exactly 1 in {(values >= 1).sum()} of {len(values)}"
        for name, run in (("with the faults", REPORTED), ("without any", SOUND))
        for values in [_f1_by_draw(last_epoch(split_epochs), run, table)]
    ]
    return (
        "The order of the patients and the start of the network are not stated. Over draws of both,"
        f" F1 of this network on the rows put aside goes {'; '.join(texts)}."
    )


def _f1_by_draw(ends: pd.DataFrame, run: str, table: str) -> pd.Series:
    chosen = ends[(ends["run"] == run) & (ends["table"] == table)]
    return chosen.set_index("draw")["f1"].sort_index()


def _printed_rows(printed: PrintedParameters, epochs: int) -> Iterator[Row]:
    nothing = (np.nan, np.nan, np.nan, epochs)
    for table in TABLES:
        of_table = getattr(printed, table)
        yield PRINTED, subject(table), "f1", of_table.f1, *nothing
        yield PRINTED, subject(table), "loss", of_table.loss, *nothing


def _split_rows(ends: pd.DataFrame, protocol: ProtocolParameters, seed: int) -> Iterator[Row]:
    epochs = protocol.network.max_iter
    for (table, run), part in ends.groupby(["table", "run"], sort=False):
        about = run, subject(str(table))
        yield *about, "f1", *over_draws(part["f1"]), epochs
        yield *about, "loss", *over_draws(part["loss"]), epochs
        if table != ORIGINAL:
            gain = _gain(ends, str(run), str(table))
            measured = mean_over_draws(gain, protocol.n_resamples, seed)
            yield *about, "f1_gain", *measured, epochs


def _gain(ends: pd.DataFrame, run: str, table: str) -> pd.Series:
    """Give F1 of a table minus F1 of the original one, draw by draw, under the same faults."""
    is_original = ends["table"] == ORIGINAL
    # A fault that does not touch the original table leaves it without.
    compared = run if (is_original & (ends["run"] == run)).any() else SOUND
    return _f1_by_draw(ends, run, table) - _f1_by_draw(ends, compared, ORIGINAL)


def _fold_rows(ends: pd.DataFrame) -> Iterator[Row]:
    for (name, run), part in ends.groupby(["cross_validation", "run"], sort=False):
        accuracy = measured_share(float(part["right"].sum()), int(part["n"].sum()))
        yield run, subject(str(name)), "accuracy", *accuracy, int(part["epochs"].max())
