"""What the moons audit measures of networks that were trained from many seeds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import pandas as pd

from crossfold.pipelines.moons.nodes import TEST, TRAIN
from crossfold.templates.audit import Claims, Measured, Setup, mean_of, over_draws

NO_TEST_SET, UNSEEDED = "no_test_set", "unseeded"
TRAINING_FAULTS = ("drop_last_batch", "penalty_not_applied")
SWITCHES = (NO_TEST_SET, UNSEEDED, *TRAINING_FAULTS)


@dataclass(frozen=True)
class Case:
    """Networks that were trained alike, and how they are scored.

    Attributes
    ----------
    seeds
        One row a seed, of `crossfold.pipelines.moons.audit.nodes.train_seeds`.
    is_unseeded
        Whether one run stands for all, which any of the seeds may have given.
    """

    seeds: pd.DataFrame
    is_unseeded: bool

    def over_seeds(self, values: pd.Series) -> Measured:
        """Measure what one run may give, or what they give on average."""
        any_run = over_draws(values)
        return any_run if self.is_unseeded else replace(mean_of(values), draws=any_run.draws)


def case_of(seeds: pd.DataFrame, setup: Setup) -> Case:
    """Choose the networks and the points of a setup."""
    part = TRAIN if NO_TEST_SET in setup.faults else TEST
    run = setup.keep(TRAINING_FAULTS)._replace(short=False).name
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


class MoonsClaims(Claims):
    """The claims of the moons study's source."""

    study: ClassVar[str] = "moons"
    switches: ClassVar[tuple[str, ...]] = SWITCHES
    measures: ClassVar = {one.__name__: one for one in (accuracy, loss, far_errors)}
