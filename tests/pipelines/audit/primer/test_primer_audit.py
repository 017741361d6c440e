"""Each fault of the primer's audit does what it names; sound figures are those of the study."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from crossfold.pipelines.audit.claims import CLAIM_COLUMNS, SHARE_COLUMNS
from crossfold.pipelines.audit.measured import Measured
from crossfold.pipelines.audit.primer import create_pipeline, nodes, training
from crossfold.pipelines.audit.primer.claims_of_source import statements
from crossfold.pipelines.audit.primer.faults import split_points
from crossfold.pipelines.audit.primer.parameters import (
    FaultsParameters,
    PrintedParameters,
    ProtocolParameters,
)
from crossfold.pipelines.audit.runs import REPORTED, RUN_COLUMNS, SOUND, find_measured, only
from crossfold.pipelines.primer import first_network
from crossfold.pipelines.primer.logistic import sigmoid
from crossfold.pipelines.primer.parameters import FirstNetworkParameters

SEED = 42
FIRST = FirstNetworkParameters(epochs=4)
PROTOCOL = ProtocolParameters(source_epochs=10, n_seeds=10)
ALL = FaultsParameters(("raw_error_update", "equal_points_across_parts"))
PRINTED = PrintedParameters(
    train_accuracy=0.9714, validation_accuracy=1.0, train_error=0.0162, validation_error=0.0106,
    first_train_error=0.1258, first_validation_error=0.0990,
)  # fmt: skip
SCORES = ["train_error", "train_accuracy", "validation_error", "validation_accuracy"]


@pytest.fixture(scope="module")
def points() -> pd.DataFrame:
    return first_network.draw_integer_points(FIRST, SEED)


@pytest.fixture(scope="module")
def epochs(points: pd.DataFrame) -> pd.DataFrame:
    return first_network.train_network_by_hand(points, FIRST, SEED)[1]


@pytest.fixture(scope="module")
def seeds() -> pd.DataFrame:
    return training.train_seeds(FIRST, PROTOCOL, ALL, SEED)


@pytest.fixture(scope="module")
def tables(seeds, points, epochs) -> tuple[pd.DataFrame, ...]:
    return nodes.judge_claims(seeds, points, epochs, FIRST, PROTOCOL, ALL, PRINTED, SEED)


def row_of(seeds: pd.DataFrame, run: str) -> pd.Series:
    return seeds[(seeds["run"] == run) & (seeds["seed"] == SEED)].iloc[0]


def test_the_sound_network_of_a_seed_is_the_studys(seeds, epochs) -> None:
    row = row_of(seeds, SOUND)
    np.testing.assert_allclose(row[SCORES].astype(float), epochs[SCORES].iloc[-1], atol=1e-12)
    first = row[[f"first_{name}" for name in SCORES]].astype(float)
    np.testing.assert_allclose(first, epochs[SCORES].iloc[1], atol=1e-12)


def test_the_raw_error_is_not_multiplied_by_the_derivative(seeds, points) -> None:
    """The figures are those of the update written out by hand."""
    train = points[points["part"] == "train"]
    first, first_bias, second, second_bias = first_network.start_network(FIRST, SEED)
    for _ in range(FIRST.epochs):
        for row in train.itertuples():
            inputs = np.array([row.x, row.y], dtype=float)
            hidden = inputs @ first + first_bias
            error = sigmoid(hidden @ second + second_bias) - row.label
            hidden_error = second @ error
            second = second - 0.01 * np.outer(hidden, error)
            second_bias = second_bias - 0.01 * error
            first = first - 0.01 * np.outer(inputs, hidden_error)
            first_bias = first_bias - 0.01 * hidden_error
    expected = first_network.score_network(points, (first, first_bias, second, second_bias))
    found = row_of(seeds, only("raw_error_update"))
    assert {name: found[name] for name in SCORES} == pytest.approx(expected)
    assert found["train_error"] < row_of(seeds, SOUND)["train_error"] / 2


def test_equal_points_cross_parts_only_under_their_fault(points) -> None:
    def crossing(faults: list[str]) -> int:
        own = split_points(points, faults, SEED)
        return int((own.groupby(["x", "y"])["part"].nunique() == 2).sum())

    assert crossing([]) == crossing(["raw_error_update"]) == 0
    assert crossing(["equal_points_across_parts"]) > 0
    by_row = split_points(points, ["equal_points_across_parts"], SEED)
    assert by_row["part"].value_counts().to_dict() == {"train": 70, "validation": 30}


def test_one_run_is_the_studys_with_wilsons_interval(tables, points, epochs) -> None:
    runs = tables[2]
    sound = find_measured(runs, SOUND, nodes.ONE_RUN, "train_accuracy")
    assert sound.estimate == pytest.approx(epochs["train_accuracy"].iloc[-1])
    assert sound.n == (points["part"] == "train").sum()
    assert 0 < sound.low < sound.estimate < sound.high < 1
    first = find_measured(runs, SOUND, nodes.ONE_RUN, "first_train_error")
    assert first.estimate == epochs["train_error"].iloc[1]
    assert find_measured(runs, REPORTED, nodes.ONE_RUN, "validation_accuracy").n == 30


def test_the_sound_figures_of_one_run_are_read_from_the_studys_tables(
    seeds, points, epochs
) -> None:
    changed = epochs.assign(train_error=epochs["train_error"] + 1)
    tables = nodes.judge_claims(seeds, points, changed, FIRST, PROTOCOL, ALL, PRINTED, SEED)
    found = find_measured(tables[2], SOUND, nodes.ONE_RUN, "train_error")
    assert found.estimate == changed["train_error"].iloc[-1]


def test_claims_are_judged_over_all_seeds(tables, seeds) -> None:
    claims, shares, runs = tables
    assert tuple(claims) == CLAIM_COLUMNS
    assert tuple(shares) == SHARE_COLUMNS
    assert tuple(runs) == RUN_COLUMNS
    assert list(claims["claim"]) == list(statements(PRINTED))
    claim = claims.set_index("claim").loc["train_error"]
    own = seeds.loc[seeds["run"] == REPORTED, "train_error"]
    assert (claim["reported"], claim["reported_n"]) == (own.median(), PROTOCOL.n_seeds)
    assert "This project's seed gives" in claim["unstated"]
    assert claim["shortened"] == "Shortened: 4 of 10 epochs."
    assert shares.groupby("claim")["fault"].apply(list).tolist() == [list(ALL.root)] * 3


@pytest.mark.parametrize(("claim", "n"), [("train_accuracy", 70), ("validation_accuracy", 30)])
def test_an_accuracy_is_reached_by_as_many_rows_as_printed(claim: str, n: int) -> None:
    statement = statements(PRINTED)[claim]
    rows = round(statement.printed_value * n)
    holds = [statement.holds(Measured(*[right / n] * 3, n)) for right in (rows - 1, rows)]
    assert holds == ["no", "yes"]


def test_the_error_is_reached_at_the_printed_digits() -> None:
    holds = statements(PRINTED)["train_error"].holds
    assert [holds(Measured(value, value, value, 70)) for value in (0.0162, 0.0163)] == ["yes", "no"]


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ValidationError):
        FaultsParameters(("raw_error",))


def test_the_figure_shows_the_last_epochs(seeds) -> None:
    figure = nodes.draw_seeds(seeds, PRINTED)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["Train accuracy", "Validation accuracy", "Train error", "Validation error"]


def test_the_audit_reads_the_studys_tables() -> None:
    pipeline = create_pipeline()
    read = {"primer.points", "primer.network_epochs", "params:primer.first_network"}
    assert read <= pipeline.inputs()
    assert {"primer_audit_claims", "primer_audit.report"} <= pipeline.all_outputs()
