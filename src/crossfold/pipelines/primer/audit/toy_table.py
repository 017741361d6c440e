"""The source's logistic regression on six rows, from many draws at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.pipelines.primer.logistic import sigmoid

Array = NDArray[Any]
LEARNING_RATE, N_ROWS, N_NEW = 0.01, 6, 200
_T = np.arange(1, N_ROWS + 1) / 10


def train_toys(seeds: Sequence[int], iterations: Sequence[int]) -> pd.DataFrame:
    """Train on every seed's own six rows, by the source's code and by scikit-learn.

    Parameters
    ----------
    seeds
        Of the table's third column, of the starts, and of 200 new rows that are drawn alike.
    iterations
        Of gradient descent; the first is as long as the source trained, the last the longest.

    Returns
    -------
    One row a seed. Rows of the six that are named rightly at 0.50, ``right_by_hand`` and
    ``right_by_library``; that both name alike, ``alike``; on which exactly one of two complementary
    outputs is at least 0.50, ``opposite``. ``new_loss`` and ``new_loss_later``: mean cross-entropy
    on new rows after the first and the last number of iterations.
    """
    from sklearn.linear_model import LogisticRegression

    drawn = [_draw(seed) for seed in seeds]
    table, new, start, other_start = (np.stack(parts) for parts in zip(*drawn, strict=True))
    label, new_label = table[..., 0] > 3, new[..., 0] > 3
    states = _descend(table, label, start, iterations)
    others = _descend(table, ~label, other_start, iterations[:1])
    own, other = (_logit(table, one[0]) >= 0 for one in (states, others))
    library = np.stack(
        [LogisticRegression().fit(x, y).predict(x) for x, y in zip(table, label, strict=True)]
    )
    losses = [
        (np.logaddexp(0, z) - new_label * z).mean(axis=1)
        for z in (_logit(new, state) for state in states)
    ]
    rows = {
        "right_by_hand": own == label,
        "right_by_library": library == label,
        "alike": own == library,
        "opposite": own != other,
    }
    counts = {name: of_rows.sum(axis=1) for name, of_rows in rows.items()}
    return pd.DataFrame(
        {"seed": seeds, **counts, "new_loss": losses[0], "new_loss_later": losses[-1]}
    )


def _draw(seed: int) -> tuple[Array, ...]:
    """Draw the six rows, new rows and two starts, as after ``numpy.random.seed(seed)``."""
    rng = np.random.RandomState(seed)
    table = _rows(_T, rng.random_sample(N_ROWS))
    starts = [np.append(0.1 * rng.random_sample(3), 0) for _ in range(2)]
    new = _rows(rng.uniform(_T[0], _T[-1], N_NEW), rng.random_sample(N_NEW))
    return table, new, *starts


def _rows(t: Array, u: Array) -> Array:
    return np.exp(np.column_stack([1.1 * t, 0.4 * (t + 0.5), 0.4 * u]) + 0.75)


def _logit(table: Array, weights: Array) -> Array:
    """Compute every row's sum; it is at least 0 where the output is at least 0.50."""
    return np.asarray((table @ weights[:, :3, None])[..., 0] + weights[:, 3:])


def _descend(table: Array, label: Array, start: Array, iterations: Sequence[int]) -> list[Array]:
    """Follow the gradient of the mean cross-entropy; give the weights after so many steps."""
    weights, kept = start.T.copy(), []
    # An input at a time over all tables: many times as fast as a small product for each of them.
    inputs = np.stack([*np.moveaxis(table, 2, 0), np.ones(table.shape[:2])])
    for step in range(1, max(iterations) + 1):
        error = sigmoid(np.einsum("jsi,js->si", inputs, weights)) - label
        weights -= LEARNING_RATE / N_ROWS * np.einsum("jsi,si->js", inputs, error)
        if step in iterations:
            kept.append(weights.T.copy())
    return kept
