"""Speed of training: crossfold's stacks against other ways of training the same networks.

Run ``make benchmark`` on a machine that does nothing else; ``--write`` renews the table and the
figure of docs/explanation/performance.md. Every contender trains the same networks on the same rows
for the same epochs with Adam, from the start of its own library, and predicts the rows held out.
They take turns for some rounds, and the fastest round of each counts, so that other work on the
machine weighs on all alike. The bare products are the matrix products of the same steps and nothing
else: the limit of what stacking can reach.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

DOCS = Path(__file__).parents[1] / "docs"
LEARNING_RATE = 0.002
HELD_OUT_ROWS = 1000
LIBRARIES = ("numpy", "numba", "scikit-learn", "torch", "skorch")
CROSSFOLD = ("crossfold, NumPy", "crossfold, PyTorch")

Array = np.ndarray[Any, Any]
Rows = tuple[Array, Array]
Run = Callable[[], list[Array]]


@dataclass(frozen=True)
class Workload:
    """Networks to train.

    Attributes
    ----------
    title
        What the networks stand for.
    sizes
        Units of all layers, from inputs to outputs.
    n_networks
        Folds, or networks on the same rows.
    n_rows
        Training rows of each.
    batch_size, n_epochs
        Of the training.
    same_rows
        All networks read the rows in one order, and so can share a product; else each has its own.
    """

    title: str
    sizes: tuple[int, ...]
    n_networks: int
    n_rows: int
    batch_size: int
    n_epochs: int
    same_rows: bool = False

    @property
    def n_steps(self) -> int:
        """Steps of one network."""
        return self.n_epochs * -(-self.n_rows // self.batch_size)

    def data(self) -> Rows:
        """Draw inputs in float32 and classes, which a network can learn in part."""
        rng = np.random.default_rng(0)
        n, n_classes = self.n_rows + HELD_OUT_ROWS, max(self.sizes[-1], 2)
        inputs = rng.normal(size=(n, self.sizes[0])).astype(np.float32)
        hidden = np.tanh(inputs[:, :9] @ rng.normal(size=(9, 16)))
        scores = hidden @ rng.normal(size=(16, n_classes)) + rng.normal(size=(n, n_classes))
        return inputs, scores.argmax(axis=1)

    def folds(self) -> list[Rows]:
        """Give training and held-out rows of each network; the held-out ones are common to all."""
        rng = np.random.default_rng(1)
        train, held_out = np.split(np.arange(self.n_rows + HELD_OUT_ROWS), [self.n_rows])
        shuffled = train if self.same_rows else rng.permutation(train)
        return [(shuffled, held_out) for _ in range(self.n_networks)]


APPOINTMENTS = (9, 64, 16, 8, 1)
WORKLOADS = {
    "appointments_100": Workload("appointments, batch 100", APPOINTMENTS, 5, 20_000, 100, 1),
    "appointments_1000": Workload("appointments, batch 1,000", APPOINTMENTS, 20, 40_000, 1000, 1),
    "features_1000": Workload(
        "all features, batch 1,000", (96, *APPOINTMENTS[1:]), 5, 40_000, 1000, 1
    ),
    "digits": Workload("digits, same rows", (784, 32, 10), 20, 10_000, 1000, 2, same_rows=True),
    "leukaemia": Workload("leukaemia, one left out", (3051, 16, 1), 72, 71, 71, 10),
}


def with_scikit_learn(work: Workload) -> Run:
    """One network after the other."""
    from sklearn.neural_network import MLPClassifier

    X, y = work.data()

    def run() -> list[Array]:
        found = []
        for seed, (train, held_out) in enumerate(work.folds()):
            network = MLPClassifier(
                work.sizes[1:-1],
                alpha=0,
                batch_size=work.batch_size,
                learning_rate_init=LEARNING_RATE,
                max_iter=work.n_epochs,
                n_iter_no_change=work.n_epochs + 1,
                random_state=seed,
            )
            found.append(network.fit(X[train], y[train]).predict_proba(X[held_out]))
        return found

    return run


def with_crossfold(work: Workload, engine: str) -> Run:
    """All networks in one stack."""
    from crossfold.mlp import ExperimentStack, FoldStack, MLPClassifier

    X, y = work.data()
    network = MLPClassifier(
        work.sizes[1:-1],
        engine=engine,
        alpha=0,
        batch_size=work.batch_size,
        learning_rate="constant",
        learning_rate_init=LEARNING_RATE,
        max_iter=work.n_epochs,
        n_iter_no_change=np.inf,
    )
    seeds = [{"random_state": seed} for seed in range(work.n_networks)]
    folds = work.folds()

    def run() -> list[Array]:
        held_out = X[folds[0][1]]
        if work.same_rows:
            train = folds[0][0]
            stack = ExperimentStack(network, member_params=seeds, score_every=work.n_epochs)
            fitted = stack.fit(X[train], y[train]).estimators_
        else:
            # Without held-out rows, which would be scored after every epoch.
            apart = [(train, held_out[:0]) for train, held_out in folds]
            fitted = FoldStack(network).fit(X, y, apart).estimators_[0]
        return [one.predict_proba(held_out) for one in fitted]

    return run


def make_module(work: Workload) -> Any:
    """Make one network of PyTorch."""
    from torch import nn

    pairs = pairwise(work.sizes)
    layers = [layer for n_in, n_out in pairs for layer in (nn.Linear(n_in, n_out), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def tensors(work: Workload) -> tuple[Any, Any, Any]:
    """Give inputs, targets and the loss in PyTorch's form."""
    import torch
    from torch import nn

    X, y = map(torch.from_numpy, work.data())
    if work.sizes[-1] > 1:
        return X, y, nn.CrossEntropyLoss()
    return X, y[:, None].float(), nn.BCEWithLogitsLoss()


