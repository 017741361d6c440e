"""Time of a training step per fold on the CPU and on a CUDA device, eager and as a graph.

Run ``python benchmarks/gpu.py``. Without a CUDA device it says so and stops.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from crossfold.mlp import _torch_engine
from crossfold.mlp._spec import DataSet, Member, Network, Settings
from crossfold.mlp._training import train


@dataclass(frozen=True)
class Scenario:
    """A stack to measure."""

    name: str
    sizes: tuple[int, ...]
    n_members: int
    batch_size: int
    n_batches: int
    solver: str


SCENARIOS = (
    Scenario("five folds, batch 100", (9, 64, 16, 8, 1), 5, 100, 200, "sgd"),
    Scenario("twenty members, batch 1,000", (9, 64, 16, 8, 1), 20, 1000, 50, "sgd"),
    Scenario("five folds, wide inputs", (300, 128, 64, 1), 5, 1000, 50, "adamw"),
    Scenario("72 folds, 7,129 inputs", (7129, 64, 32, 1), 72, 71, 3, "adam"),
)


def make_epoch(scenario: Scenario, device: str) -> Callable[[int], None]:
    """Give a function that trains the scenario's stack for some epochs."""
    rng = np.random.default_rng(0)
    n_rows = scenario.batch_size * scenario.n_batches
    inputs = rng.normal(size=(n_rows, scenario.sizes[0])).astype(np.float32)
    targets = (inputs[:, :1] > 0).astype(np.float32)
    members = [Member(0, np.arange(n_rows), seed=seed) for seed in range(scenario.n_members)]

    def run(n_epochs: int) -> None:
        settings = Settings(
            engine="torch",
            device=device,
            solver=scenario.solver,  # type: ignore[arg-type]
            batch_size=scenario.batch_size,
            max_iter=n_epochs,
            n_iter_no_change=np.inf,
        )
        train(Network(scenario.sizes), [DataSet(inputs, targets)], members, settings)

    return run


def micros_per_fold_step(scenario: Scenario, run: Callable[[int], None], n_rounds: int) -> float:
    """Give the time of an epoch beyond the first, which loads, captures and warms up."""
    run(1)
    seconds = []
    for _ in range(n_rounds):
        began = perf_counter()
        run(1)
        one = perf_counter() - began
        began = perf_counter()
        run(4)
        seconds.append((perf_counter() - began - one) / 3)
    return float(np.median(seconds)) / (scenario.n_batches * scenario.n_members) * 1e6


def measure(scenario: Scenario, n_rounds: int) -> list[float]:
    """Give the microseconds on the CPU, on the device eagerly, and on the device as a graph."""
    engine = _torch_engine
    graphed = engine.GraphedStep
    on_cpu = micros_per_fold_step(scenario, make_epoch(scenario, "cpu"), n_rounds)
    as_graph = micros_per_fold_step(scenario, make_epoch(scenario, "cuda"), n_rounds)
    engine.GraphedStep = lambda step: step  # type: ignore[assignment, misc]
    try:
        eager = micros_per_fold_step(scenario, make_epoch(scenario, "cuda"), n_rounds)
    finally:
        engine.GraphedStep = graphed  # type: ignore[misc]
    return [on_cpu, eager, as_graph]


def main() -> None:
    """Measure all scenarios and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which the median counts")
    n_rounds = parser.parse_args().rounds
    console = Console()
    if not torch.cuda.is_available():
        console.print(
            "PyTorch finds no CUDA device on this machine, so there is nothing to measure."
        )
        return
    table = Table(title=f"µs per fold-step, {torch.cuda.get_device_name()}")
    for column in ("", "CPU", "CUDA, eager", "CUDA, graph", "CPU / graph"):
        table.add_column(column, justify="left" if not column else "right")
    for scenario in SCENARIOS:
        times = measure(scenario, n_rounds)
        cells = [f"{time:.1f}" for time in times]
        table.add_row(scenario.name, *cells, f"{times[0] / times[2]:.1f}")
    console.print(table)


if __name__ == "__main__":
    main()
