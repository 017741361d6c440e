"""Subgroups: one row for each level and metric, none for levels too small to judge."""

import numpy as np
import pandas as pd
import pytest

from crossfold.validation.estimates import Predicted
from crossfold.validation.intervals import GroupBootstrap
from crossfold.validation.metrics import binary_metrics
from crossfold.validation.subgroups import subgroup_table


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    p = rng.random(400)
    y = (rng.random(400) < p).astype(np.int8)
    sex = np.repeat(["F", "M"], [380, 20])
    predicted, bootstrap = Predicted("binary", y, p, p > 0.5), GroupBootstrap(np.arange(400), 60, 0)
    expected = binary_metrics(y[:380], p[:380])["roc_auc"][0]
    return subgroup_table(predicted, sex, bootstrap).assign(expected=expected)


def test_a_level_has_its_own_figures(table: pd.DataFrame) -> None:
    row = table[(table["level"] == "F") & (table["metric"] == "roc_auc")].iloc[0]
    assert row["estimate"] == pytest.approx(row["expected"])
    assert row["low"] < row["estimate"] < row["high"]
    assert row["n"] == 380


def test_a_small_level_is_counted_but_not_judged(table: pd.DataFrame) -> None:
    rows = table[table["level"] == "M"]
    assert (rows["n"] == 20).all()
    assert rows[["estimate", "low", "high"]].isna().all(axis=None)


def test_a_level_of_one_class_is_counted_but_not_judged() -> None:
    y, p = np.repeat([False, True], [40, 60]), np.linspace(0, 1, 100)
    level = np.repeat([0, 1], [30, 70])
    bootstrap = GroupBootstrap(np.arange(100), 20, seed=0)
    predicted = Predicted("binary", y, p, p > 0.5)
    table = subgroup_table(predicted, level, bootstrap).set_index("level")
    assert table.loc["0", ["estimate", "low", "high"]].isna().all(axis=None)
    assert (table.loc["0", "n"] == 30).all()
    assert table.loc["1", "estimate"].notna().all()
