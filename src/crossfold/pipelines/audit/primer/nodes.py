"""Nodes of the primer's audit: judge the claims, and show what the draws do."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crossfold.pipelines.audit.claims import Claim, Statement, claims_table, shares_table
from crossfold.pipelines.audit.measured import FaultShare, Measured, print_measured
from crossfold.pipelines.audit.primer.claims_of_source import statements
from crossfold.pipelines.audit.primer.parameters import (
    FaultsParameters,
    PrintedParameters,
    ProtocolParameters,
)
from crossfold.pipelines.audit.primer.training import list_runs
from crossfold.pipelines.audit.runs import (
    REPORTED,
    RUN_COLUMNS,
    SOUND,
    measured_share,
    only,
    printed_row,
    shortened_text,
)
from crossfold.pipelines.audit.seeds import draw_over_seeds, over_seeds, range_text
from crossfold.pipelines.primer.first_network import TRAIN
from crossfold.pipelines.primer.parameters import FirstNetworkParameters

ONE_RUN, ALL_SEEDS = "one run", "all seeds"


def judge_claims(
    seeds: pd.DataFrame,
    points: pd.DataFrame,
    network_epochs: pd.DataFrame,
    first_network: FirstNetworkParameters,
    protocol: ProtocolParameters,
    faults: FaultsParameters,
    printed: PrintedParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Measure and judge every claim.

    Parameters
    ----------
    seeds
        What the audit trained.
    points, network_epochs
        The study's points, and its network epoch by epoch: the sound figures of one run.
    first_network
        Of the study.
    protocol, faults
        How the audit trained.
    printed
        What the source printed.
    seed
        Of the one run that is shown beside all seeds.

    Returns
    -------
    The tables of claims, of the faults' shares, and of all runs.
    """
    runs = {
        ALL_SEEDS: {run: measure_seeds(table) for run, table in seeds.groupby("run", sort=False)},
        ONE_RUN: measure_one_run(seeds[seeds["seed"] == seed], points, network_epochs),
    }
    shortened = shortened_text(first_network.epochs, protocol.source_epochs)
    judge = Judge(runs, seeds, list_runs(faults), shortened)
    claims = [judge.claim(*item) for item in statements(printed).items()]
    table = judge.runs_table(printed, first_network.epochs)
    return claims_table(claims), shares_table(claims), table


Figures = dict[str, Measured]


def measure_seeds(table: pd.DataFrame) -> Figures:
    """Measure every metric of one run over its seeds."""
    return {metric: over_seeds(table[metric]) for metric in PrintedParameters.model_fields}


def measure_one_run(
    seeds: pd.DataFrame, points: pd.DataFrame, network_epochs: pd.DataFrame
) -> dict[str, Figures]:
    """Measure every metric of one seed, by run; the sound run is that of the study."""
    figures = {str(row["run"]): _one_seed(row) for _, row in seeds.iterrows()}
    by_epoch = network_epochs.set_index("epoch")
    n_train = int((points["part"] == TRAIN).sum())
    study = {
        "n_train": n_train,
        "n_validation": len(points) - n_train,
        **by_epoch.loc[by_epoch.index.max()],
        **by_epoch.loc[1].add_prefix("first_"),
    }
    return {**figures, SOUND: _one_seed(study)}


def _one_seed(row: Mapping[str, Any]) -> Figures:
    """Give accuracies with Wilson's interval, and errors without any."""
    figures = {}
    for metric in PrintedParameters.model_fields:
        n = int(row["n_train" if "train" in metric else "n_validation"])
        if "accuracy" in metric:
            figures[metric] = measured_share(round(row[metric] * n), n)
        else:
            figures[metric] = Measured(row[metric], math.nan, math.nan, n)
    return figures


@dataclass(frozen=True)
class Judge:
    """Judges claims by all seeds, with one run beside them."""

    runs: dict[str, dict[str, Figures]]
    seeds: pd.DataFrame
    faults: dict[str, tuple[str, ...]]
    shortened: str

    def claim(self, metric: str, statement: Statement) -> Claim:
        """Judge the statement that a metric decides."""
        figures = {run: own[metric] for run, own in self.runs[ALL_SEEDS].items()}
        sound = figures[SOUND]
        return Claim(
            statement,
            reported=figures[REPORTED],
            sound=sound,
            shares=tuple(
                FaultShare(fault, figures[only(fault)], sound.estimate)
                for fault in self.faults[REPORTED]
            ),
            unstated=self._unstated(metric, statement),
            shortened=self.shortened,
        )

    def runs_table(self, printed: PrintedParameters, epochs: int) -> pd.DataFrame:
        """Give every figure of every run, columns `RUN_COLUMNS`."""
        rows: list[tuple[Any, ...]] = []
        for subject, runs in self.runs.items():
            for metric, value in printed.model_dump().items():
                own_epochs = 1 if metric.startswith("first") else epochs
                rows.append(printed_row(subject, metric, value))
                rows += [
                    (run, subject, metric, *figures[metric], own_epochs)
                    for run, figures in runs.items()
                ]
        return pd.DataFrame(rows, columns=list(RUN_COLUMNS))

    def _unstated(self, metric: str, statement: Statement) -> str:
        """Say what other seeds give, and what the study's own run gives."""
        unit = statement.unit
        one_run = self.runs[ONE_RUN]
        with_faults, without = (
            range_text(self.seeds.loc[self.seeds["run"] == run, metric], statement)
            for run in (REPORTED, SOUND)
        )
        return (
            f"The seed is not stated: {self.seeds['seed'].nunique()} of them give {with_faults}"
            f" with all faults and {without} without. This project's seed gives"
            f" {print_measured(one_run[REPORTED][metric], unit)} and"
            f" {print_measured(one_run[SOUND][metric], unit)}."
        )


def draw_seeds(seeds: pd.DataFrame, printed: PrintedParameters) -> Any:
    """Draw the last epoch's figures of every seed beside the printed; a matplotlib figure."""
    labels = {REPORTED: "With all faults", SOUND: "Without the faults"}
    last = {
        name: value for name, value in printed.model_dump().items() if not name.startswith("first_")
    }
    return draw_over_seeds(seeds.rename(columns={"run": "series"}), last, labels)
