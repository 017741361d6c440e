"""Any table, read exactly: how it is stored is found out, and identifiers are hashed on reading."""

import codecs
import csv
import io
import logging
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
from kedro.io import AbstractDataset, DatasetError
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

from crossfold.datasets.bases import DataError, ReadOnlyDataset
from crossfold.datasets.export_dataset import OLD_EXCEL, hashes_with_past, past_table, slips_in
from crossfold.datasets.identifiers import (
    Sought,
    canonical_identifiers,
    coded,
    findable,
    hash_identifiers,
    masked,
)

# What else pandas would guess: numbers from identifiers, missing values from words.
_TEXT = {"dtype": "str", "keep_default_na": False, "na_values": [""]}
# Beside a missing value, long whole numbers would lose digits as floats.
_NULLABLE = {"dtype_backend": "numpy_nullable"}
EXACT_LOAD_ARGS: dict[str, dict[str, Any]] = {
    "CSVDataset": _TEXT,
    "ExcelDataset": _TEXT,
    "ParquetDataset": _NULLABLE,
    "SQLTableDataset": _NULLABLE,
    "feather": _NULLABLE,
}
# What pandas does not take while it reads other kinds of tables, and `load` does afterwards.
SIGNS = ("decimal", "thousands")
DONE_AFTERWARDS = {"CSVDataset": (), "ExcelDataset": SIGNS}
# What some datasets need beside pandas, and the extra of crossfold that brings it.
NEEDED = {
    "ExcelDataset": ("openpyxl", "excel"),
    "SQLTableDataset": ("sqlalchemy", "database"),
    "spss": ("pyreadstat", "spss"),
}

EXCEL, PARQUET = (".xlsx", ".xlsm"), (".parquet", ".pq")
# What pandas reads beside, by the name of its function: pandas.read_stata.
GENERIC = {".dta": "stata", ".feather": "feather", ".sav": "spss"}
TEXT = (".csv", ".tsv", ".txt", ".tab", ".dat", ".csv.gz", ".tsv.gz", ".txt.gz")
DATABASE = re.compile(r"(?P<con>[a-z][\w+]*://.*)::(?P<table>.+)")
DELIMITERS = ("\t", ";", "|", ",")
FEWEST_LINES = 20  # of each file of a folder
SAMPLE_BYTES, SAMPLE_LINES, CHUNK_CHARACTERS = 1 << 18, 500, 1 << 20
# A byte order mark tells the encoding.
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
# A number and what stands beside it: 75 kg, 45%, $1,200.50, 12,50 €.
WITH_UNIT = (
    r"[+-]?\d[\d.,]*(?P<unit>\s+[^\d\s]{1,8}|[^\d\s]{2,8}|[%€$£¥])"
    r"|[+-]?(?P<sign>[€$£¥])\s*[+-]?\d[\d.,]*"
)
NEARLY_ALL = 0.95
HASH_IT = "leave them out of that column, or list it in hashed_columns in catalog.yml"
# Whole numbers with signs between thousands, and such numbers with decimals.
WHOLE = re.compile(r"[+-]?[1-9]\d{0,2}(?P<comma>[.,' \xa0\u202f])\d{3}((?P=comma)\d{3})*")
GROUPED = re.compile(WHOLE.pattern + r"(?P<point>[.,])\d+")

_logger = logging.getLogger(__name__)


