"""Images and labels from one CSV file: the form in which Kaggle gives MNIST and its likes."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crossfold.datasets.containers import DAMAGED, open_content
from crossfold.datasets.exceptions import ExportError
from crossfold.images import SIDE_PIXELS, ImageError, LabelledImages

if TYPE_CHECKING:
    import pyarrow as pa

LABEL = "label"
PIXELS = SIDE_PIXELS**2
BAD_VALUE = re.compile(r"column #(?P<column>\d+): Row #(?P<row>\d+): .*value '(?P<value>.*)'$")
BAD_ROW = re.compile(r"Row #(?P<row>\d+): Expected (?P<expected>\d+) columns, got (?P<found>\d+)")


def read_images_csv(path: Path) -> LabelledImages:
    """Read a CSV file with a column of labels and 784 columns of pixels.

    Parameters
    ----------
    path
        A CSV file, plain, gzip or zip. Its first line names the columns: ``label`` and, in the
        order of the pixels from left to right and from top to bottom, 784 others of any names.

    Raises
    ------
    ExportError
        The file is missing, empty or damaged, has other columns, or holds anything but labels
        from 0 to 9 and pixels from 0 to 255.
    """
    try:
        header = _read_header(path)
        _refuse_other_columns(header, path)
        return _to_images(_read_table(path, header), header.index(LABEL))
    except FileNotFoundError as error:
        raise ExportError(f"There is no file {path}: check its path.") from error
    except UnicodeDecodeError as error:
        raise ExportError(f"{path} is not a CSV table in UTF-8: export it again.") from error
    except DAMAGED as error:
        raise ExportError(f"{path} is a damaged archive ({error}): export it again.") from error
    except ImageError as error:
        raise ExportError(f"{path}: {error}") from error


def _read_header(path: Path) -> list[str]:
    with open_content(path, path.name) as file:
        text = io.TextIOWrapper(file, "utf-8-sig", newline="")
        return next(csv.reader(text), [])


def _refuse_other_columns(header: list[str], path: Path) -> None:
    n_labels = header.count(LABEL)
    if n_labels != 1 or len(header) != PIXELS + 1:
        raise ExportError(
            f"The first line of {path} names {len(header)} columns, {n_labels} of them {LABEL}: "
            f"it must name one column {LABEL} and {PIXELS} columns of pixels."
        )


def _read_table(path: Path, header: list[str]) -> pa.Table:
    """Read all columns as bytes; with one thread, which tells the line of a wrong value."""
    import pyarrow as pa
    from pyarrow.csv import ConvertOptions, ReadOptions, read_csv

    convert = ConvertOptions(column_types=dict.fromkeys(header, pa.uint8()), null_values=[])
    try:
        with open_content(path, path.name) as file:
            return read_csv(file, ReadOptions(use_threads=False), convert_options=convert)
    except pa.ArrowInvalid as error:
        raise ExportError(
            f"{path} holds {_explain(str(error), header)}; a row is a label from 0 to 9 and "
            f"{PIXELS} pixels from 0 to 255, all of them whole numbers."
        ) from error


def _explain(message: str, header: list[str]) -> str:
    """Tell what pyarrow refused by the names of the file."""
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
