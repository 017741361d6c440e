"""Moons: test points are apart, the engines agree, and the figures are of the right points."""

import numpy as np
import pandas as pd
import pytest

from crossfold.pipelines.moons import nodes
from crossfold.pipelines.moons.parameters import (
    DrawParameters,
    NetworkParameters,
    PointParameters,
    VariantParameters,
)
from crossfold.pipelines.moons.variants import LINEAR, QUADRATIC, make_features

POINTS = PointParameters(n_train=120, n_test=200)
NETWORK = NetworkParameters(
    hidden_layer_sizes=(8, 8), solver="sgd", learning_rate_init=0.1, momentum=0.0, batch_size=32,
    max_iter=15, dtype="float64",
)  # fmt: skip
VARIANTS = VariantParameters(alphas=(0, 20))
DRAWS = DrawParameters(n_draws=2, step=0.5)


@pytest.fixture(scope="module")
def points() -> pd.DataFrame:
    return nodes.draw_points(POINTS, 7)


def test_training_and_test_points_are_drawn_apart(points: pd.DataFrame) -> None:
    assert points["part"].value_counts().to_dict() == {"train": 120, "test": 200}
    assert not points.duplicated(["x1", "x2"]).any()
    pd.testing.assert_frame_equal(points, nodes.draw_points(POINTS, 7))


def test_quadratic_features_are_squares_and_the_product() -> None:
    point = pd.DataFrame({"x1": [2.0], "x2": [-3.0]})
    assert make_features(point, QUADRATIC).tolist() == [[2, -3, 4, 9, -6]]
    assert make_features(point, LINEAR).tolist() == [[2, -3]]


def test_engines_agree_and_every_point_is_predicted_once_a_variant(points: pd.DataFrame) -> None:
    made = [train(points, NETWORK, VARIANTS, 7) for train in (nodes.train_numpy, nodes.train_torch)]
    predictions = nodes.join_tables(*(tables[0] for tables in made))
    assert (nodes.compare_engines(predictions)["largest_difference"] < 1e-9).all()
    metrics = nodes.evaluate_variants(predictions)
    assert len(metrics) == 2 * 2 * 2 * 2
    assert metrics.groupby("part")["n"].unique().map(list).to_dict() == {
        "test": [200],
        "train": [120],
    }
    last = made[0][1].query("epoch == 15").set_index(["features", "alpha"])["test_accuracy"]
    tested = metrics.query("engine == 'numpy' and part == 'test'").set_index(["features", "alpha"])
    pd.testing.assert_series_equal(
        last.sort_index(), tested["estimate"].sort_index(), check_names=False
    )


def test_draws_differ_and_the_map_is_of_the_same_network(points: pd.DataFrame) -> None:
    draws = nodes.repeat_draws(points, POINTS, DRAWS, NETWORK, VARIANTS, 7)
    assert len(draws) == 2 * 2 * 2
    assert draws.groupby(["features", "alpha"])["accuracy"].nunique().max() == 2
    plane = nodes.map_plane(points, NETWORK, VARIANTS, DRAWS, 7)
    assert plane["score"].between(0, 1).all()
    # A strong penalty flattens the map.
    spread = plane.groupby(["features", "alpha"], observed=True)["score"].apply(np.ptp)
    assert spread[QUADRATIC, 20] < spread[QUADRATIC, 0]
