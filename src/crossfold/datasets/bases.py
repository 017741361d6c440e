"""What the project's own datasets have in common, and what can go wrong with stored data."""

from pathlib import Path, PurePosixPath
from typing import Any, NoReturn, TypeVar

from kedro.io import AbstractDataset, AbstractVersionedDataset, DatasetError, Version

from crossfold.datasets.atomic import AtomicLocalFileSystem
from crossfold.exceptions import CrossfoldError

Saved = TypeVar("Saved")
Loaded = TypeVar("Loaded")


class DataError(CrossfoldError, DatasetError):
    """Stored data cannot be read or written."""


class SourceError(DataError):
    """A source file cannot be fetched, or is not the file it should be."""


class ReadOnlyDataset(AbstractDataset[NoReturn, Loaded]):
    """A dataset that is read and never written: a source, or what code makes."""

    def save(self, data: NoReturn) -> None:
        """Refuse."""
        described = ", ".join(f"{name} {value}" for name, value in self._describe().items())
        raise DataError(f"{type(self).__name__} ({described}) is read and never written.")


class FileDataset(AbstractVersionedDataset[Saved, Loaded]):
    """A file that appears complete or not at all.

    Parameters
    ----------
    filepath
        Where the file goes.
    version
        Given by Kedro where the catalog entry has ``versioned: true``.
    metadata
        Ignored here; read by Kedro-Viz.
    """

    def __init__(
        self,
        *,
        filepath: str,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._fs = AtomicLocalFileSystem(auto_mkdir=True)
        self.metadata = metadata
        super().__init__(
            filepath=PurePosixPath(filepath),
            version=version,
            exists_function=self._fs.exists,
            glob_function=self._fs.glob,
        )

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "version": self._version}

    def _exists(self) -> bool:
        exists: bool = self._fs.exists(str(self._get_load_path()))
        return exists


def saved_path(dataset: Any) -> Path:
    """Give the absolute path of the version that a run has saved."""
    return Path(dataset._get_versioned_path(dataset.resolve_save_version())).absolute()
