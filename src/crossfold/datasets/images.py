"""Images and their labels: IDX files, as MNIST is published, and CSV files, as Kaggle gives it."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import re
import struct
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from kedro.io import AbstractDataset
from numpy.typing import NDArray

from crossfold.datasets.bases import DataError, FileDataset, ReadOnlyDataset
from crossfold.datasets.download import DAMAGED, open_content
from crossfold.exceptions import CrossfoldError

if TYPE_CHECKING:
    import pyarrow as pa
    from kedro_datasets._typing import JSONPreview

Array = NDArray[Any]

CLASSES = 10
SIDE_PIXELS = 28
PIXELS = SIDE_PIXELS**2
LABEL = "label"
DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""Element types by the third byte of the file; numbers are stored with the high byte first."""

MOST_DIMENSIONS = 64  # of a NumPy array
BLOCK_BYTES = 1 << 20
_CODES = {np.dtype(name).newbyteorder("="): code for code, name in DTYPES.items()}
A_ROW = (
    f"a row is a label from 0 to 9 and {PIXELS} pixels from 0 to 255, all of them whole numbers."
)
BAD_VALUE = re.compile(r"column #(?P<column>\d+): Row #(?P<row>\d+): .*value '(?P<value>.*)'$")
BAD_ROW = re.compile(r"Row #(?P<row>\d+): Expected (?P<expected>\d+) columns, got (?P<found>\d+)")


class ImageError(CrossfoldError):
    """Images and labels do not fit each other."""


