"""What the image audits measure of networks that were trained in a setup.

A quantity is a mean over test images and over seeds. Its interval is from resamples of both at once
(Owen 2007, "The pigeonhole bootstrap"), the same for every setup, so that the effect of a fault is
told from what another start gives. Of one network the share of right answers has Wilson's interval.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from crossfold.exceptions import CrossfoldError
from crossfold.templates.audit import Measured, exact, resampled, share_of

SWAPPED_ARGUMENTS = "swapped_arguments"
UNLIKE_REGIMES, UNLIKE_NETWORKS = "unlike_regimes", "unlike_networks"
OTHER_TEST_ROWS, DROPOUT_IN_PREDICTION = "other_test_rows", "dropout_in_prediction"
SMALL_TEST_SAMPLE = "small_test_sample"
TEST, OTHER = "test", "other"

Floats = NDArray[np.floating[Any]]
Names = Sequence[str | int]
Take = Literal["mean", "min", "max"]
_TAKE: dict[str, Callable[..., Floats]] = {"mean": np.mean, "min": np.min, "max": np.max}


def small_sample(rows: NDArray[np.intp], n: int, seed: int) -> NDArray[np.intp]:
    """Draw a few of some rows, in their order."""
    drawn = np.random.default_rng(seed).choice(rows, size=min(n, len(rows)), replace=False)
    return np.sort(drawn)


def cross_entropies(probabilities: NDArray[np.floating], target: ArrayLike) -> NDArray[np.float32]:
    """Compute every row's loss; a sure wrong answer has a large, finite one."""
    of_target = probabilities[np.arange(len(probabilities)), np.asarray(target)]
    losses: NDArray[np.float32] = -np.log(np.clip(of_target, np.finfo(np.float32).tiny, 1))
    return losses


@dataclass(frozen=True)
class Answers:
    """What the networks of an experiment said of some images.

    Attributes
    ----------
    row, target
        Numbers of the images and their classes, shape ``(n,)``.
    predicted, dropped
        Named classes, without and with dropout left on, shape ``(n, members)``.
    loss
        Cross-entropy, shape ``(n, members)``.
    """

    row: NDArray[np.intp]
    target: NDArray[np.intp]
    predicted: NDArray[np.intp]
    dropped: NDArray[np.intp]
    loss: Floats

    @classmethod
    def of(cls, table: pd.DataFrame) -> Answers:
        """Arrange a table by image and member."""
        table = table.sort_values(["member", "row"], kind="stable")
        members = table["member"].nunique()
        columns: dict[str, Any] = {
            name: table[name].to_numpy().reshape(members, -1).T
            for name in ("row", "target", "predicted", "dropped", "loss")
        }
        first: dict[str, Any] = {
            name: columns.pop(name)[:, 0].astype(np.intp) for name in ("row", "target")
        }
        return cls(**first, **columns)

    @property
    def right(self) -> Floats:
        """1 for a right answer, 0 for a wrong one."""
        right: Floats = (self.predicted == self.target[:, None]).astype(np.float32)
        return right

    def take(self, chosen: NDArray[np.bool_]) -> Answers:
        """Keep some images."""
        return Answers(*(getattr(self, one.name)[chosen] for one in fields(self)))


@dataclass(frozen=True)
class Runs:
    """Everything that was trained.

    Attributes
    ----------
    answers, curves
        Of `crossfold.pipelines.images.audit.training.train_setups`, with those of the study as the
        run ``study``, whose experiments of other regimes are named ``REGIME/EXPERIMENT``.
    n_resamples, seed
        Of the bootstrap.
    """

    answers: pd.DataFrame
    curves: pd.DataFrame
    n_resamples: int
    seed: int

    @cached_property
    def _answers(self) -> dict[tuple[str, ...], Answers]:
        groups = self.answers.groupby(["run", "experiment", "part"], observed=True)
        return {tuple(map(str, key)): Answers.of(rows) for key, rows in groups}

    @cached_property
    def _curves(self) -> pd.DataFrame:
        keys = ["run", "experiment", "measure", "epoch"]
        return self.curves.pivot_table("value", keys, "member", observed=True).sort_index()

    def find_answers(self, run: str, experiment: str, part: str) -> Answers:
        """Find what the networks of an experiment answered in a run."""
        key = (run, experiment, part)
        if key not in self._answers:
            raise _not_trained(run, experiment)
        return self._answers[key]

    def find_curves(self, run: str, experiment: str, metric: str) -> pd.DataFrame:
        """Find a measure of an experiment's networks by epoch (rows) and member (columns)."""
        try:
            return self._curves.loc[(run, experiment, metric), :].dropna(axis=1, how="all")
        except KeyError:
            raise _not_trained(run, experiment) from None

    def has(self, run: str, experiment: str) -> bool:
        """Whether an experiment was trained in a run."""
        return (run, experiment, TEST) in self._answers

    @cached_property
    def _weights(self) -> dict[int, NDArray[np.float32]]:
        return {}

    def draw(self, n: int, members: int) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """Draw how often each row is in each resample, and which members are."""
        rng = np.random.default_rng(self.seed)
        if n not in self._weights:
            drawn = rng.multinomial(n, np.full(n, 1 / n), size=self.n_resamples)
            self._weights[n] = (drawn / n).astype(np.float32)
        chosen = np.random.default_rng(self.seed)
        return self._weights[n], chosen.integers(members, size=(self.n_resamples, members))


