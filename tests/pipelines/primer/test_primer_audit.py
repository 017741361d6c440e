"""The audit repeats both notebooks draw for draw, and each fault does what it names."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.model_selection import train_test_split

from crossfold.pipelines.primer import audit
from crossfold.pipelines.primer.audit import (
    EQUAL_POINTS,
    RAW_ERROR_UPDATE,
    Case,
    PrimerClaims,
    split_points,
    steadily,
    train_network,
)

FAULTS = (RAW_ERROR_UPDATE, EQUAL_POINTS)
SEEDS = range(42, 142)
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def claims() -> PrimerClaims:
    text = (ROOT / "conf/base/primer/claims.yml").read_text(encoding="utf-8")
    return PrimerClaims.model_validate(yaml.safe_load(text)["primer_claims"])


def train(*faults: str) -> pd.DataFrame:
    return pd.DataFrame([row for seed in SEEDS for row in train_network(seed, faults, 10)])


@pytest.fixture(scope="module")
def reported() -> pd.DataFrame:
    return train(*FAULTS)


@pytest.fixture(scope="module")
def derived() -> pd.DataFrame:
    return train(EQUAL_POINTS)


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def run_as_printed() -> list[list[float]]:
    """Write the notebook out plainly: of each epoch twelve weights and both errors."""
    np.random.seed(42)  # noqa: NPY002
    points = np.random.randint(-5, 5, (100, 2))  # noqa: NPY002
    labels = (points[:, 0] >= 0).astype(int)
    train, held, y_train, y_held = train_test_split(points, labels, test_size=0.3, random_state=42)
    w1, b1 = np.random.rand(2, 4), np.random.rand(1, 4)  # noqa: NPY002
    w2, b2 = np.random.rand(4, 1), np.random.rand(1, 1)  # noqa: NPY002
    printed = []
    for _ in range(10):
        total = 0.0
        for x, y in zip(train.reshape(-1, 1, 2), y_train, strict=True):
            hidden = x @ w1 + b1
            output = sigmoid(hidden @ w2 + b2)
            total += (output - y).item() ** 2
            error = 2 * (output - y)
            down = error * output * (1 - output) @ w2.T
            w2, b2 = w2 - 0.01 * hidden.T @ error, b2 - 0.01 * error
            w1, b1 = w1 - 0.01 * x.T @ down, b1 - 0.01 * down
        validation = np.mean((sigmoid((held @ w1 + b1) @ w2 + b2)[:, 0] - y_held) ** 2)
        printed.append([*w1.ravel(), *w2.ravel(), total / 70, validation])
    return printed


def test_all_140_numbers_of_the_notebook_come_out(reported) -> None:
    own = reported[reported["seed"] == 42]
    names = [n for n in own if n.startswith("w")]
    found = own[[*names, "train_error", "validation_error"]].to_numpy()
    np.testing.assert_allclose(found, run_as_printed(), rtol=1e-10)
    assert found.size == 140


@pytest.mark.parametrize(
    ("run", "middle", "low", "high"),
    [("reported", 0.0129, 0.0069, 0.0235), ("derived", 0.0253, 0.0111, 0.0507)],
)
def test_a_hundred_seeds_lie_about_the_printed_error(run, middle, low, high, request) -> None:
    table = request.getfixturevalue(run)
    last = table[table["epoch"] == 10]["train_error"]
    found = [last.median(), *last.quantile([0.025, 0.975])]
    np.testing.assert_array_equal(np.round(found, 4), [middle, low, high])
    assert low < 0.0162 < high


def test_with_the_derivative_put_right_nearly_every_seed_learns_all_points(derived) -> None:
    last = derived[derived["epoch"] == 10]["train_accuracy"]
    assert last.median() == 1
    assert last.quantile(0.025) == pytest.approx(0.929, abs=5e-4)


def test_equal_points_cross_parts_only_under_their_fault() -> None:
    points = np.random.RandomState(42).randint(-5, 5, (100, 2))

    def crossing(*faults: str) -> set[tuple[float, ...]]:
        train, held = ({tuple(p) for p in points[r]} for r in split_points(points, faults, 42))
        return train & held

    assert not crossing()
    assert not crossing(RAW_ERROR_UPDATE)
    assert crossing(EQUAL_POINTS)
    assert [len(rows) for rows in split_points(points, FAULTS, 42)] == [70, 30]


def test_the_toy_table_is_right_at_half_in_a_third_of_the_draws_and_the_library_always() -> None:
    toys = audit.train_toys(range(300), [500, 501])
    assert (toys["right_by_hand"] == 6).mean() == pytest.approx(0.35, abs=0.005)
    assert (toys["right_by_library"] == 6).all()
    assert (toys["alike"] == toys["right_by_hand"]).all()


def test_training_on_lowers_the_loss_on_new_rows() -> None:
    toys = audit.train_toys(range(20), [500, 10000])
    assert toys["new_loss_later"].mean() < toys["new_loss"].mean()


def test_steady_means_in_every_epoch() -> None:
    errors = {1: [3, 2, 1], 2: [3, 2, 2]}
    table = pd.DataFrame(
        [
            {"seed": seed, "epoch": epoch, "train_error": value, "train_accuracy": 0.5}
            for seed, values in errors.items()
            for epoch, value in enumerate(values)
        ]
    )
    case = Case(table, pd.DataFrame())
    assert steadily(case, ["train_error", "train_accuracy"]).estimate == 0.5
    assert steadily(case, ["train_accuracy"]).estimate == 1


def test_every_claim_is_judged_and_the_errors_hold(claims) -> None:
    protocol = audit.ProtocolParameters(n_seeds=15, iterations=(500, 2000))
    epochs = audit.train_first_networks(claims, protocol)
    toys = audit.train_toy_tables(protocol, 42)
    table, shares, runs = audit.judge_claims(epochs, toys, claims, protocol)
    judged = table.set_index("claim")["judgement"]
    assert list(judged.index) == list(claims.claims)
    assert (judged[["train_error", "validation_error", "train_accuracy"]] == "Holds").all()
    assert (judged[["both_right", "same_predictions", "overfitting"]] == "Does not hold").all()
    raw = shares.query("claim == 'train_error' and fault == @RAW_ERROR_UPDATE")
    assert (raw["share"] < 0)[raw["switch"] == "on"].all()
    # The source's own run gives its figures to the last digit.
    own = runs[runs["subject"].str.startswith("its own run")]
    pairs = own.pivot_table(index=["subject", "metric"], columns="run", values="estimate")
    assert (len(pairs), set(pairs)) == (6, {"printed", "reported", "sound"})
    np.testing.assert_array_equal(pairs["reported"].round(4), pairs["printed"])
