"""Find out how a table is stored: which dataset reads it, and with which arguments."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import fsspec

from crossfold.datasets.exceptions import DataError

EXCEL, PARQUET = (".xlsx", ".xlsm"), (".parquet", ".pq")
TEXT = (".csv", ".tsv", ".txt", ".tab", ".dat", ".csv.gz", ".tsv.gz", ".txt.gz")
DATABASE = re.compile(r"(?P<con>[a-z][\w+]*://.*)::(?P<table>.+)")
DELIMITERS = ("\t", ";", "|", ",")
SAMPLE_BYTES, SAMPLE_LINES, CHUNK_BYTES = 1 << 18, 500, 1 << 20
# A byte order mark tells the encoding.
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
GROUPED = re.compile(r"[+-]?\d{1,3}(?P<comma>[.,' ])\d{3}((?P=comma)\d{3})*(?P<point>[.,])\d+")


def find_source(
    data: str, *, sep: str | None = None, decimal: str | None = None, encoding: str | None = None
) -> dict[str, Any]:
    """Write the catalog entry of the dataset that reads a table.

    Parameters
    ----------
    data
        A file, a folder of files with the same columns, or ``DATABASE_ADDRESS::TABLE``.
    sep, decimal, encoding
        Of a text file; found out where they are None.

    Raises
    ------
    DataError
        If there is no such file, it is empty, or it has no header.
    """
    if found := DATABASE.fullmatch(data):
        credentials = {"con": found["con"]}
        kind = "pandas.SQLTableDataset"
        return {"type": kind, "table_name": found["table"], "credentials": credentials}
    path = Path(data).expanduser().absolute()
    if not path.exists():
        raise DataError(f"There is no file or folder {data}: check its path.")
    if path.is_dir():
        return _folder(path, sep=sep, decimal=decimal, encoding=encoding)
    if path.stat().st_size == 0:
        raise DataError(f"{data} is empty: export it again.")
    if path.suffix.lower() in EXCEL:
        return {"type": "pandas.ExcelDataset", "filepath": path.as_posix()}
    if path.suffix.lower() in PARQUET:
        return {"type": "pandas.ParquetDataset", "filepath": path.as_posix()}
    load_args = _text_arguments(path, sep, decimal, encoding)
    return {"type": "pandas.CSVDataset", "filepath": path.as_posix(), "load_args": load_args}


def _folder(path: Path, **arguments: str | None) -> dict[str, Any]:
    """Describe a folder by its most frequent kind of table."""
    files = [file for file in sorted(path.rglob("*")) if file.is_file()]
    kinds = Counter(suffix for file in files if (suffix := _table_suffix(file)))
    if not kinds:
        raise DataError(f"The folder {path} holds no table: put the exports there.")
    [(suffix, _)] = kinds.most_common(1)
    one = find_source(str(next(file for file in files if file.name.endswith(suffix))), **arguments)
    del one["filepath"]
    return {
        "type": "partitions.PartitionedDataset",
        "path": path.as_posix(),
        "filename_suffix": suffix,
        "dataset": one,
    }


def _table_suffix(file: Path) -> str:
    endings = ("".join(file.suffixes[-2:]), file.suffix)
    return next((end for end in endings if end.lower() in (*TEXT, *EXCEL, *PARQUET)), "")


def _text_arguments(
    path: Path, sep: str | None, decimal: str | None, encoding: str | None
) -> dict[str, Any]:
    encoding = encoding or find_encoding(path)
    try:
        lines = _first_lines(path, encoding)
        sep = sep or find_delimiter(lines)
        cells = list(_cells(lines, sep))
    except (csv.Error, re.error, LookupError, UnicodeError) as error:
        raise DataError(f"{path} cannot be read ({error}): check --sep and --encoding.") from error
    if not cells:
        raise DataError(f"{path} is empty: export it again.")
    refuse_no_header(path, cells[0])
    point, comma = find_decimal([cell.strip() for row in cells[1:] for cell in row], sep)
    arguments = {"sep": sep, "decimal": decimal or point, "encoding": encoding}
    return {**arguments, "thousands": comma} if comma and not decimal else arguments


def _cells(lines: list[str], sep: str) -> Iterable[list[str]]:
    if len(sep) == 1:
        return csv.reader(lines, delimiter=sep)
    return (re.split(sep, line.strip()) for line in lines)


def find_encoding(path: Path) -> str:
    """Tell UTF-8, UTF-16 and cp1252 apart, by the whole file."""
    chunks = _chunks(path)
    first = next(chunks, b"")
    for mark, encoding in MARKS.items():
        if first.startswith(mark):
            return encoding
    head = first[:1000]
    if zeros := head.count(b"\0"):
        if zeros < len(head) / 3:
            raise DataError(f"{path} is not a table of text: save it as CSV or .xlsx.")
        return "utf-16-le" if head[1::2].count(b"\0") > zeros / 2 else "utf-16-be"
    for encoding in ("utf-8", "cp1252"):
        if _decodes(path, encoding):
            return encoding
    return "latin-1"


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in _chunks(path):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with fsspec.open(path.as_posix(), "rb", compression="infer") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk
    except (OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read ({error}): export it again.") from error


def _first_lines(path: Path, encoding: str) -> list[str]:
    with fsspec.open(path.as_posix(), "rb", compression="infer") as stream:
        sample = stream.read(SAMPLE_BYTES)
    text = codecs.getincrementaldecoder(encoding)().decode(sample)
    lines = io.StringIO(text, newline=None).readlines()
    whole = lines[:-1] if len(sample) == SAMPLE_BYTES else lines
    return [line for line in whole if line.strip()][:SAMPLE_LINES]


def find_delimiter(lines: list[str]) -> str:
    """Take the delimiter that gives most lines as many cells as the first one."""
    if not lines:
        return ","
    shares = {sep: _share_alike(list(_cells(lines, sep))) for sep in DELIMITERS}
    best = max(shares, key=lambda sep: shares[sep])
    if shares[best] > 0:
        return best
    by_spaces = _share_alike(list(_cells(lines, r"\s+")))
    return r"\s+" if by_spaces == 1 and len(lines) > 1 else ","


def _share_alike(rows: list[list[str]]) -> float:
    n_columns = len(rows[0])
    return sum(len(row) == n_columns for row in rows) / len(rows) if n_columns > 1 else 0


def refuse_no_header(path: Path, names: list[str]) -> None:
    """Refuse a first line that holds values: nearly all numbers, some with decimals or repeated."""
    numbers = [name.strip() for name in names if NUMBER.fullmatch(name.strip())]
    looks_like_values = len(set(numbers)) < len(numbers) or any(
        "." in number or "," in number for number in numbers
    )
    if len(numbers) == len(names) or (len(numbers) >= len(names) / 2 and looks_like_values):
        raise DataError(
            f"{path} has no header: its first line holds values ({', '.join(names[:3])}). Write"
            " the columns' names above it."
        )


def find_decimal(cells: list[str], sep: str) -> tuple[str, str | None]:
    """Find the decimal sign, and the sign between thousands where there is one.

    Commas that can be nothing else are decimal signs, also where other columns have points: with
    the comma both are read.
    """
    grouped = Counter(
        (found["point"], found["comma"])
        for found in map(GROUPED.fullmatch, cells)
        if found and found["point"] != found["comma"]
    )
    if grouped:
        return grouped.most_common(1)[0][0]
    numbers = [cell for cell in cells if NUMBER.fullmatch(cell)]
    commas = [cell for cell in numbers if "," in cell]
    points = sum("." in cell for cell in numbers)
    in_english = all(re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", cell) for cell in commas)
    if commas and sep == "," and in_english:
        return ".", ","
    return ("," if not in_english or len(commas) > points else "."), None
