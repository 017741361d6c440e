"""What stored datasets hold, without reading again what has not changed since."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from crossfold.refresh.fingerprint import Content, digest_of

# A file written just before it was read may change once more without a new time of change.
SETTLED_SECONDS = 2.0
CHUNK_BYTES = 1 << 20


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


def _digest_and_rows(file: Path) -> tuple[str, int | None]:
    digest, lines = hashlib.sha256(), 0
    is_table = file.suffix == ".csv"
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            lines += chunk.count(b"\n") if is_table else 0
    return digest.hexdigest(), max(lines - 1, 0) if is_table else None
