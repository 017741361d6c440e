"""The primer's numbers are right: against finite differences, and against the library."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from crossfold.pipelines.primer import first_network, logistic
from crossfold.pipelines.primer.first_network import FirstNetworkParameters
from crossfold.pipelines.primer.logistic import LogisticParameters

LOGISTIC = LogisticParameters(epochs=200, exercise_epochs=(1000, 3000))
FIRST = FirstNetworkParameters()
SEED = 42


def test_the_gradient_by_hand_is_that_of_the_loss() -> None:
    toy = logistic.make_toy_table(SEED)
    steps = logistic.train_logistic_by_hand(toy, LOGISTIC, SEED)
    X, y = toy[logistic.INPUTS].to_numpy(), toy["label"].to_numpy()

    def loss(weights: np.ndarray) -> float:
        p = logistic.sigmoid(X @ weights[:3] + weights[3])
        return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))

    first = steps.iloc[0]
    weights = first[["w1", "w2", "w3", "b"]].to_numpy(dtype=float)
    gradient = first.filter(like="gradient").to_numpy(dtype=float)
    assert first["loss"] == pytest.approx(loss(weights))
    np.testing.assert_allclose(gradient, approx_fprime(weights, loss), atol=1e-6)
    after = steps.iloc[1][["w1", "w2", "w3", "b"]].to_numpy(dtype=float)
    np.testing.assert_allclose(after, weights - 0.01 * gradient)


def test_by_hand_equals_the_library() -> None:
    toy = logistic.make_toy_table(SEED)
    longer = logistic.train_for_longer(toy, LOGISTIC, SEED)
    table = logistic.compare_logistic(toy, longer, LOGISTIC, SEED)
    assert table["epochs"].tolist()[:4] == [200, 1000, 3000, 200]
    first = table.drop_duplicates("source").set_index("source")
    by_hand, library = (first.loc[name].to_numpy(float) for name in ("by hand", "crossfold.mlp"))
    np.testing.assert_allclose(by_hand, library, atol=1e-12)


def test_weights_grow_while_the_loss_falls() -> None:
    longer = logistic.train_for_longer(logistic.make_toy_table(SEED), LOGISTIC, SEED)
    asked = longer.set_index("epoch").loc[[200, 1000, 3000]]
    assert asked["length"].is_monotonic_increasing
    assert asked["loss"].is_monotonic_decreasing


def test_two_outputs_need_not_add_up_to_one() -> None:
    table = logistic.train_two_outputs(logistic.make_toy_table(SEED), LOGISTIC, SEED)
    assert (table["sum"] - 1).abs().max() > 1e-4
    assert (table["sum"] - 1).abs().max() < 0.2


def test_the_first_networks_gradient_is_that_of_the_squared_error() -> None:
    weights = first_network.start_network(FIRST, SEED)
    inputs = np.array([-3.0, 2.0])
    shapes = [w.shape for w in weights]
    ends = np.cumsum([w.size for w in weights])[:-1]

    def loss(flat: np.ndarray) -> float:
        parts = [p.reshape(s) for p, s in zip(np.split(flat, ends), shapes, strict=True)]
        output, _ = first_network.differentiate(inputs, 1, tuple(parts))  # type: ignore[arg-type]
        return (output - 1) ** 2 / 2

    flat = np.concatenate([w.ravel() for w in weights])
    _, gradients = first_network.differentiate(inputs, 1, weights)
    expected = approx_fprime(flat, loss)
    np.testing.assert_allclose(np.concatenate([g.ravel() for g in gradients]), expected, atol=1e-6)


def test_the_first_network_equals_the_library() -> None:
    points = first_network.draw_integer_points(FIRST, SEED)
    steps, epochs = first_network.train_network_by_hand(points, FIRST, SEED)
    table = first_network.compare_first_network(points, epochs, FIRST, SEED)
    assert table["difference"].abs().max() < 1e-12
    assert len(steps) == FIRST.first_steps
    assert epochs["epoch"].tolist() == list(range(11))
    assert epochs["train_error"].iloc[-1] < epochs["train_error"].iloc[0]


def test_equal_points_are_on_the_same_side() -> None:
    points = first_network.draw_integer_points(FIRST, SEED)
    assert points.groupby(["x", "y"])["part"].nunique().max() == 1
    assert points["part"].value_counts()["validation"] > 20
