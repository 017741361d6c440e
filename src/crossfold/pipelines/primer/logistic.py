"""Logistic regression as a network without a hidden layer, by hand and by the libraries."""

from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat, PositiveInt

from crossfold.templates.parameters import Parameters

INPUTS = ["x1", "x2", "x3"]
WEIGHTS = ["w1", "w2", "w3", "b"]
BY_HAND, LIBRARY, STOPPED = "by hand", "crossfold.mlp", "crossfold.mlp, stopped early"
REFERENCE = "scikit-learn"
_GRADIENTS = [f"gradient_{name}" for name in WEIGHTS]


class LogisticParameters(Parameters):
    """Logistic regression as a network without a hidden layer."""

    learning_rate: PositiveFloat = 0.01
    """Size of a step of full-batch gradient descent."""
    epochs: PositiveInt = 500
    """Passes of full-batch gradient descent."""
    first_steps: PositiveInt = 3
    """Steps written out in full."""
    exercise_epochs: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    """Lengths of the longer trainings."""
    smallest_gain: PositiveFloat = 1e-4
    """Early stopping: a fall of the loss by less than this is none."""
    patience: PositiveInt = 10
    """Early stopping: training ends after so many epochs in which the loss has not fallen."""


def make_toy_table(seed: int) -> pd.DataFrame:
    """Make the table of six rows: three inputs, and whether the first is above 3."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(toy_rows(np.arange(1, 7) / 10, rng.random(6)), columns=INPUTS)
    return table.assign(label=(table["x1"] > 3).astype("int8"))


def toy_rows(t: NDArray[np.float64], u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the three inputs of rows, shape ``(n, 3)``, from two numbers of each."""
    return np.exp(np.column_stack([1.1 * t, 0.4 * (t + 0.5), 0.4 * u]) + 0.75)


def train_logistic_by_hand(
    toy: pd.DataFrame, logistic: LogisticParameters, seed: int
) -> pd.DataFrame:
    """Train by full-batch gradient descent; one row for each epoch.

    Returns ``epoch``, ``loss`` before the step, weights before the step, and the gradient that the
    step follows; the last row is after the last step.
    """
    X, y = toy[INPUTS].to_numpy(), toy["label"].to_numpy()
    return descend(X, y, start_weights(seed), logistic.learning_rate, logistic.epochs)


def start_weights(seed: int) -> np.ndarray:
    """Draw the start: three weights uniform in [0, 0.1) and a bias of zero."""
    return np.append(0.1 * np.random.default_rng(seed).random(3), 0.0)


