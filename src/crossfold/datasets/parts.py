"""Tables in parts, for a cluster of Dask: exports that workers read, and folders of Parquet files.

No worker sees the identifiers of all parts. So that none of them passes in another column, parts
are first compared by hashes: whatever has one hash comes together on one worker.
"""

import shutil
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crossfold.datasets.bases import DataError, FileDataset
from crossfold.datasets.export_dataset import ExportDataset, refuse_copies
from crossfold.datasets.identifiers import (
    PLAIN_NUMBER,
    SHARE_BY_CHANCE,
    canonical_identifiers,
    findable,
    number_range,
    plain_numbers,
    share_by_chance,
    short_hashes,
)

OWN = -1
"""The place of the column of identifiers itself."""
HASHED = {"hash": "uint64", "part": "int32", "place": "int32", "n": "int32", "first": "int32"}
BINNED = {"hash": "uint64", "bin": "int32"}


class ExportPartsDataset(ExportDataset):
    """An export in parts: each file of a folder, CSV or Parquet, is one partition.

    Parameters are those of `ExportDataset`, and so is what each part is read as and refused for;
    identifiers are hashed by the worker that reads them.
    """

    suffixes = (".csv", ".parquet")

    def load(self) -> Any:
        """Compare the columns of all parts with the identifiers of all; read parts when asked for.

        The first is read at once, for its columns.
        """
        files, dataframe = self._files(), require("dask.dataframe")
        for column in self._hashed_columns:
            self._refuse_copies(column, files)
        with _text_of_pandas():
            return dataframe.from_map(self._load_part, files)

    def _load_part(self, file: Path) -> pd.DataFrame:
        part = copy(self)
        part._path = file
        return ExportDataset.load(part).astype({"source_file": "str"})

    def _known(self, own: list[pd.Series]) -> pd.Series:
        """Give none: those of all parts were compared before a part is read."""
        return own[0].iloc[:0]

    def _refuse_copies(self, column: str, files: list[Path]) -> None:
        """Refuse a part with identifiers of any part in another column, as one machine does."""
        dask, dataframe = require("dask"), require("dask.dataframe")
        hashed = dask.delayed(self._hashed)
        pairs = [hashed(file, part, column) for part, file in enumerate(files)]
        together = dataframe.from_delayed([pair[0] for pair in pairs], meta=_empty(HASHED))
        held = together.shuffle("hash").map_partitions(_held).to_delayed()
        counts, summaries = dask.compute(held, [pair[1] for pair in pairs])
        at = ["part", "place"]
        sums = pd.concat(counts).groupby(at).agg({"n": "sum", "first": "min"})
        found = sums.join(pd.concat(summaries).set_index(at))
        found = found[found["n"] / found["n_rows"] > SHARE_BY_CHANCE]
        if found.empty:
            return
        low, high = (found[end].to_numpy() for end in ("low", "high"))
        by_chance = share_by_chance(self._count_between(low, high, column, files), low, high)
        copies = found[found["n"] / found["n_rows"] > by_chance].reset_index()
        if len(copies):
            first = copies.iloc[0]
            told = first[["name", "n", "n_rows", "first"]]
            refuse_copies(files[first["part"]], column, *told)

    def _hashed(self, file: Path, part: int, column: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Hash what the columns of a part hold, and tell how long they are and how far they run.

        Columns that were compared before are left out.
        """
        done = self._hashed_columns[: self._hashed_columns.index(column)]
        table = self._read(file).drop(columns=done)
        hashes = [self._hashes_of(canonical_identifiers(table.pop(column))).assign(place=OWN)]
        others = []
        for place, name in enumerate(table):
            written = canonical_identifiers(table[name])
            hashes.append(self._hashes_of(written).assign(place=place))
            others.append((part, place, name, len(table), *number_range(written)))
        summary = pd.DataFrame(others, columns=["part", "place", "name", "n_rows", "low", "high"])
        return pd.concat(hashes).assign(part=part)[list(HASHED)].astype(HASHED), summary

    def _hashes_of(self, written: pd.Series) -> pd.DataFrame:
        """Hash each value that may be an identifier, with its number of rows and the first."""
        hashes = short_hashes(findable(written.reset_index(drop=True)), self._key)
        rows = pd.DataFrame({"hash": hashes, "row": hashes.index})
        return rows.groupby("hash", as_index=False).agg(n=("row", "size"), first=("row", "min"))

    def _count_between(
        self, low: NDArray[np.float64], high: NDArray[np.float64], column: str, files: list[Path]
    ) -> NDArray[np.int64]:
        """Count, for each range, the different identifiers of all parts that lie in it."""
        beyond = np.nextafter(high, np.inf)
        edges = np.unique([low, beyond])
        dataframe = require("dask.dataframe")
        bins = dataframe.from_map(
            self._binned, files, column=column, edges=edges, meta=_empty(BINNED)
        )
        different = bins.shuffle("hash").map_partitions(pd.DataFrame.drop_duplicates)
        counts = different["bin"].value_counts().compute()
        below = counts.reindex(range(len(edges) + 1), fill_value=0).cumsum().to_numpy()
        inside: NDArray[np.int64] = (
            below[np.searchsorted(edges, beyond)] - below[np.searchsorted(edges, low)]
        )
        return inside

    def _binned(self, file: Path, column: str, edges: NDArray[np.float64]) -> pd.DataFrame:
        """Say between which edges a part's identifiers lie that are numbers, by their hashes."""
        own = findable(canonical_identifiers(self._read(file)[column])).drop_duplicates()
        numbers = own[own.str.fullmatch(PLAIN_NUMBER)]
        bins = np.searchsorted(edges, plain_numbers(numbers), side="right")
        return pd.DataFrame({"hash": short_hashes(numbers, self._key), "bin": bins.astype("int32")})


def _empty(dtypes: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame(columns=[*dtypes]).astype(dtypes)


def _held(hashed: pd.DataFrame) -> pd.DataFrame:
    """Count the rows of each column of a part that hold an identifier, and find the first."""
    is_own = hashed["place"] == OWN
    others = hashed[~is_own & hashed["hash"].isin(hashed.loc[is_own, "hash"])]
    return others.groupby(["part", "place"], as_index=False).agg({"n": "sum", "first": "min"})


class PartsDataset(FileDataset[Any, Any]):
    """A Dask DataFrame as a folder of Parquet files, or a folder each for a dict of them.

    The folder appears when all its parts are written. It is on disks that all workers see.
    """

    def load(self) -> Any:
        """Read the parts when they are asked for, one partition a file."""
        path = Path(self._get_load_path())
        tables = {one.name: _read_parts(one) for one in path.iterdir() if one.is_dir()}
        return tables or _read_parts(path)

    def save(self, data: Any) -> None:
        """Compute and write all partitions; what tables have in common is computed once."""
        target = Path(self._get_save_path())
        unfinished = target.with_name(f".{target.name}.unfinished")
        tables = data if isinstance(data, dict) else {"": data}
        # Without a schema, each part has the levels that its own categories have.
        how = {"write_index": True, "schema": None, "compute": False}
        try:
            writes = [one.to_parquet(unfinished / name, **how) for name, one in tables.items()]
            require("dask").compute(*writes)
            unfinished.rename(target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def _text_of_pandas() -> Any:
    """Have Dask leave text in the dtype that it has on one machine."""
    return require("dask").config.set({"dataframe.convert-string": False})


def _read_parts(folder: Path) -> Any:
    require("dask.dataframe")
    from kedro_datasets.dask import ParquetDataset

    with _text_of_pandas():
        return ParquetDataset(filepath=str(folder), load_args={"split_row_groups": False}).load()


def require(module: str) -> Any:
    """Import a module of Dask; one that is not installed is a `DataError`."""
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as error:
        raise DataError(
            f"{module} is not installed: pip install 'crossfold[dask]' brings it."
        ) from error
