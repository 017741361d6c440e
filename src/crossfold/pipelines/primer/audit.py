"""The audit of the primer's two source notebooks: train from many draws, judge the claims.

The first network is written out once more, beside the study's own, because its figures depend on
the order of NumPy's old global generator and on the order of the rows. From seed 42, with both
faults, it gives the numbers that the source printed.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
from kedro.pipeline import Pipeline
from numpy.typing import NDArray
from pydantic import Field, PositiveInt

from crossfold.pipelines.primer.logistic import sigmoid, toy_rows
from crossfold.templates import audit
from crossfold.templates.audit import Measured, Setup, mean_of, over_draws, share_of

RAW_ERROR_UPDATE, EQUAL_POINTS = "raw_error_update", "equal_points_across_parts"
N_POINTS, N_HIDDEN, TEST_SHARE, LEARNING_RATE = 100, 4, 0.3, 0.01
N_ROWS, N_NEW = 6, 200
_T = np.arange(1, N_ROWS + 1) / 10
Array = NDArray[Any]


class Case(NamedTuple):
    """What the first network did in one setup, epoch by epoch, and all trained toy tables."""

    epochs: pd.DataFrame
    toys: pd.DataFrame


def last_epoch(case: Case, metric: str) -> Measured:
    """Measure a metric after the last epoch, over seeds."""
    is_last = case.epochs["epoch"] == case.epochs["epoch"].max()
    return over_draws(case.epochs.loc[is_last, metric])


def steadily(case: Case, metrics: Sequence[str]) -> Measured:
    """Measure the share of seeds whose errors fall in every epoch and whose accuracies never do."""
    by_epoch = case.epochs.set_index(["seed", "epoch"])[list(metrics)]
    steps = by_epoch.groupby("seed").diff().dropna()
    is_error = steps.columns.str.endswith("error")
    good = (steps.loc[:, is_error] < 0).join(steps.loc[:, ~is_error] >= 0)
    steady = good.all(axis=1).groupby("seed").all()
    return share_of(int(steady.sum()), len(steady))


def in_all_rows(case: Case, columns: Sequence[str]) -> Measured:
    """Measure the share of toy tables in which something is so in all six rows."""
    fits = (case.toys[list(columns)] == N_ROWS).all(axis=1)
    return share_of(int(fits.sum()), len(fits))


def mean_change(case: Case, column: str, minus: str) -> Measured:
    """Measure the mean difference of two columns over toy tables."""
    return mean_of(case.toys[column] - case.toys[minus])


class PrimerClaims(
    audit.Claims,
    study="primer",
    switches=(RAW_ERROR_UPDATE, EQUAL_POINTS),
    measures=(last_epoch, steadily, in_all_rows, mean_change),
):
    """The claims of both notebooks."""


class ProtocolParameters(audit.Protocol):
    """How the sources trained, and from how many draws that is repeated here."""

    epochs: PositiveInt = 10
    """Of the first network, here and in the source."""
    source_epochs: PositiveInt = 10
    source_seed: int = 42
    """Of the source's own run."""
    n_seeds: Annotated[int, Field(ge=10)] = 100
    """Draws of points, split and start, from the source's seed on."""
    n_toys: Annotated[int, Field(ge=10)] = 300
    """Draws of the toy table and its start."""
    iterations: Annotated[tuple[PositiveInt, ...], Field(min_length=2)]
    """Of the toy table: as many as the source's, and of the longest training."""


def train_first_networks(claims: PrimerClaims, protocol: ProtocolParameters) -> pd.DataFrame:
    """Train the first network in every setup from every seed: ``run``, and what each epoch gave."""
    jobs = [(setup, protocol) for setup in audit.list_setups(claims, short=False)]
    tables = audit.run_side_by_side(_train_seeds, jobs, protocol.n_jobs)
    return pd.concat(tables, ignore_index=True)


