"""A local file system on which a file appears complete or not at all.

Temporary files and folders name their process, so that those of dead ones show.
"""

import contextlib
import glob
import io
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from crossfold.exceptions import CrossfoldError
from kedro_refresh.lock import is_alive, own_process

TEMPORARY_SUFFIX = ".crossfold-tmp"
HAS_OPEN_FOLDERS = hasattr(os, "O_DIRECTORY")  # Windows writes names to the disk by itself


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
        if "w" not in mode and "x" not in mode:
            return super().open(path, mode, block_size, cache_options, compression, **kwargs)
        target = Path(self._strip_protocol(path))
        if compression is not None:
            raise CrossfoldError(
                f"{target} cannot be compressed by the file system: give its dataset save_args"
                " with a compression instead of fs_args."
            )
        file = AtomicWriter(target, exclusive="x" in mode, make_folder=self.auto_mkdir)
        return file if "b" in mode else AtomicTextWriter(file, **{"encoding": "utf-8", **kwargs})

    def cp_file(self, path1: str, path2: str, **kwargs: Any) -> None:
        """Copy a file; the copy appears complete or not at all."""
        source = Path(self._strip_protocol(path1))
        if not source.is_file():
            super().cp_file(path1, path2, **kwargs)
            return
        with source.open("rb") as reader, self.open(path2, "wb") as writer:
            shutil.copyfileobj(reader, writer)


class _Discarding(io.IOBase):
    """A file that is discarded where its ``with`` block ends in an error, or nobody closes it."""

    def discard(self) -> None:
        """Leave the target as it is when the file is closed."""
        raise NotImplementedError

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
        with contextlib.suppress(ValueError):  # it was never opened, or is detached
            if not self.closed:
                self.discard()
                self.close()


class AtomicWriter(_Discarding, io.BufferedWriter):
    """A binary file that replaces its target when it is closed without an error.

    If it is `exclusive`, a target that exists is refused. `make_folder` creates missing folders;
    they go again when the file is discarded.
    """

    def __init__(self, target: Path, *, exclusive: bool = False, make_folder: bool = True) -> None:
        if exclusive and target.exists():
            raise FileExistsError(f"{target} exists already")
        self._target = target
        self._failed = False
        self._new_folders = _missing_folders(target)
        self._temporary, raw = create_file(target, make_folder=make_folder)
        super().__init__(raw)

    @property
    def name(self) -> str:
        """The path of the target."""
        return str(self._target)

    def write(self, data: Any, /) -> int:
        """Write bytes to the temporary file; a failed write discards it."""
        with self._discarded_on_error():
            return super().write(data)

    def discard(self) -> None:
        """Leave the target as it is when the file is closed."""
        self._failed = True

    def close(self) -> None:
        """Put the file in place, or remove it if it was discarded."""
        if self.closed:
            return
        try:
            if not self._failed:
                with self._discarded_on_error():
                    self._commit()
        finally:
            if self._failed:
                self._remove()

    def _commit(self) -> None:
        self.flush()
        os.fsync(self.fileno())
        super().close()  # Windows moves no open file
        self._temporary.replace(self._target)
        sync(self._target.parent)

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            super().close()
        self._temporary.unlink(missing_ok=True)
        _remove_empty(self._new_folders)

    @contextlib.contextmanager
    def _discarded_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.discard()
            raise


class AtomicTextWriter(_Discarding, io.TextIOWrapper):
    """Text on an `AtomicWriter`: an error inside the ``with`` block discards the file."""

    buffer: AtomicWriter

    def discard(self) -> None:
        """Leave the target as it is when the file is closed."""
        self.buffer.discard()


def create_file(target: Path, *, make_folder: bool = True) -> tuple[Path, io.FileIO]:
    """Open a new temporary file beside the target that it shall become."""
    while True:
        if make_folder:
            target.parent.mkdir(parents=True, exist_ok=True)
        path = _beside(target)
        try:
            return path, path.open("xb", buffering=0)
        except FileNotFoundError:
            if not make_folder:
                raise  # otherwise another run has swept the new folder, which was still empty


@contextlib.contextmanager
def temporary_file(target: Path) -> Iterator[Path]:
    """Give the path of an empty temporary file beside a target; it is gone afterwards."""
    path, file = create_file(target)
    file.close()  # Windows moves no open file
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def write_privately(file: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    with temporary_file(file) as temporary:
        temporary.chmod(0o600)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)


@contextlib.contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder to fill; it becomes the target when the ``with`` block ends well.

    The target is a folder that does not exist, or is empty. Raises an `OSError` if it holds
    something by then; nothing is left of the new folder.
    """
    new_folders = _missing_folders(target)
    outer = _beside(target)
    # One level deeper than a version, so that Kedro's search for versions never sees it.
    inner = outer / target.name
    try:
        inner.mkdir(parents=True)
        yield inner
        for path in [*inner.rglob("*"), inner]:
            sync(path)
        _remove_empty([target])  # Windows puts no folder in the place of another
        inner.rename(target)
        sync(target.parent)
    except BaseException:
        shutil.rmtree(outer, ignore_errors=True)
        _remove_empty(new_folders)
        raise
    finally:
        shutil.rmtree(outer, ignore_errors=True)


def sweep(target: Path) -> None:
    """Remove what dead processes left while they wrote a file, a folder or its versions.

    Files of living processes stay. Empty folders of versions go as well.
    """
    _remove_abandoned(target.parent.glob(f".{glob.escape(target.name)}.*{TEMPORARY_SUFFIX}"))
    sweep_folder(target)
    _remove_empty(folder for folder in target.glob("*") if folder.is_dir())


def sweep_folder(folder: Path) -> None:
    """Remove what dead processes left anywhere in a folder."""
    _remove_abandoned(folder.rglob(f".*{TEMPORARY_SUFFIX}"))


def sync(path: Path) -> None:
    """Write a file, or the names in a folder, to the disk."""
    is_folder = path.is_dir()
    if is_folder and not HAS_OPEN_FOLDERS:
        return
    descriptor = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _missing_folders(target: Path) -> list[Path]:
    """List the folders above a target that do not exist, the innermost first."""
    return [folder for folder in target.parents if not folder.exists()]


def _remove_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _beside(target: Path) -> Path:
    token = secrets.token_hex(6)
    return target.with_name(f".{target.name}.{own_process()}.{token}{TEMPORARY_SUFFIX}")


def _remove_abandoned(strays: Iterable[Path]) -> None:
    for stray in list(strays):
        process = stray.name.removesuffix(TEMPORARY_SUFFIX).split(".")[-2]
        if "@" in process and is_alive(process):
            continue
        if stray.is_dir():
            shutil.rmtree(stray, ignore_errors=True)
        else:
            stray.unlink(missing_ok=True)
