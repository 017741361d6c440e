"""Take a file out of whatever container it came in: plain, gzip or zip."""

from __future__ import annotations

import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import BinaryIO, cast

from crossfold.datasets.exceptions import SourceError
from crossfold.datasets.transfer import Limits

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
    """Open what a plain, gzip or zip file holds."""
    with container.open("rb") as file:
        start = file.read(4)
    if start.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(container) as archive, archive.open(_member(archive, name)) as content:
            yield cast(BinaryIO, content)
    else:
        is_gzip = start.startswith(b"\x1f\x8b")
        with gzip.open(container) if is_gzip else container.open("rb") as content:
            yield cast(BinaryIO, content)


def _member(archive: zipfile.ZipFile, name: str) -> str:
    files = [entry for entry in archive.namelist() if not entry.endswith("/")]
    named = [entry for entry in files if PurePath(entry).name == PurePath(name).name]
    if named or len(files) == 1:
        return (named or files)[0]
    raise SourceError(f"{archive.filename} holds no file named {PurePath(name).name}.")
