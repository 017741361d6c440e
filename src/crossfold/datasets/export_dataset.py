"""CSV exports read as text, with identifiers hashed before anyone sees them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crossfold.datasets.bases import ReadOnlyDataset
from crossfold.datasets.csv_text import read_csv_text
from crossfold.datasets.exceptions import ExportError
from crossfold.datasets.identifiers import (
    SHARE_BY_CHANCE,
    SHORTEST_FOUND,
    are_rounded,
    canonical_identifiers,
    hash_identifiers,
    rows_with_any,
    rows_with_own,
)

if TYPE_CHECKING:
    from kedro_datasets._typing import TablePreview

_logger = logging.getLogger(__name__)


class ExportDataset(ReadOnlyDataset[pd.DataFrame]):
    """A CSV file, or a folder of CSV files with the same columns, read as text.

    Parameters
    ----------
    filepath
        The file or folder. The files of a folder are joined in the order of their names.
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
    metadata
        Ignored here; read by Kedro-Viz.

    Notes
    -----
    `load` adds the columns ``source_file`` (category) and ``source_row`` (int32, 1 is the first
    row below the header). Files that lack columns, have rows of other lengths, or hold hashed
    identifiers in other columns too, are refused with a sentence.
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
        metadata: dict[str, Any] | None = None,
    ) -> None:
        if hashed_columns and not (credentials or {}).get("key"):
            raise ExportError(
                f"The columns {hashed_columns} of {filepath} are to be hashed, but its catalog"
                " entry has no credentials with a key."
            )
        self._path = Path(filepath)
        self._columns = None if columns is None else {k: v for k, v in columns.items() if v}
        self._optional = optional or []
        self._hashed_columns = hashed_columns or []
        self._key = (credentials or {}).get("key", "")
        self._separator = separator
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
        joined["source_file"] = joined["source_file"].astype("category")
        return joined

    def stored_files(self) -> list[Path]:
        """List the files that `load` reads, as far as they are there."""
        if not self._path.is_dir():
            return [self._path]
        # In any case; hidden files are other programs' own.
        return sorted(
            file
            for file in self._path.iterdir()
            if file.suffix.lower() in self.suffixes and not file.name.startswith((".", "~$"))
        )

    def preview(self, nrows: int = 5) -> TablePreview:
        """Show the first rows, identifiers hashed."""
        return self.load().head(nrows).to_dict(orient="split") if self._exists() else {}

    def _files(self) -> list[Path]:
        if not self._path.exists():
            raise ExportError(f"There is no file or folder {self._path}: check its path.")
        files = self.stored_files()
        if not files:
            raise ExportError(f"The folder {self._path} holds no .csv file: put the exports there.")
        others = sorted(set(self._path.iterdir()) - set(files)) if self._path.is_dir() else []
        if others:
            names = ", ".join(other.name for other in others)
            _logger.warning(
                "Of %s only files that end in .csv are read, not %s.", self._path, names
            )
        return files

    def _read(self, file: Path) -> pd.DataFrame:
        """Read the declared columns of a file, under the names of the table."""
        is_parquet = file.suffix.lower() == ".parquet"
        table = _parquet_text(file) if is_parquet else read_csv_text(file, self._separator)
        columns = self._columns or {name: name for name in self._hashed_columns}
        places = {name: _place(own, table.columns, file) for name, own in columns.items()}
        absent = [name for name, place in places.items() if place is None]
        self._refuse_missing([columns[name] for name in absent if name not in self._optional], file)
        if self._columns is None:
            return table.set_axis(_numbered(table.columns), axis="columns")
        found = {name: place for name, place in places.items() if place is not None}
        unlike = [columns[name] for name, at in found.items() if table.columns[at] != columns[name]]
        if unlike:
            _logger.info("%s writes in another way: %s.", file, ", ".join(unlike))
        return table.iloc[:, list(found.values())].set_axis(list(found), axis="columns")

    def _refuse_missing(self, missing: list[str], file: Path) -> None:
        if missing:
            several = len(missing) > 1
            raise ExportError(
                f"{file} does not fit its schema: the column{'s' * several} {', '.join(missing)}"
                f" {'are' if several else 'is'} missing. Mend it or put a good one in its place."
            )

    def _refuse_unlike_columns(self, files: list[Path], tables: list[pd.DataFrame]) -> None:
        expected = set(tables[0].columns)
        for file, table in zip(files, tables, strict=True):
            unlike = sorted(expected ^ set(table.columns))
            if unlike:
                raise ExportError(
                    f"{file} and {files[0].name} differ in the columns {unlike}: export all files"
                    " of a folder with the same columns."
                )

    def _hide(self, column: str, files: list[Path], tables: list[pd.DataFrame]) -> None:
        """Hash a column of each table, where no other column holds its identifiers."""
        for file, table in zip(files, tables, strict=True):
            if are_rounded(table[column]):
                raise ExportError(
                    f"{file} holds {column} as a spreadsheet rounds long numbers (1.23457E+13), so"
                    " that several have become one: export it again, that column as text."
                )
        own = [canonical_identifiers(table[column]) for table in tables]
        known = pd.concat(own).drop_duplicates()
        known = known[known.str.len() >= SHORTEST_FOUND]
        for file, table, identifiers in zip(files, tables, own, strict=True):
            for other in table.columns.drop(column):
                table[other] = self._without(table[other], identifiers, known, file)
            table[column] = hash_identifiers(identifiers, self._key)

    def _without(
        self, values: pd.Series, own: pd.Series, known: pd.Series, file: Path
    ) -> pd.Series:
        """Refuse a column with identifiers; a few in rows of their own are slips, and emptied."""
        if values.empty:
            return values
        written = canonical_identifiers(values)
        slips = rows_with_own(written, own)
        found = slips if slips.mean() > SHARE_BY_CHANCE else rows_with_any(written, known)
        if found.any():
            raise ExportError(
                f"{file} holds identifiers of {own.name} in its column {values.name} too, in"
                f" {found.sum():,} of {len(values):,} rows (the first is row {found.argmax() + 1}"
                " below the header): leave them out of that column, so that all of them are hashed."
            )
        if not slips.any():
            return values
        _logger.warning(
            "%s holds identifiers of %s in its column %s too, in %d rows; they were emptied.",
            *(file, own.name, values.name, slips.sum()),
        )
        return values.mask(slips, "")

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path), "hashed_columns": self._hashed_columns}

    def _exists(self) -> bool:
        return self._path.exists()


def _parquet_text(file: Path) -> pd.DataFrame:
    """Read a Parquet file as a CSV file of it would be read."""
    table = pd.read_parquet(file)
    flags = table.select_dtypes("bool").columns
    return table.astype(dict.fromkeys(flags, "int8")).astype("str").fillna("")


def _place(name: str, columns: pd.Index, file: Path) -> int | None:
    """Find a column by its name, whatever its case and the blanks around it."""
    alike = columns.str.strip().str.casefold() == name.strip().casefold()
    exact = columns == name
    places = np.flatnonzero(exact if exact.any() else alike)
    if len(places) > 1:
        raise ExportError(f"{file} has several columns that may be {name}: leave one in.")
    return int(places[0]) if len(places) else None


def _numbered(names: pd.Index) -> list[str]:
    """Tell columns of one name apart as pandas does: call, call.1, call.2."""
    number = names.to_series().groupby(names.to_numpy()).cumcount()
    return [f"{name}.{n}" if n else name for name, n in zip(names, number, strict=True)]
