"""Downloads, within limits and whole as far as shows; and files out of gzip and zip archives."""

from __future__ import annotations

import gzip
import hashlib
import io
import logging
import os
import time
import traceback
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from threading import Thread
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import urlsplit

from crossfold.datasets.bases import SourceError

if TYPE_CHECKING:
    import requests

ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.5
CLIENT_ERRORS_WORTH_A_RETRY = {408, 425, 429}
CHUNK_BYTES = 1 << 13
UNPACKED_BYTES = 1 << 20  # of one piece, at most
EITHER_HEADER = 47  # for zlib: that of gzip or its own
# The limits of every transfer: environment variable and default.
MAX_MINUTES = ("CROSSFOLD_MAX_MINUTES", 60)
MAX_MEGABYTES = ("CROSSFOLD_MAX_MEGABYTES", 4000)

MOST_UNPACKED_BYTES = 1 << 31
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"
DAMAGED = (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """What one content may take, whatever sends it."""

    minutes: float  # longest time for all of it, with every attempt, in minutes
    megabytes: float  # most that it may hold when it is unpacked, in 10⁶ bytes
    until: float  # the end of that time, as `time.monotonic` counts it

    @classmethod
    def from_now(cls) -> Limits:
        """Begin to count, with the limits of the environment, which are numbers above 0."""
        minutes, megabytes = (_limit(*setting) for setting in (MAX_MINUTES, MAX_MEGABYTES))
        return cls(minutes, megabytes, time.monotonic() + 60 * minutes)

    @property
    def too_long(self) -> str:
        """What is said when the time is over."""
        return f"it takes longer than {self.minutes:g} min, see {MAX_MINUTES[0]}"

    def check(self, n_bytes: int = 0) -> None:
        """Raise a `SourceError` if the time is over, or so many bytes are too many."""
        if time.monotonic() > self.until:
            raise SourceError(self.too_long)
        if n_bytes > self.megabytes * 1e6:
            raise SourceError(f"it holds more than {self.megabytes:g} MB, see {MAX_MEGABYTES[0]}")


def _limit(variable: str, default: float) -> float:
    text, value = os.environ.get(variable, str(default)), 0.0
    with suppress(ValueError):
        value = float(text)
    if not value > 0:
        raise SourceError(f"{variable} is {text!r}, and should be a number above 0")
    return value


def download(
    url: str,
    target: Path,
    *,
    timeout_seconds: float,
    headers: Mapping[str, str] = MappingProxyType({}),
    is_known: Callable[[requests.Response], bool] = lambda _: False,
) -> requests.Response | None:
    """Download an address to a file, with some headers; try again after what may pass.

    The timeout is the longest wait for a connection and between two packets, in seconds. Gives the
    answer, or None where `is_known` says of its status and headers that nothing need come. A
    `SourceError` says in a few words why the file did not come.
    """
    import requests

    limits, n_failed = Limits.from_now(), 0
    while True:
        try:
            with _ask(url, headers, timeout_seconds, limits) as response:
                response.raise_for_status()
                if is_known(response):
                    return None
                if response.status_code != requests.codes.ok:
                    raise SourceError(f"status {response.status_code}")
                _receive(response, target, shown(url), limits)
                return response
        except requests.RequestException as error:
            n_failed += 1
            if n_failed == ATTEMPTS or not _worth_a_retry(error):
                raise SourceError(_reason(error, timeout_seconds)) from error
        time.sleep(FIRST_PAUSE_SECONDS * 2 ** (n_failed - 1))
        limits.check()


def shown(url: str) -> str:
    """Give an address without what may be secret: user, password, and what follows the path."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _worth_a_retry(error: requests.RequestException) -> bool:
    from requests.exceptions import InvalidURL, MissingSchema

    if error.response is None:
        return not isinstance(error, InvalidURL | MissingSchema)
    status = error.response.status_code
    return status >= 500 or status in CLIENT_ERRORS_WORTH_A_RETRY


def _reason(error: requests.RequestException, timeout_seconds: float) -> str:
    from requests.exceptions import ChunkedEncodingError, InvalidHeader, Timeout

    if error.response is not None:
        return f"status {error.response.status_code}"
    if isinstance(error, Timeout) or "timed out" in str(error):
        return f"no answer within {timeout_seconds:g} s"
    if isinstance(error, InvalidHeader):
        return "its headers contradict each other"
    return (
        "the connection broke off" if isinstance(error, ChunkedEncodingError) else "no connection"
    )


def _ask(
    url: str, headers: Mapping[str, str], timeout_seconds: float, limits: Limits
) -> requests.Response:
    """Ask an address, and give the answer when its headers have come, however slowly they do."""
    import requests

    headers = {"Accept-Encoding": "identity", **headers}
    answer: Future[requests.Response] = Future()

    def get() -> None:
        try:
            answer.set_result(
                requests.get(url, headers=headers, stream=True, timeout=timeout_seconds)
            )
        except BaseException as error:
            _let_go(error)
            answer.set_exception(error)

    Thread(target=get, daemon=True).start()
    with suppress(TimeoutError):
        return answer.result(max(limits.until - time.monotonic(), 0))
    raise SourceError(limits.too_long)


def _let_go(error: BaseException | None) -> None:
    """Free what an error's calls held: urllib3 leaves the connection open that it refuses."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__


def _receive(response: requests.Response, target: Path, name: str, limits: Limits) -> None:
    """Write the body of an answer to a file, unpacked where it came packed.

    Progress is a bar in a terminal, one log line elsewhere. A `SourceError` says that the body is
    beyond the limits or not what it is said to be, an exception of `requests` that it breaks off
    before its end, as far as that can be told.
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    length, n_bytes = _announced_bytes(response), 0
    limits.check(length or 0)
    console = Console(stderr=True)
    columns = ("{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    if not console.is_terminal:
        _logger.info("Fetching %s", name)
    with (
        target.open("wb") as file,
        Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        ) as progress,
    ):
        task = progress.add_task(f"Fetching {name}", total=length)
        for piece in _unpacked(response):
            n_bytes += len(piece)
            limits.check(n_bytes)
            progress.advance(task, file.write(piece))


def _announced_bytes(response: requests.Response) -> int | None:
    """Read from the headers how long the body is, None where they do not say.

    What is no length is refused: nobody can tell then where the body ends.
    """
    text = response.headers.get("Content-Length")
    if text is None or _is_chunked(response):
        return None
    lengths = {part.strip() for part in text.split(",")}
    if len(lengths) != 1 or not text.isascii() or not min(lengths).isdigit():
        raise SourceError(f"its Content-Length {text[:40]!r} is no number")
    return int(min(lengths))


def tells_its_end(response: requests.Response) -> bool:
    """Say whether a body that is cut off can be told from a whole one."""
    is_known = _announced_bytes(response) is not None
    return is_known or _is_chunked(response) or _encoding(response) != ""


def _is_chunked(response: requests.Response) -> bool:
    return "chunked" in response.headers.get("Transfer-Encoding", "").lower()


def _encoding(response: requests.Response) -> str:
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    return "" if encoding == "identity" else encoding


def _unpacked(response: requests.Response) -> Iterator[bytes]:
    """Take the body out of gzip or deflate, which nobody asked for, a bounded piece at a time."""
    import requests

    encoding = _encoding(response)
    if not encoding:
        yield from _pieces(response)
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise SourceError(f"it is packed as {encoding[:40]}, which was not asked for")
    unpacker = zlib.decompressobj(EITHER_HEADER)
    try:
        for piece in _pieces(response):
            yield unpacker.decompress(piece, UNPACKED_BYTES)
            while unpacker.unconsumed_tail:
                yield unpacker.decompress(unpacker.unconsumed_tail, UNPACKED_BYTES)
        yield unpacker.flush()
    except zlib.error as error:
        raise SourceError(f"it is not packed as {encoding}, as it is said to be") from error
    if not unpacker.eof:
        raise requests.exceptions.ChunkedEncodingError(f"{encoding} without its end")


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """Give the body as it comes, however slowly, so that its time can be checked."""
    import requests
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    try:
        while piece := response.raw.read1(CHUNK_BYTES, decode_content=False):
            yield piece
    except ReadTimeoutError as error:
        raise requests.exceptions.ReadTimeout(error) from error
    except HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from error


def extract(container: Path, name: str, target: Path) -> str:
    """Write the content of a plain, gzip or zip file to `target` and give its SHA-256.

    The name is that of the file to take out of a zip archive that holds several. A `SourceError`
    says that the container is damaged, does not hold it, or holds more than `Limits` allow.
    """
    try:
        with open_content(container, name) as content, target.open("wb") as writer:
            limits = Limits.from_now()
            while piece := content.read(1 << 20):
                writer.write(piece)
                limits.check(writer.tell())
    except DAMAGED as error:
        raise SourceError(f"{container} is a damaged archive ({error}).") from error
    return sha256(target)


def sha256(file: Path) -> str:
    """Compute the SHA-256 of a file, in hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@contextmanager
def open_content(container: Path, name: str) -> Iterator[BinaryIO]:
    """Open what a plain, gzip or zip file holds, up to `MOST_UNPACKED_BYTES` of an archive."""
    start = _start(container)
    if start.startswith(_ZIP):
        with zipfile.ZipFile(container) as archive, archive.open(_member(archive, name)) as content:
            yield _bounded(content, container)
    elif start.startswith(_GZIP):
        with gzip.open(container) as content:
            yield _bounded(cast(IO[bytes], content), container)
    else:
        with container.open("rb") as plain:
            yield plain


def is_packed(container: Path) -> bool:
    """Whether a file is a gzip or zip archive, whatever its name says."""
    return _start(container).startswith((_ZIP, _GZIP))


def _start(container: Path) -> bytes:
    with container.open("rb") as file:
        return file.read(4)


class _Bounded(io.RawIOBase):
    """A stream that refuses to give more than it may: a small archive may hold any amount."""

    def __init__(self, content: IO[bytes], container: Path) -> None:
        self._content, self._container = content, container
        self._left = MOST_UNPACKED_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._content.read(len(buffer))
        self._left -= len(block)
        if self._left < 0:
            raise SourceError(
                f"{self._container} unpacks to more than {MOST_UNPACKED_BYTES:,} bytes: unpack it"
                " yourself if it is what you want."
            )
        buffer[: len(block)] = block
        return len(block)


def _bounded(content: IO[bytes], container: Path) -> BinaryIO:
    return io.BufferedReader(_Bounded(content, container), 1 << 16)


def _member(archive: zipfile.ZipFile, name: str) -> str:
    # macOS adds files of its own.
    entries = archive.namelist()
    files = [one for one in entries if not one.endswith("/") and not one.startswith("__MACOSX/")]
    named = [entry for entry in files if PurePath(entry).name == PurePath(name).name]
    if named or len(files) == 1:
        return (named or files)[0]
    raise SourceError(f"{archive.filename} holds no file named {PurePath(name).name}.")
