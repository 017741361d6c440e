"""Work for several processes or machines, as joblib hands it out; a stack trained in groups."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np

from crossfold.mlp import _training
from crossfold.mlp._spec import DataSet, Member, Network, Settings, Trained
from crossfold.mlp.callbacks import ProgressBar
from crossfold.mlp.exceptions import WorkerError

TRIES = 3
"""Tries at a piece of work before a run gives up: what kills its worker would do so again."""

_logger = logging.getLogger("crossfold.mlp")
Task = tuple[Any, ...]


def run_tasks(
    function: Callable[..., Any], tasks: Sequence[Task], n_jobs: int | None = None
) -> Iterator[tuple[int, Any]]:
    """Run a function on each task's arguments, and give number and result as they come.

    Arrays that are arguments are sent once: joblib maps them into the memory of processes, and
    scatters them to the workers of Dask. Where a worker dies, what has not come back is done again.

    Parameters
    ----------
    function
        It can be imported where the work is done.
    tasks
        Arguments of each call.
    n_jobs
        As in joblib: None for one, or what ``joblib.parallel_config`` says; -1 for all there are.

    Raises
    ------
    WorkerError
        Workers died in all tries.
    """
    left = dict(enumerate(tasks))
    for _ in range(TRIES):
        try:
            for number, result in _hand_out(function, left, n_jobs):
                del left[number]
                yield number, result
        except _deaths():
            _logger.warning("A worker died; what has not come back is done again.")
            continue
        return
    raise WorkerError(
        f"Workers died {TRIES} times, most likely for want of memory: give each of them more, or"
        " use fewer jobs."
    )


def _hand_out(function: Callable[..., Any], tasks: dict[int, Task], n_jobs: int | None) -> Any:
    from joblib import Parallel, delayed
    from joblib.parallel import get_active_backend

    as_they_come = get_active_backend()[0].supports_return_generator
    run = Parallel(
        n_jobs, batch_size=1, return_as="generator_unordered" if as_they_come else "list"
    )
    return run(delayed(_numbered)(number, function, *task) for number, task in tasks.copy().items())


def _numbered(number: int, function: Callable[..., Any], *arguments: Any) -> tuple[int, Any]:
    return number, function(*arguments)


def _deaths() -> tuple[type[Exception], ...]:
    """List how processes, Dask and Ray say that a worker, or what it held, is gone."""
    ray: Any = sys.modules.get("ray.exceptions")
    return (BrokenExecutor, CancelledError, *([] if ray is None else [ray.RayActorError]))


def train_in_groups(
    network: Network,
    data_sets: Sequence[DataSet],
    members: Sequence[Member],
    settings: Settings,
    n_jobs: int | None,
) -> list[Trained]:
    """Train a stack as `train` does, in as many groups of members as there are jobs.

    A group whose worker dies is trained again, the others are not. `n_jobs` and errors are those
    of `run_tasks`.
    """
    from joblib import effective_n_jobs

    together: dict[Any, list[int]] = {}
    for place in sorted(range(len(members)), key=lambda place: members[place].data):
        together.setdefault(members[place].ensemble or place, []).append(place)
    n_groups = min(effective_n_jobs(n_jobs), len(together))
    if n_groups < 2:
        return _training.train(network, data_sets, members, settings)
    runs = [*together.values()]
    groups = [
        [place for number in part for place in runs[number]]
        for part in np.array_split(np.arange(len(runs)), n_groups)
    ]
    by_data = [place for group in groups for place in group]
    tasks = [
        _task(f"group {number} of {n_groups}", group, network, data_sets, members, settings)
        for number, group in enumerate(groups, 1)
    ]
    results = {}
    for number, result in run_tasks(_train_group, tasks, n_jobs):
        results[number] = result
        _logger.info("group %d of %d is trained", number + 1, n_groups)
    trained, callbacks = zip(*(results[number] for number in range(n_groups)), strict=True)
    for callback, *copies in zip(settings.callbacks, *callbacks, strict=True):
        if hasattr(callback, "join"):
            callback.join(copies)
    placed = dict(zip(by_data, (one for own in trained for one in own), strict=True))
    return [placed[place] for place in range(len(members))]


def _task(
    name: str,
    group: Sequence[int],
    network: Network,
    data_sets: Sequence[DataSet],
    members: Sequence[Member],
    settings: Settings,
) -> Task:
    """Put together the arguments of `_train_group`, with the data sets that the group reads."""
    read = sorted({members[place].data for place in group})
    own = [replace(members[place], data=read.index(members[place].data)) for place in group]
    arrays = [x for d in map(data_sets.__getitem__, read) for x in (d.inputs, d.targets, d.weights)]
    return name, network, own, settings, _logger.getEffectiveLevel(), *arrays


def _train_group(
    name: str,
    network: Network,
    members: Sequence[Member],
    settings: Settings,
    level: int,
    *arrays: Any,
) -> tuple[list[Trained], list[Any]]:
    """Train one group, wherever this runs, and tell copies of the callbacks."""
    if level <= logging.INFO and not _logger.hasHandlers():  # a process that was just begun
        _logger.addHandler(logging.StreamHandler())
        _logger.setLevel(level)
    data_sets = [DataSet(*arrays[place : place + 3]) for place in range(0, len(arrays), 3)]
    callbacks = [
        ProgressBar(f"{name}: ", one.metrics) if isinstance(one, ProgressBar) else deepcopy(one)
        for one in settings.callbacks
    ]
    own = replace(settings, callbacks=callbacks)
    return _training.train(network, data_sets, members, own), callbacks
