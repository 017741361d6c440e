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
from crossfold.pipelines.moons.nodes import TEST, TRAIN
from crossfold.pipelines.reporting.moons.summary import mean_with_interval

NO_TEST_SET, UNSEEDED = "no_test_set", "unseeded"
ACCURACY, FIRST_LOSS, LAST_LOSS = METRICS = ("accuracy", "first_loss", "last_loss")


def point_losses(answers: pd.DataFrame) -> pd.Series:
    """Give the cross-entropy of every point from its ``score`` and ``label``."""
    of_truth = np.where(answers["label"] == 1, answers["score"], 1 - answers["score"])
    return pd.Series(-np.log(np.clip(of_truth, np.finfo(float).tiny, 1)), index=answers.index)


def part_of(faults: Collection[str]) -> str:
    """Give the points that figures are taken from: under ``no_test_set`` those learnt from."""
    return TRAIN if NO_TEST_SET in faults else TEST


def source_network(predictions: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """Keep the predictions of the source's network: NumPy, quadratic features, its L2 factor.

    Raises
    ------
    CrossfoldError
        The study did not train it.
    """
    from crossfold.pipelines.moons.variants import QUADRATIC

    is_own = (predictions["engine"] == "numpy") & (predictions["features"] == QUADRATIC)
    own = predictions[is_own & np.isclose(predictions["alpha"].astype(float), alpha)]
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
        part = part_of(faults)
        if UNSEEDED in faults:
            return over_seeds(self.seeds.loc[self.seeds["part"] == part, metric])
        answers = self.first if metric == FIRST_LOSS else self.last
        own = answers[answers["part"] == part]
        if metric == ACCURACY:
            right = (own["score"] >= 0.5) == (own["label"] == 1)
            return measured_share(int(right.sum()), len(own))
        return Measured(*mean_with_interval(point_losses(own)), len(own))
