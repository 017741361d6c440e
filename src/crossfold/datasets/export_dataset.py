"""CSV exports read as text, with identifiers hashed before anyone sees them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pandas as pd
from kedro.io import AbstractDataset

from crossfold.datasets.exceptions import ExportError
from crossfold.datasets.identifiers import hash_identifiers

if TYPE_CHECKING:
    from kedro_datasets._typing import TablePreview


class ExportDataset(AbstractDataset[NoReturn, pd.DataFrame]):
    """A CSV file, or a folder of CSV files with the same columns, read as text.

    Parameters
    ----------
    filepath
        The file or folder. The files of a folder are joined in the order of their names.
    hashed_columns
        Columns of identifiers; their values are replaced by keyed hashes.
    credentials
        ``{"key": secret}`` for the hashes.
    load_args
        Further arguments of `pandas.read_csv`, such as ``sep``.
    metadata
        Ignored here; read by Kedro-Viz.

    Notes
    -----
    `load` adds the columns ``source_file`` (category) and ``source_row`` (int32, 1 is the first
    row below the header). Columns that a file lacks are refused with a sentence.
    """

    def __init__(
        self,
        *,
        filepath: str,
        hashed_columns: list[str] | None = None,
        credentials: dict[str, str] | None = None,
        load_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        if hashed_columns and not (credentials or {}).get("key"):
            raise ExportError(
                f"The columns {hashed_columns} of {filepath} are to be hashed, but its catalog"
                " entry has no credentials with a key."
            )
        self._path = Path(filepath)
        self._hashed_columns = hashed_columns or []
        self._key = (credentials or {}).get("key", "")
        self._load_args = load_args or {}
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Read and join the files, identifiers hashed."""
        tables = [self._read(file) for file in self._files()]
        self._refuse_unlike_columns(tables)
        table = tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)
        table["source_file"] = table["source_file"].astype("category")
        for column in set(self._hashed_columns) & set(table.columns):
            table[column] = hash_identifiers(table[column], self._key)
        return table

    def save(self, data: NoReturn) -> None:
        """Refuse: exports are only read."""
        raise ExportError(f"{self._path} is a source: it is read and never written.")

    def stored_files(self) -> list[Path]:
        """List the files that `load` reads, as far as they are there."""
        return sorted(self._path.glob("*.csv")) if self._path.is_dir() else [self._path]

    def preview(self, nrows: int = 5) -> TablePreview:
        """Show the first rows, identifiers hashed."""
        if not self._exists():
            return {}
        first = self._read(self._files()[0], nrows=nrows)
        for column in set(self._hashed_columns) & set(first.columns):
            first[column] = hash_identifiers(first[column], self._key)
        return first.to_dict(orient="split")

    def _files(self) -> list[Path]:
        if not self._path.exists():
            raise ExportError(f"There is no file or folder {self._path}: check its path.")
        if not self._path.is_dir():
            return [self._path]
        files = sorted(self._path.glob("*.csv"))
        if not files:
            raise ExportError(f"The folder {self._path} holds no .csv file: put the exports there.")
        return files

    def _read(self, file: Path, **load_args: Any) -> pd.DataFrame:
        options = {"dtype": "str", "keep_default_na": False, "encoding": "utf-8-sig"}
        try:
            table: pd.DataFrame = pd.read_csv(file, **{**options, **self._load_args, **load_args})
        except pd.errors.EmptyDataError as error:
            raise ExportError(f"{file} is empty: export it again.") from error
        except (pd.errors.ParserError, UnicodeDecodeError) as error:
            raise ExportError(
                f"{file} is not a CSV table in UTF-8 ({_first_line(error)}): export it again."
            ) from error
        table["source_file"] = file.name
        table["source_row"] = pd.RangeIndex(1, len(table) + 1).astype("int32")
        return table

    def _refuse_unlike_columns(self, tables: list[pd.DataFrame]) -> None:
        expected = set(tables[0].columns)
        for file, table in zip(self._files(), tables, strict=True):
            unlike = sorted(expected ^ set(table.columns))
            if unlike:
                raise ExportError(
                    f"{file} and {self._files()[0].name} differ in the columns {unlike}: export"
                    " all files of a folder with the same columns."
                )

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path), "hashed_columns": self._hashed_columns}

    def _exists(self) -> bool:
        return self._path.exists()


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")
