"""Images and their labels, from two files or from one CSV file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from crossfold.datasets.bases import ReadOnlyDataset
from crossfold.datasets.exceptions import DataError
from crossfold.datasets.images_csv import read_images_csv
from crossfold.images import ImageError, LabelledImages


class LabelledImagesDataset(ReadOnlyDataset[LabelledImages]):
    """Images and labels from two datasets, or from the user's own CSV file.

    Parameters
    ----------
    images, labels
        Catalog entries of the two datasets, `SourceDataset` around `IdxDataset` for one.
    csv
        Path of a CSV file that is read in place of both: a column ``label`` and 784 columns of
        pixels from 0 to 255, row by row of the image, as in Kaggle's copies of MNIST.
    metadata
        Ignored here; read by Kedro-Viz.
    """

    def __init__(
        self,
        *,
        images: dict[str, Any],
        labels: dict[str, Any],
        csv: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._parts = [
            AbstractDataset.from_config("images", images),
            AbstractDataset.from_config("labels", labels),
        ]
        self._csv = None if csv is None else Path(csv)
        self.metadata = metadata

    def load(self) -> LabelledImages:
        """Read images and labels; both stay bytes."""
        if self._csv is not None:
            return read_images_csv(self._csv)
        images, labels = (part.load() for part in self._parts)
        try:
            return LabelledImages(images, labels)
        except ImageError as error:
            files = " and ".join(map(str, self.stored_files()))
            raise DataError(f"{files} do not belong together: {error}") from error

    @property
    def pinned_sha256(self) -> str | None:
        """SHA-256 of both files, a plus sign between; None where a file is the user's own."""
        pins = [getattr(part, "pinned_sha256", None) for part in self._parts]
        return None if self._csv is not None or None in pins else "+".join(map(str, pins))

    def stored_files(self) -> list[Path]:
        """List the files that `load` reads, as far as they are there."""
        if self._csv is not None:
            return [self._csv] if self._csv.is_file() else []
        return [file for part in self._parts for file in _files_of(part)]

    def _describe(self) -> dict[str, Any]:
        if self._csv is not None:
            return {"csv": str(self._csv)}
        return {"images": str(self._parts[0]), "labels": str(self._parts[1])}

    def _exists(self) -> bool:
        if self._csv is not None:
            return self._csv.is_file()
        return all(part.exists() for part in self._parts)


def _files_of(part: Any) -> list[Path]:
    if hasattr(part, "stored_files"):
        files: list[Path] = part.stored_files()
        return files
    return [Path(part._get_load_path())] if part.exists() else []
