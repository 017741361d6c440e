"""What is done side by side: folds and models, on all processors of this machine."""

from collections.abc import Callable, Iterable
from typing import Any


def side_by_side(function: Callable[..., Any], jobs: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Call a function with the arguments of each job, in threads on all processors of this machine.

    Where there are several jobs, their matrix products use one thread each.
    """
    from joblib import Parallel, delayed
    from threadpoolctl import threadpool_limits

    jobs = list(jobs)
    run = Parallel(n_jobs=-1, require="sharedmem")
    with threadpool_limits(1 if len(jobs) > 1 else None, "blas"):
        return list(run(delayed(function)(*job) for job in jobs))
