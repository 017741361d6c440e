"""Download a file: progress bar, time-out, and retries that go on where the last one stopped."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from crossfold.datasets.exceptions import SourceError

if TYPE_CHECKING:
    import requests
    from rich.progress import Progress

ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.5
CHUNK_BYTES = 1 << 13  # what a broken connection loses at most
CLIENT_ERRORS_WORTH_A_RETRY = {408, 416, 425, 429}

Result = TypeVar("Result")

_logger = logging.getLogger(__name__)


def download(url: str, target: Path, *, timeout_seconds: float) -> None:
    """Download an address to a file; what an earlier attempt left there is gone on with.

    Parameters
    ----------
    url
        An address of the protocol http or https.
    target
        The file to write. It may be incomplete when this raises.
    timeout_seconds
        Longest wait for a connection and between two packets, in seconds.

    Raises
    ------
    SourceError
        If the file did not come; the message says why, in a few words.
    """
    with_retries(lambda: _attempt(url, target, timeout_seconds), timeout_seconds)


def with_retries(attempt: Callable[[], Result], timeout_seconds: float) -> Result:
    """Give what an attempt gives, and try again after a failure that may pass.

    Parameters
    ----------
    attempt
        Asks a server with `requests`.
    timeout_seconds
        The longest wait that it allows, in seconds, for the message.

    Raises
    ------
    SourceError
        If no attempt succeeded; the message says why, in a few words.
    """
    import requests

    n_failed = 0
    while True:
        try:
            return attempt()
        except requests.RequestException as error:
            n_failed += 1
            if n_failed == ATTEMPTS or not _worth_a_retry(error):
                raise SourceError(_reason(error, timeout_seconds)) from error
        time.sleep(FIRST_PAUSE_SECONDS * 2 ** (n_failed - 1))


def _attempt(url: str, target: Path, timeout_seconds: float) -> None:
    import requests
    from pooch import HTTPDownloader

    with target.open("ab") as file, ProgressBar(url) as bar:

        def start_anew_unless_partial(response: requests.Response, **_: Any) -> None:
            useless = requests.codes.requested_range_not_satisfiable
            if response.status_code in (requests.codes.ok, useless):
                file.truncate(0)

        start = target.stat().st_size
        resume = {"Range": f"bytes={start}-"} if start else {}
        downloader = HTTPDownloader(
            progressbar=bar,
            chunk_size=CHUNK_BYTES,
            timeout=timeout_seconds,
            headers={"Accept-Encoding": "identity", **resume},
            hooks={"response": start_anew_unless_partial},
        )
        downloader(url, file, None)


def _status(error: requests.RequestException) -> int | None:
    return None if error.response is None else error.response.status_code


def _worth_a_retry(error: requests.RequestException) -> bool:
    import requests

    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return False
    status = _status(error)
    return status is None or status >= 500 or status in CLIENT_ERRORS_WORTH_A_RETRY


def _reason(error: requests.RequestException, timeout_seconds: float) -> str:
    import requests

    if error.response is not None:
        return f"status {error.response.status_code}"
    if isinstance(error, requests.exceptions.Timeout) or "timed out" in str(error):
        return f"no answer within {timeout_seconds:g} s"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    return "no connection"


class ProgressBar:
    """A progress bar in a terminal, one log line elsewhere; what pooch asks of one."""

    def __init__(self, url: str) -> None:
        self.total = 0
        self._url = url
        self._progress: Progress | None = None

    def __enter__(self) -> ProgressBar:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

        console = Console(stderr=True)
        if console.is_terminal:
            columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
            self._progress = Progress(
                "{task.description}", *columns, console=console, transient=True
            )
            self._task = self._progress.add_task(f"Fetching {self._url}", total=None)
            self._progress.start()
        else:
            _logger.info("Fetching %s", self._url)
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def update(self, n_bytes: int) -> None:
        """Advance by so many bytes."""
        if self._progress is not None:
            self._progress.update(self._task, advance=n_bytes, total=self.total or None)

    def reset(self) -> None:
        """Go back to the start, as pooch does before it fills the bar."""
        if self._progress is not None:
            self._progress.reset(self._task)

    def close(self) -> None:
        """Keep the bar until the ``with`` block ends."""
