"""What the latest run of the leukaemia study on the real data must have reached.

The study is run before these tests; without a run they are skipped.
"""

import json
from pathlib import Path

import pandas as pd
import pytest

REPORTING = Path(__file__).parents[1] / "data/08_reporting/gene_expression"
RIGHT = {"leave_one_out": (70, 72), "original_split": (32, 34)}

pytestmark = pytest.mark.real_data


def latest(name: str) -> Path:
    versions = sorted(REPORTING.glob(f"{name}/*/{name}"))
    if not versions:
        pytest.skip("the study has not been run on the real data")
    return versions[-1]


@pytest.fixture(scope="module")
def metrics() -> dict:
    return json.loads(latest("metrics.json").read_text())


@pytest.fixture(scope="module")
def controls() -> pd.DataFrame:
    table = pd.read_csv(latest("controls.csv"))
    figures = table[table["metric"] == "balanced_accuracy"]
    return figures.set_index(["control", "when"])


@pytest.mark.parametrize("protocol", RIGHT)
def test_the_network_reaches_its_targets(metrics: dict, protocol: str) -> None:
    least, n = RIGHT[protocol]
    accuracy = metrics["mlp"][protocol]["accuracy"]
    assert accuracy["n"] == n
    assert round(accuracy["estimate"] * n) >= least
    assert accuracy["low"] < accuracy["estimate"] < 1 or accuracy["high"] == 1


@pytest.mark.parametrize("control", ["selection", "smote"])
def test_permuted_labels_score_at_chance_inside_the_folds(
    controls: pd.DataFrame, control: str
) -> None:
    figure = controls.loc[(control, "inside each training fold")]
    assert figure["low"] <= 0.5 <= figure["high"]


@pytest.mark.parametrize("control", ["selection", "smote"])
def test_leaks_before_the_split_are_seen(controls: pd.DataFrame, control: str) -> None:
    assert controls.loc[(control, "before the split"), "low"] > 0.7


def test_nothing_crosses_a_fold() -> None:
    assert pd.read_csv(latest("leak_guard.csv"))["crossing"].eq(0).all()
