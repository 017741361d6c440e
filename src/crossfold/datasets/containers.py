"""Take a file out of whatever container it came in: plain, gzip or zip."""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import IO, Any, BinaryIO, cast

from crossfold.datasets.download import Limits
from crossfold.datasets.exceptions import SourceError

MOST_UNPACKED_BYTES = 1 << 31
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"
DAMAGED = (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error)


def extract(container: Path, name: str, target: Path) -> str:
    """Write the content of a container to `target` and give its SHA-256.

    Parameters
    ----------
    container
        A plain, gzip or zip file, recognised by its first bytes.
    name
        The file to take out of a zip archive that holds several.
    target
        The file to write.

    Raises
    ------
    SourceError
        If the container is damaged, does not hold the file, or holds more than `Limits` allow.
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
    """Open what a plain, gzip or zip file holds.

    Raises
    ------
    SourceError
        While it is read, if an archive holds more than `MOST_UNPACKED_BYTES`.
    """
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
    files = [entry for entry in archive.namelist() if not entry.endswith("/")]
    named = [entry for entry in files if PurePath(entry).name == PurePath(name).name]
    if named or len(files) == 1:
        return (named or files)[0]
    raise SourceError(f"{archive.filename} holds no file named {PurePath(name).name}.")
