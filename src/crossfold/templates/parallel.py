"""What is done side by side: folds and models, on all processors of this machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


def side_by_side(function: Callable[..., Any], jobs: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Call a function with the arguments of each job, in threads on all processors of this machine.

    Where there are several jobs, their matrix products use one thread each.
    """
    from joblib import Parallel, delayed

    jobs = list(jobs)
    run = Parallel(n_jobs=-1, require="sharedmem")
    with limit_threads(1 if len(jobs) > 1 else None, "blas"):
        return list(run(delayed(function)(*job) for job in jobs))


def limit_threads(n_threads: int | None, api: str) -> Any:
    """Let libraries of an API, ``blas`` or ``openmp``, use so many threads in a context."""
    return _thread_pools(len(sys.modules)).limit(limits=n_threads, user_api=api)


@lru_cache(1)
def _thread_pools(n_modules: int) -> ThreadpoolController:
    """Look for libraries with threads; once more where there are other modules than before."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
