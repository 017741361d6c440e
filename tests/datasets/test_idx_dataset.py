"""IDX files: round trips, versions, whole files or none, and every damage refused."""

import gzip
import json
import re
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from kedro.io import DatasetError, Version

from crossfold.datasets import IdxDataset
from crossfold.datasets.bases import DataError
from crossfold.datasets.images import DTYPES, read_idx

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
# Two zero bytes, uint8, three dimensions of 2, 3 and 4, and the elements, written out by hand.
FILE = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, *range(24)])


def write(folder: Path, content: bytes, name: str = "images-idx3-ubyte") -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


def test_a_file_written_by_hand_is_read(tmp_path: Path) -> None:
    loaded = IdxDataset(filepath=str(write(tmp_path, FILE))).load()
    np.testing.assert_array_equal(loaded, IMAGES)
    assert loaded.dtype == np.uint8


def test_a_file_is_written_byte_by_byte_as_the_format_says(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "images-idx3-ubyte"
    IdxDataset(filepath=str(file)).save(IMAGES)
    assert file.read_bytes() == FILE


def test_numbers_are_stored_high_byte_first(tmp_path: Path) -> None:
    saved = IdxDataset(filepath=str(tmp_path / "a"))
    saved.save(np.array([1, -2], dtype=np.int32))
    assert (tmp_path / "a").read_bytes() == struct.pack(">BBBBIii", 0, 0, 0x0C, 1, 2, 1, -2)
    assert saved.load().dtype == np.dtype("int32")


@settings(max_examples=50, deadline=None)
@given(data=st.data(), code=st.sampled_from(sorted(DTYPES)), name=st.sampled_from(["a", "a.gz"]))
def test_every_array_comes_back(
    data: st.DataObject, code: int, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shape = data.draw(arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4))
    dtype = np.dtype(DTYPES[code]).newbyteorder("=")
    array = data.draw(arrays.arrays(dtype, shape))
    saved = IdxDataset(filepath=str(tmp_path_factory.mktemp("idx") / name))
    saved.save(array.T)
    np.testing.assert_array_equal(saved.load(), array.T)
    assert saved.load().dtype == dtype


def test_gzip_is_written_by_the_name_and_read_by_the_content(tmp_path: Path) -> None:
    packed = tmp_path / "images.gz"
    IdxDataset(filepath=str(packed)).save(IMAGES)
    assert gzip.decompress(packed.read_bytes()) == FILE
    for file in (
        packed,
        write(tmp_path, FILE, "plain.gz"),
        write(tmp_path, gzip.compress(FILE), "plain"),
    ):
        np.testing.assert_array_equal(IdxDataset(filepath=str(file)).load(), IMAGES)


def test_equal_arrays_give_equal_gzip_files(tmp_path: Path) -> None:
    files = [tmp_path / name / "images.gz" for name in ("a", "b")]
    for file in files:
        IdxDataset(filepath=str(file)).save(IMAGES)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].read_bytes()[4:8] == bytes(4), "the time of writing is in the file"


def versioned(folder: Path, save: str) -> IdxDataset:
    return IdxDataset(filepath=str(folder / "images"), version=Version(None, save))


