"""What the latest runs of the image studies on the real data must have reached.

The studies are run before these tests; without a run they are skipped.
"""

import json
from pathlib import Path

import pandas as pd
import pytest

REPORTING = Path(__file__).parents[1] / "data/08_reporting"
STRONG_ACCURACY = {"digits": 0.986, "fashion": 0.90}

pytestmark = pytest.mark.real_data


def latest(study: str, name: str) -> Path:
    versions = sorted(REPORTING.glob(f"{study}/{name}/*/{name}"))
    if not versions:
        pytest.skip(f"the study has not been run on the real data: make real STUDY={study}")
    return versions[-1]


def table(study: str, name: str) -> pd.DataFrame:
    return pd.read_csv(latest(study, f"{name}.csv"), dtype={"experiment": str})


@pytest.mark.parametrize("study", STRONG_ACCURACY)
def test_the_strong_network_reaches_its_target_on_all_published_test_images(study: str) -> None:
    figure = json.loads(latest(study, "metrics.json").read_text())["strong"]["standard"]["accuracy"]
    assert figure["n"] == 10_000
    assert figure["estimate"] >= STRONG_ACCURACY[study]


@pytest.mark.parametrize("study", STRONG_ACCURACY)
def test_nothing_crosses_the_split(study: str) -> None:
    assert table(study, "leak_guard")["crossing"].eq(0).all()


@pytest.mark.parametrize("study", STRONG_ACCURACY)
def test_the_twins_are_equal_to_rounding(study: str) -> None:
    twins = table(study, "twins")
    assert (twins["largest_probability_difference"] < 1e-4).all()
    assert twins.groupby("regime")["estimate"].nunique().eq(1).all()


def test_sigmoid_and_tanh_learn_digits_in_both_regimes() -> None:
    metrics = table("digits", "metrics").query("scope == 'pooled' and metric == 'accuracy'")
    experiments = table("digits", "experiments").merge(metrics, on=["model", "protocol"])
    scored = experiments.query("activation in ('sigmoid', 'tanh') and dropout == 0")
    assert set(scored["experiment"]) == {"4", "5", "9", "10", "12", "13"}
    assert scored["low"].min() > 0.7


def test_relu_does_not_lead_by_seven_points_on_fashion() -> None:
    comparison = table("fashion", "comparison")
    lead = comparison[
        (comparison["model_a"] == "mini_batch/relu")
        & (comparison["model_b"] == "mini_batch/sigmoid")
        & (comparison["test"] == "bootstrap over images")
    ].iloc[0]
    assert lead["n"] == 10_000
    assert abs(lead["difference"]) < 0.03
