"""A first network, 2–4–1, trained one row at a time, by hand and by the library."""

from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, PositiveInt

from crossfold.pipelines.primer.logistic import sigmoid
from crossfold.templates.parameters import Parameters

TRAIN, VALIDATION = "train", "validation"
Weights = tuple[np.ndarray, ...]  # two layers, the biases of each after its weights


class FirstNetworkParameters(Parameters):
    """The first network with a hidden layer, trained one row at a time."""

    n_points: Annotated[int, Field(ge=10)] = 100
    """Points drawn, from which training and validation points are taken."""
    n_hidden: PositiveInt = 4
    """Units of the hidden layer."""
    learning_rate: PositiveFloat = 0.01
    """Size of a step."""
    epochs: PositiveInt = 10
    """Passes over the training points."""
    first_steps: PositiveInt = 3
    """How many steps are written down with weights and gradients."""


def draw_integer_points(first_network: FirstNetworkParameters, seed: int) -> pd.DataFrame:
    """Draw integer points in [−5, 5)²; label 1 where x ≥ 0; three in ten are set aside.

    Equal points are one group, which is never on both sides: the draw repeats some.
    """
    from sklearn.model_selection import GroupShuffleSplit

    drawn = np.random.default_rng(seed).integers(-5, 5, (first_network.n_points, 2))
    points = pd.DataFrame(drawn, columns=["x", "y"])
    points["label"] = (points["x"] >= 0).astype("int8")
    splitter = GroupShuffleSplit(n_splits=1, test_size=0.3, random_state=seed)
    same = points.groupby(["x", "y"]).ngroup()
    _, held_out = next(splitter.split(points, groups=same))
    return points.assign(part=np.where(points.index.isin(held_out), VALIDATION, TRAIN))


def start_network(first_network: FirstNetworkParameters, seed: int) -> Weights:
    """Draw the start: all weights and biases uniform in [0, 1)."""
    rng = np.random.default_rng(seed)
    n = first_network.n_hidden
    return rng.random((2, n)), rng.random(n), rng.random((n, 1)), rng.random(1)


def train_network_by_hand(
    points: pd.DataFrame, first_network: FirstNetworkParameters, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train one row at a time on half the squared error of a sigmoid output.

    Returns the first steps, a row each: inputs, output, error, and of every weight its value and
    gradient before the step; and the epochs: ``epoch``, mean squared ``error`` and ``accuracy`` of
    both parts after it, and every weight.
    """
    train = points[points["part"] == TRAIN]
    weights = start_network(first_network, seed)
    steps: list[dict[str, Any]] = []
    epochs: list[dict[str, Any]] = []
    row: Any
    for epoch in range(first_network.epochs + 1):
        epochs.append({"epoch": epoch, **score_network(points, weights), **_name_all(weights)})
        for row in train.itertuples():
            inputs = np.array([row.x, row.y], dtype=float)
            output, gradients = differentiate(inputs, row.label, weights)
            if len(steps) < first_network.first_steps:
                step = {"x": row.x, "y": row.y, "label": row.label, "output": output}
                values = _name_all(weights)
                steps.append({**step, **values, **_name_all(gradients, "gradient_")})
            pairs = zip(weights, gradients, strict=True)
            weights = tuple(w - first_network.learning_rate * g for w, g in pairs)
    first = pd.DataFrame(steps)
    first.insert(0, "step", range(1, len(first) + 1))
    return first, pd.DataFrame(epochs)


def differentiate(inputs: np.ndarray, label: int, weights: Weights) -> tuple[float, Weights]:
    """Give the output for one row, and the gradient of ``(output − label)² / 2``.

    The error is multiplied by the sigmoid's derivative, ``output (1 − output)``; on its way back
    through the linear hidden layer it is only multiplied by the weights.
    """
    first, first_bias, second, second_bias = weights
    hidden = inputs @ first + first_bias
    output = sigmoid(hidden @ second + second_bias)
    delta = (output - label) * output * (1 - output)
    hidden_delta = second @ delta
    gradients = (np.outer(inputs, hidden_delta), hidden_delta, np.outer(hidden, delta), delta)
    return float(output[0]), gradients


def predict(points: pd.DataFrame, weights: Weights) -> np.ndarray:
    """Give the probability of label 1 for every point."""
    first, first_bias, second, second_bias = weights
    hidden = points[["x", "y"]].to_numpy(dtype=float) @ first + first_bias
    return sigmoid(hidden @ second + second_bias)[:, 0]


def score_network(points: pd.DataFrame, weights: Weights) -> dict[str, float]:
    """Give mean squared error and accuracy on both parts of the points."""
    output, label = predict(points, weights), points["label"].to_numpy()
    scores = {}
    for part in (TRAIN, VALIDATION):
        own = (points["part"] == part).to_numpy()
        scores[f"{part}_error"] = float(np.mean((output[own] - label[own]) ** 2))
        scores[f"{part}_accuracy"] = float(np.mean((output[own] >= 0.5) == label[own]))
    return scores


def _name_all(weights: Weights, prefix: str = "") -> dict[str, float]:
    """Name every weight: ``w1_xh`` from input x to hidden unit h, ``b1_h``, ``w2_h``, ``b2``."""
    units = range(len(weights[1]))
    layers = [f"{layer}{unit}" for layer in ("w1_x", "w1_y", "b1_", "w2_") for unit in units]
    values = np.concatenate([one.ravel() for one in weights]).tolist()
    return {f"{prefix}{name}": value for name, value in zip([*layers, "b2"], values, strict=True)}


def read_named(named: pd.Series) -> Weights:
    """Arrange weights by name, as in `train_network_by_hand` and in its order, as arrays."""
    n = (len(named) - 1) // 4
    first, first_bias, second, second_bias = np.split(named.to_numpy(), [2 * n, 3 * n, 4 * n])
    return first.reshape(2, n), first_bias, second[:, None], second_bias


def compare_first_network(
    points: pd.DataFrame, epochs: pd.DataFrame, first_network: FirstNetworkParameters, seed: int
) -> pd.DataFrame:
    """Train the same network with `crossfold.mlp`, and give every weight beside that by hand.

    Returns ``weight``, ``by_hand``, ``library`` and their ``difference``.
    """
    from crossfold.mlp import MLPClassifier

    train = points[points["part"] == TRAIN]
    first, first_bias, second, second_bias = start_network(first_network, seed)
    network = MLPClassifier(
        (first_network.n_hidden,), "identity", solver="sgd", momentum=0, alpha=0, batch_size=1,
        shuffle=False, loss="squared_error", learning_rate="constant",
        learning_rate_init=first_network.learning_rate,
        max_iter=first_network.epochs, n_iter_no_change=np.inf, dtype="float64",
        init=lambda rng, sizes: ([first, second], [first_bias, second_bias]),
    ).fit(train[["x", "y"]].to_numpy(dtype=float), train["label"].to_numpy())  # fmt: skip
    (own, own_second), (own_bias, own_second_bias) = network.coefs_, network.intercepts_
    library = pd.Series(_name_all((own, own_bias, own_second, own_second_bias)), name="library")
    table = library.rename_axis("weight").reset_index()
    table.insert(1, "by_hand", epochs.iloc[-1][table["weight"]].to_numpy(dtype=float))
    return table.assign(difference=table["by_hand"] - table["library"])
