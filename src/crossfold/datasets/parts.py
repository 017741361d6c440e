"""Tables in parts, as Dask DataFrames: exports read file by file, and folders of Parquet."""

from __future__ import annotations

import shutil
from copy import copy
from pathlib import Path
from typing import Any

import pandas as pd

from crossfold.datasets.bases import FileDataset
from crossfold.datasets.exceptions import DataError
from crossfold.datasets.export_dataset import ExportDataset


class ExportPartsDataset(ExportDataset):
    """An export in parts: each file of a folder, CSV or Parquet, is one partition.

    Parameters are those of `ExportDataset`, and so is what each part is read as and refused for;
    identifiers are hashed by the worker that reads them.
    """

    suffixes = (".csv", ".parquet")

    def load(self) -> Any:
        """Read the parts when they are asked for; the first one at once, for its columns."""
        with _text_of_pandas():
            return require("dask.dataframe").from_map(self._load_part, self._files())

    def _load_part(self, file: Path) -> pd.DataFrame:
        part = copy(self)
        part._path = file
        return ExportDataset.load(part).astype({"source_file": "str"})


class PartsDataset(FileDataset[Any, Any]):
    """A Dask DataFrame as a folder of Parquet files, by ``kedro_datasets.dask.ParquetDataset``.

    The folder appears when all its parts are written. It is on disks that all workers see.
    """

    def load(self) -> Any:
        """Read the parts when they are asked for, one partition a file."""
        with _text_of_pandas():
            return _parquet(self._get_load_path(), load_args={"split_row_groups": False}).load()

    def save(self, data: Any) -> None:
        """Compute and write all partitions."""
        target = Path(self._get_save_path())
        unfinished = target.with_name(f".{target.name}.unfinished")
        try:  # each part with the levels that its own categories have
            _parquet(unfinished, save_args={"write_index": True, "schema": None}).save(data)
            unfinished.rename(target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def _text_of_pandas() -> Any:
    """Have Dask leave text in the dtype that it has on one machine."""
    return require("dask").config.set({"dataframe.convert-string": False})


def _parquet(path: Any, **arguments: Any) -> Any:
    require("dask.dataframe")
    from kedro_datasets.dask import ParquetDataset

    return ParquetDataset(filepath=str(path), **arguments)


def require(module: str) -> Any:
    """Import a module of Dask.

    Raises
    ------
    DataError
        It is not installed.
    """
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as error:
        raise DataError(
            f"{module} is not installed: pip install 'crossfold[dask]' brings it."
        ) from error