class TableDataset(ReadOnlyDataset[pd.DataFrame]):
    """A dataset that loads a table, or a folder of them, with identifiers hashed.

    Text files and spreadsheets are read as text, so that no identifier goes through a float. Cells
    that are numbers with another decimal sign get a point.

    Parameters
    ----------
    dataset
        The catalog entry of a dataset that loads a DataFrame, or of a ``PartitionedDataset`` of
        such; the tables of a folder are joined in the order of their names, but for hidden ones.
        ``na_values``, ``decimal`` and ``thousands`` in its ``load_args`` work for Excel, Parquet
        and databases too.
    hashed_columns
        Columns of identifiers; their values are replaced by keyed hashes.
    group
        The one of them that says whose a row is: columns that are not hashed may not hold its
        identifiers, of any row. Words and dates are not looked for.
    past
        The catalog entry of an earlier table with the group, hashed with the same key: its
        identifiers are looked for too.
    date_formats
        How dates are written that are not ISO 8601, by column, as for `datetime.strptime`.
    units
        What is taken out of cells to leave a number, by column: ``{"weight": "kg"}``.
    credentials
        ``{"key": secret}`` for the hashes.
    metadata
        Ignored here; read by Kedro-Viz.
    """

    def __init__(
        self,
        *,
        dataset: dict[str, Any],
        hashed_columns: list[str] | None = None,
        group: str | None = None,
        past: dict[str, Any] | None = None,
        date_formats: dict[str, str] | None = None,
        units: dict[str, str] | None = None,
        credentials: dict[str, str] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._config = one = deepcopy(dataset)
        while isinstance(one.get("dataset"), dict):  # what reads each file of a folder
            one = one["dataset"]
        kind = one.get("file_format") or str(one.get("type")).rpartition(".")[2]
        self._needed = NEEDED.get(kind, ("pandas", ""))
        self._load_args = {**EXACT_LOAD_ARGS.get(kind, {}), **one.get("load_args", {})}
        unknown = DONE_AFTERWARDS.get(kind, ("na_values", *SIGNS))
        one["load_args"] = {k: v for k, v in self._load_args.items() if k not in unknown}
        if not one["load_args"]:  # some datasets take none
            del one["load_args"]
        self._filepath = self._config.get("filepath") or self._config.get("path")
        self._hashed_columns = hashed_columns or []
        self._group, self.past = group, past_table(past)
        self._date_formats = date_formats or {}
        self._units = units or {}
        self._key = (credentials or {}).get("key", "")
        self.metadata = metadata
        if hashed_columns and not self._key:
            raise DataError(
                f"The columns {hashed_columns} of {self._place} are to be hashed, but its catalog"
                " entry has no credentials with a key."
            )

    def load(self) -> pd.DataFrame:
        """Read the table, or join those of a folder, identifiers hashed."""
        table = without_words(with_plain_types(self._read()), self._load_args.get("na_values"))
        if self._group is not None:
            self._refuse_copies(table, self._group)
        for column in set(self._hashed_columns) & set(table.columns):
            table[column] = hash_identifiers(as_text(table[column]).fillna(""), self._key)
        for column in (set(self._units) & set(table.columns)) - set(self._hashed_columns):
            unit = re.escape(self._units[column])
            number = rf"^([+-]?)(?:{unit})?\s*([+-]?\d[\d.,]*)\s*(?:{unit})?$"
            table[column] = as_text(table[column]).str.replace(number, r"\1\2", regex=True)
        plain = _plain_numbers(
            self._load_args.get("decimal", "."), self._load_args.get("thousands")
        )
        for column in table.columns.difference(self._hashed_columns):
            if column in self._date_formats:
                table[column] = read_dates(table[column], self._date_formats[column], self._place)
            elif plain and pd.api.types.is_string_dtype(table[column]):
                table[column] = plain(table[column])
        return table

    def _refuse_copies(self, table: pd.DataFrame, group: str) -> None:
        """Refuse a column that holds identifiers of the group; a few of a row's own are emptied."""
        missing = pd.Series("", table.index, dtype="str", name=group)
        own = group_codes(table.get(group, missing))
        known = findable(own).drop_duplicates()
        hashes = hashes_with_past(self.past, group, known, self._key)
        sought = Sought(known, hashes, self._key, only_codes=True)
        for name in table.columns.difference([group, *self._hashed_columns]):
            if not is_datetime64_any_dtype(table[name]):
                slips = slips_in(in_one_way(table[name]), own, sought, self._place, HASH_IT)
                table[name] = table[name].mask(slips)

    def stored_files(self) -> list[Path]:
        """List the files that `load` reads, as far as they are there."""
        if self._filepath is None:
            database = _sqlite_file(self._connection)
            return [database] if database is not None and database.is_file() else []
        path = Path(self._filepath)
        if not path.is_dir():
            return [path]
        suffix = self._config.get("filename_suffix", "")
        files = (file for file in path.rglob(f"*{suffix}") if file.is_file())
        return sorted(file for file in files if not _is_hidden(file.relative_to(path)))

    def _read(self) -> pd.DataFrame:
        if self._filepath is None and self._config.keys() & {"filepath", "path"}:
            raise DataError("No file is named where a table is to be read: name one.")
        if self._filepath is not None and not self._exists():
            raise DataError(f"There is no file or folder {self._filepath}: check its path.")
        package, extra = self._needed
        if find_spec(package) is None:
            raise DataError(
                f"{self._place} cannot be read without {package}: pip install 'crossfold[{extra}]'."
            )
        database = _sqlite_file(self._connection)
        if database is not None and not database.exists():  # SQLite would make one
            raise DataError(f"There is no database {database}: check its path.")
        loaded = _loaded(
            lambda: AbstractDataset.from_config("table", self._config).load(), self._place
        )
        if not isinstance(loaded, dict):
            return _with_index_as_columns(pd.DataFrame(loaded))
        names = [name for name in sorted(loaded) if not _is_hidden(Path(name))]
        tables = {name: _loaded(loaded[name], f"{name} in {self._place}") for name in names}
        return self._joined({name: _with_index_as_columns(one) for name, one in tables.items()})

    def _joined(self, parts: dict[str, pd.DataFrame]) -> pd.DataFrame:
        first, *others = parts
        for name in others:
            unlike = sorted({*parts[first].columns} ^ {*parts[name].columns}, key=str)
            if unlike:
                raise DataError(
                    f"{name} and {first} in {self._place} differ in the columns {masked(unlike)}:"
                    " export all files of a folder with the same columns."
                )
        return pd.concat(list(parts.values()), ignore_index=True)

    @property
    def _place(self) -> str:
        return self._filepath or f"the table {self._config.get('table_name')} of the database"

    @property
    def _connection(self) -> str:
        return str((self._config.get("credentials") or {}).get("con", ""))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "hashed_columns": self._hashed_columns}

    def _exists(self) -> bool:
        return self._filepath is None or Path(self._filepath).exists()


