"""The copy of a web address whose content may change."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from crossfold.datasets.atomic import AtomicLocalFileSystem, sweep, sync, temporary_file
from crossfold.datasets.containers import sha256
from crossfold.datasets.download import Limits, ask, receive, tells_its_end, with_retries
from crossfold.datasets.exceptions import SourceError

if TYPE_CHECKING:
    import requests

STATE_SUFFIX = ".state.json"
TABLES = {".csv", ".tsv", ".txt"}
# The headers by which an address tells its content, and those that ask whether it is still that.
CONDITIONS = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}

_logger = logging.getLogger(__name__)


class WebCopy:
    """A file with the content of an address, and what is needed to ask whether that has changed.

    What the address said lies in a hidden file beside the copy, with the size and time of the copy:
    one that differs was altered by somebody else. A new content replaces the copy when all of it
    has come; until then, and where nothing comes, the copy stays as it was. Each method raises a
    `SourceError` whose one sentence names the address and says why.

    Parameters
    ----------
    url
        An address of the protocol http or https.
    file
        The copy.
    timeout_seconds
        Longest wait for a connection and between two packets, in seconds.

    Attributes
    ----------
    seen_sha256
        SHA-256 of what `look` has found at the address and the copy has not, else None.
    """

    def __init__(self, url: str, file: Path, *, timeout_seconds: float) -> None:
        self.seen_sha256: str | None = None
        self._url = url
        self._file = file
        self._timeout_seconds = timeout_seconds
        self._state_file = file.with_name(f".{file.name}{STATE_SUFFIX}")

    def __str__(self) -> str:
        return f"{shown(self._url)} (copied to {self._file})"

    def ensure(self) -> None:
        """Copy the content of the address if there is no copy."""
        if not self._file.is_file():
            self.update()

    def update(self) -> None:
        """Copy the content of the address, unless it is that of the copy."""
        with self._fetched() as new:
            if new is None:
                return
            content, headers = new
            if not self._is_copied(content):
                sync(content)
                content.replace(self._file)
                sync(self._file.parent)
            self._remember(headers)

    def look(self) -> None:
        """Learn what the address holds, and change nothing; without a copy all of it is new."""
        if not self._file.is_file():
            return
        with self._fetched() as new:
            if new is not None and not self._is_copied(new[0]):
                self.seen_sha256 = sha256(new[0])

    def _is_copied(self, content: Path) -> bool:
        return self._file.is_file() and sha256(self._file) == sha256(content)

    @contextmanager
    def _fetched(self) -> Iterator[tuple[Path, Mapping[str, str]] | None]:
        """Give the new content in a temporary file, with its headers; None if it is known."""
        known = self._known_headers()
        sweep(self._file)
        with temporary_file(self._file) as content:
            try:
                headers = with_retries(
                    lambda limits: self._ask(known, content, limits), self._timeout_seconds
                )
            except SourceError as error:
                raise self._failure(error) from error
            yield None if headers is None else (content, headers)

    def _ask(
        self, known: Mapping[str, str] | None, content: Path, limits: Limits
    ) -> Mapping[str, str] | None:
        """Ask the address for what differs from a known content, and give the answer's headers."""
        import requests

        conditions = {CONDITIONS[name]: value for name, value in (known or {}).items()}
        with ask(self._url, conditions, self._timeout_seconds, limits) as response:
            response.raise_for_status()
            if known is not None and _is_known(known, response):
                return None
            if response.status_code != requests.codes.ok:
                raise SourceError(f"status {response.status_code}")
            with content.open("wb") as file:
                receive(response, file, shown(self._url), limits)
            if not tells_its_end(response):
                self._doubt(content)
            return response.headers

    def _doubt(self, content: Path) -> None:
        """Refuse a table that ends within a line, where the copy before does not, as cut off."""
        _logger.warning(
            "The server of %s does not say how long it is: what is cut off may pass for whole.",
            shown(self._url),
        )
        if self._file.suffix.lower() not in TABLES or not self._file.is_file():
            return
        if _last_byte(self._file) == b"\n" != _last_byte(content):
            raise SourceError(
                "it ends within a line and may be cut off, as the copy does not and the server does"
                " not say how long it is"
            )

    def _known_headers(self) -> dict[str, str] | None:
        """Give the headers that came with the copy as it is, None where that is not known."""
        try:
            state = dict(json.loads(self._state_file.read_text(encoding="utf-8")))
            headers = state.pop("headers")
            return headers if state == self._stamp() else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _remember(self, headers: Mapping[str, str]) -> None:
        told = {name: headers[name] for name in CONDITIONS if name in headers}
        with AtomicLocalFileSystem().open(self._state_file, "w") as file:
            json.dump({**self._stamp(), "headers": told}, file)

    def _stamp(self) -> dict[str, Any]:
        """Tell the copy from others; of the address, which may hold a password, by its hash."""
        stat = self._file.stat()
        return {"address": _digest(self._url), "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}

    def _failure(self, error: SourceError) -> SourceError:
        why = str(error).rstrip(".")
        kept = f"the copy {self._file} stays in use" if self._file.exists() else "there is no copy"
        return SourceError(
            f"{shown(self._url)} could not be fetched ({why}): {kept}; try again later, or check"
            " the address."
        )


def is_web_address(path: str) -> bool:
    """Say whether a path is an address of the protocol http or https."""
    return path.lower().startswith(("http://", "https://"))


def copy_beside(source: Path, url: str) -> Path:
    """Name the copy of an address in place of a source's file, one for each address."""
    name = PurePosixPath(urlsplit(url).path)
    file_name = name.name if name.suffix else source.name
    return source.parent / "web" / _digest(url)[:8] / file_name


def shown(url: str) -> str:
    """Give an address without what may be secret: user, password, and what follows the path."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _last_byte(file: Path) -> bytes:
    with file.open("rb") as content:
        content.seek(max(file.stat().st_size - 1, 0))
        return content.read()


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def _is_known(known: Mapping[str, str], response: requests.Response) -> bool:
    """Say whether an answer is that nothing is new; some servers answer so with all of it."""
    not_modified = 304
    same_etag = "ETag" in known and response.headers.get("ETag") == known["ETag"]
    return response.status_code == not_modified or same_etag
