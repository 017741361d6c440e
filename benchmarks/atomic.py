"""Share of a run's time that atomic writing takes.

Run ``python benchmarks/atomic.py``. It runs a pipeline on the synthetic sample and times all that a
plain file would not need: making and locking temporary files, flushing to the disk, renaming,
and the sweep before the run.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest import mock

from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

LARGEST_SHARE = 0.05


class Clock:
    """Adds up the time inside some functions, calls within each other counted once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.calls = 0
        self._depth = 0

    @contextmanager
    def _running(self) -> Any:
        self._depth += 1
        start = perf_counter()
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth:
                self.seconds += perf_counter() - start
                self.calls += 1

    def time(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function."""

        @wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self._running():
                return function(*args, **kwargs)

        return timed


def measure(pipeline: str) -> tuple[float, Clock]:
    """Run a pipeline, and give its seconds and the clock of atomic writing."""
    bootstrap_project(Path(__file__).parents[1])
    from crossfold import hooks
    from crossfold.datasets import atomic

    clock = Clock()
    places = (
        (atomic, "create_file"),
        (atomic.AtomicWriter, "close"),
        (hooks, "sweep"),
        (atomic, "sync"),
    )
    patches = [
        mock.patch.object(owner, name, clock.time(getattr(owner, name))) for owner, name in places
    ]
    for patch in patches:
        patch.start()
    start = perf_counter()
    with KedroSession.create(project_path=Path.cwd(), env="sample") as session:
        session.run(pipeline_names=[pipeline])
    return perf_counter() - start, clock


def main() -> None:
    """Print the share, and fail where it is too large."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipeline", default="no_show")
    seconds, clock = measure(parser.parse_args().pipeline)
    share = clock.seconds / seconds
    print(f"run {seconds:.1f} s, atomic writing {clock.seconds:.2f} s in {clock.calls} calls")
    print(f"share {share:.2%} (at most {LARGEST_SHARE:.0%})")
    raise SystemExit(share > LARGEST_SHARE)


if __name__ == "__main__":
    main()