def probabilities(logits: Any) -> Array:
    """Turn what a network of PyTorch gives into probabilities, shape (n, n_classes)."""
    import torch

    if logits.shape[-1] > 1:
        return np.asarray(torch.softmax(logits, -1))
    one = torch.sigmoid(logits)
    return np.asarray(torch.cat([1 - one, one], dim=-1))


def with_loop(work: Workload, batches: Callable[..., Any]) -> Run:
    """One network after the other, in a plain loop of PyTorch."""
    import torch

    X, y, loss_of = tensors(work)

    def run() -> list[Array]:
        found = []
        for train, held_out in work.folds():
            model = make_module(work)
            optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE)
            rows = torch.from_numpy(train)
            for _ in range(work.n_epochs):
                for batch, target in batches(X[rows], y[rows], work.batch_size):
                    optimizer.zero_grad()
                    loss_of(model(batch), target).backward()
                    optimizer.step()
            with torch.no_grad():
                found.append(probabilities(model(X[torch.from_numpy(held_out)])))
        return found

    return run


def loaded(X: Any, y: Any, size: int) -> Any:
    """Give batches through a `DataLoader`, as PyTorch's tutorials do."""
    from torch.utils.data import DataLoader, TensorDataset

    return DataLoader(TensorDataset(X, y), batch_size=size, shuffle=True)


def resident(X: Any, y: Any, size: int) -> Iterator[Any]:
    """Give batches by indexing tensors that are there already."""
    import torch

    for rows in torch.randperm(len(X)).split(size):
        yield X[rows], y[rows]


def with_functions(work: Workload) -> Run:
    """All networks at once by `torch.func`, as PyTorch's tutorial on ensembles does."""
    import torch
    from torch.func import functional_call, grad, stack_module_state, vmap

    X, y, loss_of = tensors(work)
    rows = torch.stack([torch.from_numpy(train) for train, _ in work.folds()])
    model = make_module(work)

    def loss(parameters: Any, batch: Any, target: Any) -> Any:
        return loss_of(functional_call(model, parameters, (batch,)), target)

    def run() -> list[Array]:
        parameters, _ = stack_module_state([make_module(work) for _ in rows])
        step, optimizer = vmap(grad(loss)), torch.optim.Adam(parameters.values(), LEARNING_RATE)
        for _ in range(work.n_epochs):
            order = torch.rand(rows.shape).argsort(dim=1)
            for batch in rows.gather(1, order).split(work.batch_size, dim=1):
                for name, gradient in step(parameters, X[batch], y[batch]).items():
                    parameters[name].grad = gradient
                optimizer.step()
        held_out = X[torch.from_numpy(work.folds()[0][1])]
        with torch.no_grad():
            given = vmap(lambda own: functional_call(model, own, (held_out,)))(parameters)
        return [probabilities(one) for one in given]

    return run


def with_skorch(work: Workload) -> Run:
    """One network after the other, each in skorch's classifier."""
    import skorch
    import torch

    X, y, loss_of = tensors(work)

    def run() -> list[Array]:
        found = []
        for train, held_out in work.folds():
            network = skorch.NeuralNet(
                make_module(work),
                type(loss_of),
                optimizer=torch.optim.Adam,
                lr=LEARNING_RATE,
                batch_size=work.batch_size,
                max_epochs=work.n_epochs,
                train_split=None,
                iterator_train__shuffle=True,
                verbose=0,
            )
            network.fit(X[torch.from_numpy(train)], y[torch.from_numpy(train)])
            found.append(probabilities(network.forward(X[torch.from_numpy(held_out)])))
        return found

    return run


