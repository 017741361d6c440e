"""Nodes of the moons audit: train the source's network from many seeds, judge its claims."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from crossfold.pipelines.moons.audit.measures import TRAINING_FAULTS, MoonsClaims, case_of
from crossfold.pipelines.moons.nodes import TEST, TRAIN, draw_points
from crossfold.pipelines.moons.parameters import PointParameters
from crossfold.templates.audit import Setup, judge, list_setups
from crossfold.templates.cross_validation.parameters import NetworkParameters
from crossfold.templates.parameters import Parameters

Array = NDArray[Any]


class ProtocolParameters(Parameters):
    """How the source trained; layers, rate and points are those of the study.

    Attributes
    ----------
    alpha
        L2 factor that the source states, halved and divided by the batch's rows.
    source_epochs
        Epochs in the source; a run of fewer says that it was shortened.
    n_seeds
        Sets of points, each with a start of its own, that a run without a seed is drawn from.
    step
        Distance of neighbouring points of the grid on which the decision boundary is found.
    """

    alpha: NonNegativeFloat
    source_epochs: PositiveInt
    n_seeds: Annotated[int, Field(ge=10)] = 200
    step: PositiveFloat = 0.05


def train_seeds(
    points: pd.DataFrame,
    point_parameters: PointParameters,
    network: NetworkParameters,
    protocol: ProtocolParameters,
    claims: MoonsClaims,
    seed: int,
) -> pd.DataFrame:
    """Train the source's network on new points from a new start for every seed, all at once.

    Parameters
    ----------
    points
        The study's points; the first network is trained on them, and all are tested on theirs.
    point_parameters, network
        Of the study.
    protocol
        The source's L2 factor, and how many seeds.
    claims
        Whose faults are switched.
    seed
        Of the study; the seeds after it and after that of the test points are trained too.

    Returns
    -------
    One row for each run (the training faults that are on), seed and part of the points: ``run``,
    ``seed``, ``part``, ``n``, ``right``, ``accuracy``, ``first_loss`` and ``last_loss``
    (cross-entropy after the first and the last epoch, without penalty), and ``far_errors``: wrongly
    named points farther from the network's boundary than the standard deviation of the noise.
    """
    seeds = [seed, *range(seed + 2, seed + 1 + protocol.n_seeds)]
    # Of each draw only the training points are used.
    own = point_parameters.model_copy(update={"n_test": 10})
    drawn = [points[points["part"] == TRAIN]]
    drawn += [draw_points(own, one).query("part == @TRAIN") for one in seeds[1:]]
    tested = points[points["part"] == TEST]
    rows = []
    runs = dict.fromkeys(one._replace(short=False) for one in list_setups(claims, TRAINING_FAULTS))
    for setup in runs:
        first = _fit(drawn, seeds, network.changed(max_iter=1), protocol, setup)
        last = _fit(drawn, seeds, network, protocol, setup)
        rows += [
            {
                "run": setup.name,
                "seed": one,
                "part": part,
                "first_loss": _loss(_score(first[place], table), table),
                **_score_last(last[place], table, point_parameters.noise, protocol.step),
            }
            for place, one in enumerate(seeds)
            for part, table in ((TRAIN, drawn[place]), (TEST, tested))
        ]
    return pd.DataFrame(rows)


def _fit(
    drawn: list[pd.DataFrame],
    seeds: list[int],
    network: NetworkParameters,
    protocol: ProtocolParameters,
    setup: Setup,
) -> list[Any]:
    """Train one network on each set of points."""
    from crossfold.mlp import FoldStack, MLPClassifier, faults
    from crossfold.pipelines.moons.variants import QUADRATIC, make_features

    joined = pd.concat(drawn, ignore_index=True)
    rows = np.arange(len(joined)).reshape(len(drawn), -1)
    source = {
        **network.model_dump(),
        "n_iter_no_change": np.inf,
        "init": draw_start,
        "alpha": 0.0 if "penalty_not_applied" in setup.faults else protocol.alpha,
    }
    if "drop_last_batch" in setup.faults and isinstance(network.batch_size, int):
        source["loss"] = faults.whole_batches_only(network.batch_size, "binary")
    stack = FoldStack(MLPClassifier(**source)).fit(
        make_features(joined, QUADRATIC),
        joined["label"].to_numpy(),
        [(own, rows[0, :0]) for own in rows],
        fold_params=[{"random_state": seed} for seed in seeds],
    )
    return list(stack.estimators_[0])


def draw_start(
    generator: np.random.Generator, sizes: tuple[int, ...]
) -> tuple[list[Array], list[Array]]:
    """Draw weights and biases as the source does: uniformly from −1 to 1."""
    weights = [generator.uniform(-1, 1, shape) for shape in pairwise(sizes)]
    return weights, [generator.uniform(-1, 1, n) for n in sizes[1:]]


def _score(network: Any, points: pd.DataFrame) -> Array:
    from crossfold.pipelines.moons.variants import QUADRATIC, make_features

    scores: Array = network.predict_proba(make_features(points, QUADRATIC))[:, 1]
    return scores


def _loss(score: Array, points: pd.DataFrame) -> float:
    return float(point_losses(score, points["label"].to_numpy()).mean())


def point_losses(score: Array, label: Array) -> Array:
    """Compute the cross-entropy of every point; a sure wrong answer has a large, finite one."""
    of_truth = np.where(label == 1, score, 1 - score)
    losses: Array = -np.log(np.clip(of_truth, np.finfo(float).tiny, 1))
    return losses


def _score_last(network: Any, points: pd.DataFrame, near: float, step: float) -> dict[str, float]:
    score = _score(network, points)
    said = score >= 0.5
    wrong = said != (points["label"] == 1)
    distance = boundary_distance(network, points[wrong], said[wrong], step)
    n, right = len(points), int((~wrong).sum())
    return {
        "last_loss": _loss(score, points),
        "n": n,
        "right": right,
        "accuracy": right / n,
        "far_errors": int((distance > near).sum()),
    }


def boundary_distance(network: Any, points: pd.DataFrame, said: Array, step: float) -> Array:
    """Measure how far points lie from where the network decides otherwise, on a grid.

    Parameters
    ----------
    network
        Names the lower moon where its probability is at least 0.5.
    points
        Columns ``x1`` and ``x2``.
    said
        What the network says of each, shape ``(n,)``, bool.
    step
        Distance of neighbouring points of the grid.

    Returns
    -------
    Distances, shape ``(n,)``; infinite where the network says the same everywhere.
    """
    from scipy.spatial import cKDTree

    ends = np.arange(-2.5, 3.5, step)
    x1, x2 = np.meshgrid(ends, ends)
    grid = pd.DataFrame({"x1": x1.ravel(), "x2": x2.ravel()})
    grid_said = _score(network, grid) >= 0.5
    distance = np.full(len(points), np.inf)
    for side in (False, True):
        other, own = grid[grid_said != side], said == side
        if len(other) and own.any():
            distance[own] = cKDTree(other.to_numpy()).query(points.loc[own, ["x1", "x2"]])[0]
    return distance


def judge_claims(
    seeds: pd.DataFrame,
    network: NetworkParameters,
    protocol: ProtocolParameters,
    claims: MoonsClaims,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Measure and judge every claim; see `crossfold.templates.audit.judge`."""
    return judge(claims, partial(case_of, seeds), epochs=(network.max_iter, protocol.source_epochs))
