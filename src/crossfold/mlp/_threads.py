"""Threads of the library that multiplies NumPy's matrices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


def blas_threads() -> int:
    """Give the number of threads that matrix products may use now, as the user has set it."""
    return max((library["num_threads"] for library in _controller().info()), default=1)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let matrix products use one thread for a while."""
    with _controller().limit(limits=1):
        yield