@dataclass(frozen=True)
class LabelledImages:
    """Images with the class of each.

    Images are uint8 of shape ``(n, height, width)``: 0 is background, 255 full ink; labels uint8 of
    shape ``(n,)``, in [0, 10). Raises an `ImageError`: images and labels differ in number or type,
    or there are none.
    """

    images: NDArray[Any]
    labels: NDArray[Any]

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype != np.uint8 or images.ndim != 3:
            raise ImageError(
                "Images must be bytes of shape (images, height, width), but are "
                f"{images.dtype} of shape {images.shape}."
            )
        if labels.dtype != np.uint8 or labels.shape != (len(images),):
            raise ImageError(
                f"There are {len(images)} images, but the labels are {labels.dtype} of shape "
                f"{labels.shape}; check that both files belong together."
            )
        if not len(images):
            raise ImageError("There is not one image in the file.")
        if labels.max() >= CLASSES:
            raise ImageError(f"A label is {labels.max()}; labels are whole numbers from 0 to 9.")


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
        parts = {"images": images, "labels": labels}
        self._parts: list[Any] = [
            AbstractDataset.from_config(name, part) for name, part in parts.items()
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
        files: list[Path] = []
        for part in self._parts:
            if hasattr(part, "stored_files"):
                files += part.stored_files()
            elif part.exists():
                files.append(Path(part._get_load_path()))
        return files

    def _describe(self) -> dict[str, Any]:
        if self._csv is not None:
            return {"csv": str(self._csv)}
        return {"images": str(self._parts[0]), "labels": str(self._parts[1])}

    def _exists(self) -> bool:
        if self._csv is not None:
            return self._csv.is_file()
        return all(part.exists() for part in self._parts)


def read_images_csv(path: Path) -> LabelledImages:
    """Read a CSV file, plain, gzip or zip, with a column of labels and 784 columns of pixels.

    Its first line names the columns: ``label`` and, in the order of the pixels from left to right
    and from top to bottom, 784 others of any names.

    Raises a `DataError`: the file is missing, a folder, empty or damaged, has other columns, or
    holds anything but labels from 0 to 9 and pixels from 0 to 255.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder: name one CSV file of images.")
    try:
        header = _read_names(path)
        return _to_images(_read_table(path, header), header.index(LABEL))
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}: check its path.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a CSV table in UTF-8: export it again.") from error
    except DAMAGED as error:
        raise DataError(f"{path} is a damaged archive ({error}): export it again.") from error
    except ImageError as error:
        raise DataError(f"{path}: {error}") from error


def _read_names(path: Path) -> list[str]:
    """Read the names of the columns, and refuse others than a label and the pixels of an image."""
    with (
        open_content(path, path.name) as file,
        io.TextIOWrapper(file, "utf-8-sig", newline="") as text,
    ):
        header = next(csv.reader(text), [])
    n_labels = header.count(LABEL)
    if n_labels != 1 or len(header) != PIXELS + 1:
        raise DataError(
            f"The first line of {path} names {len(header)} columns, {n_labels} of them {LABEL}: "
            f"it must name one column {LABEL} and {PIXELS} columns of pixels."
        )
    return header


def _read_table(path: Path, header: list[str]) -> pa.Table:
    """Read all columns as bytes; with one thread, which tells the line of a wrong value."""
    import pyarrow as pa
    from pyarrow.csv import ConvertOptions, ReadOptions, read_csv

    convert = ConvertOptions(column_types=dict.fromkeys(header, pa.uint8()), null_values=[])
    try:
        with open_content(path, path.name) as file:
            table = read_csv(file, ReadOptions(use_threads=False), convert_options=convert)
    except pa.ArrowInvalid as error:
        raise DataError(f"{path} holds {_explain(str(error), header)}; {A_ROW}") from error
    labels = table.column(LABEL).to_numpy()
    if (wrong := np.flatnonzero(labels >= CLASSES)).size:
        place = f"line {wrong[0] + 2}, column {LABEL}"
        raise DataError(f"{path} holds '{labels[wrong[0]]}' in {place}; {A_ROW}")
    return table


def _explain(message: str, header: list[str]) -> str:
    if found := BAD_VALUE.search(message):
        return f"'{found['value']}' in line {found['row']}, column {header[int(found['column'])]}"
    if found := BAD_ROW.search(message):
        return f"{found['found']} values in line {found['row']} in place of {found['expected']}"
    return f"what is no such table ({message.splitlines()[0]})"


def _to_images(table: pa.Table, place_of_label: int) -> LabelledImages:
    """Take the columns apart; the images are filled in place."""
    pixels = np.empty((table.num_rows, PIXELS), np.uint8)
    labels = table.column(place_of_label).to_numpy()
    for place, column in enumerate(table.remove_column(place_of_label).columns):
        pixels[:, place] = column.to_numpy()
    return LabelledImages(pixels.reshape(-1, SIDE_PIXELS, SIDE_PIXELS), labels)


class IdxDataset(FileDataset[Array, Array]):
    """An array in an IDX file, plain or gzip.

    The file begins with two zero bytes, the element type, the number of dimensions, and the length
    of each dimension in four bytes, high byte first; the elements follow
    (http://yann.lecun.com/exdb/mnist/). It is read as gzip if its content says so, and written as
    gzip if its name ends in ``.gz``. `load` gives the array in the machine's own byte order. A file
    whose magic number, dimensions or length are wrong is refused with a sentence.

    Takes the arguments of `FileDataset`.
    """

    def load(self) -> Array:
        """Read the array."""
        return read_idx(Path(self._get_load_path()))

    def save(self, data: Array) -> None:
        """Write the array; it becomes visible when it is whole."""
        path = self._get_save_path()
        header = _header(data, str(path))
        with self._fs.open(str(path), "wb") as file, ExitStack() as stack:
            writer = file
            if path.suffix == ".gz":
                packed = gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6, mtime=0)
                writer = stack.enter_context(packed)
            writer.write(header)
            writer.write(np.ascontiguousarray(data, dtype=data.dtype.newbyteorder(">")).data)

    def preview(self) -> JSONPreview:
        """Show shape and element type."""
        array = self.load()
        return json.dumps({"shape": array.shape, "dtype": str(array.dtype)})


def read_idx(path: Path) -> Array:
    """Read an IDX file, plain or gzip.

    Raises a `DataError`: the file is not there, is no IDX file, or is longer or shorter than it
    says.
    """
    try:
        with open_content(path, path.name) as file:
            shape, dtype = _read_header(file, path)
            expected = math.prod(shape) * dtype.itemsize
            content = bytearray()  # grows with what is there, not with what the header says
            while block := file.read(min(BLOCK_BYTES, expected + 1 - len(content))):
                content += block
    except FileNotFoundError as error:
        raise DataError(f"{path} is not there; check the path.") from error
    except DAMAGED as error:
        raise DataError(f"{path} is a damaged archive ({error}); fetch it again.") from error
    if len(content) != expected:
        fault = "cut short" if len(content) < expected else "too long"
        found = f"{len(content):,}" if len(content) < expected else "more"
        raise DataError(
            f"{path} is {fault}: {found} bytes follow its header, but its dimensions {shape} need "
            f"{expected:,}; fetch it again."
        )
    array = np.frombuffer(content, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_header(file: BinaryIO, path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in DTYPES or magic[3] == 0:
        raise DataError(
            f"{path} is not an IDX file: it begins with the bytes {magic.hex(' ') or 'of nothing'}"
            ", where 00 00, an element type and a number of dimensions belong."
        )
    lengths = file.read(4 * magic[3])
    if len(lengths) < 4 * magic[3]:
        raise DataError(f"{path} is cut short in its header; fetch it again.")
    if magic[3] > MOST_DIMENSIONS:
        raise DataError(
            f"{path} says that it has {magic[3]} dimensions, and an array has at most"
            f" {MOST_DIMENSIONS}; fetch it again."
        )
    return struct.unpack(f">{magic[3]}I", lengths), np.dtype(DTYPES[magic[2]])


def _header(array: Array, path: str) -> bytes:
    code = _CODES.get(array.dtype.newbyteorder("="))
    if code is None or array.ndim == 0:
        raise DataError(
            f"{path} cannot hold an array of {array.dtype} with {array.ndim} dimensions: an IDX "
            f"file takes {', '.join(str(dtype) for dtype in _CODES)} and at least one dimension."
        )
    return bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
