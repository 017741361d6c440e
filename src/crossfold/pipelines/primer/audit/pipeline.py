"""The audit of the primer's sources: train from many seeds, judge the claims, write the page."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pandas as pd
from kedro.pipeline import Pipeline
from pydantic import Field, PositiveInt

from crossfold.pipelines.primer.audit.first_network import train_network
from crossfold.pipelines.primer.audit.measures import Case, PrimerClaims
from crossfold.pipelines.primer.audit.toy_table import train_toys
from crossfold.templates import audit
from crossfold.templates.audit.setups import RUN_COLUMNS
from crossfold.templates.parameters import Parameters
from crossfold.templates.wiring import wire


class ProtocolParameters(Parameters):
    """How the sources trained, and from how many draws that is repeated here.

    Attributes
    ----------
    epochs, source_epochs
        Of the first network, here and in the source.
    source_seed
        Of the source's own run.
    n_seeds
        Draws of points, split and start, from the source's seed on.
    n_toys
        Draws of the toy table and its start.
    iterations
        Of the toy table: as many as the source's, and of the longest training.
    """

    epochs: PositiveInt = 10
    source_epochs: PositiveInt = 10
    source_seed: int = 42
    n_seeds: Annotated[int, Field(ge=10)] = 100
    n_toys: Annotated[int, Field(ge=10)] = 300
    iterations: Annotated[tuple[PositiveInt, ...], Field(min_length=2)]


def train_first_networks(claims: PrimerClaims, protocol: ProtocolParameters) -> pd.DataFrame:
    """Train the first network in every setup from every seed: ``run``, and what each epoch gave."""
    setups = dict.fromkeys(s._replace(short=False) for s in audit.list_setups(claims))
    rows = [
        {"run": setup.name, **epoch}
        for setup in setups
        for seed in range(protocol.source_seed, protocol.source_seed + protocol.n_seeds)
        for epoch in train_network(seed, setup.faults, protocol.epochs)
    ]
    return pd.DataFrame(rows)


def train_toy_tables(protocol: ProtocolParameters, seed: int) -> pd.DataFrame:
    """Train the logistic regression of every draw; the table of `train_toys`."""
    return train_toys(range(seed, seed + protocol.n_toys), protocol.iterations)


def judge_claims(
    epochs: pd.DataFrame, toys: pd.DataFrame, claims: PrimerClaims, protocol: ProtocolParameters
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Measure and judge every claim; see `crossfold.templates.audit.judge`."""

    def case_of(setup: audit.Setup) -> Case:
        run = setup._replace(short=False).name
        return Case(epochs[epochs["run"] == run], toys)

    trained = protocol.epochs, protocol.source_epochs
    own = {
        "reported": case_of(audit.Setup(claims.on)).epochs,
        "sound": case_of(audit.Setup()).epochs,
    }
    figures = own_run(claims, own, protocol.source_seed)
    return audit.judge(claims, case_of, epochs=trained, figures=figures)


def own_run(
    claims: PrimerClaims, epochs: dict[str, pd.DataFrame], source_seed: int
) -> pd.DataFrame:
    """List the printed figures of the source's own run beside those of its seed here."""
    rows = []
    for subject, figures in claims.printed.items():
        for metric, value in figures.items():
            found = {"printed": value}
            for run, table in epochs.items():
                of_seed = table[table["seed"] == source_seed].set_index("epoch")[metric]
                found[run] = of_seed.iloc[0 if "first" in subject else -1]
            rows += [(run, subject, metric, one, *[np.nan] * 4) for run, one in found.items()]
    return pd.DataFrame(rows, columns=list(RUN_COLUMNS))


def create_pipeline() -> Pipeline:
    """Build the audit; it draws its own points and tables, as the sources did."""
    claimed = ["params:claims", "params:protocol"]
    nodes = wire(
        (train_first_networks, claimed, "epochs"),
        (train_toy_tables, ["params:protocol", "params:seed"], "toys"),
        (judge_claims, ["epochs", "toys", *claimed], ["claims", "shares", "runs"]),
    )
    return audit.create_pipeline(
        "primer",
        nodes,
        outputs={name: f"primer_audit.tables.{name}" for name in ("epochs", "toys")},
        parameters={"protocol": "primer_audit.protocol"},
    )
