"""Images and their labels from two files, from one CSV file, or from scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np
import pandas as pd
from kedro.io import AbstractDataset

from crossfold.datasets.exceptions import DataError, ExportError
from crossfold.exceptions import CrossfoldError
from crossfold.images import SIDE_PIXELS, LabelledImages

LABEL = "label"
PIXELS = SIDE_PIXELS**2


class LabelledImagesDataset(AbstractDataset[NoReturn, LabelledImages]):
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
        self._images = AbstractDataset.from_config("images", images)
        self._labels = AbstractDataset.from_config("labels", labels)
        self._csv = None if csv is None else Path(csv)
        self.metadata = metadata

    def load(self) -> LabelledImages:
        """Read images and labels; both stay bytes."""
        if self._csv is not None:
            return read_csv(self._csv)
        images, labels = self._images.load(), self._labels.load()
        try:
            return LabelledImages(images, labels)
        except CrossfoldError as error:
            raise DataError(f"{self._labels}: {error}") from error

    def save(self, data: NoReturn) -> None:
        """Refuse: sources are only read."""
        raise DataError("The images are a source: they are read and never written.")

    def _describe(self) -> dict[str, Any]:
        return {"csv": str(self._csv)} if self._csv else {"images": str(self._images)}

    def _exists(self) -> bool:
        if self._csv is not None:
            return self._csv.exists()
        return self._images.exists() and self._labels.exists()


class SampleImagesDataset(AbstractDataset[NoReturn, LabelledImages]):
    """scikit-learn's 1,797 handwritten digits of 8×8 pixels, enlarged to 28×28.

    They are in the place of published images where there is no network. Every fourth is a test
    image.

    Parameters
    ----------
    part
        ``train`` or ``test``.
    metadata
        Ignored here; read by Kedro-Viz.
    """

    def __init__(
        self, *, part: Literal["train", "test"], metadata: dict[str, Any] | None = None
    ) -> None:
        self._part = part
        self.metadata = metadata

    def load(self) -> LabelledImages:
        """Enlarge each pixel to 3×3 and put a margin of two pixels around."""
        from sklearn.datasets import load_digits

        digits = load_digits()
        is_test = np.arange(len(digits.target)) % 4 == 3
        chosen = is_test if self._part == "test" else ~is_test
        small = np.minimum(digits.images[chosen] * 16, 255).astype(np.uint8)
        enlarged = small.repeat(3, axis=1).repeat(3, axis=2)
        images = np.pad(enlarged, ((0, 0), (2, 2), (2, 2)))
        return LabelledImages(images, digits.target[chosen].astype(np.uint8))

    def save(self, data: NoReturn) -> None:
        """Refuse: the sample is made, not stored."""
        raise DataError("The sample images are made by code: they are read and never written.")

    def _describe(self) -> dict[str, Any]:
        return {"part": self._part}

    def _exists(self) -> bool:
        return True


def read_csv(path: Path) -> LabelledImages:
    """Read a CSV file with a column of labels and 784 columns of pixels.

    Raises
    ------
    ExportError
        The file is missing or empty, lacks a column, or holds something else than whole numbers
        from 0 to 255.
    """
    table = _read_numbers(path)
    others = [column for column in table.columns if column != LABEL]
    if len(others) == len(table.columns) or len(others) != PIXELS:
        raise ExportError(
            f"{path} has {len(others)} columns beside {LABEL!r}"
            f"{'' if LABEL in table.columns else ', which it lacks'}: one column {LABEL!r} and "
            f"{PIXELS} columns of pixels are needed."
        )
    values = table.to_numpy()
    if values.min() < 0 or values.max() > 255:
        raise ExportError(f"{path} holds pixels outside 0 to 255; pixels are whole numbers there.")
    try:
        return LabelledImages(
            table[others].to_numpy(np.uint8).reshape(-1, SIDE_PIXELS, SIDE_PIXELS),
            table[LABEL].to_numpy(np.uint8),
        )
    except CrossfoldError as error:
        raise ExportError(f"{path}: {error}") from error


def _read_numbers(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=np.int16, engine="c")
    except FileNotFoundError as error:
        raise ExportError(f"{path} is not there; check the path.") from error
    except pd.errors.EmptyDataError as error:
        raise ExportError(f"{path} is empty: labels and pixels are needed.") from error
    except (ValueError, OverflowError) as error:
        raise ExportError(
            f"{path} holds something that is no whole number ({error}); labels are numbers from 0 "
            "to 9, pixels from 0 to 255."
        ) from error
    if table.empty:
        raise ExportError(f"{path} has a header and no rows: images are needed.")
    return table
