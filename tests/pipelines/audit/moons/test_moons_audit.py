"""Each fault of the moons audit does what it names; sound figures are those of the study."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.metrics import accuracy_score, log_loss

from crossfold.exceptions import CrossfoldError
from crossfold.mlp import MLPClassifier
from crossfold.pipelines.audit.claims import CLAIM_COLUMNS, SHARE_COLUMNS
from crossfold.pipelines.audit.moons import create_pipeline, nodes, training
from crossfold.pipelines.audit.moons.claims_of_source import statements
from crossfold.pipelines.audit.moons.outcomes import METRICS, Outcomes, source_network
from crossfold.pipelines.audit.moons.parameters import (
    FaultsParameters,
    PrintedParameters,
    ProtocolParameters,
    UnstatedParameters,
)
from crossfold.pipelines.audit.runs import REPORTED, RUN_COLUMNS, SOUND, find_measured, only
from crossfold.pipelines.moons import nodes as study
from crossfold.pipelines.moons.parameters import (
    EvaluationParameters,
    NetworkParameters,
    PointParameters,
    TableParameters,
    VariantParameters,
)
from crossfold.pipelines.moons.variants import QUADRATIC, make_features

SEED = 5
POINTS = PointParameters(n_train=60, n_test=150)
NETWORK = NetworkParameters(
    hidden_layer_sizes=(6, 6), solver="sgd", learning_rate_init=0.1, momentum=0.0, batch_size=16,
    max_iter=12, dtype="float64",
)  # fmt: skip
PROTOCOL = ProtocolParameters(alpha=0.1, source_epochs=100, n_seeds=10)
UNSTATED = UnstatedParameters(alpha=(6.4,))
PRINTED = PrintedParameters(accuracy=0.936, first_loss=0.346795, last_loss=0.173443)
ALL = FaultsParameters(("no_test_set", "unseeded"))


@pytest.fixture(scope="module")
def points() -> pd.DataFrame:
    return study.draw_points(POINTS, SEED)


@pytest.fixture(scope="module")
def predictions(points: pd.DataFrame) -> pd.DataFrame:
    return study.train_variants(points, NETWORK, VariantParameters(alphas=(0, 0.1)), SEED)[0]


@pytest.fixture(scope="module")
def first(points: pd.DataFrame) -> pd.DataFrame:
    return training.train_first_epoch(points, NETWORK, PROTOCOL, SEED)


@pytest.fixture(scope="module")
def seeds(points: pd.DataFrame) -> pd.DataFrame:
    return training.train_seeds(points, POINTS, NETWORK, PROTOCOL, UNSTATED, SEED)


@pytest.fixture(scope="module")
def tables(first, predictions, seeds) -> tuple[pd.DataFrame, ...]:
    return nodes.judge_claims(first, predictions, seeds, NETWORK, PROTOCOL, ALL, UNSTATED, PRINTED)


def test_a_network_of_the_stack_is_the_one_trained_alone(points, seeds) -> None:
    number = SEED + 2
    own = study.draw_points(POINTS, number).query("part == 'train'")
    network = MLPClassifier(
        **{**NETWORK.model_dump(), "n_iter_no_change": np.inf, "alpha": 0.1, "random_state": number}
    ).fit(make_features(own, QUADRATIC), own["label"].to_numpy())
    rows = seeds[(seeds["seed"] == number) & (seeds["alpha"] == 0.1)].set_index("part")
    for part, table in (
        ("points_learnt_from", own),
        ("new_points", points.query("part == 'test'")),
    ):
        score = network.predict_proba(make_features(table, QUADRATIC))[:, 1]
        assert rows.loc[part, "accuracy"] == accuracy_score(table["label"], score >= 0.5)
        assert rows.loc[part, "last_loss"] == pytest.approx(log_loss(table["label"], score))


def test_no_set_of_points_is_drawn_twice_or_that_of_the_study(points, seeds) -> None:
    numbers = seeds["seed"].unique()
    assert len(numbers) == PROTOCOL.n_seeds
    drawn = [study.draw_points(POINTS, number).query("part == 'train'") for number in numbers]
    assert not pd.concat([points, *drawn]).duplicated(["x1", "x2"]).any()


def test_sound_figures_are_those_of_the_study(tables, predictions, points) -> None:
    runs = tables[2]
    draws = pd.DataFrame({"model": ["quadratic_0"] * 2, "draw": [0, 1], "accuracy": [0.9, 0.8]})
    metrics = study.evaluate_variants(
        predictions, points, draws, TableParameters(target="label"),
        EvaluationParameters(n_resamples=50, twins=()), SEED,
    ).query("model == 'quadratic_0.1' and metric == 'accuracy'")  # fmt: skip
    for run, protocol in ((SOUND, "new_points"), (only("no_test_set"), "points_learnt_from")):
        expected = metrics.set_index("protocol").loc[protocol, ["estimate", "low", "high", "n"]]
        found = find_measured(runs, run, nodes.SUBJECT, "accuracy")
        assert found == pytest.approx(tuple(expected))


def test_the_first_loss_is_that_of_one_epoch(points, tables) -> None:
    variants = VariantParameters(alphas=(0.1,))
    _, _, history = study.train_variants(points, NETWORK, variants, SEED)
    own = history[(history["model"] == "quadratic_0.1") & (history["epoch"] == 1)]
    expected = own.set_index("measure")["value"]["validation_loss"]
    measured = find_measured(tables[2], SOUND, nodes.SUBJECT, "first_loss")
    assert measured.estimate == pytest.approx(expected)
    assert measured.low < expected < measured.high


def test_without_a_seed_figures_range_over_seeds(tables, seeds) -> None:
    own = seeds[(seeds["alpha"] == 0.1) & (seeds["part"] == "points_learnt_from")]
    measured = find_measured(tables[2], REPORTED, nodes.SUBJECT, "last_loss")
    assert measured.estimate == own["last_loss"].median()
    assert own["last_loss"].min() <= measured.low < measured.high <= own["last_loss"].max()
    assert measured.n == PROTOCOL.n_seeds


def test_every_fault_is_measured_alone(tables) -> None:
    claims, shares, runs = tables
    assert tuple(claims) == CLAIM_COLUMNS
    assert tuple(shares) == SHARE_COLUMNS
    assert tuple(runs) == RUN_COLUMNS
    assert list(claims["claim"]) == list(METRICS) == list(statements(PRINTED))
    assert shares.groupby("claim")["fault"].apply(list).tolist() == [list(ALL.root)] * 3
    assert (claims["shortened"] == "Shortened: 12 of 100 epochs.").all()
    assert claims["unstated"].str.contains("with a factor of 6.4 it is").all()


def test_without_faults_the_source_is_the_study(first, predictions, seeds) -> None:
    claims, shares, _ = nodes.judge_claims(
        first, predictions, seeds, NETWORK, PROTOCOL, FaultsParameters(()), UNSTATED, PRINTED
    )
    assert claims["reported"].tolist() == claims["sound"].tolist()
    assert shares.empty


def test_a_sure_wrong_answer_has_a_large_but_finite_loss() -> None:
    answers = pd.DataFrame({"protocol": "new_points", "target": [0, 1], "p1": [1.0, 1.0]})
    measured = Outcomes(answers, answers, answers).measure("last_loss", ())
    assert 100 < measured.estimate < np.inf


def test_a_factor_that_the_study_lacks_is_named(predictions) -> None:
    with pytest.raises(CrossfoldError, match=r"moons\.variants\.alphas"):
        source_network(predictions, 0.5)


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ValidationError):
        FaultsParameters(("no_train_set",))


def test_the_figure_shows_each_printed_metric(seeds) -> None:
    figure = nodes.draw_seeds(seeds, PROTOCOL, PRINTED)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Accuracy",
        "First loss",
        "Last loss",
    ]
    assert all(axes.lines[0].get_label() == "One of 10 seeds" for axes in figure.axes)


def test_the_audit_reads_the_studys_tables() -> None:
    pipeline = create_pipeline()
    assert {"moons.points", "moons.predictions", "params:moons.network"} <= pipeline.inputs()
    assert {"moons_audit_claims", "moons_audit.report"} <= pipeline.all_outputs()
