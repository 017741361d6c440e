"""The primer as a page, in the order in which a student reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from crossfold.pipelines.modelling.versions import library_versions
from crossfold.pipelines.primer.parameters import LogisticParameters
from crossfold.pipelines.reporting.document import Document, Figure, Section, Table
from crossfold.pipelines.reporting.parameters import PageParameters
from crossfold.pipelines.reporting.report import Caption
from crossfold.reports.words import count, number, percent_interval

CAPTIONS = {
    "logistic_loss": Caption(
        "Loss over the epochs of logistic regression.",
        "Full-batch descent with a small step goes down at every epoch.",
    ),
    "growing_weights": Caption(
        "Length of the weights and loss over many epochs, on logarithmic axes.",
        "The classes can be separated, so no finite weights are best: scaling them up always "
        "lowers the loss. An L2 penalty, as scikit-learn's by default, ends this.",
    ),
    "probabilities": Caption(
        "Probability of label 1 for the six rows, by hand, by crossfold and by scikit-learn.",
        "The first two are the same training; scikit-learn goes to the optimum of a penalised "
        "loss.",
    ),
    "first_network": Caption(
        "Mean squared error and accuracy of the first network over its epochs.",
        "Each epoch takes the training rows one by one. With so few validation rows, one point "
        "more or less is several per cent.",
    ),
    "points": Caption(
        "Integer points labelled by whether x is at least zero.",
        "Filled points train, open ones are set aside; equal points are on the same side.",
    ),
}


@dataclass(frozen=True)
class Run:
    """What a run of the primer made, and the words of its report."""

    toy: pd.DataFrame
    logistic_steps: pd.DataFrame
    longer_training: pd.DataFrame
    logistic_comparison: pd.DataFrame
    two_outputs: pd.DataFrame
    network_steps: pd.DataFrame
    network_epochs: pd.DataFrame
    network_comparison: pd.DataFrame
    n_validation: int
    logistic: LogisticParameters
    report: PageParameters
    data_notice: str
    seed: int
    figures: Mapping[str, bytes]

    def figure(self, name: str) -> Figure:
        """Give a figure with its caption."""
        return Figure(name, self.figures[name], CAPTIONS[name])


def make_document(run: Run) -> Document:
    """Arrange a run as a page."""
    versions = ", ".join(f"{name} {version}" for name, version in library_versions().items())
    return Document(
        title=run.report.title,
        opening=opening(run),
        lead=(run.figure("first_network"),),
        sections=(_logistic(run), _exercises(run), _network(run)),
        data_notice=run.data_notice,
        command=run.report.command,
        facts={"Seed": str(run.seed), "Versions": versions},
    )


def opening(run: Run) -> tuple[str, ...]:
    """Give the answer in sentences."""
    first, last = run.logistic_steps["loss"].iloc[0], run.logistic_steps["loss"].iloc[-1]
    shares = run.network_epochs["validation_accuracy"]
    largest = run.network_comparison["difference"].abs().max()
    return (
        f"Logistic regression is a network without a hidden layer: in "
        f"{count(len(run.logistic_steps) - 1)} epochs its loss falls from {number(first, 4)} to "
        f"{number(last, 4)}.",
        f"A first network with a hidden layer, trained row by row, tells "
        f"{_with_interval(shares.iloc[-1], run.n_validation)} of {run.n_validation} points set "
        f"aside apart. By hand and by the library, its weights are at most {largest:.0e} apart.",
    )


def _with_interval(share: float, n: int) -> str:
    from crossfold.validation import wilson_interval

    low, high = wilson_interval(share * n, n)
    return percent_interval(share, float(low), float(high))


def _logistic(run: Run) -> Section:
    shown = run.logistic_steps.head(run.logistic.first_steps + 1)
    return Section(
        "logistic",
        "Logistic regression as a network",
        (
            "z = w1 x1 + w2 x2 + w3 x3 + b, and the probability is p = 1 / (1 + exp(−z)). The "
            "gradient of the mean cross-entropy is the mean of (p − label) times the input, and "
            f"for b the mean of (p − label). A step subtracts {run.logistic.learning_rate:g} times "
            "the gradient. Row by row of the second table: weight minus step times gradient gives "
            "the weight of the next row.",
        ),
        (
            _table("The data", run.toy),
            _table("The first steps", shown),
            run.figure("logistic_loss"),
            _table("Weights and probabilities in the end", run.logistic_comparison),
            run.figure("probabilities"),
        ),
    )


def _exercises(run: Run) -> Section:
    asked = {run.logistic.epochs, *run.logistic.exercise_epochs}
    longer = run.longer_training[run.longer_training["epoch"].isin(asked)]
    return Section(
        "exercises",
        "Exercises",
        ("What if training goes on? And what if a second output learns the opposite label?",),
        (
            _table("Longer training", longer),
            run.figure("growing_weights"),
            _table(
                "Two complementary outputs: nothing makes their sum 1, as softmax would",
                run.two_outputs,
            ),
        ),
    )


def _network(run: Run) -> Section:
    # One line a weight is easier to follow than one column a weight.
    steps = run.network_steps.set_index("step").T.reset_index(names="quantity")
    steps.columns = [str(name) if name == "quantity" else f"step {name}" for name in steps.columns]
    scores = run.network_epochs.iloc[:, :5]
    return Section(
        "network",
        "A first network",
        (
            "Two inputs, a linear hidden layer, a sigmoid output, half the squared error. One step "
            "for each row: delta = (output − label) × output × (1 − output); the gradient of an "
            "output weight is delta times its hidden unit, that of a hidden weight is delta times "
            "the output weight times the input.",
        ),
        (
            run.figure("points"),
            _table("The first steps: values before the step, and gradients", steps),
            _table("Epochs", scores),
            _table("Weights by hand and by the library", run.network_comparison, 6),
        ),
    )


def _table(caption: str, table: pd.DataFrame, decimals: int = 4) -> Table:
    rows = [tuple(_text(value, decimals) for value in row) for row in table.itertuples(index=False)]
    return Table(caption, tuple(str(name).replace("_", " ") for name in table), tuple(rows))


def _text(value: object, decimals: int) -> str:
    return number(value, decimals) if isinstance(value, float) else str(value)