def _loaded(load: Callable[[], Any], place: str) -> Any:
    """Load a table, or say in one sentence why it cannot be read."""
    try:
        return load()
    except (ImportError, DatasetError, ValueError, OSError) as error:
        if isinstance(error.__cause__, IsADirectoryError):
            raise DataError(f"{place} is a folder, where one file is read: name a file.") from error
        raise DataError(f"{place} cannot be read: {_reason(error)}") from error


def _is_hidden(path: Path) -> bool:
    """Say whether a path in a folder is of what programs keep there for themselves."""
    return any(part.startswith((".", "~$")) for part in path.parts)


def _sqlite_file(address: str) -> Path | None:
    """Find the file of an address ``sqlite:///FILE``; None of others."""
    found = re.fullmatch(r"sqlite:///([^:?]+|[A-Za-z]:[^?]*)", address)
    return Path(found[1]) if found else None


def _with_index_as_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Put the index that a Parquet file names before its columns, where CSV files have it."""
    names = [name for name in table.index.names if name not in (None, *table.columns)]
    index = table.index.to_frame(index=False)[names]
    table = table.reset_index(drop=True)
    return pd.concat([index, table], axis="columns") if names else table


def with_plain_types(table: pd.DataFrame) -> pd.DataFrame:
    """Write columns as text that are no numbers, flags or dates, without spaces around; names too.

    Columns of Arrow become those of NumPy: pandas computes less with the former.
    """
    table = table.set_axis([str(name).strip() or str(name) for name in table.columns], axis=1)
    if table.columns.has_duplicates:
        twice = sorted({*table.columns[table.columns.duplicated()]})
        told = masked(", ".join(twice))
        raise DataError(f"The table has several columns {told}: rename them.")
    for name in table.columns:
        if isinstance(table[name].dtype, pd.ArrowDtype):
            table[name] = _of_numpy(table[name])
        kind = table[name].dtype
        if not (is_numeric_dtype(kind) or is_datetime64_any_dtype(kind)):
            table[name] = as_text(table[name])
    return table


def _of_numpy(values: pd.Series) -> pd.Series:
    """Take a column out of Arrow; whole numbers stay whole beside missing ones."""
    import pyarrow as pa

    plain: pd.Series = pa.array(values).to_pandas(integer_object_nulls=True)
    return plain.set_axis(values.index)


def without_words(table: pd.DataFrame, words: Sequence[str] | str | None) -> pd.DataFrame:
    """Make cells that hold nothing but one of the words missing."""
    words = [words] if isinstance(words, str) else words
    return table.apply(lambda values: values.mask(values.isin(words))) if words else table


def read_dates(values: pd.Series, form: str, place: str) -> pd.Series:
    """Read dates; another format than the declared one must not turn them all into nothing."""
    dates = pd.to_datetime(values, format=form, errors="coerce")
    unreadable = values[dates.isna() & values.notna()]
    if len(unreadable) and dates.isna().all():
        raise DataError(
            f"No date in the column {values.name!r} of {place} is written as {form}:"
            " change date_formats in its catalog entry."
        )
    if len(unreadable):
        told = "%s: %s values are no dates written as %s; they count as missing."
        _logger.warning(told, values.name, f"{len(unreadable):,}", form)
    return dates


def as_text(values: pd.Series) -> pd.Series:
    """Write values as text without spaces around them; whole numbers without a decimal point.

    A value is written alike whatever stands beside it, as a few new rows have to be written as many
    were before. Returns text (str), same index; missing stays missing.
    """
    if values.dtype == object:
        decoded = [_decoded(value) for value in values]
        values = pd.Series(decoded, values.index, dtype="object", name=values.name)
    text = values.astype("str").str.strip()
    if pd.api.types.is_float_dtype(values):
        text = text.str.removesuffix(".0").replace("-0", "0")
    return text.mask(values.isna() | (text == ""))


def _decoded(value: Any) -> Any:
    """Read bytes as text; those that are none stay different from others."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def group_codes(values: pd.Series) -> pd.Series:
    """Write the identifiers of a group in one way; words and dates are empty, as missing ones."""
    return coded(in_one_way(values))


