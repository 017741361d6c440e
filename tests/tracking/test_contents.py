"""What is tracked: declared parameters, metrics, and curves by epoch."""

import math

import pandas as pd
from pydantic import BaseModel

from crossfold.tracking import LONGEST_KEY, Point, Record, curves, keys, metrics, parameters


class Network(BaseModel):
    hidden: tuple[int, ...] = (4, 2)
    alpha: float = 0.1


def history(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"epoch": [1, 2, 1, 2], "fold": [0, 0, 1, 1], **columns})


def test_parameters_are_flat_and_data_sets_are_left_out() -> None:
    inputs = {
        "appointments": pd.DataFrame({"patient_id": [1]}),
        "params:seed": 42,
        "params:study.tuned": {"network": Network(), "folds": 5},
    }
    assert parameters(inputs) == {
        "seed": "42",
        "study.tuned.network.hidden": "[4, 2]",
        "study.tuned.network.alpha": "0.1",
        "study.tuned.folds": "5",
    }


def test_metrics_are_the_finite_numbers() -> None:
    tree = {"mlp": {"auc": {"estimate": 0.75, "n": 10, "ok": True, "low": math.nan, "by": "fold"}}}
    expected = [Point("m/mlp/auc/estimate", 0.75), Point("m/mlp/auc/n", 10.0)]
    assert metrics(tree, "m") == expected


def test_curves_are_averaged_over_folds_epoch_by_epoch() -> None:
    table = history(train_loss=[1.0, 0.5, 3.0, 1.5])
    assert curves(table, "h") == [Point("h/train_loss", 2.0, 1), Point("h/train_loss", 1.0, 2)]


def test_curves_with_other_labels_stay_apart() -> None:
    table = history(engine=["numpy", "numpy", "torch", "torch"], loss=[4.0, 3.0, 2.0, math.nan])
    assert curves(table, "h") == [
        Point("h/numpy/loss", 4.0, 1),
        Point("h/numpy/loss", 3.0, 2),
        Point("h/torch/loss", 2.0, 1),
    ]


def test_the_penalty_is_a_label() -> None:
    table = history(alpha=[0.0, 0.0, 0.5, 0.5], loss=[4.0, 3.0, 2.0, 1.0])
    assert {point.key for point in curves(table, "h")} == {"h/0.0/loss", "h/0.5/loss"}


def test_a_history_that_was_collected_is_not_repeated() -> None:
    record = Record("study", {})
    for name in ("study.numpy_history", "other.numpy_history", "study.history"):
        record.wrote(name, history(loss=[4.0, 3.0, 2.0, 1.0]))
    keys = {point.key for point in record.all_points()}
    assert keys == {"study.history/loss", "other.numpy_history/loss"}


def test_tables_of_rows_are_not_tracked() -> None:
    record = Record("study", {})
    record.wrote("study.predictions", pd.DataFrame({"patient_id": [1], "probability": [0.5]}))
    sleep = pd.DataFrame({"epoch": [1], "patient": ["Ana"], "movement": [0.5]})
    for table in ("table", "rejected", "features"):
        record.wrote(f"sleep.{table}", sleep)
    record.wrote("study.metrics", {"auc": 0.75})
    assert record.all_points() == [Point("study.metrics/auc", 0.75)]


def test_epochs_that_a_report_sums_up_are_not_repeated() -> None:
    record = Record("study", {})
    record.wrote("study.tables.epochs", history(loss=[4.0, 3.0, 2.0, 1.0]))
    assert record.all_points() == []


def test_each_name_has_a_key_of_its_own_that_mlflow_takes() -> None:
    names = ["age <65", "age >65", "mg//", "../x", "Größe", "k" * 300, "k" * 300 + "1", "age <65"]
    given = keys(names)
    assert list(given.values())[:5] == ["age _65", "age _65 2", "mg/_/_", "_/x", "Größe"]
    assert len({*given.values()}) == len({*names})
    assert max(map(len, given.values())) <= LONGEST_KEY
