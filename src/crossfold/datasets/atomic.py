"""A local file system on which a file appears complete or not at all."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any

from fsspec.implementations.local import LocalFileSystem

TEMPORARY_SUFFIX = ".crossfold-tmp"


class AtomicLocalFileSystem(LocalFileSystem):  # type: ignore[misc]
    """fsspec's local file system, with writes that are atomic.

    A file opened for writing is written beside its target, flushed to the disk and renamed when
    it is closed. Where the ``with`` block ends in an error, or nobody closes the file, what was
    written is discarded and the target stays as it was. Reading and appending are unchanged.
    """

    def open(
        self,
        path: str | os.PathLike[str],
        mode: str = "rb",
        block_size: int | None = None,
        cache_options: dict[str, Any] | None = None,
        compression: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Open a file as `fsspec.AbstractFileSystem.open` does."""
        if compression is not None or not _writes(mode):
            return super().open(path, mode, block_size, cache_options, compression, **kwargs)
        target = Path(self._strip_protocol(path))
        file = AtomicWriter(target, exclusive="x" in mode, make_folder=self.auto_mkdir)
        return file if "b" in mode else AtomicTextWriter(file, **kwargs)

    def cp_file(self, path1: str, path2: str, **kwargs: Any) -> None:
        """Copy a file; the copy appears complete or not at all."""
        source = Path(self._strip_protocol(path1))
        if not source.is_file():
            super().cp_file(path1, path2, **kwargs)
            return
        with source.open("rb") as reader, self.open(path2, "wb") as writer:
            shutil.copyfileobj(reader, writer)


def _writes(mode: str) -> bool:
    return "w" in mode or "x" in mode


class AtomicWriter(io.BufferedIOBase):
    """A binary file that replaces its target when it is closed without an error.

    Parameters
    ----------
    target
        The file to write.
    exclusive
        Refuse a target that exists.
    make_folder
        Create missing folders; they go again when the file is discarded.
    """

    def __init__(self, target: Path, *, exclusive: bool = False, make_folder: bool = True) -> None:
        if exclusive and target.exists():
            raise FileExistsError(f"{target} exists already")
        self.name = str(target)
        self._target = target
        self._made_folders = [folder for folder in target.parents if not folder.exists()]
        if make_folder:
            target.parent.mkdir(parents=True, exist_ok=True)
        name = f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}{TEMPORARY_SUFFIX}"
        self._temporary = target.with_name(name)
        self._file = self._temporary.open("xb")
        self._failed = False

    def writable(self) -> bool:
        """Say that the file can be written."""
        return True

    def seekable(self) -> bool:
        """Say that the file can be moved in."""
        return True

    def write(self, data: Any, /) -> int:
        """Write bytes to the temporary file."""
        return self._file.write(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move in the temporary file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Give the place in the temporary file."""
        return self._file.tell()

    def flush(self) -> None:
        """Hand what is written so far to the operating system."""
        if not self._file.closed:
            self._file.flush()

    def discard(self) -> None:
        """Leave the target as it is when the file is closed."""
        self._failed = True

    def close(self) -> None:
        """Put the file in place, or remove it if it was discarded."""
        if self.closed:
            return
        try:
            self._finish()
        finally:
            super().close()

    def _finish(self) -> None:
        try:
            if not self._failed:
                self._commit()
        except BaseException:
            self._failed = True
            raise
        finally:
            if self._failed:
                self._remove()

    def _commit(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.replace(self._target)
        _sync_folder(self._target.parent)

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        self._temporary.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            for folder in self._made_folders:
                folder.rmdir()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.discard()
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_failed") and not self.closed:
            self.discard()
            self.close()


class AtomicTextWriter(io.TextIOWrapper):
    """Text on an `AtomicWriter`: an error inside the ``with`` block discards the file."""

    def __init__(self, file: AtomicWriter, **kwargs: Any) -> None:
        self._atomic = file
        super().__init__(file, **{"encoding": "utf-8", **kwargs})

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._atomic.discard()
        self.close()

    def __del__(self) -> None:
        if not self.closed:
            self._atomic.discard()
            self.close()


def _sync_folder(folder: Path) -> None:
    """Write a rename to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