def in_one_way(values: pd.Series) -> pd.Series:
    """Write values of any type as text in the canonical form of identifiers."""
    return canonical_identifiers(as_text(values).fillna(""))


def _plain_numbers(decimal: str, thousands: str | None) -> Callable[[pd.Series], pd.Series] | None:
    """Make a function that writes numbers as Python does, or None where they already are so."""
    if decimal == "." and not thousands:
        return None
    point, comma = re.escape(decimal), re.escape(thousands or "")
    number = rf"^\s*([+-]?\d*){point}(\d+(?:[eE][+-]?\d+)?)\s*$"
    grouped = rf"\s*[+-]?[1-9]\d{{0,2}}(?:{comma}\d{{3}})+(?:{point}\d+)?\s*"

    def plain(text: pd.Series) -> pd.Series:
        if thousands:
            hit = text.str.fullmatch(grouped).fillna(False).astype(bool)
            text = text.mask(hit, text.str.replace(thousands, "", regex=False))
        return text if decimal == "." else text.str.replace(number, r"\1.\2", regex=True)

    return plain


def _reason(error: Exception) -> str:
    error = error.__cause__ if isinstance(error.__cause__, Exception) else error
    if isinstance(error, pd.errors.EmptyDataError):
        return "it is empty."
    if isinstance(error, UnicodeDecodeError):
        return f"it is not written in {error.encoding}: export it so, or change its catalog entry."
    if isinstance(error, pd.errors.ParserError):
        fault = str(error).strip().rpartition("C error: ")[2]
        return f"{fault}. Take out lines above the header, and quote texts that hold the delimiter."
    lines = str(error).strip().splitlines() or [type(error).__name__]
    # Of values that are no such thing, pandas quotes one.
    why = masked(lines[0]) if isinstance(error, ValueError) else lines[0]
    return f"{why.rstrip('.')}."


def find_source(
    data: str, *, sep: str | None = None, decimal: str | None = None, encoding: str | None = None
) -> dict[str, Any]:
    """Write the catalog entry of the dataset that reads a table.

    `data` is a file, a folder of files with the same columns, or ``DATABASE_ADDRESS::TABLE``;
    `sep`, `decimal` and `encoding` are of a text file, and found out where they are None. Raises a
    `DataError` if there is no such file, it is empty, or it has no header.
    """
    if found := DATABASE.fullmatch(data):
        database = _sqlite_file(found["con"])
        con = f"sqlite:///{database.absolute().as_posix()}" if database else found["con"]
        credentials = {"con": con}
        kind = "pandas.SQLTableDataset"
        return {"type": kind, "table_name": found["table"], "credentials": credentials}
    path = Path(os.path.abspath(Path(data).expanduser()))  # without any ..
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
    if form := GENERIC.get(path.suffix.lower()):
        return {"type": "pandas.GenericDataset", "filepath": path.as_posix(), "file_format": form}
    load_args = _text_arguments([path], sep, decimal, encoding)
    return {"type": "pandas.CSVDataset", "filepath": path.as_posix(), "load_args": load_args}