def _train_seeds(setup: Setup, protocol: ProtocolParameters) -> pd.DataFrame:
    rows = [
        {"run": setup.name, **epoch}
        for seed in range(protocol.source_seed, protocol.source_seed + protocol.n_seeds)
        for epoch in train_network(seed, setup.faults, protocol.epochs)
    ]
    return pd.DataFrame(rows)


def train_network(seed: int, faults: Collection[str], epochs: int) -> Iterator[dict[str, float]]:
    """Draw points, split and start as ``numpy.random.seed(seed)`` does, and train row by row.

    The loss is ``(p - y)²``, so that its slope in ``p`` is ``2 (p - y)``. Under `RAW_ERROR_UPDATE`
    the output layer's own weights and bias follow that slope without the sigmoid's derivative,
    while what goes down to the hidden layer is multiplied by it.

    Yields for each epoch: ``seed``, ``epoch``; ``train_error``, which is the mean squared error of
    the rows as each came up while the weights moved; ``validation_error``, ``train_accuracy`` and
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


def train_toy_tables(protocol: ProtocolParameters, seed: int) -> pd.DataFrame:
    """Train the logistic regression of every draw; the table of `train_toys`."""
    return train_toys(range(seed, seed + protocol.n_toys), protocol.iterations)


def train_toys(seeds: Sequence[int], iterations: Sequence[int]) -> pd.DataFrame:
    """Train on every seed's own six rows, by the source's code and by scikit-learn.

    Seeds are of the table's third column, of the starts, and of 200 new rows that are drawn alike.
    Of the iterations of gradient descent the first is as long as the source trained, the last the
    longest.

    Returns one row a seed. Rows of the six that are named rightly at 0.50, ``right_by_hand`` and
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
    logits = [_logit(new, state) for state in (states[0], states[-1])]
    losses = [(np.logaddexp(0, z) - new_label * z).mean(axis=1) for z in logits]
    rows = {
        "right_by_hand": own == label,
        "right_by_library": library == label,
        "alike": own == library,
        "opposite": own != other,
    }
    counts = {name: of_rows.sum(axis=1) for name, of_rows in rows.items()}
    after = dict(zip(("new_loss", "new_loss_later"), losses, strict=True))
    return pd.DataFrame({"seed": seeds, **counts, **after})


def _draw(seed: int) -> tuple[Array, ...]:
    """Draw the six rows, new rows and two starts, as after ``numpy.random.seed(seed)``."""
    rng = np.random.RandomState(seed)
    table = toy_rows(_T, rng.random_sample(N_ROWS))
    starts = [np.append(0.1 * rng.random_sample(3), 0) for _ in range(2)]
    new = toy_rows(rng.uniform(_T[0], _T[-1], N_NEW), rng.random_sample(N_NEW))
    return table, new, *starts


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


def judge_claims(
    epochs: pd.DataFrame, toys: pd.DataFrame, claims: PrimerClaims, protocol: ProtocolParameters
) -> audit.Tables:
    """Measure and judge every claim; beside it, the source's own run and that of its seed here."""
    by_run = dict(list(epochs.groupby("run")))

    def case_of(setup: Setup) -> Case:
        return Case(by_run[setup.keep(short=False).name], toys)

    def of_source(case: Case, subject: str, metric: str) -> Measured:
        own = case.epochs[case.epochs["seed"] == protocol.source_seed].sort_values("epoch")[metric]
        return Measured(own.iloc[0 if "first" in subject else -1], np.nan, np.nan, np.nan)

    figures = audit.beside_printed(claims, case_of, of_source)
    trained = protocol.epochs, protocol.source_epochs
    return audit.judge(claims, case_of, epochs=trained, figures=figures)


def create_pipeline() -> Pipeline:
    """Build the audit; it draws its own points and tables, as the sources did."""
    return audit.create_pipeline(
        PrimerClaims,
        {train_first_networks: "epochs", train_toy_tables: "toys", judge_claims: audit.TABLES},
        {},
    )
