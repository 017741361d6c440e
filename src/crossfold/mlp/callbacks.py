"""What may be told about training as it goes: a progress bar, a log of a metric per epoch."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import parent_process
from typing import Any, NamedTuple

import numpy as np

from crossfold.mlp._spec import Array, Callback, DataSet, EpochEvent, Member
from crossfold.mlp.exceptions import ParameterError

__all__ = ["Callback", "EpochEvent", "EpochLog", "EpochRecord", "ProgressBar"]

_logger = logging.getLogger("crossfold.mlp")
_LINES_PER_TRAINING = 10

Metrics = Callable[[Array, Array], Mapping[str, float]] | Sequence[str]


class EpochRecord(NamedTuple):
    """One figure of one network after one epoch.

    Attributes
    ----------
    member, fold
        Place in a `FoldStack`; 0 and 0 for an estimator trained alone.
    epoch
        From 1; a part of it where a log was asked for `every_steps`.
    name, value
        As the log's function gave them.
    """

    member: int
    fold: int
    epoch: float
    name: str
    value: float


@dataclass(eq=False, repr=False)
class EpochLog(Callback):
    """Computes figures on each network's validation rows after every epoch.

    The rows are the fold's validation rows in a `FoldStack`; with early stopping they are those
    set aside by ``validation_fraction``. A network without validation rows leaves no records.

    scikit-learn's ``clone`` copies callbacks: a log hears of the estimator or `FoldStack` that it
    was given to, not of clones, as ``cross_val_score`` makes them.

    Parameters
    ----------
    metrics
        Names in `crossfold.mlp.metrics`, whose precision, recall and F1 are then means over the
        classes where there are more than two; or a function that is given targets and outputs, and
        gives a mapping from names to figures. For two classes, and for one value per row, both
        have shape ``(n,)``: 0/1 and the probability of class 1, or values. Else both have shape
        ``(n, n_outputs)``: one-hot or 0/1 and probabilities, or values.
    train_metrics
        The same of the rows that each network learns from, which costs a pass over them in every
        epoch; None for none. An `ExperimentStack` leaves no such records.
    every_steps
        Steps after which figures are computed within an epoch too, or None.

    Attributes
    ----------
    records
        `EpochRecord` of every network and epoch of the last training.

    Examples
    --------
    >>> from crossfold.mlp import EpochLog
    >>> log = EpochLog(lambda targets, outputs: {"brier": ((outputs - targets) ** 2).mean()})
    >>> log.records
    []
    """

    metrics: Metrics
    train_metrics: Metrics | None = None
    every_steps: int | None = None
    records: list[EpochRecord] = field(default_factory=list, init=False)
    _places: list[tuple[int, int]] = field(default_factory=list, init=False)

    def on_train_begin(
        self, members: Sequence[Member], data_sets: Sequence[DataSet], max_iter: int
    ) -> None:
        """Forget the training before, and note which network is which."""
        self.records = []
        self._places = [member.place for member in members]

    def on_epoch_end(self, event: EpochEvent) -> None:
        """Compute the figures of the running networks."""
        self._note(self.metrics, event, event.validation_outputs(), event.validation_targets())
        if self.train_metrics is not None:
            self._note(self.train_metrics, event, event.train_outputs(), event.train_targets())

    def _note(
        self,
        metrics: Metrics,
        event: EpochEvent,
        outputs: Sequence[Array | None],
        targets: Sequence[Array | None],
    ) -> None:
        for index, own, known in zip(event.members, outputs, targets, strict=False):
            if known is None or own is None:
                continue
            member, fold = self._places[index]
            self.records += [
                EpochRecord(member, fold, event.epoch, name, float(value))
                for name, value in measure(metrics, _flat(known), _flat(own)).items()
            ]

    def join(self, copies: Sequence[EpochLog]) -> None:
        """Take in what copies recorded that were told about parts of a stack."""
        joined = [record for copy in copies for record in copy.records]
        self.records = sorted(joined, key=lambda record: record.epoch)


class ProgressBar(Callback):
    """Shows progress on a terminal, else writes about ten log lines per training.

    The bar is drawn on standard error, by a program's first process alone, since two bars would
    overwrite each other, and is wiped off when training ends. It tells the epoch, the mean training
    loss, and the mean score on validation rows where there are any: accuracy, or R² of numbers. The
    lines go to the logger ``crossfold.mlp``, level INFO.

    Parameters
    ----------
    group
        What lines begin with that are about a part of a stack; no bar is drawn for one.
    metrics
        What else is told of the validation rows, as in `EpochLog`; the mean over the networks.
    """

    def __init__(self, group: str = "", metrics: Metrics = ()) -> None:
        self.group = group
        self.metrics = metrics
        self._log = EpochLog(metrics)
        self._bar: Any = None
        self._task: Any = None

    def on_train_begin(
        self, members: Sequence[Member], data_sets: Sequence[DataSet], max_iter: int
    ) -> None:
        """Draw an empty bar if standard error is a terminal."""
        self._log.on_train_begin(members, data_sets, max_iter)
        if sys.stderr.isatty() and parent_process() is None and not self.group:
            self._bar = _new_bar()
            self._bar.start()
            networks = f"{len(members)} networks" if len(members) > 1 else "a network"
            self._task = self._bar.add_task(f"training {networks}", total=max_iter, figures="")

    def on_epoch_end(self, event: EpochEvent) -> None:
        """Move the bar on, or write a line after each tenth of the epochs."""
        if self._bar is not None:
            loss = f"loss {np.mean(event.train_loss):.4f}"
            score = _mean_text(", score ", event.validation_score)
            figures = f"{loss}{score}{self._measured(event)}"
            self._bar.update(self._task, completed=event.epoch, figures=figures)
            return
        block = -(-event.max_iter // _LINES_PER_TRAINING)
        if event.epoch % block == 0 or event.epoch == event.max_iter:
            _logger.info(
                "%sepoch %d of %d: training loss %.4f%s%s, networks running: %d",
                self.group,
                event.epoch,
                event.max_iter,
                np.mean(event.train_loss),
                _mean_text(", validation loss ", event.validation_loss),
                self._measured(event),
                len(event.members),
            )

    def _measured(self, event: EpochEvent) -> str:
        if not self.metrics:
            return ""
        self._log.records = []
        self._log.on_epoch_end(event)
        named: dict[str, list[float]] = {}
        for record in self._log.records:
            named.setdefault(record.name, []).append(record.value)
        return "".join(f", {name} {np.mean(values):.4f}" for name, values in named.items())

    def on_train_end(self) -> None:
        """Wipe the bar off."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class EpochLines(Callback):
    """Prints a line for each epoch, as scikit-learn's ``verbose=True`` does."""

    def on_epoch_end(self, event: EpochEvent) -> None:
        """Print the mean training loss, and the mean validation score where there is one."""
        loss = f"Iteration {event.epoch}, loss = {np.mean(event.train_loss):.8f}"
        score = _mean_text(", validation score = ", event.validation_score)
        sys.stdout.write(f"{loss}{score}\n")


