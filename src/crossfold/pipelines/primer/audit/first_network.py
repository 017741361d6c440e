"""The source's first network, draw for draw, with its faults or without.

It is written out once more, beside the study's own, because its figures depend on the order of
NumPy's old global generator and on the order of the rows. From seed 42, with both faults, it gives
the numbers that the source printed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossfold.pipelines.primer.logistic import sigmoid

RAW_ERROR_UPDATE, EQUAL_POINTS = "raw_error_update", "equal_points_across_parts"
N_POINTS, N_HIDDEN, TEST_SHARE, LEARNING_RATE = 100, 4, 0.3, 0.01
Array = NDArray[Any]


def split_points(points: Array, faults: Collection[str], seed: int) -> tuple[Array, Array]:
    """Give the rows of both parts; without `EQUAL_POINTS` all points at one place share a part."""
    from sklearn.model_selection import GroupShuffleSplit, train_test_split

    rows, own = np.arange(len(points)), {"test_size": TEST_SHARE, "random_state": seed}
    if EQUAL_POINTS in faults:
        train, validation = train_test_split(rows, **own)
    else:
        splitter = GroupShuffleSplit(n_splits=1, **own)
        train, validation = next(splitter.split(rows, groups=points @ [10, 1]))
    return train, validation


def train_network(seed: int, faults: Collection[str], epochs: int) -> Iterator[dict[str, float]]:
    """Draw points, split and start as ``numpy.random.seed(seed)`` does, and train row by row.

    The loss is ``(p - y)²``, so that its slope in ``p`` is ``2 (p - y)``. Under `RAW_ERROR_UPDATE`
    the output layer's own weights and bias follow that slope without the sigmoid's derivative,
    while what goes down to the hidden layer is multiplied by it.

    Yields
    ------
    For each epoch: ``seed``, ``epoch``; ``train_error``, which is the mean squared error of the
    rows as each came up while the weights moved; ``validation_error``, ``train_accuracy`` and
    ``validation_accuracy`` after the epoch; the weights after it, ``w1_0`` … ``w2_3``.
    """
    rng = np.random.RandomState(seed)
    points = rng.randint(-5, 5, (N_POINTS, 2)).astype(float)
    w1, b1, w2, b2 = (rng.random_sample(shape) for shape in ((2, N_HIDDEN), N_HIDDEN, N_HIDDEN, 1))
    labels = (points[:, 0] >= 0).astype(float)
    train, held = split_points(points, faults, seed)
    for epoch in range(1, epochs + 1):
        squares = 0.0
        for x, label in zip(points[train], labels[train], strict=True):
            hidden = x @ w1 + b1
            output = sigmoid(hidden @ w2 + b2)
            slope = 2 * (output - label)
            delta = slope * output * (1 - output)
            down = LEARNING_RATE * delta * w2
            step = LEARNING_RATE * (slope if RAW_ERROR_UPDATE in faults else delta)
            w2, b2 = w2 - step * hidden, b2 - step
            w1, b1 = w1 - np.outer(x, down), b1 - down
            squares += float(output[0] - label) ** 2
        output = sigmoid((points @ w1 + b1) @ w2 + b2)
        right = (output >= 0.5) == (labels == 1)
        yield {
            "seed": seed,
            "epoch": epoch,
            "train_error": squares / len(train),
            "validation_error": float(np.mean((output - labels)[held] ** 2)),
            "train_accuracy": float(right[train].mean()),
            "validation_accuracy": float(right[held].mean()),
            **{f"w1_{place}": weight for place, weight in enumerate(w1.ravel())},
            **{f"w2_{place}": weight for place, weight in enumerate(w2)},
        }
