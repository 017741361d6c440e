"""Time of a training step per fold: stacked engines against scikit-learn and a DataLoader loop.

Run ``python benchmarks/training.py``. All contenders shuffle and gather their batches as in real
training. They take turns for some rounds, and the fastest round of each counts, so that other
work on the machine weighs on all alike.
"""

from __future__ import annotations

import argparse
import os
import platform
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter

import numpy as np
from rich.console import Console
from rich.table import Table

from crossfold.mlp._spec import DataSet, Member, Network, Settings
from crossfold.mlp._training import train

SIZES = (9, 64, 16, 8, 1)
LEARNING_RATE = 0.01


@dataclass(frozen=True)
class Scenario:
    """A stack to measure, and the ratios that it must reach at least."""

    n_members: int
    batch_size: int
    n_batches: int
    numpy_floor: float
    torch_floor: float

    @property
    def n_rows(self) -> int:
        """Rows of the data set."""
        return self.batch_size * self.n_batches


SCENARIOS = (Scenario(5, 100, 400, 6, 12), Scenario(20, 1000, 60, 3, 18))


def make_data(n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw inputs and 0/1 targets in float32."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(n_rows, SIZES[0])).astype(np.float32)
    targets = (inputs[:, 0] * inputs[:, 1] > 0).astype(np.float32)
    return inputs, targets


def with_scikit_learn(scenario: Scenario) -> Callable[[], int]:
    """One network, one epoch; gives the number of fold-steps, as all contenders do."""
    from sklearn.neural_network import MLPClassifier

    inputs, targets = make_data(scenario.n_rows)
    network = MLPClassifier(
        SIZES[1:-1],
        solver="sgd",
        batch_size=scenario.batch_size,
        learning_rate_init=LEARNING_RATE,
        max_iter=1,
    )

    def run() -> int:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network.fit(inputs, targets)
        return scenario.n_batches

    return run


def with_data_loader(scenario: Scenario) -> Callable[[], int]:
    """One network, one epoch, as PyTorch's tutorials write it."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    inputs, targets = make_data(scenario.n_rows)
    rows = TensorDataset(torch.from_numpy(inputs), torch.from_numpy(targets[:, None]))
    loader = DataLoader(rows, batch_size=scenario.batch_size, shuffle=True)
    layers = [m for n_in, n_out in pairwise(SIZES) for m in (nn.Linear(n_in, n_out), nn.ReLU())]
    model = nn.Sequential(*layers[:-1])
    loss_of = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.SGD(
        model.parameters(), LEARNING_RATE, momentum=0.9, nesterov=True, weight_decay=1e-4
    )

    def run() -> int:
        for batch, labels in loader:
            optimizer.zero_grad()
            loss_of(model(batch), labels).backward()
            optimizer.step()
        return scenario.n_batches

    return run


def with_stack(scenario: Scenario, engine: str) -> Callable[[], int]:
    """All members in one stack, one epoch."""
    inputs, targets = make_data(scenario.n_rows)
    data = DataSet(inputs, targets[:, None])
    rows = np.arange(scenario.n_rows)
    members = [
        Member(0, rows, seed=seed, learning_rate_init=LEARNING_RATE)
        for seed in range(scenario.n_members)
    ]
    settings = Settings(
        engine=engine,  # type: ignore[arg-type]
        device="cpu",
        solver="sgd",
        batch_size=scenario.batch_size,
        max_iter=1,
    )

    def run() -> int:
        train(Network(SIZES), [data], members, settings)
        return scenario.n_batches * scenario.n_members

    return run


def with_bare_products(scenario: Scenario, library: str) -> Callable[[], int]:
    """Only the matrix products of the steps: the limit of what stacking can reach."""
    import torch

    k, rows = scenario.n_members, scenario.batch_size
    rng = np.random.default_rng(0)
    products = []
    for layer, (n_in, n_out) in enumerate(pairwise(SIZES)):
        a, w, d = (
            rng.normal(size=(k, *shape)).astype(np.float32)
            for shape in ((rows, n_in), (n_in, n_out), (rows, n_out))
        )
        products += [(a, w), (a.swapaxes(1, 2), d)]
        if layer:
            products.append((d, w.swapaxes(1, 2)))
    if library == "torch":
        multiply: Callable[..., object] = torch.bmm
        pairs = [(torch.from_numpy(a), torch.from_numpy(b)) for a, b in products]
        outs = [multiply(a, b) for a, b in pairs]
    else:
        multiply, pairs = np.matmul, products
        outs = [np.matmul(a, b) for a, b in pairs]

    def run() -> int:
        for _ in range(scenario.n_batches):
            for (a, b), out in zip(pairs, outs, strict=True):
                multiply(a, b, out=out)
        return scenario.n_batches * k

    return run


def contenders(scenario: Scenario) -> dict[str, Callable[[], int]]:
    """Give what is timed, by name."""
    return {
        "scikit-learn MLPClassifier": with_scikit_learn(scenario),
        "crossfold, NumPy engine": with_stack(scenario, "numpy"),
        "bare products, NumPy": with_bare_products(scenario, "numpy"),
        "PyTorch over a DataLoader": with_data_loader(scenario),
        "crossfold, PyTorch engine": with_stack(scenario, "torch"),
        "bare products, PyTorch": with_bare_products(scenario, "torch"),
    }


def measure(runs: dict[str, Callable[[], int]], n_rounds: int) -> dict[str, float]:
    """Give the microseconds per fold-step of each contender in its fastest round."""
    fastest = dict.fromkeys(runs, np.inf)
    for _ in range(n_rounds):
        for name, run in runs.items():
            began = perf_counter()
            n_steps = run()
            fastest[name] = min(fastest[name], (perf_counter() - began) / n_steps * 1e6)
    return fastest


def show(console: Console, scenario: Scenario, micros: dict[str, float]) -> None:
    """Print one table with the ratios to the two loops that are to be beaten."""
    table = Table(title=f"{scenario.n_members} members, batch {scenario.batch_size:,}")
    for column in ("", "µs per fold-step", "times as fast", "at least"):
        table.add_column(column, justify="left" if not column else "right")
    for library, loop, floor in (
        ("NumPy", "scikit-learn MLPClassifier", scenario.numpy_floor),
        ("PyTorch", "PyTorch over a DataLoader", scenario.torch_floor),
    ):
        stack = f"crossfold, {library} engine"
        table.add_row(loop, f"{micros[loop]:.1f}", "1.0", "")
        table.add_row(
            stack, f"{micros[stack]:.1f}", f"{micros[loop] / micros[stack]:.1f}", f"{floor:g}"
        )
        bare = f"bare products, {library}"
        table.add_row(bare, f"{micros[bare]:.1f}", f"{micros[loop] / micros[bare]:.1f}", "limit")
    console.print(table)


def main() -> None:
    """Measure all scenarios and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="rounds, of which the fastest counts")
    n_rounds = parser.parse_args().rounds
    console = Console()
    console.print(
        f"Network {'-'.join(map(str, SIZES))}, {os.cpu_count()} cores, {platform.machine()}, "
        f"{n_rounds} rounds"
    )
    for scenario in SCENARIOS:
        show(console, scenario, measure(contenders(scenario), n_rounds))


if __name__ == "__main__":
    main()
