"""The audit of the moons study's source: train its network from many seeds, judge its claims."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from kedro.pipeline import Pipeline
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, PositiveFloat

from crossfold.pipelines.moons.nodes import TEST, TRAIN, PointParameters, draw_points
from crossfold.pipelines.moons.variants import QUADRATIC, make_features, predict_points
from crossfold.templates import audit
from crossfold.templates.audit import Measured, Setup, mean_of, over_draws
from crossfold.templates.cross_validation.parameters import NetworkParameters

NO_TEST_SET, UNSEEDED = "no_test_set", "unseeded"
TRAINING_FAULTS = ("drop_last_batch", "penalty_not_applied")
SWITCHES = (NO_TEST_SET, UNSEEDED, *TRAINING_FAULTS)
Array = NDArray[Any]


class Case(NamedTuple):
    """Networks that were trained alike, a row of `train_seeds` each.

    With `is_unseeded` one run stands for all, which any of the seeds may have given.
    """

    seeds: pd.DataFrame
    is_unseeded: bool

    def over_seeds(self, values: pd.Series) -> Measured:
        """Measure what one run may give, or what they give on average."""
        any_run = over_draws(values)
        return any_run if self.is_unseeded else mean_of(values, any_run.draws)


def case_of(seeds: pd.DataFrame, setup: Setup) -> Case:
    """Choose the networks and the points of a setup."""
    part = TRAIN if NO_TEST_SET in setup.faults else TEST
    run = setup.keep(TRAINING_FAULTS, short=False).name
    own = seeds[(seeds["run"] == run) & (seeds["part"] == part)].sort_values("seed")
    return Case(own, UNSEEDED in setup.faults)


def accuracy(case: Case) -> Measured:
    """Measure the share of points told apart."""
    return case.over_seeds(case.seeds["accuracy"])


def loss(case: Case, epoch: Literal["first", "last"]) -> Measured:
    """Measure the cross-entropy without penalty after the first or the last epoch."""
    return case.over_seeds(case.seeds[f"{epoch}_loss"])


def far_errors(case: Case) -> Measured:
    """Measure the share of wrongly named points that lie far from the network's boundary."""
    wrong = case.seeds["n"] - case.seeds["right"]
    return case.over_seeds(case.seeds["far_errors"] / wrong.clip(lower=1))


class MoonsClaims(
    audit.Claims, study="moons", switches=SWITCHES, measures=(accuracy, loss, far_errors)
):
    """The claims of the moons study's source."""


class ProtocolParameters(audit.Protocol):
    """How the source trained; layers, rate and points are those of the study."""

    alpha: NonNegativeFloat
    """L2 factor that the source states, halved and divided by the batch's rows."""
    n_seeds: Annotated[int, Field(ge=10)] = 200
    """Sets of points, each with a start of its own, that a run without a seed is drawn from."""
    step: PositiveFloat = 0.05
    """Distance of neighbouring points of the grid on which the decision boundary is found."""


def train_seeds(
    points: pd.DataFrame,
    point_parameters: PointParameters,
    network: NetworkParameters,
    protocol: ProtocolParameters,
    claims: MoonsClaims,
    seed: int,
) -> pd.DataFrame:
    """Train the source's network on new points from a new start for every seed, all at once.

    The first network is trained on the study's points, with `seed`; the seeds after it and after
    that of the test points follow. All are tested on the study's test points.

    Returns one row for each run (the training faults that are on), seed and part of the points:
    ``run``, ``seed``, ``part``, ``n``, ``right``, ``accuracy``, ``first_loss`` and ``last_loss``
    (cross-entropy after the first and the last epoch, without penalty), and ``far_errors``: wrongly
    named points farther from the network's boundary than the standard deviation of the noise.
    """
    seeds = [seed, *range(seed + 2, seed + 1 + protocol.n_seeds)]
    # Of each draw only the training points are used.
    own = point_parameters.model_copy(update={"n_test": 10})
    drawn = [points[points["part"] == TRAIN]]
    drawn += [draw_points(own, one).query("part == @TRAIN") for one in seeds[1:]]
    tested = points[points["part"] == TEST]
    setups = audit.list_setups(claims, TRAINING_FAULTS, short=False)
    jobs = [
        (setup, drawn, tested, seeds, network, protocol, point_parameters.noise) for setup in setups
    ]
    return pd.concat(audit.run_side_by_side(_train_setup, jobs, protocol.n_jobs), ignore_index=True)


