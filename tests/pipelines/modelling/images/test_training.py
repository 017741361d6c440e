"""The table of experiments: what is trained, scored and kept."""

import numpy as np
import pandas as pd
import pytest

from crossfold.pipelines.modelling.images.parameters import RegimesParameters
from crossfold.pipelines.modelling.images.predictions import probabilities_of
from crossfold.pipelines.modelling.images.split_images import SplitImages
from crossfold.pipelines.modelling.images.training import EXPERIMENT_COLUMNS, train_experiments

KEYS = ["regime", "experiment", "seed"]


def estimate(figures: pd.DataFrame, **where: object) -> float:
    chosen = np.logical_and.reduce([figures[name] == value for name, value in where.items()])
    return float(figures.loc[chosen, "estimate"].item())


def test_every_training_is_scored_on_every_part(trained) -> None:
    figures = trained[0]
    assert list(figures.columns) == EXPERIMENT_COLUMNS
    assert len(figures[KEYS].drop_duplicates()) == 2 * 2 * 2
    by_part = figures[figures["metric"] == "accuracy"].groupby("part")["n"]
    assert by_part.agg(["size", "max"]).to_dict("index") == {
        "train": {"size": 8, "max": 350},
        "validation": {"size": 8, "max": 80},
        "test": {"size": 8, "max": 70},
    }


def test_the_settings_stand_beside_the_figures(trained) -> None:
    deep = trained[0].query("experiment == 'deep' and regime == 'mini_batch'").iloc[0]
    assert deep["layers"] == "64-12-8-10"
    assert (deep["init"], deep["activation"], deep["dropout"]) == ("random", "tanh", 0.1)
    assert (deep["learning_rate"], deep["epochs"], deep["seed"]) == (0.3, 6, 7)


def test_experiments_learn(trained) -> None:
    figures = trained[0].query("metric == 'accuracy' and part == 'test' and regime == 'mini_batch'")
    assert (figures["estimate"] > 0.5).all()


def test_only_the_regimes_that_ask_are_trained_on_the_standard_split(trained) -> None:
    standard = trained[1]
    assert list(standard.columns) == EXPERIMENT_COLUMNS
    assert set(standard["regime"]) == {"mini_batch"}
    assert set(standard.loc[standard["part"] == "test", "n"]) == {200}
    assert set(standard.loc[standard["part"] == "train", "n"]) == {540}


def test_without_such_a_regime_the_standard_table_is_empty(
    images, split_table, learning_rates, experiments, starts, regimes, classes, evaluation
) -> None:
    only = RegimesParameters({"full_batch": regimes.root["full_batch"]})
    _, standard, _, predictions = train_experiments(
        images, split_table, learning_rates, experiments, starts, only, classes, evaluation, 7
    )
    assert (list(standard.columns), len(standard)) == (EXPERIMENT_COLUMNS, 0)
    assert set(predictions["split"]) == {"source"}


def test_the_history_has_the_epochs_that_were_scored(trained) -> None:
    history = trained[2]
    epochs = history.groupby("regime")["epoch"].unique().apply(list).to_dict()
    assert epochs == {"full_batch": [4, 8, 10], "mini_batch": [1, 2, 3, 4, 5, 6]}
    assert not history.isna().any().any()
    assert len(history) == 4 * (3 + 6)


def test_the_history_ends_at_the_figures_of_the_table(trained) -> None:
    figures, _, history, _ = trained
    last = history.query("regime == 'mini_batch' and experiment == '7' and seed == 8").iloc[-1]
    where = {"regime": "mini_batch", "experiment": "7", "seed": 8, "part": "validation"}
    for column, metric in (
        ("validation_accuracy", "accuracy"),
        ("validation_f1", "macro_f1"),
        ("validation_precision", "macro_precision"),
        ("validation_recall", "macro_recall"),
        ("validation_loss", "loss"),
    ):
        expected = estimate(figures, metric=metric, **where)
        assert last[column] == pytest.approx(expected, abs=1e-5), column


def test_predictions_are_those_of_the_test_images(trained, images, split_table) -> None:
    predictions = trained[3]
    data = SplitImages.of(images, split_table, "source")
    one = predictions.query("model == 'full_batch/deep' and seed == 7 and split == 'source'")
    assert one["row"].tolist() == data.rows("test").tolist()
    assert (one["label"].to_numpy() == data.labels[data.rows("test")]).all()
    p = probabilities_of(one)
    assert p.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (p.argmax(axis=1) == one["predicted"]).all()
    accuracy = (one["label"] == one["predicted"]).mean()
    where = {"regime": "full_batch", "experiment": "deep", "seed": 7, "part": "test"}
    assert estimate(trained[0], metric="accuracy", **where) == pytest.approx(accuracy)


def test_training_again_gives_the_same(
    trained, images, split_table, learning_rates, experiments, starts, regimes, classes, evaluation
) -> None:
    again = train_experiments(
        images, split_table, learning_rates, experiments, starts, regimes, classes, evaluation, 7
    )
    pd.testing.assert_frame_equal(again[3], trained[3])
    figures = [tables[0].drop(columns="seconds") for tables in (again, trained)]
    pd.testing.assert_frame_equal(*figures)


def test_test_images_are_not_learnt_from(
    images, split_table, learning_rates, experiments, starts, regimes, classes, evaluation, trained
) -> None:
    """Blank test images change no figure of the training and validation images."""
    blank = images.copy()
    in_test = (split_table["part"] == "test") | (split_table["standard"] == "test")
    used = split_table["part"].isin(["train", "validation"])
    blank[(in_test & ~used).to_numpy()] = 0
    figures, *_ = train_experiments(
        blank, split_table, learning_rates, experiments, starts, regimes, classes, evaluation, 7
    )
    both = [table.query("part != 'test'")["estimate"].to_numpy() for table in (figures, trained[0])]
    assert (both[0] == both[1]).all()
