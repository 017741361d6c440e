"""Download a file, with retries that go on where the last one stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from crossfold.datasets.exceptions import SourceError
from crossfold.datasets.transfer import Limits, ask, receive

if TYPE_CHECKING:
    import requests

ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.5
CLIENT_ERRORS_WORTH_A_RETRY = {408, 416, 425, 429}

Result = TypeVar("Result")


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
    with_retries(lambda limits: _attempt(url, target, timeout_seconds, limits), timeout_seconds)


def with_retries(attempt: Callable[[Limits], Result], timeout_seconds: float) -> Result:
    """Give what an attempt gives, and try again after a failure that may pass.

    Parameters
    ----------
    attempt
        Asks a server with `requests`, within limits for all attempts together.
    timeout_seconds
        The longest wait that it allows, in seconds, for the message.

    Raises
    ------
    SourceError
        If no attempt succeeded; the message says why, in a few words.
    """
    import requests

    limits, n_failed = Limits.from_now(), 0
    while True:
        try:
            return attempt(limits)
        except requests.RequestException as error:
            n_failed += 1
            if n_failed == ATTEMPTS or not _worth_a_retry(error):
                raise SourceError(_reason(error, timeout_seconds)) from error
        time.sleep(FIRST_PAUSE_SECONDS * 2 ** (n_failed - 1))
        limits.check()


def _attempt(url: str, target: Path, timeout_seconds: float, limits: Limits) -> None:
    import requests

    start = target.stat().st_size if target.exists() else 0
    headers = {"Range": f"bytes={start}-"} if start else {}
    with target.open("ab") as file, ask(url, headers, timeout_seconds, limits) as response:
        useless = requests.codes.requested_range_not_satisfiable
        if response.status_code in (requests.codes.ok, useless):
            file.truncate(0)
        response.raise_for_status()
        receive(response, file, url, limits)


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
    if isinstance(error, requests.exceptions.InvalidHeader):
        return "its headers contradict each other"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    return "no connection"
