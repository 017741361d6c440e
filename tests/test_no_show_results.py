"""What the latest run of the no-show study on the real data must have reached.

The study is run before these tests; without a run they are skipped.
"""

import json
from pathlib import Path

import pandas as pd
import pytest

REPORTING = Path(__file__).parents[1] / "data/08_reporting/no_show"
BEST = {"roc_auc": 0.748, "pr_auc": 0.389}
WORST = {"brier": 0.1413, "expected_calibration_error": 0.005}

pytestmark = pytest.mark.real_data


def latest(name: str) -> Path:
    versions = sorted(REPORTING.glob(f"{name}/*/{name}"))
    if not versions:
        pytest.skip("the study has not been run on the real data: make real")
    return versions[-1]


@pytest.fixture(scope="module")
def metrics() -> dict:
    return json.loads(latest("metrics.json").read_text())


@pytest.fixture(scope="module")
def grouped(metrics: dict) -> dict:
    return {model: protocols.get("grouped_k_fold") for model, protocols in metrics.items()}


@pytest.fixture(scope="module")
def comparison() -> pd.DataFrame:
    return pd.read_csv(latest("comparison.csv"))


def test_every_row_is_scored(grouped: dict) -> None:
    assert {figures["roc_auc"]["n"] for figures in grouped.values()} == {110_521}


@pytest.mark.parametrize("metric", [*BEST, *WORST])
def test_the_tuned_model_reaches_its_targets(grouped: dict, metric: str) -> None:
    estimate = grouped["mlp_tuned"][metric]["estimate"]
    if metric in BEST:
        assert estimate >= BEST[metric]
    else:
        assert estimate <= WORST[metric]


def test_gradient_boosting_is_set_well_and_the_tuned_model_is_not_behind_it(
    grouped: dict, comparison: pd.DataFrame
) -> None:
    assert grouped["hist_gradient_boosting"]["roc_auc"]["estimate"] >= 0.753
    columns = ["model_a", "model_b", "protocol", "metric", "test"]
    pair = ["mlp_tuned", "hist_gradient_boosting", "grouped_k_fold", "roc_auc", "paired bootstrap"]
    same = comparison[columns] == pair
    [row] = comparison[same.all(axis=1)].to_dict("records")
    assert row["high"] >= 0


def test_permuted_labels_score_at_chance(metrics: dict) -> None:
    figure = metrics["mlp_numpy"]["permuted_labels"]["roc_auc"]
    assert figure["low"] <= 0.5 <= figure["high"]


def test_the_twins_are_equal_to_rounding(comparison: pd.DataFrame) -> None:
    gap = comparison[comparison["metric"] == "raw_probability"].iloc[0]
    assert (gap["model_a"], gap["model_b"]) == ("mlp_numpy", "mlp_torch")
    assert gap["difference"] < 1e-6
    assert gap["verdict"] == "equal to rounding"
