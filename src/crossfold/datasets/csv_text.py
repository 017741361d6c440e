"""CSV files read as text: strictly row by row, in whatever encoding and container they came."""

from __future__ import annotations

import codecs
import csv
import io
import logging
import zipfile
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from crossfold.datasets.containers import DAMAGED, is_packed, open_content
from crossfold.datasets.exceptions import ExportError

if TYPE_CHECKING:
    import pandas as pd

SEPARATORS = ",;\t|"
UTF8, WINDOWS = "utf-8-sig", "cp1252"
BYTE_ORDER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
OLD_EXCEL = b"\xd0\xcf\x11\xe0"
MOST_ROWS_TOLD = 3
BLOCK_BYTES = 1 << 24

_logger = logging.getLogger(__name__)


def read_csv_text(path: Path, separator: str | None = None) -> pd.DataFrame:
    """Read a CSV file, every field as text.

    Parameters
    ----------
    path
        Plain, gzip or zip. UTF-8; with a warning, UTF-16 with a byte order mark or Windows-1252.
    separator
        Character between fields; None takes the comma, or what the header has in place of it.

    Returns
    -------
    One column for each field of the header, dtype ``str``.

    Raises
    ------
    ExportError
        The file is no table: empty, damaged, binary, or with rows that have more or fewer fields
        than the header. The message holds nothing of its content.
    """
    try:
        encoding = _encoding(path)
        with open_content(path, path.name) as file:
            names, n_lines, separator = _read_header(file, separator, encoding, path)
        with open_content(path, path.name) as file:
            table = _read_rows(file, len(names), n_lines, separator, encoding, path)
        if is_packed(path):
            _logger.info("%s is an archive; the file in it is read.", path)
    except DAMAGED as error:
        raise ExportError(f"{path} is a damaged archive ({error}): export it again.") from error
    return table.set_axis(names, axis="columns")


def _encoding(path: Path) -> str:
    """Find out the encoding, and refuse what is no text."""
    if _is_excel(path):
        raise ExportError(f"{path} is an Excel workbook: save it as CSV (UTF-8) and give that.")
    with open_content(path, path.name) as file:
        start = file.read(4)
    is_utf16 = start.startswith(BYTE_ORDER_MARKS) and start != codecs.BOM_UTF32_LE
    for encoding in ["utf-16"] if is_utf16 else [UTF8, WINDOWS]:
        try:
            is_empty, has_nul = _look(path, encoding)
        except UnicodeDecodeError:
            continue
        if is_empty:
            raise ExportError(f"{path} is empty: export it again.")
        if has_nul:
            break
        if encoding != UTF8:
            _logger.warning("%s is not UTF-8; it is read as %s.", path, encoding)
        return encoding
    raise ExportError(f"{path} is not text in UTF-8: export it as CSV in UTF-8.")


def _look(path: Path, encoding: str) -> tuple[bool, bool]:
    """Decode all of a file; say whether it is empty and whether it holds a zero byte."""
    is_empty, has_nul = True, False
    with (
        open_content(path, path.name) as file,
        io.TextIOWrapper(file, encoding, newline="") as text,
    ):
        while block := text.read(1 << 20):
            is_empty, has_nul = is_empty and not block.strip(), has_nul or "\0" in block
    return is_empty, has_nul


def _is_excel(path: Path) -> bool:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    with path.open("rb") as file:
        return file.read(4) == OLD_EXCEL


def _read_header(
    file: BinaryIO, separator: str | None, encoding: str, path: Path
) -> tuple[list[str], int, str]:
    """Read the names of the columns, the number of lines they take, and the separator."""
    with io.TextIOWrapper(file, encoding, newline="") as lines:
        n_blank, first = next((place, line) for place, line in enumerate(lines) if line.strip())
        separator = separator or _separator(first, path)
        reader = csv.reader(chain([first], lines), delimiter=separator)
        try:
            return next(reader), n_blank + reader.line_num, separator
        except csv.Error as error:
            raise ExportError(f"{path} has no header that can be read ({error}).") from error


def _separator(line: str, path: Path) -> str:
    """Take the one separator that the header has; the comma, where it has that or none."""
    found = [one for one in SEPARATORS if one in line]
    if "," in found or len(found) != 1:
        return ","
    _logger.info("%s is read with %r between its fields.", path, found[0])
    return found[0]


def _read_rows(
    file: BinaryIO, n_fields: int, n_lines: int, separator: str, encoding: str, path: Path
) -> pd.DataFrame:
    """Read all rows below the header; rows with other numbers of fields are a fault of the file."""
    import pyarrow as pa
    from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, read_csv

    unlike: list[tuple[int, int]] = []

    def note(row: Any) -> str:
        unlike.append((row.number, row.actual_columns))
        return "skip"

    names = [str(place) for place in range(n_fields)]
    reading = ReadOptions(
        use_threads=False,  # which tells the line of a row
        column_names=names,
        skip_rows=n_lines,
        encoding="utf8" if encoding == UTF8 else encoding,
        block_size=BLOCK_BYTES,
    )
    parsing = ParseOptions(delimiter=separator, newlines_in_values=True, invalid_row_handler=note)
    as_text = ConvertOptions(column_types=dict.fromkeys(names, pa.string()), null_values=[])
    try:
        table: pd.DataFrame = read_csv(file, reading, parsing, as_text).to_pandas()
    except pa.ArrowInvalid as error:
        raise ExportError(f"{path} has no rows that can be read: export it again.") from error
    if unlike:
        raise ExportError(_unlike_rows(unlike, n_fields, path))
    if _has_open_quote(table, separator):
        raise ExportError(f"{path} opens a quote that it never closes: export it again.")
    return table.astype("str")


def _has_open_quote(table: pd.DataFrame, separator: str) -> bool:
    """Say whether the last field of a table has swallowed rows."""
    last = str(table.iloc[-1, -1]) if len(table) else ""
    return "\n" in last and last.count(separator) >= max(1, table.shape[1] - 1)


def _unlike_rows(unlike: list[tuple[int, int]], n_fields: int, path: Path) -> str:
    rows = ", ".join(f"{fields} in row {number}" for number, fields in unlike[:MOST_ROWS_TOLD])
    comma = all(fields == n_fields + 1 for _, fields in unlike)
    why = "; a comma at the end of a row is one field more" if comma else ""
    return (
        f"{path} is not a CSV table: its header names {n_fields} fields, but {len(unlike):,} rows"
        f" have others ({rows}, the header being row 1{why}): export it again."
    )
