"""What is tracked: declared parameters, metrics, and curves by epoch."""

import math

import pandas as pd
from pydantic import BaseModel

from crossfold.tracking import LONGEST_KEY, Point, Record, curves, keys, metrics, parameters


class Network(BaseModel):
    hidden: tuple[int, ...] = (4, 2)
    alpha: float = 0.1


def history(**columns: object) -> pd.DataFrame:
    keys = {"model": "mlp", "protocol": "k_fold", "fold": [0, 0, 1, 1], "member": -1}
    keys |= {"epoch": [1, 2, 1, 2], "measure": "train_loss", "value": [1.0, 0.5, 3.0, 1.5]}
    return pd.DataFrame({**keys, **columns})


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
    key = "h/mlp/k_fold/train_loss"
    assert curves(history(), "h") == [Point(key, 2.0, 1), Point(key, 1.0, 2)]


def test_curves_of_other_models_and_measures_stay_apart() -> None:
    table = history(model=["a", "a", "b", "b"], value=[4.0, 3.0, 2.0, math.nan])
    assert curves(table, "h") == [
        Point("h/a/k_fold/train_loss", 4.0, 1),
        Point("h/a/k_fold/train_loss", 3.0, 2),
        Point("h/b/k_fold/train_loss", 2.0, 1),
    ]
    table = history(measure=["train_loss"] * 2 + ["seconds"] * 2)
    keys = {point.key for point in curves(table, "h")}
    assert keys == {"h/mlp/k_fold/train_loss", "h/mlp/k_fold/seconds"}


def test_a_history_that_was_collected_is_not_repeated() -> None:
    record = Record("study", {})
    for name in ("study.numpy_history", "other.numpy_history", "study.history"):
        record.wrote(name, history())
    keys = {point.key for point in record.all_points()}
    told = ("study.history", "other.numpy_history")
    assert keys == {f"{name}/mlp/k_fold/train_loss" for name in told}


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