def _folder(path: Path, **arguments: str | None) -> dict[str, Any]:
    """Describe a folder by its most frequent kind of table."""
    inside = (file for file in sorted(path.rglob("*")) if file.is_file())
    files = [file for file in inside if not _is_hidden(file.relative_to(path))]
    kinds = Counter(suffix for file in files if (suffix := table_suffix(file)))
    if not kinds:
        raise DataError(f"The folder {path} holds no table: put the exports there.")
    [(suffix, _)] = kinds.most_common(1)
    alike = [file for file in files if file.name.endswith(suffix)]
    if others := [file.name for file in files if table_suffix(file) and file not in alike]:
        told = "%s: only tables that end in %s are read; left out: %s."
        _logger.warning(told, path, suffix, ", ".join(others))
    if suffix.lower() in TEXT:
        load_args = _text_arguments(alike, **arguments)
        one = {"type": "pandas.CSVDataset", "load_args": load_args}
    else:
        one = find_source(str(alike[0]))
        del one["filepath"]
    return {
        "type": "partitions.PartitionedDataset",
        "path": path.as_posix(),
        "filename_suffix": suffix,
        "dataset": one,
    }


def table_suffix(file: Path) -> str:
    """Give the ending of a file that is a table, nothing of others."""
    endings = ("".join(file.suffixes[-2:]), file.suffix)
    return next((end for end in endings if end.lower() in (*TEXT, *EXCEL, *PARQUET, *GENERIC)), "")


