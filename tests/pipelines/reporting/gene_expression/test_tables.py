"""The report's tables say what the run's say."""

import numpy as np
import pytest

from crossfold.pipelines.reporting.gene_expression.pipeline import TABLES


def test_every_declared_table_is_computed(tables) -> None:
    assert tuple(tables) == TABLES


def test_classes_are_counted_before_and_after_resampling(tables) -> None:
    table = tables["class_counts"].set_index(["sampler", "label"])
    assert table["all_patients"].tolist() == [24, 12] * 3
    assert table.loc["none", "after"].tolist() == [18, 9]
    assert table.loc["down_sampling", "after"].tolist() == [9, 9]
    assert table.loc["smote", "after"].tolist() == [18, 18]
    assert table["before"].tolist() == [18, 9] * 3


def test_epochs_are_pooled_over_folds_and_averaged_over_starts(tables) -> None:
    table = tables["epochs"]
    part = table[
        (table["model"] == "mlp") & (table["protocol"] == "k_fold") & (table["epoch"] == 1)
    ]
    rows = part.set_index("measure")
    # The first start misses one patient in each of 4 folds: 4 of 36, and 4 of 12 AML.
    assert rows.loc["accuracy", ["low", "high"]].tolist() == [pytest.approx(32 / 36), 1.0]
    assert rows.loc["f1", "low"] == pytest.approx(2 * 8 / (2 * 8 + 4))
    assert rows.loc["accuracy", "estimate"] == pytest.approx((32 / 36 + 1) / 2)
    assert rows.loc["validation_loss", "estimate"] == pytest.approx(1.5)
    assert part["folds"].eq(4).all()


def test_the_most_stable_probes_come_first(tables) -> None:
    table = tables["selected_probes"].set_index("probe")
    assert table.index.tolist() == ["p0", "p1", "p2"]
    assert table["k_fold"].tolist() == [1.0, 1.0, 0.25]
    assert table["leave_one_out"].tolist() == [1.0, 1.0, pytest.approx(1 / 36)]
    assert table["higher_in"].tolist()[:2] == ["AML", "ALL"]
    assert table["in_final_model"].tolist() == [True, True, False]
    assert table["description"].tolist() == ["Gene p0", "Gene p1", "Gene p2"]


def test_patients_are_projected_on_all_and_on_chosen_probes(tables, inputs) -> None:
    table = tables["patients_2d"]
    assert table.groupby("probes").size().to_dict() == {"all": 36, "chosen": 36}
    np.testing.assert_allclose(table.groupby("probes")[["x", "y"]].mean(), 0, atol=1e-5)
    assert (table["x_share"] >= table["y_share"]).all()
    assert not {"row", "patient"} & set(table)
