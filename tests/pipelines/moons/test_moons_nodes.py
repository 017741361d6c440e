"""Moons: test points are apart, the engines agree, and the figures are of the right points."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from crossfold.pipelines.moons import nodes, report
from crossfold.pipelines.moons.nodes import DrawParameters, PointParameters
from crossfold.pipelines.moons.variants import (
    COORDINATES,
    QUADRATIC,
    VariantParameters,
    fit_variants,
    list_variants,
    make_features,
    misfits,
    variant_label,
)
from crossfold.templates.cross_validation.parameters import (
    IntervalParameters,
    NetworkParameters,
)
from crossfold.templates.parameters import TableParameters
from crossfold.validation.schemas import COMPARISON, HISTORY, METRICS, PREDICTIONS

POINTS = PointParameters(n_train=120, n_test=200)
NETWORK = NetworkParameters(
    hidden_layer_sizes=(8, 8), solver="sgd", learning_rate_init=0.1, momentum=0.0, batch_size=32,
    max_iter=15, dtype="float64",
)  # fmt: skip
VARIANTS = VariantParameters(alphas=(0, 20))
DRAWS = DrawParameters(n_draws=2, step=0.5)
TABLE = TableParameters(target="label")
EVALUATION = IntervalParameters(n_resamples=50, reference="quadratic_0")


@pytest.fixture(scope="module")
def points() -> pd.DataFrame:
    return nodes.draw_points(POINTS, 7)


@pytest.fixture(scope="module")
def run(points: pd.DataFrame) -> SimpleNamespace:
    predictions, networks, history = nodes.train_variants(points, NETWORK, VARIANTS, 7)
    draws = nodes.repeat_draws(points, POINTS, DRAWS, NETWORK, VARIANTS, 7)
    return SimpleNamespace(
        predictions=predictions,
        networks=networks,
        history=history,
        draws=draws,
        plane=nodes.map_plane(points, networks, DRAWS),
        metrics=nodes.evaluate_variants(predictions, points, draws, TABLE, EVALUATION, 7),
        comparison=nodes.compare_variants(predictions, draws, VARIANTS, EVALUATION),
    )


def test_training_and_test_points_are_drawn_apart(points: pd.DataFrame) -> None:
    assert points["part"].value_counts().to_dict() == {"train": 120, "test": 200}
    assert not points.duplicated(["x1", "x2"]).any()
    pd.testing.assert_frame_equal(points, nodes.draw_points(POINTS, 7))


def test_the_tables_have_the_common_shape(run: SimpleNamespace) -> None:
    PREDICTIONS.validate(run.predictions)
    HISTORY.validate(run.history)
    METRICS.validate(run.metrics)
    COMPARISON.validate(run.comparison)


def test_quadratic_features_are_squares_and_the_product() -> None:
    point = pd.DataFrame({"x1": [2.0], "x2": [-3.0]})
    assert make_features(point, QUADRATIC).tolist() == [[2, -3, 4, 9, -6]]
    assert make_features(point, COORDINATES).tolist() == [[2, -3]]
    assert variant_label("coordinates_6.4_torch") == "Coordinates only, α = 6.4"


def test_engines_agree_and_every_point_is_predicted_once_a_variant(run: SimpleNamespace) -> None:
    engines = run.comparison.query("protocol == 'new_points'").set_index("metric")["difference"]
    assert len(engines) == 2 * 4
    assert engines["raw_probability"].max() < 1e-9
    assert (engines["decision"] == 0).all()
    accuracy = run.metrics.query("metric == 'accuracy'").set_index(["protocol", "model"])
    counted = accuracy["n"].groupby("protocol").unique().map(list).to_dict()
    assert counted == {"new_points": [200], "points_learnt_from": [120], "new_draws": [2]}
    assert len(accuracy) == 2 * 8 + 4
    last = run.history.query("epoch == 15 and measure == 'validation_score'")
    for row in last.itertuples():
        assert accuracy.loc[("new_points", row.model), "estimate"] == row.value


def test_decisions_of_the_engines_that_differ_are_counted(run: SimpleNamespace) -> None:
    spoilt = run.predictions.copy()
    own = spoilt.index[spoilt["model"] == "quadratic_0_torch"][:4]
    spoilt.loc[own, "flagged"] = ~spoilt.loc[own, "flagged"]
    comparison = nodes.compare_variants(spoilt, run.draws, VARIANTS, EVALUATION)
    apart = comparison.query("metric == 'decision'").set_index("model_a")["difference"]
    assert apart.to_dict() == {**dict.fromkeys(apart.index, 0.0), "quadratic_0": 4 / 320}


def test_variants_are_compared_on_the_same_draws(run: SimpleNamespace) -> None:
    assert run.draws.groupby("model")["accuracy"].nunique().max() == 2
    own = run.draws.pivot_table("accuracy", "draw", "model")
    rows = run.comparison.query("protocol == 'new_draws'").set_index("model_b")
    assert set(rows.index) == set(list_variants(VARIANTS)) - {"quadratic_0"}
    for name, row in rows.iterrows():
        mean = (own["quadratic_0"] - own[name]).mean()
        assert row["difference"] == pytest.approx(mean)
        assert row["low"] <= mean <= row["high"]


def test_the_engine_of_the_parameters_trains_the_draws(
    run: SimpleNamespace, points: pd.DataFrame
) -> None:
    by_torch = NETWORK.changed(engine="torch")
    draws = nodes.repeat_draws(points, POINTS, DRAWS, by_torch, VARIANTS, 7)
    pd.testing.assert_frame_equal(draws, run.draws)


@pytest.mark.parametrize("reference", ["coordinates_0", "coordinates_20", "quadratic_20"])
def test_the_page_compares_features_with_the_penalty_of_the_reference(
    run: SimpleNamespace, reference: str
) -> None:
    evaluation = IntervalParameters(n_resamples=50, reference=reference)
    comparison = nodes.compare_variants(run.predictions, run.draws, VARIANTS, evaluation)
    said = report.words(comparison, run.networks)
    own = run.draws.pivot_table("accuracy", "draw", "model").mean()
    alpha = reference.partition("_")[2]
    gain = own[f"quadratic_{alpha}"] - own[f"coordinates_{alpha}"]
    assert said["reference"] == reference
    assert said["features"]["difference"] == pytest.approx(gain)


def test_variants_are_named_once_and_the_reference_is_one() -> None:
    with pytest.raises(ValidationError, match="each factor should come once"):
        VariantParameters(alphas=(0.1, 0.10000001))
    with pytest.raises(ValidationError, match="less than"):
        DrawParameters(step=0.8)  # the map could be a single point wide
    blocks = {"variants": {"alphas": [0]}, "evaluation": {"reference": "quadratic_1"}}
    assert list(misfits(blocks)) == [
        "evaluation.reference names quadratic_1, and there is no such variant"
        " (did you mean quadratic_0?)"
    ]


def test_the_map_is_of_the_kept_networks(run: SimpleNamespace, points: pd.DataFrame) -> None:
    assert run.plane["p1"].between(0, 1).all()
    # A strong penalty flattens the map.
    spread = run.plane.groupby("model", observed=True)["p1"].apply(np.ptp)
    assert spread["quadratic_20"] < spread["quadratic_0"]
    assert run.networks[1]["models"] == list_variants(VARIANTS) + list_variants(VARIANTS, "torch")
    kept = nodes.predict_all(points, run.networks)
    pd.testing.assert_frame_equal(kept, run.predictions)


def test_a_variant_is_the_same_trained_alone(points: pd.DataFrame, run: SimpleNamespace) -> None:
    rows = np.arange(120), np.arange(120, 320)
    alone = VariantParameters(alphas=(20,))
    [(_, stack), _] = fit_variants(points, [rows], NETWORK, alone, 7)
    score = stack.estimators_[0][0].predict_proba(make_features(points, QUADRATIC))[:, 1]
    own = run.predictions.query("model == 'quadratic_20'")
    np.testing.assert_allclose(own["p1"], score)
