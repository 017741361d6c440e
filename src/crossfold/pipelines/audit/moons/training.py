"""Nodes that train: the study's network for one epoch, and the source's under many seeds."""

from typing import Any

import numpy as np
import pandas as pd

from crossfold.pipelines.audit.moons.outcomes import point_losses
from crossfold.pipelines.audit.moons.parameters import ProtocolParameters, UnstatedParameters
from crossfold.pipelines.moons.nodes import (
    LEARNT,
    NEW,
    TEST,
    draw_points,
    train_variants,
)
from crossfold.pipelines.moons.parameters import (
    NetworkParameters,
    PointParameters,
    VariantParameters,
)


def train_first_epoch(
    points: pd.DataFrame, network: NetworkParameters, protocol: ProtocolParameters, seed: int
) -> pd.DataFrame:
    """Train the study's network for one epoch; give predictions as the study does."""
    variants = VariantParameters(alphas=(protocol.alpha,))
    return train_variants(points, network.changed(max_iter=1), variants, seed)[0]


def train_seeds(
    points: pd.DataFrame,
    point_parameters: PointParameters,
    network: NetworkParameters,
    protocol: ProtocolParameters,
    unstated: UnstatedParameters,
    seed: int,
) -> pd.DataFrame:
    """Train the source's network on new points from a new start for every seed, all at once.

    Parameters
    ----------
    points
        The study's points; all networks are tested on its test points.
    point_parameters, network
        Of the study.
    protocol, unstated
        L2 factors, and how many seeds.
    seed
        The seeds after it and after that of the test points are trained.

    Returns
    -------
    One row for each L2 factor, seed and part of the points: ``alpha``, ``seed``, ``part``,
    ``accuracy``, ``first_loss`` and ``last_loss`` (cross-entropy after the first and the last
    epoch, without penalty).
    """
    seeds = range(seed + 2, seed + 2 + protocol.n_seeds)
    # Of each draw only the training points are used.
    own = point_parameters.model_copy(update={"n_test": 10})
    drawn = [draw_points(own, one).query("part == 'train'") for one in seeds]
    tested = points[points["part"] == TEST]
    alphas = (protocol.alpha, *unstated.alpha)
    first, last = (
        _fit(drawn, seeds, alphas, network.changed(max_iter=epochs))
        for epochs in (1, network.max_iter)
    )
    rows = [
        {
            "alpha": alpha,
            "seed": one,
            "part": part,
            "first_loss": _score(first[member][place], table)["loss"],
            **{f"last_{name}": value for name, value in _score(last[member][place], table).items()},
        }
        for member, alpha in enumerate(alphas)
        for place, one in enumerate(seeds)
        for part, table in ((LEARNT, drawn[place]), (NEW, tested))
    ]
    return pd.DataFrame(rows).rename(columns={"last_accuracy": "accuracy"})


def _fit(
    drawn: list[pd.DataFrame], seeds: range, alphas: tuple[float, ...], network: NetworkParameters
) -> Any:
    """Train every L2 factor on every set of points; give networks by factor and set."""
    from crossfold.mlp import FoldStack, MLPClassifier
    from crossfold.pipelines.moons.variants import QUADRATIC, make_features

    joined = pd.concat(drawn, ignore_index=True)
    rows = np.arange(len(joined)).reshape(len(drawn), -1)
    stack = FoldStack(
        MLPClassifier(**{**network.model_dump(), "n_iter_no_change": np.inf}),
        member_params=[{"alpha": alpha} for alpha in alphas],
    ).fit(
        make_features(joined, QUADRATIC),
        joined["label"].to_numpy(),
        [(own, rows[0, :0]) for own in rows],
        fold_params=[{"random_state": seed} for seed in seeds],
    )
    return stack.estimators_


def _score(network: Any, points: pd.DataFrame) -> dict[str, float]:
    from crossfold.pipelines.moons.variants import QUADRATIC, predict_points

    answers = pd.DataFrame(
        {"target": points["label"], "p1": predict_points(QUADRATIC, network, points)}
    )
    right = (answers["p1"] >= 0.5) == (answers["target"] == 1)
    return {"accuracy": float(right.mean()), "loss": float(point_losses(answers).mean())}
