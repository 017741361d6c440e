"""What was measured on the moons, with the source's faults and without."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crossfold.exceptions import CrossfoldError
from crossfold.pipelines.audit.measured import Measured
from crossfold.pipelines.audit.runs import measured_share
from crossfold.pipelines.audit.seeds import over_seeds
from crossfold.pipelines.moons.nodes import LEARNT, NEW

NO_TEST_SET, UNSEEDED = "no_test_set", "unseeded"
ACCURACY, FIRST_LOSS, LAST_LOSS = METRICS = ("accuracy", "first_loss", "last_loss")


def point_losses(answers: pd.DataFrame) -> pd.Series:
    """Give the cross-entropy of every point from its ``p1`` and ``target``."""
    of_truth = np.where(answers["target"] == 1, answers["p1"], 1 - answers["p1"])
    return pd.Series(-np.log(np.clip(of_truth, np.finfo(float).tiny, 1)), index=answers.index)


def part_of(faults: Collection[str]) -> str:
    """Give the points that figures are taken from: under ``no_test_set`` those learnt from."""
    return LEARNT if NO_TEST_SET in faults else NEW


def source_network(predictions: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """Keep the predictions of the source's network: NumPy, quadratic features, its L2 factor.

    Raises
    ------
    CrossfoldError
        The study did not train it.
    """
    from crossfold.pipelines.moons.variants import QUADRATIC, variant_name

    own = predictions[predictions["model"] == variant_name(QUADRATIC, alpha)]
    if own.empty:
        raise CrossfoldError(
            f"The moons study has no network with the L2 factor {alpha:g} of the audit; add it to"
            " moons.variants.alphas, or change moons_audit.protocol.alpha."
        )
    return own


@dataclass(frozen=True)
class Outcomes:
    """The answers of one run with a seed, and the figures of many runs without.

    Attributes
    ----------
    first, last
        Predictions of the source's network after the first and the last epoch.
    seeds
        Table of seeds, of the source's L2 factor.
    """

    first: pd.DataFrame
    last: pd.DataFrame
    seeds: pd.DataFrame

    def measure(self, metric: str, faults: Collection[str]) -> Measured:
        """Measure one of `METRICS` with some faults switched on."""
        from crossfold.validation import t_interval

        part = part_of(faults)
        if UNSEEDED in faults:
            return over_seeds(self.seeds.loc[self.seeds["part"] == part, metric])
        answers = self.first if metric == FIRST_LOSS else self.last
        own = answers[answers["protocol"] == part]
        if metric == ACCURACY:
            right = own["predicted"] == own["target"]
            return measured_share(int(right.sum()), len(own))
        return Measured(*t_interval(point_losses(own)), len(own))
