"""Source files: fetched from a mirror or an address and verified, or copies of what changes."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import mktime_tz, parsedate_tz
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kedro.io import AbstractDataset

from crossfold.datasets.atomic import AtomicLocalFileSystem, sweep, sync, temporary_file
from crossfold.datasets.bases import DataError, ReadOnlyDataset, SourceError
from crossfold.datasets.download import download, extract, sha256, shown, tells_its_end

if TYPE_CHECKING:
    import requests
    from kedro_datasets._typing import TablePreview

MIRROR_VARIABLE = "CROSSFOLD_MIRROR"
CONTAINER_SUFFIXES = ("", ".gz", ".zip")

STATE_SUFFIX = ".state.json"
TABLES = {".csv", ".tsv", ".txt"}
# The headers by which an address tells its content, and those that ask whether it is still that.
DATE = "Last-Modified"
CONDITIONS = {"ETag": "If-None-Match", DATE: "If-Modified-Since"}
# A content that was as young as this when it came may change once more without a new date, which
# counts in whole seconds (RFC 9110, 8.8.2.2).
SETTLED_SECONDS = 2

_logger = logging.getLogger(__name__)


class WebSourceDataset(ReadOnlyDataset[Any]):
    """A dataset whose file is a copy of what a web address holds.

    ``kedro refresh`` asks the address whether its content has changed (ETag, else date), and
    copies it anew only then. `load` reads the copy, and fetches it only where there is none, so
    that all runs between two refreshes read the same.

    Parameters
    ----------
    url
        An address of the protocol http or https, name and password perhaps in ``~/.netrc``; None
        for a plain file.
    dataset
        The catalog entry of the dataset that reads the copy at its ``filepath``.
    timeout_seconds
        Longest wait for a connection and between two packets, in seconds.
    metadata
        Ignored here; read by Kedro-Viz.
    """

    def __init__(
        self,
        *,
        url: str | None,
        dataset: dict[str, Any],
        timeout_seconds: float = 30,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._url = url
        self._filepath = Path(dataset["filepath"])
        self._timeout_seconds = timeout_seconds
        self.metadata = metadata
        self.web_copy = url and WebCopy(url, self._filepath, timeout_seconds=timeout_seconds)
        self._dataset: Any = AbstractDataset.from_config(str(self._filepath), dataset)
        self.past = getattr(self._dataset, "past", None)

    def load(self) -> Any:
        """Read the copy; make it if there is none."""
        if not self.web_copy:
            return self._dataset.load()
        self.web_copy.ensure()
        try:
            return self._dataset.load()
        except DataError as error:
            raise SourceError(f"{self.web_copy} cannot be used: {error}") from error

    @property
    def pinned_sha256(self) -> str | None:
        """SHA-256 of what a look has found at the address and the copy has not, else None."""
        return self.web_copy.seen_sha256 if self.web_copy else None

    def stored_files(self) -> list[Path]:
        """List the files that `load` reads, as far as they are there."""
        if hasattr(self._dataset, "stored_files"):
            found = self._dataset.stored_files()
        else:
            found = self._filepath.rglob("*") if self._filepath.is_dir() else [self._filepath]
        return sorted(file for file in found if file.is_file())

    def preview(self, nrows: int = 5) -> TablePreview:
        """Show the first rows, if the file is there and its dataset can be previewed."""
        preview = getattr(self._dataset, "preview", None)
        return preview(nrows) if preview and self._exists() else {}

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "url": self._url and shown(self._url)}

    def _exists(self) -> bool:
        return self._filepath.exists()


class SourceDataset(WebSourceDataset):
    """A dataset whose file is fetched when it is missing, and verified on every load.

    A missing file is looked for in the folder named by the environment variable
    ``CROSSFOLD_MIRROR``, then at its addresses in order; plain, gzip and zip containers will do.
    A file with other content is never used: it is kept aside under its name with ``.rejected``.

    Parameters
    ----------
    dataset
        The catalog entry of the dataset that reads the file at its ``filepath``.
    source
        ``file``: the file's name, with its folder in a mirror; ``sha256``: of its content;
        ``urls``: its addresses, the first tried first.
    path
        The user's own file, folder or web address. It is read in place of the source, and not
        verified; what an address holds is copied as `WebSourceDataset` does.
    timeout_seconds
        Longest wait for a connection and between two packets, in seconds.
    metadata
        Ignored here; read by Kedro-Viz.
    """

    def __init__(
        self,
        *,
        dataset: dict[str, Any],
        source: dict[str, Any],
        path: str | None = None,
        timeout_seconds: float = 30,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._source = source
        self._own = path is not None
        url = path if path and path.lower().startswith(("http://", "https://")) else None
        file = copy_beside(Path(dataset["filepath"]), url) if url else path or dataset["filepath"]
        super().__init__(
            url=url,
            dataset={**dataset, "filepath": str(file)},
            timeout_seconds=timeout_seconds,
            metadata=metadata,
        )

    def load(self) -> Any:
        """Fetch and verify the file, then read it."""
        if not self._own:
            self._set_aside_if_altered()
            if not self._filepath.exists():
                self._fetch()
        return super().load()

    @property
    def pinned_sha256(self) -> str | None:
        """SHA-256 of the source, or what a look at the user's own address has found, else None."""
        return super().pinned_sha256 if self._own else str(self._source["sha256"])

    def _set_aside_if_altered(self) -> None:
        if self._filepath.exists() and (found := sha256(self._filepath)) != self._source["sha256"]:
            rejected = self._reject(self._filepath)
            _logger.warning(
                "%s does not have the content of its source (SHA-256 %s…); it is kept as %s and"
                " fetched again.",
                self._filepath,
                found[:12],
                rejected.name,
            )

    def _fetch(self) -> None:
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        sweep(self._filepath)
        reasons = []
        for origin, take in self._origins():
            try:
                take(origin)
            except SourceError as error:
                reasons.append(f"{origin} ({str(error).rstrip('.')})")
            else:
                return
        name = self._source["file"]
        raise SourceError(
            f"{PurePosixPath(name).name} could not be fetched from {', '.join(reasons)}: set"
            f" {MIRROR_VARIABLE} to a folder that holds {name}, or run with --env=sample on"
            " synthetic data."
        )

    def _origins(self) -> Iterator[tuple[str, Callable[[str], None]]]:
        """List where the file may come from, and how it is taken from there."""
        mirror = os.environ.get(MIRROR_VARIABLE)
        if mirror:
            name = self._source["file"]
            places = (name, PurePosixPath(name).name)
            candidates = [Path(mirror, f"{p}{s}") for p in places for s in CONTAINER_SUFFIXES]
            found = [str(file) for file in candidates if file.is_file()]
            yield from ((file, self._take) for file in found or [str(candidates[0])])
        yield from ((url, self._download) for url in self._source["urls"])

    def _take(self, origin: str) -> None:
        """Verify the content of a container and move it into place; other content is kept aside."""
        if not Path(origin).is_file():
            raise SourceError("no such file")
        wanted = self._source["sha256"]
        with temporary_file(self._filepath) as content:
            found = extract(Path(origin), self._source["file"], content)
            if found == wanted:
                content.replace(self._filepath)
                return
            rejected = self._reject(content)
            raise SourceError(
                f"other content, SHA-256 {found[:12]}… in place of {wanted[:12]}…, kept as"
                f" {rejected}"
            )

    def _download(self, url: str) -> None:
        with temporary_file(self._filepath) as container:
            download(url, container, timeout_seconds=self._timeout_seconds)
            self._take(str(container))

    def _reject(self, file: Path) -> Path:
        return file.replace(self._filepath.with_name(f"{self._filepath.name}.rejected"))

    def _describe(self) -> dict[str, Any]:
        return {
            "filepath": str(self._filepath),
            "source": None if self._own else self._source["file"],
        }