def _text_arguments(
    files: list[Path], sep: str | None, decimal: str | None, encoding: str | None
) -> dict[str, Any]:
    """Find out how text files are written that are alike."""
    if decimal not in (None, *".,"):
        raise DataError(f"--decimal is {decimal!r}: give a point or a comma.")
    if empty := [file for file in files if file.stat().st_size == 0]:
        raise DataError(f"{empty[0]} is empty: export it again.")
    encoding = encoding or _common_encoding(files)
    rows: list[list[str]] = []
    for file in files:
        try:
            lines = _first_lines(file, encoding)[: max(SAMPLE_LINES // len(files), FEWEST_LINES)]
            sep = sep or find_delimiter(lines)
            cells = list(_cells(lines, sep))
        except (csv.Error, re.error, LookupError, UnicodeError) as error:
            told = f"{file} cannot be read ({error}): check --sep and --encoding."
            raise DataError(told) from error
        if not cells:
            raise DataError(f"{file} is empty: export it again.")
        refuse_no_header(file, cells[0])
        rows += cells[1:] if rows else cells
    columns = list(zip_longest(*rows[1:], fillvalue=""))
    signs = _signs([_bare(column) for column in columns], sep or "", decimal)
    arguments: dict[str, Any] = {"sep": sep, **signs, "encoding": encoding}
    if len(columns) == len(rows[0]) + 1 and not any(columns[-1]):
        # Lines end with a delimiter, but the header does not: pandas would shift the columns.
        arguments["index_col"] = False
    return arguments


def _signs(columns: list[list[str]], sep: str, decimal: str | None) -> dict[str, str]:
    point, comma = find_decimal(columns, sep)
    point = decimal or point
    return {"decimal": point} | ({"thousands": comma} if comma and comma != point else {})


def find_signs(table: pd.DataFrame, decimal: str | None = None) -> dict[str, str]:
    """Find the signs of numbers in a table's columns of text, as `find_decimal` does.

    Returns what ``load_args`` takes; nothing where all of them are as Python writes them.
    """
    texts = [table[name] for name in table if pd.api.types.is_string_dtype(table[name])]
    columns = [_bare(text.dropna().head(SAMPLE_LINES)) for text in texts]
    signs = _signs(columns, "", decimal)
    return {} if signs == {"decimal": "."} else signs


def _common_encoding(files: list[Path]) -> str:
    """Find one encoding for all files; refuse files that have none in common."""
    found = {file: find_encoding(file) for file in files}
    if {*found.values()} <= {"utf-8", "utf-8-sig"}:
        return "utf-8-sig" if "utf-8-sig" in found.values() else "utf-8"
    special = {file: one for file, one in found.items() if not _decodes(file, "ascii")} or found
    file, encoding = next(iter(special.items()))
    if unlike := [other for other, one in special.items() if one != encoding]:
        raise DataError(
            f"{file} is written in {encoding}, but {unlike[0]} in {special[unlike[0]]}: export all"
            " files of a folder alike."
        )
    return encoding


def _cells(lines: list[str], sep: str) -> Iterable[list[str]]:
    if len(sep) == 1:
        return csv.reader(lines, delimiter=sep)
    return (re.split(sep, line.strip()) for line in lines)


def _bare(column: Iterable[str]) -> list[str]:
    """Take the spaces off the cells of a column, and units where nearly all have one."""
    cells = [stripped for cell in column if (stripped := cell.strip())]
    with_unit = sum(re.fullmatch(WITH_UNIT, cell) is not None for cell in cells)
    if with_unit < NEARLY_ALL * len(cells):
        return cells
    return [re.sub(r"[^\d.,+-]", "", cell) for cell in cells]


def find_encoding(path: Path) -> str:
    """Tell UTF-8, UTF-16 and cp1252 apart, by the whole file."""
    try:
        with fsspec.open(path.as_posix(), "rb", compression="infer") as stream:
            head = stream.read(1000)
        for mark, encoding in MARKS.items():
            if head.startswith(mark):
                return encoding
        if zeros := head.count(b"\0"):
            if zeros < len(head) / 3 or head.startswith(OLD_EXCEL):
                raise DataError(f"{path} is not a table of text: save it as CSV or .xlsx.")
            return "utf-16-le" if head[1::2].count(b"\0") > zeros / 2 else "utf-16-be"
        return next((one for one in ("utf-8", "cp1252") if _decodes(path, one)), "latin-1")
    except (OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read ({error}): export it again.") from error


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with fsspec.open(path.as_posix(), "rt", encoding=encoding, compression="infer") as text:
            while text.read(CHUNK_CHARACTERS):
                pass
    except UnicodeDecodeError:
        return False
    return True


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
            f"{path} has no header: its first line holds values. Write the columns' names above it."
        )


def find_decimal(columns: list[list[str]], sep: str) -> tuple[str, str | None]:
    """Find the decimal sign, and the sign between thousands where there is one.

    Commas that can be nothing else are decimal signs, also where other columns have points: with
    the comma both are read. The cells of each column are without units and spaces around; `sep` is
    the delimiter.
    """
    cells = [cell for column in columns for cell in column]
    grouped = Counter(
        (found["point"], found["comma"])
        for found in map(GROUPED.fullmatch, cells)
        if found and found["point"] != found["comma"]
    )
    if grouped:
        return grouped.most_common(1)[0][0]
    numbers = [cell for cell in cells if NUMBER.fullmatch(cell) or WHOLE.fullmatch(cell)]
    for comma, point in ((",", "."), (".", ",")):
        if _is_between_thousands(comma, point, numbers, columns, sep):
            return point, comma
    commas = [cell for cell in numbers if "," in cell]
    points = sum("." in cell for cell in numbers)
    point = "," if not all(map(WHOLE.fullmatch, commas)) or len(commas) > points else "."
    for sign in "' \xa0\u202f":
        if any(_has_thousands(column, sign) for column in columns):
            return point, sign
    return point, None


def _is_between_thousands(
    comma: str, point: str, numbers: list[str], columns: list[list[str]], sep: str
) -> bool:
    """Say whether a sign that may be a decimal one stands between thousands wherever it stands."""
    signed = [cell for cell in numbers if comma in cell]
    if not signed or not all(map(WHOLE.fullmatch, signed)):
        return False
    has_other_decimals = any(point in cell and not WHOLE.fullmatch(cell) for cell in numbers)
    stands_twice = any(cell.count(comma) > 1 for cell in signed)
    by_columns = any(_has_thousands(column, comma) for column in columns)
    return has_other_decimals or stands_twice or comma == sep or by_columns


def _has_thousands(column: list[str], comma: str) -> bool:
    """Say whether 950 and 1.200 stand in one column, which no way of writing decimals brings.

    Decimals of a fixed number would make 950.000 of the one, others 1.2 of the other.
    """
    numbers = [cell for cell in column if NUMBER.fullmatch(cell) or WHOLE.fullmatch(cell)]
    above = [cell for cell in numbers if comma in cell]
    below = [cell for cell in numbers if re.fullmatch(r"[+-]?\d{1,3}", cell)]
    are_all = len(above) + len(below) == len(numbers) and all(map(WHOLE.fullmatch, above))
    return are_all and len(below) > 0 and any(cell.endswith("0") for cell in above)