def test_the_latest_version_is_read(tmp_path: Path) -> None:
    assert not versioned(tmp_path, "1").exists()
    for save, array in (("1", IMAGES), ("2", IMAGES + 1)):
        versioned(tmp_path, save).save(array)
    assert (tmp_path / "images" / "1" / "images").read_bytes() == FILE
    later = versioned(tmp_path, "3")
    assert later.exists()
    np.testing.assert_array_equal(later.load(), IMAGES + 1)
    assert json.loads(later.preview()) == {"shape": [2, 3, 4], "dtype": "uint8"}


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_a_failed_save_leaves_what_was_there(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = IdxDataset(filepath=str(tmp_path / name))
    saved.save(IMAGES)
    before = (tmp_path / name).read_bytes()
    monkeypatch.setattr("crossfold.datasets.images.np.ascontiguousarray", lambda *_: 1 / 0)
    with pytest.raises((DatasetError, TypeError, ZeroDivisionError)):
        saved.save(IMAGES + 1)
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not an IDX file: it begins with the bytes of nothing"),
        (FILE[:3], "is not an IDX file: it begins with the bytes 00 00 08,"),
        (b"label,pixel0\n", "is not an IDX file: it begins with the bytes 6c 61 62 65"),
        (b"\0\1" + FILE[2:], "is not an IDX file: it begins with the bytes 00 01 08 03"),
        (b"\0\0\x0a" + FILE[3:], "is not an IDX file: it begins with the bytes 00 00 0a 03"),
        (b"\0\0\x08\0" + FILE[4:], "is not an IDX file: it begins with the bytes 00 00 08 00"),
        (FILE[:15], "is cut short in its header"),
        (FILE[:16], r"is cut short: 0 bytes follow its header, .* \(2, 3, 4\) need 24"),
        (FILE[:-1], "is cut short: 23 bytes follow"),
        (FILE + b"\0", "is too long: more bytes follow"),
        (b"\0\0\x0c" + FILE[3:], "is cut short: 24 bytes follow .* need 96"),
        (b"\0\0\x08\x02" + FILE[4:], "is too long: more bytes follow .* need 6"),
        (struct.pack(">4B4I", 0, 0, 8, 4, *[2**32 - 1] * 4), "is cut short: 0 bytes"),
        (
            bytes([0, 0, 8, 65]) + struct.pack(">65I", *[1] * 65) + b"\0",
            "says that it has 65 dimensions, and an array",
        ),
        (gzip.compress(FILE)[:-9], "is a damaged archive"),
        (gzip.compress(FILE)[:-8] + b"\1" * 8, "is a damaged archive"),
        (gzip.compress(FILE) + b"more", "is a damaged archive"),
        (b"\x1f\x8b" + FILE, "is a damaged archive"),
        (gzip.compress(FILE[:-1]), "is cut short: 23 bytes follow"),
        (gzip.compress(FILE + FILE), "is too long: more bytes follow"),
        (gzip.compress(gzip.compress(FILE)), "is not an IDX file: it begins with the bytes 1f 8b"),
    ],
)
def test_a_damaged_or_mislabelled_file_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    file = write(tmp_path, content)
    with pytest.raises(DataError, match=f"^{re.escape(str(file))} {sentence}") as caught:
        IdxDataset(filepath=str(file)).load()
    assert "\n" not in str(caught.value)


def test_an_absent_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent is not there; check the path\."):
        read_idx(tmp_path / "absent")


@pytest.mark.parametrize(
    "array", [np.array([True]), np.array([1], np.int64), np.array(1, np.uint8), np.array(["a"])]
)
def test_an_array_that_the_format_cannot_hold_is_refused(tmp_path: Path, array: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"a cannot hold an array of .* uint8, int8, int16, int32"):
        IdxDataset(filepath=str(tmp_path / "a")).save(array)
    assert not list(tmp_path.iterdir())


def test_a_small_archive_may_not_hold_any_amount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten megabytes of zeros: read no further than the header says, and than any file may be."""
    zeros = bytes(10_000_000)
    short = write(tmp_path, gzip.compress(FILE + zeros), "short")
    tracemalloc.start()
    with pytest.raises(DataError, match="is too long"):
        read_idx(short)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000
    monkeypatch.setattr("crossfold.datasets.download.MOST_UNPACKED_BYTES", 5_000_000)
    header = bytes([0, 0, 8, 1]) + struct.pack(">I", len(zeros))
    with pytest.raises(DataError, match="unpacks to more than 5,000,000 bytes"):
        read_idx(write(tmp_path, gzip.compress(header + zeros), "long"))
    assert len(read_idx(write(tmp_path, header + zeros, "plain"))) == len(zeros)
