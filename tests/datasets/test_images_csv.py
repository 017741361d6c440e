"""CSV files of images: read to bytes as they are, and refused by line and column."""

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from crossfold.datasets.bases import DataError
from crossfold.datasets.images import PIXELS, read_images_csv

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8)
LABELS = np.array([7, 0, 9], np.uint8)
NAMES = [f"pixel{place}" for place in range(PIXELS)]
HEADER = ",".join(["label", *NAMES])
ROWS = [
    ",".join(map(str, [label, *image.ravel()])) for label, image in zip(LABELS, IMAGES, strict=True)
]
CONTENT = "\n".join([HEADER, *ROWS, ""]).encode()


def write(folder: Path, content: bytes) -> Path:
    file = folder / "digits.csv"
    file.write_bytes(content)
    return file


def zipped(content: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("export.csv", content)
        writer.writestr("__MACOSX/._export.csv", b"of macOS")
    return archive.getvalue()


def label_last(line: str) -> str:
    label, _, pixels = line.partition(",")
    return f"{pixels},{label}"


@pytest.mark.parametrize(
    "content",
    [
        CONTENT,
        CONTENT.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + CONTENT,
        b'"label"' + CONTENT.removeprefix(b"label"),
        "\n".join(map(label_last, [HEADER, *ROWS])).encode(),
        CONTENT.replace(HEADER.encode(), b"label" + b",x" * PIXELS),
        gzip.compress(CONTENT),
        zipped(CONTENT),
    ],
    ids=["plain", "crlf", "bom", "quoted", "label last", "names repeat", "gzip", "zip"],
)
def test_images_and_labels_come_as_they_are(tmp_path: Path, content: bytes) -> None:
    read = read_images_csv(write(tmp_path, content))
    np.testing.assert_array_equal(read.images, IMAGES)
    np.testing.assert_array_equal(read.labels, LABELS)
    assert (read.images.dtype, read.labels.dtype) == (np.uint8, np.uint8)


def changed(place: int, value: str) -> bytes:
    """Put a value into the second row, which is line 3 of the file."""
    cells = ROWS[1].split(",")
    cells[place] = value
    return "\n".join([HEADER, ROWS[0], ",".join(cells), ROWS[2]]).encode("latin-1")


@pytest.mark.parametrize("value", ["256", "-1", "70000", "0.5", "1e2", "x", "", "NA", "\xff"])
def test_a_wrong_pixel_is_told_by_line_and_column(tmp_path: Path, value: str) -> None:
    shown = "\ufffd" if value == "\xff" else value
    with pytest.raises(
        DataError, match=rf"digits\.csv holds '{shown}' in line 3, column pixel41; a row is"
    ):
        read_images_csv(write(tmp_path, changed(42, value)))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", r"names 0 columns, 0 of them label: it must name one column label and 784"),
        (CONTENT.replace(b"label", b"Label"), r"names 785 columns, 0 of them label"),
        ("\n".join(ROWS).encode(), r"names 785 columns, 0 of them label"),
        (CONTENT.replace(b",pixel783", b""), r"names 784 columns, 1 of them label"),
        (CONTENT.replace(b"pixel783", b"label"), r"names 785 columns, 2 of them label"),
        (f"{HEADER}\n".encode(), "There is not one image"),
        (HEADER.encode(), r"holds what is no such table \(.*Empty CSV file"),
        (changed(0, "10"), r"holds '10' in line 3, column label; a row is a label from 0 to 9"),
        (changed(0, "seven"), "holds 'seven' in line 3, column label"),
        (f"{HEADER}\n{ROWS[0]}\n7,0,0\n".encode(), r"holds 3 values in line 3 in place of 785"),
        (b"label,\xff\n", "is not a CSV table in UTF-8"),
        (gzip.compress(CONTENT)[:-9], "is a damaged archive"),
        (zipped(CONTENT)[:-9], "is a damaged archive"),
    ],
)
def test_other_files_are_refused_in_one_sentence(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    file = write(tmp_path, content)
    with pytest.raises(DataError, match=sentence) as caught:
        read_images_csv(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_absent_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no file .*absent\.csv: check its path\."):
        read_images_csv(tmp_path / "absent.csv")
    with pytest.raises(DataError, match=r"is a folder: name one CSV file"):
        read_images_csv(tmp_path)
