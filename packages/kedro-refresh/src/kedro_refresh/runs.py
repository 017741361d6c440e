"""What hooks know of each run at work in this process, for Kedro does not always name the run."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

State = TypeVar("State")


class RunStates(Generic[State]):
    """The states of the runs at work, of which a server, say, can have several in its threads."""

    def __init__(self) -> None:
        self._states: dict[str, State] = {}
        self._here = threading.local()

    def begin(self, run: str, state: State) -> None:
        """Begin a run, in the thread in which it will end."""
        self._states[run] = state
        self._here.run = run

    def of(self, run: str | None) -> State | None:
        """Give the state of a run that the calling thread works for from now on."""
        self._here.run = run
        return self._states.get(run or "")

    def here(self) -> State | None:
        """Give the state of the run that the calling thread works for; None if that is unknown.

        A thread that has not heard of any run yet works for the only one at work.
        """
        run = getattr(self._here, "run", None)
        if run is None and len(self._states) == 1:
            return next(iter(self._states.values()))
        return self._states.get(run or "")

    def end(self, run: str | None) -> State | None:
        """End a run, and give its state."""
        self._here.run = None
        return self._states.pop(run or "", None)

    def end_left(self) -> State | None:
        """End the run that was broken off in the calling thread: by Ctrl+C in a notebook, say."""
        return self.end(getattr(self._here, "run", None))