def _train_setup(
    setup: Setup,
    drawn: Sequence[pd.DataFrame],
    tested: pd.DataFrame,
    seeds: Sequence[int],
    network: NetworkParameters,
    protocol: ProtocolParameters,
    noise: float,
) -> pd.DataFrame:
    first = fit(drawn, seeds, network.changed(max_iter=1), protocol, setup)
    last = fit(drawn, seeds, network, protocol, setup)
    rows = []
    for place, seed in enumerate(seeds):
        boundary = find_boundary(last[place], protocol.step)
        for part, table in ((TRAIN, drawn[place]), (TEST, tested)):
            about = {"run": setup.name, "seed": seed, "part": part}
            about["first_loss"] = mean_loss(first[place], table)
            rows.append({**about, **_score_last(last[place], table, boundary, noise)})
    return pd.DataFrame(rows)


def fit(
    drawn: Sequence[pd.DataFrame],
    seeds: Sequence[int],
    network: NetworkParameters,
    protocol: ProtocolParameters,
    setup: Setup,
) -> list[Any]:
    """Train one network on each set of points."""
    from crossfold.mlp import FoldStack, MLPClassifier, faults

    joined = pd.concat(drawn, ignore_index=True)
    rows = np.arange(len(joined)).reshape(len(drawn), -1)
    source = {
        **network.model_dump(),
        "n_iter_no_change": np.inf,
        "init": 1.0,
        "bias_init": 1.0,
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


def mean_loss(network: Any, points: pd.DataFrame) -> float:
    """Compute the cross-entropy of a network, without penalty."""
    return float(
        point_losses(predict_points(QUADRATIC, network, points), points["label"].to_numpy()).mean()
    )


def point_losses(score: Array, label: Array) -> Array:
    """Compute the cross-entropy of every point; a sure wrong answer has a large, finite one."""
    of_truth = np.where(label == 1, score, 1 - score)
    return np.asarray(-np.log(np.clip(of_truth, np.finfo(float).tiny, 1)))


def _score_last(
    network: Any, points: pd.DataFrame, boundary: Sequence[Any], near: float
) -> dict[str, float]:
    score, label = predict_points(QUADRATIC, network, points), points["label"].to_numpy()
    said = score >= 0.5
    wrong = said != (label == 1)
    distance = boundary_distance(boundary, points[wrong], said[wrong])
    n, right = len(points), int((~wrong).sum())
    return {
        "last_loss": float(point_losses(score, label).mean()),
        "n": n,
        "right": right,
        "accuracy": right / n,
        "far_errors": int((distance > near).sum()),
    }


def find_boundary(network: Any, step: float) -> list[Any]:
    """Give search trees of the points of a grid that are named the upper moon, and the lower."""
    from scipy.spatial import cKDTree

    ends = np.arange(-2.5, 3.5, step)
    x1, x2 = np.meshgrid(ends, ends)
    grid = pd.DataFrame({"x1": x1.ravel(), "x2": x2.ravel()})
    said = predict_points(QUADRATIC, network, grid) >= 0.5
    return [cKDTree(grid[said == side].to_numpy()) for side in (False, True)]


def boundary_distance(boundary: Sequence[Any], points: pd.DataFrame, said: Array) -> Array:
    """Measure how far points (``x1``, ``x2``) lie from where the network decides otherwise.

    `boundary` is of `find_boundary`; `said` is what the network says of each point, bool, shape
    ``(n,)`` like the distances, which are infinite where the network says the same everywhere.
    """
    distance = np.full(len(points), np.inf)
    for side in (False, True):
        own = said == side
        distance[own] = boundary[not side].query(points.loc[own, ["x1", "x2"]])[0]
    return distance


def judge_claims(
    seeds: pd.DataFrame,
    network: NetworkParameters,
    protocol: ProtocolParameters,
    claims: MoonsClaims,
) -> audit.Tables:
    """Measure and judge every claim."""
    epochs = network.max_iter, protocol.source_epochs
    return audit.judge(claims, lambda setup: case_of(seeds, setup), epochs=epochs)


def create_pipeline() -> Pipeline:
    """Build the audit; the study's points must have been drawn before."""
    study = {"points": "moons.points", "point_parameters": "params:moons.points"}
    return audit.create_pipeline(
        MoonsClaims,
        {train_seeds: "seeds", judge_claims: audit.TABLES},
        {**study, "network": "params:moons.network"},
    )
