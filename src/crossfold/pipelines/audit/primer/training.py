"""The node that trains the source's first network from many seeds, with its faults and without."""

from typing import Any

import numpy as np
import pandas as pd

from crossfold.pipelines.audit.primer.faults import loss_arguments, split_points
from crossfold.pipelines.audit.primer.parameters import FaultsParameters, ProtocolParameters
from crossfold.pipelines.audit.runs import REPORTED, SOUND, only
from crossfold.pipelines.primer.first_network import (
    TRAIN,
    draw_integer_points,
    make_library_network,
    read_weights,
    score_network,
    start_network,
    start_parameters,
)
from crossfold.pipelines.primer.parameters import FirstNetworkParameters


def list_runs(faults: FaultsParameters) -> dict[str, tuple[str, ...]]:
    """Give the faults of each run: all, none, and each alone."""
    alone = {only(fault): (fault,) for fault in faults.root}
    return {REPORTED: faults.root, SOUND: (), **alone}


def train_seeds(
    first_network: FirstNetworkParameters,
    protocol: ProtocolParameters,
    faults: FaultsParameters,
    seed: int,
) -> pd.DataFrame:
    """Train every run from every seed, the seeds of a run all at once.

    Parameters
    ----------
    first_network
        Of the study.
    protocol, faults
        How the source trained.
    seed
        The first seed.

    Returns
    -------
    One row for each run and seed: ``run``, ``seed``, the rows ``n_train`` and ``n_validation``;
    mean squared error and accuracy of both parts after the last epoch (``train_error``,
    ``train_accuracy``, ``validation_error``, ``validation_accuracy``) and after the first (the same
    names behind ``first_``).
    """
    seeds = range(seed, seed + protocol.n_seeds)
    tables = [
        _train_run(first_network, own, seeds).assign(run=run)
        for run, own in list_runs(faults).items()
    ]
    return pd.concat(tables, ignore_index=True)


def _train_run(
    first_network: FirstNetworkParameters, faults: tuple[str, ...], seeds: range
) -> pd.DataFrame:
    drawn = [split_points(draw_integer_points(first_network, one), faults, one) for one in seeds]
    starts = [start_parameters(start_network(first_network, one)) for one in seeds]
    network = make_library_network(first_network).set_params(**loss_arguments(faults))
    last = _fit(network, drawn, starts)
    first = _fit(network.set_params(max_iter=1), drawn, starts)
    parts = [points["part"] == TRAIN for points in drawn]
    counts = {
        "n_train": [part.sum() for part in parts],
        "n_validation": [(~part).sum() for part in parts],
    }
    scores = [_scores(drawn, last), _scores(drawn, first).add_prefix("first_")]
    return pd.concat([pd.DataFrame({"seed": seeds, **counts}), *scores], axis=1)


def _fit(network: Any, drawn: list[pd.DataFrame], starts: list[dict[str, Any]]) -> list[Any]:
    """Train one network for each table of points, all at once."""
    from crossfold.mlp import FoldStack

    joined = pd.concat(drawn, ignore_index=True)
    rows = np.split(np.arange(len(joined)), len(drawn))
    folds = [
        (own[(points["part"] == TRAIN).to_numpy()], own[:0])
        for own, points in zip(rows, drawn, strict=True)
    ]
    inputs, labels = joined[["x", "y"]].to_numpy(dtype=float), joined["label"].to_numpy()
    estimators = FoldStack(network).fit(inputs, labels, folds, fold_params=starts).estimators_[0]
    return list(estimators)


def _scores(drawn: list[pd.DataFrame], networks: list[Any]) -> pd.DataFrame:
    pairs = zip(drawn, networks, strict=True)
    return pd.DataFrame([score_network(points, read_weights(network)) for points, network in pairs])