def with_bare_products(work: Workload, library: str) -> Run:
    """Only the matrix products of the steps."""
    import torch

    k, rows, rng = work.n_networks, min(work.batch_size, work.n_rows), np.random.default_rng(0)
    products = []
    for layer, (n_in, n_out) in enumerate(pairwise(work.sizes)):
        shapes = ((rows, n_in), (n_in, n_out), (rows, n_out))
        if work.same_rows and not layer:  # one product serves all networks
            shapes = ((rows, n_in), (n_in, k * n_out), (rows, k * n_out))
        n = 1 if work.same_rows and not layer else k
        a, w, d = (rng.normal(size=(n, *shape)).astype(np.float32) for shape in shapes)
        products += [(a, w), (a.swapaxes(1, 2), d)]
        if layer:
            products.append((d, w.swapaxes(1, 2)))
    multiply: Callable[..., Any] = np.matmul
    if library == "torch":
        multiply = torch.bmm
        products = [(torch.from_numpy(a), torch.from_numpy(b)) for a, b in products]
    outs = [multiply(a, b) for a, b in products]

    def run() -> list[Array]:
        for _ in range(work.n_steps):
            for (a, b), out in zip(products, outs, strict=True):
                multiply(a, b, out=out)
        return []

    return run


CONTENDERS: dict[str, Callable[[Workload], Run]] = {
    "crossfold, NumPy": lambda work: with_crossfold(work, "numpy"),
    "crossfold, PyTorch": lambda work: with_crossfold(work, "torch"),
    "scikit-learn": with_scikit_learn,
    "PyTorch, DataLoader": lambda work: with_loop(work, loaded),
    "PyTorch, tensors": lambda work: with_loop(work, resident),
    "PyTorch, torch.func": with_functions,
    "skorch": with_skorch,
    "bare products, NumPy": lambda work: with_bare_products(work, "numpy"),
    "bare products, PyTorch": lambda work: with_bare_products(work, "torch"),
}


def log_loss(work: Workload, found: list[Array]) -> float:
    """Give the mean log loss on the rows held out."""
    y = work.data()[1][work.folds()[0][1]]
    losses = [-np.log(np.maximum(p[np.arange(len(y)), y], 1e-7)).mean() for p in found]
    return float(np.mean(losses)) if losses else float("nan")


def measure(name: str, work: Workload, n_rounds: int) -> pd.DataFrame:
    """Time all contenders of a workload; those that are not installed are left out."""
    runs: dict[str, Run] = {}
    for contender, prepare in CONTENDERS.items():
        try:
            runs[contender] = prepare(work)
        except ModuleNotFoundError as error:
            warnings.warn(f"{contender} is left out: {error}", stacklevel=2)
    fastest, losses = dict.fromkeys(runs, np.inf), {}
    for _ in range(n_rounds):
        for contender, run in runs.items():
            began = perf_counter()
            found = run()
            fastest[contender] = min(fastest[contender], perf_counter() - began)
            losses[contender] = log_loss(work, found)
    table = pd.DataFrame({"seconds": fastest, "loss": losses})
    table["micros"] = 1e6 * table["seconds"] / (work.n_steps * work.n_networks)
    table["megabytes"] = [peak_megabytes(name, one) for one in table.index]
    bare = {one: table["micros"][f"bare products, {one}"] for one in ("NumPy", "PyTorch")}
    limit = [bare["NumPy" if "NumPy" in one or "scikit" in one else "PyTorch"] for one in runs]
    table["of_limit"] = np.array(limit) / table["micros"]
    return table.rename_axis("contender").reset_index().assign(workload=name)


def peak_megabytes(workload: str, contender: str) -> float:
    """Run a contender once in a process of its own; give its peak memory above the imports', MB."""
    command = [sys.executable, __file__, "--memory-of", workload, contender]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(told.split()[-1])


def tell_memory(workload: str, contender: str) -> None:
    """Print the peak of this process above what was there before the data, in MB."""
    import sklearn.neural_network
    import torch

    from crossfold.mlp import MLPClassifier

    sklearn.utils.check_array(np.eye(2))
    torch.eye(2).matmul(torch.eye(2))
    warnings.simplefilter("ignore")
    MLPClassifier(max_iter=1).fit(np.eye(2, dtype=np.float32), [0, 1])  # loads numba
    before = memory("VmRSS")
    CONTENDERS[contender](WORKLOADS[workload])()
    print((memory("VmHWM") - before) / 1000)


