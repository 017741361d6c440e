"""Time of a full-batch iteration of a table of 20 networks: all at once against one by one.

Run ``python benchmarks/experiments.py``. Random pixels in the place of 37,800 images; the networks
have the shapes of the ``digits`` study, read from its parameters. The contenders take turns, and
the fastest round of each counts. The bare products are what no way of training can do without:
two products of the images with the first layers of all networks.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import yaml
from rich.console import Console
from rich.table import Table

from crossfold.mlp import ExperimentStack, MLPClassifier

N_ROWS, N_PIXELS, N_CLASSES = 37_800, 784, 10
PARAMETERS = Path(__file__).parents[1] / "conf/base/digits/parameters.yml"
Data = tuple[np.ndarray, np.ndarray]


def make_data() -> Data:
    """Draw pixels and classes."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, size=(N_ROWS, N_PIXELS), dtype=np.uint8)
    return pixels, np.arange(N_ROWS) % N_CLASSES


def read_experiments() -> list[dict[str, Any]]:
    """Give shape, activation and dropout of each network; the start does not change the time."""
    experiments = yaml.safe_load(PARAMETERS.read_text())["digits"]["experiments"]
    names = ("hidden_layer_sizes", "activation", "dropout")
    return [{n: one[n] for n in names if n in one} for one in experiments.values()]


def iterate(experiments: list[dict[str, Any]], data: Data, engine: str, n_iterations: int) -> None:
    """Train a stack by full-batch gradient descent."""
    network = MLPClassifier(
        engine=engine,
        solver="sgd",
        momentum=0,
        batch_size="full",
        max_iter=n_iterations,
        input_scale=1 / 255,
    )
    ExperimentStack(network, member_params=experiments, score_every=n_iterations).fit(*data)


def seconds_per_iteration(run: Callable[[int], None]) -> float:
    """Time two lengths of training; what both have in common (start, scoring) drops out."""
    began = perf_counter()
    run(1)
    short = perf_counter()
    run(4)
    return (perf_counter() - short - (short - began)) / 3


def multiply(data: Data, width: int) -> Callable[[int], None]:
    """Give the two products of the images with first layers of that many units."""
    images = data[0].astype(np.float32)
    weights = np.zeros((width, N_PIXELS), dtype=np.float32)
    z, gradient = np.empty((width, N_ROWS), dtype=np.float32), np.empty_like(weights)

    def run(n_iterations: int) -> None:
        for _ in range(n_iterations):
            np.matmul(weights, images.T, out=z)
            np.matmul(z, images, out=gradient)

    return run


def contenders(experiments: list[dict[str, Any]], data: Data) -> dict[str, Callable[[int], None]]:
    """Give all ways of taking iterations, by name."""

    def one_by_one(n: int) -> None:
        for experiment in experiments:
            iterate([experiment], data, "numpy", n)

    width = sum(one["hidden_layer_sizes"][0] for one in experiments)
    return {
        "one by one, NumPy": one_by_one,
        "all at once, NumPy": lambda n: iterate(experiments, data, "numpy", n),
        "all at once, PyTorch": lambda n: iterate(experiments, data, "torch", n),
        "bare products": multiply(data, width),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    n_rounds = parser.parse_args().rounds
    experiments, data = read_experiments(), make_data()
    runs = contenders(experiments, data)
    rounds = [
        {name: seconds_per_iteration(run) for name, run in runs.items()} for _ in range(n_rounds)
    ]
    fastest = {name: min(one[name] for one in rounds) for name in runs}
    slowest = fastest["one by one, NumPy"]
    table = Table("contender", "ms an iteration", "ratio", title=f"{len(experiments)} networks")
    for name, seconds in fastest.items():
        table.add_row(name, f"{1000 * seconds:.0f}", f"{slowest / seconds:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