def descend(
    X: np.ndarray, y: np.ndarray, weights: np.ndarray, learning_rate: float, epochs: int
) -> pd.DataFrame:
    """Follow the gradient of the mean cross-entropy; a row for each state, the start first."""
    inputs = np.column_stack([X, np.ones(len(X))])
    states = []
    for _ in range(epochs + 1):
        z = inputs @ weights
        # log(1 + exp(z)) - y z is the cross-entropy of sigmoid(z), without a logarithm of 0.
        loss = float(np.mean(np.logaddexp(0, z) - y * z))
        gradient = inputs.T @ (sigmoid(z) - y) / len(y)
        states.append([loss, *weights, *gradient])
        weights = weights - learning_rate * gradient
    table = pd.DataFrame(states, columns=["loss", *WEIGHTS, *_GRADIENTS])
    table.insert(0, "epoch", range(epochs + 1))
    return table


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Give ``1 / (1 + exp(-z))``, with `z` clipped to ±500 so that nothing overflows."""
    squashed: np.ndarray = 1 / (1 + np.exp(-np.clip(z, -500, 500)))
    return squashed


def compare_logistic(
    toy: pd.DataFrame, longer: pd.DataFrame, logistic: LogisticParameters, seed: int
) -> pd.DataFrame:
    """Put weights and probabilities by hand beside those of crossfold and of scikit-learn.

    By hand (`longer`, of `train_for_longer`) and by crossfold the training is the same; once
    crossfold stops early, when the loss has hardly fallen for some epochs. scikit-learn minimises
    the loss with an L2 penalty (C = 1), to the end.

    Returns ``source``, ``epochs``, the weights, and the probability of each row, ``row 1`` to
    ``row 6``.
    """
    from sklearn.linear_model import LogisticRegression

    X, y = toy[INPUTS].to_numpy(), toy["label"].to_numpy()
    longest, patience = max(logistic.exercise_epochs), logistic.patience
    fitted = fit_library(toy, logistic.epochs, logistic, seed)
    stopped = fit_library(toy, longest, logistic, seed, n_iter_no_change=patience)
    regression = LogisticRegression().fit(X, y)
    by_epoch = longer.set_index("epoch")[WEIGHTS]
    asked = (logistic.epochs, *logistic.exercise_epochs)
    weights = [
        *((BY_HAND, epochs, by_epoch.loc[epochs].to_numpy()) for epochs in asked),
        *((name, one.n_iter_, _flat(one)) for name, one in ((LIBRARY, fitted), (STOPPED, stopped))),
        (REFERENCE, int(regression.n_iter_[0]), _flat(regression)),
    ]
    rows = [(*names, *own, *sigmoid(X @ own[:3] + own[3])) for *names, own in weights]
    columns = ["source", "epochs", *WEIGHTS, *(f"row {n}" for n in range(1, len(X) + 1))]
    return pd.DataFrame(rows, columns=columns)


def fit_library(
    toy: pd.DataFrame,
    epochs: int,
    logistic: LogisticParameters,
    seed: int,
    n_iter_no_change: float = np.inf,
) -> Any:
    """Train the same network with `crossfold.mlp`, for at most some epochs."""
    from crossfold.mlp import MLPClassifier

    start = start_weights(seed)
    return MLPClassifier(
        (), solver="sgd", momentum=0, alpha=0, batch_size="full", shuffle=False, dtype="float64",
        learning_rate="constant", learning_rate_init=logistic.learning_rate, max_iter=epochs,
        tol=logistic.smallest_gain, n_iter_no_change=n_iter_no_change,
        init=lambda rng, sizes: ([start[:3, None]], [start[3:]]),
    ).fit(toy[INPUTS].to_numpy(), toy["label"].to_numpy())  # fmt: skip


def _flat(fitted: Any) -> NDArray[np.float64]:
    """Put weights and bias of a fitted estimator, ours or scikit-learn's, into one row."""
    if hasattr(fitted, "coef_"):
        return np.append(fitted.coef_, fitted.intercept_)
    return np.append(fitted.coefs_[0], fitted.intercepts_[0])


def train_for_longer(toy: pd.DataFrame, logistic: LogisticParameters, seed: int) -> pd.DataFrame:
    """Go on for many more epochs: on separable data the weights grow without bound.

    Returns of up to 25 epochs a decade: ``epoch``, ``loss``, the weights and ``length``, that of
    the weight vector without bias.
    """
    X, y = toy[INPUTS].to_numpy(), toy["label"].to_numpy()
    longest = max(logistic.exercise_epochs)
    table = descend(X, y, start_weights(seed), logistic.learning_rate, longest)
    shown = np.unique(np.geomspace(1, longest, 1 + 25 * len(str(longest))).astype(int))
    kept = table.iloc[sorted({*shown, *logistic.exercise_epochs, logistic.epochs} & {*table.index})]
    length = np.linalg.norm(kept[["w1", "w2", "w3"]], axis=1)
    return kept[["epoch", "loss", *WEIGHTS]].assign(length=length).reset_index(drop=True)


def train_two_outputs(toy: pd.DataFrame, logistic: LogisticParameters, seed: int) -> pd.DataFrame:
    """Train two complementary outputs at once: the second learns the opposite label.

    Returns ``row``, ``label``, the probabilities ``first`` and ``second``, and their ``sum``, which
    nothing in the training asks to be 1.
    """
    X, y = toy[INPUTS].to_numpy(), toy["label"].to_numpy()
    probabilities = {}
    for number, (name, target) in enumerate({"first": y, "second": 1 - y}.items()):
        start = start_weights(seed + number)
        states = descend(X, target, start, logistic.learning_rate, logistic.epochs)
        last = states[WEIGHTS].to_numpy()[-1]
        probabilities[name] = sigmoid(X @ last[:3] + last[3])
    table = pd.DataFrame({"row": range(1, len(y) + 1), "label": y, **probabilities})
    return table.assign(sum=table["first"] + table["second"])
