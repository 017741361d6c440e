"""A local file system on which a file appears complete or not at all."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from crossfold.datasets.exceptions import DataError
from crossfold.datasets.temporary import create_file, missing_folders, remove_empty, sync


class AtomicLocalFileSystem(LocalFileSystem):  # type: ignore[misc]
    """fsspec's local file system, with writes that are atomic.

    A file opened for writing is written beside its target, flushed to the disk and renamed when
    it is closed. Where the ``with`` block ends in an error, a write fails, or nobody closes the
    file, what was written is discarded and the target stays as it was. Reading and appending are
    unchanged.
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
        if not _writes(mode):
            return super().open(path, mode, block_size, cache_options, compression, **kwargs)
        target = Path(self._strip_protocol(path))
        if compression is not None:
            raise DataError(
                f"{target} cannot be compressed by the file system: give its dataset save_args"
                " with a compression instead of fs_args."
            )
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
        self._new_folders = missing_folders(target)
        self._temporary, self._file = create_file(target, make_folder=make_folder)
        self._failed = False

    def writable(self) -> bool:
        """Say that the file can be written."""
        return True

    def seekable(self) -> bool:
        """Say that the file can be moved in."""
        return True

    def write(self, data: Any, /) -> int:
        """Write bytes to the temporary file; a failed write discards it."""
        with self._discarded_on_error():
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
            with self._discarded_on_error():
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
                with self._discarded_on_error():
                    self._commit()
        finally:
            if self._failed:
                self._remove()

    def _commit(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()  # Windows moves no open file
        self._temporary.replace(self._target)
        sync(self._target.parent)

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        self._temporary.unlink(missing_ok=True)
        remove_empty(self._new_folders)

    @contextlib.contextmanager
    def _discarded_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.discard()
            raise

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
