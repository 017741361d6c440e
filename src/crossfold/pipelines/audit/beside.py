"""A second process beside the first, for work that keeps Python's lock to itself."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from logging.handlers import QueueHandler
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any, TypeVar

from crossfold.exceptions import CrossfoldError

Result = TypeVar("Result")
_ROOT_LOGGER = "crossfold"


@contextmanager
def beside(
    name: str, function: Callable[..., Result], *args: Any
) -> Iterator[Callable[[], Result]]:
    """Call a function in a process of its own while the body of the ``with`` statement runs.

    What the function logs is logged here, with the name before it. The process ends with the body,
    whether it has done its work or not, and with this program, however that ends.

    Parameters
    ----------
    name
        Of the work, as a log line should name it.
    function
        Defined at the top of a module; what it takes and gives is copied from one process to the
        other, never by way of a file.
    args
        Of the function.

    Yields
    ------
    A function without arguments that waits for the result. It raises what the function has raised,
    and `CrossfoldError` where something has ended the process.
    """
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    level = logging.getLogger(_ROOT_LOGGER).getEffectiveLevel()
    process = context.Process(
        target=_work, args=(name, level, sender, function, args), name=name, daemon=True
    )
    process.start()
    sender.close()
    with ThreadPoolExecutor(1) as thread:
        try:
            yield thread.submit(_follow, name, receiver).result
        finally:
            process.terminate()


def _follow(name: str, receiver: Connection) -> Any:
    """Log what the other process logs until it sends its result or its error."""
    while True:
        try:
            message = receiver.recv()
        except (EOFError, OSError):  # OSError: it was ended while it sent something.
            raise CrossfoldError(
                f"The process for {name} was ended from outside, perhaps for want of memory:"
                " close other programs and run again."
            ) from None
        if isinstance(message, logging.LogRecord):
            logging.getLogger(message.name).handle(message)
            continue
        result, error = message
        if error is not None:
            raise error
        return result


def _work(
    name: str, level: int, sender: Connection, function: Callable[..., Any], args: tuple[Any, ...]
) -> None:
    """Call the function and send its result or its error."""
    Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the first process's to deal with.
    handler = _Sender(sender)
    handler.setFormatter(logging.Formatter(f"{name}: %(message)s"))
    logging.getLogger().handlers = [handler]
    logging.getLogger(_ROOT_LOGGER).setLevel(level)
    try:
        sender.send((function(*args), None))
    except Exception as error:
        sender.send((None, error))


def _end_with_parent() -> None:
    """End this process when the first one has gone, even if it was killed."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class _Sender(QueueHandler):
    """Sends log records through a pipe."""

    def enqueue(self, record: logging.LogRecord) -> None:
        """Send a record whose message has been put together."""
        self.queue.send(record)
