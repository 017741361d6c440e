"""The audits' own parameters, and answers and curves of known figures."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from crossfold.pipelines.images.audit import (
    STUDY,
    Case,
    DigitsClaims,
    FashionClaims,
    ImageClaims,
    Runs,
)
from crossfold.pipelines.images.data import TEST
from crossfold.pipelines.images.faults import ProtocolParameters
from crossfold.pipelines.images.parameters import ExperimentsParameters

ROOT = Path(__file__).parents[4]
N = 200
LABEL = np.arange(N) % 10


def read(study: str) -> tuple[ImageClaims, ProtocolParameters, list[str]]:
    """Read a study's claims, protocol and names of networks as they are configured."""
    folder = ROOT / "conf" / "base" / study
    blocks: dict[str, Any] = yaml.safe_load((folder / "claims.yml").read_text())
    claims = {"digits": DigitsClaims, "fashion": FashionClaims}[study]
    protocol = ProtocolParameters.model_validate(blocks[f"{study}_audit"]["protocol"])
    text = yaml.safe_load((folder / "parameters.yml").read_text())[study]["experiments"]
    experiments = ExperimentsParameters.model_validate(text)
    names = [*(protocol.experiments or experiments.root), *protocol.further]
    return claims.model_validate(blocks[f"{study}_claims"]), protocol, names


def answers(share: float, run: str, experiment: str, **about: Any) -> pd.DataFrame:
    """Answer `share` of the images rightly, and all others with the next class."""
    is_right = np.arange(N) < round(share * N)
    predicted = np.where(is_right, LABEL, (LABEL + 1) % 10)
    table = {"row": np.arange(N), "target": LABEL, "predicted": predicted, "dropped": predicted}
    known = {"run": run, "experiment": experiment, "member": 0, "part": TEST, **about}
    return pd.DataFrame(table).assign(loss=np.where(is_right, 0.1, 2.0), **known)


def curves(run: str, experiment: str, member: int = 0, **values: list[float]) -> pd.DataFrame:
    """Give measures over the epochs 1, 2, …"""
    parts = [
        pd.DataFrame({"epoch": np.arange(1, len(v) + 1), "measure": name, "value": v})
        for name, v in values.items()
    ]
    return pd.concat(parts).assign(run=run, experiment=experiment, member=member)


@pytest.fixture(scope="session")
def make_runs():
    def make(*tables: pd.DataFrame) -> Runs:
        rows = [one for one in tables if "row" in one]
        told = [one for one in tables if "epoch" in one]
        empty = curves("none", "none", train_loss=[1.0])
        answered = pd.concat(rows) if rows else answers(0, "none", "none")
        return Runs(answered, pd.concat([empty, *told]), n_resamples=200, seed=1)

    return make


@pytest.fixture(scope="session")
def make_case(make_runs):
    def make(*tables: pd.DataFrame, faults: tuple[str, ...] = (), **changes: Any) -> Case:
        names = {"run": STUDY, "short": "short", "plain": "plain", "source": "source", **changes}
        return Case(make_runs(*tables), faults=frozenset(faults), **names)

    return make
