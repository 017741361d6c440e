"""CSV exports read as text, strictly row by row, identifiers hashed before anyone sees them."""

from __future__ import annotations

import codecs
import csv
import io
import logging
import re
import zipfile
from collections.abc import Hashable, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

import numpy as np
import pandas as pd
from kedro.io import AbstractDataset
from numpy.typing import NDArray

from crossfold.datasets.bases import DataError, ReadOnlyDataset
from crossfold.datasets.download import DAMAGED, is_packed, open_content
from crossfold.datasets.identifiers import (
    Sought,
    are_rounded,
    canonical_identifiers,
    findable,
    hash_identifiers,
    masked,
)

if TYPE_CHECKING:
    from kedro_datasets._typing import TablePreview

SEPARATORS = ",;\t|"
UTF8, WINDOWS = "utf-8-sig", "cp1252"
BYTE_ORDER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
OLD_EXCEL = b"\xd0\xcf\x11\xe0"
MOST_ROWS_TOLD = 3
LEAVE_OUT = "leave them out of that column"
BLOCK_BYTES = 1 << 24

Past = AbstractDataset[Any, pd.DataFrame]

_logger = logging.getLogger(__name__)


class ExportDataset(ReadOnlyDataset[pd.DataFrame]):
    """A CSV file, or a folder of CSV files with the same columns, read as text.

    Parameters
    ----------
    filepath
        The file or folder. The files of a folder are joined in the order of `place_of_name`.
    columns
        The names that the table gives its columns, and the file's names for them; a column whose
        name is None is not read, nor is any other column of the file. Without it all columns are
        read under the names of the file; of equal names, all but the first are numbered.
    optional
        Those of `columns` that a file may lack.
    hashed_columns
        Columns of identifiers, by the table's names; their values are replaced by keyed hashes.
    credentials
        ``{"key": secret}`` for the hashes.
    separator
        Character between fields; None finds it out.
    past
        The catalog entry of a table with the same hashed columns, hashed with the same key: other
        columns of the export may not hold its identifiers either.
    metadata
        Ignored here; read by Kedro-Viz.

    Notes
    -----
    `load` adds the columns ``source_file`` (category, in the order of the files) and
    ``source_row`` (int32, 1 is the first row below the header). Files that lack columns, have rows
    of other lengths, or hold hashed identifiers in other columns too, are refused with a sentence.
    """

    suffixes: tuple[str, ...] = (".csv",)

    def __init__(
        self,
        *,
        filepath: str,
        columns: Mapping[str, str | None] | None = None,
        optional: list[str] | None = None,
        hashed_columns: list[str] | None = None,
        credentials: dict[str, str] | None = None,
        separator: str | None = None,
        past: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        if hashed_columns and not (credentials or {}).get("key"):
            raise DataError(
                f"The columns {hashed_columns} of {filepath} are to be hashed, but its catalog"
                " entry has no credentials with a key."
            )
        self._path = Path(filepath)
        self._columns = None if columns is None else {k: v for k, v in columns.items() if v}
        self._optional = optional or []
        self._hashed_columns = hashed_columns or []
        self._key = (credentials or {}).get("key", "")
        self._separator = separator
        self.past = past_table(past)
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Read and join the files, identifiers hashed."""
        files = self._files()
        tables = [self._read(file) for file in files]
        self._refuse_unlike_columns(files, tables)
        for column in self._hashed_columns:
            self._hide(column, files, tables)
        for file, table in zip(files, tables, strict=True):
            table["source_file"] = file.name
            table["source_row"] = pd.RangeIndex(1, len(table) + 1).astype("int32")
        joined = tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)
        names = joined["source_file"]
        joined["source_file"] = pd.Categorical(names, names.unique())  # in the order of the files
        return joined

    def stored_files(self) -> list[Path]:
        """List the files that `load` reads, as far as they are there."""
        if not self._path.is_dir():
            return [self._path]
        # In any case; hidden files are other programs' own.
        files = (
            file
            for file in self._path.iterdir()
            if file.suffix.lower() in self.suffixes and not file.name.startswith((".", "~$"))
        )
        return sorted(files, key=lambda file: place_of_name(file.name))

    def preview(self, nrows: int = 5) -> TablePreview:
        """Show the first rows, identifiers hashed."""
        return self.load().head(nrows).to_dict(orient="split") if self._exists() else {}

    def _files(self) -> list[Path]:
        if not self._path.exists():
            raise DataError(f"There is no file or folder {self._path}: check its path.")
        files, kinds = self.stored_files(), " or ".join(self.suffixes)
        if not files:
            raise DataError(
                f"The folder {self._path} holds no {kinds} file: put the exports there."
            )
        others = sorted(set(self._path.iterdir()) - set(files)) if self._path.is_dir() else []
        if others:
            names = ", ".join(other.name for other in others)
            told = "Of %s only files that end in %s are read, not %s."
            _logger.warning(told, self._path, kinds, names)
        return files

    def _read(self, file: Path) -> pd.DataFrame:
        """Read the declared columns of a file, under the names of the table."""
        if file.suffix.lower() == ".parquet":
            table = read_parquet_text(file)
        else:
            table = read_csv_text(file, self._separator)
        columns = self._columns or {name: name for name in self._hashed_columns}
        places = {name: _place(own, table.columns, file) for name, own in columns.items()}
        absent = [name for name, place in places.items() if place is None]
        if missing := [columns[name] for name in absent if name not in self._optional]:
            several = len(missing) > 1
            raise DataError(
                f"{file} does not fit its schema: the column{'s' * several} {', '.join(missing)}"
                f" {'are' if several else 'is'} missing. Mend it or put a good one in its place."
            )
        if self._columns is None:
            return table.set_axis(_numbered(table.columns), axis="columns")
        found = {name: place for name, place in places.items() if place is not None}
        unlike = [columns[name] for name, at in found.items() if table.columns[at] != columns[name]]
        if unlike:
            _logger.info("%s writes in another way: %s.", file, ", ".join(unlike))
        return table.iloc[:, list(found.values())].set_axis(list(found), axis="columns")

    def _refuse_unlike_columns(self, files: list[Path], tables: list[pd.DataFrame]) -> None:
        expected = set(tables[0].columns)
        for file, table in zip(files, tables, strict=True):
            unlike = sorted(expected ^ set(table.columns))
            if unlike:
                raise DataError(
                    f"{file} and {files[0].name} differ in the columns {masked(unlike)}: export"
                    " all files of a folder with the same columns."
                )

    def _hide(self, column: str, files: list[Path], tables: list[pd.DataFrame]) -> None:
        """Hash a column of each table, where no other column holds its identifiers."""
        for file, table in zip(files, tables, strict=True):
            if are_rounded(table[column]):
                raise DataError(
                    f"{file} holds {column} as a spreadsheet rounds long numbers (1.23457E+13), so"
                    " that several have become one: export it again, that column as text."
                )
        own = [canonical_identifiers(table[column]) for table in tables]
        known = self._known(own)
        sought = Sought(known, hashes_with_past(self.past, column, known, self._key), self._key)
        for file, table, identifiers in zip(files, tables, own, strict=True):
            for other in table.columns.drop(column):
                written = canonical_identifiers(table[other])
                slips = slips_in(written, identifiers, sought, file)
                table[other] = table[other].mask(slips, "")
            table[column] = hash_identifiers(identifiers, self._key)

    def _known(self, own: list[pd.Series]) -> pd.Series:
        """Give the identifiers that no other column of any table may hold, each once."""
        return findable(pd.concat(own)).drop_duplicates()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path), "hashed_columns": self._hashed_columns}

    def _exists(self) -> bool:
        return self._path.exists()


def place_of_name(name: str) -> tuple[list[str | int], str]:
    """Give what the names of files are ordered by, so that a later file has a later name.

    Numbers count as such, 9 before 10, and what is added to a name comes behind it: ``May (2).csv``
    and ``May-corrected.csv`` behind ``May.csv``, though a space and a hyphen stand before a point.
    """
    parts = re.split(r"(\d+)", Path(name).stem)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], name


def _place(name: str, columns: pd.Index, file: Path) -> int | None:
    """Find a column by its name, whatever its case and the blanks around it."""
    alike = columns.str.strip().str.casefold() == name.strip().casefold()
    exact = columns == name
    places = np.flatnonzero(exact if exact.any() else alike)
    if len(places) > 1:
        raise DataError(f"{file} has several columns that may be {name}: leave one in.")
    return int(places[0]) if len(places) else None


def _numbered(names: pd.Index) -> list[str]:
    """Tell columns of one name apart as pandas does: call, call.1, call.2."""
    number = names.to_series().groupby(names.to_numpy()).cumcount()
    return [f"{name}.{n}" if n else name for name, n in zip(names, number, strict=True)]


def past_table(config: dict[str, Any] | None) -> Past | None:
    """Make the dataset of a past table from its catalog entry; None without one."""
    return None if config is None else AbstractDataset.from_config("past", config)


def hashes_with_past(
    past: Past | None, column: str, known: pd.Series, key: str
) -> pd.Series | None:
    """Hash the known identifiers beside those of a past table, each once; None without a past."""
    if past is None:
        return None
    hashes: pd.Series = pd.concat([past.load()[column], hash_identifiers(known, key)])
    return hashes.drop_duplicates()


def slips_in(
    written: pd.Series, own: pd.Series, sought: Sought, place: Path | str, advice: str = LEAVE_OUT
) -> NDArray[np.bool_]:
    """Refuse a column with identifiers; say which few rows hold their own, to be emptied.

    Both columns are in canonical form. Gives shape ``(n,)``.
    """
    if written.empty:
        return np.zeros(0, dtype=bool)
    found, slips = sought.rows(written, own)
    if found.any():
        told = found.sum(), len(found), int(found.argmax())
        refuse_copies(place, own.name, written.name, *told, advice)
    if slips.any():
        _logger.warning(
            "%s holds identifiers of %s in its column %s too, in %d rows; they were emptied.",
            *(place, own.name, written.name, slips.sum()),
        )
    return slips


def refuse_copies(
    place: Path | str,
    own: Hashable,
    other: Hashable,
    n_found: int,
    n_rows: int,
    first: int,
    advice: str = LEAVE_OUT,
) -> NoReturn:
    """Raise an `DataError`: a column holds identifiers of another one; the first row is 0."""
    raise DataError(
        f"{place} holds identifiers of {own} in its column {other} too, in {n_found:,} of"
        f" {n_rows:,} rows (the first is row {first + 1} below the header): {advice}, so that all"
        " of them are hashed."
    )


def read_parquet_text(path: Path) -> pd.DataFrame:
    """Read a Parquet file as a CSV file of it would be read: every field as text, flags 0 or 1.

    Raises a `DataError` if it cannot be read.
    """
    try:  # numbers beside gaps would lose digits as floats
        table = pd.read_parquet(path, dtype_backend="numpy_nullable")
        flags = table.select_dtypes("boolean").columns
        return table.astype(dict.fromkeys(flags, "Int8")).astype("str").fillna("")
    except ValueError as error:
        raise DataError(f"{path} is no Parquet file of a table: export it again.") from error


def read_csv_text(path: Path, separator: str | None = None) -> pd.DataFrame:
    """Read a CSV file, plain, gzip or zip, every field as text; a column for each of the header.

    It is UTF-8; with a warning, UTF-16 with a byte order mark or Windows-1252. The separator is the
    character between fields; None takes the comma, or what the header has in place of it.

    Raises a `DataError`: the file is no table: empty, damaged, binary, or with rows that have
    more or fewer fields than the header. The message holds nothing of its content.
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
        raise DataError(f"{path} is a damaged archive ({error}): export it again.") from error
    return table.set_axis(names, axis="columns")


def _encoding(path: Path) -> str:
    """Find out the encoding, and refuse what is no text."""
    if _is_excel(path):
        raise DataError(f"{path} is an Excel workbook: save it as CSV (UTF-8) and give that.")
    with open_content(path, path.name) as file:
        is_utf16 = file.read(2) in BYTE_ORDER_MARKS  # or UTF-32, which is full of zeros then
    for encoding in ["utf-16"] if is_utf16 else [UTF8, WINDOWS]:
        try:
            with (
                open_content(path, path.name) as file,
                io.TextIOWrapper(file, encoding, newline="") as text,
            ):
                blocks = iter(partial(text.read, 1 << 20), "")
                found = [(bool(block.strip()), "\0" in block) for block in blocks]
        except UnicodeDecodeError:
            continue
        if not any(has_text for has_text, _ in found):
            raise DataError(f"{path} is empty: export it again.")
        if any(has_zero for _, has_zero in found):
            break
        if encoding != UTF8:
            _logger.warning("%s is not UTF-8; it is read as %s.", path, encoding)
        return encoding
    raise DataError(f"{path} is not text in UTF-8: export it as CSV in UTF-8.")


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
            raise DataError(f"{path} has no header that can be read ({error}).") from error


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
        raise DataError(f"{path} has no rows that can be read: export it again.") from error
    if unlike:
        raise DataError(_unlike_rows(unlike, n_fields, path))
    if _has_open_quote(table, separator):
        raise DataError(f"{path} opens a quote that it never closes: export it again.")
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
