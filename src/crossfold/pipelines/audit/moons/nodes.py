"""Nodes of the moons audit: judge the claims, and show what the seed alone does."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from crossfold.pipelines.audit.claims import Claim, Statement, claims_table, shares_table
from crossfold.pipelines.audit.measured import FaultShare, Measured
from crossfold.pipelines.audit.moons.claims_of_source import statements
from crossfold.pipelines.audit.moons.outcomes import (
    FIRST_LOSS,
    METRICS,
    Outcomes,
    part_of,
    source_network,
)
from crossfold.pipelines.audit.moons.parameters import (
    FaultsParameters,
    PrintedParameters,
    ProtocolParameters,
    UnstatedParameters,
)
from crossfold.pipelines.audit.runs import (
    REPORTED,
    RUN_COLUMNS,
    SOUND,
    only,
    printed_row,
    shortened_text,
)
from crossfold.pipelines.audit.seeds import draw_over_seeds, range_text
from crossfold.pipelines.moons.nodes import LEARNT, NEW
from crossfold.pipelines.moons.parameters import NetworkParameters

SUBJECT = "5–25–25–1"


def judge_claims(
    first_predictions: pd.DataFrame,
    predictions: pd.DataFrame,
    seeds: pd.DataFrame,
    network: NetworkParameters,
    protocol: ProtocolParameters,
    faults: FaultsParameters,
    unstated: UnstatedParameters,
    printed: PrintedParameters,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Measure and judge every claim.

    Parameters
    ----------
    first_predictions, predictions
        Of the study's network, after the first epoch and after all.
    seeds
        What the audit trained without a fixed seed.
    network
        Of the study.
    protocol, faults, unstated
        How the audit trained.
    printed
        What the source printed.

    Returns
    -------
    The tables of claims, of the faults' shares, and of all runs.
    """
    outcomes = Outcomes(
        source_network(first_predictions, protocol.alpha),
        source_network(predictions, protocol.alpha),
        seeds[seeds["alpha"] == protocol.alpha],
    )
    shortened = shortened_text(network.max_iter, protocol.source_epochs)
    judge = Judge(outcomes, faults.root, seeds, unstated, shortened)
    claims = [judge.claim(*item) for item in statements(printed).items()]
    return claims_table(claims), shares_table(claims), judge.runs_table(printed, network.max_iter)


@dataclass(frozen=True)
class Judge:
    """Measures each metric with all faults, with none and with each alone."""

    outcomes: Outcomes
    faults: tuple[str, ...]
    seeds: pd.DataFrame
    unstated: UnstatedParameters
    shortened: str

    def claim(self, metric: str, statement: Statement) -> Claim:
        """Judge the statement that a metric decides."""
        runs = self._measured(metric)
        sound = runs[SOUND].estimate
        shares = [FaultShare(fault, runs[only(fault)], sound) for fault in self.faults]
        return Claim(
            statement,
            reported=runs[REPORTED],
            sound=runs[SOUND],
            shares=tuple(shares),
            unstated=self._unstated(metric, statement),
            shortened=self.shortened,
        )

    def runs_table(self, printed: PrintedParameters, epochs: int) -> pd.DataFrame:
        """Give every figure of every run, columns `RUN_COLUMNS`."""
        rows = []
        for metric in METRICS:
            own_epochs = 1 if metric == FIRST_LOSS else epochs
            rows.append(printed_row(SUBJECT, metric, getattr(printed, metric)))
            rows += [
                (run, SUBJECT, metric, *measured, own_epochs)
                for run, measured in self._measured(metric).items()
            ]
        return pd.DataFrame(rows, columns=list(RUN_COLUMNS))

    def _measured(self, metric: str) -> dict[str, Measured]:
        cases = {REPORTED: self.faults, SOUND: (), **{only(one): (one,) for one in self.faults}}
        return {run: self.outcomes.measure(metric, faults) for run, faults in cases.items()}

    def _unstated(self, metric: str, statement: Statement) -> str:
        """Say what the seed and other readings of the L2 factor give with all faults."""
        own = self.outcomes.seeds
        ranges = {
            part: range_text(own.loc[own["part"] == part, metric], statement)
            for part in (LEARNT, NEW)
        }
        others = [self._with_alpha(alpha, metric, statement) for alpha in self.unstated.alpha]
        return " ".join(
            [
                f"The seed is not stated: {own['seed'].nunique()} of them give {ranges[LEARNT]} on"
                f" the points learnt from and {ranges[NEW]} on new points.",
                *others,
            ]
        )

    def _with_alpha(self, alpha: float, metric: str, statement: Statement) -> str:
        is_own = (self.seeds["alpha"] == alpha) & (self.seeds["part"] == part_of(self.faults))
        given = range_text(self.seeds.loc[is_own, metric], statement)
        return (
            "How the L2 factor is divided by the rows of a batch is not stated: with a factor of"
            f" {alpha:g} it is {given}."
        )


def draw_seeds(
    seeds: pd.DataFrame, protocol: ProtocolParameters, printed: PrintedParameters
) -> Any:
    """Draw the figures of every seed beside the printed ones; a matplotlib figure."""
    own = seeds[seeds["alpha"] == protocol.alpha].rename(columns={"part": "series"})
    labels = {LEARNT: "Points learnt from", NEW: "New points"}
    return draw_over_seeds(own, printed.model_dump(), labels)