class WebCopy:
    """A file with the content of an address, and what is needed to ask whether that has changed.

    What the address said lies in a hidden file beside the copy, with the size and time of the copy:
    one that differs was altered by somebody else. A new content replaces the copy when all of it
    has come; until then, and where nothing comes, the copy stays as it was. Each method raises a
    `SourceError` whose one sentence names the address and says why.

    The address is of the protocol http or https; the timeout is the longest wait for a connection
    and between two packets, in seconds. `seen_sha256` is the SHA-256 of what `look` has found at
    the address and the copy has not, else None.
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
            told = {name: headers[name] for name in CONDITIONS if name in headers}
            if not _seconds_of(headers, "Date") - _seconds_of(headers, DATE) >= SETTLED_SECONDS:
                told.pop(DATE, None)
            with AtomicLocalFileSystem().open(self._state_file, "w") as file:
                json.dump({**self._stamp(), "headers": told}, file)

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
            conditions = {CONDITIONS[name]: value for name, value in (known or {}).items()}
            try:
                response = download(
                    self._url,
                    content,
                    timeout_seconds=self._timeout_seconds,
                    headers=conditions,
                    is_known=partial(_is_known, known),
                )
                if response is not None and not tells_its_end(response):
                    self._doubt(content)
            except SourceError as error:
                raise self._failure(error) from error
            yield None if response is None else (content, response.headers)

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


def copy_beside(source: Path, url: str) -> Path:
    """Name the copy of an address in place of a source's file, one for each address."""
    name = PurePosixPath(urlsplit(url).path)
    file_name = name.name if name.suffix else source.name
    return source.parent / "web" / _digest(url)[:8] / file_name


def _last_byte(file: Path) -> bytes:
    with file.open("rb") as content:
        content.seek(max(file.stat().st_size - 1, 0))
        return content.read()


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def _seconds_of(headers: Mapping[str, str], name: str) -> float:
    """Read a time from headers, in seconds since 1970; NaN where there is none."""
    parsed = parsedate_tz(headers.get(name, ""))
    return mktime_tz(parsed) if parsed else math.nan


def _is_known(known: Mapping[str, str] | None, response: requests.Response) -> bool:
    """Say whether an answer is that nothing is new; some servers answer so with all of it."""
    if known is None:
        return False
    not_modified = 304
    same_etag = "ETag" in known and response.headers.get("ETag") == known["ETag"]
    return response.status_code == not_modified or same_etag
