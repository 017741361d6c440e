"""IDX files: the form in which MNIST and its likes are published."""

from __future__ import annotations

import gzip
import json
import math
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from crossfold.datasets.bases import FileDataset
from crossfold.datasets.containers import DAMAGED, open_content
from crossfold.datasets.exceptions import DataError

if TYPE_CHECKING:
    from kedro_datasets._typing import JSONPreview

Array = NDArray[Any]

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""Element types by the third byte of the file; numbers are stored with the high byte first."""

MOST_DIMENSIONS = 64  # of a NumPy array
BLOCK_BYTES = 1 << 20
_CODES = {np.dtype(name).newbyteorder("="): code for code, name in DTYPES.items()}


class IdxDataset(FileDataset[Array, Array]):
    """An array in an IDX file, plain or gzip.

    The file begins with two zero bytes, the element type, the number of dimensions, and the length
    of each dimension in four bytes, high byte first; the elements follow
    (http://yann.lecun.com/exdb/mnist/).

    Parameters
    ----------
    filepath
        Read as gzip if its content says so; written as gzip if it ends in ``.gz``.
    version
        Given by Kedro where the catalog entry has ``versioned: true``.
    metadata
        Ignored here; read by Kedro-Viz.

    Notes
    -----
    `load` gives the array in the machine's own byte order. A file whose magic
    number, dimensions or length are wrong is refused with a sentence.
    """

    def load(self) -> Array:
        """Read the array."""
        return read_idx(Path(self._get_load_path()))

    def save(self, data: Array) -> None:
        """Write the array; it becomes visible when it is whole."""
        path = self._get_save_path()
        header = _header(data, str(path))
        with self._fs.open(str(path), "wb") as file:
            if path.suffix == ".gz":
                with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6, mtime=0) as packed:
                    _write(packed, header, data)
            else:
                _write(file, header, data)

    def preview(self) -> JSONPreview:
        """Show shape and element type."""
        array = self.load()
        return json.dumps({"shape": array.shape, "dtype": str(array.dtype)})


def read_idx(path: Path) -> Array:
    """Read an IDX file, plain or gzip.

    Raises
    ------
    DataError
        The file is not there, is no IDX file, or is longer or shorter than it says.
    """
    try:
        with open_content(path, path.name) as file:
            shape, dtype = _read_header(file, path)
            expected = math.prod(shape) * dtype.itemsize
            content = _read_up_to(file, expected + 1)
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


def _read_up_to(file: BinaryIO, most: int) -> bytearray:
    """Read so many bytes at the most; memory grows with what is there, not with what is asked."""
    content = bytearray()
    while block := file.read(min(BLOCK_BYTES, most - len(content))):
        content += block
    return content


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


def _write(file: Any, header: bytes, array: Array) -> None:
    file.write(header)
    file.write(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder(">")).data)
