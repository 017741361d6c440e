"""What the moons audit measures of networks that were trained from many seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from crossfold.pipelines.moons.nodes import TEST, TRAIN
from crossfold.templates.audit import Measured, Setup, over_draws, share_of

NO_TEST_SET, UNSEEDED = "no_test_set", "unseeded"
TRAINING_FAULTS = ("drop_last_batch", "penalty_not_applied")
SWITCHES = (NO_TEST_SET, UNSEEDED, *TRAINING_FAULTS)


@dataclass(frozen=True)
class Case:
    """Networks that were trained alike, and how they are scored.

    Attributes
    ----------
    seeds
        One row a seed, of `crossfold.pipelines.moons.audit.nodes.train_seeds`; the study's first.
    is_unseeded
        Whether any of the seeds may have given the figures, or the first has.
    """

    seeds: pd.DataFrame
    is_unseeded: bool


def case_of(seeds: pd.DataFrame, setup: Setup) -> Case:
    """Choose the networks and the points of a setup."""
    part = TRAIN if NO_TEST_SET in setup.faults else TEST
    run = setup.keep(TRAINING_FAULTS)._replace(short=False).name
    own = seeds[(seeds["run"] == run) & (seeds["part"] == part)].sort_values("seed")
    return Case(own.reset_index(drop=True), UNSEEDED in setup.faults)


def accuracy(case: Case) -> Measured:
    """Measure the share of points told apart."""
    first, draws = case.seeds.iloc[0], over_draws(case.seeds["accuracy"])
    return draws if case.is_unseeded else _with(share_of(first["right"], first["n"]), draws)


def loss(case: Case, epoch: Literal["first", "last"]) -> Measured:
    """Measure the cross-entropy without penalty after the first or the last epoch."""
    first, draws = case.seeds.iloc[0], over_draws(case.seeds[f"{epoch}_loss"])
    half = 1.96 * first[f"{epoch}_loss_sd"] / np.sqrt(first["n"])
    value = first[f"{epoch}_loss"]
    own = Measured(value, value - half, value + half, int(first["n"]))
    return draws if case.is_unseeded else _with(own, draws)


def far_errors(case: Case) -> Measured:
    """Measure the share of wrongly named points that lie far from the network's boundary."""
    wrong, far = case.seeds["n"] - case.seeds["right"], case.seeds["far_errors"]
    draws = over_draws(far / wrong.clip(lower=1))
    own = share_of(far.iloc[0], max(int(wrong.iloc[0]), 1))
    return draws if case.is_unseeded else _with(own, draws)


def _with(own: Measured, draws: Measured) -> Measured:
    """Keep the figures of the other seeds, by which the effect of a fault is told from chance."""
    return Measured(own.estimate, own.low, own.high, own.n, draws.draws)


MEASURES = {"accuracy": accuracy, "loss": loss, "far_errors": far_errors}
