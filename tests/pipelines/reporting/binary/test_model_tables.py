"""The tables of the models, against numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from crossfold.pipelines.reporting.binary import model_tables


def predictions(
    model: str = "a", protocol: str = "grouped_k_fold", **columns: list
) -> pd.DataFrame:
    target = columns.get("target", [0, 0, 1, 1])
    n = len(target)
    probability = columns.get("p1", list(np.linspace(0.1, 0.9, n)))
    return pd.DataFrame(
        {
            "model": model,
            "protocol": protocol,
            "row": range(n),
            "group": columns.get("group", list(range(n))),
            "fold": columns.get("fold", [0] * n),
            "target": target,
            "raw_p1": columns.get("raw_p1", probability),
            "p1": probability,
            "threshold": columns.get("threshold", [0.5] * n),
            "flagged": columns.get("flagged", [p >= 0.5 for p in probability]),
        }
    )


def test_only_grouped_folds_are_tabulated_in_the_order_of_rows() -> None:
    table = pd.concat(
        [predictions().iloc[::-1], predictions(protocol="time_split"), predictions("b")]
    )
    grouped = model_tables.grouped_predictions(table)
    assert grouped["row"].tolist() == [0, 1, 2, 3] * 2
    assert set(grouped["protocol"]) == {"grouped_k_fold"}


def test_calibration_tells_raw_from_calibrated() -> None:
    table = model_tables.calibration(
        predictions(target=[0, 1] * 50, p1=[0.5] * 100, raw_p1=[0.8] * 100)
    ).set_index("kind")
    assert table.loc["raw", "mean_predicted"] == pytest.approx(0.8)
    assert table.loc["calibrated", "mean_predicted"] == pytest.approx(0.5)
    assert table["observed"].tolist() == [0.5, 0.5]
    assert table["n"].tolist() == [100, 100]


def test_calibration_scores_hold_both_kinds_with_intervals() -> None:
    rng = np.random.default_rng(0)
    table = model_tables.calibration_scores(
        predictions(
            target=list(rng.integers(0, 2, 200)),
            p1=[0.5] * 200,
            raw_p1=[0.9] * 200,
        ),
        n_resamples=50,
        seed=0,
    ).set_index(["kind", "metric"])
    assert table.loc[("calibrated", "brier"), "estimate"] == pytest.approx(0.25)
    assert table.loc[("raw", "mean_prediction"), "estimate"] == pytest.approx(0.9)
    raw = table.loc[("raw", "brier")]
    assert raw["low"] < raw["estimate"] < raw["high"]


def test_the_histogram_counts_every_row_once() -> None:
    table = model_tables.histogram(predictions(p1=[0.0, 0.01, 0.5, 1.0]))
    calibrated = table[table["kind"] == "calibrated"].set_index("left")["n"]
    assert calibrated.sum() == 4
    assert calibrated.iloc[0] == 2
    assert calibrated.iloc[-1] == 1


def test_curves_run_from_corner_to_corner() -> None:
    rng = np.random.default_rng(0)
    table = model_tables.curves(
        predictions(target=list(rng.integers(0, 2, 5000)), p1=list(rng.random(5000)))
    ).set_index("curve")
    roc, pr = table.loc["roc"], table.loc["pr"]
    assert roc.iloc[0][["x", "y"]].tolist() == [0, 0]
    assert roc.iloc[-1][["x", "y"]].tolist() == [1, 1]
    assert pr["x"].iloc[[0, -1]].tolist() == [0, 1]
    assert roc["x"].is_monotonic_increasing
    assert pr["x"].is_monotonic_increasing
    assert 100 < len(roc) <= 202
    assert 100 < len(pr) <= 202


def test_thresholds_run_over_101_values() -> None:
    table = model_tables.thresholds(predictions()).set_index("threshold")
    assert len(table) == 101
    # Probabilities 0.1, 0.37, 0.63, 0.9 of classes 0, 0, 1, 1: at 0.2 one of three is wrong.
    assert table.loc[0.2, "precision"] == pytest.approx(2 / 3)
    assert table.loc[0.2, "recall"] == 1.0
    assert table.loc[0.2, "false_positive_rate"] == 0.5
    assert table.loc[0.2, "n"] == 4


def test_chosen_thresholds_are_one_a_fold() -> None:
    table = model_tables.chosen_thresholds(
        predictions(fold=[0, 0, 1, 1], threshold=[0.3, 0.3, 0.4, 0.4])
    )
    assert table["threshold"].tolist() == [0.3, 0.4]


def test_capacity_is_long_with_intervals() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random(400)
    target = (rng.random(400) < probability).astype(int)
    table = model_tables.capacity(
        predictions(target=list(target), p1=list(probability)), n_resamples=50, seed=0
    ).set_index(["metric", "share"])
    top = target[np.argsort(-probability)][:40]
    precision = table.loc[("precision", 0.1)]
    assert precision["n_called"] == 40
    assert precision["estimate"] == pytest.approx(top.mean())
    assert precision["low"] < precision["estimate"] < precision["high"]
    assert table.loc[("recall", 0.1), "estimate"] == pytest.approx(top.sum() / target.sum())
    assert table.loc[("recall", 1.0), "estimate"] == pytest.approx(1.0)


def test_decision_curves_hold_calling_everyone_once() -> None:
    table = model_tables.decision_curves(pd.concat([predictions("a"), predictions("b")]))
    everyone = table[table["model"] == "all"].set_index("threshold")["net_benefit"]
    assert everyone.index.is_unique
    # Half are positives: 0.5 - 0.5 · 0.25 / 0.75 at a threshold of 0.25.
    assert everyone.loc[everyone.index[np.abs(everyone.index - 0.25).argmin()]] == pytest.approx(
        1 / 3, abs=0.01
    )
    assert set(table["model"]) == {"a", "b", "all"}


def test_confusion_counts_each_cell() -> None:
    table = model_tables.confusion(
        predictions(target=[0, 0, 0, 1, 1], flagged=[False, False, True, True, True])
    ).set_index(["target", "flagged"])["n"]
    assert table.to_dict() == {(0, False): 2, (0, True): 1, (1, True): 2}


def test_subgroups_hold_everyone_and_every_level() -> None:
    rng = np.random.default_rng(0)
    target = np.tile([0, 1, 1, 1], 50)
    table = model_tables.subgroups(
        predictions(target=list(target), p1=list(rng.random(200)), flagged=[True] * 200),
        pd.DataFrame({"Sex": np.repeat(["Female", "Male"], 100)}),
        n_resamples=50,
        seed=0,
    ).set_index(["group", "level", "metric"])
    assert table.loc[("Everyone", "all", "rate"), "estimate"] == 0.75
    assert table.loc[("Sex", "Female", "rate"), "n"] == 100
    assert table.loc[("Sex", "Male", "flagged_share"), "estimate"] == 1.0
    rate = table.loc[("Sex", "Male", "rate")]
    assert rate["low"] < 0.75 < rate["high"]


def test_subgroups_follow_row_numbers_not_positions() -> None:
    table = predictions(target=[0, 1] * 40, flagged=[False, True] * 40)
    shuffled = table.sample(frac=1, random_state=0)
    levels = pd.DataFrame({"Kind": ["even", "odd"] * 40})
    result = model_tables.subgroups(shuffled, levels, n_resamples=50, seed=0)
    rates = result[result["metric"] == "rate"].set_index("level")["estimate"]
    assert rates["even"] == 0.0
    assert rates["odd"] == 1.0


def test_epochs_average_folds_and_keep_their_range() -> None:
    history = pd.DataFrame(
        {
            "model": "mlp",
            "protocol": ["grouped_k_fold"] * 4 + ["time_split"],
            "fold": [0, 0, 1, 1, 0],
            "member": [0, 1, 0, 1, 0],
            "epoch": 1,
            "measure": "train_loss",
            "value": [0.2, 0.4, 0.5, 0.5, 9.0],
        }
    )
    table = model_tables.epochs(history).set_index("measure").loc["train_loss"]
    assert table[["estimate", "low", "high"]].tolist() == pytest.approx([0.4, 0.3, 0.5])
    assert table["folds"] == 2
