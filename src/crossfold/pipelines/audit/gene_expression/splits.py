"""The node that trains on the three tables of the source, split once, again and again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from crossfold.pipelines.audit.gene_expression.faults import (
    TABLES,
    TOUCHING,
    Rows,
    TrainingSet,
    make_training_set,
)
from crossfold.pipelines.audit.gene_expression.measures import measure
from crossfold.pipelines.audit.gene_expression.parameters import (
    FaultsParameters,
    ProtocolParameters,
)
from crossfold.pipelines.audit.runs import REPORTED, SOUND, only

_logger = logging.getLogger(__name__)
NOT_PROBES = ["patient", "origin", "label"]
AML = "AML"


def patient_rows(expression: pd.DataFrame) -> Rows:
    """Give the patients' expressions as published, and who has AML."""
    inputs = expression.drop(columns=NOT_PROBES).to_numpy(dtype=np.float32)
    return Rows(inputs, (expression["label"] == AML).to_numpy(dtype=np.int64))


def list_split_runs(faults: FaultsParameters, table: str) -> dict[str, tuple[str, ...]]:
    """Name the runs of a table with those of their faults that can change anything in it."""
    touching = tuple(fault for fault in faults.root if fault in TOUCHING[table])
    alone = {only(fault): (fault,) for fault in touching}
    return {REPORTED: touching, SOUND: (), **alone}


def train_splits(
    expression: pd.DataFrame, protocol: ProtocolParameters, faults: FaultsParameters, seed: int
) -> pd.DataFrame:
    """Train on every table, with all faults, with none and with each alone, for every draw.

    Parameters
    ----------
    expression
        The joined patients, expressions as published.
    protocol, faults
        How the source trained.
    seed
        Draw ``i`` splits, resamples and starts from ``seed + i``.

    Returns
    -------
    One line for each run, table, draw and epoch: ``right``, ``loss`` and ``f1`` on the ``n`` rows
    that were put aside, and ``train_loss``.
    """
    patients = patient_rows(expression)
    histories = []
    for table in TABLES:
        for run, switched_on in list_split_runs(faults, table).items():
            _logger.info("audit run %s, %s table", run, table)
            sets = [
                make_training_set(patients, table, switched_on, protocol.test_share, seed + draw)
                for draw in range(protocol.n_draws)
            ]
            histories.append(_train(sets, protocol, seed).assign(run=run, table=table))
    return pd.concat(histories, ignore_index=True)


def _train(sets: Sequence[TrainingSet], protocol: ProtocolParameters, seed: int) -> pd.DataFrame:
    """Train one network on each set, all at once."""
    from crossfold.mlp import EpochLog, FoldStack, MLPClassifier, ProgressBar

    log = EpochLog(measure)
    network = MLPClassifier(**protocol.arguments(), callbacks=(log, ProgressBar()))
    parts = [rows for one in sets for rows in (one.train, one.validation)]
    ends = np.cumsum([0, *(len(rows.aml) for rows in parts)])
    numbers = [np.arange(*pair) for pair in pairwise(ends)]
    stack = FoldStack(network).fit(
        np.concatenate([rows.inputs for rows in parts]),
        np.concatenate([rows.aml for rows in parts]),
        list(zip(numbers[::2], numbers[1::2], strict=True)),
        fold_params=[
            {"class_weight": one.class_weight, "random_state": seed + draw}
            for draw, one in enumerate(sets)
        ],
    )
    history = log_table(log.records).rename(columns={"fold": "draw"})
    losses = [np.asarray(of_draw.train_loss) for of_draw in stack.histories_[0]]
    sizes = np.array([len(one.validation.aml) for one in sets])
    return history.assign(train_loss=np.concatenate(losses), n=sizes[history["draw"]])


def log_table(records: Sequence[object]) -> pd.DataFrame:
    """Give one line for each fold and epoch of a log, a column for each figure."""
    long = pd.DataFrame(records)
    wide = long.pivot_table(index=["fold", "epoch"], columns="name", values="value")
    return wide.rename_axis(columns=None).reset_index()