def measure(metrics: Metrics, targets: Array, outputs: Array) -> Mapping[str, float]:
    """Compute metrics of some rows; see `EpochLog`."""
    if callable(metrics):
        return metrics(targets, outputs)
    return {name: _named(name, targets, outputs) for name in metrics}


def _named(name: str, targets: Array, outputs: Array) -> float:
    """Compute a metric of scikit-learn: r² of values, the others of classes or labels."""
    from crossfold.mlp import metrics as known_metrics

    if name == "r2":
        return float(known_metrics.r2(targets, outputs))
    if name not in {"accuracy", "precision", "recall", "f1"}:
        raise ParameterError(
            f"metrics names {name!r}; choose from accuracy, precision, recall, f1 and r2, or give "
            "a function."
        )
    exclusive = targets.ndim == 2 and bool((targets.sum(axis=1) == 1).all())
    truth, predicted = (
        values.argmax(axis=1) if exclusive else (values > 0.5).astype(int)
        for values in (targets, outputs)
    )
    how = {"average": "binary" if targets.ndim == 1 else "macro", "zero_division": 0}
    function = getattr(known_metrics, name)
    return float(function(truth, predicted, **({} if name == "accuracy" else how)))


def _new_bar() -> Any:
    """Make a bar that leaves nothing behind."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), "epoch", MofNCompleteColumn())
    figures = ("{task.fields[figures]}", TimeRemainingColumn())
    return Progress(*columns, *figures, console=Console(stderr=True), transient=True)


def _mean_text(words: str, values: Array) -> str:
    known = values[np.isfinite(values)]
    return f"{words}{known.mean():.4f}" if known.size else ""


def _flat(values: Array) -> Array:
    return values[:, 0] if values.shape[1] == 1 else values
