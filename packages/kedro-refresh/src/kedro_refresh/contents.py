"""What stored datasets hold, without reading again what has not changed since."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kedro_refresh.exceptions import RefreshError
from kedro_refresh.fingerprint import Content, digest_of
from kedro_refresh.stored import HTTP, Remote, Stored, unreachable

# A file written just before it was read may change once more without a new time of change.
SETTLED_SECONDS = 2.0
CHUNK_BYTES = 1 << 20
# What file systems elsewhere say of a file's content, as `fsspec` gives it; the best comes first.
CHECKSUMS = ("ETag", "etag", "md5Hash", "content_md5", "Content-MD5", "Digest", "Last-Modified")


@dataclass(frozen=True)
class KnownFile:
    """A file as it was when its content was read last.

    Attributes
    ----------
    size
        Bytes.
    mtime_ns
        Time of its last change, in ns.
    inode
        Its number in the file system.
    digest
        SHA-256 of its content.
    rows
        Rows of a table, if they can be counted quickly.
    """

    size: int
    mtime_ns: int
    inode: int
    digest: str
    rows: int | None


class ContentReader:
    """Reads the digests of files; those whose size, time and inode are known are not read again.

    Parameters
    ----------
    known
        Files read earlier, by absolute path.
    paranoid
        Read every file once, known or not.
    """

    def __init__(self, known: dict[str, KnownFile], *, paranoid: bool = False) -> None:
        self._known = {} if paranoid else dict(known)
        self.learnt: dict[str, KnownFile] = {}

    def of(self, stored: Stored) -> Content | None:
        """Give the content of a dataset, or what stands for it where its files are elsewhere."""
        return _marks(stored.remote) if stored.remote else self.read(stored.files, stored.root)

    def read(self, files: Iterable[Path], root: Path) -> Content | None:
        """Give the content of some files as one; None if there are none."""
        contents = {file: self._read_file(file) for file in sorted(files) if file.is_file()}
        if not contents:
            return None
        rows = [content.rows for content in contents.values()]
        total = None if None in rows else sum(row for row in rows if row is not None)
        if list(contents) == [root]:
            return contents[root]
        digests = {str(file.relative_to(root)): one.digest for file, one in contents.items()}
        return Content(digest_of(json.dumps(digests)), total, digests)

    def _read_file(self, file: Path) -> Content:
        path, state = str(file.absolute()), file.stat()
        known = self._known.get(path)
        stamp = (state.st_size, state.st_mtime_ns, state.st_ino)
        if known is None or (known.size, known.mtime_ns, known.inode) != stamp:
            known = KnownFile(*stamp, *_digest_and_rows(file))
            if time.time() - state.st_mtime > SETTLED_SECONDS:
                self._known[path] = self.learnt[path] = known
        return Content(known.digest, known.rows)


def _marks(remote: Remote) -> Content | None:
    """Ask for the checksum of each file; nothing is downloaded where there is one."""
    try:
        marks = {one: _mark(remote.system, name) for one, name in sorted(remote.names.items())}
    except FileNotFoundError:
        return None
    except Exception as error:
        raise RefreshError(unreachable(min(remote.names.values()), error)) from error
    return Content(digest_of(json.dumps(marks)), files=marks)


def _mark(system: Any, name: str) -> str:
    known = system.info(name)
    checksum = next((f"{sort} {known[sort]}" for sort in CHECKSUMS if known.get(sort)), None)
    if checksum is not None:
        return digest_of(f"{checksum} {known.get('size')}")
    if name.startswith(HTTP):  # fsspec takes what is there for unchangeable
        return hashlib.sha256(system.cat_file(name)).hexdigest()
    return str(system.ukey(name))


def _digest_and_rows(file: Path) -> tuple[str, int | None]:
    digest, lines = hashlib.sha256(), 0
    is_table = file.suffix == ".csv"
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            lines += chunk.count(b"\n") if is_table else 0
    return digest.hexdigest(), max(lines - 1, 0) if is_table else None