def memory(what: str) -> int:
    """Read a figure of this process from Linux, in kB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1])


def markdown(results: pd.DataFrame, n_rounds: int) -> list[str]:
    """Write the table of the documents."""
    lines = []
    for name, table in results.groupby("workload", sort=False):
        work = WORKLOADS[str(name)]
        layers = "-".join(map(str, work.sizes))
        lines += [
            f"**{work.title.capitalize()}**: {work.n_networks} networks {layers},"
            f" {work.n_rows:,} rows each, batches of {min(work.batch_size, work.n_rows):,}.",
            "",
            "| way | µs per network and step | times scikit-learn | share of the limit |"
            " peak memory, MB | log loss, held out |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
        ]
        reference = table.set_index("contender")["micros"]["scikit-learn"]
        for row in table.itertuples():
            is_bare = row.contender.startswith("bare")
            strong = "**" if row.contender in CROSSFOLD else ""
            loss = "" if is_bare else f"{row.loss:.3f}"
            lines.append(
                f"| {strong}{row.contender}{strong} | {row.micros:,.1f}"
                f" | {reference / row.micros:.1f} | {100 * row.of_limit:.0f} %"
                f" | {row.megabytes:,.0f} | {loss} |"
            )
        lines.append("")
    return [*lines, f"{machine()}; the fastest of {n_rounds} rounds, {date.today():%d %B %Y}."]


def machine() -> str:
    """Say what was measured on, and with what."""
    versions = ", ".join(f"{one} {version(one)}" for one in LIBRARIES if installed(one))
    threads = os.environ.get("OMP_NUM_THREADS", "as many as cores")
    return f"{os.cpu_count()} cores ({platform.machine()}), threads: {threads}; {versions}"


def installed(library: str) -> bool:
    """Say whether a library is there."""
    from importlib.util import find_spec

    return find_spec({"scikit-learn": "sklearn"}.get(library, library)) is not None


def draw(results: pd.DataFrame) -> Any:
    """Draw the times of all contenders, one panel for each workload."""
    from crossfold.reports.style import (
        MAIN,
        SECOND,
        figure_style,
        new_figure,
        plain_log_axis,
        shade_rows,
    )

    with figure_style():
        names = list(dict.fromkeys(results["workload"]))
        figure, panels = new_figure(2.3 * len(names), len(names))
        for axes, name in zip(panels, names, strict=True):
            table = results[results["workload"] == name].sort_values("micros", ascending=False)
            shade_rows(axes, len(table))
            for row, one in enumerate(table.itertuples()):
                look = MAIN if one.contender in CROSSFOLD else SECOND
                hollow = {"markerfacecolor": "white"} if one.contender.startswith("bare") else {}
                axes.plot(one.micros, row, **{**look, "linestyle": "", **hollow})
                axes.annotate(
                    f"{one.micros:,.0f}",
                    (one.micros, row),
                    (6, -3),
                    textcoords="offset points",
                    fontsize=9,
                )
            axes.set_yticks(range(len(table)), table["contender"])
            axes.set(xscale="log", title=WORKLOADS[str(name)].title.capitalize())
            plain_log_axis(axes.xaxis)
            axes.margins(x=0.15)
        panels[-1].set_xlabel("µs per network and step (logarithmic)")
    return figure


def show(console: Console, results: pd.DataFrame) -> None:
    """Print one table for each workload."""
    for name, found in results.groupby("workload", sort=False):
        table = Table(title=WORKLOADS[str(name)].title)
        for column in ("", "µs", "of the limit", "MB", "log loss"):
            table.add_column(column, justify="right" if column else "left")
        for row in found.itertuples():
            cells = (f"{row.micros:.1f}", f"{row.of_limit:.0%}", f"{row.megabytes:.0f}")
            table.add_row(row.contender, *cells, f"{row.loss:.3f}")
        console.print(table)


def main() -> None:
    """Measure, print, and write the documents where they are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which the fastest counts")
    parser.add_argument("--write", action="store_true", help="renew the documents")
    parser.add_argument("--memory-of", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.memory_of:
        tell_memory(*asked.memory_of)
        return
    warnings.filterwarnings("ignore", module="sklearn")
    found = []
    for one in asked.workloads:
        found.append(measure(one, WORKLOADS[one], asked.rounds))
        show(Console(), found[-1])
    results = pd.concat(found)
    if asked.write:
        (DOCS / "results/performance.md").write_text(
            "\n".join(markdown(results, asked.rounds)) + "\n"
        )
        draw(results).savefig(DOCS / "images/performance.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