def _not_trained(run: str, experiment: str) -> CrossfoldError:
    return CrossfoldError(
        f"The audit has no run {run!r} of the experiment {experiment!r}; name it in the study's"
        " experiments and in the audit's protocol."
    )


@dataclass(frozen=True)
class Case:
    """One setup: what was trained in it, and how it is scored.

    Attributes
    ----------
    runs
        Everything that was trained.
    run, short, plain, source
        Names of the run with the setup's training faults, of the short one with the same faults,
        and, trained for as long as the first, of the one without faults and of the source's own.
    faults
        Switches that are on.
    sample_rows
        Test images under ``small_test_sample``.
    trains_wrongly
        Whether a fault of training is on.
    """

    runs: Runs
    run: str
    short: str
    plain: str
    source: str
    faults: frozenset[str]
    sample_rows: int = 30
    trains_wrongly: bool = False

    def trained(self, own: bool) -> Case:
        """Take the source's own training, whatever faults of training are on, or the setup's."""
        return replace(self, run=self.source) if own else self

    def answers(self, experiment: str | int, run: str | None = None) -> Answers:
        """Give the answers to the test images that count in this setup."""
        part = OTHER if OTHER_TEST_ROWS in self.faults else TEST
        found = self.runs.find_answers(run or self.run, str(experiment), part)
        if DROPOUT_IN_PREDICTION in self.faults:
            found = replace(found, predicted=found.dropped)
        if SMALL_TEST_SAMPLE in self.faults:
            few = small_sample(found.row, self.sample_rows, self.runs.seed)
            found = found.take(np.isin(found.row, few))
        return found

    def has(self, experiment: str) -> bool:
        """Whether a network was trained in this setup."""
        return self.runs.has(self.run, experiment)

    def means(self, tables: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Compute the mean of each table ``(rows, members)`` and its draws, one a column."""
        n, members = tables[0].shape
        weights, drawn = self.runs.draw(n, members)
        columns = [np.take_along_axis(weights @ one, drawn, axis=1).mean(axis=1) for one in tables]
        return np.array([one.mean() for one in tables]), np.column_stack(columns)

    def curve(self, experiment: str | int, metric: str) -> pd.DataFrame:
        """Give a measure by epoch (rows) and member (columns)."""
        return self.runs.find_curves(self.run, str(experiment), metric)


def accuracy(
    case: Case, of: Names, minus: Names = (), take: Take = "mean", own: bool = False
) -> Measured:
    """Measure the share of right answers: the mean, lowest or highest of some experiments.

    Parameters
    ----------
    case
        The setup.
    of, minus
        Experiments, and those whose figure is subtracted.
    take
        What is made of several experiments.
    own
        Whether the networks are always those of the source's own training.
    """
    case = case.trained(own)
    if len(of) == 1 and not minus:
        right = case.answers(of[0]).right
        if right.shape[1] == 1:
            own_interval = share_of(right.sum(), len(right))
            return replace(own_interval, draws=case.means([right])[1][:, 0])
    return _contrast(case, "right", of, minus, take)


def loss(
    case: Case, of: Names, minus: Names = (), take: Take = "mean", own: bool = False
) -> Measured:
    """Measure the mean cross-entropy on the test images; see `accuracy`."""
    return _contrast(case.trained(own), "loss", of, minus, take)


def _contrast(
    case: Case, column: Literal["right", "loss"], of: Names, minus: Names, take: Take
) -> Measured:
    tables: list[Floats] = [getattr(case.answers(name), column) for name in [*of, *minus]]
    means, draws = case.means(tables)
    figures = np.vstack([means, draws])
    combine, k = _TAKE[take], len(of)
    difference = combine(figures[:, :k], axis=1)
    if minus:
        difference = difference - combine(figures[:, k:], axis=1)
    return resampled(difference[0], difference[1:], len(tables[0]))


def pytorch_minus_numpy(case: Case, of: str | int, torch: str) -> Measured:
    """Measure PyTorch's accuracy minus NumPy's.

    The two are trained alike but for what the faults change: under ``unlike_regimes`` PyTorch takes
    mini-batches where NumPy takes all rows at once, under ``unlike_networks`` it has the network
    `torch`. A network that NumPy trained without a fault stands for PyTorch's in the same regime,
    which is the same to rounding.
    """
    # The study's networks answered the test images only.
    case = replace(case, faults=case.faults - {OTHER_TEST_ROWS, DROPOUT_IN_PREDICTION})
    full_batch = UNLIKE_REGIMES in case.faults
    if case.trains_wrongly:
        numpy = case.answers(of)
    else:
        numpy = case.answers("twin_numpy_full_batch" if full_batch else "twin_numpy", STUDY)
    name = torch if UNLIKE_NETWORKS in case.faults else str(of)
    if case.trains_wrongly and not full_batch:
        other = case.answers(name, case.plain)
    elif name == torch:
        other = case.answers(torch, MINI_BATCH)
    else:
        other = case.answers("twin_torch", STUDY)
    gain = other.right[:, :1] - numpy.right[:, :1]
    means, draws = case.means([gain])
    return resampled(means[0], draws[:, 0], len(gain))


STUDY, MINI_BATCH = "study", "mini-batch"


def _counts(case: Case, found: Answers) -> NDArray[np.int64]:
    """Count answers by true and named class: what was found first, then the resamples."""
    predicted = found.predicted.astype(np.intp)
    n_classes = int(max(found.target.max(), predicted.max())) + 1
    cells = (found.target[:, None] * n_classes + predicted).ravel()
    counts = np.bincount(cells, minlength=n_classes**2)
    rng = np.random.default_rng(case.runs.seed)
    drawn = rng.multinomial(len(cells), counts / len(cells), size=case.runs.n_resamples)
    return np.vstack([counts, drawn]).reshape(-1, n_classes, n_classes)


def _precision_and_recall(counts: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Compute them for every class, 0/0 as 0; shapes ``(…, classes)``."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    named, true = counts.sum(axis=-2), counts.sum(axis=-1)
    return hits / np.maximum(named, 1), hits / np.maximum(true, 1)


def _of_counts(case: Case, of: str | int, figure: Callable[..., Floats]) -> Measured:
    found = case.answers(of)
    values = figure(_counts(case, found))
    return resampled(values[0], values[1:], len(found.row))


def recall(case: Case, of: str | int, classes: Sequence[int]) -> Measured:
    """Measure the mean recall of some classes minus that of the others."""

    def gap(counts: NDArray[np.int64]) -> Floats:
        found = _precision_and_recall(counts)[1]
        chosen = np.isin(np.arange(found.shape[-1]), classes)
        difference: Floats = found[:, chosen].mean(axis=1) - found[:, ~chosen].mean(axis=1)
        return difference

    return _of_counts(case, of, gap)


def gain_by_support(case: Case, of: str | int) -> Measured:
    """Measure accuracy minus what it would be if every class were as frequent as the others."""

    def gain(counts: NDArray[np.int64]) -> Floats:
        found = _precision_and_recall(counts)[1]
        hits = np.diagonal(counts, axis1=-2, axis2=-1).sum(axis=-1)
        difference: Floats = hits / counts.sum(axis=(-2, -1)) - found.mean(axis=-1)
        return difference

    return _of_counts(case, of, gain)


def share_named(case: Case, of: str | int, answer: int) -> Measured:
    """Measure the share of test images that are named one class."""
    found = case.answers(of)
    return share_of(float((found.predicted == answer).mean(axis=1).sum()), len(found.row))


def error_of_printed_precision(case: Case, of: str | int) -> Measured:
    """Measure how far the printed precision of a class is from its precision, at the most.

    With predictions passed as the truth, what is printed as a class's precision is its recall.
    """
    if SWAPPED_ARGUMENTS not in case.faults:
        n = len(case.answers(of).row)
        return Measured(0.0, 0.0, 0.0, n, np.zeros(case.runs.n_resamples))

    def gap(counts: NDArray[np.int64]) -> Floats:
        precision, found = _precision_and_recall(counts)
        largest: Floats = np.abs(precision - found).max(axis=-1)
        return largest

    return _of_counts(case, of, gap)


def curve(
    case: Case,
    metrics: Sequence[str],
    of: Names,
    minus: Names = (),
    against: str = "",
    at: float = 1.0,
    since: float | None = None,
    take: Take = "mean",
    own: bool = False,
) -> Measured:
    """Measure figures of the epochs.

    Parameters
    ----------
    case
        The setup.
    metrics
        Measures of the history.
    of, minus
        Experiments, and as many that are subtracted one by one.
    against
        A measure that is subtracted: training accuracy against validation accuracy.
    at
        How far into the training, from 0 to 1 for the last epoch.
    since
        Likewise; that figure is subtracted.
    take
        What is made of several metrics and experiments.
    own
        As in `accuracy`.
    """
    case = case.trained(own)
    gaps = [
        _at(case, name, metric, against, at, since) - other
        for metric in metrics
        for place, name in enumerate(of)
        for other in [_at(case, minus[place], metric, against, at, since) if minus else 0.0]
    ]
    values = np.array(gaps)  # (metrics x experiments, members)
    if values.shape[1] > 1:
        return _over(_TAKE[take](values, axis=0))
    return _over(values[:, 0]) if take == "mean" else exact(float(_TAKE[take](values)), len(values))


def _at(
    case: Case, name: str | int, metric: str, against: str, at: float, since: float | None
) -> Floats:
    """Read a figure of each member."""
    table = case.curve(name, metric)
    if against:
        table = table - case.curve(name, against)
    value = _row(table, at)
    return value if since is None else value - _row(table, since)


def _row(table: pd.DataFrame, at: float) -> Floats:
    """Take the scored epoch that is nearest to a share of the training."""
    epochs = table.index.to_numpy()
    row: Floats = table.iloc[int(np.abs(epochs - at * epochs.max()).argmin())].to_numpy(float)
    return row


def _over(values: Floats, one_more: bool = False) -> Measured:
    """Measure a mean over seeds or pairs with Student's interval, of the mean or of one more."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return exact(float(known.mean()) if len(known) else np.nan, len(known))
    from scipy.stats import t

    n = len(known)
    half = t.ppf(0.975, n - 1) * known.std(ddof=1) * np.sqrt(1 / n + one_more)
    mean = float(known.mean())
    return Measured(mean, mean - half, mean + half, n)


def curve_over_seeds(
    case: Case, metric: str, of: str | int, epoch: int | None = None, own: bool = False
) -> Measured:
    """Measure a figure after an epoch, or after the last: in which range it is for one more seed.

    The range is Student's prediction interval, which fits a source's single run. An epoch is looked
    up in the short run, which is scored after each.
    """
    case = case.trained(own) if epoch is None else replace(case, run=case.short)
    table = case.curve(of, metric)
    if epoch is not None and epoch not in table.index:
        return Measured(np.nan, np.nan, np.nan, 0)
    values = table.loc[table.index.max() if epoch is None else epoch].to_numpy(float)
    return replace(_over(values, one_more=True), draws=values)


def rises_more(case: Case, regime: str) -> Measured:
    """Measure in how many more of the epochs the training loss rises than the validation loss.

    The networks are the study's, of one regime; the share of epochs is the mean over them.
    """
    curves = case.runs.curves
    own = curves["experiment"].astype("str").str.startswith(f"{regime}/")
    rows = curves[own & (curves["run"] == STUDY)]
    shares = {
        metric: (
            rows[rows["measure"] == metric]
            .sort_values("epoch")
            .groupby(["experiment", "member"], observed=True)["value"]
            .agg(lambda values: float((values.diff().dropna() > 0).mean()))
        )
        for metric in ("train_loss", "validation_loss")
    }
    return _over((shares["train_loss"] - shares["validation_loss"]).to_numpy())


MEASURES: dict[str, Callable[..., Measured]] = {
    one.__name__: one
    for one in (
        accuracy, loss, pytorch_minus_numpy, recall, gain_by_support, share_named,
        error_of_printed_precision, curve, curve_over_seeds, rises_more,
    )
}  # fmt: skip
